"""Near duplicates: what counts as one, and that they stay on one side of a split."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PIL_Image

import zoo
from zoo.data.images.files import ImageReader
from zoo.data.images.near_duplicates import (
    MAX_DISTANCE,
    MIN_CORRELATION,
    MIN_SIDE,
    ImageHash,
    image_hashes,
    near_groups,
    near_pairs,
)
from zoo.data.options import ImageOptions
from zoo.data.sources import open_path
from zoo.data.splits import stratified_groups, stratified_split
from zoo.errors import BadRecord, DataError
from zoo.runtime.images import fit_image, read_image


def scene(seed: int, side: int = 64) -> np.ndarray:
    """Return an image with large shapes, as photos have them."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(
        PIL_Image.fromarray(coarse).resize((side, side), PIL_Image.Resampling.BICUBIC)
    )


def compressed(pixels: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    PIL_Image.fromarray(pixels).save(stream, "JPEG", quality=40)
    return np.asarray(PIL_Image.open(stream))


def noisy(pixels: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(9).normal(0, 8, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def moved(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(PIL_Image.fromarray(pixels[1:, 1:]).resize(pixels.shape[1::-1]))


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "nothing": lambda pixels: pixels,
    "compressed": compressed,
    "noisy": noisy,
    "brighter": lambda pixels: np.clip(pixels * 1.1 + 8, 0, 255).astype(np.uint8),
    "larger": lambda pixels: np.asarray(PIL_Image.fromarray(pixels).resize((100, 90))),
    "moved": moved,
    "gray": lambda pixels: np.asarray(PIL_Image.fromarray(pixels).convert("L"))[..., None],
}


def image_hash(pixels: np.ndarray) -> ImageHash | None:
    gray = PIL_Image.fromarray(pixels.squeeze(axis=2) if pixels.shape[2] == 1 else pixels)
    return image_hashes([np.asarray(gray.convert("L"))])[0]


def groups_of(files: list[Path], **options: object) -> list[int]:
    reader = ImageReader(files[0].parent, ImageOptions(**options), bound=1 << 20)
    return near_groups(files, reader).tolist()


def near(one: np.ndarray, other: np.ndarray) -> bool:
    prints = [image_hash(one), image_hash(other)]
    return bool(list(near_pairs([found for found in prints if found is not None])))


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_that_was_slightly_changed_is_near(change: str) -> None:
    assert all(near(scene(seed), CHANGES[change](scene(seed))) for seed in range(10))


def test_other_images_are_not_near() -> None:
    prints = [found for seed in range(300) if (found := image_hash(scene(seed)))]
    assert len(prints) == 300
    assert list(near_pairs(prints)) == []


def test_images_hashed_together_have_the_hashes_that_they_have_alone() -> None:
    grays = [fit_image(scene(seed, 57), 57, 57, 1)[..., 0] for seed in range(40)]
    for gray, found in zip(grays, image_hashes(grays), strict=True):
        small = fit_image(gray[..., None], 48, 48, 1)
        steps = fit_image(small, 8, 9, 1)[..., 0].astype(int)
        bits = "".join("01"[int(step)] for step in (steps[:, :-1] > steps[:, 1:]).ravel())
        levels = fit_image(small, 16, 16, 1).ravel().astype(float)
        levels -= levels.mean()
        assert found is not None and found[0] == int(bits, 2)
        np.testing.assert_allclose(found[1], levels / np.linalg.norm(levels), atol=1e-6)


@pytest.mark.parametrize("way", ["in blocks", "looked up"])
@pytest.mark.parametrize("alike", [0.0, 0.3, 1.0])
def test_pairs_are_those_of_a_comparison_one_by_one(
    alike: float, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "zoo.data.images.near_duplicates"
    monkeypatch.setattr(f"{module}._BLOCK", 16)
    monkeypatch.setattr(f"{module}._STEP", 7)
    if way == "looked up":
        monkeypatch.setattr(f"{module}._FEW", 0)
        monkeypatch.setattr(f"{module}._MANY", 1.0)
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(3, 256))
    bits = rng.integers(0, 2**63, 3)
    hashes: list[ImageHash] = []
    for _ in range(70):
        kind = int(rng.integers(3)) if rng.random() < alike else 0
        gray = (kinds[kind] if rng.random() < alike else 0) + rng.normal(0, 0.15, 256)
        turned = rng.permutation(64)[: int(rng.integers(14))].tolist()
        bit = int(bits[kind]) ^ sum(1 << place for place in turned)
        hashes.append((bit, (gray / np.linalg.norm(gray)).astype(np.float32)))
    wanted = {
        (i, j)
        for j, (bit, gray) in enumerate(hashes)
        for i, (other, levels) in enumerate(hashes[:j])
        if (bit ^ other).bit_count() <= MAX_DISTANCE and float(gray @ levels) >= MIN_CORRELATION
    }
    found = [
        pair for a, b in near_pairs(hashes) for pair in zip(a.tolist(), b.tolist(), strict=True)
    ]
    assert {(min(pair), max(pair)) for pair in found} == wanted
    assert bool(wanted) == (alike > 0)


def test_a_chain_of_near_images_is_one_group(tmp_path: Path) -> None:
    one, other = scene(1).astype(float), scene(2).astype(float)
    files = []
    for step in range(0, 101, 5):  # the ends are far from each other
        file = tmp_path / f"{step:03}.png"
        mixed = one * (1 - step / 100) + other * step / 100
        PIL_Image.fromarray(mixed.astype(np.uint8)).save(file)
        files.append(file)
    assert not near(read_image(files[0]), read_image(files[-1]))
    assert groups_of(files) == [0] * len(files)


def test_a_mirrored_or_a_turned_image_is_another() -> None:
    assert not near(scene(0), scene(0)[:, ::-1])
    assert not near(scene(0), scene(0)[::-1])


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((64, 64, 3), 200, np.uint8),
        np.zeros((64, 64, 1), np.uint8),
        scene(0)[: MIN_SIDE - 1],
        scene(0)[:, : MIN_SIDE - 1],
        np.zeros((1, 1, 3), np.uint8),
    ],
)
def test_what_is_plain_or_small_is_near_to_nothing(pixels: np.ndarray) -> None:
    assert image_hash(np.ascontiguousarray(pixels)) is None


def test_symbols_look_alike_without_being_copies() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn carries the digits")
    images = zoo.dataset("digits").split("test").take(np.arange(100))[0]["image"]
    assert not any(image_hash(image) for image in images)


def frames(folder: Path, scenes: int, each: int, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    """Write some frames of every scene, a little noisier each."""
    for kind, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(scenes):
            pixels = scene(100 * kind + number, 40)
            for frame in range(each):
                rng = np.random.default_rng(frame)
                noise = rng.normal(0, 4, pixels.shape) if frame else 0
                image = np.clip(pixels + noise, 0, 255).astype(np.uint8)
                PIL_Image.fromarray(image).save(folder / name / f"{number:02}-{frame}.png")
    return folder


def homes(folder: Path, **options: object) -> dict[tuple[str, str], set[str]]:
    """Return in which splits the frames of each scene are."""
    data = open_path(folder, options)
    pixels = {read_image(f).tobytes(): (f.parent.name, f.name[:2]) for f in folder.rglob("*.png")}
    found: dict[tuple[str, str], set[str]] = {}
    for split in ("train", "validation", "test"):
        for image in data.split(split).arrays()[0]["image"]:
            found.setdefault(pixels[image.tobytes()], set()).add(split)
    return found


def test_frames_of_one_scene_stay_together_and_classes_keep_their_shares(tmp_path: Path) -> None:
    folder = frames(tmp_path / "photos", scenes=14, each=3)
    assert all(len(splits) == 1 for splits in homes(folder).values())
    data = open_path(folder)
    for split, wanted in (("validation", 6), ("test", 6)):
        labels = data.split(split).arrays()[1]["label"]
        assert np.abs(np.bincount(labels, minlength=2) - wanted).max() <= 1
    assert sum(data.sizes().values()) == 84
    assert open_path(folder).fingerprint == data.fingerprint
    assert open_path(folder, {"split_seed": 1}).fingerprint != data.fingerprint


def test_ignored_they_are_divided_as_any_images(tmp_path: Path) -> None:
    folder = frames(tmp_path / "photos", scenes=14, each=3)
    assert any(len(s) > 1 for s in homes(folder, near_duplicates="ignore").values())


def test_without_duplicates_the_split_is_the_one_without_the_comparison(tmp_path: Path) -> None:
    folder = frames(tmp_path / "photos", scenes=8, each=1)
    ignored = open_path(folder, {"near_duplicates": "ignore"})
    assert open_path(folder).fingerprint == ignored.fingerprint


def test_copies_in_two_classes_are_one_group(tmp_path: Path) -> None:
    folder = frames(tmp_path / "photos", scenes=8, each=1)
    for name in ("cat", "dog"):
        PIL_Image.fromarray(noisy(scene(777))).save(folder / name / "same.png")
    files = sorted(folder.rglob("*.png"))
    groups = groups_of(files, image_size=(40, 40))
    same = [group for file, group in zip(files, groups, strict=True) if "same" in file.name]
    assert len(set(same)) == 1
    assert set(groups) == set(range(len(files) - 1))


def test_a_class_that_is_one_scene_cannot_be_divided(tmp_path: Path) -> None:
    folder = frames(tmp_path / "photos", scenes=1, each=6)
    with pytest.raises(
        DataError, match="the class 'cat' cannot be divided into 3 splits"
    ) as caught:
        open_path(folder)
    assert "near_duplicates=ignore" in caught.value.fix
    assert open_path(folder, {"near_duplicates": "ignore"}).sizes()["train"] == 8


def test_an_image_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    folder = frames(tmp_path / "photos", scenes=2, each=2)
    files = sorted(folder.rglob("*.png"))
    whole = files[3].read_bytes()
    files[3].write_bytes(whole[:80])
    with pytest.raises(BadRecord, match=files[3].name):
        groups_of(files)
    files[3].unlink()
    with pytest.raises(BadRecord, match=files[3].name):
        groups_of(files)
    files[3].write_bytes(whole)
    assert groups_of(files) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_given_splits_are_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split in ("train", "valid", "test"):
        frames(tmp_path / split, scenes=1, each=2)
    monkeypatch.setattr("zoo.data.images.folder.near_groups", None)
    assert open_path(tmp_path).sizes() == {"train": 4, "validation": 4, "test": 4}


@pytest.mark.parametrize("seed", range(30))
def test_no_group_is_divided_and_no_class_is_missing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 120)
    groups = np.unique(rng.integers(0, int(rng.integers(30, 120)), 120), return_inverse=True)[1]
    parts = stratified_groups(labels, groups, validation=0.2, test=0.15, seed=seed)
    plain = stratified_split(labels, validation=0.2, test=0.15, seed=seed)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(120))
    owners = {name: set(groups[part].tolist()) for name, part in parts.items()}
    assert not owners["train"] & owners["test"] and not owners["validation"] & owners["train"]
    assert not owners["validation"] & owners["test"]
    largest = int(np.bincount(groups).max())
    for name, part in parts.items():
        share = np.bincount(labels[part], minlength=3)
        assert share.min() >= 1
        wanted = np.bincount(labels[plain[name]], minlength=3)
        assert np.abs(share - wanted).max() <= 2 * largest


def test_without_groups_it_is_the_plain_split() -> None:
    labels = np.repeat([0, 1], [30, 12])
    parts = stratified_groups(labels, np.arange(42), validation=0.2, test=0.2, seed=3)
    plain = stratified_split(labels, validation=0.2, test=0.2, seed=3)
    assert all((parts[name] == plain[name]).all() for name in plain)
