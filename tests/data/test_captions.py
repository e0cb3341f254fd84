"""Images with captions in JSON lines: what is read, what stays together, what is bad."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import zoo
from zoo.data.captions import CaptionedSplit, open_captioned
from zoo.data.options import CaptionOptions
from zoo.errors import BadRecord, ConfigError, DataError
from zoo.metrics.figures import encode_png
from zoo.runtime.images import PADDED, fit_image, read_image
from zoo.runtime.text import decode_text
from zoo.spec import Task

SPLITS = ("train", "validation", "test")


def draw(file: Path, seed: int, size: tuple[int, int] = (9, 7)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    file.write_bytes(encode_png(pixels))


def write(file: Path, records: list[Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def records(count: int = 12, first: int = 0) -> list[dict[str, str]]:
    return [
        {"image": f"photos/{n}.png", "caption": f"an image of number {n}"}
        for n in range(first, first + count)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(12):
        draw(tmp_path / "own" / "photos" / f"{number}.png", number)
    write(tmp_path / "own" / "captions.jsonl", records())
    return tmp_path / "own"


def shown(data: zoo.Dataset) -> dict[str, str]:
    """Return what each caption stands beside: the first pixel of its image."""
    found = {}
    for name in SPLITS:
        split = data.split(name)
        inputs, targets = split.arrays()
        said = decode_text(targets["caption"], data.spec.targets[0].text)
        for pixels, text, raw in zip(inputs["image"], said, split.texts["caption"], strict=True):
            found[raw] = pixels.tobytes().hex()[:60]
            assert text == raw or "\ufffd" in text
    return found


def test_a_folder_with_captions_becomes_images_and_texts(folder: Path) -> None:
    data = zoo.dataset(folder)
    assert data.spec.task == Task.CAPTIONING and data.id == "own"
    image, caption = data.spec.inputs[0], data.spec.targets[0]
    assert (image.name, image.shape, image.dtype) == ("image", (9, 7, 3), "uint8")
    assert (caption.name, caption.shape, caption.dtype) == ("caption", ("time",), "int32")
    assert len(data.spec.targets) == 1 and caption.text.prompts == ()
    assert sum(data.sizes().values()) == 12 and min(data.sizes().values()) == 2
    beside = shown(data)
    for record in records():
        pixels = read_image(folder / record["image"])
        assert pixels.tobytes().hex().startswith(beside[record["caption"]])
    inputs, targets = data.split("train").take(np.array([2, 0, -1]))
    everything = data.split("train").arrays()
    np.testing.assert_array_equal(inputs["image"], everything[0]["image"][[2, 0, -1]])
    np.testing.assert_array_equal(targets["caption"], everything[1]["caption"][[2, 0, -1]])
    assert targets["caption"].shape == (3, caption.text.max_length)


def test_the_names_of_hugging_face_are_read_too(folder: Path) -> None:
    expected = shown(zoo.dataset(folder))
    (folder / "captions.jsonl").unlink()
    other = [{"file_name": r["image"], "text": r["caption"], "width": 7} for r in records()]
    write(folder / "metadata.jsonl", other)
    assert shown(zoo.dataset(folder)) == expected


def test_several_lines_are_several_captions_of_one_image_and_stay_together(folder: Path) -> None:
    lines = [{**r, "caption": f"{r['caption']} {turn}"} for turn in "abc" for r in records()]
    lines[5]["image"] = "./photos/../photos/5.png"
    write(folder / "captions.jsonl", lines)
    data = zoo.dataset(folder)
    assert sum(data.sizes().values()) == 36
    owners: dict[str, str] = {}
    for name in SPLITS:
        split = data.split(name)
        assert len(split.texts["caption"]) == len(split.image_ids) == len(split)
        assert split.image_ids.max() + 1 == len(split) / 3
        for text in split.texts["caption"]:
            assert owners.setdefault(text.split()[4], name) == name
        inputs = split.arrays()[0]["image"]
        for one in range(len(split)):
            same = split.image_ids == split.image_ids[one]
            assert (inputs[same] == inputs[one]).all()


def test_images_that_are_nearly_the_same_stay_together(tmp_path: Path) -> None:
    root = tmp_path / "own"
    for number in range(8):
        draw(root / f"{number}.png", number, (40, 40))
        pixels = read_image(root / f"{number}.png")
        (root / f"{number}-again.png").write_bytes(encode_png(np.minimum(pixels, 250)))
    lines = [{"image": f"{n}{end}.png", "caption": f"number {n}"} for n in range(8)
             for end in ("", "-again")]  # fmt: skip
    write(root / "captions.jsonl", lines)

    def apart(**options: Any) -> int:
        data = zoo.dataset(root, **options)
        sides = [set(data.split(name).texts["caption"]) for name in SPLITS]
        return sum(map(len, sides)) - 8

    assert apart() == 0
    assert any(apart(near_duplicates="ignore", split_seed=seed) for seed in range(4))


def test_given_splits_are_taken_as_they_are_and_missing_ones_are_drawn(folder: Path) -> None:
    (folder / "captions.jsonl").unlink()
    (folder / "photos").rename(folder / "train")
    write(folder / "train" / "metadata.jsonl",
          [{"image": f"{n}.png", "caption": f"t {n}"} for n in range(12)])  # fmt: skip
    for number in range(3):
        draw(folder / "val" / f"{number}.png", 100 + number)
    write(folder / "val" / "captions.jsonl",
          [{"image": f"{n}.png", "caption": f"v {n}"} for n in range(3)])  # fmt: skip
    data = zoo.dataset(folder)
    assert data.sizes() == {"train": 10, "validation": 3, "test": 2}
    assert data.split("validation").texts["caption"] == ("v 0", "v 1", "v 2")
    assert "v" not in data.spec.targets[0].text.vocabulary
    draw(folder / "test" / "0.png", 200)
    with pytest.raises(DataError, match="test has no captions"):
        zoo.dataset(folder)
    write(folder / "test" / "captions.jsonl", [{"image": "0.png", "caption": "x"}])
    assert zoo.dataset(folder).sizes() == {"train": 12, "validation": 3, "test": 1}


def test_summaries_are_a_second_target_with_a_prompt(folder: Path) -> None:
    lines = [{**r, "summary": f"At length: {r['caption']}."} for r in records()]
    write(folder / "captions.jsonl", lines)
    data = zoo.dataset(folder, lowercase=False)
    caption, summary = data.spec.targets
    assert (summary.name, summary.text) == ("summary", caption.text)
    assert caption.text.prompts == (("summary", "a detailed photo of"),)
    assert {"detailed", "photo", "At", "length"} <= set(caption.text.vocabulary)
    split = data.split("train")
    ids = split.arrays()[1]["summary"]
    assert tuple(decode_text(ids, summary.text)) == split.texts["summary"]
    other = zoo.dataset(folder, prompt="at length")
    assert other.spec.targets[0].text.prompts == (("summary", "at length"),)
    with pytest.raises(ConfigError, match="prompt"):
        zoo.dataset(folder, prompt=" ")


def test_all_lines_have_a_summary_or_none_has(folder: Path) -> None:
    lines: list[dict[str, Any]] = records()
    lines[4]["summary"] = "one"
    write(folder / "captions.jsonl", lines)
    with pytest.raises(BadRecord, match="line 5: there is a summary"):
        zoo.dataset(folder)
    lines = [{**r, "summary": "one"} for r in records()]
    lines[7]["summary"] = None
    write(folder / "captions.jsonl", lines)
    with pytest.raises(BadRecord, match="line 8: there is no summary"):
        zoo.dataset(folder)


def test_longer_texts_are_left_out_and_counted(folder: Path) -> None:
    lines = [{**r, "summary": "short"} for r in records(12)]
    lines += [{"image": "photos/0.png", "caption": "word " * 30, "summary": "short"}]
    # Six words and two signs fit into eight; the prompt of a summary takes four of them.
    lines += [{"image": "photos/0.png", "caption": "short", "summary": "one two three"}]
    write(folder / "captions.jsonl", lines)
    data = zoo.dataset(folder, max_length=8)
    assert sum(data.sizes().values()) == 12
    assert "2 of 14 captions were left out as longer than 8 ids" in data.spec.targets[0].outside
    with pytest.raises(DataError, match="no caption of the .* split is short enough"):
        zoo.dataset(folder, max_length=4)


def test_texts_can_be_had_in_the_vocabulary_of_another_model(folder: Path) -> None:
    data, short = zoo.dataset(folder), zoo.dataset(folder, max_length=20)
    again = data.encoded_by(short.spec)
    assert again.spec == short.spec
    assert again.split("test").arrays()[1]["caption"].shape[1] == 20
    assert data.encoded_by(data.spec) is data
    tiny = short.spec.targets[0].text.model_copy(update={"max_length": 5})
    target = short.spec.targets[0].model_copy(update={"text": tiny})
    with pytest.raises(DataError, match="short enough for the model"):
        data.encoded_by(short.spec.model_copy(update={"targets": (target,)}))


def test_images_of_any_size_come_to_the_one_that_is_asked_for(folder: Path) -> None:
    draw(folder / "photos" / "3.png", 3, (20, 4))
    with pytest.raises(ConfigError, match="2 sizes, from 9x7 to 20x4"):
        zoo.dataset(folder)
    data = zoo.dataset(folder, image_size=16, image_fit="pad", channels=1)
    assert data.spec.inputs[0].shape == (16, 16, 1) and data.spec.inputs[0].outside == PADDED
    wanted = fit_image(read_image(folder / "photos" / "3.png"), 16, 16, 1, padded=True)
    seen = np.concatenate([data.split(name).arrays()[0]["image"] for name in SPLITS])
    assert any((pixels == wanted).all() for pixels in seen)


def test_above_the_bound_images_are_decoded_as_they_are_asked_for(folder: Path) -> None:
    lines = [{**r, "caption": f"{r['caption']} {turn}"} for turn in "ab" for r in records()]
    write(folder / "captions.jsonl", lines)
    options = CaptionOptions()
    small = open_captioned(folder, options)
    # All twelve fit; doubled, as examples, they do not.
    large = open_captioned(folder, options, bound=9 * 7 * 3 * 12)
    assert small.fingerprint == large.fingerprint
    one, other = small.split("train"), large.split("train")
    assert isinstance(other, CaptionedSplit) and other.arrays() is None
    chosen = np.array([3, 0, 3])
    for left, right in zip(one.take(chosen), other.take(chosen), strict=True):
        for name in left:
            np.testing.assert_array_equal(left[name], right[name])


def test_the_fingerprint_is_that_of_pixels_and_words(folder: Path) -> None:
    before = zoo.dataset(folder).fingerprint
    moved = folder.rename(folder.parent / "elsewhere")
    assert zoo.dataset(moved).fingerprint == before
    lines = records()
    lines[0]["caption"] = "an image of another number"
    write(moved / "captions.jsonl", lines)
    assert zoo.dataset(moved).fingerprint != before
    write(moved / "captions.jsonl", records())
    draw(moved / "photos" / "0.png", 77)
    assert zoo.dataset(moved).fingerprint != before


BAD: dict[str, tuple[Any, str]] = {
    "not JSON": ("an image of a cat", "this is not JSON"),
    "half an object": ('{"image": "photos/1.png"', "this is not JSON"),
    "nested too deeply": ("[" * 100_000, "this is not JSON"),
    "a number of too many digits": ("9" * 5_000, "this is not JSON"),
    "a list": ([1, 2], "this is no JSON object: [1, 2]"),
    "null": ("null", "no JSON object"),
    "no image": ({"caption": "x"}, "the key 'image' is missing"),
    "no caption": ({"image": "photos/1.png", "label": 3}, "the key 'caption' is missing"),
    "a key twice": ('{"image": "photos/1.png", "caption": "x", "caption": "y"}', "there twice"),
    "two names of one thing": (
        {"image": "photos/1.png", "file_name": "photos/2.png", "caption": "x"},
        "'image' and 'file_name'",
    ),
    "no text": ({"image": "photos/1.png", "caption": 7}, "'caption' is 7, and no text"),
    "an empty caption": ({"image": "photos/1.png", "caption": " \t"}, "the caption is empty"),
    "an empty summary": (
        {"image": "photos/1.png", "caption": "x", "summary": ""},
        "the summary is empty",
    ),
    "an unknown image": ({"image": "photos/13.png", "caption": "x"}, "there is no image"),
    "a folder": ({"image": "photos", "caption": "x"}, "no regular file"),
    "a way out": ({"image": "photos/../../secret.png", "caption": "x"}, "outside the folder"),
    "an absolute path": ({"image": "/etc/passwd", "caption": "x"}, "outside the folder"),
    "a name without end": ({"image": "x" * 5_000, "caption": "x"}, "there is no image"),
    "a zero byte": ({"image": "photos/\0.png", "caption": "x"}, "zero byte"),
    "half a character": ('{"image": "photos/1.png", "caption": "\\ud800"}', "half a character"),
    "an image that is none": ({"image": "notes.txt", "caption": "x"}, "not an image"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_named(folder: Path, case: str) -> None:
    line, says = BAD[case]
    (folder / "notes.txt").write_text("no image at all", encoding="utf-8")
    (folder.parent / "secret.png").write_bytes((folder / "photos" / "0.png").read_bytes())
    file = write(folder / "captions.jsonl", [*records()[:2], "", line, *records()[2:]])
    with pytest.raises(BadRecord) as caught:
        zoo.dataset(folder)
    assert says in caught.value.what
    assert (caught.value.file, caught.value.row) == (str(file), 4)
    assert caught.value.fix


def test_a_damaged_image_is_named_with_its_line(folder: Path) -> None:
    photo = folder / "photos" / "6.png"
    data = photo.read_bytes()
    photo.write_bytes(data[: len(data) - 40])
    opened = zoo.dataset(folder, near_duplicates="ignore", image_size=8, channels=3)
    with pytest.raises(BadRecord, match=r"captions.jsonl, line 7: the image .*6\.png") as caught:
        for name in SPLITS:
            opened.split(name).arrays()
    assert caught.value.row == 7 and "take its lines out" in caught.value.fix
    with pytest.raises(BadRecord, match="line 7"):
        _ = opened.fingerprint


def test_the_nearest_name_is_proposed(folder: Path) -> None:
    write(folder / "captions.jsonl", [*records(), {"image": "photos\\1.png", "caption": "x"}])
    with pytest.raises(BadRecord, match="no image") as caught:
        zoo.dataset(folder)
    assert "photos/1.png" in caught.value.fix
    write(folder / "captions.jsonl", [{"image": "photos/1.png", "captions": "x"}])
    with pytest.raises(BadRecord, match="missing") as caught:
        zoo.dataset(folder)
    assert "call 'captions' 'caption'" in caught.value.fix


def test_a_folder_that_could_be_two_things_is_refused(folder: Path) -> None:
    write(folder / "metadata.jsonl", records())
    with pytest.raises(DataError, match=r"captions\.jsonl and metadata\.jsonl"):
        zoo.dataset(folder)
    (folder / "metadata.jsonl").unlink()
    write(folder / "train" / "captions.jsonl", records())
    with pytest.raises(DataError, match="two ways") as caught:
        zoo.dataset(folder)
    assert "train/captions.jsonl" in caught.value.why


def test_too_few_images_and_no_captions_are_refused(folder: Path) -> None:
    write(folder / "captions.jsonl", records(2))
    with pytest.raises(DataError, match="2 different images"):
        zoo.dataset(folder)
    write(folder / "captions.jsonl", ["", " "])
    with pytest.raises(BadRecord, match="the file is empty"):
        zoo.dataset(folder)


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "photos" / "pipe.png")
    write(folder / "captions.jsonl", [*records(), {"image": "photos/pipe.png", "caption": "x"}])
    with pytest.raises(BadRecord, match="no regular file"):
        zoo.dataset(folder)


def test_a_folder_of_classes_is_what_it_was(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        for number in range(4):
            draw(tmp_path / "own" / kind / f"{number}.png", number)
    assert zoo.dataset(tmp_path / "own").spec.task == Task.CLASSIFICATION
    write(tmp_path / "own" / "metadata.jsonl", [{"file_name": "cat/0.png", "label": "cat"}])
    with pytest.raises(BadRecord, match="'caption' is missing") as caught:
        zoo.dataset(tmp_path / "own")
    assert "folders are classes" in caught.value.fix


def vocabulary(path: Path, pieces: list[str]) -> Path:
    path.write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return path


SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = [
    *SPECIAL_TOKENS,
    "a",
    "image",
    "of",
    "number",
    *"0123456789",
    *(f"##{n}" for n in range(10)),
]


def test_a_vocabulary_of_word_pieces_is_taken_from_a_file(folder: Path, tmp_path: Path) -> None:
    file = vocabulary(tmp_path / "vocab.txt", WORDS)
    text = zoo.dataset(folder, vocabulary=str(file)).spec.targets[0].text
    assert text.vocabulary == (*WORDS, "[DEC]", "[ENC]")
    assert (text.split, text.lowercase, text.max_length) == ("wordpiece", True, 64)
    assert (text.pad, text.unk, text.start, text.end) == (0, 1, len(WORDS), 3)
    there = vocabulary(tmp_path / "other.txt", [*SPECIAL_TOKENS, "[ENC]", "[DEC]", *WORDS[4:]])
    text = zoo.dataset(folder, vocabulary=str(there)).spec.targets[0].text
    assert len(text.vocabulary) == len(WORDS) + 2 and text.start == 5
    with pytest.raises(ConfigError, match="leave them out"):
        zoo.dataset(folder, vocabulary=str(file), tokenization="subwords")


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        (["[UNK]", "[PAD]", "[SEP]", "a"], "line 1: the first token is '[UNK]'"),
        (["[PAD]", "[SEP]", "a"], "the token '[UNK]' is missing"),
        (["[PAD]", "[UNK]", "a"], "the token '[SEP]' is missing"),
        ([*SPECIAL_TOKENS, "a", "b", "a"], "line 7: the token 'a' is that of line 5"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(
    folder: Path, tmp_path: Path, pieces: list[str], says: str
) -> None:
    file = vocabulary(tmp_path / "vocab.txt", pieces)
    with pytest.raises(BadRecord) as caught:
        zoo.dataset(folder, vocabulary=str(file))
    assert says in caught.value.what
    with pytest.raises(BadRecord, match="cannot be read"):
        zoo.dataset(folder, vocabulary=str(tmp_path / "none.txt"))


def test_the_vocabulary_of_bert_becomes_that_of_blip(folder: Path, shared_data: Path) -> None:
    file = shared_data / "bert" / "vocab.txt"
    text = zoo.dataset(folder, vocabulary=str(file)).spec.targets[0].text
    assert len(text.vocabulary) == 30_524 and text.vocabulary[-2:] == ("[DEC]", "[ENC]")
    assert (text.pad, text.unk, text.start, text.end) == (0, 100, 30_522, 102)


@settings(deadline=None, max_examples=60)
@given(lines=st.lists(st.tuples(st.integers(0, 11), st.text(min_size=1, max_size=20)), max_size=24))
def test_any_captions_come_back_as_they_were_written_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[int, str]]
) -> None:
    root = tmp_path_factory.getbasetemp() / "any"
    for number in range(12):
        if not (root / f"{number}.png").is_file():
            draw(root / f"{number}.png", number)
    write(root / "captions.jsonl", [{"image": f"{n}.png", "caption": text} for n, text in lines])
    try:
        data = zoo.dataset(root, tokenization="characters", lowercase=False)
    except zoo.errors.DataError as error:
        assert error.what
        return
    written = [text for name in SPLITS for text in data.split(name).texts["caption"]]
    assert sorted(written) == sorted(text for _, text in lines)
