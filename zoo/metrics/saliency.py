"""Saliency maps: normalize, locate, crop, resize and overlay the evidence for a class.

A map covers its image: each of its ``rows`` x ``columns`` cells has the same share of the area.
Positions are shares of the image's width and height, from its upper left corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.spec import TensorSpec

LEVEL = 0.7
"""Default threshold of a hot cell, as a share of the maximum."""

_COLOR = (255, 96, 0)
_OPACITY = 0.75


@dataclass(frozen=True)
class Box:
    """A bounding box, as shares of the image's sides.

    Example:
        >>> bounding_box(heat) == Box(0.5, 0.25, 0.75, 0.5)
        True
    """

    left: float
    top: float
    right: float
    bottom: float

    def contains(self, x: float, y: float) -> bool:
        """Return whether a point is inside."""
        return self.left <= x <= self.right and self.top <= y <= self.bottom


def heatmap(evidence: NDArray[Any], label: int) -> NDArray[np.float64]:
    """Return the positive evidence for a class, scaled to a maximum of 1.

    Args:
        evidence: Evidence of one image, by cell and class. NaN counts as none.
        label: Index of the class.

    Shapes:
        evidence: ``[rows, columns, classes]``
        Returns: ``[rows, columns]``

    Example:
        >>> evidence = np.zeros((4, 4, 2))
        >>> evidence[1, 2, 1] = 5.0
        >>> heat = heatmap(evidence, label=1)
        >>> float(heat.max())
        1.0
    """
    part = np.maximum(np.nan_to_num(evidence[..., label].astype("float64")), 0)
    largest = float(part.max())
    heat: NDArray[np.float64] = part / largest if largest > 0 else part
    return heat


def centroid(heat: NDArray[Any], level: float = LEVEL) -> tuple[float, float] | None:
    """Return the weighted center of the connected component that contains the maximum.

    Returns:
        Its x and y, or ``None`` if the map is zero everywhere.

    Example:
        >>> centroid(heat)
        (0.625, 0.375)
    """
    hot = _component(heat, level)
    if not hot.any():
        return None
    rows, columns = np.nonzero(hot)
    weights = heat[hot]
    x = float((weights * (columns + 0.5)).sum() / weights.sum()) / heat.shape[1]
    y = float((weights * (rows + 0.5)).sum() / weights.sum()) / heat.shape[0]
    return x, y


def bounding_box(heat: NDArray[Any], level: float = LEVEL) -> Box | None:
    """Return the box around the connected component that contains the maximum.

    Returns:
        The box, or ``None`` if the map is zero everywhere.
    """
    rows, columns = np.nonzero(_component(heat, level))
    if not len(rows):
        return None
    height, width = heat.shape
    return Box(
        float(columns.min()) / width,
        float(rows.min()) / height,
        float(columns.max() + 1) / width,
        float(rows.max() + 1) / height,
    )


def _component(heat: NDArray[Any], level: float) -> NDArray[np.bool_]:
    """Return the cells at or above the level that are 4-connected to the maximum."""
    reached = np.zeros(heat.shape, bool)
    if not heat.max() > 0:
        return reached
    hot = heat >= level * heat.max()
    edge = [divmod(int(heat.argmax()), heat.shape[1])]
    while edge:
        row, column = edge.pop()
        inside = 0 <= row < heat.shape[0] and 0 <= column < heat.shape[1]
        if inside and hot[row, column] and not reached[row, column]:
            reached[row, column] = True
            edge += [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
    return reached


def crop_weights(start: int, length: int, side: int, cells: int) -> NDArray[np.float64]:
    """Return the bilinear weights that crop a map along one axis.

    Args:
        start: First pixel of the crop.
        length: Pixels of the crop.
        side: Pixels that the whole map covers.
        cells: Cells of the whole map.

    Shapes:
        Returns: ``[cells of the crop, cells]``; the crop has its share of the cells, at least one.

    Example:
        >>> crop_weights(start=8, length=16, side=32, cells=4).shape
        (2, 4)
    """
    return _interpolation(start, length, side, cells, max(1, round(cells * length / side)))


def crop(heat: NDArray[Any], image: tuple[int, int], spec: TensorSpec) -> NDArray[np.float64]:
    """Crop the map of a padded image to the image. Other maps stay as they are.

    Args:
        heat: Map of the image as the model sees it, ``[rows, columns]``.
        image: Height and width of the original image, in pixels.
        spec: The model's input.

    Example:
        >>> spec = zoo.TensorSpec(name="image", shape=(32, 32, 3), dtype="uint8", role="image")
        >>> crop(heat, (64, 64), spec).shape
        (4, 4)
    """
    from zoo.runtime.images import PADDED, placed

    if spec.outside != PADDED:
        return heat
    side = int(spec.shape[0]), int(spec.shape[1])
    top, left, height, width = placed(*image, *side)
    rows = crop_weights(top, height, side[0], heat.shape[0])
    columns = crop_weights(left, width, side[1], heat.shape[1])
    part: NDArray[np.float64] = rows @ heat @ columns.T
    return part


def resize(heat: NDArray[Any], height: int, width: int) -> NDArray[np.float64]:
    """Resize a map bilinearly."""
    rows = _interpolation(0, height, height, heat.shape[0], height)
    columns = _interpolation(0, width, width, heat.shape[1], width)
    resized: NDArray[np.float64] = rows @ heat @ columns.T
    return resized


def _interpolation(
    start: int, length: int, side: int, cells: int, count: int
) -> NDArray[np.float64]:
    centers = (start + (np.arange(count) + 0.5) * length / count) * cells / side - 0.5
    centers = np.clip(centers, 0, cells - 1)
    weights: NDArray[np.float64] = np.maximum(0, 1 - abs(centers[:, None] - np.arange(cells)[None]))
    return weights


def overlay(image: NDArray[Any], heat: NDArray[Any]) -> NDArray[np.uint8]:
    """Blend a map in color over the grayscale image.

    Shapes:
        image: uint8 ``[height, width, 1 or 3]``
        heat: ``[rows, columns]``
        Returns: uint8 ``[height, width, 3]``

    Example:
        >>> overlay(np.zeros((8, 8, 3), np.uint8), heat).shape
        (8, 8, 3)
    """
    height, width = image.shape[:2]
    opacity = _OPACITY * np.clip(resize(heat, height, width), 0, 1)[..., None]
    gray = image.astype("float64").mean(axis=-1, keepdims=True)
    blended: NDArray[np.uint8] = np.rint(gray * (1 - opacity) + np.array(_COLOR) * opacity).astype(
        "uint8"
    )
    return blended


__all__ = ["Box", "bounding_box", "centroid", "crop", "crop_weights", "heatmap", "overlay"]
