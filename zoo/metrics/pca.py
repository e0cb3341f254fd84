"""Principal component analysis: the linear baseline of autoencoders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_COVARIANCE = 4_096
"""Values an example may have for its covariance matrix to be formed."""

MAX_WIDE_EXAMPLES = 2_048
"""Wider examples to use at most: a singular value decomposition takes them all at once."""


@dataclass(frozen=True)
class PCA:
    """Fitted principal components (Pearson 1901; Hotelling 1933).

    Attributes:
        mean: ``[values]``
        axes: ``[values, size]``, orthonormal, the strongest first.
        share: Explained share of the variance by axis.
        examples: Number of examples it was fitted on.
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
        """Return the projections of examples onto the axes.

        Shapes:
            rows: ``[examples, values]``
        """
        nearest: NDArray[np.float64] = self.encode(rows) @ self.axes.T + self.mean
        return nearest


def fit_pca(blocks: Iterable[NDArray[Any]], size: int) -> PCA:
    """Fit principal components on examples that come in blocks.

    Of examples with more than 4,096 values only the first 2,048 are used.

    Args:
        blocks: At least one example in all.
        size: Number of axes; fewer are returned where the examples span fewer.

    Shapes:
        blocks: ``[examples, values]`` each.
    """
    stream = iter(blocks)
    first = np.asarray(next(stream), np.float64)
    if first.shape[1] > MAX_COVARIANCE:
        return _fit_wide(first, stream, size)
    # Centered on the first block's mean, the values are small, and nothing cancels.
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
    return PCA(origin + shift, vectors[:, ::-1][:, :rank], share, count)


def _fit_wide(first: NDArray[np.float64], stream: Iterable[NDArray[Any]], size: int) -> PCA:
    rows = [first]
    for block in stream:
        if sum(map(len, rows)) >= MAX_WIDE_EXAMPLES:
            break
        rows.append(np.asarray(block, np.float64))
    table = np.concatenate(rows)[:MAX_WIDE_EXAMPLES]
    mean = table.mean(axis=0)
    _, values, axes = np.linalg.svd(table - mean, full_matrices=False)
    rank = max(1, min(size, int((values > values[0] * 1e-6).sum())))
    share = values[:rank] ** 2 / (float((values**2).sum()) or 1.0)
    return PCA(mean, axes[:rank].T, share, len(table))
