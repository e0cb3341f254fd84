"""Where a model looked: maps of evidence as heat, as a place, as a box, and as a picture.

A map covers its picture: of ``rows`` x ``columns`` cells each has the same share of it. Places are
shares of the picture's width and height, from its upper left corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.7
"""Cells with at least this share of the largest evidence are hot."""

_HOT = (255, 96, 0)
_COVER = 0.75


@dataclass(frozen=True)
class Box:
    """A part of a picture, as shares of its sides."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, x: float, y: float) -> bool:
        """Return whether a place is inside."""
        return self.left <= x <= self.right and self.top <= y <= self.bottom


def heat(evidence: NDArray[Any], chosen: int) -> NDArray[np.float64]:
    """Return what speaks for a class: 1 where most does, 0 where nothing does or some against it.

    Args:
        evidence: Of one picture.
        chosen: Index of the class.

    Shapes:
        evidence: ``[rows, columns, classes]``
        Returns: ``[rows, columns]``
    """
    import numpy as np

    part = np.maximum(np.nan_to_num(evidence[..., chosen].astype("float64")), 0)
    largest = float(part.max())
    warm: NDArray[np.float64] = part / largest if largest > 0 else part
    return warm


def middle(warm: NDArray[Any], level: float = LEVEL) -> tuple[float, float] | None:
    """Return the center of gravity of the hottest cells that hang together, as x and y.

    ``None`` where nothing is hot.
    """
    import numpy as np

    hot = _hottest(warm, level)
    if not hot.any():
        return None
    rows, columns = np.nonzero(hot)
    weights = warm[hot]
    x = float((weights * (columns + 0.5)).sum() / weights.sum()) / warm.shape[1]
    y = float((weights * (rows + 0.5)).sum() / weights.sum()) / warm.shape[0]
    return x, y


def box(warm: NDArray[Any], level: float = LEVEL) -> Box | None:
    """Return what surrounds the hottest cells that hang together; ``None`` where nothing is hot."""
    import numpy as np

    rows, columns = np.nonzero(_hottest(warm, level))
    if not len(rows):
        return None
    tall, wide = warm.shape
    return Box(
        float(columns.min()) / wide,
        float(rows.min()) / tall,
        float(columns.max() + 1) / wide,
        float(rows.max() + 1) / tall,
    )


def _hottest(warm: NDArray[Any], level: float) -> NDArray[np.bool_]:
    """Return the hot cells that can be reached from the hottest one, side by side."""
    import numpy as np

    reached = np.zeros(warm.shape, bool)
    if not warm.max() > 0:
        return reached
    hot = warm >= level * warm.max()
    edge = [divmod(int(warm.argmax()), warm.shape[1])]
    while edge:
        row, column = edge.pop()
        inside = 0 <= row < warm.shape[0] and 0 <= column < warm.shape[1]
        if inside and hot[row, column] and not reached[row, column]:
            reached[row, column] = True
            edge += [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
    return reached


def cut_weights(start: int, length: int, side: int, cells: int) -> NDArray[np.float64]:
    """Return bilinear weights from all cells of a map along one axis to those of a part of it.

    Args:
        start: Where the part begins, in pixels of what the map covers.
        length: How long it is.
        side: How long all of it is.
        cells: How many cells cover that.

    Shapes:
        Returns: ``[part of the cells, cells]``; the part has its share of them, at least one.
    """
    import numpy as np

    count = max(1, round(cells * length / side))
    centers = (start + (np.arange(count) + 0.5) * length / count) * cells / side - 0.5
    centers = np.clip(centers, 0, cells - 1)
    weights: NDArray[np.float64] = np.maximum(0, 1 - abs(centers[:, None] - np.arange(cells)[None]))
    return weights


def cut(
    warm: NDArray[Any], place: tuple[int, int, int, int], size: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the part of a map that covers a picture inside a padded one.

    Args:
        warm: Of the padded picture, ``[rows, columns]``.
        place: First row and column of the picture in it, and how many, in pixels.
        size: Height and width of the padded picture, pixels.
    """
    top, left, tall, wide = place
    rows = cut_weights(top, tall, size[0], warm.shape[0])
    columns = cut_weights(left, wide, size[1], warm.shape[1])
    part: NDArray[np.float64] = rows @ warm @ columns.T
    return part


def enlarge(warm: NDArray[Any], height: int, width: int) -> NDArray[np.float64]:
    """Return a map with one value a pixel, bilinear between the middles of its cells."""
    import numpy as np

    def weights(cells: int, pixels: int) -> NDArray[np.float64]:
        place = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
        near: NDArray[np.float64] = np.maximum(0, 1 - abs(place[:, None] - np.arange(cells)[None]))
        return near

    rows, columns = warm.shape
    wide: NDArray[np.float64] = weights(rows, height) @ warm @ weights(columns, width).T
    return wide


def overlay(picture: NDArray[Any], warm: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a picture, grayed, with its heat in color.

    Shapes:
        picture: uint8 ``[height, width, 1 or 3]``
        warm: ``[rows, columns]``
        Returns: uint8 ``[height, width, 3]``
    """
    import numpy as np

    height, width = picture.shape[:2]
    cover = _COVER * np.clip(enlarge(warm, height, width), 0, 1)[..., None]
    gray = picture.astype("float64").mean(axis=-1, keepdims=True)
    mixed = gray * (1 - cover) + np.array(_HOT) * cover
    drawn: NDArray[np.uint8] = np.rint(mixed).astype("uint8")
    return drawn


__all__ = [
    "LEVEL",
    "Box",
    "box",
    "cut",
    "cut_weights",
    "enlarge",
    "heat",
    "middle",
    "overlay",
]
