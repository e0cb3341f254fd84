"""Image files: what is read, what is refused, and every pixel."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image as PIL_Image
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import ImageOps, TiffImagePlugin

from zoo.errors import BadRecord, MissingExtra
from zoo.runtime import image_formats
from zoo.runtime.images import GRAY, check_image, fit_image, placed, probe_image, read_image

ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
"""Row and column start and step of every pass of an interlaced PNG."""


def picture(seed: int, *shape: int) -> np.ndarray:
    """A smooth picture with some noise: it makes encoders use every filter."""
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.arange(shape[0]) * 3, np.arange(shape[1]) * 2)
    ramp = ramp.reshape(*ramp.shape, *(1,) * (len(shape) - 2))
    return ((ramp + rng.integers(0, 9, shape)) % 256).astype(np.uint8)


def chunk(name: bytes, payload: bytes) -> bytes:
    return (
        struct.pack(">I", len(payload))
        + name
        + payload
        + struct.pack(">I", zlib.crc32(name + payload))
    )


def png(
    width: int, height: int, depth: int, kind: int, raw: bytes, *extra: bytes, interlace: int = 0
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlace)
    body = chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", zlib.compress(raw))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    style=st.sampled_from([(1, 0), (2, 0), (4, 0), (8, 0), (8, 2), (8, 3), (4, 3), (1, 3)]),
    data=st.data(),
)
def test_any_filters_of_a_png_decode_as_pillow_decodes_them(
    tmp_path: Path, width: int, height: int, style: tuple[int, int], data: Any
) -> None:
    depth, kind = style
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    interlace = data.draw(st.integers(0, 1))
    raw = b""
    for row, column, down, right in ADAM7 if interlace else ((0, 0, 1, 1),):
        rows, columns = len(range(row, height, down)), len(range(column, width, right))
        line = (columns * depth * (3 if kind == 2 else 1) + 7) // 8
        for filter_kind in rng.integers(0, 5, rows if columns else 0).tolist():
            raw += bytes([filter_kind]) + rng.integers(0, 256, line, np.uint8).tobytes()
    colors = rng.integers(0, 256, 3 << depth if kind == 3 else 0, np.uint8).tobytes()
    palette = [chunk(b"PLTE", colors)] if kind == 3 else []
    file = tmp_path / "a.png"
    file.write_bytes(png(width, height, depth, kind, raw, *palette, interlace=interlace))
    with PIL_Image.open(file) as reference:
        expected = np.asarray(reference.convert("RGB" if kind in (2, 3) else "L"))
    got = read_image(file)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, expected.reshape(height, width, -1))
    assert probe_image(file) == got.shape


def test_a_png_taller_than_one_block_of_rows_decodes_exactly(tmp_path: Path) -> None:
    expected = picture(0, 600, 37, 3)
    PIL_Image.fromarray(expected).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


@pytest.mark.parametrize("kind", [0, 2])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (9, 17)])
def test_an_interlaced_png_is_put_together(
    tmp_path: Path, kind: int, size: tuple[int, int]
) -> None:
    height, width = size
    count = 3 if kind == 2 else 1
    expected = picture(1, height, width, count)
    raw = b""
    for row, column, down, right in ADAM7:
        part = expected[row::down, column::right]
        if part.size:
            raw += b"".join(b"\0" + line.tobytes() for line in part)
    (tmp_path / "a.png").write_bytes(png(width, height, 8, kind, raw, interlace=1))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize(("kind", "count"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_become_eight(tmp_path: Path, kind: int, count: int, interlace: int) -> None:
    values = np.random.default_rng(kind).integers(0, 65_536, (9, 11, count), np.uint16)
    values[0, 0, 0], values[0, 1, 0], values[0, 2, 0] = 128, 129, 65_406
    if count in (2, 4):
        values[..., -1] = 65_535
    raw = b""
    for row, column, down, right in ADAM7 if interlace else ((0, 0, 1, 1),):
        for line in values[row::down, column::right]:
            raw += b"\0" + line.astype(">u2").tobytes()
    (tmp_path / "a.png").write_bytes(png(11, 9, 16, kind, raw, interlace=interlace))
    colors = values[..., : count - (count in (2, 4))]
    expected = (np.round(colors / 257) if kind == 0 else colors >> 8).astype(np.uint8)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


def test_transparency_is_composited_on_white(tmp_path: Path) -> None:
    pixels = np.array([[[0, 0, 0, 0], [0, 0, 0, 255], [100, 200, 0, 128]]], np.uint8)
    PIL_Image.fromarray(pixels).save(tmp_path / "a.png")
    PIL_Image.fromarray(pixels).save(tmp_path / "a.webp", lossless=True, exact=True)
    expected = [[255, 255, 255], [0, 0, 0], [177, 227, 127]]
    assert read_image(tmp_path / "a.png")[0].tolist() == expected
    assert read_image(tmp_path / "a.webp")[0].tolist() == expected


@pytest.mark.parametrize(("depth", "raw"), [(8, bytes([7, 8, 9])), (4, bytes([0x78, 0x90]))])
def test_a_transparent_color_of_a_png_becomes_white(tmp_path: Path, depth: int, raw: bytes) -> None:
    key = chunk(b"tRNS", struct.pack(">H", 8))
    (tmp_path / "a.png").write_bytes(png(3, 1, depth, 0, b"\0" + raw, key))
    scale = 255 // (2**depth - 1)
    assert read_image(tmp_path / "a.png")[0, :, 0].tolist() == [7 * scale, 255, 9 * scale]


def test_a_color_outside_the_palette_is_refused(tmp_path: Path) -> None:
    palette = chunk(b"PLTE", bytes(6))
    (tmp_path / "a.png").write_bytes(png(1, 1, 8, 3, b"\0\2", palette))
    with pytest.raises(BadRecord, match="outside its palette"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [
        ("jpg", "L"),
        ("jpg", "RGB"),
        ("bmp", "RGB"),
        ("gif", "P"),
        ("ppm", "RGB"),
        ("tiff", "L"),
        ("jpg", "CMYK"),
    ],
)
def test_other_formats_come_through_pillow(tmp_path: Path, suffix: str, mode: str) -> None:
    file = tmp_path / f"a.{suffix}"
    PIL_Image.fromarray(picture(2, 20, 30, 3)).convert(mode).save(file)
    with PIL_Image.open(file) as reference:
        expected = np.asarray(reference.convert("L" if mode == "L" else "RGB"))
    np.testing.assert_array_equal(read_image(file), expected.reshape(20, 30, -1))
    assert probe_image(file) == read_image(file).shape


def check_upright(file: Path) -> None:
    """Compare a file with what Pillow makes of it."""
    with PIL_Image.open(file) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(read_image(file), expected)
    assert probe_image(file) == expected.shape


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp", "avif"])
def test_an_image_is_turned_as_its_exif_orientation_says(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    exif = PIL_Image.Exif()
    exif[0x0112] = orientation
    PIL_Image.fromarray(picture(3, 16, 26, 3)).save(tmp_path / f"a.{kind}", exif=exif)
    check_upright(tmp_path / f"a.{kind}")
    assert (read_image(tmp_path / f"a.{kind}").shape[0] == 26) == (orientation >= 5)


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("tags", ["eXIf", "XMP", "raw profile"])
def test_a_png_is_turned_wherever_its_tags_are(tmp_path: Path, tags: str, place: str) -> None:
    exif = PIL_Image.Exif()
    exif[0x0112] = 6
    data = exif.tobytes()
    extra = {
        "eXIf": chunk(b"eXIf", data[6:]),
        "XMP": chunk(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0<rdf tiff:Orientation="8" other="1"/>'),
        "raw profile": chunk(
            b"tEXt", b"Raw profile type exif\0\nexif\n%d\n" % len(data) + data.hex().encode()
        ),
    }[tags]
    pixels = picture(4, 5, 9, 3)
    PIL_Image.fromarray(pixels).save(tmp_path / "a.png")
    plain = (tmp_path / "a.png").read_bytes()
    at = 33 if place == "before" else len(plain) - 12
    (tmp_path / "a.png").write_bytes(plain[:at] + extra + plain[at:])
    check_upright(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == (9, 5, 3)


def test_a_tiff_that_only_its_xmp_data_turns_is_probed_as_it_is_read(tmp_path: Path) -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[700] = b'<rdf tiff:Orientation="6"/>'
    PIL_Image.fromarray(picture(3, 16, 26, 3)).save(tmp_path / "a.tif", tiffinfo=info)
    check_upright(tmp_path / "a.tif")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_avif_is_read(tmp_path: Path, mode: str) -> None:
    image = PIL_Image.fromarray(picture(5, 20, 30, 3)).convert(mode)
    image.save(tmp_path / "a.avif", quality=100)
    got = read_image(tmp_path / "a.avif")
    assert probe_image(tmp_path / "a.avif") == got.shape == (20, 30, 1 if mode == "L" else 3)
    assert np.abs(got.astype(int) - np.asarray(image.convert("RGB"))).mean() < 3


def test_heic_is_read(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heif")
    image = PIL_Image.fromarray(picture(5, 20, 30, 3))
    pillow_heif.from_pillow(image).save(tmp_path / "a.heic", quality=-1, chroma=444)
    got = read_image(tmp_path / "a.heic")
    assert probe_image(tmp_path / "a.heic") == got.shape == (20, 30, 3)
    assert np.abs(got.astype(int) - np.asarray(image)).mean() < 3


def test_heic_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    image_formats.register_heif.cache_clear()
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    for read in (read_image, probe_image):
        with pytest.raises(MissingExtra, match="pillow-heif"):
            read(tmp_path / "a.heic")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif"])
def test_an_image_truncated_anywhere_is_named_in_the_error(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    PIL_Image.fromarray(picture(4, 16, 16, 3)).save(file)
    whole = file.read_bytes()
    for length in [*range(0, 60, 3), len(whole) // 2, len(whole) * 3 // 4]:
        file.write_bytes(whole[:length])
        with pytest.raises(BadRecord, match=name):
            read_image(file)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_a_flipped_bit_of_a_png_never_passes(tmp_path: Path, place: int, bit: int) -> None:
    file = tmp_path / "a.png"
    PIL_Image.fromarray(picture(5, 12, 12, 3)).save(file)
    data = bytearray(file.read_bytes())
    place %= len(data) - 12
    data[place] ^= 1 << bit
    file.write_bytes(data)
    with pytest.raises(BadRecord, match=r"a\.png"):
        read_image(file)
    if place >= 8:
        with pytest.raises(BadRecord, match=r"a\.png"):
            check_image(file, bytes(data))


@pytest.mark.parametrize("data", [b"hello, this is a text", b"\0" * 100, b"PK\x03\x04", b"BM"])
def test_a_file_that_is_not_an_image_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(BadRecord, match=r"a\.png"):
        read_image(tmp_path / "a.png")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="gone.png"):
        read_image(tmp_path / "gone.png")


def test_a_small_file_cannot_claim_a_huge_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(60_000, 60_000, 8, 2, b"\0" * 100))
    with pytest.raises(BadRecord, match="more than"):
        read_image(tmp_path / "a.png")
    PIL_Image.new("1", (9_000, 9_000)).save(tmp_path / "a.tiff", compression="group4")
    with pytest.raises(BadRecord, match="more than"):
        read_image(tmp_path / "a.tiff")


@settings(max_examples=80, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 50), st.integers(1, 50), st.sampled_from([1, 3])),
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_resizing_agrees_with_pillow(
    shape: tuple[int, int, int], size: tuple[int, int], channels: int, seed: int
) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    reference = PIL_Image.fromarray(array[..., 0] if shape[2] == 1 else array)
    reference = reference.convert("L" if channels == 1 else "RGB")
    reference = reference.resize(size[::-1], PIL_Image.Resampling.BILINEAR)
    fitted = fit_image(array, *size, channels)
    assert fitted.flags.c_contiguous
    difference = np.abs(fitted.astype(int) - np.asarray(reference).reshape(*size, channels))
    # Some versions of Pillow take the columns first, which is one level of rounding away.
    assert difference.max() <= 1
    if size[0] == shape[0] or size[1] == shape[1]:
        assert difference.max() == 0


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
)
def test_a_padded_image_is_centered_with_its_aspect_ratio(
    height: int, width: int, rows: int, columns: int
) -> None:
    top, left, tall, wide = placed(height, width, rows, columns)
    whole = fit_image(np.zeros((height, width, 1), np.uint8), rows, columns, 1, padded=True)
    inside = whole[top : top + tall, left : left + wide]

    assert whole.shape == (rows, columns, 1)
    assert not inside.any()
    assert int((whole == GRAY).sum()) == rows * columns - tall * wide
    assert tall == rows or wide == columns
    assert abs(rows - tall - 2 * top) <= 1 and abs(columns - wide - 2 * left) <= 1
    assert abs(tall - height * min(rows / height, columns / width)) < 1
