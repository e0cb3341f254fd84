"""RBM and visible units as Keras layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo_rbm.array_ops import uniform
from zoo_rbm.energy import Energy
from zoo_rbm.partition_function import LogPartition
from zoo_rbm.sampling import (
    NegativeSamples,
    contrastive_divergence,
    inverse_temperatures,
    persistent_chains,
)

PACKAGE = "zoo_rbm"
PARAMETER_GRID = 2.0**-12
"""Step of quantized parameters: see :meth:`RBMLayer.quantize_parameters`."""

_INITIAL_STDDEV = 0.01
_MAX_LOG_PRECISION = 9.0
"""Bound of log precisions: a standard deviation of 1/90 to 90 of that of the data."""


class _Chains:
    """State of the Markov chains, which is not a weight.

    Keras would count and publish a weight. So the state is among a layer's ``variables``, and in
    every checkpoint of a run, but not among its ``weights``.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.hidden = keras.Variable(
            "zeros", shape=shape, dtype="uint8", trainable=False, name="chains"
        )


@keras.saving.register_keras_serializable(package=PACKAGE)
class RBMLayer(keras.layers.Layer):
    """Restricted Boltzmann machine, from visible states to means of the hidden units.

    In training it adds the mean energy of the batch minus that of model samples to the loss, whose
    gradient is that of contrastive divergence, so that plain ``fit`` trains it. Otherwise it adds
    the difference of the free energies of the batch and of its one-step reconstructions.

    The parameters are centered (Montavon & Müller 2012; Melchior, Fischer & Wiskott 2016, JMLR 17):
    E is written with v − μ and h − λ instead of v and h, with μ the mean of the training data and
    λ one half. The model is the same, and its gradient better conditioned. ``energy`` has the
    parameters without centering.

    Args:
        hidden: Number of hidden units.
        gaussian: Whether the visible units are Gaussian.
        classes: Number of classes, the last visible units.
        sampler: ``cd``, ``pcd`` or ``parallel_tempering``: see :mod:`zoo_rbm.sampling`.
        steps: Gibbs steps per update.
        chains: Chains per temperature.
        temperatures: Number of temperatures of ``parallel_tempering``.
        sparsity_weight: Weight of the cross-entropy of the target and each unit's mean activation.
        sparsity_target: Target mean activation of the hidden units.
        learn_precision: Whether the precision of Gaussian units is learned.
        reference_batch_size: Batch size of the learning rate.
        seed: Integer, or ``None`` to draw one from Keras's global seed.

    Input shape:
        `(batch, visible)`: 0 to 1 for binary units, normalized for Gaussian ones.

    Output shape:
        `(batch, hidden)`, from 0 to 1.
    """

    def __init__(
        self,
        hidden: int,
        gaussian: bool = False,
        classes: int = 0,
        sampler: str = "pcd",
        steps: int = 1,
        chains: int = 100,
        temperatures: int = 1,
        sparsity_weight: float = 0.0,
        sparsity_target: float = 0.1,
        learn_precision: bool = True,
        reference_batch_size: int = 10,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden, self.gaussian, self.classes = hidden, gaussian, classes
        self.sampler, self.steps, self.chains = sampler, steps, chains
        self.temperatures = temperatures if sampler == "parallel_tempering" else 1
        self.sparsity_weight, self.sparsity_target = sparsity_weight, sparsity_target
        self.learn_precision, self.reference_batch_size = learn_precision, reference_batch_size
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Create the parameters and the chains."""
        visible = int(input_shape[-1])

        def fixed(name: str, shape: tuple[int, ...]) -> Any:
            return self.add_weight(name=name, shape=shape, initializer="zeros", trainable=False)

        normal = keras.initializers.RandomNormal(stddev=_INITIAL_STDDEV, seed=self.seed)
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
        betas = inverse_temperatures(self.temperatures)
        self._betas = np.asarray(betas, "float32").reshape(-1, 1, 1)

    @property
    def variables(self) -> list[Any]:
        """Weights, seed, and the state of the chains."""
        chains = [self._state.hidden] if hasattr(self, "_state") else []
        return [*super().variables, *chains]

    @property
    def energy(self) -> Energy:
        """The RBM without centering, as tensors."""
        precision = None
        if self.gaussian:
            bounded = ops.clip(self.log_precision, -_MAX_LOG_PRECISION, _MAX_LOG_PRECISION)
            precision = ops.exp(bounded)
        return Energy(
            ops.convert_to_tensor(self.kernel),
            self.visible_bias - ops.matmul(self.kernel, self.hidden_offset),
            self.hidden_bias - ops.matmul(self.visible_offset, self.kernel),
            precision,
            self.classes,
        )

    @property
    def base(self) -> Energy:
        """The RBM at infinite temperature: independent units with the means of the data."""
        precision = ops.ones_like(self.log_precision) if self.gaussian else None
        return self.energy.independent_units(ops.convert_to_tensor(self.base_bias), precision)

    def call(self, visible: Any, training: bool | None = False) -> Any:
        """Return the means of the hidden units, and add the loss."""
        energy = self.energy
        field = energy.hidden_field(visible)
        features = ops.sigmoid(field)
        if not training:
            reconstruction = energy.visible_mean(features)
            gap = energy.free_energy(visible, field) - energy.free_energy(reconstruction)
            self.add_loss(ops.mean(gap))
            return features
        negative = self._negative_samples(energy, field)
        negative_energy = ops.mean(energy.surrogate_energy(negative.visible, negative.field))
        gap = ops.mean(energy.surrogate_energy(visible, field)) - negative_energy
        # The gradient is scaled with the batch size, the reported value is not.
        factor = ops.cast(ops.shape(visible)[0], gap.dtype) / self.reference_batch_size
        self.add_loss(factor * gap + ops.stop_gradient((1.0 - factor) * gap))
        if self.sparsity_weight:
            small = keras.config.epsilon()
            mean = ops.clip(ops.mean(features, axis=0), small, 1.0 - small)
            on, off = self.sparsity_target, 1.0 - self.sparsity_target
            cost = -ops.sum(on * ops.log(mean) + off * ops.log(1.0 - mean))
            self.add_loss(self.sparsity_weight * cost)
        return features

    def _negative_samples(self, energy: Energy, field: Any) -> NegativeSamples:
        if self.sampler == "cd":
            return contrastive_divergence(energy, field, self.steps, self.generator)
        found = self.advance(self.steps, self.generator, energy=energy)
        self._state.hidden.assign(ops.cast(found.hidden, "uint8"))
        return found

    def advance(
        self, steps: int, seed: Any, *, energy: Energy | None = None, hidden: Any = None
    ) -> NegativeSamples:
        """Return the chains after some Gibbs steps, without changing their state.

        Args:
            steps: Number of steps.
            seed: Source of randomness.
            energy: The RBM, if it is already computed.
            hidden: Initial state; that of the chains by default.
        """
        energy = self.energy if energy is None else energy
        if hidden is None:
            hidden = ops.cast(self._state.hidden, energy.weights.dtype)
        return persistent_chains(
            energy, self.base, ops.convert_to_tensor(self._betas), hidden, steps, seed
        )

    def center(self, means: Any) -> None:
        """Center at the data's means; an untrained RBM also gets biases that match them.

        Args:
            means: Mean of each visible unit over the training data, `(visible,)`.
        """
        means, energy = np.asarray(means, "float64"), self.energy.to_numpy()
        visible_bias, hidden_bias = energy.visible_bias, energy.hidden_bias
        base_bias = means
        if not self.gaussian:
            base_bias = np.log(means) - np.log1p(-means)
            if self.classes:
                base_bias[-self.classes :] = np.log(means[-self.classes :])
        if not visible_bias.any() and not hidden_bias.any():
            visible_bias, hidden_bias = base_bias, -(means @ energy.weights)
        self.base_bias.assign(base_bias)
        self.visible_offset.assign(means)
        self.hidden_offset.assign(np.full(self.hidden, 0.5))
        self.visible_bias.assign(visible_bias + energy.weights.sum(axis=1) * 0.5)
        self.hidden_bias.assign(hidden_bias + means @ energy.weights)

    def quantize_parameters(self) -> None:
        """Remove the centering and quantize the parameters, so that float32 sums are exact.

        Every parameter becomes a multiple of 2^-12. A sum of such numbers below 2^12 is exact in
        float32 in any order, so that a Gibbs step with the same noise gives the same states in
        every library and on every processor.
        """
        energy = self.energy.to_numpy()
        for variable, value in (
            (self.kernel, energy.weights),
            (self.visible_bias, energy.visible_bias),
            (self.hidden_bias, energy.hidden_bias),
        ):
            variable.assign(np.round(value / PARAMETER_GRID) * PARAMETER_GRID)
        self.visible_offset.assign(np.zeros(self.visible_offset.shape))
        self.hidden_offset.assign(np.zeros(self.hidden_offset.shape))

    def set_log_partition(self, found: LogPartition) -> None:
        """Store log Z with its interval, for the current parameters."""
        self.log_z.assign(np.array([found.value, found.low, found.high, self._checksum()]))

    @property
    def has_log_partition(self) -> bool:
        """Whether the stored log Z is that of the current parameters."""
        return bool(ops.convert_to_numpy(self.log_z)[3] == np.float32(self._checksum()))

    def _checksum(self) -> float:
        """Return a checksum of the parameters."""
        energy = self.energy.to_numpy()
        parameters = (energy.weights, energy.visible_bias, energy.hidden_bias)
        return 1.0 + sum(float(np.abs(p.astype("float64")).sum()) for p in parameters)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return (*input_shape[:-1], self.hidden)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "hidden": self.hidden,
            "gaussian": self.gaussian,
            "classes": self.classes,
            "sampler": self.sampler,
            "steps": self.steps,
            "chains": self.chains,
            "temperatures": self.temperatures,
            "sparsity_weight": self.sparsity_weight,
            "sparsity_target": self.sparsity_target,
            "learn_precision": self.learn_precision,
            "reference_batch_size": self.reference_batch_size,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class VisibleUnits(keras.layers.Layer):
    """Visible units of an image or of the columns of a table.

    For binary units, raw values are rescaled to 0..1, and binarized in training; otherwise they
    are probabilities of a 1. For Gaussian units, values are normalized to mean 0 and variance 1
    over the training data: call ``adapt`` with its statistics.

    Args:
        low: Raw value of 0 of binary units.
        high: Raw value of 1.
        gaussian: Whether the units are Gaussian.
        binarize: ``sample`` or ``threshold``.

    Input shape:
        `(batch, ...)`, raw.

    Output shape:
        `(batch, visible)`, float32.
    """

    def __init__(
        self,
        low: float = 0.0,
        high: float = 1.0,
        gaussian: bool = False,
        binarize: str = "sample",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.gaussian, self.binarize = low, high, gaussian, binarize
        self.generator = keras.random.SeedGenerator()

    def build(self, input_shape: Any) -> None:
        """Create the statistics of Gaussian units."""
        self.raw_shape = tuple(int(size) for size in input_shape[1:])
        if self.gaussian:
            size = (int(np.prod(self.raw_shape)),)
            self.mean = self.add_weight(
                name="mean", shape=size, initializer="zeros", trainable=False
            )
            self.deviation = self.add_weight(
                name="deviation", shape=size, initializer="ones", trainable=False
            )

    def adapt(self, mean: Any, deviation: Any) -> None:
        """Set the mean and the standard deviation, above 0, of each Gaussian unit."""
        self.mean.assign(np.asarray(mean).reshape(-1))
        self.deviation.assign(np.asarray(deviation).reshape(-1))

    def call(self, raw: Any, training: bool | None = False) -> Any:
        """Return the visible units; NaN stays NaN."""
        flat = ops.reshape(ops.cast(raw, self.compute_dtype), (-1, int(np.prod(self.raw_shape))))
        if self.gaussian:
            return (flat - self.mean) / self.deviation
        intensities = (flat - self.low) * (1.0 / (self.high - self.low))
        if not training:
            return intensities
        if self.binarize == "threshold":
            return ops.cast(intensities >= 0.5, self.compute_dtype)
        draw = uniform(ops.shape(intensities), self.generator)
        return ops.cast(draw < intensities, self.compute_dtype)

    def to_raw(self, visible: Any) -> Any:
        """Return the raw values of visible units, `(batch, ...)`."""
        if self.gaussian:
            flat = visible * self.deviation + self.mean
        else:
            flat = visible * (self.high - self.low) + self.low
        return ops.reshape(flat, (-1, *self.raw_shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return (input_shape[0], int(np.prod([int(size) for size in input_shape[1:]])))

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "low": self.low,
            "high": self.high,
            "gaussian": self.gaussian,
            "binarize": self.binarize,
        }
