"""Pictures as data URIs."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.metrics.figures import encode_png

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 192
"""Pixels along the longer side of a picture in a report."""

TINY = 64
"""Up to this size a picture is shown with its pixels as squares."""


@dataclass(frozen=True)
class Picture:
    """One picture, ready for an ``img`` element."""

    uri: str
    tiny: bool


def picture(array: np.ndarray) -> Picture:
    """Return one picture as a data URI, made smaller if it is large.

    Args:
        array: Raw values: integers from 0 to 255; anything else is stretched so that its
            smallest value is black and its largest white.

    Shapes:
        array: ``[height, width, 1 or 3]``
    """
    import numpy as np

    pixels: NDArray[np.uint8] = array
    if array.dtype != np.uint8:
        values = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        if array.dtype.kind in "iu" and values.min() >= 0 and values.max() <= 255:
            pixels = values.astype(np.uint8)
        else:
            spread = np.ptp(values) or 1.0
            pixels = np.rint((values - values.min()) / spread * 255).astype(np.uint8)
    tiny = max(array.shape[:2]) <= TINY
    data = base64.b64encode(encode_png(pixels, LARGEST)).decode("ascii")
    return Picture(f"data:image/png;base64,{data}", tiny)


__all__ = ["LARGEST", "TINY", "Picture", "picture"]
