"""Principal components: the best a code of some size can do without a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDEST = 4_096
"""Values an example may have for its covariance matrix to be formed."""

MOST_WIDE = 2_048
"""Wider examples that are used at most: their inner products are formed instead."""


@dataclass(frozen=True)
class Principal:
    """The directions in which examples differ most (Pearson 1901; Hotelling 1933).

    Attributes:
        mean: ``[values]``
        axes: ``[values, size]``, orthonormal, the strongest first.
        share: Of the variance, by axis.
        examples: How many they were fitted on.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    share: NDArray[np.float64]
    examples: int

    def encode(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return the coordinates of examples.

        Shapes:
            rows: ``[examples, values]``
        """
        coordinates: NDArray[np.float64] = (rows - self.mean) @ self.axes
        return coordinates

    def reconstruct(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return the nearest examples that the axes can say."""
        nearest: NDArray[np.float64] = self.encode(rows) @ self.axes.T + self.mean
        return nearest


def fit_principal(blocks: Iterable[NDArray[Any]], size: int) -> Principal:
    """Return the ``size`` principal axes of examples that come in blocks.

    Of examples with more than 4,096 values only the first 2,048 are used.

    Args:
        blocks: At least one example in all.
        size: How many axes; fewer come back where the examples span fewer.

    Shapes:
        blocks: ``[examples, values]`` each.
    """
    import numpy as np

    stream = iter(blocks)
    first = np.asarray(next(stream), np.float64)
    if first.shape[1] > WIDEST:
        return _fit_wide(first, stream, size)
    # About the first block's mean: what is left is small, and nothing cancels.
    origin = first.mean(axis=0)
    count, total = 0, np.zeros_like(origin)
    product = np.zeros((len(origin), len(origin)))
    for block in (first, *stream):
        centered = np.asarray(block, np.float64) - origin
        count += len(centered)
        total += centered.sum(axis=0)
        # Half the time in single precision; the blocks are added up in double.
        narrow = centered.astype(np.float32)
        product += narrow.T @ narrow
    shift = total / count
    values, vectors = np.linalg.eigh(product / count - np.outer(shift, shift))
    values = np.maximum(values[::-1], 0)
    rank = max(1, min(size, int((values > values[0] * 1e-7).sum())))
    share = values[:rank] / (values.sum() or 1.0)
    return Principal(origin + shift, vectors[:, ::-1][:, :rank], share, count)


def _fit_wide(first: NDArray[np.float64], stream: Iterable[NDArray[Any]], size: int) -> Principal:
    import numpy as np

    rows = [first]
    for block in stream:
        if sum(map(len, rows)) >= MOST_WIDE:
            break
        rows.append(np.asarray(block, np.float64))
    table = np.concatenate(rows)[:MOST_WIDE]
    mean = table.mean(axis=0)
    _, values, axes = np.linalg.svd(table - mean, full_matrices=False)
    rank = max(1, min(size, int((values > values[0] * 1e-6).sum())))
    share = values[:rank] ** 2 / (float((values**2).sum()) or 1.0)
    return Principal(mean, axes[:rank].T, share, len(table))


__all__ = ["MOST_WIDE", "WIDEST", "Principal", "fit_principal"]
