"""Facts about inputs, targets and losses that no training is needed for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from zoo_inspect.diagnostics.evidence import HeadFacts, InputFacts
from zoo_inspect.diagnostics.subject import Subject

Array = np.ndarray[Any, Any]

_LOSSES = {
    "MeanSquaredError": "mean_squared_error",
    "MeanAbsoluteError": "mean_absolute_error",
    "MeanAbsolutePercentageError": "mean_absolute_percentage_error",
    "MeanSquaredLogarithmicError": "mean_squared_logarithmic_error",
    "Huber": "huber",
    "LogCosh": "log_cosh",
    "BinaryCrossentropy": "binary_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "Poisson": "poisson",
    "Hinge": "hinge",
    "KLDivergence": "kl_divergence",
}
_FUNCTIONS = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "logcosh": "log_cosh"}
_TIGHT = 0.03
_PERFECT = 1e-4


def loss_name(loss: Any) -> tuple[str, bool]:
    """Return the name of a loss in Keras, or ``custom``, and whether it expects logits."""
    if loss is None:
        return "", False
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            return "custom", False
    if isinstance(loss, keras.losses.Loss):
        # Subclasses change what it means.
        name = _LOSSES.get(type(loss).__name__, "custom")
        known = getattr(keras.losses, type(loss).__name__, None) is type(loss)
        return (name if known else "custom"), bool(getattr(loss, "from_logits", False))
    name = getattr(loss, "__name__", "custom")
    name = _FUNCTIONS.get(name, name)
    return (name if name in _LOSSES.values() else "custom"), False


def input_facts(subject: Subject) -> tuple[InputFacts, ...]:
    """Return what is to be seen in the inputs alone, and in one of their features."""
    target = _single_target(subject.y)
    return tuple(_input(name, array, subject, target) for name, array in subject.inputs().items())


def _input(name: str, array: Array, subject: Subject, target: Array | None) -> InputFacts:
    whole = subject.whole.get(name, array)
    bad, place = _bad(whole) if name not in subject.missing else (0, (0, 0))
    table = array.ndim == 2 and array.dtype.kind == "f"
    constant: tuple[int, ...] = ()
    if table and len(array) > 1 and not bad:
        constant = _constant(array)
    leak = None
    if target is not None and not bad and array.dtype.kind in "fiu" and array.ndim >= 2:
        leak = _leak(array, target)
    return InputFacts(
        name=name,
        shape=array.shape[1:],
        bad=bad,
        bad_at=place,
        constant=constant,
        features=array.shape[1] if table else 0,
        leak=leak,
        padded=float(padding(array).mean()) if array.ndim >= 2 else 0.0,
    )


def padding(array: Array) -> Array:
    """Return where zeros fill up the end of sequences: `(examples, steps)`, true for padding.

    Integers of the shape `(examples, steps)`, or numbers of `(examples, steps, features)` where all
    features are 0. Only zeros that follow an example's last other value count.
    """
    tokens = array.ndim == 2 and array.dtype.kind in "iu"
    if not (tokens or (array.ndim == 3 and array.dtype.kind == "f")):
        return np.zeros(array.shape[:2], bool)
    zero = array == 0 if tokens else (array == 0).all(axis=-1)
    trailing: Array = np.logical_and.accumulate(zero[:, ::-1], axis=1)[:, ::-1]
    # A table of categories has zeros anywhere; a padded sequence nowhere else.
    inside = (zero & ~trailing).any(axis=1)
    return np.asarray(trailing & ~inside[:, None])


def _bad(array: Array) -> tuple[int, tuple[int, int]]:
    if array.dtype.kind != "f":
        return 0, (0, 0)
    wrong = ~np.isfinite(array.reshape(len(array), -1))
    count = int(wrong.sum())
    if not count:
        return 0, (0, 0)
    row, column = np.argwhere(wrong)[0]
    return count, (int(row), int(column))


def _constant(array: Array) -> tuple[int, ...]:
    """Return the features of a table that have one value only.

    Pixels and counts are left out: most of their features have the smallest value of all as their
    own smallest, and some never leave it.
    """
    low, high = array.min(axis=0), array.max(axis=0)
    same = np.flatnonzero(low == high)
    if len(same) < array.shape[1] and (low == array.min()).mean() > 0.5:
        same = same[low[same] != array.min()]
    return tuple(int(at) for at in same)


def _single_target(y: Any) -> Array | None:
    """Return the target as one number per example, if it is: a class, or a value."""
    if not isinstance(y, np.ndarray):
        return None
    if y.ndim == 2 and y.shape[1] > 1 and is_one_hot(y):
        return np.asarray(y.argmax(axis=1))
    flat = y.reshape(len(y), -1)
    return flat[:, 0].astype("float64") if flat.shape[1] == 1 else None


def is_one_hot(y: Array) -> bool:
    """Whether each row along the last axis is one 1 and zeros."""
    return bool(
        y.ndim >= 2 and y.shape[-1] > 1 and np.isin(y, (0, 1)).all() and (y.sum(axis=-1) == 1).all()
    )


def _leak(array: Array, target: Array) -> tuple[int, float] | None:
    """Return a feature of several that is the target, but for scale and little noise.

    Of two classes or more: the spread inside each class is at most 3 % of the distance of the
    nearest two. Of a number: the straight line through it leaves 0.01 % of the variance (of a
    series, where the last value is close to the next by nature, a millionth of that).
    """
    features = array.reshape(len(array), -1).astype("float64")
    if features.shape[1] < 2 or features.shape[1] > 4096 or len(target) < 20:
        return None
    if not np.isfinite(target).all() or np.ptp(target) == 0:
        return None
    features = features - features.mean(axis=0)
    power = (features**2).mean(axis=0)
    values, codes = np.unique(target, return_inverse=True)
    if len(values) <= max(2, min(50, len(target) // 10)) and (values == np.round(values)).all():
        counts = np.bincount(codes)
        if counts.min() < 2:
            return None
        means = np.stack([features[codes == at].mean(axis=0) for at in range(len(values))])
        inside = np.sqrt(((features - means[codes]) ** 2).mean(axis=0))
        gaps = np.diff(np.sort(means, axis=0), axis=0).min(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(gaps > 0, inside / gaps, np.inf)
        best, bound = int(found.argmin()), _TIGHT
    else:
        centered = target - target.mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = (features * centered[:, None]).mean(axis=0) ** 2 / (power * (centered**2).mean())
        found = np.where(power > 0, 1 - r2, np.inf)
        best = int(np.nanargmin(found))
        bound = _PERFECT if array.ndim == 2 else _PERFECT * 1e-6
    return (best, float(found[best])) if found[best] < bound else None


def head_facts(subject: Subject, predictions: Any) -> tuple[HeadFacts, ...]:
    """Return each output with its loss and target, as far as they belong together.

    Args:
        subject: The model and its data.
        predictions: Its outputs for all examples, before training.
    """
    outputs = _by_name(predictions, getattr(subject.model, "output_names", None))
    losses = subject.model.loss
    names = list(outputs)
    if not isinstance(losses, Mapping):
        given = losses if isinstance(losses, list | tuple) else [losses] * len(names)
        losses = dict(zip(names, given, strict=False))
    targets = subject.y
    if not isinstance(targets, Mapping):
        parts = targets if isinstance(targets, list | tuple) else [targets]
        targets = dict(zip(names, parts, strict=False))
    return tuple(
        _head(name, losses.get(name), outputs[name], targets.get(name), subject)
        for name in names
        if name in losses or name in targets
    )


def _by_name(tree: Any, names: list[str] | None) -> dict[str, Array]:
    if isinstance(tree, Mapping):
        return {str(key): value for key, value in tree.items()}
    parts = list(tree) if isinstance(tree, list | tuple) else [tree]
    if names is None or len(names) != len(parts):
        names = [f"output {at}" for at in range(1, len(parts) + 1)]
    return dict(zip(names, parts, strict=True))


def _head(name: str, loss: Any, output: Array, target: Array | None, subject: Subject) -> HeadFacts:
    word, from_logits = loss_name(loss)
    output = np.asarray(output, "float64")
    good = output[np.isfinite(output)]
    facts: dict[str, Any] = {"name": name, "loss": word, "from_logits": from_logits}
    facts |= {"shape": output.shape, "units": output.shape[-1] if output.ndim > 1 else 1}
    if good.size:
        facts |= {"low": float(good.min()), "high": float(good.max())}
        facts["prediction_rms"] = float(np.sqrt((good**2).mean()))
        facts["sums_to_one"] = bool(
            output.ndim > 1
            and output.shape[-1] > 1
            and good.min() >= 0
            and np.allclose(output.sum(axis=-1), 1, atol=1e-3)
        )
    if target is None or not target.size:
        return HeadFacts(**facts)
    finite = np.isfinite(target) if target.dtype.kind == "f" else np.ones(target.shape, bool)
    values = target[finite].astype("float64")
    whole = subject.whole.get("target", target)
    facts |= {"target_shape": target.shape, "bad_targets": _bad(whole)[0] or int((~finite).sum())}
    if not values.size:
        return HeadFacts(**facts)
    integral = bool((values == np.round(values)).all())
    one_hot = is_one_hot(target)
    facts |= {
        "target_low": float(values.min()),
        "target_high": float(values.max()),
        "target_mean": float(values.mean()),
        "target_std": float(values.std()),
        "whole": integral,
        "one_hot": one_hot,
        "classes": len(np.unique(values)) if integral else 0,
        "chance": _chance(word, target, values, integral=integral),
        "ordered": _ordered(_single_target(target)),
    }
    return HeadFacts(**facts)


def _chance(loss: str, target: Array, values: Array, *, integral: bool) -> float | None:
    """Return the loss of the best constant prediction."""
    if loss == "mean_squared_error":
        return float(target.reshape(len(target), -1).astype("float64").var(axis=0).mean())
    if loss == "mean_absolute_error":
        return float(np.abs(values - np.median(values)).mean())
    if loss == "categorical_crossentropy" and is_one_hot(target):
        return _entropy(target.reshape(-1, target.shape[-1]).mean(axis=0))
    if loss == "sparse_categorical_crossentropy" and integral:
        counts = np.unique(values, return_counts=True)[1]
        return _entropy(counts / counts.sum())
    if loss == "binary_crossentropy" and values.min() >= 0 and values.max() <= 1:
        share = target.reshape(len(target), -1).mean(axis=0)
        return float(np.mean([_entropy(np.array([p, 1 - p])) for p in share]))
    return None


def _entropy(shares: Array) -> float:
    kept = shares[shares > 0]
    return float(-(kept * np.log(kept)).sum())


def _ordered(target: Array | None) -> bool:
    """Whether the examples come sorted by their target: class after class, or rising or falling."""
    if target is None or len(target) < 20 or not np.isfinite(target).all():
        return False
    steps = np.diff(target)
    values = np.unique(target)
    if len(values) < 2:
        return False
    if len(values) <= max(2, len(target) // 5):
        return int((steps != 0).sum()) == len(values) - 1
    return bool((steps >= 0).all() or (steps <= 0).all())


__all__ = ["head_facts", "input_facts", "is_one_hot", "loss_name", "padding"]
