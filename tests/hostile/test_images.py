"""Pictures of every odd kind in a folder: read as documented, or refused by the file's name."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.data.sources import open_path
from zoo.errors import BadRecord, DataError
from zoo.runtime.images import probe_image, read_image

PIL_Image = pytest.importorskip(
    "PIL.Image", reason="the pictures of these tests are made by Pillow"
)

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
DEEP = np.random.default_rng(1).integers(0, 65_536, (40, 50), np.uint16)
PICTURE = PIL_Image.fromarray(PIXELS)


def saved(picture: Any, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def frames(kind: str, **options: Any) -> bytes:
    others = [PIL_Image.fromarray(PIXELS[::-1]), PIL_Image.fromarray(PIXELS[:, ::-1])]
    return saved(PICTURE, kind, save_all=True, append_images=others, **options)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, *more: bytes) -> bytes:
    """Return a gray PNG that says it is so large, whatever is in it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    parts = (header, *more, chunk(b"IDAT", zlib.compress(data, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def exif(kind: int, value: bytes) -> bytes:
    """Return a JPEG whose EXIF data have an orientation of that type, 2 a text, 3 a number."""
    entry = struct.pack("<HHHI", 1, 0x0112, kind, 3 if kind == 2 else 1) + value + bytes(4)
    return saved(PICTURE, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + entry)


JPEG = saved(PICTURE, "JPEG")
CMYK = PICTURE.convert("CMYK")
FLOAT = PIL_Image.fromarray(DEEP.astype(np.float32))
WIDE = PIL_Image.fromarray(DEEP.astype(np.int32))
PGM = b"P5 50 40 65535\n" + DEEP.astype(">u2").tobytes()
LARGE_JPEG = JPEG.replace(struct.pack(">HH", 40, 50), struct.pack(">HH", 65_000, 65_000))
LARGE_GIF = b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + saved(PICTURE, "GIF")[10:]
LARGE_TIFF = saved(PIL_Image.new("1", (30_000, 30_000)), "TIFF", compression="group4")


@dataclass(frozen=True)
class Read:
    """A picture that is read, and what it is then."""

    name: str
    data: bytes
    shape: tuple[int, int, int] = (40, 50, 3)
    pixels: np.ndarray | None = None


READ = {
    "an animated GIF: its first frame": Read("a.gif", frames("GIF")),
    "an animated WebP": Read("a.webp", frames("WEBP", lossless=True), pixels=PIXELS),
    "an animated PNG": Read("a.png", frames("PNG"), pixels=PIXELS),
    "a TIFF of several pages": Read("a.tif", frames("TIFF"), pixels=PIXELS),
    "a CMYK JPEG: as RGB": Read("a.jpg", saved(CMYK, "JPEG")),
    "a CMYK TIFF": Read("a.tif", saved(CMYK, "TIFF"), pixels=PIXELS),
    "16 bits in a PNG: rounded to 8": Read(
        "a.png", saved(PIL_Image.fromarray(DEEP), "PNG"), (40, 50, 1), None
    ),
    "16 bits in a TIFF": Read("a.tif", saved(PIL_Image.fromarray(DEEP), "TIFF"), (40, 50, 1)),
    "16 bits in a PGM": Read("a.pgm", PGM, (40, 50, 1)),
    "one pixel in a PNG": Read("a.png", saved(PICTURE.crop((0, 0, 1, 1)), "PNG"), (1, 1, 3)),
    "one pixel in a JPEG": Read("a.jpg", saved(PICTURE.crop((0, 0, 1, 1)), "JPEG"), (1, 1, 3)),
    "an orientation that does not exist": Read("a.jpg", exif(3, struct.pack("<HH", 99, 0))),
    "an orientation that is a text": Read("a.jpg", exif(2, b"up\0\0")),
    "another format than its name says": Read("a.jpg", saved(PICTURE, "PNG"), pixels=PIXELS),
    "a JPEG whose bits were flipped: it has no checksum": Read(
        "a.jpg", JPEG[:900] + bytes([JPEG[900] ^ 255]) + JPEG[901:]
    ),
    "a PNG with more behind its pixels": Read(
        "a.png", png(10, 10, bytes(50_000_000)), (10, 10, 1), np.zeros((10, 10, 1), np.uint8)
    ),
    "a PNG with a large text": Read(
        "a.png",
        png(10, 10, bytes(110), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
        (10, 10, 1),
        np.zeros((10, 10, 1), np.uint8),
    ),
}

REFUSED: dict[str, tuple[str, bytes, str]] = {
    "nothing": ("a.png", b"", "the file is empty"),
    "no picture": ("a.png", b"hello, I am a text", "not an image"),
    "a format that is not read": ("a.jpg", b"\0\0\x01\0\x01\0" + bytes(99), "not an image"),
    "a film": ("a.jpg", b"\0\0\0\x18ftypisom" + bytes(99), "not an image"),
    "an AVIF that is only a beginning": (
        "a.avif",
        b"\0\0\0\x18ftypavif" + bytes(99),
        "AVIF cannot be read",
    ),
    "a JPEG that is only a beginning": ("a.jpg", b"\xff\xd8\xff" + bytes(99), "header is damaged"),
    "a cut off JPEG": ("a.jpg", JPEG[:900], "truncated"),
    "a cut off GIF": ("a.gif", saved(PICTURE, "GIF")[:1000], "cannot be decoded"),
    "a cut off WebP": ("a.webp", saved(PICTURE, "WEBP")[:200], "cannot be read"),
    "a cut off PNG": ("a.png", saved(PICTURE, "PNG")[:500], "PNG"),
    "floating numbers": ("a.tif", saved(FLOAT, "TIFF"), "no range of their own"),
    "32 bits": ("a.tif", saved(WIDE, "TIFF"), "no range of their own"),
    "no pixels": ("a.png", png(0, 10, b""), "10 x 0 pixels"),
    "a PNG that says it is huge": ("a.png", png(20_000, 20_000, bytes(99)), "more than the"),
    "a JPEG that says it is huge": ("a.jpg", LARGE_JPEG, "exceeds limit"),
    "a GIF that says it is huge": ("a.gif", LARGE_GIF, "exceeds limit"),
    "a TIFF that becomes a thousand times larger": ("a.tif", LARGE_TIFF, "exceeds limit"),
    "a PPM that says it is huge": ("a.ppm", b"P6 99999999 9999999 255\n", "exceeds limit"),
    "a PPM of negative size": ("a.ppm", b"P6 -4 4 255\n" + bytes(48), "header is damaged"),
    "a level out of range": ("a.ppm", b"P3 1 1 255\n300 2 3\n", "too large"),
}


def folder(root: Path, name: str, data: bytes) -> Path:
    """Write four small pictures of each of two classes, and this one beside them."""
    for kind in ("cat", "dog"):
        (root / kind).mkdir(parents=True)
        for number in range(4):
            level = np.full((8, 8, 3), 60 * number, np.uint8)
            PIL_Image.fromarray(level).save(root / kind / f"{number}.png")
    (root / "dog" / name).write_bytes(data)
    return root


@pytest.mark.parametrize("case", READ)
def test_what_can_be_read_is_read_as_documented(case: str, tmp_path: Path) -> None:
    wanted = READ[case]
    photos = folder(tmp_path / "photos", wanted.name, wanted.data)
    file = photos / "dog" / wanted.name
    assert probe_image(file) == wanted.shape
    pixels = read_image(file)
    assert (pixels.shape, pixels.dtype) == (wanted.shape, np.uint8)
    if wanted.pixels is not None:
        np.testing.assert_array_equal(pixels, wanted.pixels)
    if "16 bits" in case:
        np.testing.assert_array_equal(pixels[..., 0], np.round(DEEP / 257).astype(np.uint8))
    data = open_path(photos, {"image_size": 16, "channels": 3})
    assert sum(data.sizes().values()) == 9
    for split in ("train", "validation", "test"):
        assert data.split(split).arrays()[0]["image"].shape[1:] == (16, 16, 3)
    assert data.fingerprint


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_by_name(case: str, tmp_path: Path) -> None:
    name, content, says = REFUSED[case]
    photos = folder(tmp_path / "photos", name, content)
    with pytest.raises(BadRecord, match=f"dog/{name}") as caught:
        data = open_path(photos, {"image_size": 16, "channels": 3})
        for split in ("train", "validation", "test"):
            data.split(split).arrays()
    assert says in str(caught.value) and " at 0x" not in str(caught.value)
    assert caught.value.file == str(photos / "dog" / name)


def test_damaged_exif_data_are_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    for tail in (b"\xff" * 40, b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 30):
        broken = b"Exif\0\0" + tail
        file.write_bytes(
            b"\xff\xd8\xff\xe1" + struct.pack(">H", len(broken) + 2) + broken + JPEG[2:]
        )
        for read in (probe_image, read_image):
            try:
                assert len(read(file)) == (3 if read is probe_image else 40)
            except BadRecord as error:
                assert error.file == str(file)


@pytest.mark.parametrize("case", [case for case in READ if case.startswith("a PNG with")])
def test_a_small_file_does_not_fill_the_memory(case: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(READ[case].data)
    tracemalloc.start()
    try:
        read_image(tmp_path / "a.png")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_class_with_one_picture_is_named(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", "4.png", saved(PICTURE, "PNG"))
    (photos / "owl").mkdir()
    (photos / "owl" / "0.png").write_bytes(saved(PICTURE, "PNG"))
    with pytest.raises(DataError, match="the class 'owl' has 1 example"):
        open_path(photos, {"image_size": 16})


def test_a_folder_without_classes_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folders of images") as caught:
        open_path(tmp_path)
    assert "mkdir" in caught.value.fix
    (tmp_path / "0.png").write_bytes(saved(PICTURE, "PNG"))
    with pytest.raises(DataError, match="no folders of images"):
        open_path(tmp_path)


def test_a_pipe_and_a_link_to_nowhere_are_named_and_not_waited_for(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", "4.png", saved(PICTURE, "PNG"))
    os.mkfifo(photos / "cat" / "pipe.png")
    with pytest.raises(BadRecord, match=r"cat/pipe\.png: is no regular file"):
        open_path(photos)
    (photos / "cat" / "pipe.png").unlink()
    (photos / "cat" / "link.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(BadRecord, match=r"cat/link\.png"):
        open_path(photos)
