"""WordPiece: the same ids and the same text as the package tokenizers."""

from __future__ import annotations

import unicodedata
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from zoo.errors import DataError
from zoo.runtime.text import REPLACEMENT, decode_text, encode_text, tokenizer
from zoo.runtime.wordpiece import bert_words, detokenize, is_special_token, longest_match
from zoo.spec import TextSpec

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LETTERS = "abcdefghijklmnopqrstuvwxyzåßñσ0123456789"
WORDS = ("the", "cat", "skyline", "sit", "##s", "##ting", "##line", "un", "##aff", "##able", "中")
OTHERS = ".,;:!?'\"()-_[]{}%/$+<=>^`|~€文🙂"
SMALL = tuple(
    dict.fromkeys(
        [*SPECIAL_TOKENS, *WORDS, *LETTERS, *(f"##{c}" for c in LETTERS), *OTHERS, "[unused1]"]
    )
)
_OLD = unicodedata.ucd_3_2_0


def spec(pieces: tuple[str, ...] = SMALL, *, lowercase: bool = True) -> TextSpec:
    names = {"pad": "[PAD]", "unk": "[UNK]", "start": "[CLS]", "end": "[SEP]"}
    return TextSpec(
        split="wordpiece",
        vocabulary=pieces,
        lowercase=lowercase,
        max_length=512,
        **{name: pieces.index(sign) for name, sign in names.items()},
    )


def theirs(pieces: tuple[str, ...] = SMALL, *, lowercase: bool = True) -> Any:
    """Return the reference over a vocabulary."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers = pytest.importorskip("transformers")
    index = {piece: place for place, piece in enumerate(pieces)}
    return transformers.BertTokenizerFast(vocab=index, do_lower_case=lowercase)


@pytest.fixture(scope="module", params=[True, False], ids=["uncased", "cased"])
def pair(request: pytest.FixtureRequest) -> tuple[TextSpec, Any]:
    return spec(lowercase=request.param), theirs(lowercase=request.param)


@pytest.fixture(scope="module")
def bert(shared_data: Path) -> tuple[TextSpec, Any]:
    path = shared_data / "bert" / "vocab.txt"
    pieces = tuple(path.read_text(encoding="utf-8").removesuffix("\n").split("\n"))
    assert len(pieces) == 30_522
    return spec(pieces), theirs(pieces)


def ids_of(reference: Any, text: str) -> list[int]:
    # Split, too, what looks like a sign: a user's text is never one.
    found = reference(text, add_special_tokens=False, split_special_tokens=True)
    return list(found["input_ids"])


def settled(character: str) -> bool:
    """Return whether a character is the same in every Unicode that somebody may have."""
    now, then = unicodedata.category(character), _OLD.category(character)
    if 0x2B820 <= ord(character) < 0x2B920:
        return False  # ideographs for the original, and letters for the reference
    return (now == then and now != "Cn") or (then == "Cn" and now in {"Lo", "So", "Nd"})


CHARACTERS = st.one_of(
    st.characters(exclude_categories=["Cs", "Cn"]).filter(settled),
    st.sampled_from(
        "".join(SMALL[5:])
        + "  \t\n\r\v\x00\x7f\x85\u00a0\u200b\u200d\u2028\u3000\ufffd\ufeff"
        + "éÉçÇüÜñÑİıſßẞΣσςÅ\u0301\u0323\u20e3ﬁ①Ⅷ²,。「」…—–’“”·中文字日本語かな한국어🙂👩🏽🎉"
    ),
)
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=60),
    st.lists(
        st.sampled_from([*WORDS, *SPECIAL_TOKENS, "a" * 99, "a" * 100, "a" * 101, "é" * 100, "Σ"])
    ).map(lambda parts: " ".join(parts).replace("##", "")),
)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_any_text_has_the_ids_that_bert_gives_it(pair: tuple[TextSpec, Any], text: str) -> None:
    mine, reference = pair
    assert tokenizer(mine).ids(text) == ids_of(reference, text)


@pytest.mark.slow
@pytest.mark.parametrize("lowercase", [True, False])
def test_every_character_is_tokenized_as_bert_does(*, lowercase: bool) -> None:
    inside = theirs(lowercase=lowercase).backend_tokenizer
    every = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x110000))]
    known = list(filter(settled, every))
    for start in range(0, len(known), 1000):
        text = " ".join(f"x{character}y" for character in known[start : start + 1000])
        cut = inside.pre_tokenizer.pre_tokenize_str(inside.normalizer.normalize_str(text))
        assert bert_words(text, lowercase=lowercase) == [word for word, _ in cut]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_tokens_decode_to_the_text_that_bert_gives(
    pair: tuple[TextSpec, Any], data: st.DataObject
) -> None:
    mine, reference = pair
    known = [i for i in range(len(mine.vocabulary)) if i not in {mine.unk, mine.end}]
    ids = data.draw(st.lists(st.sampled_from(known), max_size=12))
    text = reference.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True)
    # Only the reference takes [unused1] for text, and keeps the ## of what stands first.
    if not any(mine.vocabulary[i] == "[unused1]" for i in ids) and not text.startswith("##"):
        assert decode_text([ids], mine) == [text]


def test_berts_own_vocabulary_tokenizes_as_bert_does(bert: tuple[TextSpec, Any]) -> None:
    mine, _ = bert
    expected = {
        "tokenization": ["token", "##ization"],
        "embeddings": ["em", "##bed", "##ding", "##s"],
        "cat": ["cat"],
        "\u5e86x": ["[UNK]", "x"],
    }
    for word, pieces in expected.items():
        assert [mine.vocabulary[i] for i in tokenizer(mine).ids(word)] == pieces


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_any_text_has_berts_own_ids(bert: tuple[TextSpec, Any], text: str) -> None:
    mine, reference = bert
    assert tokenizer(mine).ids(text) == ids_of(reference, text)


@pytest.mark.parametrize(
    "caption",
    [
        "a large white airplane, parked on a runway.",
        "two men's hats; isn't it the skyline?",
        "a dented panel with a long crack!",
    ],
)
def test_a_caption_comes_back_as_it_was_written(bert: tuple[TextSpec, Any], caption: str) -> None:
    mine, reference = bert
    ids = tokenizer(mine).ids(caption)
    written = reference.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True)
    assert decode_text([ids], mine) == [written]
    assert written.replace(" ;", ";") == caption


def test_the_longest_token_is_matched_and_a_word_without_a_complete_match_is_unknown() -> None:
    vocabulary = {"un": 0, "##aff": 1, "##able": 2, "[UNK]": 3, "aff": 4}
    rule = {"longest": 4, "unknown": 3, "inside": "##", "whole": True}
    assert longest_match("unaffable", vocabulary, **rule) == [0, 1, 2]
    assert longest_match("unaffablx", vocabulary, **rule) == [3]


def test_special_tokens_are_neither_encoded_from_text_nor_decoded() -> None:
    mine = spec()
    typed = tokenizer(mine).ids("[CLS] [SEP][PAD] [MASK] [unused1] [UNK]")
    assert not set(typed) & {i for i, piece in enumerate(SMALL) if is_special_token(piece)}
    ids = [2, 0, 4, SMALL.index("cat"), SMALL.index("[unused1]"), SMALL.index("##s"), 3, 8]
    assert decode_text([ids], mine) == ["cats"]


def test_unknown_tokens_decode_to_the_replacement_character() -> None:
    mine = spec()
    ids = tokenizer(mine).ids("the Ω cat")
    assert ids == [SMALL.index("the"), mine.unk, SMALL.index("cat")]
    assert decode_text([ids], mine) == [f"the {REPLACEMENT} cat"]


def test_a_token_from_inside_a_word_may_come_first() -> None:
    assert detokenize(["##ting", "cat", "##s", "."]) == "ting cats."


def test_the_end_token_may_have_any_id() -> None:
    pieces = ("a", "cat", "[UNK]", "[END]", "[START]", "[PAD]")
    mine = TextSpec(
        split="wordpiece", vocabulary=pieces, max_length=8, pad=5, unk=2, start=4, end=3
    )
    assert encode_text(["a cat", "cat"], mine, special_tokens=True).tolist() == [
        [4, 0, 1, 3],
        [4, 1, 3, 5],
    ]
    assert decode_text([[4, 0, 1, 3, 1], [1, 5, 5, 5, 5]], mine) == ["a cat", "cat"]


@pytest.mark.parametrize("text", ["", " \u200b\ufeff\x00"])
def test_a_text_without_visible_characters_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="text 0 is empty"):
        encode_text([text], spec())
