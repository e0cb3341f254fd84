"""Read image files with Pillow, and resize images to a model's input.

One path for training and for serving: the same file gives the same bytes on every machine.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import BadRecord, DataError
from zoo.files import open_regular

Image = npt.NDArray[np.uint8]
"""Height, width, channels: 1 (gray) or 3 (red, green, blue)."""

MAX_PIXELS = 64_000_000
"""An image with more is refused before it is decoded: a small file can claim any size."""

PADDED = "aspect kept, the rest gray"
"""``outside`` of the spec of an image that is padded to its size, and not stretched."""

GRAY = 128
"""Level of the padding of an image."""

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Suffixes of the formats that can be read, in lower case."""

_MAX_BYTES = 2**30
_ROTATED = (5, 6, 7, 8)
_PNG = b"\x89PNG\r\n\x1a\n"
_MAGIC = {
    _PNG: "PNG",
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


class _Corrupt(ValueError):
    """What is wrong with the bytes; the caller adds the file's name."""


def read_image(path: Path | str) -> Image:
    """Decode an image file.

    Transparency is composited on white, a palette is expanded, gray of 16 bits is rounded to 8 (of
    colors the high byte counts), and a photo is turned upright as its EXIF orientation says. Of an
    animation the first frame counts.

    Args:
        path: A PNG, JPEG, GIF, BMP, WebP, TIFF or PNM file. The content decides the format, not
            the name.

    Returns:
        uint8 ``[height, width, channels]``, one channel for a gray image, else three.

    Raises:
        BadRecord: If the file is missing, empty, corrupt, not an image, or larger than
            ``MAX_PIXELS``.

    Example:
        >>> read_image("seven.png").shape
        (8, 8, 1)
    """
    return decode_image(_read(path), path)


def decode_image(data: bytes, path: Path | str) -> Image:
    """Decode the bytes of an image file, as :func:`read_image` does; the path is for errors."""
    try:
        return _decode_png(data) if data.startswith(_PNG) else _decode(data)
    except _Corrupt as error:
        raise _bad(path, str(error)) from error


def from_pillow(image: Any) -> Image:
    """Return the pixels of an image of Pillow, as :func:`read_image` returns those of a file.

    Raises:
        DataError: If its pixels have no range of their own.
    """
    try:
        return _pixels(image)
    except _Corrupt as error:
        raise DataError(f"the image cannot be used: {error}", fix="convert it to RGB") from error


def probe_image(path: Path | str) -> tuple[int, int, int]:
    """Return height, width and channels of what :func:`read_image` would give, without decoding.

    Raises:
        BadRecord: If the header is not that of an image, or claims too many pixels.
    """
    data = _read(path, 64)
    try:
        if data.startswith(_PNG):
            width, height, _, kind = _png_header(data)
            return height, width, 1 if kind in (0, 4) else 3
        with _open(_read(path)) as image:
            width, height = image.size
            if _orientation(image) in _ROTATED:
                width, height = height, width
            return height, width, 1 if _is_gray(image.mode) or _is_wide_pgm(image) else 3
    except _Corrupt as error:
        raise _bad(path, str(error)) from error


def check_image(path: Path | str, data: bytes) -> None:
    """Check the bytes of a PNG by its own checksums, without decoding it.

    Other formats have none and pass.

    Raises:
        BadRecord: If a part is missing or damaged.
    """
    try:
        if not data:
            raise _Corrupt("the file is empty")
        if data.startswith(_PNG):
            _png_chunks(data)
    except _Corrupt as error:
        raise _bad(path, str(error)) from error


def fit_image(
    array: Image, height: int, width: int, channels: int, *, padded: bool = False
) -> Image:
    """Resize an image to the size and the channels of a model's input.

    Color becomes gray by the ITU-R 601-2 luma, gray becomes color by repetition. Then it is
    stretched to the size, or, its aspect kept, to what fits into it (see :func:`placed`), the rest
    middle gray. The filter is Pillow's antialiased ``resize(..., BILINEAR)``, along the rows, then
    along the columns.

    Args:
        array: An image, as :func:`read_image` returns it.
        height: Rows of the result.
        width: Columns of the result.
        channels: 1 or 3.
        padded: Whether to keep the aspect ratio and pad, instead of stretching.

    Returns:
        uint8 ``[height, width, channels]``, C-contiguous.
    """
    import PIL.Image

    if padded:
        top, left, rows, columns = placed(array.shape[0], array.shape[1], height, width)
        whole = np.full((height, width, channels), GRAY, np.uint8)
        inside = fit_image(array, rows, columns, channels)
        whole[top : top + rows, left : left + columns] = inside
        return whole
    image = PIL.Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
    image = image.convert("L" if channels == 1 else "RGB")
    # Versions of Pillow differ in which axis they resize first: one at a time, the result is the
    # same with all of them.
    for size in ((width, image.height), (width, height)):
        image = image.resize(size, PIL.Image.Resampling.BILINEAR)
    return np.array(image).reshape(height, width, channels)


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
        why="every image is decoded as it is; a damaged one is never skipped silently",
        fix="replace the file, or remove it from the folder",
    )


def _check_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise _Corrupt(f"the image is {height} x {width} pixels")
    if height * width > MAX_PIXELS:
        raise _Corrupt(f"{height} x {width} pixels are more than the {MAX_PIXELS:,} that are read")


def _open(data: bytes) -> Any:
    """Open an image with Pillow: its header is read, no pixel yet."""
    import PIL.Image

    kind = next((name for magic, name in _MAGIC.items() if data.startswith(magic)), None)
    if kind is None:
        raise _Corrupt("this is not an image in a known format")
    try:
        with warnings.catch_warnings():
            # MAX_PIXELS is the limit here; Pillow's own errors above twice its limit stay.
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            image = PIL.Image.open(io.BytesIO(data), formats=[kind])
    except PIL.UnidentifiedImageError as error:
        raise _Corrupt(f"the {kind} cannot be read: its header is damaged") from error
    except Exception as error:  # Pillow's decoders raise many types on damaged bytes
        raise _Corrupt(f"the {kind} cannot be read: {error}") from error
    _check_size(image.height, image.width)
    return image


def _decode(data: bytes) -> Image:
    with _open(data) as image:
        return _pixels(image)


def _pixels(image: Any) -> Image:
    from PIL import ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            upright = ImageOps.exif_transpose(image)
            if _is_wide_pgm(image) or upright.mode.startswith("I;16"):
                return _to_eight(np.asarray(upright))[..., None]
            if upright.mode in ("I", "F"):
                raise _Corrupt(f"pixels of type {upright.mode!r} have no range of their own")
            mode = "L" if _is_gray(upright.mode) else "RGB"
            if upright.has_transparency_data:
                pixels = np.asarray(upright.convert("LA" if mode == "L" else "RGBA"))
                return _composite(pixels[..., :-1], pixels[..., -1])
            return np.array(upright.convert(mode)).reshape(upright.height, upright.width, -1)
    except _Corrupt:
        raise
    except Exception as error:  # as above
        raise _Corrupt(f"the image cannot be decoded: {error}") from error


def _orientation(image: Any) -> Any:
    try:
        return image.getexif().get(0x0112)
    except Exception as error:  # as above
        raise _Corrupt(f"the EXIF data cannot be read: {error}") from error


def _is_wide_pgm(image: Any) -> bool:
    """Return whether it is a PGM of more than 8 bits, which Pillow scales to 16."""
    return bool(image.format == "PPM" and image.mode == "I")


def _is_gray(mode: str) -> bool:
    return mode in ("1", "L", "LA", "La") or mode.startswith("I;16")


def _composite(color: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> Image:
    """Composite colors on white by their opacity, 0 to 255."""
    opaque = alpha.astype(np.int32)[..., None]
    return ((color * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8)


def _to_eight(samples: npt.NDArray[Any]) -> Image:
    """Round samples of 16 bits to 8."""
    return ((samples.astype(np.int32) + 128) // 257).astype(np.uint8)


# PNG. Pillow does not check the checksums of pixels.


def _png_header(data: bytes) -> tuple[int, int, int, int]:
    """Return width, height, bit depth and color type."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise _Corrupt("the PNG ends within its header")
    if zlib.crc32(data[12:29]) != struct.unpack(">I", data[29:33])[0]:
        raise _Corrupt("the PNG header does not match its checksum")
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    _check_size(height, width)
    return width, height, depth, kind


def _png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the name and the whole bytes of every chunk, its checksum verified."""
    chunks: list[tuple[bytes, bytes]] = []
    place = len(_PNG)
    while not chunks or chunks[-1][0] != b"IEND":
        length = int.from_bytes(data[place : place + 4])
        end = place + 12 + length
        if end > len(data):
            raise _Corrupt("the PNG is cut off")
        name = data[place + 4 : place + 8]
        if zlib.crc32(data[place + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise _Corrupt(f"the PNG chunk {name!r} at byte {place} does not match its checksum")
        chunks.append((name, data[place:end]))
        place = end
    return chunks


def _decode_png(data: bytes) -> Image:
    _, _, depth, kind = _png_header(data)
    chunks = _png_chunks(data)
    # Texts, profiles and frames of an animation say nothing about the pixels.
    kept = [raw for name, raw in chunks if name in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")]
    png = _PNG + b"".join(kept)
    with _open(png) as image:
        key = image.info.get("transparency")
        try:
            if kind == 3:
                colors = sum(len(raw) - 12 for name, raw in chunks if name == b"PLTE") // 3
                if int(np.asarray(image).max()) >= colors:
                    raise _Corrupt("a color of the PNG is outside its palette")
                samples = np.asarray(image.convert("RGB" if key is None else "RGBA"))
            elif depth == 16 and kind == 0:
                samples = np.asarray(image).astype(np.uint16)
            elif depth == 16 and kind == 4:  # Pillow opens it as RGBA
                samples = np.asarray(image.convert("LA"))
            else:
                samples = np.asarray(image.convert("L") if image.mode == "1" else image)
        except _Corrupt:
            raise
        except Exception as error:  # Pillow's decoders raise many types on damaged bytes
            raise _Corrupt(f"the PNG cannot be decoded: {error}") from error
        samples = samples.reshape(image.height, image.width, -1)
    pixels = _to_eight(samples) if samples.dtype == np.uint16 else samples
    if kind in (0, 2) and key is not None:
        # One color is transparent, given in the file's own depth.
        if depth < 8:
            key *= 255 // ((1 << depth) - 1)
        elif depth == 16 and kind == 2:
            key = np.asarray(key) >> 8
        opaque = (samples != np.asarray(key)).any(axis=-1)
        return _composite(pixels, opaque * np.uint8(255))
    if pixels.shape[-1] in (2, 4):
        return _composite(pixels[..., :-1], pixels[..., -1])
    return np.ascontiguousarray(pixels)
