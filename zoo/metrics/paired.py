"""Intervals of a difference between two models that answered the same examples."""

from __future__ import annotations

import math
from collections.abc import Sequence

from zoo.metrics.intervals import Z95

BLOCKS = 10
"""Parts into which :func:`batch_means` expects the examples to be divided."""

_T95 = 2.262157162740992
"""The 97.5 % point of Student's t with 9 degrees of freedom."""


def paired_proportions(worse: int, better: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of how much a proportion fell between two paired samples.

    The Wald interval after half a trial was added to each of the four cells (Agresti & Min 2005,
    "Simple improved confidence intervals for comparing matched proportions"). Unlike the plain
    one it does not shrink to nothing where both models are right and wrong together.

    Args:
        worse: Examples that only the first model gets right.
        better: Examples that only the second gets right.
        trials: All examples.

    Example:
        >>> paired_proportions(0, 0, 400)
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
    half = _T95 * math.sqrt(variance / BLOCKS)
    return point - half, point + half


__all__ = ["BLOCKS", "batch_means", "paired_proportions"]
