"""A user's own texts with a class each: folders and tables, and what is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.data.text.vocabulary import learn_vocabulary
from zoo.errors import BadRecord, ConfigError, DataError, MissingExtra
from zoo.runtime.text import decode_text, encode_text
from zoo.spec import SPECIAL_TOKENS, Task, TextSpec

GOOD = [f"a fine film number {n}" for n in range(20)]
BAD = [f"a dull film number {n}" for n in range(20)]


def _folder(path: Path, **classes: list[str]) -> Path:
    for label, texts in classes.items():
        (path / label).mkdir(parents=True)
        for index, text in enumerate(texts):
            (path / label / f"{index:03}.txt").write_text(text, encoding="utf-8")
    return path


def _table(path: Path, rows: list[tuple[str, str]], delimiter: str = ",") -> Path:
    lines = [delimiter.join(("review", "stars"))]
    lines += [delimiter.join(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _rows() -> list[tuple[str, str]]:
    return [(text, "good") for text in GOOD] + [(text, "bad") for text in BAD]


def _texts(data: Any, split: str) -> list[str]:
    inputs, _ = data.split(split).arrays()
    return decode_text(inputs["tokens"], data.spec.inputs[0].text)


def test_a_folder_of_class_folders_becomes_tokens_and_labels(tmp_path: Path) -> None:
    data = zoo.dataset(_folder(tmp_path / "films", good=GOOD, bad=BAD))
    assert data.spec.task == Task.CLASSIFICATION
    assert data.spec.labels == ("bad", "good")
    assert sum(data.sizes().values()) == 40
    inputs, targets = data.split("train").arrays()
    assert inputs["tokens"].dtype == np.int32
    text = data.spec.inputs[0].text
    assert text.vocabulary[:4] == SPECIAL_TOKENS
    for line, label in zip(_texts(data, "train"), targets["label"], strict=True):
        assert ("fine" in line) == bool(label)


def test_a_divided_folder_keeps_its_splits(tmp_path: Path) -> None:
    _folder(tmp_path / "d" / "train", good=GOOD, bad=BAD)
    _folder(tmp_path / "d" / "test", good=["only here"], bad=["and this"])
    data = zoo.dataset(tmp_path / "d")
    assert data.sizes() == {"train": 34, "validation": 6, "test": 2}
    assert "only" not in data.spec.inputs[0].text.vocabulary


def test_the_vocabulary_is_that_of_the_training_split(tmp_path: Path) -> None:
    rows = [(f"film{n} is fine", "good") for n in range(20)]
    rows += [(f"film{n} is dull", "bad") for n in range(20, 40)]
    data = zoo.dataset(_table(tmp_path / "t.csv", rows), text="review")
    known = {piece for piece in data.spec.inputs[0].text.vocabulary if piece.startswith("film")}
    assert len(known) == data.sizes()["train"]
    unknown = data.spec.inputs[0].text.unk
    for split in ("validation", "test"):
        inputs, _ = data.split(split).arrays()
        assert ((inputs["tokens"] == unknown).sum(1) == 1).all()


@pytest.mark.parametrize(("name", "delimiter"), [("t.csv", ","), ("t.tsv", "\t"), ("t.csv", ";")])
def test_a_table_is_told_its_columns(tmp_path: Path, name: str, delimiter: str) -> None:
    data = zoo.dataset(_table(tmp_path / name, _rows(), delimiter), text="review", target="stars")
    assert data.spec.labels == ("bad", "good")
    assert sum(data.sizes().values()) == 40


def test_equal_texts_stay_on_one_side(tmp_path: Path) -> None:
    rows = [(f"Film number {n % 10}" if n % 2 else f"film  number {n % 10}", "good")
            for n in range(100)]  # fmt: skip
    rows += [(f"dull {n}", "bad") for n in range(20)]
    data = zoo.dataset(_table(tmp_path / "t.csv", rows), text="review", tokenization="characters")
    seen = {split: set(_texts(data, split)) for split in ("train", "validation", "test")}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["test"] & seen["validation"]


def test_a_tsv_with_bare_quotes_is_taken_as_it_is(tmp_path: Path) -> None:
    rows = _rows()
    rows[0] = ('"Fine" he said, and left', "good")
    rows[1] = ('"all of it, ""quoted"""', "good")
    data = zoo.dataset(
        _table(tmp_path / "t.tsv", rows, "\t"),
        text="review",
        tokenization="characters",
        lowercase=False,
    )
    texts = {text for split in ("train", "validation", "test") for text in _texts(data, split)}
    assert '"Fine" he said, and left' in texts
    assert 'all of it, "quoted"' in texts


def test_a_longer_text_keeps_its_beginning(tmp_path: Path) -> None:
    data = zoo.dataset(_table(tmp_path / "t.csv", _rows()), text="review", max_length=4)
    inputs, _ = data.split("train").arrays()
    assert inputs["tokens"].shape[1] == 4
    assert _texts(data, "train")[0].split()[:2] in (["a", "fine"], ["a", "dull"])


def test_a_small_vocabulary_holds_the_most_frequent(tmp_path: Path) -> None:
    rows = [(f"{text} one{n} two{n}", label) for n, (text, label) in enumerate(_rows())]
    data = zoo.dataset(_table(tmp_path / "t.csv", rows), text="review", vocabulary_size=16)
    pieces = data.spec.inputs[0].text.vocabulary
    assert len(pieces) == 16
    assert set(pieces[4:9]) == {"a", "film", "number", "fine", "dull"}


def test_the_same_texts_have_the_same_fingerprint_and_other_options_another(tmp_path: Path) -> None:
    first = _table(tmp_path / "t.csv", _rows())
    second = _table(tmp_path / "u.csv", _rows())
    one, same = zoo.dataset(first, text="review"), zoo.dataset(second, text="review")
    assert one.fingerprint == same.fingerprint
    for other in ({"tokenization": "characters"}, {"split_seed": 1}, {"vocabulary_size": 16}):
        assert zoo.dataset(first, text="review", **other).fingerprint != one.fingerprint


def test_texts_can_be_encoded_by_the_vocabulary_of_another_model(tmp_path: Path) -> None:
    mine = zoo.dataset(_table(tmp_path / "t.csv", _rows()), text="review")
    rows = [(f"a film called {n}", label) for n, (_, label) in enumerate(_rows())]
    other = zoo.dataset(_table(tmp_path / "u.csv", rows), text="review")
    again = other.split("test").encoded_by(mine.spec)
    inputs, targets = again.arrays()
    text = mine.spec.inputs[0].text
    assert all(line.startswith("a film \ufffd") for line in decode_text(inputs["tokens"], text))
    np.testing.assert_array_equal(targets["label"], other.split("test").arrays()[1]["label"])
    assert other.split("test").encoded_by(other.spec) is other.split("test")


def test_one_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only one class"):
        zoo.dataset(_folder(tmp_path / "d", good=GOOD))
    path = _table(tmp_path / "t.csv", [(text, "good") for text in GOOD])
    with pytest.raises(DataError, match="only one class"):
        zoo.dataset(path, text="review")


def test_an_empty_text_is_refused_with_its_place(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "d", good=GOOD, bad=[*BAD, " \n "])
    with pytest.raises(BadRecord, match=r"020\.txt: the text is empty"):
        zoo.dataset(folder)
    rows = _rows()
    rows[3] = ("", "good")
    with pytest.raises(BadRecord, match=r"line 5, column 'review': the text is empty"):
        zoo.dataset(_table(tmp_path / "t.csv", rows), text="review")


def test_a_missing_class_is_refused_with_its_place(tmp_path: Path) -> None:
    rows = _rows()
    rows[3] = (rows[3][0], "")
    with pytest.raises(BadRecord, match=r"line 5, column 'stars': the class is empty"):
        zoo.dataset(_table(tmp_path / "t.csv", rows), text="review")


def test_measurements_are_no_classes(tmp_path: Path) -> None:
    rows = [(text, f"{n / 7:.3f}") for n, (text, _) in enumerate(_rows())]
    with pytest.raises(BadRecord, match="40 different values in 40 rows"):
        zoo.dataset(_table(tmp_path / "t.csv", rows), text="review")


def test_a_column_that_is_not_there_is_named_with_its_nearest(tmp_path: Path) -> None:
    path = _table(tmp_path / "t.csv", _rows())
    with pytest.raises(ConfigError) as caught:
        zoo.dataset(path, text="reviw", target="star")
    assert [finding.did_you_mean for finding in caught.value.findings] == ["review", "stars"]
    with pytest.raises(ConfigError, match="this is the text"):
        zoo.dataset(path, text="review", target="review")


def test_bytes_of_another_encoding_are_named_with_their_line(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "d", good=GOOD, bad=BAD)
    file = folder / "bad" / "000.txt"
    file.write_bytes("a line\nun café\n".encode("latin-1"))
    with pytest.raises(BadRecord, match=r"000\.txt, line 2: the byte 0xe9 is not UTF-8") as caught:
        zoo.dataset(folder)
    assert "encoding=latin-1" in caught.value.fix
    assert zoo.dataset(folder, encoding="latin-1").sizes()
    file.write_bytes(b"zero\0byte")
    with pytest.raises(BadRecord, match="zero byte"):
        zoo.dataset(folder)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "d", good=GOOD, bad=BAD)
    (folder / "good" / "zz.pdf").write_bytes(b"%PDF")
    with pytest.raises(BadRecord, match="is not a text file"):
        zoo.dataset(folder)


def test_subwords_are_learned_with_tokenizers(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="learns vocabularies of subwords")
    path = _table(tmp_path / "t.csv", _rows())
    first, again = (zoo.dataset(path, text="review", tokenization="subwords") for _ in range(2))
    assert first.spec == again.spec
    assert "▁film" in first.spec.inputs[0].text.vocabulary
    assert set(_texts(first, "train")) <= {*GOOD, *BAD}


def test_without_tokenizers_the_remedy_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    path = _table(tmp_path / "t.csv", _rows())
    with pytest.raises(MissingExtra, match="tokenizers") as caught:
        zoo.dataset(path, text="review", tokenization="subwords")
    assert caught.value.fix == 'pip install "neural-zoo[text]"'
    assert zoo.dataset(path, text="review").sizes()


def test_a_whole_dataset_can_be_read_by_another_vocabulary(tmp_path: Path) -> None:
    mine = zoo.dataset(_table(tmp_path / "t.csv", _rows()), text="review")
    rows = [(f"a film called {n}", label) for n, (_, label) in enumerate(_rows())]
    other = zoo.dataset(_table(tmp_path / "u.csv", rows), text="review")
    again = other.encoded_by(mine.spec)
    assert again.spec.inputs == mine.spec.inputs
    assert again.sizes() == other.sizes()
    assert again.fingerprint != other.fingerprint
    assert mine.encoded_by(mine.spec) is mine
    digits = zoo.dataset("numbers_en_es", examples=3_000)
    assert digits.encoded_by(mine.spec) is digits


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
@pytest.mark.parametrize("text", ["{}, caf\xe9", '"{}, caf\xe9,\n here"'])
def test_a_csv_file_is_read_in_the_encoding_that_is_said(
    tmp_path: Path, encoding: str, text: str
) -> None:
    file = tmp_path / "films.csv"
    rows = [f"{text.format(n)};{'good' if n % 2 else 'bad'}" for n in range(20)]
    file.write_text("review;stars\n" + "\n".join(rows) + "\n", encoding=encoding)
    data = zoo.dataset(file, text="review", encoding=encoding)
    assert "caf\xe9" in data.spec.inputs[0].text.vocabulary
    assert sum(data.sizes().values()) == 20


def test_a_tsv_file_with_quoted_tabs_is_read_in_the_encoding_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "films.tsv"
    rows = [f'"caf\xe9\t{n}"\t{n % 2}' for n in range(20)]
    file.write_text("review\tstars\n" + "\n".join(rows) + "\n", encoding="latin-1")
    data = zoo.dataset(file, text="review", encoding="latin-1")
    assert "caf\xe9" in data.spec.inputs[0].text.vocabulary


def test_the_bytes_of_utf_16_without_a_mark_are_known_by_their_zeros(tmp_path: Path) -> None:
    file = _table(tmp_path / "films.csv", [("caf\U0001f600", "good")])
    file.write_bytes(file.read_text("utf-8").encode("utf-16-le"))
    with pytest.raises(BadRecord, match="encoding=utf-16"):
        zoo.dataset(file, text="review")
    with pytest.raises(BadRecord, match="encoding=utf-16"):
        zoo.dataset(file, text="review", encoding="latin-1")


def test_a_table_may_hold_a_very_long_text(tmp_path: Path) -> None:
    rows = [*_rows(), ("word " * 40_000, "good")]
    data = zoo.dataset(_table(tmp_path / "films.csv", rows), text="review")
    assert sum(data.sizes().values()) == 41


def test_a_class_of_one_text_written_often_is_called_so(tmp_path: Path) -> None:
    rows = [*((text, "good") for text in GOOD), *[("the same", "bad")] * 30]
    with pytest.raises(DataError, match=r"'bad' has 1 different text\b"):
        zoo.dataset(_table(tmp_path / "films.csv", rows), text="review")


def test_a_column_of_prose_is_pointed_to_the_readers_of_text(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="text=review"):
        zoo.dataset(_table(tmp_path / "films.csv", _rows()))


def test_a_vocabulary_of_bert_s_word_pieces_is_not_learned() -> None:
    with pytest.raises(DataError, match="not learned here"):
        learn_vocabulary(GOOD, TextSpec(split="wordpiece", max_length=8), 100)


@pytest.mark.parametrize("tokenization", ["words", "characters"])
def test_a_dataset_has_the_ids_that_each_of_its_texts_has_alone(
    tmp_path: Path, tokenization: str
) -> None:
    odd = ["Don't — naïve cafe\u0301!", "don’t\x1cstop; İstanbul", "日本語 and ___ 3.5", "x" * 99]
    rows = _rows() + [(f"{text} {n}", "good") for text in odd for n in range(3)]
    file = _table(tmp_path / "t.tsv", rows, "\t")
    data = zoo.dataset(
        file, text="review", tokenization=tokenization, max_length=12, vocabulary_size=30
    )
    spec = data.spec.inputs[0].text
    train = data.split("train").texts["tokens"]
    assert spec == learn_vocabulary(train, spec, 30)
    for name in ("train", "validation", "test"):
        split = data.split(name)
        wanted = encode_text(split.texts["tokens"], spec, too_long="cut")
        np.testing.assert_array_equal(split.arrays()[0]["tokens"], wanted)


def test_files_of_their_own_are_the_other_splits(tmp_path: Path) -> None:
    train = _table(tmp_path / "train.tsv", _rows(), "\t")
    test = tmp_path / "test.tsv"
    test.write_text("stars\treview\ngood\ta fine film\nbad\ta dull unseen\nbad\tdull\n")
    options = {"text": "review", "test": str(test)}
    data = zoo.dataset(train, **options, validation=str(test))
    assert data.sizes() == {"train": 40, "validation": 3, "test": 3}
    assert data.split("test").texts["tokens"] == ("a fine film", "a dull unseen", "dull")
    assert data.split("test").targets()["label"].tolist() == [1, 0, 0]
    assert "unseen" not in data.spec.inputs[0].text.vocabulary
    drawn = zoo.dataset(train, **options)
    assert drawn.sizes()["test"] == 3 and drawn.sizes()["train"] + drawn.sizes()["validation"] == 40
    assert not drawn.drawn and zoo.dataset(train, text="review").drawn
    test.write_text("stars\treview\nawful\ta dull film\n")
    with pytest.raises(DataError, match="no example of the class 'awful'"):
        zoo.dataset(train, **options)
    test.write_text("stars\treview\ngood\t\n")
    with pytest.raises(BadRecord, match=r"test\.tsv.*the text is empty"):
        zoo.dataset(train, **options)
    test.write_text("stars\ttext\ngood\tfine\n")
    with pytest.raises(DataError, match="the column 'review' is missing"):
        zoo.dataset(train, **options)


def test_class_folders_have_folders_and_no_files_for_their_splits(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "films", good=GOOD, bad=BAD)
    with pytest.raises(ConfigError, match="is a folder") as caught:
        zoo.dataset(folder, test="test.tsv")
    assert "train, validation and test" in caught.value.fix
