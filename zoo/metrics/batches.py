"""The examples of a split, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError
from zoo.spec import Arrays, DataSpec, Split

if TYPE_CHECKING:
    from numpy.typing import NDArray

Batch = tuple["NDArray[Any]", Arrays, Arrays]
"""Positions in the split, inputs, targets."""


def batches(split: Split, data: DataSpec, size: int) -> Iterator[Batch]:
    """Yield every example once, in order, the last short batch included.

    Raises:
        DataError: If the split is empty.
    """
    import numpy as np

    if len(split) == 0:
        raise DataError(
            f"the split of {data.id!r} to evaluate on is empty",
            why="a score needs at least one example",
            fix="give the split a larger share of the data",
        )
    for start in range(0, len(split), size):
        positions = np.arange(start, min(start + size, len(split)))
        yield positions, *split.take(positions)


__all__ = ["Batch", "batches"]
