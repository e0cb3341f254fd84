"""Photos, a classifier and a captioner, put together: data for programs, a page for people."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import Field

import zoo
from zoo.errors import BadRecord, ConfigError, Incompatible
from zoo.metrics.figures import encode_png
from zoo.spec import SPECIAL_TOKENS
from zoo_aircraft.report import Damage, damage_report

ROOT = Path(__file__).parents[2]
CLASSIFIER = ROOT / "exports" / "vgg16_damage" / "1"
DIGITS = ROOT / "exports" / "cnn" / "1"
WORDS = ("a", "dent", "below", "the", "window", "<b>it</b>")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a drawn image of damage, larger than the classifier takes, as a file."""
    split = zoo.dataset(
        "aircraft_damage_synthetic",
        image_size=128,
        examples=2,
        validation_examples=2,
        test_examples=2,
    ).split("test")
    path = tmp_path / "wing <1>.png"
    path.write_bytes(encode_png(split.take(np.arange(1))[0]["image"][0]))
    return path


class WriterConfig(zoo.ModelConfig):
    """What the writer of these tests is made of."""

    summary: bool = Field(True, description="Whether it writes a summary, too.")


class Writer(zoo.Architecture[WriterConfig]):
    """Writes the same words about every image."""

    info = zoo.ArchitectureInfo(
        name="writer",
        summary="Writes the same words about every image.",
        tasks=(zoo.Task.CLASSIFICATION,),
        limits=("It does not look.",),
    )
    Config = WriterConfig
    default_dataset = "digits"

    def build(self, config: WriterConfig, data: zoo.DataSpec) -> Any:
        from keras import Input, Model, layers

        from zoo.layers import compile_classifier

        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        answer = layers.Dense(len(data.labels), "softmax")(layers.Flatten()(image))
        return compile_classifier(Model(image, answer), config.optimizer)

    def signatures(self, model: Any, config: WriterConfig, data: zoo.DataSpec) -> Any:
        import keras

        text = zoo.TextSpec(split="words", vocabulary=(*SPECIAL_TOKENS, *WORDS), max_length=8)
        image = model.inputs[0]
        none = keras.ops.cast(keras.ops.cast(image[:, :1, :1, 0], "int32")[:, 0] * 0, "int32")
        named = {"caption": none + np.array([4, 5, 6, 7, 8, 3], "int32")}
        if config.summary:
            named["summary"] = none + np.array([4, 5, 9, 3], "int32")
        outputs = tuple(
            zoo.TensorSpec(name=name, shape=(tensor.shape[1],), dtype="int32", text=text)
            for name, tensor in named.items()
        )
        return (
            zoo.Signature("predict", keras.Model({image.name: image}, named), data.inputs, outputs),
        )


class TellerConfig(zoo.ModelConfig):
    """What the teller of these tests is made of."""

    prompt: str = Field("seen", description="What it begins a summary with; none if empty.")


class Teller(zoo.Architecture[TellerConfig]):
    """Writes one word after another: which, the last word decides."""

    info = zoo.ArchitectureInfo(
        name="teller",
        summary="Writes the same words about every image, one after another.",
        tasks=(zoo.Task.CLASSIFICATION,),
    )
    Config = TellerConfig
    default_dataset = "digits"

    def build(self, config: TellerConfig, data: zoo.DataSpec) -> Any:
        return Writer().build(WriterConfig(), data)

    def signatures(self, model: Any, config: TellerConfig, data: zoo.DataSpec) -> Any:
        import keras

        prompts = (("summary", config.prompt),) if config.prompt else ()
        text = zoo.TextSpec(
            split="words",
            vocabulary=(*SPECIAL_TOKENS, *WORDS, "seen"),
            max_length=8,
            prompts=prompts,
        )
        next_word = {"[start]": "a", "a": "dent", "seen": "the", "the": "window"}
        follow = np.zeros((len(text.vocabulary), len(text.vocabulary)), "float32")
        for place, piece in enumerate(text.vocabulary):
            follow[place, text.vocabulary.index(next_word.get(piece, "[end]"))] = 9.0
        image = model.inputs[0]
        seen = keras.ops.cast(image[:, :1, 0, 0], "float32") * 0.0
        memory, token = (
            keras.Input((1,), name="memory"),
            keras.Input((), dtype="int32", name="token"),
        )
        scores = keras.ops.take(follow, token, axis=0) + memory
        logits = zoo.TensorSpec(name="logits", shape=(len(text.vocabulary),))
        kept = zoo.TensorSpec(name="memory", shape=(1,))
        chosen = zoo.TensorSpec(name="token", dtype="int32", text=text)
        begins = keras.Model({image.name: image}, {"logits": seen + follow[2], "memory": seen})
        goes_on = keras.Model({"memory": memory, "token": token}, {"logits": scores})
        return (
            zoo.Signature("encode", begins, data.inputs, (logits, kept), decode="decode"),
            zoo.Signature("decode", goes_on, (kept, chosen), (logits,)),
        )


@pytest.fixture(scope="module", autouse=True)
def announced() -> None:
    for architecture in (Writer, Teller):
        if architecture.info.name not in zoo.list_models():
            zoo.register(architecture)


def test_a_report_says_class_probability_and_place(photo: Path, tmp_path: Path) -> None:
    (report,) = damage_report(photo, CLASSIFIER, out=tmp_path / "out")
    damage = report.damage

    assert damage.label in {"crack", "dent"}
    assert damage.probability == max(damage.probabilities.values()) > 0.5
    assert damage.threshold is not None
    assert "to predict 'crack'" in damage.threshold.meaning
    assert damage.saliency is not None
    assert len(damage.saliency.map) == len(damage.saliency.map[0]) == 12
    assert max(map(max, damage.saliency.map)) == 1
    box = damage.saliency.box
    assert 0 <= box.left <= damage.saliency.x <= box.right <= damage.width == 128
    assert 0 <= box.top <= damage.saliency.y <= box.bottom <= damage.height == 128
    assert damage.caption is None


def test_the_record_is_the_same_as_what_is_returned(photo: Path, tmp_path: Path) -> None:
    (report,) = damage_report(photo, CLASSIFIER, out=tmp_path / "out")

    assert Damage.model_validate_json(report.record.read_bytes()) == report.damage
    assert report.record.name == "wing_1.json"


def test_the_page_needs_nothing_beside_it_and_runs_nothing(photo: Path, tmp_path: Path) -> None:
    (report,) = damage_report(photo, CLASSIFIER, out=tmp_path / "out")
    page = report.page.read_text("utf-8")

    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "wing &lt;1&gt;.png" in page
    assert page.count("data:image/png") == 2
    assert "does not replace an inspection" in page
    assert "no captioner was used" in page


def test_the_same_photo_gives_the_same_bytes(photo: Path, tmp_path: Path) -> None:
    first = damage_report(photo, CLASSIFIER, out=tmp_path / "a")[0]
    again = damage_report([photo], CLASSIFIER, out=tmp_path / "b")[0]

    assert first.page.read_bytes() == again.page.read_bytes()


@pytest.mark.parametrize("summary", [True, False])
def test_whatever_writes_about_images_is_a_captioner(
    photo: Path, tmp_path: Path, *, summary: bool
) -> None:
    writer = zoo.build("writer", summary=summary)
    (report,) = damage_report(photo, CLASSIFIER, captioner=writer, out=tmp_path / "out")
    page = report.page.read_text("utf-8")

    assert report.damage.caption == "a dent below the window"
    assert report.damage.summary == ("a dent <b>it</b>" if summary else None)
    assert report.damage.captioner is not None
    assert "a dent below the window" in page
    assert "<b>it</b>" not in page
    assert "It does not look." in page


@pytest.mark.parametrize("prompt", ["seen", ""])
def test_what_writes_word_by_word_writes_the_summary_after_its_prompt(
    photo: Path, tmp_path: Path, prompt: str
) -> None:
    teller = zoo.build("teller", prompt=prompt)
    (report,) = damage_report(photo, CLASSIFIER, captioner=teller, out=tmp_path / "out")

    assert report.damage.caption == "a dent"
    assert report.damage.summary == ("the window" if prompt else None)


def test_a_model_that_writes_goes_on_from_a_prompt_or_from_words(photo: Path) -> None:
    teller = zoo.build("teller")

    assert zoo.predict(teller, str(photo)).texts == ["a dent"]
    assert zoo.predict(teller, str(photo), prompt="summary").texts == ["the window"]
    assert zoo.predict(teller, str(photo), prompt="a dent below the", beams=2).texts == ["window"]


def test_a_classifier_that_does_not_say_where_is_reported_without(
    photo: Path, tmp_path: Path
) -> None:
    (report,) = damage_report(photo, DIGITS, out=tmp_path / "out")

    assert report.damage.saliency is None
    assert report.damage.threshold is None
    assert "It has no saliency map" in report.page.read_text("utf-8")


def test_a_keras_model_answers_as_its_artifact_does(photo: Path, tmp_path: Path) -> None:
    if "vgg16_damage" not in zoo.list_models():
        from zoo_vgg16_damage import VGG16Damage

        zoo.register(VGG16Damage)
    model = zoo.build("vgg16_damage", weights="aircraft_damage_synthetic")
    (mine,) = damage_report(photo, model, out=tmp_path / "a")
    (theirs,) = damage_report(photo, CLASSIFIER, out=tmp_path / "b")

    assert mine.damage.label == theirs.damage.label
    assert mine.damage.probability == pytest.approx(theirs.damage.probability, abs=1e-4)
    assert mine.damage.saliency is not None
    assert theirs.damage.saliency is not None
    assert mine.damage.saliency.box == theirs.damage.saliency.box


def test_photos_of_one_name_do_not_replace_each_other(photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / photo.name
    other.parent.mkdir()
    other.write_bytes(photo.read_bytes())
    reports = damage_report([photo, other], CLASSIFIER, out=tmp_path / "out")

    assert [report.page.name for report in reports] == ["wing_1.html", "wing_1-2.html"]


def test_artifacts_answer_without_keras(photo: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom zoo_aircraft import damage_report\n"
        f"damage_report({str(photo)!r}, {str(CLASSIFIER)!r}, out={str(tmp_path / 'o')!r})\n"
        "assert not {'keras', 'tensorflow', 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _png(width: int, height: int) -> bytes:
    """Return a PNG whose header promises more than there is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.png", b""),
        ("text.jpg", b"this is a letter"),
        ("bomb.png", _png(60_000, 60_000)),
        ("hollow.png", _png(8, 8)),
        ("torn.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
    ],
)
def test_an_odd_photo_is_named_and_nothing_is_written(
    photo: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    odd = tmp_path / name
    odd.write_bytes(content)
    with pytest.raises(BadRecord, match=name.replace(".", r"\.")):
        damage_report([photo, odd], CLASSIFIER, out=tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_photo_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    for odd in (tmp_path / "none.png", tmp_path):
        with pytest.raises(BadRecord, match=odd.name):
            damage_report(odd, CLASSIFIER, out=tmp_path / "out")


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (2, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_photo_of_any_shape_has_a_report(
    tmp_path: Path, size: tuple[int, int], channels: int
) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(encode_png(np.full((*size, channels), 90, "uint8")))
    (report,) = damage_report(path, CLASSIFIER, out=tmp_path / "out")

    assert (report.damage.height, report.damage.width) == size
    json.loads(report.record.read_text("utf-8"))


@pytest.mark.parametrize("kind", ["cmyk.jpg", "animated.gif", "sixteen.png", "alpha.png"])
def test_photos_of_odd_kinds_are_read_as_training_reads_them(tmp_path: Path, kind: str) -> None:
    from PIL import Image

    colors = np.random.default_rng(2).integers(0, 256, (40, 50, 4), "uint8")
    path = tmp_path / kind
    if kind == "cmyk.jpg":
        Image.fromarray(colors, "CMYK").save(path)
    elif kind == "animated.gif":
        frames = [Image.fromarray(colors[..., :3]), Image.fromarray(colors[::-1, :, :3])]
        frames[0].save(path, save_all=True, append_images=frames[1:])
    elif kind == "sixteen.png":
        Image.fromarray(colors[..., 0].astype("uint16") * 257).save(path)
    else:
        Image.fromarray(colors, "RGBA").save(path)
    (report,) = damage_report(path, CLASSIFIER, out=tmp_path / "out")

    assert (report.damage.height, report.damage.width) == (40, 50)


def test_models_of_another_kind_are_refused(photo: Path, tmp_path: Path) -> None:
    exports = ROOT / "exports"
    for other in ("mlp_regressor", "autoencoder", "transformer"):
        with pytest.raises(Incompatible, match="does not classify images"):
            damage_report(photo, exports / other / "1", out=tmp_path / "out")
    with pytest.raises(Incompatible, match="takes no images"):
        damage_report(
            photo, CLASSIFIER, captioner=exports / "transformer" / "1", out=tmp_path / "out"
        )
    with pytest.raises(Incompatible, match="writes no texts"):
        damage_report(photo, CLASSIFIER, captioner=DIGITS, out=tmp_path / "out")


def test_no_photos_are_a_finding(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="as asked"):
        damage_report([], CLASSIFIER, out=tmp_path)


def test_the_map_of_a_photo_whose_aspect_was_kept_covers_the_photo_alone(tmp_path: Path) -> None:
    split = zoo.dataset("aircraft_damage_synthetic", image_size=48, examples=8).split("train")
    for kind in ("crack", "dent"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
    images, classes = (next(iter(part.values())) for part in split.take(np.arange(8)))
    for number, (image, label) in enumerate(zip(images, classes, strict=True)):
        folder = tmp_path / "photos" / ("crack", "dent")[label]
        (folder / f"{number}.png").write_bytes(encode_png(image[8:40]))
    options = {"image_size": 48, "image_fit": "pad", "near_duplicates": "ignore"}
    options |= {"validation_split": 0.25, "test_split": 0.25}
    data = zoo.dataset(tmp_path / "photos", **options)
    model = zoo.build("vgg16_damage", data=data.spec, stages=[[4], [4]], stem=4)
    wide = next((tmp_path / "photos" / "dent").glob("*.png"))
    found = damage_report(wide, model, out=tmp_path / "out")[0].damage

    assert (found.height, found.width) == (32, 48)
    if found.saliency is not None:
        rows, columns = len(found.saliency.map), len(found.saliency.map[0])
        assert rows / columns == pytest.approx(32 / 48, abs=0.1)
        assert found.saliency.box.bottom <= 32
