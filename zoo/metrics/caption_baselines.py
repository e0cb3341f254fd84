"""What captions are compared with that were written without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.metrics.figures import evenly_spaced
from zoo.spec import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 10_000
"""How many training pictures are compared with, spread evenly over all."""

SIDE = 16
"""Pixels a side that pictures are averaged to before they are compared."""

_BLOCK = 256


def frequent_caption(captions: Sequence[str]) -> str:
    """Return the most frequent caption; the first in the alphabet of equally frequent ones."""
    counts = Counter(captions)
    return min(counts, key=lambda caption: (-counts[caption], caption))


def nearest_pictures(
    split: Split, reference: Split, name: str, positions: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for each picture the training example whose pixels differ least, squared and added up.

    Args:
        split: Where the pictures are.
        reference: The training split; of more than ``MOST`` examples evenly spread ones count.
        name: Of the input that is a picture.
        positions: The examples of the split that are looked for.

    Shapes:
        positions: ``[pictures]``, as what is returned
    """
    import numpy as np

    chosen = np.array(evenly_spaced(len(reference), MOST), np.int64)
    known = _small(reference, name, chosen)
    lengths = (known * known).sum(axis=1)
    nearest = []
    for start in range(0, len(positions), _BLOCK):
        asked = _small(split, name, positions[start : start + _BLOCK])
        nearest.append((lengths - 2 * asked @ known.T).argmin(axis=1))
    return np.asarray(chosen[np.concatenate(nearest)], np.int64)


def _small(split: Split, name: str, positions: NDArray[np.int64]) -> NDArray[np.float32]:
    import numpy as np

    rows = []
    for start in range(0, len(positions), _BLOCK):
        raw = split.take(positions[start : start + _BLOCK])[0][name]
        pixels: NDArray[Any] = raw.astype(np.float32)
        for axis in (1, 2):
            size = pixels.shape[axis]
            edges = np.unique(np.arange(SIDE) * size // SIDE)
            counts = np.diff(np.append(edges, size)).astype(np.float32)
            shape = [-1 if at == axis else 1 for at in range(4)]
            pixels = np.add.reduceat(pixels, edges, axis=axis) / counts.reshape(shape)
        rows.append(pixels.reshape(len(pixels), -1).astype(np.float32))
    return np.concatenate(rows)


__all__ = ["MOST", "SIDE", "frequent_caption", "nearest_pictures"]
