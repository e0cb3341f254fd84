"""ROC curve, ROC AUC, precision–recall curve and average precision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.figures import Lines, Series
from zoo.metrics.intervals import Z95

_RESAMPLES = 500
_SEED = 1979


def auc(
    positives: NDArray[Any], negatives: NDArray[Any]
) -> tuple[float, tuple[float, float] | None]:
    """Return the area under the ROC curve, with its 95 % interval.

    The area is the probability that a positive example scores higher than a negative one, half of
    the ties included (Hanley & McNeil 1982). The variance is DeLong's (DeLong, DeLong & Clarke-
    Pearson 1988, Biometrics 44), by ranks (Sun & Xu 2014, IEEE SPL 21).

    Args:
        positives: Scores of the positive examples, at least one.
        negatives: Scores of the negative examples, at least one.

    Returns:
        The area and its interval, which is ``None`` where the variance is unknown: all pairs are in
        order, or a class has one example.

    Example:
        >>> auc(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
        (0.875, (0.528..., 1.0))
    """
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
    """Return false and true positive rates at every threshold, highest first.

    Example:
        >>> false, true = roc_curve(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
        >>> false.tolist(), true.tolist()
        ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0])
    """
    true, false = _cumulative_counts(positives, negatives)
    return np.append(0.0, false / len(negatives)), np.append(0.0, true / len(positives))


def roc_figure(
    classes: Mapping[str, tuple[NDArray[Any], NDArray[Any]]], *, title: str, caption: str
) -> Lines:
    """Plot the ROC curves of some models, the first emphasized, and the diagonal of chance.

    Args:
        classes: Scores of positive and of negative examples by the name of the model.
        title: Title of the figure.
        caption: Caption of the figure.

    Example:
        >>> scores = {"mine": (np.array([2.0, 3.0]), np.array([1.0, 2.0]))}
        >>> roc_figure(scores, title="ROC", caption="Close to chance.").y_label
        'true positive rate'
    """
    series = [
        Series.of(name, *roc_curve(*scores), emphasis=number == 0)
        for number, (name, scores) in enumerate(classes.items())
    ]
    return Lines(
        title=title,
        caption=caption,
        series=(*series, Series(name="chance", x=(0.0, 1.0), y=(0.0, 1.0))),
        x_label="false positive rate",
        y_label="true positive rate",
        square=True,
    )


def precision_recall(
    positives: NDArray[Any], negatives: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall and precision at every threshold, highest first.

    Example:
        >>> recall, precision = precision_recall(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
        >>> recall.tolist()
        [0.5, 1.0, 1.0]
    """
    true, false = _cumulative_counts(positives, negatives)
    return true / len(positives), true / (true + false)


def average_precision(
    positives: NDArray[Any], negatives: NDArray[Any]
) -> tuple[float, tuple[float, float] | None]:
    """Return the area under the precision–recall curve, with its 95 % interval.

    The area is the precision at each threshold, weighted by the recall it adds; nothing is
    interpolated. The interval is a seeded bootstrap over the examples of each class (Efron 1979).

    Args:
        positives: Scores of the positive examples, at least one.
        negatives: Scores of the negative examples, at least one.

    Returns:
        The area and its interval, ``None`` where a class has one example.

    Example:
        >>> area, interval = average_precision(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
        >>> round(area, 3)
        0.833
    """

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


def _cumulative_counts(
    positives: NDArray[Any], negatives: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return true and false positives at every threshold, highest first."""
    values = np.concatenate([positives, negatives])
    order = np.argsort(-values, kind="stable")
    positive = (np.arange(len(values)) < len(positives))[order]
    last = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)
    return np.cumsum(positive)[last], np.cumsum(~positive)[last]


def _midranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return ranks from 1; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse.reshape(-1)]
    return ranks


__all__ = ["auc", "average_precision", "precision_recall", "roc_curve", "roc_figure"]
