"""Confidence intervals (95 %): Wilson, bootstrap, Student's t, paired differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""

BLOCKS = 10
"""Parts into which :func:`batch_means` expects the examples to be divided."""

_T95 = (12.706204736, 4.302652730, 3.182446305, 2.776445105, 2.570581836,
        2.446911851, 2.364624252, 2.306004135, 2.262157163, 2.228138852)  # fmt: skip

_RESAMPLES = 1000
_FEWEST_RESAMPLES = 200
_DRAWS = 200_000_000
_AT_ONCE = 4_000_000
_SEED = 1927


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the Wilson (1927) score interval of a proportion.

    Unlike the textbook ``p ± 1.96 √(p(1-p)/n)`` it stays inside 0 to 1 and does not shrink to
    nothing when every trial succeeds.

    Args:
        successes: Number of successes.
        trials: Number of trials, at least 1.

    Example:
        >>> wilson(10, 10)
        (0.7224..., 1.0)
    """
    share = successes / trials
    spread = Z95 * Z95 / trials
    center = (share + spread / 2) / (1 + spread)
    half = Z95 * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return min(max(0.0, center - half), share), max(min(1.0, center + half), share)


def student_t(df: int) -> float:
    """Return the 97.5 % quantile of Student's t distribution.

    Up to 10 degrees of freedom it is tabulated; beyond, the Cornish–Fisher series (Abramowitz &
    Stegun 1964, 26.7.5) is accurate to 1e-4.

    Args:
        df: Degrees of freedom, at least 1.

    Example:
        >>> student_t(9)
        2.262157163
    """
    if df <= len(_T95):
        return _T95[df - 1]
    z = Z95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / df + second / df**2 + third / df**3


def bootstrap_means(values: NDArray[np.float64]) -> list[tuple[float, float] | None]:
    """Return the bootstrap percentile interval of each column's mean (Efron 1979).

    There are 1,000 resamples from a fixed seed; fewer, though at least 200, for more than 200,000
    examples.

    Shapes:
        values: ``[examples, columns]``

    Returns:
        One interval per column, or ``None`` where every resample gives the same mean, because
        then the bootstrap knows nothing.

    Example:
        >>> [(low, high)] = bootstrap_means(np.array([[1.0], [2.0], [3.0], [4.0]]))
        >>> low < 2.5 < high
        True
    """
    return [percentiles(column) for column in _resampled_means(values).T]


def bootstrap_function(
    values: NDArray[np.float64], function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[float, float] | None:
    """Return the bootstrap percentile interval of a function of several columns' means.

    Examples are resampled as rows, as in :func:`bootstrap_means`.

    Args:
        values: The values to average.
        function: Maps means, one row per resample, to one number per resample.

    Shapes:
        values: ``[examples, columns]``

    Returns:
        The interval, or ``None`` where every resample gives the same number.

    Example:
        >>> squared_errors = np.array([1.0, 4.0, 9.0, 16.0])
        >>> low, high = bootstrap_function(
        ...     squared_errors[:, None], lambda means: np.sqrt(means[:, 0])
        ... )
        >>> bool(low < np.sqrt(squared_errors.mean()) < high)
        True
    """
    return percentiles(function(_resampled_means(values)))


def bootstrap_macro_f1(confusion: NDArray[np.int64]) -> tuple[float, float] | None:
    """Return the bootstrap percentile interval of the macro F1 of a confusion matrix.

    Resampling examples is a multinomial draw over the cells, so that the cost does not grow with
    the number of examples.

    Shapes:
        confusion: ``[classes, classes]``

    Example:
        >>> low, high = bootstrap_macro_f1(np.array([[8, 2], [3, 7]]))
        >>> low < 0.75 < high
        True
    """
    true, predicted = np.nonzero(confusion)
    counts = confusion[true, predicted]
    examples = int(counts.sum())
    generator = np.random.default_rng(_SEED)
    scores = []
    for size in _chunks(len(counts), max(len(counts), len(confusion))):
        draws = generator.multinomial(examples, counts / examples, size=size)
        right = np.zeros((size, len(confusion)), np.int64)
        diagonal = true == predicted
        right[:, true[diagonal]] = draws[:, diagonal]
        total = _sum_by(draws, true, len(confusion)) + _sum_by(draws, predicted, len(confusion))
        f1 = 2 * right / np.maximum(total, 1)
        scores.append(f1.sum(axis=1) / np.count_nonzero(total, axis=1))
    return percentiles(np.concatenate(scores))


def bootstrap_sums(
    rows: NDArray[np.float64], score: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[float, float] | None:
    """Return the bootstrap percentile interval of a score computed from sums over examples.

    For ratios of totals and corpus scores such as BLEU, which are no means over examples
    (Koehn 2004, "Statistical significance tests for machine translation evaluation").

    Args:
        rows: What each example adds to the sums.
        score: Maps sums to scores, one per row.

    Shapes:
        rows: ``[examples, sums]``
        score: ``[resamples, sums]`` to ``[resamples]``

    Returns:
        The interval, ``None`` if all resamples have one score.

    Example:
        >>> right_of_all = np.array([[3, 4], [1, 5], [2, 2]])   # the ratio of two totals
        >>> low, high = bootstrap_sums(right_of_all, lambda sums: sums[:, 0] / sums[:, 1])
        >>> low < 6 / 11 < high
        True
    """
    examples = len(rows)
    generator = np.random.default_rng(_SEED)
    even = np.full(examples, 1 / examples)
    sums = [
        generator.multinomial(examples, even, size=size) @ rows
        for size in _chunks(examples, examples)
    ]
    return percentiles(score(np.concatenate(sums)))


def percentiles(resampled: NDArray[Any]) -> tuple[float, float] | None:
    """Return the 2.5 % and 97.5 % quantiles, or ``None`` if all values are the same."""
    if np.ptp(resampled) <= 1e-12 * max(1.0, float(np.abs(resampled).max())):
        return None
    low, high = np.quantile(resampled, (0.025, 0.975))
    return float(low), float(high)


def paired_difference(worse: int, better: int, trials: int) -> tuple[float, float]:
    """Return the interval of how much a proportion fell between two paired samples.

    The Wald interval after half a trial was added to each of the four cells (Agresti & Min 2005,
    "Simple improved confidence intervals for comparing matched proportions"). Unlike the plain
    one it does not shrink to nothing where both models are right and wrong together.

    Args:
        worse: Examples that only the first model gets right.
        better: Examples that only the second gets right.
        trials: All examples.

    Example:
        >>> paired_difference(0, 0, 400)
        (-0.0049..., 0.0049...)
    """
    total = trials + 2
    fallen = (worse - better) / total
    spread = (worse + better + 1) - (worse - better) ** 2 / total
    half = Z95 * math.sqrt(spread) / total
    point = (worse - better) / trials
    return min(fallen - half, point), max(fallen + half, point)


def batch_means(point: float, differences: Sequence[float]) -> tuple[float, float] | None:
    """Return the interval of a difference from its values on disjoint parts of the examples.

    The method of batch means: Student's t over the parts. It suits any metric, because only the
    metric of each part is needed.

    Args:
        point: The difference on all examples.
        differences: One value for each of :data:`BLOCKS` parts of about the same size.

    Returns:
        The interval, or ``None`` if there are fewer parts.
    """
    if len(differences) != BLOCKS:
        return None
    mean = sum(differences) / BLOCKS
    variance = sum((value - mean) ** 2 for value in differences) / (BLOCKS - 1)
    half = student_t(BLOCKS - 1) * math.sqrt(variance / BLOCKS)
    return point - half, point + half


def _resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Resample the examples with replacement; return each column's mean of each resample."""
    examples = len(values)
    generator = np.random.default_rng(_SEED)
    return np.concatenate(
        [
            values[generator.integers(0, examples, size=(size, examples))].mean(axis=1)
            for size in _chunks(examples, examples)
        ]
    )


def _chunks(width: int, memory: int) -> list[int]:
    """Return how many resamples to draw at a time.

    Args:
        width: Draws per resample, which limit the number of resamples.
        memory: Numbers per resample, which limit the chunk.
    """
    resamples = max(_FEWEST_RESAMPLES, min(_RESAMPLES, _DRAWS // width))
    step = max(1, _AT_ONCE // memory)
    return [min(step, resamples - start) for start in range(0, resamples, step)]


def _sum_by(values: NDArray[np.int64], group: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """Sum the columns of each group."""
    order = np.argsort(group, kind="stable")
    present, starts = np.unique(group[order], return_index=True)
    sums = np.zeros((len(values), groups), np.int64)
    sums[:, present] = np.add.reduceat(values[:, order], starts, axis=1)
    return sums


__all__ = [
    "bootstrap_function",
    "bootstrap_macro_f1",
    "bootstrap_means",
    "bootstrap_sums",
    "student_t",
    "wilson",
]
