"""Pictures as PNG, written with zlib alone."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def encode_png(pixels: np.ndarray) -> bytes:
    """Encode gray or color pixels (W3C PNG, filter 0).

    Args:
        pixels: uint8.

    Shapes:
        pixels: ``[height, width, 1 or 3]``
    """
    import numpy as np

    height, width, channels = pixels.shape
    lines = np.zeros((height, 1 + width * channels), np.uint8)
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )


def shrink(pixels: np.ndarray, longest: int) -> np.ndarray:
    """Average square blocks of pixels until the longer side fits.

    Args:
        pixels: uint8.
        longest: The most pixels of a side.

    Shapes:
        pixels: ``[height, width, channels]``
    """
    import numpy as np

    height, width, channels = pixels.shape
    step = -(-max(height, width) // longest)
    if step == 1:
        return pixels
    # A side shorter than one block is repeated into one.
    padded = np.pad(pixels, ((0, -height % step), (0, -width % step), (0, 0)), mode="edge")
    height, width = padded.shape[0] // step, padded.shape[1] // step
    blocks = padded.reshape(height, step, width, step, channels)
    means: np.ndarray = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return means


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


__all__ = ["encode_png", "shrink"]
