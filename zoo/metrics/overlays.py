"""Images with masks or boxes drawn on them, for the image figures of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLORS = ((230, 85, 13), (49, 130, 189), (49, 163, 84), (117, 107, 177), (189, 158, 57))
"""Colors of the classes in turn, red, green and blue from 0 to 255; class 0 is the background."""

_OPACITY = 0.5


def draw_mask(image: NDArray[Any], mask: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an image with the classes of its pixels in color.

    Args:
        image: uint8, or values from 0 to 1.
        mask: Class of each pixel; 0 stays as it is.

    Shapes:
        image: ``[height, width, 1 or 3]``
        mask: ``[height, width]``

    Returns:
        uint8 of shape ``[height, width, 3]``.

    Raises:
        ValueError: If their sizes differ.

    Example:
        >>> mask = np.eye(8, dtype=int)
        >>> draw_mask(np.zeros((8, 8, 1)), mask)[0, 0].tolist()
        [115, 42, 6]
    """
    drawn = _rgb(image)
    if mask.shape != drawn.shape[:2]:
        raise ValueError(
            f"expected a mask of the size of the image, {drawn.shape[:2]}. "
            f"Received: mask.shape={mask.shape}"
        )
    classes = mask.astype(np.int64)
    colors = np.array(COLORS)[(classes - 1) % len(COLORS)]
    mixed = np.rint((1 - _OPACITY) * drawn + _OPACITY * colors).astype(np.uint8)
    return np.where((classes > 0)[..., None], mixed, drawn)


def draw_boxes(
    image: NDArray[Any], boxes: NDArray[Any], classes: Sequence[int] = ()
) -> NDArray[np.uint8]:
    """Return an image with boxes drawn on it, one pixel wide.

    Args:
        image: uint8, or values from 0 to 1.
        boxes: Left, top, right and bottom of each box, in pixels; what lies outside is cut.
        classes: Class of each box from 0, which decides its color; by default all have one.

    Shapes:
        image: ``[height, width, 1 or 3]``
        boxes: ``[boxes, 4]``

    Returns:
        uint8 of shape ``[height, width, 3]``.

    Raises:
        ValueError: If the boxes have another shape, or classes another number.

    Example:
        >>> draw_boxes(np.zeros((8, 8, 1)), np.array([[1, 1, 6, 6]]))[1, 1].tolist()
        [230, 85, 13]
    """
    drawn = _rgb(image).copy()
    height, width = drawn.shape[:2]
    if boxes.ndim != 2 or boxes.shape[-1] != 4 or len(classes) not in (0, len(boxes)):
        raise ValueError(
            "expected [boxes, 4], and a class for each or none. "
            f"Received: boxes.shape={boxes.shape}, {len(classes)} classes"
        )
    for number, box in enumerate(np.nan_to_num(boxes)):
        color = COLORS[(classes[number] if len(classes) else 0) % len(COLORS)]
        left, right = np.clip(np.rint(box[[0, 2]]), 0, width - 1).astype(int)
        top, bottom = np.clip(np.rint(box[[1, 3]]), 0, height - 1).astype(int)
        drawn[[top, bottom], left : right + 1] = color
        drawn[top : bottom + 1, [left, right]] = color
    return drawn


def _rgb(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.dtype != np.uint8:
        image = np.rint(np.clip(np.nan_to_num(image), 0, 1) * 255).astype(np.uint8)
    return np.broadcast_to(image, (*image.shape[:2], 3))


__all__ = ["draw_boxes", "draw_mask"]
