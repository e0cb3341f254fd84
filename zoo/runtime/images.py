"""Pictures in files, and the pixels a model sees: one path for training and for serving.

PNG is decoded here with zlib and numpy, so that the base install can read it; every other format
goes through Pillow. Resizing is integer arithmetic with Pillow's fixed-point weights, so that the
same file gives the same bytes on every machine, whether Pillow is installed or not.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import BadRecord, MissingExtra

Image = npt.NDArray[np.uint8]
"""Height, width, channels: 1 (grey) or 3 (red, green, blue)."""

MAX_PIXELS = 64_000_000
"""A picture with more is refused before it is decoded: a small file can claim any size."""

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Endings of the formats that can be read, in lower case."""

_PNG = b"\x89PNG\r\n\x1a\n"
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
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
_BLOCK = 256
_PRECISION = 22


class _Corrupt(ValueError):
    """What is wrong with the bytes; the caller knows the file's name."""


def read_image(path: Path | str) -> Image:
    """Decode a picture file.

    Transparency is composited on white, a palette is expanded, 16 bits become 8 by rounding, and
    a photo is turned upright as its EXIF orientation says. Of an animation the first frame counts.

    Args:
        path: A PNG, or with Pillow installed a JPEG, GIF, BMP, WebP, TIFF or PNM file. The
            content decides the format, not the name.

    Returns:
        uint8 ``[height, width, channels]``, one channel for a grey picture, else three.

    Raises:
        BadRecord: If the file is missing, empty, corrupt, no picture, or larger than
            ``MAX_PIXELS``.
        MissingExtra: If the format needs Pillow, and it is not installed.
    """
    data = _read(path)
    try:
        if data.startswith(_PNG):
            return _decode_png(data)
        return _decode_other(data, Path(path).suffix)
    except _Corrupt as error:
        raise _bad(path, str(error)) from error


def probe_image(path: Path | str) -> tuple[int, int, int]:
    """Return height, width and channels of what :func:`read_image` would give, without decoding.

    Raises:
        BadRecord: If the header is not that of a picture, or names too many pixels.
        MissingExtra: If the format needs Pillow, and it is not installed.
    """
    data = _read(path, 64)
    try:
        if data.startswith(_PNG):
            header = _png_header(data)
            return header.height, header.width, header.channels
        with _open_other(_read(path), Path(path).suffix) as picture:
            width, height = picture.size
            if picture.getexif().get(0x0112, 1) >= 5:
                width, height = height, width
            return height, width, 1 if _is_grey(picture.mode) else 3
    except _Corrupt as error:
        raise _bad(path, str(error)) from error


def check_image(path: Path | str, data: bytes) -> None:
    """Check the integrity of a PNG's bytes by its own checksums, without decoding it.

    Other formats carry none and pass.

    Raises:
        BadRecord: If a part is missing or damaged.
    """
    try:
        if not data:
            raise _Corrupt("the file is empty")
        if data.startswith(_PNG):
            for _ in _chunks(data):
                pass
    except _Corrupt as error:
        raise _bad(path, str(error)) from error


def fit_image(array: Image, height: int, width: int, channels: int) -> Image:
    """Bring a picture to the size and the channels a model takes.

    Colour becomes grey by the ITU-R 601-2 luma in integers, as Pillow's ``"L"``; grey becomes
    colour by repetition. Then it is *stretched* to the size, the aspect is not kept, with an
    antialiased triangle filter, along the rows, then along the columns: Pillow's
    ``resize(..., BILINEAR)`` to within one level.

    Args:
        array: A picture, as :func:`read_image` returns it.
        height: Rows of the result.
        width: Columns of the result.
        channels: 1 or 3.

    Returns:
        uint8 ``[height, width, channels]``, C-contiguous.
    """
    if array.shape[2] == 3 and channels == 1:
        wide = array.astype(np.int32)
        luma = wide[..., 0] * 19595 + wide[..., 1] * 38470 + wide[..., 2] * 7471 + 0x8000
        array = (luma >> 16).astype(np.uint8)[..., None]
    elif array.shape[2] == 1 and channels == 3:
        array = np.repeat(array, 3, axis=2)
    if array.shape[1] != width:
        array = np.moveaxis(_resample(np.moveaxis(array, 1, 0), width), 0, 1)
    if array.shape[0] != height:
        array = _resample(array, height)
    return np.ascontiguousarray(array)


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
        with Path(path).open("rb") as stream:
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


def _check_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise _Corrupt(f"the picture is {height} x {width} pixels")
    if height * width > MAX_PIXELS:
        raise _Corrupt(f"{height} x {width} pixels are more than the {MAX_PIXELS:,} that are read")


def _composite(color: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> Image:
    opaque = alpha.astype(np.int32)[..., None]
    return ((color * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8)


def _to_eight(samples: npt.NDArray[Any], depth: int) -> Image:
    if depth == 16:
        return ((samples.astype(np.int32) + 128) // 257).astype(np.uint8)
    return (samples * np.uint8(255 // ((1 << depth) - 1))).astype(np.uint8)


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    depth: int
    kind: int
    interlaced: bool

    @property
    def channels(self) -> int:
        return 1 if self.kind in (0, 4) else 3

    def passes(self) -> list[tuple[int, int, int, int]]:
        """Row and column start and step of every pass that holds a pixel."""
        if not self.interlaced:
            return [(0, 0, 1, 1)]
        return [p for p in _ADAM7 if p[0] < self.height and p[1] < self.width]


def _png_header(data: bytes) -> _Header:
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise _Corrupt("the PNG ends within its header")
    width, height, depth, kind, method, filtering, interlace = struct.unpack(
        ">IIBBBBB", data[16:29]
    )
    if zlib.crc32(data[12:29]) != struct.unpack(">I", data[29:33])[0]:
        raise _Corrupt("the PNG header does not match its checksum")
    if depth not in _DEPTHS.get(kind, ()) or method or filtering or interlace > 1:
        raise _Corrupt(f"no PNG has colour type {kind} with {depth} bits")
    _check_size(height, width)
    return _Header(width, height, depth, kind, bool(interlace))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_PNG)
    while True:
        if place + 12 > len(data):
            raise _Corrupt("the PNG is cut off")
        length = struct.unpack(">I", data[place : place + 4])[0]
        end = place + 12 + length
        if end > len(data):
            raise _Corrupt("the PNG is cut off")
        name, payload = data[place + 4 : place + 8], data[place + 8 : end - 4]
        if zlib.crc32(data[place + 4 : end - 4]) != struct.unpack(">I", data[end - 4 : end])[0]:
            raise _Corrupt(f"the PNG part {name!r} at byte {place} does not match its checksum")
        if name == b"IEND":
            return
        yield name, payload
        place = end


def _decode_png(data: bytes) -> Image:
    header = _png_header(data)
    parts: dict[bytes, list[bytes]] = {}
    for name, payload in _chunks(data):
        parts.setdefault(name, []).append(payload)
    samples = _png_samples(header, b"".join(parts.get(b"IDAT", [])))
    key = parts.get(b"tRNS", [b""])[0]
    if header.kind == 3:
        return _expand_palette(samples[..., 0], parts.get(b"PLTE", [b""])[0], key)
    color = samples[..., : header.channels]
    pixels = _to_eight(color, header.depth)
    if header.kind in (4, 6):
        return _composite(pixels, _to_eight(samples[..., -1], header.depth))
    if key:
        if len(key) != 2 * header.channels:
            raise _Corrupt("the PNG's transparent colour is malformed")
        clear = (color == np.frombuffer(key, ">u2")).all(axis=2)
        pixels[clear] = 255
    return pixels


def _expand_palette(indices: npt.NDArray[Any], table: bytes, opacity: bytes) -> Image:
    if not table or len(table) % 3:
        raise _Corrupt("the PNG's palette is missing or malformed")
    colors = np.frombuffer(table, np.uint8).reshape(-1, 3)
    if int(indices.max()) >= len(colors):
        raise _Corrupt("a pixel of the PNG lies outside its palette")
    alpha = np.full(len(colors), 255, np.uint8)
    opaque = np.frombuffer(opacity, np.uint8)[: len(colors)]
    alpha[: len(opaque)] = opaque
    expanded: Image = _composite(colors, alpha)[indices]
    return expanded


def _png_samples(header: _Header, packed: bytes) -> npt.NDArray[Any]:
    """Inflate, undo the filters, unpack the bits, put interlaced passes together."""
    count = _SAMPLES[header.kind]
    bits = count * header.depth
    shapes = []
    for row, column, down, right in header.passes():
        rows = (header.height - row + down - 1) // down
        columns = (header.width - column + right - 1) // right
        shapes.append((rows, columns, (columns * bits + 7) // 8))
    expected = sum(rows * (1 + width) for rows, _, width in shapes)
    try:
        raw = zlib.decompressobj().decompress(packed, expected)
    except zlib.error as error:
        raise _Corrupt(f"the PNG's pixels do not unpack: {error}") from error
    if len(raw) < expected:
        raise _Corrupt("the PNG holds fewer pixels than its header names")
    dtype = np.uint16 if header.depth == 16 else np.uint8
    result = np.empty((header.height, header.width, count), dtype)
    place = 0
    for (row, column, down, right), (rows, columns, width) in zip(
        header.passes(), shapes, strict=True
    ):
        lines = np.frombuffer(raw, np.uint8, rows * (1 + width), place).reshape(rows, 1 + width)
        place += lines.size
        plain = _unfilter(lines[:, 0], lines[:, 1:], max(bits // 8, 1))
        result[row::down, column::right] = _unpack(plain, header.depth, columns, count)
    return result


def _unpack(lines: Image, depth: int, columns: int, count: int) -> npt.NDArray[Any]:
    if depth == 8:
        return lines.reshape(len(lines), columns, count)
    if depth == 16:
        return np.ascontiguousarray(lines).view(">u2").reshape(len(lines), columns, count)
    groups = np.unpackbits(lines, axis=1).reshape(len(lines), -1, depth)[:, :columns]
    powers = (1 << np.arange(depth)[::-1]).astype(np.uint8)
    samples: Image = (groups * powers).sum(axis=2, dtype=np.uint8)
    return samples[..., None]


def _unfilter(kinds: Image, lines: Image, step: int) -> Image:
    """Undo the five PNG filters.

    A byte depends on its left, upper and upper left neighbour. The bytes of one anti-diagonal do
    not depend on each other, so a block of rows is done diagonal by diagonal, not byte by byte.
    """
    if int(kinds.max()) > 4:
        raise _Corrupt(f"no PNG filter has the number {int(kinds.max())}")
    if not kinds.any():
        return lines
    rows, columns = len(lines), lines.shape[1] // step
    source = lines.reshape(rows, columns, step)
    result = np.empty_like(source)
    above = np.zeros((columns, step), np.int16)
    for start in range(0, rows, _BLOCK):
        count = min(_BLOCK, rows - start)
        kind = kinds[start : start + count, None]
        share = [(kind == number).astype(np.int16) for number in range(5)]
        # skewed[c + r + 2, r + 1] is column c of the block's row r; slot 0 is the row above it.
        skewed = np.zeros((columns + count + 1, count + 1, step), np.int16)
        skewed[1 : columns + 1, 0] = above
        for row in range(count):
            skewed[row + 2 : row + 2 + columns, row + 1] = source[start + row]
        for d in range(2, columns + count + 1):
            left, up, corner = skewed[d - 1, 1:], skewed[d - 1, :-1], skewed[d - 2, :-1]
            skewed[d, 1:] += _predict(share, left, up, corner)
            skewed[d, 1:] &= 255
        for row in range(count):
            result[start + row] = skewed[row + 2 : row + 2 + columns, row + 1]
        above = result[start + count - 1].astype(np.int16)
    return result.reshape(lines.shape)


def _predict(share: list[Any], left: Any, up: Any, corner: Any) -> Any:
    along, across = np.abs(up - corner), np.abs(left - corner)
    both = np.abs(left + up - 2 * corner)
    paeth = np.where(
        (along <= across) & (along <= both), left, np.where(across <= both, up, corner)
    )
    return share[1] * left + share[2] * up + share[3] * ((left + up) >> 1) + share[4] * paeth


def _is_grey(mode: str) -> bool:
    return mode in ("1", "L", "LA", "La") or mode.startswith("I;16")


def _open_other(data: bytes, suffix: str) -> Any:
    kind = next((name for magic, name in _MAGIC.items() if data.startswith(magic)), None)
    if kind is None:
        raise _Corrupt("this is not a picture in a format that is known here")
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingExtra(f"reading {suffix or kind} files", "vision", "pillow") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            picture = PIL.Image.open(io.BytesIO(data), formats=[kind])
    except Exception as error:  # Pillow's decoders raise many kinds on damaged bytes.
        raise _Corrupt(f"the {kind} cannot be read: {error}") from error
    _check_size(picture.height, picture.width)
    return picture


def _decode_other(data: bytes, suffix: str) -> Image:
    with _open_other(data, suffix) as picture:
        from PIL import ImageOps

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                upright = ImageOps.exif_transpose(picture)
                if upright.mode.startswith("I;16"):
                    return _to_eight(np.asarray(upright), 16)[..., None]
                if upright.mode in ("I", "F"):
                    raise _Corrupt(f"pixels of type {upright.mode!r} have no range of their own")
                transparent = upright.has_transparency_data
                mode = "L" if _is_grey(upright.mode) else "RGB"
                if transparent:
                    pixels = np.asarray(upright.convert("LA" if mode == "L" else "RGBA"))
                    return _composite(pixels[..., :-1], pixels[..., -1])
                return np.array(upright.convert(mode)).reshape(upright.height, upright.width, -1)
        except _Corrupt:
            raise
        except Exception as error:  # as above
            raise _Corrupt(f"the picture cannot be decoded: {error}") from error


__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "Image",
    "check_image",
    "fit_image",
    "probe_image",
    "read_image",
]
