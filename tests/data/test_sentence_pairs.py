"""Sentence pairs: one source on one side, vocabularies of the training split, and bad lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.data.memory import whole_split
from zoo.data.text.pairs import split_by_source
from zoo.errors import BadRecord, ConfigError, DataError
from zoo.runtime.text import decode_text
from zoo.spec import Task

PAIRS = [(f"Sentence {n}.", f"Frase {n} ({turn}).") for n in range(30) for turn in "ab"]
ASKED: dict[str, Any] = {"task": "sequence-to-sequence", "tokenization": "words"}


def _file(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _pairs(path: Path) -> Path:
    return _file(path, [f"{source}\t{target}" for source, target in PAIRS])


@pytest.mark.parametrize("name", ["p.tsv", "p.txt"])
def test_a_file_of_pairs_becomes_source_and_target(tmp_path: Path, name: str) -> None:
    data = zoo.dataset(_pairs(tmp_path / name), **ASKED, lowercase=True)
    assert data.spec.task == Task.SEQUENCE_TO_SEQUENCE
    assert sum(data.sizes().values()) == len(PAIRS)
    inputs, targets = data.split("train").arrays()
    source, target = data.spec.inputs[0].text, data.spec.targets[0].text
    assert (targets["target"][:, 0] == target.start).all()
    assert ((targets["target"] == target.end).sum(1) == 1).all()
    assert not np.isin(inputs["source"], [source.start, source.end]).any()
    for one, other in zip(
        decode_text(inputs["source"], source), decode_text(targets["target"], target), strict=True
    ):
        assert one.split()[1].rstrip(".") == other.split()[1]


def test_the_translations_of_one_sentence_stay_on_one_side(tmp_path: Path) -> None:
    data = zoo.dataset(_pairs(tmp_path / "p.tsv"), **ASKED)
    sources = {split: set(data.split(split).texts["source"]) for split in ("train", "test")}
    sources["validation"] = set(data.split("validation").texts["source"])
    assert sum(map(len, sources.values())) == 30
    assert set.union(*sources.values()) == {source for source, _ in PAIRS}


def test_an_added_line_moves_no_other_line() -> None:
    shares = {"validation": 0.1, "test": 0.1}
    names = [f"sentence {n}" for n in range(200)]
    before = split_by_source(names, shares, seed=0, file="f")
    after = split_by_source([*names, "one more"], shares, seed=0, file="f")
    moved = set(before["test"].tolist()) ^ set(after["test"].tolist())
    assert len(moved - {200}) <= 1
    other = split_by_source(names, shares, seed=1, file="f")
    assert set(before["test"].tolist()) != set(other["test"].tolist())


def test_a_longer_pair_is_left_out_and_counted(tmp_path: Path) -> None:
    long = " ".join(["word"] * 50)
    lines = [f"{source}\t{target}" for source, target in PAIRS]
    path = _file(tmp_path / "p.tsv", [*lines, f"{long}\tcorta", f"short\t{long}"])
    data = zoo.dataset(path, **ASKED, max_length=10)
    assert sum(data.sizes().values()) == len(PAIRS)
    assert "2 of 62 pairs were left out as longer than 10 ids" in data.spec.inputs[0].outside
    with pytest.raises(DataError, match="short enough"):
        zoo.dataset(path, **ASKED | {"tokenization": "characters"}, max_length=4)


def test_both_languages_can_share_a_vocabulary(tmp_path: Path) -> None:
    path = _pairs(tmp_path / "p.tsv")
    data = zoo.dataset(path, **ASKED, shared=True)
    assert data.spec.inputs[0].text == data.spec.targets[0].text
    apart = zoo.dataset(path, **ASKED)
    assert "Frase" not in apart.spec.inputs[0].text.vocabulary
    assert "Frase" in data.spec.inputs[0].text.vocabulary


def test_further_columns_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    lines = [f"{source}\t{target}\tCC-BY" for source, target in PAIRS]
    lines.insert(3, "")
    data = zoo.dataset(_file(tmp_path / "p.txt", [*lines, "  "]), **ASKED)
    assert sum(data.sizes().values()) == len(PAIRS)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("no tab here", "line 3: there is no tab"),
        ("\tnada", "line 3: there is nothing before the tab"),
        ("nothing\t  ", "line 3: there is nothing after the tab"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, what: str) -> None:
    lines = [f"{source}\t{target}" for source, target in PAIRS]
    with pytest.raises(BadRecord, match=what):
        zoo.dataset(_file(tmp_path / "p.tsv", [*lines[:2], line, *lines[2:]]), **ASKED)


def test_what_cannot_be_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="empty"):
        zoo.dataset(_file(tmp_path / "e.tsv", ["", " "]), **ASKED)
    with pytest.raises(DataError, match="2 different source texts"):
        zoo.dataset(_file(tmp_path / "f.tsv", ["a\tb", "A\tc", "b\td"]), **ASKED)
    with pytest.raises(DataError, match="not read as sentence pairs"):
        zoo.dataset(_file(tmp_path / "g.csv", ["a,b"]), **ASKED)
    with pytest.raises(DataError, match="without a task") as caught:
        zoo.dataset(_pairs(tmp_path / "p.txt"))
    assert "task=sequence-to-sequence" in caught.value.fix
    with pytest.raises(ConfigError, match="tokenization"):
        zoo.dataset(_pairs(tmp_path / "p.tsv"), **ASKED | {"tokenization": "letters"})


def test_subwords_come_back_as_they_were_written(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="learns vocabularies of subwords")
    data = zoo.dataset(_pairs(tmp_path / "p.tsv"), task="sequence-to-sequence")
    split = data.split("train")
    inputs, targets = split.arrays()
    source, target = data.spec.inputs[0].text, data.spec.targets[0].text
    assert decode_text(inputs["source"], source) == list(split.texts["source"])
    assert decode_text(targets["target"], target) == list(split.texts["target"])


def test_pairs_too_long_for_another_model_are_left_out_when_it_is_measured_on_them(
    tmp_path: Path,
) -> None:
    file = tmp_path / "pairs.tsv"
    lines = [f"{'a ' * (1 + n % 6)}{n}\t{'b ' * (1 + n % 5)}{n}" for n in range(60)]
    file.write_text("\n".join(lines), encoding="utf-8")
    options: dict[str, Any] = {"task": "sequence-to-sequence", "tokenization": "words"}
    short = zoo.dataset(file, **options, max_length=5)
    long = zoo.dataset(file, **options)
    again = long.encoded_by(short.spec)
    assert again.sizes()["train"] < long.sizes()["train"]
    for split in ("train", "test"):
        inputs, targets = again.split(split).arrays()
        assert all(len(text.split()) <= 5 for text in again.split(split).texts["source"])
        assert all(len(text.split()) <= 3 for text in again.split(split).texts["target"])
        assert len(inputs["source"]) == len(targets["target"])
    other = tmp_path / "long.tsv"
    other.write_text("\n".join(f"{'a ' * 9}{n}\tb" for n in range(9)), encoding="utf-8")
    with pytest.raises(DataError, match="short enough for the model"):
        zoo.dataset(other, **options).encoded_by(short.spec)


def test_files_of_their_own_are_the_other_splits(tmp_path: Path) -> None:
    train = _pairs(tmp_path / "train.tsv")
    test = _file(tmp_path / "test.tsv", ["Sentence 1.\tFrase 1 (a).", "New one.\tNueva."])
    data = zoo.dataset(train, **ASKED, test=str(test))
    assert data.split("test").texts["source"] == ("Sentence 1.", "New one.")
    assert data.sizes()["train"] + data.sizes()["validation"] == len(PAIRS)
    assert "Nueva" not in data.spec.targets[0].text.vocabulary
    assert not data.drawn and zoo.dataset(train, **ASKED).drawn
    both = zoo.dataset(train, **ASKED, test=str(test), validation=str(test))
    assert both.sizes() == {"train": len(PAIRS), "validation": 2, "test": 2}


def test_every_pair_of_another_file_is_measured(tmp_path: Path) -> None:
    data = zoo.dataset(_pairs(tmp_path / "train.tsv"), **ASKED)
    source, target = data.split("train").texts["source"][0], data.split("train").texts["target"][0]
    other = _file(tmp_path / "other.tsv", [f"{source}\t{target}"])
    split = whole_split(other, data.spec, data.options)
    assert split is not None and len(split) == 1
    inputs, targets = split.take(np.array([0]))
    assert decode_text(inputs["source"], data.spec.inputs[0].text) == [source]
    assert decode_text(targets["target"], data.spec.targets[0].text) == [target]
