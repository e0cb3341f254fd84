"""Bytes that nobody meant as text: a dataset, or an error that says what is wrong."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

import zoo
from zoo.errors import ZooError
from zoo.runtime.inputs import encode
from zoo.spec import SPECIAL_TOKENS, TensorSpec, TextSpec

PAIRS = st.lists(st.text(max_size=8), max_size=30).map(
    lambda texts: "\n".join(f"{text}\t{text}" for text in texts).encode("utf-8", "replace")
)
TABLES = st.lists(st.tuples(st.text(max_size=8), st.sampled_from("ab")), max_size=30).map(
    lambda rows: "\n".join(["text\tlabel", *(f"{a}\t{b}" for a, b in rows)]).encode(
        "utf-8", "replace"
    )
)
TOKENS = TensorSpec(
    name="tokens",
    shape=("time",),
    dtype="int32",
    text=TextSpec(split="words", vocabulary=(*SPECIAL_TOKENS, "a"), max_length=8),
)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=200), PAIRS, TABLES), st.sampled_from(["pairs", "table"]))
def test_any_file_is_a_dataset_or_a_typed_error(data: bytes, kind: str) -> None:
    asked = {"task": "sequence-to-sequence", "tokenization": "words"} if kind == "pairs" else {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.tsv"
        path.write_bytes(data)
        try:
            sizes = zoo.dataset(path, **(asked or {"text": "text"})).sizes()
        except ZooError as error:
            assert error.what
        else:
            assert min(sizes.values()) > 0


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=200), PAIRS, TABLES), st.sampled_from([".txt", ".tsv", ".csv"]))
def test_any_file_is_encoded_or_refused(data: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{suffix}"
        path.write_bytes(data)
        try:
            ids = encode(path, (TOKENS,))["tokens"]
        except ZooError as error:
            assert error.what
        else:
            assert ids.shape[0] > 0
            assert 0 <= ids.min() <= ids.max() < 5


@given(st.text())
def test_any_string_is_encoded_or_refused(text: str) -> None:
    if text.lower().endswith((".txt", ".csv", ".tsv", ".npy", ".npz")):
        return
    if text.strip():
        ids = encode(text, (TOKENS,))["tokens"]
        assert ids.shape[1] <= 8
    else:
        with pytest.raises(ZooError, match="is empty"):
            encode(text, (TOKENS,))
