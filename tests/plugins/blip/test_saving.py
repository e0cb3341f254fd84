"""A captioner is an ordinary Keras model: saved, nested, traced, trained, converted back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.plugins.blip import tiny
from zoo.errors import Unsupported
from zoo.spec import TextSpec
from zoo_blip_captioner.captioner import BlipCaptioner
from zoo_blip_captioner.pretrained import save_captioner

STEM = {**tiny.VISION, "patch_size": 12, "stem": ((8,), (8, 8))}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> BlipCaptioner:
    return tiny.captioner(tmp_path_factory.mktemp("ours"), dropout=0.25)


def given(rows: int = 2, time: int = 6) -> dict[str, Any]:
    ids, mask = tiny.begun(rows, time)
    return {"images": tiny.pictures(rows), "ids": ids, "mask": mask}


def test_a_saved_folder_loads_to_the_same_bits(ours: BlipCaptioner, tmp_path: Path) -> None:
    first = save_captioner(ours, tmp_path / "first")
    again = tiny.load(first)
    assert tiny.same(tiny.values(ours), tiny.values(again))
    assert again.text_spec == ours.text_spec
    assert again.decoder.get_config() == ours.decoder.get_config() | {
        "name": "decoder", "dtype": again.decoder.get_config()["dtype"],
    }  # fmt: skip
    second = save_captioner(again, tmp_path / "second")
    for name in ("config.json", "model.safetensors", "vocab.txt"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_the_reference_loads_what_is_saved_and_nothing_is_missing(
    ours: BlipCaptioner, tmp_path: Path
) -> None:
    tiny.torch()
    import transformers

    folder = save_captioner(ours, tmp_path)
    model, told = transformers.BlipForConditionalGeneration.from_pretrained(
        folder, output_loading_info=True
    )
    assert {key: list(found) for key, found in told.items() if found} == {}
    theirs, asked = tiny.Reference(model), given()
    _, logits = theirs.score(asked["images"], asked["ids"], asked["mask"])
    found = np.asarray(ours(asked))
    assert np.abs(logits - found)[asked["mask"]].max() <= 1e-4
    np.testing.assert_array_equal(
        ours.generate(asked["images"], max_new_tokens=6), theirs.write(asked["images"], limit=6)
    )


def test_a_captioner_without_an_equivalent_is_not_saved(
    ours: BlipCaptioner, tmp_path: Path
) -> None:
    stem = BlipCaptioner(STEM, tiny.TEXT, ours.text_spec)
    pieces = ("[pad]", "[unknown]", "[start]", "[end]", *tiny.SAID)
    words = BlipCaptioner(
        tiny.VISION, tiny.TEXT, TextSpec(split="words", vocabulary=pieces, max_length=9)
    )
    for made, message in ((stem, "stem"), (words, "vocabulary")):
        made.build()
        with pytest.raises(Unsupported, match=message) as caught:
            save_captioner(made, tmp_path / "out")
        assert "captioner.save" in caught.value.fix
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("stem", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_keras_file_gives_the_same_bits(ours: BlipCaptioner, tmp_path: Path, stem: bool) -> None:
    made = ours
    if stem:
        made = BlipCaptioner(STEM, tiny.TEXT, ours.text_spec)
        made.build()
    made.save(tmp_path / "x.keras")
    again = keras.saving.load_model(tmp_path / "x.keras")
    assert isinstance(again, BlipCaptioner)
    assert again.text_spec == made.text_spec
    assert tiny.same(tiny.values(made), tiny.values(again))
    np.testing.assert_array_equal(again(given()), made(given()))


def test_a_configuration_makes_the_same_model_with_other_weights(ours: BlipCaptioner) -> None:
    again = BlipCaptioner.from_config(ours.get_config())
    again.build()
    assert again.get_config() == ours.get_config()
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in ours.weights]
    assert not tiny.same(tiny.values(ours), tiny.values(again))


def test_several_texts_of_an_image_have_the_logits_of_each_alone(ours: BlipCaptioner) -> None:
    asked = given()
    other, _ = tiny.begun(2, 4, seed=9)
    both = ours({"images": asked["images"], "ids": {"caption": asked["ids"], "summary": other}})
    assert sorted(both) == ["caption", "summary"]
    for name, ids in (("caption", asked["ids"]), ("summary", other)):
        alone = ours({"images": asked["images"], "ids": ids})
        np.testing.assert_allclose(both[name], alone, atol=1e-5)


@pytest.fixture(scope="module")
def larger(ours: BlipCaptioner) -> keras.Model:
    """A larger model around a captioner."""
    config = {**ours.get_config(), "name": "inner"}
    inner = BlipCaptioner.from_config(config)
    image = keras.Input((tiny.SIDE, tiny.SIDE, 3), dtype="uint8", name="image")
    ids = keras.Input((None,), dtype="int32", name="ids")
    logits = inner({"images": image, "ids": ids})
    return keras.Model({"image": image, "ids": ids}, keras.layers.Dense(1)(logits[:, -1]))


@pytest.mark.slow
def test_inside_a_larger_model_it_is_traced_for_any_length(larger: keras.Model) -> None:
    tf = pytest.importorskip("tensorflow", reason="a graph of TensorFlow is traced")
    traced = tf.function(lambda asked: larger(asked, training=False), reduce_retracing=True)
    for rows, time in ((1, 3), (3, 7), (2, 5)):
        ids, _ = tiny.begun(rows, time)
        asked = {"image": tf.constant(tiny.pictures(rows)), "ids": tf.constant(ids)}
        np.testing.assert_allclose(traced(asked), larger(asked, training=False), atol=1e-4)
    assert traced.experimental_get_tracing_count() <= 2


@pytest.mark.parametrize("eagerly", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_one_step_of_training_reaches_every_weight(larger: keras.Model, eagerly: bool) -> None:
    larger.compile("sgd", "mse", run_eagerly=eagerly)
    ids, _ = tiny.begun(8, 6)
    before = tiny.values(larger)
    larger.train_on_batch({"image": tiny.pictures(8), "ids": ids}, np.full((8, 1), 5.0))
    still = [
        weight.path
        for weight, old in zip(larger.weights, before, strict=True)
        if np.array_equal(old, np.array(weight))
    ]
    assert still == []


@pytest.mark.slow
def test_a_larger_model_is_saved_with_the_captioner_in_it(
    larger: keras.Model, tmp_path: Path
) -> None:
    larger.save(tmp_path / "larger.keras")
    again = keras.saving.load_model(tmp_path / "larger.keras")
    ids, _ = tiny.begun(2, 5)
    asked = {"image": tiny.pictures(2), "ids": ids}
    np.testing.assert_array_equal(again(asked), larger(asked))


def test_generation_after_a_weight_change_uses_the_new_weights(
    ours: BlipCaptioner,
) -> None:
    again = BlipCaptioner.from_config(ours.get_config())
    again.build()
    again.set_weights(ours.get_weights())
    images = tiny.pictures(2)
    np.testing.assert_array_equal(
        again.generate(images, max_new_tokens=6), ours.generate(images, max_new_tokens=6)
    )
    bias = np.zeros(len(tiny.PIECES), np.float32)
    bias[7] = 1e3
    again.decoder.bias.assign(bias)
    assert again.generate(images, max_new_tokens=6).tolist() == [[7] * 6] * 2


@pytest.mark.parametrize("strategy", ["beam", pytest.param("greedy", marks=pytest.mark.slow)])
def test_a_captioner_works_in_mixed_precision(strategy: Any) -> None:
    words = TextSpec(
        split="words",
        vocabulary=("[pad]", "[unknown]", "[start]", "[end]", *tiny.SAID),
        max_length=9,
    )
    half = BlipCaptioner(tiny.VISION, tiny.TEXT, words, dtype="mixed_float16")
    half.build()
    ids = np.array([[2, 4, 5]], np.int32)
    found = half({"images": tiny.pictures(1), "ids": ids, "mask": ids > 0})
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    assert np.isfinite(found).all()
    assert half.generate(tiny.pictures(1), max_new_tokens=3, strategy=strategy).shape[0] == 1
