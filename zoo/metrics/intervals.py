"""Intervals that hold a score 95 times out of 100."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Z95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""

_T95 = (12.706204736, 4.302652730, 3.182446305, 2.776445105, 2.570581836,
        2.446911851, 2.364624252, 2.306004135, 2.262157163, 2.228138852)  # fmt: skip

BLOCKS = 10
"""Parts into which :func:`batch_means` expects the examples to be divided."""

_RESAMPLES = 1000
_FEWEST_RESAMPLES = 200
_DRAWS = 200_000_000
_AT_ONCE = 4_000_000
_SEED = 1927


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion (Wilson 1927).

    Unlike the textbook ``p ± 1.96 √(p(1-p)/n)`` it stays inside 0 to 1 and does not shrink to
    nothing when every trial succeeds.

    Args:
        successes: How often it happened.
        trials: How often it could have, at least once.

    Example:
        >>> wilson(10, 10)
        (0.7224..., 1.0)
    """
    share = successes / trials
    spread = Z95 * Z95 / trials
    center = (share + spread / 2) / (1 + spread)
    half = Z95 * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return min(max(0.0, center - half), share), max(min(1.0, center + half), share)


def student_t(freedom: int) -> float:
    """Return the 97.5 % point of Student's t distribution.

    Up to 10 degrees of freedom it is looked up; beyond, the Cornish–Fisher series (Abramowitz &
    Stegun 1964, 26.7.5) is right to a tenth of a per mille.

    Args:
        freedom: Degrees of freedom, at least 1.

    Example:
        >>> student_t(9)
        2.262157163
    """
    if freedom <= len(_T95):
        return _T95[freedom - 1]
    z = Z95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def bootstrap_means(values: NDArray[np.float64]) -> list[tuple[float, float] | None]:
    """Return the 95 % percentile interval of each column's mean (Efron 1979).

    The examples are drawn again with replacement 1,000 times (fewer, though at least 200, where
    there are more than 200,000 of them), from a fixed seed.

    Shapes:
        values: ``[examples, columns]``

    Returns:
        One interval a column, or ``None`` where every resample gives the same mean, because
        then the bootstrap knows nothing.
    """
    return [percentiles(column) for column in _resampled_means(values).T]


def bootstrap_function(
    values: NDArray[np.float64], function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of a function of several columns' means.

    The columns of an example stay together, as in :func:`bootstrap_means`.

    Args:
        values: What is averaged.
        function: From means, one row a resample, to one number a resample.

    Shapes:
        values: ``[examples, columns]``

    Returns:
        The interval, or ``None`` where every resample gives the same number.

    Example:
        >>> bootstrap_function(squared_errors[:, None], lambda means: np.sqrt(means[:, 0]))
    """
    return percentiles(function(_resampled_means(values)))


def _resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw the examples again with replacement, and return each column's mean of each draw."""
    import numpy as np

    examples = len(values)
    generator = np.random.default_rng(_SEED)
    resamples = _resamples(examples)
    step = max(1, _AT_ONCE // examples)
    return np.concatenate(
        [
            values[
                generator.integers(0, examples, size=(min(step, resamples - start), examples))
            ].mean(axis=1)
            for start in range(0, resamples, step)
        ]
    )


def bootstrap_macro_f1(confusion: NDArray[np.int64]) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of the macro F1 behind a confusion matrix.

    Drawing examples again with replacement is a multinomial draw over the cells, so that the
    cost does not grow with the number of examples.

    Shapes:
        confusion: ``[classes, classes]``
    """
    import numpy as np

    true, predicted = np.nonzero(confusion)
    counts = confusion[true, predicted]
    examples = int(counts.sum())
    generator = np.random.default_rng(_SEED)
    resamples = _resamples(len(counts))
    step = max(1, _AT_ONCE // max(len(counts), len(confusion)))
    scores = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
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
    """Return the 95 % percentile interval of a score that is made of sums over examples.

    A ratio of totals or a corpus score (BLEU) is no mean over examples: the examples are drawn
    again with replacement, their counts are summed, and the score is that of the sums
    (Koehn 2004, "Statistical significance tests for machine translation evaluation").

    Args:
        rows: What each example adds to the sums.
        score: From sums to scores, one a row.

    Shapes:
        rows: ``[examples, sums]``
        score: ``[resamples, sums]`` to ``[resamples]``
    """
    import numpy as np

    examples = len(rows)
    generator = np.random.default_rng(_SEED)
    resamples = _resamples(examples)
    step = max(1, _AT_ONCE // examples)
    sums = [
        generator.multinomial(
            examples, np.full(examples, 1 / examples), size=min(step, resamples - start)
        )
        @ rows
        for start in range(0, resamples, step)
    ]
    return percentiles(score(np.concatenate(sums)))


def paired_difference(worse: int, better: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of how much a proportion fell between two paired samples.

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
    """Return the 95 % interval of a difference from its values on disjoint parts of the examples.

    The method of batch means: Student's t over the parts. It suits any metric, because only the
    metric of each part is needed.

    Args:
        point: The difference on all examples.
        differences: One value each of :data:`BLOCKS` parts of about the same size.

    Returns:
        The interval, or ``None`` if there are fewer parts.
    """
    if len(differences) != BLOCKS:
        return None
    mean = sum(differences) / BLOCKS
    variance = sum((value - mean) ** 2 for value in differences) / (BLOCKS - 1)
    half = student_t(BLOCKS - 1) * math.sqrt(variance / BLOCKS)
    return point - half, point + half


def percentiles(resampled: NDArray[Any]) -> tuple[float, float] | None:
    """Return the 2.5 % and 97.5 % points, or ``None`` if all values are the same."""
    import numpy as np

    if np.ptp(resampled) <= 1e-12 * max(1.0, float(np.abs(resampled).max())):
        return None
    low, high = np.quantile(resampled, (0.025, 0.975))
    return float(low), float(high)


def _resamples(width: int) -> int:
    return max(_FEWEST_RESAMPLES, min(_RESAMPLES, _DRAWS // width))


def _sum_by(values: NDArray[np.int64], group: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """Sum the columns that belong to the same group."""
    import numpy as np

    order = np.argsort(group, kind="stable")
    present, starts = np.unique(group[order], return_index=True)
    sums = np.zeros((len(values), groups), np.int64)
    sums[:, present] = np.add.reduceat(values[:, order], starts, axis=1)
    return sums


__all__ = [
    "BLOCKS",
    "Z95",
    "batch_means",
    "bootstrap_function",
    "bootstrap_macro_f1",
    "bootstrap_means",
    "bootstrap_sums",
    "paired_difference",
    "percentiles",
    "student_t",
    "wilson",
]
