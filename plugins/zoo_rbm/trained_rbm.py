"""Python interface of a trained RBM, from raw values to raw values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

import zoo
from zoo import Arrays, DataSpec, PredictFn, Split
from zoo.spec import PredictFns
from zoo_rbm.config import RBMConfig
from zoo_rbm.preprocessing import check_values, value_range
from zoo_rbm.signatures import (
    COMPLETION,
    FEATURES,
    GIBBS_STEP,
    RBM_LAYER,
    RECONSTRUCTION,
    UNITS,
    is_gaussian,
    make_signatures,
    step_inputs,
    step_outputs,
    visible_spec,
)

if TYPE_CHECKING:
    import keras

    from zoo_rbm.energy import Energy

Array = NDArray[Any]

_BATCH = 256
_STEPS_TO_NEIGHBOR = 3
"""Gibbs steps from a real example to a new one of its class."""


@dataclass(frozen=True)
class Examples:
    """Examples, raw and as units.

    Attributes:
        raw: Raw values.
        units: `(examples, values)`: 0 to 1, or normalized.
        labels: Class indices; ``None`` without classes.
    """

    raw: Array
    units: Array
    labels: Array | None


class RBMPredictor:
    """RBM by its signatures, those of a Keras model or of an artifact.

    Args:
        predict_fns: Functions by signature.
        data: Spec of the data.
        config: Configuration of the RBM.
        mean: Mean of each Gaussian unit; unused by binary ones.
        deviation: Standard deviation of each Gaussian unit.
    """

    def __init__(
        self,
        predict_fns: PredictFns,
        data: DataSpec,
        config: RBMConfig,
        mean: Any = 0.0,
        deviation: Any = 1.0,
    ) -> None:
        self.data, self.config, self.spec = data, config, visible_spec(data)
        self.gaussian = is_gaussian(config, self.spec)
        self.shape = tuple(int(size) for size in self.spec.shape)
        low, high = value_range(self.spec)
        self.offset: Any = mean if self.gaussian else low
        self.scale: Any = deviation if self.gaussian else high - low
        self._predict_fns = predict_fns

    def features(self, raw: Any) -> Array:
        """Return P(h = 1 | v), `(examples, hidden)`."""
        return self.predict(FEATURES, raw)[FEATURES]

    def reconstruct(self, raw: Any) -> Array:
        """Return the one-step mean-field reconstruction, raw."""
        return self.predict("reconstruct", raw)[RECONSTRUCTION]

    def free_energy(self, raw: Any) -> Array:
        """Return F(v), `(examples,)`, in nats."""
        return self.predict("free_energy", raw)["free_energy"]

    def log_likelihood(self, raw: Any) -> Array:
        """Return log p(v) = −F(v) − log Z, `(examples,)`, in nats.

        For binary units, values between 0 and 1 are probabilities, for which this is not a
        likelihood. For Gaussian units it is the density of the raw values.
        """
        return self.predict("free_energy", raw)["log_likelihood"]

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
        chain, clamped = self._chain(), None
        if label is not None:
            clamped = self._one_hot(np.full(count, self._class_index(label)))
        found = chain.run(count, steps, seed=seed, clamped=clamped)
        return found[self.spec.name]

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
                is the mean of samples given the known values, binary ones rounded to 0 or 1: it
                has the least squared error under the model.
            steps: Gibbs steps of ``sampling``, the first quarter as burn-in.
            seed: Seed of ``sampling``.

        Raises:
            DataError: If the values do not fit.
        """
        raw = np.asarray(raw, "float32")
        if method == "mean_field":
            return self.predict("complete", raw)[COMPLETION]
        self._check_shape(raw)
        chain, name = self._chain(), self.spec.name
        draws = max(1, 3 * steps // 4)
        found = chain.run(len(raw), steps, seed=seed, clamped={name: raw}, average=draws)
        return np.where(np.isnan(raw), found[name], raw)

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
        raw, labels = np.asarray(raw), np.asarray(labels).reshape(-1).astype(int)
        counts = np.bincount(labels)
        lacking = np.where(counts > 0, counts.max() - counts, 0)
        added = np.repeat(np.arange(len(counts)), lacking)
        random = np.random.default_rng(seed)
        origins = [random.choice(np.flatnonzero(labels == index)) for index in added]
        more = raw[np.array(origins, int)]
        drawn = np.arange(len(added)) % 2 == 1
        if drawn.any():
            new = self._sample_near(more[drawn], added[drawn], seed)
            more[drawn] = new if raw.dtype.kind == "f" else np.rint(new)
        return np.concatenate([raw, more]), np.concatenate([labels, added])

    def examples(self, split: Split, limit: int) -> Examples:
        """Return up to ``limit`` evenly chosen examples of a split, checked."""
        chosen = np.unique(np.linspace(0, len(split) - 1, min(len(split), limit)).astype(int))
        inputs, targets = split.take(chosen)
        raw = np.asarray(inputs[self.spec.name])
        check_values(raw, self.spec, self.data, gaussian=self.gaussian)
        labeled = next((t.name for t in self.data.targets if t.labels is not None), None)
        labels = None
        if labeled is not None and labeled in targets:
            labels = np.asarray(targets[labeled]).reshape(-1).astype(int)
        return Examples(raw, self.to_units(raw), labels)

    def to_units(self, raw: Array) -> Array:
        """Convert raw values to units, `(examples, values)`."""
        flat = raw.reshape(len(raw), -1).astype("float64")
        return np.asarray((flat - self.offset) / self.scale)

    def to_raw(self, units: Array, dtype: DTypeLike = "float32") -> Array:
        """Convert units to raw values."""
        flat = units * self.scale + self.offset
        return np.asarray(flat.reshape(len(flat), *self.shape).astype("float32").astype(dtype))

    def predict(self, signature: str, raw: Any) -> Arrays:
        """Return a signature's outputs for raw values, in batches of one size.

        Raises:
            ConfigError: If there is no such signature.
            DataError: If the values have another shape.
            Diverged: If an output is not finite.
        """
        if signature not in self._predict_fns:
            raise zoo.errors.ConfigError(
                f"the model has no signature {signature!r}",
                why=f"it has: {', '.join(self._predict_fns)}",
                fix="export it again, or evaluate the run",
            )
        raw = np.asarray(raw)
        self._check_shape(raw)
        size = min(_BATCH, len(raw))
        parts = []
        for start in range(0, len(raw), size):
            rows = np.minimum(np.arange(start, start + size), len(raw) - 1)
            answer = self._predict_fns[signature]({self.spec.name: raw[rows]})
            parts.append({name: array[: len(raw) - start] for name, array in answer.items()})
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for name, array in found.items():
            if not np.isfinite(array).all():
                raise zoo.errors.Diverged(
                    f"the output {name!r} of {signature} is not a finite number",
                    why="the weights are not, or an input is far outside its range",
                    fix="train again with a lower optimizer.learning_rate",
                )
        return found

    def _chain(self) -> zoo.runtime.Sampler:
        """Create the Markov chain of the RBM."""
        inputs = step_inputs(
            self.data, self.config.hidden, gaussian=self.gaussian, classes=self.config.classes
        )
        return zoo.runtime.Sampler(self._predict_fns[GIBBS_STEP], inputs, step_outputs(inputs))

    def _sample_near(self, raw: Array, labels: Array, seed: int) -> Array:
        """Sample new examples a few Gibbs steps from others, with fixed classes."""
        chain, label = self._chain(), self._one_hot(labels)
        start = {self.spec.name: raw.astype("float32"), **label}
        found = chain.run(len(raw), _STEPS_TO_NEIGHBOR, seed=seed, start=start, clamped=label)
        # States are zeros and ones; their reconstructions have intermediate values, as real
        # examples.
        return self.reconstruct(found[self.spec.name].astype(self.spec.dtype))

    def _one_hot(self, labels: Array) -> dict[str, Array]:
        """Return classes as a state of the chain."""
        identity = np.eye(len(self.data.labels), dtype="float32")
        return {self.data.targets[0].name: identity[labels]}

    def _class_index(self, label: str) -> int:
        self._require_classes()
        labels = self.data.labels
        if label not in labels:
            raise zoo.errors.ConfigError(
                f"there is no class {label!r}",
                findings=[zoo.Finding("label", label, f"one of {', '.join(labels[:20])}")],
            )
        return labels.index(label)

    def _require_classes(self) -> None:
        if not self.config.classes:
            raise zoo.errors.ConfigError(
                "this RBM does not model classes",
                findings=[zoo.Finding("classes", False, "true")],
                fix="zoo train rbm --set classes=true",
            )

    def _check_shape(self, raw: Array) -> None:
        if raw.shape[1:] != self.shape:
            raise zoo.errors.DataError(
                "the examples have another shape",
                why=f"expected [examples, {', '.join(map(str, self.shape))}]. "
                f"Received: {list(raw.shape)}",
            )


class TrainedRBM(RBMPredictor):
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
        self.model, data, config = found, blueprint.data, blueprint.config
        predict_fns = {
            signature.name: _predict_fn(signature.model)
            for signature in make_signatures(found, config, data)
        }
        units = found.get_layer(UNITS)
        statistics = (units.mean, units.deviation) if units.gaussian else ()
        super().__init__(predict_fns, data, config, *map(np.asarray, statistics))

    @property
    def energy(self) -> Energy:
        """Parameters and energies, as NumPy arrays: see :class:`zoo_rbm.energy.Energy`."""
        energy: Energy = self.model.get_layer(RBM_LAYER).energy
        return energy.to_numpy()


def _predict_fn(model: keras.Model) -> PredictFn:
    def predict_fn(inputs: Arrays) -> Arrays:
        given = model.predict_on_batch(dict(inputs))
        return {name: np.asarray(array) for name, array in given.items()}

    return predict_fn
