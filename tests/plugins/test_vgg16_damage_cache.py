"""Cached features: computed once, computed again where a file is damaged, limited in size."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import zoo
from tests.plugins.backbone import DATA, QUICK, built, numbers, trained, write_weights
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
    return tmp_path / "cache" / "features"


@pytest.mark.slow
def test_the_head_learns_on_features_as_it_would_on_pictures(weights: Path, tmp_path: Path) -> None:
    run = trained(weights, tmp_path / "run", augmentation={"flip": False, "shift": 0.0})
    head = run.history[-1]
    logs = run.model.evaluate(*_pair("validation"), verbose=0, return_dict=True)

    assert len(run.history) == 2
    assert logs["accuracy"] == pytest.approx(head["val_accuracy"], abs=0.051)


def _pair(split: str) -> tuple[np.ndarray, np.ndarray]:
    part = DATA.split(split)
    return part.images, part.labels


def damage(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 255
    file.write_bytes(raw)


def arrays(folder: Path) -> dict[str, dict[str, np.ndarray]]:
    found = {}
    for path in folder.iterdir():
        with np.load(path) as file:
            found[path.name] = dict(file)
    return found


def test_features_are_computed_once_and_again_where_a_file_is_damaged(
    weights: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, plan = built(weights), zoo.TrainPlan(batch_size=QUICK["batch_size"])
    loop: Any = SimpleNamespace(plan=plan, prepare=lambda name, steps: lambda count: None)
    feature_cache.cached_features(model, DATA, loop)
    before = arrays(own_cache)
    damaged = min(before)
    damage(own_cache / damaged)
    saved = []
    save = feature_cache._save
    monkeypatch.setattr(
        feature_cache, "_save", lambda path, *given: (saved.append(path.name), save(path, *given))
    )
    feature_cache.cached_features(model, DATA, loop)

    assert len(before) == 3
    # The other two were read.
    assert saved == [damaged]
    np.testing.assert_equal(arrays(own_cache), before)


@pytest.mark.slow
def test_a_run_on_features_of_the_cache_ends_in_the_numbers_of_one_that_computed_them(
    weights: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    save = feature_cache._save
    monkeypatch.setattr(
        feature_cache, "_save", lambda path, *arrays: (saved.append(path.name), save(path, *arrays))
    )
    first = trained(weights, tmp_path / "first", epochs=1)
    entries = sorted(path.name for path in own_cache.iterdir())
    assert sorted(saved) == entries
    assert len(entries) == 3
    saved.clear()
    second = trained(weights, tmp_path / "second", epochs=1)
    assert saved == []
    damage(own_cache / entries[0])
    third = trained(weights, tmp_path / "third", epochs=1)

    assert saved == entries[:1]
    assert numbers(first) == numbers(second) == numbers(third)


@pytest.mark.slow
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


def test_the_least_recently_used_file_is_removed_first(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "MAX_CACHE_BYTES", 950_000)
    features, labels = np.ones((70, 1000), "float32"), np.ones(70, "int64")
    for age, name in enumerate(("old.npz", "middle.npz", "new.npz")):
        feature_cache._save(own_cache / name, features, labels)
        os.utime(own_cache / name, (1_000 + age, 1_000 + age))
    assert feature_cache._load(own_cache / "old.npz", features, labels)
    feature_cache._save(own_cache / "next.npz", features, labels)

    assert sorted(path.stem for path in own_cache.iterdir()) == ["new", "next", "old"]


def test_features_above_the_size_limit_are_refused_before_any_is_computed(
    weights: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "MAX_BYTES", 100_000)
    with pytest.raises(ConfigError, match="features of this training") as caught:
        trained(weights, tmp_path / "run")

    assert "views=1" in caught.value.fix
    assert not own_cache.exists()
