"""A backbone and a new head: what it sees, where its weights come from, what is kept on disk."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from tests.plugins.backbone import DATA, built, numbers, trained, write_weights
from tests.plugins.test_vgg16_damage import Bars, pictures
from tests.training.killing import assert_same_bits, kill_after
from zoo.errors import (
    ChecksumMismatch,
    DataError,
    DatasetUnavailable,
)
from zoo_vgg16_damage import VGG16Damage, VGG16DamageConfig, backbones
from zoo_vgg16_damage.backbones import letterbox
from zoo_vgg16_damage.transfer import preprocess

IMAGENET = VGG16DamageConfig(preset="transfer", backbone="mobilenetv2", pretrained="imagenet")


@pytest.fixture(scope="module", autouse=True)
def announced() -> None:
    if "vgg16_damage" not in zoo.list_models():
        zoo.register(VGG16Damage)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "mobilenet.h5")


@pytest.fixture
def served(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[backbones.Backbone]:
    """Serve that file on this machine as if it were the one that Keras pins."""
    handler = functools.partial(_Quiet, directory=str(weights.parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/{weights.name}"
    _pin(monkeypatch, url, hashlib.md5(weights.read_bytes(), usedforsecurity=False).hexdigest())
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    yield backbones.BACKBONES["mobilenetv2"]
    server.shutdown()
    server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def _pin(monkeypatch: pytest.MonkeyPatch, url: str, md5: str | None) -> None:
    pinned = dataclasses.replace(backbones.BACKBONES["mobilenetv2"], url=url, md5=md5)
    monkeypatch.setitem(backbones.BACKBONES, "mobilenetv2", pinned)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


# What a backbone sees


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("vgg16", "vgg16"),
        ("resnet50v2", "resnet_v2"),
        ("mobilenetv2", "mobilenet_v2"),
    ],
)
def test_each_backbone_is_given_what_keras_gives_it(name: str, module: str) -> None:
    spec = pictures(32, 32, 3).inputs[0]
    config = VGG16DamageConfig(preset="transfer", backbone=name, image_size=32)
    raw = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype("float32")
    image = keras.Input((32, 32, 3))
    found = keras.Model(image, preprocess(image, config, spec))(raw)
    expected = getattr(keras.applications, module).preprocess_input(raw.copy())

    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize("size", [(20, 60), (60, 20), (7, 224), (1, 1)])
def test_a_picture_keeps_its_aspect_inside_a_square_of_the_mean(size: tuple[int, int]) -> None:
    spec = pictures(*size, 1).inputs[0]
    config = VGG16DamageConfig(preset="transfer", image_size=64)
    image = keras.Input((*size, 1))
    model = keras.Model(image, preprocess(image, config, spec))
    found = keras.ops.convert_to_numpy(model(np.full((1, *size, 1), 255.0)))[0]
    where = letterbox(*size, 64)
    inside = found[where.top : where.top + where.height, where.left : where.left + where.width]

    assert found.shape == (64, 64, 3)
    assert max(where.height, where.width) == 64
    assert abs(where.height / where.width - size[0] / size[1]) < 0.6 * size[0] / size[1]
    np.testing.assert_allclose(inside[..., 2], 255 - 123.68, atol=1e-3)
    assert (found != 0).any(axis=-1).sum() == where.height * where.width


def test_other_ranges_are_brought_to_that_of_bytes() -> None:
    spec = pictures(32, 32, 1, dtype="float32", high=16).inputs[0]
    config = VGG16DamageConfig(preset="transfer", backbone="resnet50v2", image_size=32)
    image = keras.Input((32, 32, 1))
    model = keras.Model(image, preprocess(image, config, spec))

    np.testing.assert_allclose(model(np.full((1, 32, 32, 1), 16.0)), 1.0, atol=1e-5)
    np.testing.assert_allclose(model(np.zeros((1, 32, 32, 1))), -1.0, atol=1e-5)


# Where its weights come from


def test_weights_come_from_a_path(weights: Path) -> None:
    keras.utils.set_random_seed(9)
    model = built(weights)
    plain = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    plain.load_weights(weights)
    found = model.get_layer("backbone").get_weights()

    assert all(np.array_equal(a, b) for a, b in zip(found, plain.get_weights(), strict=True))


def test_weights_come_from_the_address_that_is_pinned_once(
    served: backbones.Backbone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = built(Path("imagenet"))
    file = tmp_path / "keras" / "models" / served.file_name
    assert file.is_file()
    assert capsys.readouterr().out == ""
    stamp = file.stat().st_mtime_ns
    again = built(Path("imagenet"))

    assert file.stat().st_mtime_ns == stamp
    both = (one.get_layer("backbone").get_weights() for one in (model, again))
    assert all(np.array_equal(a, b) for a, b in zip(*both, strict=True))


def test_a_download_that_is_another_file_is_refused_and_leaves_nothing(
    served: backbones.Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pin(monkeypatch, served.url, "0" * 32)
    with pytest.raises(ChecksumMismatch, match="Keras pins"):
        backbones.weights_file(IMAGENET)

    assert not (tmp_path / "keras" / "models" / served.file_name).exists()


def test_a_file_in_the_cache_that_is_another_one_is_refused(
    served: backbones.Backbone, tmp_path: Path
) -> None:
    file = tmp_path / "keras" / "models" / served.file_name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half of it")
    with pytest.raises(ChecksumMismatch, match="MD5"):
        backbones.weights_file(IMAGENET)


def test_an_address_that_does_not_answer_says_how_to_place_the_file_and_go_on_without(
    served: backbones.Backbone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _pin(monkeypatch, served.url + ".not", served.md5)
    with pytest.raises(DatasetUnavailable, match="could not be downloaded") as caught:
        built(Path("imagenet"))

    assert str(tmp_path / "keras" / "models" / f"{served.file_name}.not") in caught.value.fix
    assert "--set preset=small" in caught.value.fix


def test_offline_nothing_is_asked_of_the_network(
    served: backbones.Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(DatasetUnavailable, match="ZOO_OFFLINE") as caught:
        built(Path("imagenet"))

    assert served.file_name in caught.value.fix
    assert "--set pretrained=FILE" in caught.value.fix
    assert "--set preset=small" in caught.value.fix
    assert caught.value.exit_code == 5


def test_a_file_that_is_not_there_or_of_another_network_is_a_typed_error(
    weights: Path, tmp_path: Path
) -> None:
    with pytest.raises(DatasetUnavailable, match="no weights file"):
        built(tmp_path / "none.h5")
    with pytest.raises(DataError, match="does not hold weights of vgg16"):
        built(weights, backbone="vgg16")
    torn = tmp_path / "torn.h5"
    torn.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(DataError, match="does not hold weights"):
        built(torn)


@pytest.mark.slow
def test_a_run_needs_the_weights_of_its_backbone_only_while_it_learns(
    weights: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved.h5"
    moved.write_bytes(weights.read_bytes())
    run = trained(moved, tmp_path / "run")
    expected = run.model.predict_on_batch(DATA.split("test").images)
    moved.unlink()

    again = zoo.load(run.path).model
    np.testing.assert_array_equal(again.predict_on_batch(DATA.split("test").images), expected)


@pytest.mark.slow
def test_all_of_it_may_learn_from_nothing(tmp_path: Path) -> None:
    run = trained(Path("none"), tmp_path / "run", epochs=1, fine_tune={"blocks": "all"})

    assert run.status == "finished"
    assert "phase" not in run.history[0]


# Two phases


@pytest.mark.slow
def test_the_last_blocks_learn_slowly_and_the_others_not_at_all(
    weights: Path, tmp_path: Path
) -> None:
    before = built(weights).get_layer("backbone")
    run = trained(weights, tmp_path / "run", fine_tune={"epochs": 2, "learning_rate": 1e-3})
    after = run.model.get_layer("backbone")
    moved = {
        layer.name
        for layer in after.layers
        if layer.weights
        for a, b in zip(layer.weights, before.get_layer(layer.name).weights, strict=True)
        if not np.array_equal(a, b)
    }

    assert [line["phase"] for line in run.history] == [1, 1, 2, 2]
    if run.record["best_epoch"] > 2:
        assert moved
    assert all(name.startswith(("Conv_1", "block_16", "block_15", "block_14")) for name in moved)


@pytest.mark.slow
def test_a_backbone_that_learns_on_keeps_the_statistics_that_it_was_trained_with(
    weights: Path,
) -> None:
    model = built(weights, augmentation={"flip": False, "shift": 0.0})
    features = keras.Model(model.inputs[0], model.get_layer("features").output)
    images = DATA.split("test").images
    for blocks in (1, 3, "all"):
        backbones.unfreeze(model.get_layer("backbone"), "mobilenetv2", blocks)
        learning, still = (features(images, training=way) for way in (True, False))

        np.testing.assert_allclose(learning, still, atol=1e-6)
        assert model.get_layer("backbone").trainable_weights


@pytest.mark.slow
def test_one_that_starts_from_nothing_makes_its_own_statistics() -> None:
    model = built(Path("none"), fine_tune={"blocks": "all"})
    norm = model.get_layer("backbone").get_layer("bn_Conv1")
    before = np.array(norm.moving_variance)
    model.fit(DATA.split("test").images, DATA.split("test").labels, batch_size=10, verbose=0)

    assert not np.array_equal(before, norm.moving_variance)


@pytest.mark.slow
def test_an_export_of_a_backbone_takes_raw_pictures_and_says_where(
    weights: Path, tmp_path: Path
) -> None:
    wide = Bars({"train": 16, "validation": 8, "test": 8})
    run = trained(weights, tmp_path / "run", wide, epochs=1, image_size=64)
    artifact = zoo.export(run, tmp_path / "exports", data=wide)
    images = wide.split("test").images
    mine = zoo.predict(run, {"image": images}, signature="saliency").outputs["evidence"]
    theirs = zoo.predict(artifact.path, images, signature="saliency").outputs["evidence"]

    assert mine.shape == (8, 2, 2, 2)
    np.testing.assert_allclose(theirs, mine, atol=1e-3)


@pytest.mark.slow
def test_a_run_that_is_killed_while_it_is_tuned_ends_in_the_bits_of_one_that_was_not(
    weights: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _PROGRAM, str(weights)]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*command, "train", whole], check=True, capture_output=True)
    kill_after([*command, "train", cut], cut / "checkpoints" / "fine_tune", 1)
    assert json.loads((cut / "run.json").read_text())["status"] == "running"
    subprocess.run([*command, "resume", cut], check=True, capture_output=True)

    last = "checkpoints/fine_tune/epoch-00008.npz"
    assert_same_bits(whole / last, cut / last)
    assert numbers(zoo.Run(whole)) == numbers(zoo.Run(cut))


_PROGRAM = """
import sys, zoo
from zoo_vgg16_damage import VGG16Damage
if "vgg16_damage" not in zoo.list_models():
    zoo.register(VGG16Damage)
weights, what, folder = sys.argv[1:]
if what == "resume":
    zoo.train(resume=folder)
else:
    data = zoo.dataset("digits")
    zoo.train("vgg16_damage", data, run_dir=folder, preset="transfer", backbone="mobilenetv2",
              image_size=32, views=2, epochs=2, batch_size=512, pretrained=weights,
              fine_tune={"epochs": 6, "learning_rate": 1e-3})
"""
