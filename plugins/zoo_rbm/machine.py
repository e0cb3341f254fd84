"""A trained machine in a person's hands: raw values in, raw values out, each use a method."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo_rbm.config import RBMConfig
from zoo_rbm.drawing import draw_missing, dreams, even_out
from zoo_rbm.signatures import MACHINE, source
from zoo_rbm.subject import Examples, Subject

if TYPE_CHECKING:
    import keras

    from zoo_rbm.energy import Energy
    from zoo_rbm.likelihood import LogPartition

Array = NDArray[Any]


class Machine:
    """What a trained restricted Boltzmann machine can do.

    Args:
        model: A model of ``zoo.build("rbm", ...)``, or a run of ``zoo.train("rbm", ...)``.

    Raises:
        ConfigError: If it is another kind of model.

    Example:
        >>> machine = Machine(zoo.build("rbm", weights="digits"))
        >>> machine.log_likelihood(images).mean()
        >>> machine.complete(images_with_nan)
    """

    def __init__(self, model: keras.Model | zoo.Run) -> None:
        found = model.model if isinstance(model, zoo.Run) else model
        blueprint = getattr(found, "blueprint", None)
        if blueprint is None or not isinstance(blueprint.config, RBMConfig):
            raise zoo.errors.ConfigError(
                "this is no restricted Boltzmann machine",
                why=f"Received: {getattr(found, 'name', type(found).__name__)}",
                fix='zoo.build("rbm") or zoo.train("rbm") makes one',
            )
        self.model = found
        self.config: RBMConfig = blueprint.config
        self.data: zoo.DataSpec = blueprint.data
        self._spec = source(blueprint.data)
        self._layer = found.get_layer(MACHINE)

    @property
    def energy(self) -> Energy:
        """E and F with their parameters, as NumPy arrays: see :class:`zoo_rbm.energy.Energy`."""
        energy: Energy = self._layer.arrays
        return energy

    @property
    def filters(self) -> Array:
        """What each hidden unit looks for: its weights, `(hidden, ...)` in the shape of an example.

        With classes, without the weights to those.
        """
        weights = self.energy.weights
        own = weights[: len(weights) - self._layer.classes].T
        found: Array = own.reshape(len(own), *self._spec.shape)
        return found

    def features(self, raw: Any) -> Array:
        """Return P(h = 1 | v), `(examples, hidden)`."""
        return self._ask(raw, "features", "features")

    def reconstruct(self, raw: Any) -> Array:
        """Return the one-step mean-field reconstruction, raw."""
        return self._ask(raw, "reconstruct", "reconstruction")

    def free_energy(self, raw: Any) -> Array:
        """Return F(v), `(examples,)`, in nats."""
        return self._ask(raw, "free_energy", "free_energy")

    def log_likelihood(self, raw: Any) -> Array:
        """Return log p(v) = −F(v) − log Z, `(examples,)`, in nats.

        Binary machines are about zeros and ones: what lies between counts as a probability, for
        which this is no likelihood. Of Gaussian units it is the density of the raw values.
        """
        return self._ask(raw, "free_energy", "log_likelihood")

    def log_partition(self, *, steps: int | None = None, seed: int = 0) -> LogPartition:
        """Return log Z with its interval, found anew: counted, or annealed over some steps."""
        from zoo_rbm.likelihood import log_partition

        likelihood = self.config.likelihood
        return log_partition(
            self.energy,
            self._layer.base_arrays,
            likelihood,
            steps=steps or likelihood.steps,
            seed=seed,
        )

    def sample(
        self, count: int = 16, *, steps: int = 1_000, label: str | None = None, seed: int = 0
    ) -> Array:
        """Draw examples, of a class if the machine has learned classes; raw.

        Args:
            count: How many.
            steps: Gibbs steps of each chain, from noise.
            label: The class.
            seed: Of everything random.

        Raises:
            ConfigError: If the machine has not learned classes, or not this one.
        """
        place = None if label is None else self._class(label)
        return dreams(self._subject, count, (steps,), place, seed)[0]

    def complete(
        self,
        raw: Any,
        *,
        method: Literal["mean_field", "sampling"] = "mean_field",
        steps: int = 200,
        seed: int = 0,
    ) -> Array:
        """Fill in what is missing; what is known stays as it is.

        Args:
            raw: Examples with NaN for what is missing, floats.
            method: ``mean_field`` is quick, and too sure of itself where much is missing.
                ``sampling`` is the mean over the later three quarters of a chain that is held to
                what is known: for binary units the probability of a 1. Known values between 0 and
                1 are taken for the nearer one of both.
            steps: Of ``sampling``.
            seed: Of ``sampling``.

        Raises:
            DataError: If the values do not fit.
        """
        raw = np.asarray(raw, "float32")
        if method == "mean_field":
            return self._ask(raw, "complete", "completion")
        units = self._subject.units(raw)
        filled = draw_missing(self._subject, units, np.isnan(units), steps=steps, seed=seed)
        return self._subject.raw(filled)

    def balance(self, raw: Any, labels: Any, *, seed: int = 0) -> tuple[Array, Array]:
        """Return examples and classes in which every class is as frequent as the most frequent.

        Half of what a class lacks is its own examples again; half is drawn near them, a few steps
        away, by a machine that has learned classes.

        Args:
            raw: Training examples.
            labels: Their class indices.
            seed: Of everything random.

        Raises:
            ConfigError: If the machine has not learned classes.
        """
        self._need_classes()
        subject = self._subject
        raw, labels = np.asarray(raw), np.asarray(labels).reshape(-1).astype(int)
        start = Examples(raw, subject.units(raw), labels)
        units, found = even_out(subject, start, seed=seed)
        more = subject.raw(units[len(raw) :])
        if raw.dtype.kind != "f":
            more = np.rint(more)
        return np.concatenate([raw, more.astype(raw.dtype)]), found

    @functools.cached_property
    def _subject(self) -> Subject:
        return Subject.of_model(self.model)

    def _ask(self, raw: Any, signature: str, output: str) -> Array:
        values = np.asarray(raw)
        shape = tuple(int(size) for size in self._spec.shape)
        if values.shape[1:] != shape:
            raise zoo.errors.DataError(
                "the examples have another shape",
                why=f"expected [examples, {', '.join(map(str, shape))}]. "
                f"Received: {list(values.shape)}",
            )
        return self._subject.ask(signature, values)[output]

    def _class(self, label: str) -> int:
        self._need_classes()
        labels = self.data.labels
        if label not in labels:
            raise zoo.errors.ConfigError(
                f"there is no class {label!r}",
                findings=[zoo.Finding("label", label, f"one of {', '.join(labels[:20])}")],
            )
        return labels.index(label)

    def _need_classes(self) -> None:
        if not self._layer.classes:
            raise zoo.errors.ConfigError(
                "the machine has not learned classes",
                findings=[zoo.Finding("classes", False, "true")],
                fix="zoo train rbm --set classes=true",
            )


__all__ = ["Machine"]
