"""What the report of a classifier of texts has to read."""

from __future__ import annotations

import numpy as np

from zoo.data.dataset import ArraySplit
from zoo.data.options import LabeledOptions
from zoo.data.text.labeled import labeled_dataset
from zoo.metrics import evaluate
from zoo.metrics.figures import Table

WORDS = "one two three four five six seven eight nine ten".split()  # noqa: SIM905 - a sentence
TEXTS = [f"Text {n}: {' '.join(WORDS[: 1 + n % 10])}" for n in range(60)]
CODES = np.arange(60) % 2
PARTS = {"train": np.arange(40), "validation": np.arange(20), "test": np.arange(60)}
OPTIONS = LabeledOptions(max_length=8)
DATA = labeled_dataset("films", ("bad", "good"), TEXTS, CODES, PARTS, OPTIONS)
SPEC = DATA.spec
SPLITS = {name: DATA.split(name) for name in PARTS}


def _predict_fn(inputs):
    """Say 'bad' of everything, surest of the longest."""
    sure = 0.6 + 0.04 * (inputs["tokens"] != 0).sum(1)
    return {"probabilities": np.stack([sure, 1 - sure], axis=1)}


def test_the_surest_mistakes_stand_there_as_they_were_written():
    figures = evaluate(_predict_fn, SPLITS["test"], SPEC, reference=SPLITS["train"]).figures
    mistakes = next(figure for figure in figures if isinstance(figure, Table))
    assert len(mistakes.rows) == 20
    assert mistakes.rows[0][0].startswith("Text ")
    assert mistakes.rows[0][1] == "good"
    assert mistakes.rows[0][2].startswith("bad 0.9")


def test_ids_without_their_texts_are_read_by_the_vocabulary():
    inputs, targets = SPLITS["test"].arrays()
    bare = ArraySplit(inputs, targets)
    figures = evaluate(_predict_fn, bare, SPEC, reference=bare).figures
    mistakes = next(figure for figure in figures if isinstance(figure, Table))
    assert mistakes.rows[0][0].startswith("text ")
    assert any("\ufffd" in row[0] for row in mistakes.rows)


def test_without_a_reference_and_without_texts_there_are_none():
    assert evaluate(_predict_fn, SPLITS["test"], SPEC).figures == ()
