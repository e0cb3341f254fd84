"""The captioner through the public API: built, trained, evaluated, exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.errors import ConfigError, UnknownModel
from zoo.spec import DataSpec, Task, TensorSpec
from zoo_aircraft import damage_report

DATA = "aircraft_captions_synthetic"
AIRCRAFT = "aircraft_damage_synthetic"
SMALL = {"examples": 48, "validation_examples": 16, "test_examples": 16, "image_size": 48}
PUBLISHED = Path(__file__).parents[2] / "exports" / "blip_captioner" / "1"
SIZES = {
    "vision": {
        "stem": ((8,),),
        "patch_size": 8,
        "hidden_dim": 16,
        "num_layers": 1,
        "num_heads": 2,
    },
    "text": {"hidden_dim": 16, "num_layers": 1, "num_heads": 2, "intermediate_dim": 32},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    folder = tmp_path_factory.mktemp("captions") / "run"
    data = zoo.dataset(DATA, **SMALL)
    return zoo.train("blip_captioner", data, run_dir=folder, epochs=2, batch_size=16, **SIZES)


@pytest.fixture(scope="module")
def exported(run: zoo.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo.export(run, out=tmp_path_factory.mktemp("exports")).path


@pytest.fixture(scope="module", params=["published", pytest.param("new", marks=pytest.mark.slow)])
def artifact(request: pytest.FixtureRequest) -> Path:
    return PUBLISHED if request.param == "published" else request.getfixturevalue("exported")


def pictures(artifact: Path) -> np.ndarray:
    """Return pictures of the size that an artifact takes."""
    side = zoo.runtime.load(artifact).inputs[0].shape[0]
    data = zoo.dataset(DATA, **SMALL | {"image_size": side})
    return data.split("test").take(np.arange(5))[0]["image"]


def test_teacher_forcing_shifts_texts_and_leaves_the_prompt_out_of_the_targets() -> None:
    from zoo_blip_captioner.teacher_forcing import teacher_forcing

    data = zoo.dataset(DATA, **SMALL)
    inputs, targets = data.split("train").take(np.arange(3))
    told, wanted = teacher_forcing(data.spec, use_bag_of_words=True)(inputs, targets)
    text = data.spec.targets[1].text
    prompt = zoo.runtime.encode_text(["a detailed photo of"], text)[0]

    for name, skipped in (("caption", 0), ("summary", len(prompt))):
        before, after, true = told[f"previous_{name}"], wanted[name], targets[name]
        assert (before[:, 0] == text.start).all()
        np.testing.assert_array_equal(before[:, 1 : 1 + skipped], np.tile(prompt[:skipped], (3, 1)))
        np.testing.assert_array_equal(after[:, :skipped], 0)
        np.testing.assert_array_equal(after[:, skipped:], true[:, 1:])
        np.testing.assert_array_equal(before[:, 1 + skipped :], true[:, 1:-1])
    for there, text_of in zip(
        wanted["bag_of_words"], data.split("train").texts["caption"], strict=False
    ):
        words = {text.vocabulary[i] for i in np.flatnonzero(there)} - set(zoo.spec.SPECIAL_TOKENS)
        assert words == set(text_of.split())


def test_common_padding_is_cut() -> None:
    from zoo_blip_captioner.teacher_forcing import teacher_forcing, used_lengths

    data = zoo.dataset(DATA, **SMALL)
    found = used_lengths(data)
    texts = [text for name in ("train", "validation") for text in data.split(name).texts["caption"]]
    told, _ = teacher_forcing(data.spec, found)(*data.split("train").take(np.arange(4)))

    assert found["caption"] == 2 + max(len(text.split()) for text in texts)
    assert told["previous_caption"].shape[1] == found["caption"] - 1


SCORES = {"bleu", "chrf", "cider", "summary_bleu", "place_accuracy"}


def test_the_published_captioner_is_evaluated() -> None:
    data = zoo.dataset(DATA, **SMALL | {"image_size": 96})
    scores = zoo.evaluate(PUBLISHED, data).scores

    assert next(iter(scores)) == "exact_match"
    assert set(scores) >= SCORES
    assert scores["exact_match"].value > 0.8


@pytest.mark.slow
def test_training_and_evaluation(run: zoo.Run) -> None:
    history = (run.path / "history.csv").read_text().splitlines()
    loss = history[0].split(",").index("loss")
    first, last = (float(line.split(",")[loss]) for line in history[1:])
    scores = zoo.evaluate(run).scores

    assert last < first
    assert next(iter(scores)) == "exact_match"
    assert set(scores) >= SCORES


@pytest.mark.slow
def test_an_artifact_generates_the_texts_of_its_model(run: zoo.Run, exported: Path) -> None:
    model, artifact = zoo.open_predictor(run), zoo.open_predictor(exported)
    images = pictures(exported)
    for options in ({}, {"prompt": "summary"}, {"beams": 3}):
        expected = model.predict({"image": images}, **options)
        found = artifact.predict({"image": images}, **options)

        assert found.texts == expected.texts
        np.testing.assert_array_equal(found.outputs["text"], expected.outputs["text"])


def test_the_search_as_one_graph_generates_the_texts_of_the_loop(artifact: Path) -> None:
    images = pictures(artifact)
    text = zoo.runtime.load_generator(artifact).text
    captioner = zoo.runtime.load(artifact, signature="generate")
    written = captioner.predict({"image": images}).outputs["text"]
    scores = {name: zoo.runtime.load(artifact, signature=name) for name in ("encode", "decode")}
    predict_fns = {name: session.run for name, session in scores.items()}
    looped = zoo.runtime.generate(predict_fns, {"image": images}, text, style="transformers").tokens

    np.testing.assert_array_equal(written[:, : looped.shape[1]], looped)
    assert (written[:, looped.shape[1] :] == text.pad).all()


def test_a_damage_report_has_caption_and_summary(artifact: Path, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (70, 110, 3)).astype("uint8")
    Image.fromarray(pixels).save(tmp_path / "wing.png")
    report = damage_report(
        tmp_path / "wing.png", "vgg16_damage", captioner=artifact, out=tmp_path / "out"
    )[0]
    captioner = zoo.open_predictor(artifact)
    caption, summary = (
        captioner.predict(str(tmp_path / "wing.png"), prompt=prompt).texts[0]
        for prompt in ("", "summary")
    )

    assert (report.damage.caption or "", report.damage.summary or "") == (caption, summary)


@pytest.mark.slow
def test_a_frozen_encoder_stays_the_same(tmp_path: Path) -> None:
    from zoo_blip_captioner.training_model import captioner_of

    data = zoo.dataset(DATA, **SMALL)
    options: dict[str, Any] = {**SIZES, "freeze_encoder": True}
    run = zoo.train("blip_captioner", data, run_dir=tmp_path / "run", epochs=1, **options)
    before = zoo.build("blip_captioner", data=data, **options)
    run_weights = captioner_of(run.model)

    assert not captioner_of(before).vision.trainable_weights
    assert not run_weights.vision.trainable_weights
    # Statistics of a batch normalization that learned nothing are those it began with.
    for norm in run_weights.vision.conv_stem.norms:
        np.testing.assert_array_equal(np.asarray(norm.moving_mean), 0)
        np.testing.assert_array_equal(np.asarray(norm.moving_variance), 1)


def spec(shape: tuple[int | str, ...], task: Task = Task.CAPTIONING) -> DataSpec:
    image = TensorSpec(name="image", shape=shape, dtype="uint8", range=(0, 255), role="image")
    return DataSpec(
        id="x", task=task, inputs=(image,), targets=zoo.dataset(DATA, **SMALL).spec.targets
    )


@pytest.mark.parametrize(
    ("data", "options", "word"),
    [
        (spec((32, 32, 3), Task.CLASSIFICATION), {}, "captions"),
        (spec((48, 32, 3)), {}, "square"),
        (spec((32, 32, 1)), {}, "color"),
        (spec((40, 40, 3)), {"vision": {"patch_size": 16}}, "vision.patch_size"),
        (spec((32, 32, 3)), {"text": {"max_positions": 8}}, "text.max_positions"),
        (spec((32, 32, 3)), {"vision": {"hidden_dim": 10, "num_heads": 4}}, "divisible"),
        (spec((32, 32, 3)), {"vision": {"patch_size": 4}}, "divisible"),
        (spec((32, 32, 3)), {"sha256": "0" * 64}, "pretrained"),
    ],
)
def test_unfit_data_or_options_are_refused(
    data: DataSpec, options: dict[str, Any], word: str
) -> None:
    with pytest.raises(ConfigError, match=word):
        zoo.build("blip_captioner", data=data, **options)


def test_prediction_by_name_uses_the_published_weights(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype("uint8")
    Image.fromarray(pixels).save(tmp_path / "wing.png")
    expected = zoo.predict(zoo.build("vgg16_damage", weights=AIRCRAFT), str(tmp_path / "wing.png"))
    found = zoo.predict("vgg16_damage", str(tmp_path / "wing.png"))

    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    with pytest.raises(UnknownModel):
        zoo.predict("vgg17_damage", str(tmp_path / "wing.png"))
    with pytest.raises(ConfigError, match="weights"):
        zoo.predict("vgg16_damage", str(tmp_path / "wing.png"), weights="nothing")
