"""Features on disk: computed once, found again, made again where they are not whole, bounded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.plugins.backbone import DATA, numbers, trained, write_weights
from zoo.errors import ConfigError
from zoo_vgg16_damage import VGG16Damage, feature_cache


@pytest.fixture(scope="module", autouse=True)
def announced() -> None:
    if "vgg16_damage" not in zoo.list_models():
        zoo.register(VGG16Damage)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "mobilenet.h5")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(feature_cache.SIZE_LIMIT, raising=False)
    return tmp_path / "cache" / "features"


def test_the_head_learns_on_features_as_it_would_on_pictures(weights: Path, tmp_path: Path) -> None:
    run = trained(weights, tmp_path / "run", augmentation={"flip": False, "shift": 0.0})
    head = run.history[-1]
    logs = run.model.evaluate(*_pair("validation"), verbose=0, return_dict=True)

    assert len(run.history) == 2
    assert logs["accuracy"] == pytest.approx(head["val_accuracy"], abs=0.051)


def _pair(split: str) -> tuple[np.ndarray, np.ndarray]:
    part = DATA.split(split)
    return part.images, part.labels


def test_features_are_computed_once(
    weights: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = trained(weights, tmp_path / "first")
    entries = sorted(path.name for path in own_cache.iterdir())
    assert len(entries) == 3
    monkeypatch.setattr(feature_cache, "_stage", _forbidden)
    second = trained(weights, tmp_path / "second")

    assert sorted(path.name for path in own_cache.iterdir()) == entries
    assert numbers(first) == numbers(second)


def _forbidden(*_: Any) -> None:
    raise AssertionError("features were computed again")


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"image_size": 40},
        {"head": {"pooling": "flatten"}},
        {"augmentation": {"shift": 0.2}},
    ],
)
def test_another_view_or_another_sight_is_another_entry(
    weights: Path, tmp_path: Path, own_cache: Path, change: dict[str, Any]
) -> None:
    trained(weights, tmp_path / "one", epochs=1)
    before = {path.name for path in own_cache.iterdir()}
    trained(weights, tmp_path / "two", epochs=1, **change)

    assert {path.name for path in own_cache.iterdir()} - before


@pytest.mark.parametrize("damage", ["features.npy", "labels.npy", "sha256.json"])
def test_an_entry_that_is_not_whole_is_made_again(
    weights: Path, tmp_path: Path, own_cache: Path, damage: str
) -> None:
    first = trained(weights, tmp_path / "first")
    for entry in own_cache.iterdir():
        raw = bytearray((entry / damage).read_bytes())
        raw[-3] ^= 255
        (entry / damage).write_bytes(raw)
    second = trained(weights, tmp_path / "second")

    assert numbers(first) == numbers(second)


def _entry(name: str, rows: int, *, in_use: tuple[str, ...] = ()) -> None:
    def fill(features: np.ndarray, labels: np.ndarray) -> None:
        features[:] = 1
        labels[:] = 2

    feature_cache.find_or_make(name, (rows, 1000), fill, in_use=in_use)


def test_what_was_not_used_for_longest_goes_first(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(feature_cache.SIZE_LIMIT, "0.00095")
    for age, name in enumerate(("old", "middle", "new")):
        _entry(name, 70)
        os.utime(own_cache / name, (1_000 + age, 1_000 + age))
    _entry("old", 70)
    _entry("next", 70)

    assert sorted(path.name for path in own_cache.iterdir()) == ["new", "next", "old"]


def test_what_is_in_use_stays(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(feature_cache.SIZE_LIMIT, "0.0005")
    _entry("mine", 70)
    _entry("other", 70, in_use=("mine", "other"))

    assert sorted(path.name for path in own_cache.iterdir()) == ["mine", "other"]


def test_a_computation_that_breaks_leaves_nothing(own_cache: Path) -> None:
    def fill(features: np.ndarray, labels: np.ndarray) -> None:
        features[0] = 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        feature_cache.find_or_make("broken", (3, 4), fill)

    assert not own_cache.is_dir() or not list(own_cache.iterdir())


def test_features_that_have_no_room_are_refused_before_any_is_computed(
    weights: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(feature_cache.SIZE_LIMIT, "0.0001")
    with pytest.raises(ConfigError, match="features of this training") as caught:
        trained(weights, tmp_path / "run")

    assert "views=1" in caught.value.fix
    assert not own_cache.exists()


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf", "0"])
def test_a_bound_that_is_no_number_is_a_finding(text: str, monkeypatch: Any) -> None:
    monkeypatch.setenv(feature_cache.SIZE_LIMIT, text)
    with pytest.raises(ConfigError, match=feature_cache.SIZE_LIMIT):
        feature_cache.size_limit()
