"""Images and labels of a split, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import DataSpec, Split

BATCH = 32
"""Images per batch: at 224 pixels a side a backbone takes much memory."""


def label_name(data: DataSpec) -> str:
    """Return the name of the target that is a class."""
    return next(tensor.name for tensor in data.targets if tensor.labels is not None)


def labeled_batches(
    split: Split, data: DataSpec
) -> Iterator[tuple[slice, NDArray[Any], NDArray[np.int64]]]:
    """Yield rows, raw images and labels of all examples, in order.

    All batches of images have one size, because Keras traces a graph for every other: the last one
    is filled up with its last image.

    Shapes:
        Yields: rows; images `(32, height, width, channels)`; labels `(rows,)`
    """
    image, label = data.inputs[0].name, label_name(data)
    for start in range(0, len(split), BATCH):
        rows = slice(start, min(start + BATCH, len(split)))
        inputs, targets = split.take(np.minimum(np.arange(start, start + BATCH), len(split) - 1))
        labels = np.asarray(targets[label]).reshape(-1)[: rows.stop - start]
        yield rows, inputs[image], labels.astype(np.int64)
