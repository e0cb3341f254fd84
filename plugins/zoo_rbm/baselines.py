"""Linear classifier and imputation baselines of an RBM's evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.intervals import bootstrap_means

Values = NDArray[np.float64]
Impute = Callable[[Values, NDArray[np.bool_]], Values]
"""Function from values and their missing mask to imputed values."""

MISSING_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of missing values in the evaluation of imputation."""

NEIGHBORS = 5
_RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_SEED = 1986


class LinearClassifier:
    """Ridge classifier: one regularized least-squares fit per class.

    The penalty is selected on a held-out fifth of the examples; then all are used.

    Args:
        x: Examples, `(examples, values)`.
        y: Class indices.
        classes: Number of classes.
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
        # The penalty keeps the system solvable if a pixel is constant.
        self._weights = np.linalg.lstsq(products + penalty, wide.T @ target, rcond=None)[0]


def compare_imputations(
    methods: Mapping[str, Impute], examples: Values, reference: Values
) -> dict[str, Values]:
    """Compare imputation methods with the mean and nearest neighbors, at random missing values.

    Args:
        methods: Methods of the RBM, by name.
        examples: Complete examples, `(examples, values)`.
        reference: Training examples for means and nearest neighbors.

    Returns:
        By method, the mean squared error of each example's missing values, `(shares, examples)`,
        for each of ``MISSING_SHARES``.
    """
    mean = reference.mean(axis=0)
    others: dict[str, Impute] = {
        **methods,
        "mean of the column": lambda values, missing: np.where(missing, mean, values),
        f"{NEIGHBORS} nearest neighbors": lambda values, missing: impute_neighbors(
            values, missing, reference
        ),
    }
    errors: dict[str, list[Values]] = {method: [] for method in others}
    for number, share in enumerate(MISSING_SHARES):
        random = np.random.default_rng([_SEED, number])
        missing = random.random(examples.shape) < share
        # At least one missing value per example.
        missing[np.arange(len(missing)), random.integers(0, examples.shape[1], len(missing))] = True
        for method, complete in others.items():
            error = np.where(missing, complete(examples, missing) - examples, 0.0)
            errors[method].append(np.square(error).sum(axis=1) / missing.sum(axis=1))
    return {method: np.stack(found) for method, found in errors.items()}


def impute_neighbors(values: Values, missing: NDArray[np.bool_], reference: Values) -> Values:
    """Impute by the mean of the nearest training examples.

    Squared distances over known values: Σ m (x − r)² = Σ m x² − 2 Σ m x r + Σ m r².
    """
    known = (~missing).astype("float64")
    seen = np.where(missing, 0.0, values)
    distance = -2.0 * seen @ reference.T + known @ np.square(reference).T
    count = min(NEIGHBORS, len(reference))
    chosen = np.argpartition(distance, count - 1, axis=1)[:, :count]
    filled: Values = np.where(missing, reference[chosen].mean(axis=1), values)
    return filled


def rmse_interval(errors: Values) -> tuple[float | None, float | None]:
    """Return the bootstrap interval of a root mean squared error."""
    ends = bootstrap_means(errors[:, None])[0]
    return (float(np.sqrt(ends[0])), float(np.sqrt(ends[1]))) if ends else (None, None)


def _with_one(x: Values) -> Values:
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)
