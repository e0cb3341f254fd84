"""Simple methods that show whether the inputs say anything about the targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_inspect.diagnostics.data_facts import is_one_hot
from zoo_inspect.diagnostics.evidence import RivalFacts

Array = np.ndarray[Any, Any]

_NEIGHBORS = 5
_MAX_FEATURES = 1024
_LEAST = 60
_SIGMAS = 2.6
_WORDS = 512


def halves(count: int) -> tuple[Array, Array]:
    """Return the positions of two random halves."""
    order = np.random.default_rng(1).permutation(count)
    return np.sort(order[: count // 2]), np.sort(order[count // 2 :])


def simple_target(y: Any) -> tuple[Array, int] | None:
    """Return one number per example, and the number of classes, 0 if it is no class."""
    if not isinstance(y, np.ndarray) or len(y) < _LEAST or not np.isfinite(y).all():
        return None
    if is_one_hot(y) and y.ndim == 2:
        return y.argmax(axis=1), y.shape[1]
    if y.reshape(len(y), -1).shape[1] != 1:
        return None
    flat = y.reshape(-1)
    values = np.unique(flat)
    if len(values) < 2:
        return None
    if (values == np.round(values)).all() and len(values) <= min(50, len(flat) // 10):
        return np.searchsorted(values, flat), len(values)
    return flat.astype("float64"), 0


def features_of(inputs: dict[str, Array]) -> Array:
    """Return the inputs as rows of numbers: tokens as counts, the rest flat and thinned out."""
    parts = []
    for array in inputs.values():
        if array.ndim == 2 and array.dtype.kind in "iu" and array.shape[1] > 3:
            counts = np.zeros((len(array), _WORDS))
            np.add.at(counts, (np.arange(len(array))[:, None], array % _WORDS), 1.0)
            parts.append(counts)
        flat = array.reshape(len(array), -1)
        if array.ndim == 3:
            parts.append(array.astype("float64").mean(axis=1))
        stride = -(-flat.shape[1] // _MAX_FEATURES)
        parts.append(flat[:, ::stride].astype("float64"))
    return np.nan_to_num(np.concatenate(parts, axis=1))


def rivals(inputs: dict[str, Array], y: Any) -> RivalFacts | None:
    """Fit nearest neighbors and ridge regression on one half, and score them on the other.

    Returns:
        Accuracy for classes, the correlation with the target for a number; ``None`` for targets of
        other kinds or fewer than 60 examples.
    """
    found = simple_target(y)
    if found is None or not inputs:
        return None
    target, classes = found
    fit, held_out = halves(len(target))
    features = features_of(inputs)
    scale = features[fit].std(axis=0)
    features = (features - features[fit].mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    goal = np.eye(classes)[target] if classes else (target - target[fit].mean())[:, None]
    scores = [
        _score(predicted, target[held_out], classes)
        for predicted in (
            _neighbors(features[fit], goal[fit], features[held_out]),
            _ridge(features[fit], goal[fit], features[held_out]),
        )
    ]
    count = len(held_out)
    if not classes:
        return RivalFacts(max(scores), 0.0, _SIGMAS / np.sqrt(count))
    chance = float(np.bincount(target[held_out]).max() / count)
    margin = _SIGMAS * np.sqrt(chance * (1 - chance) / count)
    return RivalFacts(max(scores), chance, float(margin))


def _score(predicted: Array, target: Array, classes: int) -> float:
    if classes:
        return float((predicted.argmax(axis=1) == target).mean())
    if np.ptp(predicted) == 0 or np.ptp(target) == 0:
        return 0.0
    return float(np.corrcoef(predicted[:, 0], target)[0, 1])


def network_score(outputs: Any, y: Any, rows: Array) -> float | None:
    """Return the same score for the outputs of a network for some examples."""
    found = simple_target(y)
    if found is None or not isinstance(outputs, np.ndarray):
        return None
    target, classes = found
    outputs = outputs.reshape(len(outputs), -1)
    if not classes:
        return _score(outputs, target[rows], 0)
    if outputs.shape[1] == 1 and classes == 2:
        middle = 0.5 if outputs.min() >= 0 and outputs.max() <= 1 else 0.0
        return float(((outputs[:, 0] > middle) == target[rows]).mean())
    if outputs.shape[1] < classes:
        return None
    return float((outputs.argmax(axis=1) == target[rows]).mean())


def _neighbors(known: Array, goal: Array, asked: Array) -> Array:
    distances = (asked**2).sum(axis=1)[:, None] - 2 * asked @ known.T + (known**2).sum(axis=1)
    count = min(_NEIGHBORS, len(known))
    nearest = np.argpartition(distances, count - 1, axis=1)[:, :count]
    return np.asarray(goal[nearest].mean(axis=1))


def _ridge(known: Array, goal: Array, asked: Array) -> Array:
    """Return the predictions of ridge regression, by the kernel of the examples."""
    mean = goal.mean(axis=0)
    kernel = known @ known.T / known.shape[1]
    solved = np.linalg.solve(kernel + 0.1 * np.eye(len(known)), goal - mean)
    return np.asarray(asked @ known.T / known.shape[1] @ solved + mean)
