"""Two sets with classes that are there without a network: a table, and texts."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from zoo.errors import ChecksumMismatch
from zoo.runtime.text import encode_text
from zoo_datasets.number_words import DIGITS, EACH, ENGLISH, NUMBER_LENGTHS, english


def splits_of(name):
    data = zoo.dataset(name)
    return [data.split(split) for split in ("train", "validation", "test")]


def whole(split):
    return split.take(np.arange(len(split)))


def test_the_tumors_are_there_with_their_columns_and_in_every_split_as_often(monkeypatch):
    pytest.importorskip("sklearn", reason="the tumors come with scikit-learn")
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    splits = splits_of("breast_cancer")
    columns = zoo.dataset("breast_cancer").spec.inputs[0].columns
    assert len(columns) == 30
    assert [column.name for column in columns[::10]] == [
        "mean_radius",
        "error_radius",
        "worst_radius",
    ]
    tables = [whole(split)[0]["numeric"] for split in splits]
    assert sum(map(len, tables)) == 569
    everything = np.concatenate(tables)
    # What a name says must be true of its column: the worst of a tumor is its three largest.
    assert (everything[:, 20] >= everything[:, 0]).all()
    for split in splits:
        assert np.mean(whole(split)[1]["label"] == 1) == pytest.approx(357 / 569, abs=0.01)


def test_another_copy_of_the_tumors_is_refused(monkeypatch):
    pytest.importorskip("sklearn", reason="the tumors come with scikit-learn")
    monkeypatch.setattr("zoo_datasets.tables.BREAST_CANCER_SHA256", "0" * 64)
    with pytest.raises(ChecksumMismatch, match="breast cancer"):
        zoo.dataset("breast_cancer").split("train")


def test_the_length_of_a_number_is_that_of_the_number_its_words_say(monkeypatch):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    # Written independently: what every number of a class reads as.
    readings = {english(n): len(str(n)) for n in range(100, 20_000)}
    splits = splits_of("number_lengths")
    looked = 0
    for split in splits:
        _, targets = whole(split)
        for text, label in zip(split.texts["tokens"], targets["label"], strict=True):
            if text in readings:
                looked += 1
                assert DIGITS[label] == readings[text]
    assert looked > 2 * EACH


def test_no_number_is_in_two_splits_and_every_class_is_as_often():
    splits = splits_of("number_lengths")
    texts = [text for split in splits for text in split.texts["tokens"]]
    assert len(set(texts)) == len(texts) == EACH * len(DIGITS)
    for split in splits:
        _, targets = whole(split)
        assert len(set(np.bincount(targets["label"]))) == 1


def test_every_word_of_the_numbers_is_in_the_vocabulary():
    splits = splits_of("number_lengths")
    for split in splits:
        assert not (encode_text(split.texts["tokens"], ENGLISH) == ENGLISH.unk).any()
    assert NUMBER_LENGTHS.spec.inputs[0].text == ENGLISH


def test_the_seed_of_the_split_moves_numbers_and_draws_no_others():
    first, second = (
        zoo.dataset("number_lengths", split_seed=seed).split("train").texts["tokens"]
        for seed in (0, 1)
    )
    assert set(first) != set(second)
    everything = [
        {
            text
            for split in ("train", "validation", "test")
            for text in zoo.dataset("number_lengths", split_seed=seed).split(split).texts["tokens"]
        }
        for seed in (0, 1)
    ]
    assert everything[0] == everything[1]
