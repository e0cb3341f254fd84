"""Read image files with Pillow, and resize images to a model's input.

One path for training and for serving: the same file gives the same bytes on every machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import BadRecord, DataError
from zoo.files import read_regular
from zoo.runtime.image_formats import (
    Corrupt,
    Image,
    PillowImage,
    array_of,
    check,
    decoded,
    from_array,
    header,
    loaded,
)

PADDED = "aspect kept, the rest gray"
"""``outside`` of the spec of an image that is padded to its size, and not stretched."""

GRAY = 128
"""Level of the padding of an image."""

_MAX_BYTES = 2**30


def read_image(path: Path | str) -> Image:
    """Decode an image file.

    Transparency is composited on white, a palette is expanded, gray of 16 bits is rounded to 8 (of
    colors the high byte counts), and the image is turned upright as its EXIF orientation says. Of
    an animation the first frame counts.

    Args:
        path: A PNG, JPEG, GIF, BMP, WebP, TIFF, PNM, AVIF or HEIC file. The content decides the
            format, not the name. HEIC needs the extra ``heif``.

    Returns:
        uint8 ``[height, width, channels]``, one channel for a gray image, else three.

    Raises:
        BadRecord: If the file is missing, empty, corrupt, not an image, or has more
            than 64 million pixels.
        MissingExtra: If it is HEIC, and ``pillow-heif`` is not installed.

    Example:
        >>> read_image("seven.png").shape
        (8, 8, 1)
    """
    return decode_image(read_bytes(path), path)


def decode_image(data: bytes, path: Path | str) -> Image:
    """Decode the bytes of an image file, as :func:`read_image` does; the path is for errors."""
    return array_of(open_image(data, path))


def open_image(data: bytes, path: Path | str) -> PillowImage:
    """Decode the bytes of an image file to an image of Pillow, in mode ``L`` or ``RGB``.

    Its pixels are those of :func:`decode_image`, which copies them.
    """
    try:
        return decoded(data)
    except Corrupt as error:
        raise _bad(path, str(error)) from error


def from_pillow(image: Any) -> Image:
    """Return the pixels of an image of Pillow, as :func:`read_image` returns those of a file.

    Raises:
        DataError: If its pixels have no range of their own.
    """
    try:
        return array_of(loaded(image))
    except Corrupt as error:
        raise DataError(f"the image cannot be used: {error}", fix="convert it to RGB") from error


def probe_image(path: Path | str) -> tuple[int, int, int]:
    """Return height, width and channels of what :func:`read_image` would give, without decoding.

    Raises:
        BadRecord: If the header is not that of an image, or claims too many pixels.
        MissingExtra: As :func:`read_image`.
    """
    data = read_bytes(path)
    try:
        return header(data)
    except Corrupt as error:
        raise _bad(path, str(error)) from error


def check_image(path: Path | str, data: bytes) -> None:
    """Check the bytes of a PNG by its own checksums, without decoding it.

    Other formats have none and pass.

    Raises:
        BadRecord: If a part is missing or damaged.
    """
    try:
        check(data)
    except Corrupt as error:
        raise _bad(path, str(error)) from error


def read_bytes(path: Path | str) -> bytes:
    """Return the bytes of an image file.

    Raises:
        BadRecord: If the file is missing, empty or too large.
    """
    try:
        data = read_regular(path, limit=_MAX_BYTES)
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror or error}") from error
    if not data:
        raise _bad(path, "the file is empty")
    return data


def fit_image(
    image: Image | PillowImage, height: int, width: int, channels: int, *, padded: bool = False
) -> Image:
    """Resize an image to the size and the channels of a model's input.

    Color becomes gray by the ITU-R 601-2 luma, gray becomes color by repetition. Then it is
    stretched to the size, or, its aspect kept, to what fits into it (see :func:`placed`), the rest
    middle gray. The filter is Pillow's antialiased ``resize(..., BILINEAR)``, along the rows, then
    along the columns.

    Args:
        image: An image, as :func:`read_image` or :func:`open_image` returns it.
        height: Rows of the result.
        width: Columns of the result.
        channels: 1 or 3.
        padded: Whether to keep the aspect ratio and pad, instead of stretching.

    Returns:
        uint8 ``[height, width, channels]``, C-contiguous.
    """
    import PIL.Image

    if isinstance(image, np.ndarray):
        if image.shape == (height, width, channels):
            return np.array(image, order="C")
        image = from_array(image)
    if padded:
        top, left, rows, columns = placed(image.height, image.width, height, width)
        whole = np.full((height, width, channels), GRAY, np.uint8)
        inside = fit_image(image, rows, columns, channels)
        whole[top : top + rows, left : left + columns] = inside
        return whole
    mode = "L" if channels == 1 else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    # Versions of Pillow differ in which axis they resize first: one at a time, the result is the
    # same with all of them.
    for size in ((width, image.height), (width, height)):
        if image.size != size:
            image = image.resize(size, PIL.Image.Resampling.BILINEAR)
    return array_of(image)


def placed(height: int, width: int, rows: int, columns: int) -> tuple[int, int, int, int]:
    """Return the place of an image in the middle of a size, with its aspect ratio kept.

    Args:
        height: Height of the image, pixels.
        width: Width of the image, pixels.
        rows: Height of the size that it is fitted into.
        columns: Width of the size that it is fitted into.

    Returns:
        First row, first column, number of rows, number of columns.

    Example:
        >>> placed(50, 100, 224, 224)
        (56, 0, 112, 224)
    """
    scale = min(rows / height, columns / width)
    tall = min(rows, max(1, round(height * scale)))
    wide = min(columns, max(1, round(width * scale)))
    return (rows - tall) // 2, (columns - wide) // 2, tall, wide


def _bad(path: Path | str, what: str) -> BadRecord:
    return BadRecord(
        what,
        file=str(path),
        why="every image is decoded as it is; a damaged one is never skipped silently",
        fix="replace the file, or remove it from the folder",
    )
