"""Tokenization: text to ids and back."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given, strategies as st

from zoo.errors import DataError
from zoo.runtime.text import (
    REPLACEMENT,
    SPACE,
    decode_text,
    encode_text,
    normalize,
    split_words,
    tokenizer,
    units,
)
from zoo.spec import SPECIAL_TOKENS, TextSpec

LETTERS = string.ascii_letters + string.digits + "áéíóúñü¿¡.,;:!?'\"()-_[]{}%/€日本語🙂"
SUBWORDS = TextSpec(
    split="subwords",
    vocabulary=(
        *SPECIAL_TOKENS,
        SPACE,
        *dict.fromkeys(LETTERS),
        "é",
        SPACE + "the",
        "the",
        "ing",
        "...",
        "ab",
    ),
    max_length=64,
)


def _spec(split: str, *pieces: str, **more: object) -> TextSpec:
    return TextSpec.model_validate(
        {"split": split, "vocabulary": (*SPECIAL_TOKENS, *pieces), "max_length": 16, **more}
    )


@given(st.text())
def test_joined_units_are_the_normalized_text(text: str) -> None:
    text = normalize(text.replace(SPACE, ""))
    assert "".join(units(text)).replace(SPACE, " ").removeprefix(" ") == text


@given(st.text(alphabet=LETTERS + " ", max_size=60))
def test_subwords_preserve_a_normalized_text(text: str) -> None:
    text = normalize(text)
    known = tokenizer(SUBWORDS)
    assert known.text(known.ids(text)) == text


@given(st.text(max_size=60).map(lambda text: text.replace(SPACE, "")))
def test_subwords_lose_unknown_characters_only(text: str) -> None:
    known = tokenizer(SUBWORDS)
    letters = {" ", *"".join(SUBWORDS.vocabulary[4:]).replace(SPACE, "")}
    expected = "".join(c if c in letters else REPLACEMENT for c in normalize(text))
    assert known.text(known.ids(text)) == expected


@given(st.text(alphabet="ab é", max_size=30))
def test_characters_preserve_the_text(text: str) -> None:
    spec = _spec("characters", "a", "b", " ", "é")
    known = tokenizer(spec)
    assert known.text(known.ids(text)) == normalize(text)


@given(st.lists(st.text(alphabet=LETTERS + " ", max_size=40).filter(str.strip), max_size=5))
def test_rows_are_padded_on_the_right_only(texts: list[str]) -> None:
    array = encode_text(texts, SUBWORDS, special_tokens=True)
    assert array.dtype == np.int32
    assert array.shape[0] == len(texts)
    for row in array:
        length = int((row != 0).sum())
        assert row[0] == SUBWORDS.start
        assert row[length - 1] == SUBWORDS.end
        assert not row[length:].any()
    assert decode_text(array, SUBWORDS) == [normalize(text) for text in texts]


def test_the_longest_token_is_matched_first() -> None:
    ids = tokenizer(SUBWORDS).ids("the thesing")
    assert [SUBWORDS.vocabulary[i] for i in ids] == [f"{SPACE}the", f"{SPACE}the", "s", "ing"]


def test_words_and_punctuation_are_split() -> None:
    assert split_words("forty-two, isn't it? (¡Sí!)") == [
        *("forty", "-", "two", ",", "isn't", "it", "?", "(", "¡", "Sí", "!", ")"),
    ]
    # A vowel sign belongs to its letter, also where Unicode has no composed form.
    assert split_words("हिन्दी भाषा") == ["हिन्दी", "भाषा"]


@pytest.mark.parametrize(
    "text",
    [
        "forty-two thousand and seven",
        "well, isn't it?",
        "¿qué (o quién) es?",
        "¡no! and/or",
        "50% of it; all: none.",
    ],
)
def test_words_are_spaced_as_in_print(text: str) -> None:
    spec = _spec("words", *dict.fromkeys(split_words(text)))
    known = tokenizer(spec)
    assert known.text(known.ids(text)) == text


def test_an_unknown_word_is_one_unknown_token() -> None:
    spec = _spec("words", "a", "fish", lowercase=True)
    assert tokenizer(spec).ids("A Wunderfish, a FISH") == [4, 1, 1, 4, 5]
    assert decode_text([[4, 1, 5]], spec) == [f"a {REPLACEMENT} fish"]


def test_lower_case_is_composed_too() -> None:
    assert normalize("  İstanbul\t\nÉ ", lowercase=True) == normalize("i̇stanbul é")
    assert normalize("cafe\u0301") == "café"


@pytest.mark.parametrize("split", ["words", "characters", "subwords", "wordpiece"])
def test_text_never_encodes_to_special_tokens(split: str) -> None:
    spec = _spec(
        split, *dict.fromkeys("".join(SPECIAL_TOKENS)), "pad", "end", "unknown", "start", SPACE
    )
    text = "[pad][end] [start][unknown]"
    assert set(tokenizer(spec).ids(text)) & {spec.pad, spec.start, spec.end} == set()


def test_decoding_ends_at_the_end_token() -> None:
    spec = _spec("words", "a", "b")
    assert decode_text(np.array([[2, 4, 3, 5, 5], [2, 4, 5, 0, 0]]), spec) == ["a", "a b"]
    assert decode_text([[99, -1, 4]], spec) == [f"{REPLACEMENT} {REPLACEMENT} a"]


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="text 1 is empty"):
        encode_text(["a", text], _spec("words", "a"))


def test_a_text_that_is_too_long_is_refused_or_truncated() -> None:
    spec = _spec("words", "a", "b", max_length=4)
    with pytest.raises(DataError, match="text 0 has 5 tokens"):
        encode_text(["a a a b b"], spec)
    assert encode_text(["a a a b b"], spec, too_long="cut").tolist() == [[4, 4, 4, 5]]
    cut = encode_text(["a a a b b"], spec, special_tokens=True, too_long="cut")
    assert cut.tolist() == [[2, 4, 4, 3]]
    assert encode_text(["a"], spec, width=3).tolist() == [[4, 0, 0]]
    with pytest.raises(ValueError, match="does not fit"):
        encode_text(["a b a"], spec, width=2)


def test_a_spec_without_its_vocabulary_is_refused() -> None:
    with pytest.raises(DataError, match="no vocabulary yet"):
        encode_text(["a"], TextSpec(split="words", max_length=8))


def test_one_unit_is_looked_up_once_and_stays_right() -> None:
    known = tokenizer(SUBWORDS)
    assert known is tokenizer(SUBWORDS.model_copy())
    others = [_spec("words", f"w{n}") for n in range(40)]
    assert [tokenizer(spec).ids(f"w{n}") for n, spec in enumerate(others)] == [[4]] * 40
    assert known.ids("abthe abthe") == known.ids("abthe abthe")


@given(st.text(st.characters(max_codepoint=127)))
def test_text_in_ascii_is_split_as_any_other(text: str) -> None:
    wide = f"{normalize(text)} ☃"
    assert split_words(normalize(text)) == split_words(wide)[:-1]
    assert normalize(text, lowercase=True) == normalize(f"☃ {text}", lowercase=True)[2:]
