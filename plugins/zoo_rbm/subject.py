"""A machine as it is measured: named functions, its data, and how raw values become units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo import Arrays, DataSpec, PredictFn, Split, TensorSpec
from zoo.spec import PredictFns
from zoo_rbm.config import RBMConfig
from zoo_rbm.signatures import COMPLETION, UNITS, is_gaussian, published, source
from zoo_rbm.uses import Values
from zoo_rbm.views import check_values, limits

if TYPE_CHECKING:
    import keras

_BATCH = 256
_SEED = 1986


@dataclass(frozen=True)
class Examples:
    """Some examples, raw and as units.

    Attributes:
        raw: As the model takes them.
        units: `(examples, values)`: 0 to 1, or standardized by the reference.
        labels: Class indices, ``None`` if there are no classes.
    """

    raw: NDArray[Any]
    units: Values
    labels: NDArray[Any] | None


@dataclass(frozen=True)
class Subject:
    """What is measured: how it is asked, what its data is, and how raw values become units.

    Attributes:
        shift: What is taken off a raw value, one number or one a value.
        scale: What it is divided by then.
    """

    predict_fns: PredictFns
    data: DataSpec
    spec: TensorSpec
    config: RBMConfig
    gaussian: bool
    shift: Any
    scale: Any

    @classmethod
    def of_model(cls, model: keras.Model) -> Subject:
        """Return a Keras model as something that is measured."""
        config, data = model.blueprint.config, model.blueprint.data
        spec, units = source(data), model.get_layer(UNITS)
        predict_fns = {
            asked.name: _predict_fn(asked.model) for asked in published(model, config, data)
        }
        low, high = limits(spec)
        shift: Any = low
        scale: Any = high - low
        if units.gaussian:
            shift, scale = np.asarray(units.mean), np.asarray(units.deviation)
        return cls(predict_fns, data, spec, config, units.gaussian, shift, scale)

    def examples(self, split: Split, most: int) -> Examples:
        """Return an even choice of a split's examples, checked."""
        chosen = np.unique(np.linspace(0, len(split) - 1, min(len(split), most)).astype(int))
        inputs, targets = split.take(chosen)
        raw = np.asarray(inputs[self.spec.name])
        check_values(raw, self.spec, self.data, gaussian=self.gaussian)
        labeled = next((t for t in self.data.targets if t.labels is not None), None)
        labels = None
        if labeled is not None and labeled.name in targets:
            labels = np.asarray(targets[labeled.name]).reshape(-1).astype(int)
        return Examples(raw, self.units(raw), labels)

    def units(self, raw: NDArray[Any]) -> Values:
        """Return raw values as units."""
        flat = raw.reshape(len(raw), -1).astype("float64")
        found: Values = (flat - self.shift) / self.scale
        return found

    def settled(self, units: Values) -> Values:
        """Return units as the machine learned from them: binary ones as 0 or 1, by a fixed seed."""
        if self.gaussian:
            return units
        on = units >= 0.5
        if self.config.binarize == "sample":
            on = np.random.default_rng(_SEED).random(units.shape) < units
        return on.astype("float64")

    def raw(self, units: Values) -> NDArray[np.float32]:
        """Return units as raw values, float32."""
        flat = units * self.scale + self.shift
        shape = (len(flat), *map(int, self.spec.shape))
        found: NDArray[np.float32] = flat.reshape(shape).astype("float32")
        return found

    def ask(self, signature: str, raw: NDArray[Any]) -> Arrays:
        """Return a signature's answers for raw values, in batches of one size."""
        predict_fn = self._predict_fn(signature)
        size = min(_BATCH, len(raw))
        parts = []
        for start in range(0, len(raw), size):
            rows = np.minimum(np.arange(start, start + size), len(raw) - 1)
            answer = predict_fn({self.spec.name: raw[rows]})
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

    def mean_field(self, units: Values, missing: NDArray[np.bool_]) -> Values:
        """Complete units by the signature that does it at once."""
        raw = self.raw(np.where(missing, np.nan, units))
        found = self.units(self.ask("complete", raw)[COMPLETION])
        return np.where(missing, found, units)

    def _predict_fn(self, signature: str) -> PredictFn:
        if signature not in self.predict_fns:
            raise zoo.errors.ConfigError(
                f"the model has no signature {signature!r}",
                why=f"it has: {', '.join(self.predict_fns)}",
                fix="export it again, or evaluate the run",
            )
        return self.predict_fns[signature]


def _predict_fn(model: keras.Model) -> PredictFn:
    def predict_fn(inputs: Arrays) -> Arrays:
        given = model.predict_on_batch(dict(inputs))
        return {name: np.asarray(array) for name, array in given.items()}

    return predict_fn


def subject_of(
    predict_fns: PredictFns, data: DataSpec, config: RBMConfig, reference: Split
) -> Subject:
    """Return what is measured; Gaussian units are standardized by the reference."""
    spec = source(data)
    gaussian = is_gaussian(config, spec)
    low, high = limits(spec)
    shift: Any = low
    scale: Any = high - low
    if gaussian:
        inputs, _ = reference.take(np.arange(len(reference)))
        flat = inputs[spec.name].reshape(len(reference), -1).astype("float64")
        shift, deviation = flat.mean(axis=0), flat.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
    return Subject(predict_fns, data, spec, config, gaussian, shift, scale)


def states(subject: Subject, tested: Examples) -> NDArray[Any]:
    """Return examples as the machine's likelihood is about: drawn from their shares, or as is."""
    if subject.gaussian:
        return tested.raw
    return subject.raw(subject.settled(tested.units)).astype(tested.raw.dtype)


__all__ = ["Examples", "Subject", "states", "subject_of"]
