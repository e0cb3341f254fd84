"""How sure a trained model may be, and from when on it says yes: chosen on validation examples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_GRID = np.exp(np.linspace(np.log(0.05), np.log(20.0), 241))
_TINY = 1e-12


def best_temperature(logits: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the temperature with the least log loss (Guo et al. 2017), of a grid and once finer.

    Args:
        logits: As the head gives them, `(examples, classes)`.
        labels: True classes, `(examples,)`.
    """
    logits = logits.astype("float64")
    coarse = min(_GRID, key=lambda t: log_loss(logits / t, labels))
    fine = coarse * np.exp(np.linspace(-0.025, 0.025, 51))
    return float(min(fine, key=lambda t: log_loss(logits / t, labels)))


def log_loss(logits: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the mean log loss of logits, nats."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    normal = np.log(np.exp(shifted).sum(axis=1))
    return float((normal - shifted[np.arange(len(labels)), labels]).mean())


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return probabilities."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return chances


def best_threshold(chances: NDArray[Any], is_positive: NDArray[Any], miss_cost: float) -> float:
    """Return the probability from which on saying yes costs least.

    Of equally cheap thresholds the middle of those nearest to what calibrated probabilities would
    ask for, ``1 / (1 + miss_cost)``.

    Args:
        chances: Of the class that is looked for, `(examples,)`.
        is_positive: Whether it is there.
        miss_cost: What a miss costs, in false alarms.
    """
    wanted = 1.0 / (1.0 + miss_cost)
    if is_positive.all() or not is_positive.any():
        return wanted
    values = np.unique(chances)
    # Halfway between neighbors, so that an example of the like falls on the side of its own.
    edges = np.concatenate([[0.0], (values[1:] + values[:-1]) / 2, [1.0]])
    misses = np.searchsorted(np.sort(chances[is_positive]), edges, side="left")
    others = np.sort(chances[~is_positive])
    alarms = len(others) - np.searchsorted(others, edges, side="left")
    cost = miss_cost * misses + alarms
    cheap = np.flatnonzero(cost <= cost.min() + _TINY)
    return float(edges[cheap[np.argmin(abs(edges[cheap] - wanted))]])


__all__ = ["best_temperature", "best_threshold", "log_loss", "softmax"]
