"""What simpler methods make of the same pictures."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import DataSpec, Split

MOST = 4_000
"""Training pictures that are counted; more of them change little."""

_BINS = 6
_BATCH = 256


def majority(reference: NDArray[Any], true: NDArray[Any], classes: int) -> int:
    """Return how often the most frequent class of the training examples is right."""
    common = int(np.bincount(reference, minlength=classes).argmax())
    return int((true == common).sum())


def colors(split: Split, data: DataSpec, positions: NDArray[Any]) -> tuple[Any, NDArray[Any]]:
    """Return how often each color comes in each picture, and the classes.

    A color is one of 216, six steps a channel; of a gray picture one of six.

    Shapes:
        Returns: `(examples, colors)`, shares; `(examples,)`
    """
    spec = data.inputs[0]
    target = next(tensor.name for tensor in data.targets if tensor.labels is not None)
    low, high = spec.range or (0.0, 255.0)
    rows, labels = [], []
    for start in range(0, len(positions), _BATCH):
        inputs, targets = split.take(positions[start : start + _BATCH])
        share = (inputs[spec.name].astype("float32") - low) / (high - low)
        step = np.clip((share * _BINS).astype("int64"), 0, _BINS - 1)
        weights = _BINS ** np.arange(step.shape[-1])
        codes = (step * weights).sum(axis=-1).reshape(len(step), -1)
        count = _BINS ** step.shape[-1]
        rows.append(np.stack([np.bincount(c, minlength=count) / c.size for c in codes]))
        labels.append(np.asarray(targets[target]).reshape(-1))
    return np.concatenate(rows), np.concatenate(labels).astype(int)


def histogram_right(
    known: tuple[NDArray[Any], NDArray[Any]], asked: tuple[NDArray[Any], NDArray[Any]]
) -> int | None:
    """Return how often logistic regression on colors is right; ``None`` without scikit-learn."""
    if importlib.util.find_spec("sklearn") is None or len(set(known[1].tolist())) < 2:
        return None
    from sklearn.linear_model import LogisticRegression

    # Square roots bring rare and common colors to one scale.
    fitted = LogisticRegression(C=10.0, max_iter=2_000).fit(np.sqrt(known[0]), known[1])
    return int((fitted.predict(np.sqrt(asked[0])) == asked[1]).sum())


__all__ = ["MOST", "colors", "histogram_right", "majority"]
