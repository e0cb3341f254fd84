"""Published captioners through the public API: built, asked and fine-tuned."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.plugins.blip import tiny
from zoo.errors import BadRecord, ConfigError, DataError, Incompatible, ZooError
from zoo.metrics.figures import encode_png
from zoo_blip_captioner.captioner import BlipCaptioner
from zoo_blip_captioner.training_model import captioner_of

CAPTIONS = ("a black jet", "two jets on grass", "a jet on a runway", "a photo of grass")
SIZES: dict[str, Any] = {
    "preset": "base",
    **{
        f"{side}.{name}": value
        for side, sizes in (("vision", tiny.VISION), ("text", tiny.TEXT))
        for name, value in sizes.items()
        if name != "image_size"
    },
}


@pytest.fixture(scope="module")
def model(source: Path) -> Any:
    return zoo.build("blip_captioner", weights=source)


@pytest.fixture(scope="module")
def predictor(model: Any) -> zoo.Predictor:
    return zoo.open_predictor(model)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Captioned pictures whose captions are made of the words of the tiny vocabulary."""
    folder = tmp_path_factory.mktemp("photos")
    lines = []
    for number in range(16):
        pixels = tiny.pictures(1, seed=number)[0]
        (folder / f"{number}.png").write_bytes(encode_png(pixels))
        lines.append(json.dumps({"image": f"{number}.png", "caption": CAPTIONS[number % 4]}))
    (folder / "captions.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def options(source: Path) -> dict[str, Any]:
    vocabulary = str(source / "vocab.txt")
    return {"image_size": tiny.SIDE, "vocabulary": vocabulary, "max_length": 12}


def test_a_folder_is_built_into_its_model(source: Path, loaded: BlipCaptioner, model: Any) -> None:
    layer = captioner_of(model)
    assert tiny.same(tiny.values(layer), tiny.values(loaded))
    config = model.blueprint.config
    assert config.pretrained == str(source)
    assert config.sizes().vision == {
        **{k: v for k, v in tiny.VISION.items() if k != "image_size"},
        "stem": (),
        "dropout": 0.0,
    }
    assert model.blueprint.data.inputs[0].shape == (tiny.SIDE, tiny.SIDE, 3)


def test_the_built_model_scores_as_the_captioner(loaded: BlipCaptioner, model: Any) -> None:
    ids, _ = tiny.begun(2, 5)
    images = tiny.pictures(2)
    found = model({"image": images, "previous_caption": ids})["caption"]
    np.testing.assert_array_equal(found, loaded({"images": images, "ids": ids}))


@pytest.mark.slow
def test_a_folder_may_be_a_string(source: Path) -> None:
    made = zoo.build("blip_captioner", weights=str(source))
    assert made.blueprint.config.pretrained == str(source)


def test_a_folder_without_a_captioner_is_refused(source: Path, tmp_path: Path) -> None:
    for wrong in ("digits", tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match="has no weights"):
            zoo.build("blip_captioner", weights=wrong)
    (tmp_path / "old.pth").write_bytes(b"\x80\x04pickle")
    with pytest.raises(Incompatible):
        zoo.build("blip_captioner", weights=tmp_path / "old.pth")


def test_an_image_gets_a_caption(predictor: zoo.Predictor, tmp_path: Path) -> None:
    pixels = tiny.pictures(1)[0]
    (tmp_path / "one.png").write_bytes(encode_png(pixels))
    answer = predictor.predict(tmp_path / "one.png", beams=2)
    assert len(answer.texts) == 1 and isinstance(answer.texts[0], str)
    assert predictor.predict(pixels, beams=2).texts == answer.texts
    assert np.isfinite(answer.outputs["log_probability"]).all()


@pytest.mark.slow
def test_a_prompt_is_given_by_its_name_or_its_words(predictor: zoo.Predictor) -> None:
    pixels = tiny.pictures(2)
    found = predictor.predict(pixels, prompt="summary")
    again = predictor.predict(pixels, prompt="a detailed photo of")
    np.testing.assert_array_equal(found.outputs["text"], again.outputs["text"])
    for wrong in ("  ", "elephants", "photo " * 60):
        with pytest.raises(ConfigError, match="cannot begin with this prompt"):
            predictor.predict(pixels, prompt=wrong)
    with pytest.raises(ConfigError):
        predictor.predict(pixels, beams=0)


@pytest.mark.slow
def test_training_starts_from_the_pretrained_weights(
    source: Path, loaded: BlipCaptioner, photos: Path, tmp_path: Path
) -> None:
    """With a learning rate of almost 0 the weights stay the same."""
    run = zoo.train(
        "blip_captioner",
        photos,
        data_options=options(source),
        run_dir=tmp_path / "run",
        epochs=1,
        batch_size=4,
        pretrained=str(source),
        **SIZES,
        **{"optimizer.learning_rate": 1e-12, "optimizer.weight_decay": 0.0},
    )
    trained = captioner_of(run.model)
    for found, value in zip(tiny.values(trained), tiny.values(loaded), strict=True):
        np.testing.assert_allclose(found, value, atol=1e-6)
    # A run is complete in itself: the folder is not asked again.
    moved = source.rename(source.parent / "moved")
    try:
        again = captioner_of(zoo.load(run.path).model)
        assert tiny.same(tiny.values(again), tiny.values(trained))
    finally:
        moved.rename(source)


def test_a_frozen_encoder_has_no_trainable_weights(source: Path, photos: Path) -> None:
    data = zoo.dataset(photos, **options(source))
    made = zoo.build("blip_captioner", data=data, freeze_encoder=True, **SIZES)
    layer = captioner_of(made)
    assert not layer.vision.trainable_weights and layer.decoder.trainable_weights


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_encoder_stays_the_same_to_the_last_bit(
    source: Path, photos: Path, frozen: bool
) -> None:
    data = zoo.dataset(photos, **options(source))
    stem = {"vision.stem": [[4], [4]], "pretrained": None, "bag_of_words_weight": 0}
    for more in ({"pretrained": str(source)}, stem) if frozen else (stem,):
        chosen = {**SIZES, **more, "freeze_encoder": frozen, "text.dropout": 0.1}
        made = zoo.build("blip_captioner", data=data, **chosen)
        layer = captioner_of(made)
        before = tiny.values(layer.vision), tiny.values(layer.decoder)
        inputs, targets = data.split("train").take(np.arange(4))
        ids = targets["caption"]
        given = {"image": inputs["image"], "previous_caption": ids[:, :-1]}
        for _ in range(2):
            made.train_on_batch(given, {"caption": ids[:, 1:]})
        assert tiny.same(before[0], tiny.values(layer.vision)) is frozen
        assert not tiny.same(before[1], tiny.values(layer.decoder))
        if not frozen:
            pairs = zip(before[0], tiny.values(layer.vision), strict=True)
            assert all(not np.array_equal(old, new) for old, new in pairs)


def settings_of(error: ZooError) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the advice of an error says, as a reader of it would type it."""
    config = dict(re.findall(r"--set '?([a-z_.]+)=([^' ]+)", error.fix))
    data = dict(re.findall(r"--data-option ([a-z_]+)=(\S+)", error.fix))
    return {k: json.loads(v) if v[0] in "[0123456789" else v for k, v in config.items()}, data


def test_the_fix_of_other_sizes_works(source: Path, loaded: BlipCaptioner, photos: Path) -> None:
    data = zoo.dataset(photos)
    with pytest.raises(ConfigError, match="do not fit this captioner") as caught:
        zoo.build("blip_captioner", data=data, pretrained=str(source), **{"vision.patch_size": 12,
            "vision.stem": [[8], [8]]})  # fmt: skip
    why = caught.value.why
    assert "vision.hidden_dim: 48, as in the weights. Received: 96" in why
    assert "vision.stem: none" in why and "vocabulary: the vocabulary in" in why
    config, said = settings_of(caught.value)
    assert config == {
        "preset": "base",
        **{name: value for name, value in SIZES.items() if name != "preset"},
        "vision.stem": [],
    }
    made = zoo.build(
        "blip_captioner",
        data=zoo.dataset(photos, max_length=12, **said),
        pretrained=str(source),
        **config,
    )
    assert tiny.same(tiny.values(captioner_of(made)), tiny.values(loaded))


@pytest.mark.slow
def test_the_fix_of_another_image_size_works(source: Path, photos: Path) -> None:
    data = zoo.dataset(photos, **{**options(source), "image_size": 48})
    with pytest.raises(ConfigError) as caught:
        zoo.build("blip_captioner", data=data, pretrained=str(source), **SIZES)
    assert "image size: 36 pixels a side. Received: 48" in caught.value.why
    assert settings_of(caught.value) == ({}, {"image_size": "36"})


@pytest.mark.slow
def test_a_reordered_vocabulary_is_refused(source: Path, photos: Path, tmp_path: Path) -> None:
    swapped = list(tiny.PIECES)
    swapped[20], swapped[21] = swapped[21], swapped[20]
    file = tiny.write_vocabulary(tmp_path / "swapped", tuple(swapped))
    data = zoo.dataset(photos, **{**options(source), "vocabulary": str(file)})
    with pytest.raises(ConfigError) as caught:
        zoo.build("blip_captioner", data=data, pretrained=str(source), **SIZES)
    assert [finding.where for finding in caught.value.findings] == ["vocabulary"]
    assert str(source / "vocab.txt") in caught.value.fix


def test_sha256_and_revision_need_pretrained_weights(photos: Path) -> None:
    for wrong in ({"sha256": "0" * 64}, {"revision": "main"}):
        with pytest.raises(ConfigError, match="which is null"):
            zoo.build("blip_captioner", data=zoo.dataset(photos), **wrong)


class TestOddFiles:
    """Pictures in files of every kind; they come to the model's size as the runtime brings them."""

    @pytest.fixture
    def images(self) -> Any:
        return pytest.importorskip("PIL.Image", reason="only PNG is read without Pillow")

    def test_files_of_many_kinds_are_read(
        self, predictor: zoo.Predictor, images: Any, tmp_path: Path
    ) -> None:
        pixels = tiny.pictures(1, side=50)[0]
        color = images.fromarray(pixels)
        kinds = {
            "palette.png": color.quantize(16),
            "gray.png": color.convert("L"),
            "clear.png": color.convert("RGBA"),
            "gray-clear.png": color.convert("LA"),
            "black-and-white.png": color.convert("1"),
            "deep.png": images.fromarray(pixels[..., 0].astype(np.uint16) * 257),
            "print.jpg": color.convert("CMYK"),
            "tiny.png": color.resize((1, 1)),
            "flat.png": color.resize((300, 2)),
            "moving.gif": color.quantize(8),
            "web.webp": color,
        }
        for name, picture in kinds.items():
            picture.save(tmp_path / name)
        answer = predictor.predict([tmp_path / name for name in kinds])
        assert len(answer.texts) == len(kinds)
        assert np.isfinite(answer.outputs["log_probability"]).all()

    def test_a_photo_is_turned_upright_first(
        self, predictor: zoo.Predictor, images: Any, tmp_path: Path
    ) -> None:
        pixels = tiny.pictures(1)[0]
        exif = images.Exif()
        exif[0x0112] = 6
        images.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
        images.fromarray(pixels).save(tmp_path / "turned.tiff", exif=exif)
        upright = np.rot90(pixels, -1).copy()
        expected = predictor.predict(upright).outputs
        found = predictor.predict(tmp_path / "turned.tiff").outputs
        np.testing.assert_array_equal(found["text"], expected["text"])
        np.testing.assert_array_equal(found["log_probability"], expected["log_probability"])

    @pytest.mark.parametrize("what", ["cut", "empty", "text", "html", "zeros", "pickle", "absent"])
    def test_an_invalid_image_file_is_refused_by_name(
        self, predictor: zoo.Predictor, tmp_path: Path, what: str
    ) -> None:
        whole = encode_png(tiny.pictures(1)[0])
        data = {
            "cut": whole[: len(whole) // 2],
            "empty": b"",
            "text": b"a black jet",
            "html": b"<html>not found</html>",
            "zeros": b"\0" * 4000,
            "pickle": b"\x80\x04N.",
        }
        file = tmp_path / "photo.jpg"
        if what != "absent":
            file.write_bytes(data[what])
        with pytest.raises(BadRecord) as caught:
            predictor.predict(file)
        assert caught.value.file == str(file)

    @pytest.mark.parametrize(
        "wrong",
        [
            np.zeros((1, 35, 36, 3), np.int64),
            np.zeros((0, 36, 36, 3), np.uint8),
            np.full((1, 36, 36, 3), 0.5),
            np.full((1, 36, 36, 3), 300),
            [],
            {"picture": np.zeros((1, 36, 36, 3), np.uint8)},
            "nothing.png",
            "a black jet",
        ],
        ids=lambda value: str(getattr(value, "shape", value))[:30],
    )
    def test_what_does_not_fit_is_refused(self, predictor: zoo.Predictor, wrong: Any) -> None:
        with pytest.raises(DataError):
            predictor.predict(wrong)
