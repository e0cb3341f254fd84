"""PNG files with zlib and numpy alone: every color type, bit depth, filter, and interlacing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""Height, width, channels: 1 (gray) or 3 (red, green, blue)."""

MAX_PIXELS = 64_000_000
"""A picture with more is refused before it is decoded: a small file can claim any size."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
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


class Corrupt(ValueError):
    """What is wrong with the bytes; the caller knows the file's name."""


def check_size(height: int, width: int) -> None:
    """Refuse a picture without pixels, and one with too many."""
    if height < 1 or width < 1:
        raise Corrupt(f"the picture is {height} x {width} pixels")
    if height * width > MAX_PIXELS:
        raise Corrupt(f"{height} x {width} pixels are more than the {MAX_PIXELS:,} that are read")


def composite(color: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> Image:
    """Lay colors on white by their opacity, 0 to 255."""
    opaque = alpha.astype(np.int32)[..., None]
    return ((color * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8)


def to_eight(samples: npt.NDArray[Any], depth: int) -> Image:
    """Bring samples of 1, 2, 4, 8 or 16 bits to 8: the exact value, rounded."""
    if depth == 16:
        return ((samples.astype(np.int32) + 128) // 257).astype(np.uint8)
    return (samples * np.uint8(255 // ((1 << depth) - 1))).astype(np.uint8)


@dataclass(frozen=True)
class Header:
    """What the first part of a PNG says."""

    width: int
    height: int
    depth: int
    kind: int
    interlaced: bool

    @property
    def channels(self) -> int:
        """Channels of the picture without its opacity."""
        return 1 if self.kind in (0, 4) else 3

    def passes(self) -> list[tuple[int, int, int, int]]:
        """Row and column start and step of every pass that holds a pixel."""
        if not self.interlaced:
            return [(0, 0, 1, 1)]
        return [p for p in _ADAM7 if p[0] < self.height and p[1] < self.width]


def read_header(data: bytes) -> Header:
    """Read and check the header, the first 33 bytes."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise Corrupt("the PNG ends within its header")
    width, height, depth, kind, method, filtering, interlace = struct.unpack(
        ">IIBBBBB", data[16:29]
    )
    if zlib.crc32(data[12:29]) != struct.unpack(">I", data[29:33])[0]:
        raise Corrupt("the PNG header does not match its checksum")
    if depth not in _DEPTHS.get(kind, ()) or method or filtering or interlace > 1:
        raise Corrupt(f"no PNG has color type {kind} with {depth} bits")
    check_size(height, width)
    return Header(width, height, depth, kind, bool(interlace))


def read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the payload of every part, its checksum verified."""
    place = len(SIGNATURE)
    while True:
        if place + 12 > len(data):
            raise Corrupt("the PNG is cut off")
        length = struct.unpack(">I", data[place : place + 4])[0]
        end = place + 12 + length
        if end > len(data):
            raise Corrupt("the PNG is cut off")
        name, payload = data[place + 4 : place + 8], data[place + 8 : end - 4]
        if zlib.crc32(data[place + 4 : end - 4]) != struct.unpack(">I", data[end - 4 : end])[0]:
            raise Corrupt(f"the PNG part {name!r} at byte {place} does not match its checksum")
        if name == b"IEND":
            return
        yield name, payload
        place = end


def decode(data: bytes) -> Image:
    """Decode a whole file.

    Raises:
        Corrupt: If it is not a whole and sound PNG of a bearable size.
    """
    header = read_header(data)
    parts: dict[bytes, list[bytes]] = {}
    for name, payload in read_chunks(data):
        parts.setdefault(name, []).append(payload)
    samples = _samples(header, b"".join(parts.get(b"IDAT", [])))
    key = parts.get(b"tRNS", [b""])[0]
    if header.kind == 3:
        return _expand_palette(samples[..., 0], parts.get(b"PLTE", [b""])[0], key)
    color = samples[..., : header.channels]
    pixels = to_eight(color, header.depth)
    if header.kind in (4, 6):
        return composite(pixels, to_eight(samples[..., -1], header.depth))
    if key:
        if len(key) != 2 * header.channels:
            raise Corrupt("the PNG's transparent color is malformed")
        clear = (color == np.frombuffer(key, ">u2")).all(axis=2)
        pixels[clear] = 255
    return pixels


def _expand_palette(indices: npt.NDArray[Any], table: bytes, opacity: bytes) -> Image:
    if not table or len(table) % 3:
        raise Corrupt("the PNG's palette is missing or malformed")
    colors = np.frombuffer(table, np.uint8).reshape(-1, 3)
    if int(indices.max()) >= len(colors):
        raise Corrupt("a pixel of the PNG lies outside its palette")
    alpha = np.full(len(colors), 255, np.uint8)
    opaque = np.frombuffer(opacity, np.uint8)[: len(colors)]
    alpha[: len(opaque)] = opaque
    expanded: Image = composite(colors, alpha)[indices]
    return expanded


def _samples(header: Header, packed: bytes) -> npt.NDArray[Any]:
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
        raise Corrupt(f"the PNG's pixels do not unpack: {error}") from error
    if len(raw) < expected:
        raise Corrupt("the PNG holds fewer pixels than its header names")
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

    A byte depends on its left, upper and upper left neighbor. The bytes of one anti-diagonal do
    not depend on each other, so a block of rows is done diagonal by diagonal, not byte by byte.
    """
    if int(kinds.max()) > 4:
        raise Corrupt(f"no PNG filter has the number {int(kinds.max())}")
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


__all__ = [
    "MAX_PIXELS",
    "SIGNATURE",
    "Corrupt",
    "Header",
    "Image",
    "check_size",
    "composite",
    "decode",
    "read_chunks",
    "read_header",
    "to_eight",
]
