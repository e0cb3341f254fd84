"""Pictures in files, and the pixels a model sees: one path for training and for serving.

PNG is decoded here with zlib and numpy, so that the base install can read it; every other format
goes through Pillow. Resizing is integer arithmetic with Pillow's fixed-point weights, so that the
same file gives the same bytes on every machine, whether Pillow is installed or not.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import BadRecord, MissingExtra
from zoo.files import open_regular
from zoo.runtime import _png
from zoo.runtime._png import MAX_PIXELS, Corrupt, Image

PADDED = "aspect kept, the rest gray"
"""What a picture's spec says in ``outside`` if it is not stretched to its size."""

GRAY = 128
"""The level of what is beside a picture whose aspect is kept."""

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Endings of the formats that can be read, in lower case."""

_MAX_BYTES = 2**30
_PRECISION = 22
_ON_ITS_SIDE = (5, 6, 7, 8)
_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"RIFF": "WEBP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"P2": "PPM",
    b"P3": "PPM",
    b"P5": "PPM",
    b"P6": "PPM",
}


def read_image(path: Path | str) -> Image:
    """Decode a picture file.

    Transparency is composited on white, a palette is expanded, 16 bits become 8 by rounding, and
    a photo is turned upright as its EXIF orientation says. Of an animation the first frame counts.

    Args:
        path: A PNG, or with Pillow installed a JPEG, GIF, BMP, WebP, TIFF or PNM file. The
            content decides the format, not the name.

    Returns:
        uint8 ``[height, width, channels]``, one channel for a gray picture, else three.

    Raises:
        BadRecord: If the file is missing, empty, corrupt, no picture, or larger than
            ``MAX_PIXELS``.
        MissingExtra: If the format needs Pillow, and it is not installed.
    """
    data = _read(path)
    try:
        if data.startswith(_png.SIGNATURE):
            return _png.decode(data)
        return _decode_other(data, Path(path).suffix)
    except Corrupt as error:
        raise _bad(path, str(error)) from error


def probe_image(path: Path | str) -> tuple[int, int, int]:
    """Return height, width and channels of what :func:`read_image` would give, without decoding.

    Raises:
        BadRecord: If the header is not that of a picture, or names too many pixels.
        MissingExtra: If the format needs Pillow, and it is not installed.
    """
    data = _read(path, 64)
    try:
        if data.startswith(_png.SIGNATURE):
            header = _png.read_header(data)
            return header.height, header.width, header.channels
        with _open_other(_read(path), Path(path).suffix) as picture:
            width, height = picture.size
            if _orientation(picture) in _ON_ITS_SIDE:
                width, height = height, width
            return height, width, 1 if _is_gray(picture.mode) or _is_wide_pgm(picture) else 3
    except Corrupt as error:
        raise _bad(path, str(error)) from error


def check_image(path: Path | str, data: bytes) -> None:
    """Check the integrity of a PNG's bytes by its own checksums, without decoding it.

    Other formats carry none and pass.

    Raises:
        BadRecord: If a part is missing or damaged.
    """
    try:
        if not data:
            raise Corrupt("the file is empty")
        if data.startswith(_png.SIGNATURE):
            for _ in _png.read_chunks(data):
                pass
    except Corrupt as error:
        raise _bad(path, str(error)) from error


def fit_image(
    array: Image, height: int, width: int, channels: int, *, padded: bool = False
) -> Image:
    """Bring a picture to the size and the channels a model takes.

    Color becomes gray by the ITU-R 601-2 luma in integers, as Pillow's ``"L"``; gray becomes
    color by repetition. Then it is stretched to the size, or, its aspect kept, to what fits into
    it (see :func:`placed`), the rest middle gray: with an antialiased triangle filter, along the
    rows, then along the columns, Pillow's ``resize(..., BILINEAR)`` to within one level.

    Args:
        array: A picture, as :func:`read_image` returns it.
        height: Rows of the result.
        width: Columns of the result.
        channels: 1 or 3.
        padded: Whether its aspect is kept.

    Returns:
        uint8 ``[height, width, channels]``, C-contiguous.
    """
    if array.shape[2] == 3 and channels == 1:
        wide = array.astype(np.int32)
        luma = wide[..., 0] * 19595 + wide[..., 1] * 38470 + wide[..., 2] * 7471 + 0x8000
        array = (luma >> 16).astype(np.uint8)[..., None]
    elif array.shape[2] == 1 and channels == 3:
        array = np.repeat(array, 3, axis=2)
    if padded:
        top, left, rows, columns = placed(array.shape[0], array.shape[1], height, width)
        whole = np.full((height, width, array.shape[2]), GRAY, np.uint8)
        inside = fit_image(array, rows, columns, channels)
        whole[top : top + rows, left : left + columns] = inside
        return whole
    if array.shape[1] != width:
        array = np.moveaxis(_resample(np.moveaxis(array, 1, 0), width), 0, 1)
    if array.shape[0] != height:
        array = _resample(array, height)
    return np.ascontiguousarray(array)


def placed(height: int, width: int, rows: int, columns: int) -> tuple[int, int, int, int]:
    """Return where a picture lies that is fitted into a size with its aspect kept.

    Its longer side, by the shape of the size, fills it; its middle is the middle.

    Args:
        height: Of the picture, pixels.
        width: Likewise.
        rows: Of the size that it is fitted into.
        columns: Likewise.

    Returns:
        The first row, the first column, and how many rows and columns.

    Example:
        >>> placed(50, 100, 224, 224)
        (56, 0, 112, 224)
    """
    scale = min(rows / height, columns / width)
    tall = min(rows, max(1, round(height * scale)))
    wide = min(columns, max(1, round(width * scale)))
    return (rows - tall) // 2, (columns - wide) // 2, tall, wide


def _resample(array: Image, size: int) -> Image:
    """Resize the first axis as Pillow does: double weights, rounded to 22 bits, then integers."""
    length = array.shape[0]
    scale = length / size
    stretch = max(scale, 1.0)
    centers = (np.arange(size) + 0.5) * scale
    first = np.maximum((centers - stretch + 0.5).astype(np.int64), 0)
    last = np.minimum((centers + stretch + 0.5).astype(np.int64), length)
    taps = int((last - first).max())
    offsets = np.arange(taps)
    position = first[:, None] + offsets
    weights = np.maximum(1.0 - np.abs((position - centers[:, None] + 0.5) * (1.0 / stretch)), 0.0)
    weights[offsets >= (last - first)[:, None]] = 0.0
    total = np.zeros(size)
    for tap in range(taps):
        total += weights[:, tap]
    fixed = (0.5 + weights / total[:, None] * (1 << _PRECISION)).astype(np.int32)
    position = np.minimum(position, length - 1)
    shape = (size,) + (1,) * (array.ndim - 1)
    result = np.full((size, *array.shape[1:]), 1 << (_PRECISION - 1), np.int32)
    for tap in range(taps):
        result += array[position[:, tap]] * fixed[:, tap].reshape(shape)
    fitted: Image = np.clip(result >> _PRECISION, 0, 255).astype(np.uint8)
    return fitted


def _read(path: Path | str, size: int = -1) -> bytes:
    try:
        with open_regular(Path(path), limit=_MAX_BYTES) as stream:
            data = stream.read(size)
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror or error}") from error
    if not data:
        raise _bad(path, "the file is empty")
    return data


def _bad(path: Path | str, what: str) -> BadRecord:
    return BadRecord(
        what,
        file=str(path),
        why="every picture is decoded as it is; a damaged one is never skipped in silence",
        fix="replace the file, or take it out of the folder",
    )


def _orientation(picture: Any) -> Any:
    try:
        return picture.getexif().get(0x0112)
    except Exception as error:  # Pillow's readers raise many kinds on damaged bytes.
        raise Corrupt(f"the EXIF data cannot be read: {error}") from error


def _is_wide_pgm(picture: Any) -> bool:
    """Whether it is a PGM of more than 8 bits, which Pillow brings to the range of 16."""
    return bool(picture.format == "PPM" and picture.mode == "I")


def _is_gray(mode: str) -> bool:
    return mode in ("1", "L", "LA", "La") or mode.startswith("I;16")


def _open_other(data: bytes, suffix: str) -> Any:
    kind = next((name for magic, name in _MAGIC.items() if data.startswith(magic)), None)
    if kind is None:
        raise Corrupt("this is not a picture in a format that is known here")
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingExtra(f"reading {suffix or kind} files", "vision", "pillow") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            picture = PIL.Image.open(io.BytesIO(data), formats=[kind])
    except PIL.UnidentifiedImageError as error:
        raise Corrupt(f"the {kind} cannot be read: its header is damaged") from error
    except Exception as error:  # Pillow's decoders raise many kinds on damaged bytes.
        raise Corrupt(f"the {kind} cannot be read: {error}") from error
    _png.check_size(picture.height, picture.width)
    return picture


def _decode_other(data: bytes, suffix: str) -> Image:
    with _open_other(data, suffix) as picture:
        from PIL import ImageOps

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                upright = ImageOps.exif_transpose(picture)
                if _is_wide_pgm(picture):
                    return _png.to_eight(np.asarray(upright), 16)[..., None]
                if upright.mode.startswith("I;16"):
                    return _png.to_eight(np.asarray(upright), 16)[..., None]
                if upright.mode in ("I", "F"):
                    raise Corrupt(f"pixels of type {upright.mode!r} have no range of their own")
                transparent = upright.has_transparency_data
                mode = "L" if _is_gray(upright.mode) else "RGB"
                if transparent:
                    pixels = np.asarray(upright.convert("LA" if mode == "L" else "RGBA"))
                    return _png.composite(pixels[..., :-1], pixels[..., -1])
                return np.array(upright.convert(mode)).reshape(upright.height, upright.width, -1)
        except Corrupt:
            raise
        except Exception as error:  # as above
            raise Corrupt(f"the picture cannot be decoded: {error}") from error


__all__ = [
    "GRAY",
    "MAX_PIXELS",
    "PADDED",
    "SUFFIXES",
    "Image",
    "check_image",
    "fit_image",
    "placed",
    "probe_image",
    "read_image",
]
