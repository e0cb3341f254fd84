"""What a machine is good for, measured beside something simpler: numbers, and no pictures.

Everything here is asked through named functions, so that a Keras model and an artifact are measured
by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.intervals import bootstrap_means

Values = NDArray[np.float64]
Fill = Callable[[Values, NDArray[np.bool_]], Values]
"""From values and which of them are missing to values of which none is."""

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of the values that are made missing."""

NEIGHBORS = 5
_RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_SEED = 1986


class LinearClassifier:
    """One linear function a class, by regularized least squares (ridge regression).

    The ridge is chosen among a few by a fifth of the examples that is left out; then all are used.

    Args:
        x: Examples, `(examples, values)`.
        y: Class indices.
        classes: How many classes there are.
    """

    def __init__(self, x: Values, y: NDArray[Any], classes: int) -> None:
        order = np.random.default_rng(_SEED).permutation(len(x))
        cut = max(1, len(x) // 5)
        rest, held = order[cut:], order[:cut]
        tried = {}
        for ridge in _RIDGES:
            self._fit(x[rest], y[rest], classes, ridge)
            tried[ridge] = float((self.predict(x[held]) == y[held]).mean())
        self._fit(x, y, classes, max(tried, key=lambda ridge: tried[ridge]))

    def predict(self, x: Values) -> NDArray[np.int64]:
        """Return the class index of each example."""
        best: NDArray[np.int64] = (_with_one(x) @ self._weights).argmax(axis=1)
        return best

    def _fit(self, x: Values, y: NDArray[Any], classes: int, ridge: float) -> None:
        wide = _with_one(x)
        products = wide.T @ wide
        penalty = ridge * np.trace(products) / len(products) * np.eye(len(products))
        penalty[-1, -1] = 0.0
        target = (y[:, None] == np.arange(classes)).astype("float64")
        # The ridge keeps the system solvable where a pixel is never on.
        self._weights = np.linalg.lstsq(products + penalty, wide.T @ target, rcond=None)[0]


@dataclass(frozen=True)
class Completed:
    """How far off completed values are, by share of missing ones.

    Attributes:
        shares: Of the values that were made missing.
        errors: By method, the squared error of each example at each share, mean over its missing
            values: `(shares, examples)`.
    """

    shares: tuple[float, ...]
    errors: Mapping[str, Values]


def compare_completions(ways: Mapping[str, Fill], examples: Values, reference: Values) -> Completed:
    """Complete examples in which values are missing at random, by the machine and by two others.

    Args:
        ways: How the machine does it, by name.
        examples: Whole ones, `(examples, values)`.
        reference: What means and nearest neighbors are taken from.
    """
    mean = reference.mean(axis=0)
    others: dict[str, Fill] = {
        **ways,
        "mean of the column": lambda values, missing: np.where(missing, mean, values),
        f"{NEIGHBORS} nearest neighbors": lambda values, missing: nearest(
            values, missing, reference
        ),
    }
    errors: dict[str, list[Values]] = {method: [] for method in others}
    for number, share in enumerate(SHARES):
        random = np.random.default_rng([_SEED, number])
        missing = random.random(examples.shape) < share
        # An example of which nothing is missing, or all, compares nothing.
        missing[np.arange(len(missing)), random.integers(0, examples.shape[1], len(missing))] = True
        for method, complete in others.items():
            apart = np.where(missing, complete(examples, missing) - examples, 0.0)
            errors[method].append(np.square(apart).sum(axis=1) / missing.sum(axis=1))
    return Completed(SHARES, {method: np.stack(found) for method, found in errors.items()})


def nearest(values: Values, missing: NDArray[np.bool_], reference: Values) -> Values:
    """Fill with the mean of the nearest reference examples, by the values that are known.

    Squared distances over what is known: Σ m (x − r)² = Σ m x² − 2 Σ m x r + Σ m r².
    """
    known = (~missing).astype("float64")
    seen = np.where(missing, 0.0, values)
    apart = -2.0 * seen @ reference.T + known @ np.square(reference).T
    count = min(NEIGHBORS, len(reference))
    chosen = np.argpartition(apart, count - 1, axis=1)[:, :count]
    filled: Values = np.where(missing, reference[chosen].mean(axis=1), values)
    return filled


def root_ends(errors: Values) -> tuple[float | None, float | None]:
    """Return the interval of the root of a mean."""
    ends = bootstrap_means(errors[:, None])[0]
    return (float(np.sqrt(ends[0])), float(np.sqrt(ends[1]))) if ends else (None, None)


def repeat_minority(labels: NDArray[Any], seed: int = _SEED) -> NDArray[np.int64]:
    """Return positions in which every class is as frequent as the most frequent one.

    Random oversampling: examples of rare classes are drawn again, with replacement.
    """
    random = np.random.default_rng(seed)
    counts = np.bincount(labels)
    extra = [
        random.choice(np.flatnonzero(labels == index), counts.max() - count)
        for index, count in enumerate(counts)
        if 0 < count < counts.max()
    ]
    return np.concatenate([np.arange(len(labels)), *extra])


def f1_of(index: int, predicted: NDArray[Any], truth: NDArray[Any]) -> float:
    """Return the F1 score of one class; 0 if it is never found."""
    hits = int(((predicted == index) & (truth == index)).sum())
    total = int((predicted == index).sum() + (truth == index).sum())
    return 2 * hits / total if total else 0.0


def _with_one(x: Values) -> Values:
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


__all__ = [
    "NEIGHBORS",
    "SHARES",
    "Completed",
    "LinearClassifier",
    "compare_completions",
    "f1_of",
    "nearest",
    "repeat_minority",
    "root_ends",
]
