"""Text inputs: strings, lists and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.errors import BadRecord, DataError
from zoo.runtime import Prediction
from zoo.runtime.inputs import encode
from zoo.spec import SPECIAL_TOKENS, TensorSpec, TextSpec

TEXT = TextSpec(
    split="words",
    vocabulary=(*SPECIAL_TOKENS, "a", "b", "c", ".", "txt"),
    lowercase=True,
    max_length=4,
)
TOKENS = TensorSpec(name="tokens", shape=("time",), dtype="int32", text=TEXT)
SOURCE = TOKENS.model_copy(update={"name": "source"})
TARGET = TOKENS.model_copy(update={"name": "target"})


def _ids(raw: object, spec: TensorSpec = TOKENS) -> list[list[int]]:
    array = encode(raw, (spec,))[spec.name]
    assert array.dtype == np.int32
    return array.tolist()


def test_a_string_is_a_text() -> None:
    assert _ids("A b") == [[4, 5]]
    assert _ids(["a", "b c"]) == [[4, 0], [5, 6]]
    assert _ids(("a",)) == [[4]]
    assert _ids(np.array(["a", "b"])) == [[4], [5]]


def test_ids_are_still_ids() -> None:
    assert _ids(np.array([[4, 5]], np.int32)) == [[4, 5]]
    assert _ids([[4, 5], [5, 0]]) == [[4, 5], [5, 0]]
    assert _ids({"tokens": [[4]]}) == [[4]]


def test_an_input_of_a_fixed_length_is_padded_to_it() -> None:
    fixed = TOKENS.model_copy(update={"shape": (TEXT.max_length,)})
    assert _ids("A b", fixed) == [[4, 5, 0, 0]]
    assert _ids(["a", "b c"], fixed) == [[4, 0, 0, 0], [5, 6, 0, 0]]


def test_an_input_can_be_named() -> None:
    assert _ids({"tokens": "a b"}) == [[4, 5]]
    assert _ids({"tokens": ["a", "b"]}) == [[4], [5]]
    both = encode({"source": ["a b"], "target": ["c"]}, (SOURCE, TARGET))
    assert both["source"].tolist() == [[4, 5]]
    assert both["target"].tolist() == [[6]]


def test_a_text_file_has_one_text_per_line(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("a b\r\n\nc\n", encoding="utf-8")
    assert _ids(file) == _ids(str(file)) == [[4, 5], [6, 0]]
    other = tmp_path / "more.txt"
    other.write_text("b", encoding="utf-8")
    assert _ids([str(file), other]) == [[4, 5], [6, 0], [5, 0]]


@pytest.mark.parametrize("header", ["tokens,stars", "stars,text", "sentence"])
def test_a_table_has_a_column_of_texts(tmp_path: Path, header: str) -> None:
    file = tmp_path / "t.csv"
    cells = {"tokens,stars": "a b,1", "stars,text": "1,a b", "sentence": "a b"}[header]
    file.write_text(f"{header}\n{cells}\n", encoding="utf-8")
    assert _ids(str(file)) == [[4, 5]]


def test_a_table_without_a_clear_column_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("one,two\na,b\n", encoding="utf-8")
    with pytest.raises(BadRecord, match="not clear which column"):
        encode(str(file), (TOKENS,))
    file.write_text("text,two\n,b\n", encoding="utf-8")
    with pytest.raises(BadRecord, match="line 2, column 'text': the text is empty"):
        encode(file, (TOKENS,))


def test_a_sentence_may_end_like_a_file() -> None:
    assert _ids("a b.txt") == [[4, 5, 7, 8]]
    assert _ids({"tokens": "a.txt"}) == [[4, 7, 8]]
    with pytest.raises(BadRecord, match="file does not exist"):
        encode("absent.txt", (TOKENS,))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF")
    with pytest.raises(BadRecord, match="not read as text"):
        encode(file, (TOKENS,))
    with pytest.raises(BadRecord, match="is not UTF-8"):
        (tmp_path / "a.txt").write_bytes(b"a\nb\xe9\n")
        encode(tmp_path / "a.txt", (TOKENS,))
    (tmp_path / "a.txt").write_bytes(b"\n \n")
    with pytest.raises(BadRecord, match="the file is empty"):
        encode(tmp_path / "a.txt", (TOKENS,))


def test_arrays_of_ids_come_from_files_too(tmp_path: Path) -> None:
    np.save(tmp_path / "ids.npy", np.array([[4, 5]], np.int32))
    assert _ids(str(tmp_path / "ids.npy")) == [[4, 5]]
    with pytest.raises(DataError, match="several files"):
        encode([str(tmp_path / "ids.npy")] * 2, (TOKENS,))


@pytest.mark.parametrize("raw", ["", "  ", ["a", " "]])
def test_an_empty_text_is_refused(raw: object) -> None:
    with pytest.raises(DataError, match="is empty"):
        encode(raw, (TOKENS,))


def test_unknown_words_are_the_unknown_token() -> None:
    assert _ids("a zebra") == [[4, 1]]


def test_a_classifier_truncates_and_a_translator_refuses_a_long_text(tmp_path: Path) -> None:
    assert _ids("a b c a b c") == [[4, 5, 6, 4]]
    with pytest.raises(DataError, match="text 1 has 6 tokens"):
        encode(["a", "a b c a b c"], (SOURCE,))
    file = tmp_path / "t.txt"
    file.write_text("a\n\na b c a b c\n", encoding="utf-8")
    with pytest.raises(BadRecord, match="line 3: the text has 6 tokens"):
        encode(file, (SOURCE,))


def test_generated_ids_are_decoded_to_text() -> None:
    ids = np.array([[4, 5, 3, 0], [6, 3, 0, 0]], np.int32)
    answer = Prediction({"target": ids}, (TARGET,))
    assert answer.texts == ["a b", "c"]
    assert answer.as_dicts() == [{"target": "a b"}, {"target": "c"}]
    plain = TARGET.model_copy(update={"text": None})
    assert Prediction({"target": ids}, (plain,)).texts == []


def test_a_text_longer_than_a_file_name_may_end_like_one() -> None:
    assert _ids("a b " * 2_000 + "c.txt") == [[4, 5, 4, 5]]
    with pytest.raises(BadRecord, match="file does not exist"):
        encode("a" * 2_000 + ".txt", (TOKENS,))


def test_a_file_in_another_encoding_gets_the_command_that_converts_it(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(BadRecord, match="iconv -f latin-1 -t utf-8"):
        encode(file, (TOKENS,))
