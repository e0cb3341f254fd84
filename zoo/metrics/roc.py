"""How well a number tells two kinds of examples apart, whatever the threshold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zoo.metrics.intervals import Z95

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RESAMPLES = 500
_SEED = 1979


def auc(
    positives: NDArray[Any], negatives: NDArray[Any]
) -> tuple[float, tuple[float, float] | None]:
    """Return the area under the ROC curve, with its 95 % interval.

    The area is the chance that a positive example has a larger number than a negative one, half of
    the ties included (Hanley & McNeil 1982). The variance is DeLong's (DeLong, DeLong & Clarke-
    Pearson 1988, Biometrics 44), by ranks (Sun & Xu 2014, IEEE SPL 21).

    Args:
        positives: One number an example that should have a large one; at least one.
        negatives: Likewise of the others.

    Returns:
        The area and its interval, which is ``None`` where the variance cannot be told: all pairs
        are in order, or a kind has one example.

    Example:
        >>> auc(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
        (0.875, (0.4..., 1.0))
    """
    import numpy as np

    m, n = len(positives), len(negatives)
    together = _midranks(np.concatenate([positives, negatives]))
    above = (together[:m] - _midranks(positives)) / n
    below = 1 - (together[m:] - _midranks(negatives)) / m
    area = float(above.mean())
    if min(m, n) < 2:
        return area, None
    spread = math.sqrt(float(above.var(ddof=1)) / m + float(below.var(ddof=1)) / n)
    if spread < 1e-12:
        return area, None
    return area, (max(area - Z95 * spread, 0.0), min(area + Z95 * spread, 1.0))


def roc_curve(
    positives: NDArray[Any], negatives: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares of negatives and of positives above every threshold, highest first."""
    import numpy as np

    values = np.concatenate([positives, negatives])
    order = np.argsort(-values, kind="stable")
    found = (np.arange(len(values)) < len(positives))[order]
    last = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)
    true = np.cumsum(found)[last] / len(positives)
    false = np.cumsum(~found)[last] / len(negatives)
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true])


def precision_recall(
    positives: NDArray[Any], negatives: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall and precision at every threshold, highest first."""
    import numpy as np

    values = np.concatenate([positives, negatives])
    order = np.argsort(-values, kind="stable")
    found = (np.arange(len(values)) < len(positives))[order]
    last = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)
    true = np.cumsum(found)[last]
    return true / len(positives), true / (last + 1)


def average_precision(
    positives: NDArray[Any], negatives: NDArray[Any]
) -> tuple[float, tuple[float, float] | None]:
    """Return the area under the precision–recall curve, with its 95 % interval.

    The area is the precision at each threshold, weighted by the recall it adds; nothing is
    interpolated. The interval is a seeded bootstrap over the examples of each kind (Efron 1979).

    Args:
        positives: One number an example that should have a large one; at least one.
        negatives: Likewise of the others.

    Returns:
        The area and its interval, ``None`` where a kind has one example.
    """
    import numpy as np

    def area(above: NDArray[Any], below: NDArray[Any]) -> float:
        recall, precision = precision_recall(above, below)
        return float((np.diff(recall, prepend=0.0) * precision).sum())

    whole = area(positives, negatives)
    if min(len(positives), len(negatives)) < 2:
        return whole, None
    random = np.random.default_rng(_SEED)
    again = [
        area(random.choice(positives, len(positives)), random.choice(negatives, len(negatives)))
        for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(again, [0.025, 0.975])
    return whole, (min(float(low), whole), max(float(high), whole))


def _midranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return ranks counted from 1; equal values share the mean of theirs."""
    import numpy as np

    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse.reshape(-1)]
    return ranks


__all__ = ["auc", "average_precision", "precision_recall", "roc_curve"]
