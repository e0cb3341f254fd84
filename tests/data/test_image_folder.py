"""Folders of images: one folder per class, whatever the order, the size or the damage."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PIL_Image

from zoo.data.images.folder import ImageFolderSplit, open_image_folder
from zoo.data.options import ImageOptions
from zoo.data.sources import open_path
from zoo.errors import BadRecord, ConfigError, DataError
from zoo.metrics.figures import encode_png
from zoo.runtime.images import GRAY, PADDED, fit_image, open_image, read_image


def draw(file: Path, seed: int, size: tuple[int, int] = (6, 7), mode: str = "L") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    PIL_Image.fromarray(pixels).convert(mode).save(file)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for kind, name in enumerate(["owl", "cat", "dog"]):
        for number in range(8):
            draw(tmp_path / "photos" / name / f"{number}.png", kind * 100 + number)
    return tmp_path / "photos"


def test_the_folders_are_the_classes(photos: Path) -> None:
    data = open_path(photos)
    image, label = data.spec.inputs[0], data.spec.targets[0]
    assert (image.name, image.shape, image.dtype, image.range) == (
        "image",
        (6, 7, 1),
        "uint8",
        (0, 255),
    )
    assert label.labels == ("cat", "dog", "owl")
    assert data.id == "photos"
    assert data.sizes() == {"train": 18, "validation": 3, "test": 3}
    seen = set()
    for name in ("train", "validation", "test"):
        inputs, targets = data.split(name).arrays() or ({}, {})
        for pixels, code in zip(inputs["image"], targets["label"], strict=True):
            files = (photos / data.spec.labels[code]).iterdir()
            match = [file for file in files if (read_image(file) == pixels).all()]
            assert len(match) == 1
            seen.add(match[0])
    assert len(seen) == 24


def test_size_and_channels_can_be_asked_for(photos: Path) -> None:
    for size, shape in (
        (8, (8, 8, 3)),
        ("4x9", (4, 9, 3)),
        ([4, 9], (4, 9, 3)),
        ("12", (12, 12, 3)),
    ):
        data = open_path(photos, {"image_size": size, "channels": 3})
        assert data.spec.inputs[0].shape == shape
        inputs, _ = data.split("test").take(np.array([0]))
        assert inputs["image"].shape == (1, *shape)
    for wrong in ({"image_size": 0}, {"image_size": "big"}, {"image_size": 5000}, {"channels": 2}):
        with pytest.raises(ConfigError):
            open_path(photos, wrong)


def test_an_image_is_fitted_as_the_runtime_fits_it(photos: Path) -> None:
    data = open_path(photos, {"image_size": 5, "channels": 3})
    got = data.split("train").take(np.arange(18))[0]["image"]
    every = [fit_image(read_image(file), 5, 5, 3) for file in photos.rglob("*.png")]
    assert all(any((pixels == one).all() for one in every) for pixels in got)


def test_above_the_bound_only_what_is_asked_for_is_decoded(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = open_image_folder(photos, ImageOptions())
    large = open_image_folder(photos, ImageOptions(), bound=40)
    decoded = []

    def spy(data: bytes, path: Path) -> object:
        decoded.append(path)
        return open_image(data, path)

    monkeypatch.setattr("zoo.data.images.files.open_image", spy)
    split = large.split("train")
    assert split.arrays() is None and decoded == []
    chosen = np.array([5, 0, 5])
    inputs, targets = split.take(chosen)
    assert len(decoded) == 3
    expected = small.split("train").take(chosen)
    np.testing.assert_array_equal(inputs["image"], expected[0]["image"])
    np.testing.assert_array_equal(targets["label"], expected[1]["label"])
    assert large.fingerprint == small.fingerprint


def test_the_order_of_the_file_system_does_not_matter(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = open_path(photos).fingerprint
    scandir = os.scandir

    @contextlib.contextmanager
    def backward(folder: Path) -> Iterator[list[os.DirEntry[str]]]:
        with scandir(folder) as inside:
            yield sorted(inside, key=lambda entry: entry.name, reverse=True)

    monkeypatch.setattr("zoo.data.class_folders.os.scandir", backward)
    assert open_path(photos).fingerprint == expected


def test_a_folder_has_the_same_fingerprint_elsewhere_and_another_when_changed(photos: Path) -> None:
    expected = open_path(photos).fingerprint
    moved = photos.rename(photos.parent / "renamed")
    assert open_path(moved).fingerprint == expected
    draw(moved / "cat" / "0.png", 999)
    assert open_path(moved).fingerprint != expected


def test_accented_names_are_one_class_however_they_are_stored(photos: Path) -> None:
    (photos / "owl").rename(photos / unicodedata.normalize("NFD", "chouetté"))
    assert "chouett\u00e9" in open_path(photos).spec.labels


def test_splits_that_are_there_are_kept(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("valid", 2), ("test", 3)):
        for kind, name in enumerate(["a", "b"]):
            for number in range(count):
                draw(tmp_path / split / name / f"{number}.png", kind * 9 + number)
    assert open_path(tmp_path).sizes() == {"train": 12, "validation": 4, "test": 6}
    (tmp_path / "valid").rename(tmp_path / "Validation")
    assert open_path(tmp_path).sizes() == {"train": 12, "validation": 4, "test": 6}
    (tmp_path / "Validation").rename(tmp_path.parent / f"{tmp_path.name}-aside")
    assert open_path(tmp_path).sizes() == {"train": 10, "validation": 2, "test": 6}
    draw(tmp_path / "val" / "a" / "0.png", 0)
    with pytest.raises(DataError, match="the validation split has no example of the class 'b'"):
        open_path(tmp_path)
    draw(tmp_path / "val" / "b" / "0.png", 0)
    draw(tmp_path / "val" / "c" / "0.png", 0)
    with pytest.raises(DataError, match="the validation split has the class 'c'"):
        open_path(tmp_path)
    draw(tmp_path / "validation" / "a" / "0.png", 0)
    with pytest.raises(DataError, match="two folders for the validation split"):
        open_path(tmp_path)


def test_gray_and_color_together_are_color(photos: Path) -> None:
    draw(photos / "cat" / "9.png", 1, mode="RGB")
    assert open_path(photos).spec.inputs[0].shape == (6, 7, 3)
    assert open_path(photos, {"channels": 1}).spec.inputs[0].shape == (6, 7, 1)


def test_jpeg_and_png_may_be_mixed(photos: Path) -> None:
    draw(photos / "cat" / "9.JPG", 1)
    assert sum(open_path(photos).sizes().values()) == 25


def test_different_sizes_ask_for_one(photos: Path) -> None:
    draw(photos / "cat" / "9.png", 1, size=(20, 30))
    with pytest.raises(ConfigError, match="2 sizes, from 6x7 to 20x30") as caught:
        open_path(photos)
    assert "image_size=" in caught.value.fix
    assert open_path(photos, {"image_size": 8}).spec.inputs[0].shape == (8, 8, 1)


def test_images_of_other_sizes_are_found_before_all_are_decoded(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(sorted(photos.rglob("*.png"))[1], 0, size=(9, 9))
    decoded = []
    monkeypatch.setattr(
        "zoo.data.images.files.open_image",
        lambda data, path: decoded.append(path) or open_image(data, path),
    )
    with pytest.raises(ConfigError, match="2 sizes"):
        open_path(photos)
    assert len(decoded) == 2


def test_a_corrupt_image_is_named_and_not_skipped(photos: Path) -> None:
    file = photos / "dog" / "3.png"
    data = bytearray(file.read_bytes())
    data[60] ^= 255
    file.write_bytes(data)
    for options in (ImageOptions(), ImageOptions(image_size=(6, 7), channels=1)):
        with pytest.raises(BadRecord, match=r"dog/3\.png"):
            open_image_folder(photos, options)
    options = ImageOptions(image_size=(6, 7), channels=1, near_duplicates="ignore")
    for bound in (1 << 30, 0):
        broken = open_image_folder(photos, options, bound=bound)
        with pytest.raises(BadRecord, match=r"dog/3\.png"):
            _ = broken.fingerprint
        with pytest.raises(BadRecord, match=r"dog/3\.png"):
            for name in ("train", "validation", "test"):
                split = broken.split(name)
                split.take(np.arange(len(split)))
    file.write_bytes(b"")
    with pytest.raises(BadRecord, match=r"dog/3\.png: the file is empty"):
        open_path(photos)
    file.write_bytes(b"GIF8 no, not really")
    with pytest.raises(BadRecord, match=r"dog/3\.png"):
        open_path(photos)


def test_an_image_that_goes_away_before_it_is_read_is_named(photos: Path) -> None:
    data = open_path(photos, {"near_duplicates": "ignore"})
    for file in (photos / "dog").iterdir():
        file.unlink()
    with pytest.raises(BadRecord, match="dog"):
        _ = data.fingerprint


def test_one_class_no_class_and_an_empty_class_are_refused(photos: Path) -> None:
    with pytest.raises(DataError, match="no folders of images"):
        open_path(photos / "cat")
    (photos / "empty").mkdir()
    with pytest.raises(DataError, match="empty is empty"):
        open_path(photos)
    (photos / "empty").rmdir()
    for name in ("cat", "dog"):
        (photos / name).rename(photos.parent / name)
    with pytest.raises(DataError, match="only one class, 'owl'"):
        open_path(photos)


def test_a_class_with_too_few_images_is_named(photos: Path) -> None:
    for number in (0, 1):
        draw(photos / "rare" / f"{number}.png", number)
    with pytest.raises(DataError, match="the class 'rare' has 2 examples"):
        open_path(photos)


@pytest.mark.parametrize("stray", ["cat/notes.txt", "cat/deep/1.png", "readme.md"])
def test_what_does_not_belong_is_refused_by_name(photos: Path, stray: str) -> None:
    (photos / stray).parent.mkdir(exist_ok=True)
    (photos / stray).write_bytes(b"hello")
    with pytest.raises(BadRecord, match=stray.split("/")[1] if "deep" in stray else stray):
        open_path(photos)


def test_clutter_of_operating_systems_is_ignored(photos: Path) -> None:
    expected = open_path(photos).fingerprint
    for name in (".DS_Store", "cat/.DS_Store", "cat/Thumbs.db", "dog/desktop.ini"):
        (photos / name).write_bytes(b"\0")
    assert open_path(photos).fingerprint == expected


def test_a_folder_that_may_not_be_read_is_said(photos: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    (photos / "cat").chmod(0)
    try:
        with pytest.raises(DataError, match="cannot be read"):
            open_path(photos)
    finally:
        (photos / "cat").chmod(0o755)


def test_a_split_is_a_split_of_the_contract(photos: Path) -> None:
    split = open_path(photos).split("validation")
    assert isinstance(split, ImageFolderSplit)
    inputs, targets = split.arrays() or ({}, {})
    assert not inputs["image"].flags.writeable and not targets["label"].flags.writeable
    assert targets["label"].dtype == np.int64


def test_images_of_another_shape_keep_their_aspect_if_that_is_asked_for(tmp_path: Path) -> None:
    for name, level in (("a", 0), ("b", 255)):
        (tmp_path / name).mkdir()
        for number, (height, width) in enumerate(((20, 40), (40, 20), (40, 40)) * 3):
            pixels = np.full((height, width, 1), level, np.uint8)
            pixels[0, 0] = number * 20
            (tmp_path / name / f"{number}.png").write_bytes(encode_png(pixels))
    data = open_path(tmp_path, {"image_size": 16, "image_fit": "pad"})
    image = data.split("train").arrays()[0]["image"]
    kinds = {tuple(np.flatnonzero((one != GRAY).any(axis=(1, 2)))[[0, -1]]) for one in image}

    assert kinds == {(0, 15), (4, 11)}
    assert data.spec.inputs[0].outside == PADDED
    assert open_path(tmp_path, {"image_size": 16}).spec.inputs[0].outside == ""


def test_every_file_is_read_once(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, file in enumerate(sorted(photos.rglob("*.png"))):
        draw(file, seed, size=(40, 40))
    read: list[Path] = []

    def spy(path: Path) -> bytes:
        read.append(path)
        return path.read_bytes()

    monkeypatch.setattr("zoo.data.images.files.read_bytes", spy)
    data = open_image_folder(photos, ImageOptions(image_size=(8, 8), channels=1))
    for name in ("train", "validation", "test"):
        arrays = data.split(name).arrays()
        assert arrays is not None and len(arrays[1]["label"])
    assert data.fingerprint
    assert sorted(read) == sorted(photos.rglob("*.png"))


def test_a_text_among_images_is_the_one_that_is_named(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for label in "ab":
        (tmp_path / label).mkdir()
        for at in range(10):
            pixels = random.integers(0, 255, (40, 40, 3), np.uint8)
            PIL_Image.fromarray(pixels).save(tmp_path / label / f"{at}.png")
    assert not open_path(tmp_path).notes
    (tmp_path / "a" / "0.txt").write_text("taken on Monday")
    with pytest.raises(DataError, match=r"0\.txt"):
        open_path(tmp_path)


def test_near_duplicates_are_mentioned(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for label in "ab":
        (tmp_path / label).mkdir()
        for at in range(12):
            pixels = random.integers(0, 255, (40, 40, 3), np.uint8)
            for copy in range(1 + (at == 0)):
                file = tmp_path / label / f"{at}-{copy}.png"
                PIL_Image.fromarray(pixels).save(file)
    assert "2 of 26 images are near duplicates" in open_path(tmp_path).notes[0]
    assert not open_path(tmp_path, {"near_duplicates": "ignore"}).notes
