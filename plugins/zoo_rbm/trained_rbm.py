"""Python interface of a trained RBM, from raw values to raw values."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo_rbm.config import RBMConfig
from zoo_rbm.predictor import Examples, Predictor, impute, oversample, sample_chains
from zoo_rbm.signatures import RBM_LAYER, visible_spec

if TYPE_CHECKING:
    import keras

    from zoo_rbm.energy import Energy
    from zoo_rbm.partition_function import LogPartition

Array = NDArray[Any]


class TrainedRBM:
    """Trained restricted Boltzmann machine: likelihood, sampling, imputation, oversampling.

    Args:
        model: A model of ``zoo.build("rbm", ...)``, or a run of ``zoo.train("rbm", ...)``.

    Raises:
        ConfigError: If it is another kind of model.

    Example:
        >>> rbm = TrainedRBM(zoo.build("rbm", weights="digits"))
        >>> rbm.log_likelihood(images).mean()
        >>> rbm.complete(images_with_nan)
    """

    def __init__(self, model: keras.Model | zoo.Run) -> None:
        found = model.model if isinstance(model, zoo.Run) else model
        blueprint = getattr(found, "blueprint", None)
        if blueprint is None or not isinstance(blueprint.config, RBMConfig):
            raise zoo.errors.ConfigError(
                "this is not a restricted Boltzmann machine",
                why=f"Received: {getattr(found, 'name', type(found).__name__)}",
                fix='use a model of zoo.build("rbm") or a run of zoo.train("rbm")',
            )
        self.model = found
        self.config: RBMConfig = blueprint.config
        self.data: zoo.DataSpec = blueprint.data
        self._spec = visible_spec(blueprint.data)
        self._layer = found.get_layer(RBM_LAYER)

    @property
    def energy(self) -> Energy:
        """Parameters and energies, as NumPy arrays: see :class:`zoo_rbm.energy.Energy`."""
        energy: Energy = self._layer.arrays
        return energy

    @property
    def filters(self) -> Array:
        """Weights of each hidden unit, `(hidden, ...)` in the shape of an example.

        Weights of classes are left out.
        """
        weights = self.energy.weights
        own = weights[: len(weights) - self._layer.classes].T
        found: Array = own.reshape(len(own), *self._spec.shape)
        return found

    def features(self, raw: Any) -> Array:
        """Return P(h = 1 | v), `(examples, hidden)`."""
        return self._predict(raw, "features", "features")

    def reconstruct(self, raw: Any) -> Array:
        """Return the one-step mean-field reconstruction, raw."""
        return self._predict(raw, "reconstruct", "reconstruction")

    def free_energy(self, raw: Any) -> Array:
        """Return F(v), `(examples,)`, in nats."""
        return self._predict(raw, "free_energy", "free_energy")

    def log_likelihood(self, raw: Any) -> Array:
        """Return log p(v) = −F(v) − log Z, `(examples,)`, in nats.

        For binary units, values between 0 and 1 are probabilities, for which this is not a
        likelihood. For Gaussian units it is the density of the raw values.
        """
        return self._predict(raw, "free_energy", "log_likelihood")

    def log_partition(self, *, steps: int | None = None, seed: int = 0) -> LogPartition:
        """Estimate log Z again, by enumeration or AIS, with its interval."""
        from zoo_rbm.partition_function import log_partition

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
        """Sample raw examples, optionally of a class.

        Args:
            count: Number of examples.
            steps: Gibbs steps of each chain, from random starts.
            label: The class.
            seed: Seed of everything random.

        Raises:
            ConfigError: If the RBM does not model classes, or the class is unknown.
        """
        place = None if label is None else self._class(label)
        return sample_chains(self._predictor, count, (steps,), place, seed)[0]

    def complete(
        self,
        raw: Any,
        *,
        method: Literal["mean_field", "sampling"] = "mean_field",
        steps: int = 200,
        seed: int = 0,
    ) -> Array:
        """Impute missing values; known values are unchanged.

        Args:
            raw: Examples with NaN for missing values, floats.
            method: ``mean_field`` is fast, and overconfident where much is missing. ``sampling``
                is the mean of samples given the known values, binary ones rounded to 0 or 1.
            steps: Gibbs steps of ``sampling``.
            seed: Seed of ``sampling``.

        Raises:
            DataError: If the values do not fit.
        """
        raw = np.asarray(raw, "float32")
        if method == "mean_field":
            return self._predict(raw, "complete", "completion")
        units = self._predictor.units(raw)
        filled = impute(self._predictor, units, np.isnan(units), steps=steps, seed=seed)
        return self._predictor.raw(filled)

    def oversample(self, raw: Any, labels: Any, *, seed: int = 0) -> tuple[Array, Array]:
        """Oversample minority classes to the frequency of the majority class.

        Half of the new examples are repeated, and half are sampled near real ones.

        Args:
            raw: Training examples.
            labels: Their class indices.
            seed: Seed of everything random.

        Raises:
            ConfigError: If the RBM does not model classes.
        """
        self._require_classes()
        predictor = self._predictor
        raw, labels = np.asarray(raw), np.asarray(labels).reshape(-1).astype(int)
        start = Examples(raw, predictor.units(raw), labels)
        units, found = oversample(predictor, start, seed=seed)
        more = predictor.raw(units[len(raw) :])
        if raw.dtype.kind != "f":
            more = np.rint(more)
        return np.concatenate([raw, more.astype(raw.dtype)]), found

    @functools.cached_property
    def _predictor(self) -> Predictor:
        return Predictor.of_model(self.model)

    def _predict(self, raw: Any, signature: str, output: str) -> Array:
        values = np.asarray(raw)
        shape = tuple(int(size) for size in self._spec.shape)
        if values.shape[1:] != shape:
            raise zoo.errors.DataError(
                "the examples have another shape",
                why=f"expected [examples, {', '.join(map(str, shape))}]. "
                f"Received: {list(values.shape)}",
            )
        return self._predictor.predict(signature, values)[output]

    def _class(self, label: str) -> int:
        self._require_classes()
        labels = self.data.labels
        if label not in labels:
            raise zoo.errors.ConfigError(
                f"there is no class {label!r}",
                findings=[zoo.Finding("label", label, f"one of {', '.join(labels[:20])}")],
            )
        return labels.index(label)

    def _require_classes(self) -> None:
        if not self._layer.classes:
            raise zoo.errors.ConfigError(
                "this RBM does not model classes",
                findings=[zoo.Finding("classes", False, "true")],
                fix="zoo train rbm --set classes=true",
            )
