"""What is written is measured against what was meant, text by text and token by token."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import sacrebleu

from zoo.data.dataset import ArraySplit
from zoo.errors import ConfigError, DataError
from zoo.metrics.intervals import wilson
from zoo.metrics.scores import describe_score
from zoo.metrics.translation import evaluate_translation
from zoo.runtime.text import encode_text
from zoo.spec import DataSpec, Task, TensorSpec, TextSpec

SPECIAL_TOKENS = ("[pad]", "[unknown]", "[start]", "[end]")
WORDS = (*SPECIAL_TOKENS, "el", "gato", "perro", "come", "bebe", "agua", "leche", "grande", "y")
TEXT = TextSpec(split="words", vocabulary=WORDS, max_length=10)


def spec(text: TextSpec = TEXT) -> DataSpec:
    sides = (
        (TensorSpec(name=name, shape=("time",), dtype="int32", text=text),)
        for name in ("source", "target")
    )
    inputs, targets = sides
    return DataSpec(id="x", task=Task.SEQUENCE_TO_SEQUENCE, inputs=inputs, targets=targets)


def split(sources, targets, text: TextSpec = TEXT) -> ArraySplit:
    return ArraySplit(
        {"source": encode_text(sources, text)},
        {"target": encode_text(targets, text, special_tokens=True, width=10)},
    )


def parrot(answers, text: TextSpec = TEXT):
    """A model that says, for each source, a text of its own, whatever it is told."""
    known = {
        tuple(token for token in row if token): said
        for row, said in zip(
            encode_text(list(answers), text).tolist(),
            encode_text(list(answers.values()), text, special_tokens=True, width=12)[:, 1:],
            strict=True,
        )
    }

    def logits(plan, place):
        return np.eye(len(text.vocabulary), dtype="float32")[plan[np.arange(len(plan)), place]] * 9

    def encode(inputs):
        plan = np.stack([known[tuple(t for t in row if t)] for row in inputs["source"].tolist()])
        place = np.zeros(len(plan), int)
        return {"logits": logits(plan, place), "plan": plan, "cache_place": place}

    def decode(state):
        place = state["cache_place"] + 1
        return {"logits": logits(state["plan"], place), "next_cache_place": place}

    return {"encode": encode, "decode": decode}


SOURCES = ["el gato", "gato come", "perro bebe agua", "el perro"]
TRUE = ["el gato come agua", "perro grande", "gato y perro bebe leche", "el perro"]
SAID = ["el gato come leche", "perro grande", "gato y perro bebe leche", "perro"]


def measured(**options):
    predict_fns = parrot(dict(zip(SOURCES, SAID, strict=True)))
    return evaluate_translation(predict_fns, split(SOURCES, TRUE), spec(), **options)


def test_every_score_is_what_it_says():
    found = measured().scores

    assert list(found) == ["exact_match", "bleu", "chrf", "token_accuracy"]
    assert found["exact_match"].value == 0.5
    assert (found["exact_match"].low, found["exact_match"].high) == wilson(2, 4)
    bleu, chrf = sacrebleu.corpus_bleu(SAID, [TRUE]), sacrebleu.corpus_chrf(SAID, [TRUE])
    assert found["bleu"].value == pytest.approx(bleu.score)
    assert found["chrf"].value == pytest.approx(chrf.score)
    # "perro" and its end where "el perro" and its end were meant: none of three is right.
    assert found["token_accuracy"].value == pytest.approx((4 + 3 + 6 + 0) / (5 + 3 + 6 + 3))
    for score in found.values():
        assert score.low <= score.value <= score.high


@pytest.mark.parametrize("size", [1, 3, 256])
def test_the_batch_size_changes_nothing(size):
    assert measured(batch_size=size) == measured()


def test_prose_has_bleu_for_its_headline():
    text = TEXT.model_copy(
        update={"split": "subwords", "vocabulary": (*WORDS[:4], *(f"▁{w}" for w in WORDS[4:]))}
    )
    predict_fns = parrot(dict(zip(SOURCES, SAID, strict=True)), text)
    found = evaluate_translation(predict_fns, split(SOURCES, TRUE, text), spec(text))
    assert list(found.scores)[:2] == ["bleu", "chrf"]
    assert found.scores["exact_match"].value == 0.5


def test_figures_show_right_and_wrong_texts_and_scores_alone_have_none():
    part = split(SOURCES * 30, TRUE * 30)
    predict_fns = parrot(dict(zip(SOURCES, SAID, strict=True)))

    found = evaluate_translation(predict_fns, part, spec(), reference=part)

    (table,) = found.figures
    assert {row[2] == row[1] for row in table.rows} == {True, False}
    assert [mark == "good" for mark in table.marks] == [row[1] == row[2] for row in table.rows]
    assert "60 of 120" in table.caption
    assert measured().figures == ()


def test_without_sacrebleu_there_are_the_scores_that_need_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    assert list(measured().scores) == ["exact_match", "token_accuracy"]


def test_references_are_the_texts_as_they_were_written():
    part = split(SOURCES, TRUE)
    part.texts = {"target": ["el gato come agua mineral", *TRUE[1:]]}
    predict_fns = parrot(dict(zip(SOURCES, TRUE, strict=True)))
    assert evaluate_translation(predict_fns, part, spec()).scores["exact_match"].value == 0.75


def test_an_empty_split_and_data_without_text_are_refused():
    predict_fns = parrot(dict(zip(SOURCES, SAID, strict=True)))
    part = split(SOURCES, TRUE)
    inputs, targets = part.take(np.zeros(0, int))
    with pytest.raises(DataError, match="empty"):
        evaluate_translation(predict_fns, ArraySplit(inputs, targets), spec())
    bare = spec().model_copy(update={"targets": ()})
    with pytest.raises(ConfigError, match="no text"):
        evaluate_translation(predict_fns, part, bare)


def test_scores_say_which_way_is_better():
    for name in ("exact_match", "bleu", "chrf", "token_accuracy"):
        assert describe_score(name).better == "higher"
    assert describe_score("bleu").high == 100.0
