"""Prediction functions of an RBM: batching, units and raw values, sampling, imputation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo import Arrays, DataSpec, PredictFn, Split, TensorSpec
from zoo.spec import PredictFns
from zoo_rbm.baselines import Values
from zoo_rbm.config import RBMConfig
from zoo_rbm.preprocessing import check_values, value_range
from zoo_rbm.signatures import (
    COMPLETION,
    FEATURES,
    UNITS,
    is_gaussian,
    make_signatures,
    step_inputs,
    visible_spec,
)

if TYPE_CHECKING:
    import keras

STEP = "gibbs_step"
NEAR_STEPS = 3
"""Gibbs steps from a real example to a new one of its kind."""

CHAIN_STEPS = 200
"""Gibbs steps of a chain whose samples are averaged."""

_BATCH = 256
SEED = 1986


@dataclass(frozen=True)
class Examples:
    """Examples, raw and as units.

    Attributes:
        raw: Raw values.
        units: `(examples, values)`: 0 to 1, or normalized.
        labels: Class indices; ``None`` without classes.
    """

    raw: NDArray[Any]
    units: Values
    labels: NDArray[Any] | None


@dataclass(frozen=True)
class Predictor:
    """Prediction functions of a Keras model or an artifact, and the scale of its units.

    Attributes:
        predict_fns: Functions by signature.
        data: Spec of the data.
        spec: Spec of the visible input.
        config: Configuration of the RBM.
        gaussian: Whether the visible units are Gaussian.
        shift: Raw value of 0, a number or one per unit.
        scale: Raw size of 1, likewise.
    """

    predict_fns: PredictFns
    data: DataSpec
    spec: TensorSpec
    config: RBMConfig
    gaussian: bool
    shift: Any
    scale: Any

    @classmethod
    def of_model(cls, model: keras.Model) -> Predictor:
        """Create a predictor of a Keras model."""
        config, data = model.blueprint.config, model.blueprint.data
        spec, units = visible_spec(data), model.get_layer(UNITS)
        predict_fns = {
            asked.name: _predict_fn(asked.model) for asked in make_signatures(model, config, data)
        }
        low, high = value_range(spec)
        shift: Any = low
        scale: Any = high - low
        if units.gaussian:
            shift, scale = np.asarray(units.mean), np.asarray(units.deviation)
        return cls(predict_fns, data, spec, config, units.gaussian, shift, scale)

    def examples(self, split: Split, limit: int) -> Examples:
        """Return up to ``limit`` evenly chosen examples of a split, checked."""
        chosen = np.unique(np.linspace(0, len(split) - 1, min(len(split), limit)).astype(int))
        inputs, targets = split.take(chosen)
        raw = np.asarray(inputs[self.spec.name])
        check_values(raw, self.spec, self.data, gaussian=self.gaussian)
        labeled = next((t for t in self.data.targets if t.labels is not None), None)
        labels = None
        if labeled is not None and labeled.name in targets:
            labels = np.asarray(targets[labeled.name]).reshape(-1).astype(int)
        return Examples(raw, self.units(raw), labels)

    def units(self, raw: NDArray[Any]) -> Values:
        """Convert raw values to units."""
        flat = raw.reshape(len(raw), -1).astype("float64")
        found: Values = (flat - self.shift) / self.scale
        return found

    def binarized(self, units: Values) -> Values:
        """Return units as in training: binary ones as 0 or 1, by a fixed seed."""
        if self.gaussian:
            return units
        on = units >= 0.5
        if self.config.binarize == "sample":
            on = np.random.default_rng(SEED).random(units.shape) < units
        return on.astype("float64")

    def raw(self, units: Values) -> NDArray[np.float32]:
        """Convert units to raw values, float32."""
        flat = units * self.scale + self.shift
        shape = (len(flat), *map(int, self.spec.shape))
        found: NDArray[np.float32] = flat.reshape(shape).astype("float32")
        return found

    def predict(self, signature: str, raw: NDArray[Any]) -> Arrays:
        """Return a signature's outputs for raw values, in batches of one size."""
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
        """Impute missing units by the signature ``complete``."""
        raw = self.raw(np.where(missing, np.nan, units))
        found = self.units(self.predict("complete", raw)[COMPLETION])
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


def make_predictor(
    predict_fns: PredictFns, data: DataSpec, config: RBMConfig, reference: Split
) -> Predictor:
    """Create a predictor; Gaussian units are normalized by the reference."""
    spec = visible_spec(data)
    gaussian = is_gaussian(config, spec)
    low, high = value_range(spec)
    shift: Any = low
    scale: Any = high - low
    if gaussian:
        inputs, _ = reference.take(np.arange(len(reference)))
        flat = inputs[spec.name].reshape(len(reference), -1).astype("float64")
        shift, deviation = flat.mean(axis=0), flat.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
    return Predictor(predict_fns, data, spec, config, gaussian, shift, scale)


def states(predictor: Predictor, tested: Examples) -> NDArray[Any]:
    """Return raw examples for the likelihood: binarized, if the units are binary."""
    if predictor.gaussian:
        return tested.raw
    return predictor.raw(predictor.binarized(tested.units)).astype(tested.raw.dtype)


def make_chain(predictor: Predictor) -> zoo.runtime.GibbsSampler:
    """Create the Markov chain of the RBM."""
    config = predictor.config
    inputs = step_inputs(
        predictor.data, config.hidden, gaussian=predictor.gaussian, classes=config.classes
    )
    return zoo.runtime.GibbsSampler(predictor.predict_fns[STEP], inputs)


def oversample(
    predictor: Predictor, known: Examples, *, seed: int = SEED
) -> tuple[Values, NDArray[np.int64]]:
    """Oversample minority classes to the frequency of the majority class.

    Half of the new examples are repeated, and half are sampled near real ones.

    Args:
        predictor: An RBM that models classes.
        known: Examples with their classes.
        seed: Seed of everything random.
    """
    if known.labels is None:
        raise ValueError("expected examples with classes. Received: examples without")
    counts = np.bincount(known.labels)
    lacking = np.where(counts > 0, counts.max() - counts, 0)
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), lacking)
    places = np.array(
        [random.choice(np.flatnonzero(known.labels == index)) for index in labels], int
    )
    drawn = np.arange(len(labels)) % 2 == 1
    more = known.units[places]
    if drawn.any():
        more[drawn] = sample_near(predictor, more[drawn], labels[drawn], seed=seed)
    return np.concatenate([known.units, more]), np.concatenate([known.labels, labels])


def sample_near(
    predictor: Predictor,
    units: Values,
    labels: NDArray[Any],
    *,
    steps: int = NEAR_STEPS,
    seed: int = SEED,
) -> Values:
    """Sample new examples a few Gibbs steps from others, with fixed classes.

    Returns:
        The means of the visible units at the end of each chain.
    """
    chain = make_chain(predictor)
    image, label = (spec.name for spec in chain.states)
    one_hot = np.eye(len(predictor.data.labels), dtype="float32")[labels]
    state = {image: predictor.raw(units), label: one_hot}
    found = chain.run(state, steps, seed=seed, clamped={label: one_hot})
    # States are zeros and ones; their reconstructions have intermediate values, as real examples.
    raw = found[image].astype(predictor.spec.dtype)
    return predictor.units(predictor.predict("reconstruct", raw)["reconstruction"])


def impute(
    predictor: Predictor,
    units: Values,
    missing: NDArray[np.bool_],
    *,
    steps: int = CHAIN_STEPS,
    seed: int = SEED,
) -> Values:
    """Impute missing values by the mean of samples given the known values.

    The conditional mean has the least squared error under the model. The first quarter of the chain
    is burn-in.
    """
    chain = make_chain(predictor)
    held = {predictor.spec.name: predictor.raw(np.where(missing, np.nan, units))}
    start = chain.initial_states(len(units), seed)
    draws = max(1, 3 * steps // 4)
    found = chain.run(start, steps, seed=seed, clamped=held, average=draws)
    return np.where(missing, predictor.units(found[predictor.spec.name]), units)


def sample_chains(
    predictor: Predictor,
    count: int,
    steps: tuple[int, ...],
    label: int | None = None,
    seed: int = SEED,
) -> list[NDArray[Any]]:
    """Return raw states of chains from random starts, after each number of steps."""
    chain = make_chain(predictor)
    state: Any = chain.initial_states(count, seed)
    held = None
    if label is not None:
        name = chain.states[1].name
        held = {name: np.eye(len(predictor.data.labels), dtype="float32")[[label] * count]}
    found, done = [], 0
    for upto in steps:
        if upto > done:
            state = chain.run(state, upto - done, seed=seed + upto, clamped=held)
        found.append(state[predictor.spec.name])
        done = upto
    return found


def filters(predictor: Predictor) -> Values:
    """Return the filter of each hidden unit: the change of its logit per visible unit.

    It is computed from the features, which an artifact has, too.

    Shapes:
        Out: `(hidden, values)`
    """
    blank = _zeros(predictor)
    count = blank.shape[1]
    before = _logit(predictor.predict(FEATURES, _raw_typed(predictor, blank))[FEATURES])
    after = []
    for start in range(0, count, 256):
        turned = np.repeat(blank, min(256, count - start), axis=0)
        turned[np.arange(len(turned)), start + np.arange(len(turned))] += 1.0
        after.append(_logit(predictor.predict(FEATURES, _raw_typed(predictor, turned))[FEATURES]))
    found: Values = (np.concatenate(after) - before).T
    return found


def _zeros(predictor: Predictor) -> Values:
    return np.zeros((1, int(np.prod([int(size) for size in predictor.spec.shape]))))


def _raw_typed(predictor: Predictor, units: Values) -> NDArray[Any]:
    return predictor.raw(units).astype(predictor.spec.dtype)


def _logit(shares: NDArray[Any]) -> Values:
    safe = np.clip(shares.astype("float64"), 1e-7, 1 - 1e-7)
    found: Values = np.log(safe) - np.log1p(-safe)
    return found
