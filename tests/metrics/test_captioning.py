"""Captions are measured against all that might be said, and by what they say."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import sacrebleu

from zoo.data.dataset import ArraySplit
from zoo.errors import ConfigError, DataError
from zoo.metrics.captioning import (
    evaluate_captions,
    frequent_caption,
    mark_words,
    nearest_images,
)
from zoo.metrics.cider import cider_d
from zoo.metrics.figures import Bars, ImageGallery, dump_figures, load_figures
from zoo.metrics.intervals import wilson
from zoo.metrics.scores import describe_score
from zoo.runtime.text import encode_text
from zoo.spec import SPECIAL_TOKENS, DataSpec, Task, TensorSpec, TextSpec

WORDS = ["a", "red", "blue", "door", "crack", "dent", "on", "the", "is", "deep", "it"]
TEXT = TextSpec(split="words", vocabulary=(*SPECIAL_TOKENS, *WORDS), max_length=10)
PROMPTED = TEXT.model_copy(update={"prompts": (("summary", "it is"),)})


class Images(ArraySplit):
    """Images of one gray level each, which is the number of the picture."""

    def __init__(self, levels: list[int], **texts: list[str]) -> None:
        image = np.zeros((len(levels), 4, 4, 3), np.uint8) + np.array(levels)[:, None, None, None]
        ids = {
            name: encode_text(said, TEXT, special_tokens=True, width=10)
            for name, said in texts.items()
        }
        super().__init__({"image": image.astype(np.uint8)}, ids)
        self.texts = texts


class Known(Images):
    """Images of which more is known."""

    def held_out(self, positions):
        return positions % 2 == 1

    def parse(self, text):
        named = {"crack": "kind", "dent": "kind", "red": "color", "blue": "color"}
        return {named[word]: word for word in text.split() if word in named}


def spec(*names: str, text: TextSpec = TEXT) -> DataSpec:
    image = TensorSpec(name="image", shape=(4, 4, 3), dtype="uint8", range=(0, 255), role="image")
    targets = tuple(
        TensorSpec(name=name, shape=("time",), dtype="int32", text=text)
        for name in names or ("caption",)
    )
    return DataSpec(id="x", task=Task.CAPTIONING, inputs=(image,), targets=targets)


def parrot(captions: list[str], summaries: list[str] | None = None):
    """A model that says a text of its own for each gray level, whatever it is told."""
    plans = encode_text([*captions, *(summaries or [])], TEXT, special_tokens=True, width=12)[:, 1:]
    begins = WORDS.index("it") + 4

    def logits(row, place):
        return np.eye(len(TEXT.vocabulary), dtype="float32")[plans[row, place]] * 9

    def encode(inputs):
        row = inputs["image"][:, 0, 0, 0].astype(int)
        none = np.zeros(len(row), int)
        return {"logits": logits(row, none), "row": row, "place": none, "told": none}

    def decode(state):
        row, place, told = state["row"], state["place"] + 1, state["told"]
        if summaries:
            # Of the prompt of two words the first turns to the summary, the second begins it.
            second, first = told == 1, (told == 0) & (place == 1) & (state["token"] == begins)
            row = np.where(first, row + len(captions), row)
            told = np.where(first | second, told + 1, told)
            place = np.where(first | second, 0, place)
        return {"logits": logits(row, place), "next_row": row, "next_place": place,
                "next_told": told}  # fmt: skip

    return {"encode": encode, "decode": decode}


TRUE = ["a red door", "a blue crack", "a red dent", "a blue door on the red door"]
SAID = ["a red door", "a red crack", "a red dent", "a blue door on the red dent"]


def measured(part=None, said=SAID, **options: Any):
    part = part or Images([0, 1, 2, 3], caption=TRUE)
    return evaluate_captions(parrot(said), part, spec(), **options)


def test_every_score_is_what_it_says():
    found = measured().scores
    assert list(found) == ["cider", "bleu", "chrf", "exact_match", "token_accuracy"]
    assert found["exact_match"].value == 0.5
    assert (found["exact_match"].low, found["exact_match"].high) == wilson(2, 4)
    assert found["bleu"].value == pytest.approx(sacrebleu.corpus_bleu(SAID, [TRUE]).score)
    assert found["chrf"].value == pytest.approx(sacrebleu.corpus_chrf(SAID, [TRUE]).score)
    assert found["cider"].value == pytest.approx(cider_d(SAID, [[t] for t in TRUE]).mean())
    # "red" for "blue" misses one of four tokens, "dent" for "door" one of eight.
    assert found["token_accuracy"].value == pytest.approx((4 + 3 + 4 + 7) / (4 + 4 + 4 + 8))
    for score in found.values():
        assert score.low <= score.value <= score.high


@pytest.mark.parametrize("size", [1, 3, 64])
def test_the_batch_size_changes_nothing(size):
    assert measured(batch_size=size) == measured()


def test_any_caption_of_a_picture_is_right():
    part = Images(
        [0, 1, 0, 2, 1], caption=["a door", "a red crack", "a red door", "a dent", "a crack"]
    )
    part.image_ids = np.array([7, 3, 7, 5, 3])
    found = measured(part, ["a red door", "a crack", "a red dent"])
    assert found.examples == 3
    assert found.scores["exact_match"].value == pytest.approx(2 / 3)
    streams = [["a door", "a red crack", "a dent"], ["a red door", "a crack", None]]
    expected = sacrebleu.corpus_bleu(["a red door", "a crack", "a red dent"], streams)
    assert found.scores["bleu"].value == pytest.approx(expected.score)
    references = [["a door", "a red door"], ["a red crack", "a crack"], ["a dent"]]
    wanted = cider_d(["a red door", "a crack", "a red dent"], references).mean()
    assert found.scores["cider"].value == pytest.approx(wanted)
    assert measured(part, ["a red door", "a crack", "a red dent"], batch_size=2) == found


def test_what_was_held_out_and_what_is_said_are_measured_where_they_are_known():
    found = measured(Known([0, 1, 2, 3], caption=TRUE)).scores
    assert list(found)[:3] == ["exact_match", "exact_match_seen", "exact_match_held_out"]
    assert found["exact_match_seen"].value == 1.0
    assert found["exact_match_held_out"].value == 0.0
    assert (found["exact_match_seen"].low, found["exact_match_seen"].high) == wilson(2, 2)
    # Two pictures have a kind; of four colors one is said wrong.
    assert found["kind_accuracy"].value == 1.0
    assert (found["kind_accuracy"].low, found["kind_accuracy"].high) == wilson(2, 2)
    assert found["color_accuracy"].value == 0.75


def test_baselines_are_the_most_frequent_caption_and_the_nearest_picture():
    known = Images([0, 30, 2, 3, 9], caption=["a red door", "a dent", "a red dent", "a dent", "a"])
    found = measured(Known([0, 1, 2, 3], caption=TRUE), reference=known).scores
    assert found["frequent_exact_match"].value == 0.0
    assert found["nearest_exact_match"].value == 0.5
    assert frequent_caption(["b", "a", "b", "a", "c"]) == "a"
    near = nearest_images(Images([8, 31], caption=["a", "a"]), known, "image", np.array([1, 0]))
    assert near.tolist() == [1, 4]


def test_figures_show_images_and_attributes():
    part = Known([0, 1, 2, 3], caption=TRUE)
    assert measured(part).figures == ()
    wrong, right, bars = measured(part, reference=part).figures
    assert isinstance(wrong, ImageGallery) and isinstance(right, ImageGallery)
    assert [item.reference for item in wrong.images] == [TRUE[1], TRUE[3]]
    assert wrong.images[0].caption == (("a", True), ("red", False), ("crack", True))
    assert [item.caption for item in right.images] == [((TRUE[0], True),), ((TRUE[2], True),)]
    assert isinstance(bars, Bars)
    assert dict(zip(bars.names, bars.values, strict=True)) == {
        "color (seen)": 1.0,
        "color (held out)": 0.5,
        "kind (seen)": 1.0,
        "kind (held out)": 1.0,
    }
    figures = (wrong, right, bars)
    assert load_figures(dump_figures(figures)) == figures


def test_a_word_that_is_not_meant_is_marked():
    assert mark_words("a b c", "a b c") == (("a b c", True),)
    assert mark_words("a b b c", "a b c") == (("a b", True), ("b", False), ("c", True))
    assert mark_words("", "a") == ()
    assert mark_words("x y", "") == (("x y", False),)


def test_a_text_that_has_a_prompt_is_written_from_it():
    pytest.importorskip("zoo.runtime.beam_search", reason="prompts come with the search")
    summaries = ["it is deep", "the red door", "deep", "it is on the blue door"]
    part = Images([0, 1, 2, 3], caption=TRUE, summary=[*summaries[:3], "it is on the red door"])
    data = spec("caption", "summary", text=PROMPTED)
    found = evaluate_captions(parrot(SAID, summaries), part, data, reference=part)
    assert found.scores["summary_exact_match"].value == 0.75
    assert found.scores["summary_bleu"].value > 50
    assert found.figures[-1].title == "Generated: summary"
    assert found.figures[-1].rows[0] == ("it is on the red door", "it is on the blue door")


def test_without_sacrebleu_there_are_the_scores_that_need_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    assert list(measured().scores) == ["cider", "exact_match", "token_accuracy"]


def test_an_empty_split_and_data_without_text_are_refused():
    part = Images([0, 1], caption=TRUE[:2])
    inputs, targets = part.take(np.zeros(0, int))
    with pytest.raises(DataError, match="empty"):
        evaluate_captions(parrot(SAID), ArraySplit(inputs, targets), spec())
    bare = spec().model_copy(update={"targets": ()})
    with pytest.raises(ConfigError, match="no text"):
        evaluate_captions(parrot(SAID), part, bare)


def test_scores_say_which_way_is_better():
    for name in (
        "cider",
        "exact_match_seen",
        "exact_match_held_out",
        "summary_exact_match",
        "summary_bleu",
        "frequent_exact_match",
        "nearest_exact_match",
    ):
        assert describe_score(name).better == "higher"
    assert describe_score("cider").high == 10.0
