"""Bytes of image files as upright images of Pillow: the one place that knows formats and EXIF.

What :func:`header` says of an image is what :func:`decoded` makes of it.
"""

from __future__ import annotations

import functools
import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from zoo.errors import MissingExtra

if TYPE_CHECKING:
    import PIL.Image

Image = npt.NDArray[np.uint8]
"""Height, width, channels: 1 (gray) or 3 (red, green, blue)."""

PillowImage: TypeAlias = "PIL.Image.Image"
"""An image of Pillow, which is imported where it is used."""

MAX_PIXELS = 64_000_000
"""An image with more is refused before it is decoded: a small file can claim any size."""

SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm"),
    *(".tif", ".tiff", ".webp"),
)
"""Suffixes of the formats that can be read, in lower case."""

_ORIENTATION = 0x0112
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
_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_IDAT = b"IDAT"
_PLAIN = {0: "L", 2: "RGB", 4: "LA", 6: "RGBA"}
"""Modes of Pillow by the color type of a PNG of 8 bits."""
_Chunk = tuple[bytes, int, int]
"""Name, start and end of a chunk of a PNG."""
_EXIF_TEXTS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
"""Beginnings of the texts in a PNG that hold EXIF or XMP data, as some programs write them."""
_HEADER = 33
"""Bytes of a PNG up to the end of its header."""
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


class Corrupt(ValueError):
    """What is wrong with the bytes; the caller adds the file's name."""


def header(data: bytes) -> tuple[int, int, int]:
    """Return height, width and channels of the decoded image; no pixel is decoded."""
    if data.startswith(_PNG):
        width, height, _, kind = _png_header(data)
        gray, orientation = kind in (0, 4), _png_orientation(data, _png_chunks(data))
    else:
        image = _open(data)
        width, height = image.size
        gray = _is_gray(image.mode) or _is_wide_pgm(image)
        # Pillow gives the size of a TIFF as its own tag turns it.
        orientation = 1 if _ORIENTATION in getattr(image, "tag_v2", ()) else _orientation(image)
    sides = (width, height) if orientation >= 5 else (height, width)
    return (*sides, 1 if gray else 3)


def decoded(data: bytes) -> PillowImage:
    """Return the decoded image, upright, in mode ``L`` or ``RGB``."""
    return _decode_png(data) if data.startswith(_PNG) else loaded(_open(data))


def check(data: bytes) -> None:
    """Check the checksums of a PNG; other formats have none."""
    if data.startswith(_PNG):
        _png_chunks(data)


def _check_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise Corrupt(f"the image is {height} x {width} pixels")
    if height * width > MAX_PIXELS:
        raise Corrupt(f"{height} x {width} pixels are more than the {MAX_PIXELS:,} that are read")


def _kind(data: bytes) -> str:
    """Return the name that Pillow gives to the format of a file."""
    if data[4:8] == b"ftyp":
        # The brands that a file is compatible with follow the main one.
        brands = {
            data[place : place + 4] for place in range(8, min(int.from_bytes(data[:4]), 64), 4)
        }
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            return name
    raise Corrupt("this is not an image in a known format")


def _open(data: bytes) -> Any:
    """Open an image with Pillow: its header is read, no pixel yet."""
    kind = _kind(data)
    if kind == "HEIF":
        register_heif()
    with warnings.catch_warnings():
        # MAX_PIXELS is the limit here; Pillow's own errors above twice its limit stay.
        warnings.simplefilter("ignore")
        image = _open_as(kind, data)
    _check_size(image.height, image.width)
    return image


def _open_as(kind: str, data: bytes) -> Any:
    import PIL.Image

    try:
        return PIL.Image.open(io.BytesIO(data), formats=[kind])
    except PIL.UnidentifiedImageError as error:
        if kind == "AVIF" and not _reads_avif():
            raise Corrupt("the installed Pillow was built without AVIF") from error
        raise Corrupt(f"the {kind} cannot be read: its header is damaged") from error
    except Exception as error:  # Pillow's decoders raise many types on damaged bytes
        raise Corrupt(f"the {kind} cannot be read: {error}") from error


@functools.cache
def register_heif() -> None:
    """Let Pillow read HEIC files."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise MissingExtra("a HEIC image", "heif", "pillow-heif") from error
    register_heif_opener(thumbnails=False)


def _reads_avif() -> bool:
    from PIL import features

    return "avif" in features.modules and bool(features.check_module("avif"))


def loaded(image: Any) -> PillowImage:
    """Return an open image decoded, upright, in mode ``L`` or ``RGB``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Loading may take the tags away; a TIFF, it turns upright.
            orientation = 1 if image.format == "TIFF" else _orientation(image)
            wide = _is_wide_pgm(image)
            image.load()
            if wide or image.mode.startswith("I;16"):
                image = from_array(_to_eight(np.asarray(image))[..., None])
            elif image.mode in ("I", "F"):
                raise Corrupt(f"pixels of type {image.mode!r} have no range of their own")
            else:
                mode = "L" if _is_gray(image.mode) else "RGB"
                if image.has_transparency_data:
                    image = _composite(array_of(image.convert("LA" if mode == "L" else "RGBA")))
                elif image.mode != mode:
                    image = image.convert(mode)
    except Corrupt:
        raise
    except Exception as error:  # as above
        raise Corrupt(f"the image cannot be decoded: {error}") from error
    return _upright(image, orientation)


def array_of(image: PillowImage) -> npt.NDArray[Any]:
    """Return the samples of an image of 8 bits a channel, faster than ``numpy.array``."""
    samples = np.frombuffer(bytearray(image.tobytes()), np.uint8)
    return samples.reshape(image.height, image.width, -1)


def from_array(pixels: Image) -> PillowImage:
    """Return pixels of one or three channels as an image of Pillow."""
    import PIL.Image

    return PIL.Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _orientation(image: Any) -> int:
    """Return the EXIF orientation of an open image, 1 to 8."""
    try:
        found = image.getexif().get(_ORIENTATION)
    except Exception as error:  # as above
        raise Corrupt(f"the EXIF data cannot be read: {error}") from error
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _upright(image: PillowImage, orientation: int) -> PillowImage:
    """Turn and mirror an image as its EXIF orientation says (CIPA DC-008, tag 274)."""
    from PIL.Image import Transpose

    turns = (
        *(None, Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM),
        *(Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90),
    )
    turn = turns[orientation - 1]
    return image if turn is None else image.transpose(turn)


def _is_wide_pgm(image: Any) -> bool:
    """Return whether it is a PGM of more than 8 bits, which Pillow scales to 16."""
    return bool(image.format == "PPM" and image.mode == "I")


def _is_gray(mode: str) -> bool:
    return mode in ("1", "L", "LA", "La") or mode.startswith("I;16")


def _composite(layers: npt.NDArray[Any]) -> PillowImage:
    """Composite colors on white by their opacity, the last channel, 0 to 255."""
    color, opaque = layers[..., :-1], layers[..., -1:].astype(np.int32)
    return from_array(((color * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8))


def _to_eight(samples: npt.NDArray[Any]) -> Image:
    """Round samples of 16 bits to 8."""
    return ((samples.astype(np.int32) + 128) // 257).astype(np.uint8)


# PNG. Pillow does not check the checksums of pixels.


def _png_header(data: bytes) -> tuple[int, int, int, int]:
    """Return width, height, bit depth and color type."""
    if len(data) < _HEADER or data[12:16] != b"IHDR":
        raise Corrupt("the PNG ends within its header")
    if zlib.crc32(data[12:29]) != struct.unpack(">I", data[29:_HEADER])[0]:
        raise Corrupt("the PNG header does not match its checksum")
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    _check_size(height, width)
    return width, height, depth, kind


def _png_chunks(data: bytes) -> list[_Chunk]:
    """Return the name, the start and the end of every chunk, its checksum verified."""
    chunks: list[_Chunk] = []
    place = len(_PNG)
    name = b""
    while name != b"IEND":
        end = place + 12 + int.from_bytes(data[place : place + 4])
        if end > len(data):
            raise Corrupt("the PNG is cut off")
        name = data[place + 4 : place + 8]
        if zlib.crc32(data[place + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise Corrupt(f"the PNG chunk {name!r} at byte {place} does not match its checksum")
        chunks.append((name, place, end))
        place = end
    return chunks


def _png_orientation(data: bytes, chunks: Sequence[_Chunk]) -> int:
    """Return the EXIF orientation in the chunks of a PNG; they may follow its pixels."""
    tags = [
        data[start:end]
        for name, start, end in chunks
        if name == b"eXIf" or data.startswith(_EXIF_TEXTS, start + 8)
    ]
    if not tags:
        return 1
    import PIL.Image

    # Pillow reads the tags of one black pixel, so that nothing has to be decoded for them.
    pixel = io.BytesIO()
    PIL.Image.new("L", (1, 1)).save(pixel, "PNG")
    head, rest = pixel.getvalue()[:_HEADER], pixel.getvalue()[_HEADER:]
    return _orientation(_open(b"".join([head, *tags, rest])))


def _decode_png(data: bytes) -> PillowImage:
    width, height, depth, kind = _png_header(data)
    chunks = _png_chunks(data)
    try:
        image = _png_image(data, chunks, (width, height), depth, kind)
    except Corrupt:
        raise
    except Exception as error:  # Pillow's decoders raise many types on damaged bytes
        raise Corrupt(f"the PNG cannot be decoded: {error}") from error
    return _upright(image, _png_orientation(data, chunks))


def _png_image(
    data: bytes, chunks: Sequence[_Chunk], size: tuple[int, int], depth: int, kind: int
) -> PillowImage:
    import PIL.Image

    plain, interlaced = _PLAIN.get(kind), data[28]
    if plain and depth == 8 and not interlaced and all(name != b"tRNS" for name, _, _ in chunks):
        # Opening the file as such would take as long again as decoding a small image.
        idat = b"".join(data[start + 8 : end - 4] for name, start, end in chunks if name == _IDAT)
        image = PIL.Image.frombytes(plain, size, idat, "zip", plain)
        return image if plain in ("L", "RGB") else _composite(array_of(image))
    # Texts, profiles and frames of an animation say nothing about the pixels.
    kept = [data[start:end] for name, start, end in chunks if name in _PIXEL_CHUNKS]
    image = _open_as("PNG", _PNG + b"".join(kept))
    key = image.info.get("transparency")
    if kind == 3:
        colors = sum(end - start - 12 for name, start, end in chunks if name == b"PLTE") // 3
        if int(np.asarray(image).max()) >= colors:
            raise Corrupt("a color of the PNG is outside its palette")
        return image.convert("RGB") if key is None else _composite(array_of(image.convert("RGBA")))
    if depth == 16 and kind == 0:
        samples = np.asarray(image).astype(np.uint16)[..., None]
        pixels = _to_eight(samples)
    else:
        if depth == 16 and kind == 4:  # Pillow opens it as RGBA
            image = image.convert("LA")
        pixels = samples = array_of(image.convert("L") if image.mode == "1" else image)
    if kind in (0, 2) and key is not None:
        # One color is transparent, given in the file's own depth.
        if depth < 8:
            key *= 255 // ((1 << depth) - 1)
        elif depth == 16 and kind == 2:
            key = np.asarray(key) >> 8
        opaque = (samples != np.asarray(key)).any(axis=-1, keepdims=True)
        return _composite(np.concatenate([pixels, opaque * np.uint8(255)], axis=-1))
    return _composite(pixels) if kind in (4, 6) else from_array(pixels)
