"""The machine as a Keras layer: its parameters, its chains, and the loss that teaches it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo_rbm.energy import Energy
from zoo_rbm.likelihood import LogPartition
from zoo_rbm.rules import Fantasies, contrastive, ladder, persistent

PACKAGE = "zoo_rbm"
GRID = 2.0**-12
"""Settled parameters are whole multiples of this: see :meth:`Boltzmann.settle`."""

_START = 0.01
_WIDEST = 9.0
"""The logarithm of a precision stays within this: 90 standard deviations of the data, or 1/90."""


class _Chains:
    """Where the fantasies stand: state that is no weight.

    Keras would count and publish a weight. Kept apart, the state is among a layer's ``variables``,
    and so in every checkpoint of a run, and not among its ``weights``.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.hidden = keras.Variable(
            "zeros", shape=shape, dtype="uint8", trainable=False, name="chains"
        )


@keras.saving.register_keras_serializable(package=PACKAGE)
class Boltzmann(keras.layers.Layer):
    """A restricted Boltzmann machine: visible states in, the means of its hidden units out.

    In training it adds to the loss the mean energy of the batch minus that of states drawn from the
    machine, through which no gradient flows: its gradient is that of the free energies, the one of
    contrastive divergence, so that plain ``fit`` teaches it. Otherwise it adds the difference to
    the batch's one-step mean-field reconstructions, which is only a sign of life.

    The parameters are centered (Montavon & Müller 2012; Melchior, Fischer & Wiskott 2016, JMLR 17):
    E is written with v − μ and h − λ instead of v and h, with μ the mean of the training data and
    λ one half. The machine is the same, and its gradient is better conditioned. ``energy`` gives
    the parameters in the plain form.

    Args:
        hidden: Number of hidden units.
        gaussian: Whether the visible units are Gaussian.
        classes: How many of the visible units, the last ones, are the class of an example.
        rule: ``contrastive``, ``persistent`` or ``tempered``: see :mod:`zoo_rbm.rules`.
        steps: Gibbs steps an update.
        chains: Chains at each temperature.
        temperatures: Of ``tempered``.
        sparsity_weight: Of the cross-entropy between ``sparsity_target`` and a unit's mean.
        sparsity_target: Share of examples that a hidden unit is wanted on for.
        learn_precision: Whether the precision of Gaussian units is learned.
        rate_batch: Batch size that the learning rate is meant for.
        seed: Integer, or ``None`` to draw one from Keras's global seed.

    Input shape:
        `(batch, visible)`: 0 to 1 for binary units, standardized for Gaussian ones.

    Output shape:
        `(batch, hidden)`, from 0 to 1.
    """

    def __init__(
        self,
        hidden: int,
        gaussian: bool = False,
        classes: int = 0,
        rule: str = "persistent",
        steps: int = 1,
        chains: int = 100,
        temperatures: int = 1,
        sparsity_weight: float = 0.0,
        sparsity_target: float = 0.1,
        learn_precision: bool = True,
        rate_batch: int = 10,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden, self.gaussian, self.classes = hidden, gaussian, classes
        self.rule, self.steps, self.chains = rule, steps, chains
        self.temperatures = temperatures if rule == "tempered" else 1
        self.sparsity_weight, self.sparsity_target = sparsity_weight, sparsity_target
        self.learn_precision, self.rate_batch, self.seed = learn_precision, rate_batch, seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Create the parameters, those of independent units, and the chains."""
        visible = int(input_shape[-1])

        def fixed(name: str, shape: tuple[int, ...]) -> Any:
            return self.add_weight(name=name, shape=shape, initializer="zeros", trainable=False)

        normal = keras.initializers.RandomNormal(stddev=_START, seed=self.seed)
        self.kernel = self.add_weight(
            name="kernel", shape=(visible, self.hidden), initializer=normal
        )
        self.visible_bias = self.add_weight(
            name="visible_bias", shape=(visible,), initializer="zeros"
        )
        self.hidden_bias = self.add_weight(
            name="hidden_bias", shape=(self.hidden,), initializer="zeros"
        )
        self.log_precision = None
        if self.gaussian:
            self.log_precision = self.add_weight(
                name="log_precision",
                shape=(visible,),
                initializer="zeros",
                trainable=self.learn_precision,
            )
        self.base_bias = fixed("base_bias", (visible,))
        self.visible_offset = fixed("visible_offset", (visible,))
        self.hidden_offset = fixed("hidden_offset", (self.hidden,))
        self.log_z = fixed("log_z", (4,))
        self._state = _Chains((self.temperatures, self.chains, self.hidden))
        betas = ladder(self.temperatures)
        self._betas = np.asarray(betas, "float32").reshape(-1, 1, 1)

    @property
    def variables(self) -> list[Any]:
        """Everything that changes while it learns: weights, seed, and chains."""
        chains = [self._state.hidden] if hasattr(self, "_state") else []
        return [*super().variables, *chains]

    @property
    def energy(self) -> Energy:
        """The machine in the plain form, as tensors."""
        precision = None
        if self.log_precision is not None:
            precision = ops.exp(ops.clip(self.log_precision, -_WIDEST, _WIDEST))
        return Energy(
            ops.convert_to_tensor(self.kernel),
            self.visible_bias - ops.matmul(self.kernel, self.hidden_offset),
            self.hidden_bias - ops.matmul(self.visible_offset, self.kernel),
            precision,
            self.classes,
        )

    @property
    def arrays(self) -> Energy:
        """The machine in the plain form, as NumPy arrays of float32."""
        plain = {name: value.astype("float32") for name, value in self._plain().items()}
        precision = None
        if self.log_precision is not None:
            precision = ops.convert_to_numpy(self.energy.precision)
        return Energy(
            plain["kernel"], plain["visible_bias"], plain["hidden_bias"], precision, self.classes
        )

    @property
    def base_arrays(self) -> Energy:
        """The machine at infinite temperature, as NumPy arrays."""
        bias = ops.convert_to_numpy(self.base_bias)
        return self.arrays.alone(bias, np.ones_like(bias) if self.gaussian else None)

    @property
    def base(self) -> Energy:
        """The machine at infinite temperature: units that are as often on as in the data."""
        precision = ops.ones_like(self.log_precision) if self.gaussian else None
        return self.energy.alone(ops.convert_to_tensor(self.base_bias), precision)

    def call(self, visible: Any, training: bool | None = False) -> Any:
        """Return the means of the hidden units, and add to the loss."""
        energy = self.energy
        field = energy.hidden_field(visible)
        features = ops.sigmoid(field)
        if not training:
            again = energy.visible_mean(features)
            gap = energy.free_energy(visible, field) - energy.free_energy(again)
            self.add_loss(ops.mean(gap))
            return features
        found = self._fantasies(energy, field)
        dreamt = ops.mean(energy.lesson(found.visible, found.field))
        gap = ops.mean(energy.lesson(visible, field)) - dreamt
        # The value stays that of one example; the gradient, and so the step, grows with the batch.
        longer = ops.cast(ops.shape(visible)[0], gap.dtype) / self.rate_batch
        self.add_loss(longer * gap + ops.stop_gradient((1.0 - longer) * gap))
        if self.sparsity_weight:
            small = keras.config.epsilon()
            mean = ops.clip(ops.mean(features, axis=0), small, 1.0 - small)
            on, off = self.sparsity_target, 1.0 - self.sparsity_target
            cost = -ops.sum(on * ops.log(mean) + off * ops.log(1.0 - mean))
            self.add_loss(self.sparsity_weight * cost)
        return features

    def _fantasies(self, energy: Energy, field: Any) -> Fantasies:
        if self.rule == "contrastive":
            return contrastive(energy, field, self.steps, self.generator)
        found = self.advance(self.steps, self.generator, energy=energy)
        self._state.hidden.assign(ops.cast(found.hidden, "uint8"))
        return found

    def advance(
        self, steps: int, seed: Any, *, energy: Energy | None = None, hidden: Any = None
    ) -> Fantasies:
        """Return where the chains would stand after some steps; they stay where they are.

        Args:
            steps: How many.
            seed: Where noise comes from.
            energy: The machine, if it is at hand.
            hidden: Where they start; where they stand, if left out.
        """
        energy = self.energy if energy is None else energy
        if hidden is None:
            hidden = ops.cast(self._state.hidden, energy.weights.dtype)
        return persistent(
            energy, self.base, ops.convert_to_tensor(self._betas), hidden, steps, seed
        )

    def center(self, means: Any) -> None:
        """Take the data's means as offsets; a machine that has learned nothing starts from them.

        Args:
            means: Of each visible unit over the training data, `(visible,)`.
        """
        means = np.asarray(means, "float64")
        energy = self._plain()
        fresh = not energy["visible_bias"].any() and not energy["hidden_bias"].any()
        bias = means
        if not self.gaussian:
            bias = np.log(means) - np.log1p(-means)
            if self.classes:
                bias[-self.classes :] = np.log(means[-self.classes :])
        self.base_bias.assign(bias)
        self.visible_offset.assign(means)
        self.hidden_offset.assign(np.full(self.hidden, 0.5))
        if fresh:
            energy = {**energy, "visible_bias": bias, "hidden_bias": -(means @ energy["kernel"])}
        self.visible_bias.assign(energy["visible_bias"] + energy["kernel"].sum(axis=1) * 0.5)
        self.hidden_bias.assign(energy["hidden_bias"] + means @ energy["kernel"])

    def settle(self) -> None:
        """Bring the parameters to the plain form, on a grid on which sums are exact.

        Every parameter becomes a multiple of 2^-12. A sum of such numbers below 2^12 has one
        float32 value, in whatever order it is added, so that a Gibbs step from the same noise gives
        the same states in every library and on every processor.
        """
        for name, value in self._plain().items():
            getattr(self, name).assign(np.round(value / GRID) * GRID)
        self.visible_offset.assign(np.zeros(self.visible_offset.shape))
        self.hidden_offset.assign(np.zeros(self.hidden_offset.shape))

    def believe(self, found: LogPartition) -> None:
        """Remember log Z with its interval, for these very parameters."""
        self.log_z.assign(np.array([found.value, found.low, found.high, self._mark()]))

    @property
    def believed(self) -> bool:
        """Whether log Z was estimated for the parameters as they are."""
        return bool(ops.convert_to_numpy(self.log_z)[3] == np.float32(self._mark()))

    def _mark(self) -> float:
        """Return a number that other parameters hardly share."""
        parts = self._plain()
        return 1.0 + sum(float(np.abs(values).sum()) for values in parts.values())

    def _plain(self) -> dict[str, Any]:
        """Return the parameters in the plain form, in double precision."""
        kernel, visible, hidden, mean, half = (
            ops.convert_to_numpy(weight).astype("float64")
            for weight in (
                self.kernel,
                self.visible_bias,
                self.hidden_bias,
                self.visible_offset,
                self.hidden_offset,
            )
        )
        return {
            "kernel": kernel,
            "visible_bias": visible - kernel @ half,
            "hidden_bias": hidden - mean @ kernel,
        }

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return one number a hidden unit."""
        return (*input_shape[:-1], self.hidden)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        own = {
            "hidden": self.hidden,
            "gaussian": self.gaussian,
            "classes": self.classes,
            "rule": self.rule,
            "steps": self.steps,
            "chains": self.chains,
            "temperatures": self.temperatures,
            "sparsity_weight": self.sparsity_weight,
            "sparsity_target": self.sparsity_target,
            "learn_precision": self.learn_precision,
            "rate_batch": self.rate_batch,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}


__all__ = ["GRID", "Boltzmann"]
