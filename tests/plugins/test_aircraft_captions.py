"""Drawn damage with captions: a closed language, and half of the test split never trained on."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import zoo
from zoo.errors import ConfigError, DataError
from zoo.runtime.text import decode_text, split_words
from zoo.spec import Task, TextSpec

pytest.importorskip("PIL", reason="the images are drawn by Pillow")

from zoo_aircraft.captions import (
    ATTRIBUTES,
    caption,
    parse,
    place_words,
    summary,
    truth_of,
    vocabulary,
)
from zoo_aircraft.datasets import MAX_LENGTH, CaptionedSceneSplit
from zoo_aircraft.scene import PLACES, SIZES, make_scene

NAME = "aircraft_captions_synthetic"
SMALL: dict[str, Any] = {
    "examples": 24,
    "validation_examples": 6,
    "test_examples": 16,
    "image_size": 48,
}
SCENES = [make_scene(seed, split, n) for seed in (0, 1) for split in ("train", "test")
          for n in range(1_000)]  # fmt: skip


def _text() -> TextSpec:
    text = zoo.dataset(NAME).spec.targets[0].text
    assert text is not None
    return text


def test_the_vocabulary_is_the_grammar_and_the_prompt_and_nothing_else() -> None:
    used = {word for scene in SCENES for text in (caption(scene), summary(scene))
            for word in split_words(text)}  # fmt: skip
    assert used == set(vocabulary())
    text = _text()
    prompt = set(split_words(dict(text.prompts)["summary"]))
    assert set(text.vocabulary[4:]) == used | prompt
    assert len(set(text.vocabulary)) == len(text.vocabulary)


def test_the_vocabulary_is_known_before_an_image_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("an image was drawn")

    monkeypatch.setattr("zoo_aircraft.datasets.draw", refuse)
    data = zoo.dataset(NAME)
    assert data.sizes() == {"train": 36_000, "validation": 500, "test": 1_000}
    assert data.spec.task == Task.CAPTIONING
    caption_, summary_ = data.spec.targets
    assert caption_.text == summary_.text and len(caption_.text.vocabulary) == 72
    assert data.split("test").texts["caption"][0].startswith("a ")


def test_the_longest_summary_just_fits_after_its_prompt() -> None:
    base = next(s for s in SCENES if s.place.number == 1 and s.kind == "crack" and s.stripe)
    fullest = dataclasses.replace(
        base, severity="moderate", vents=2, scratches=2, streaks=1, stains=2, gleams=1, shadow=True
    )
    prompt = len(split_words(dict(_text().prompts)["summary"]))
    longest = len(split_words(summary(fullest)))
    assert max(len(split_words(summary(scene))) for scene in SCENES) <= longest
    assert longest + prompt + 2 == MAX_LENGTH == _text().max_length


def test_images_come_with_a_caption_and_a_summary_between_start_and_end_tokens() -> None:
    data = zoo.dataset(NAME, **SMALL)
    split = data.split("train")
    inputs, targets = split.arrays() or ({}, {})
    assert inputs["image"].shape == (24, 48, 48, 3) and inputs["image"].dtype == np.uint8
    for name in ("caption", "summary"):
        ids = targets[name]
        assert ids.shape == (24, MAX_LENGTH) and ids.dtype == np.int32
        assert (ids[:, 0] == 2).all() and ((ids == 3).sum(axis=1) == 1).all()
        assert not (ids == 1).any()
        assert tuple(decode_text(ids, _text())) == split.texts[name]
    truth = split.truth(np.arange(24))
    assert [one.caption for one in truth] == list(split.texts["caption"])
    assert [one.summary for one in truth] == list(split.texts["summary"])
    chosen = split.take(np.array([5, 2]))
    np.testing.assert_array_equal(chosen[0]["image"], inputs["image"][[5, 2]])
    np.testing.assert_array_equal(chosen[1]["summary"], targets["summary"][[5, 2]])


def test_above_the_bound_images_are_drawn_as_they_are_asked_for() -> None:
    data = zoo.dataset(NAME, image_size=48).spec
    split = CaptionedSceneSplit(data, 0, "train", 4, bound=100)
    assert split.arrays() is None
    assert split.take(np.array([3]))[1]["caption"].shape == (1, MAX_LENGTH)


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_half_of_the_test_split_shows_what_was_never_trained_on(seed: int) -> None:
    data = zoo.dataset(NAME, split_seed=seed)
    trained = {data.split("train").scene(n).combination for n in range(2_000)}
    validated = {data.split("validation").scene(n).combination for n in range(500)}
    test = data.split("test")
    held = test.held_out(np.arange(1_000))
    assert held.sum() == 500
    assert len(trained) == 270 and validated <= trained
    for index, is_held in enumerate(held.tolist()):
        assert (test.scene(index).combination not in trained) == is_held
    # A pair of a crack and a dent is never divided.
    assert (held[::2] == held[1::2]).all()
    assert not data.split("train").held_out(np.arange(99)).any()
    shown = {test.scene(n).combination for n in np.flatnonzero(held).tolist()}
    assert len(shown) == 54


def test_nothing_need_be_held_out() -> None:
    test = zoo.dataset(NAME, **SMALL, hold_out="none").split("test")
    assert not test.held_out(np.arange(16)).any()
    for wrong in ({"hold_out": "half"}, {"examples": 1}, {"color": "red"}):
        with pytest.raises(ConfigError):
            zoo.dataset(NAME, **wrong)


def test_an_image_is_the_same_however_many_there_are() -> None:
    few, many = (
        zoo.dataset(NAME, **SMALL | {"test_examples": count}).split("test") for count in (8, 16)
    )
    np.testing.assert_array_equal(few.arrays()[0]["image"], many.take(np.arange(8))[0]["image"])
    assert few.texts["summary"] == many.texts["summary"][:8]


def test_the_texts_can_be_had_in_the_vocabulary_of_another_model() -> None:
    data = zoo.dataset(NAME, **SMALL)
    other = _text().model_copy(
        update={"vocabulary": (*_text().vocabulary[:4], *reversed(_text().vocabulary[4:]))}
    )
    targets = tuple(t.model_copy(update={"text": other}) for t in data.spec.targets)
    again = data.encoded_by(data.spec.model_copy(update={"targets": targets}))
    split = again.split("validation")
    ids = split.arrays()[1]["caption"]
    assert tuple(decode_text(ids, other)) == split.texts["caption"]
    assert not np.array_equal(ids, data.split("validation").arrays()[1]["caption"])
    short = tuple(
        t.model_copy(update={"text": other.model_copy(update={"max_length": 20})}) for t in targets
    )
    with pytest.raises(DataError, match="at most 18"):
        data.encoded_by(data.spec.model_copy(update={"targets": short})).split("test").arrays()


def test_what_a_text_says_is_read_from_it() -> None:
    for scene in SCENES:
        truth = truth_of(scene)
        said = parse(truth.caption)
        assert said == {
            "kind": scene.kind,
            "size": scene.size,
            "place": place_words(scene.place),
            "color": scene.color,
        }
        assert tuple(said) == ATTRIBUTES
        assert parse(truth.summary) == {**said, "severity": scene.severity}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", {}),
        ("a crack", {"kind": "crack"}),
        ("a short dent", {"kind": "dent", "size": "small"}),
        ("a a red", {}),
        ("large dent above the window of a blue red fuselage", {"kind": "dent", "size": "large",
                                                                "color": "red"}),
        ("a dent below the second window below the door", {"kind": "dent",
                                                           "place": "below the second window"}),
        ("on the doors of a reddish fuselage", {}),
    ],
)  # fmt: skip
def test_of_a_text_without_rules_what_can_be_read_is_read(text: str, said: dict[str, str]) -> None:
    assert parse(text) == said


@given(st.lists(st.sampled_from(vocabulary()), max_size=20).map(" ".join) | st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    said = parse(text)
    assert set(said) <= {*ATTRIBUTES, "severity"}
    assert said.get("size", "small") in SIZES
    assert said.get("place", place_words(PLACES[0])) in set(map(place_words, PLACES))
