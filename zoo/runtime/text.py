"""Tokenization: text to ids and back, by the :class:`zoo.TextSpec` of the data and the artifact.

Text is first normalized: Unicode's composed form (NFC), single spaces, none at the ends, lower
case if the spec says so. Then it is split in one of four ways:

``words``
    Runs of letters and digits (with an apostrophe inside: *don't*) and other single characters are
    tokens; a word out of the vocabulary is the unknown token. Spaces are not kept, so decoding
    restores them by the rules of print: none before ``,.;:!?)]}%``, none after ``([{¿¡``, none
    around a hyphen or a slash.
``characters``
    Every character is a token, the space included.
``subwords``
    Runs of letters and digits, and runs of one other character, are units; the space before a unit
    is part of it, written as ``▁``. A unit is split by greedy longest match (WordPiece: Wu et al.
    2016, arXiv:1609.08144, section 4.1); a character that begins no token is the unknown token.
    Joined again, the tokens are the normalized text: only unknown characters are lost.
``wordpiece``
    BERT's tokenization of the text as it is: see :mod:`zoo.runtime.wordpiece`. Tokens in square
    brackets are special.

The unknown token decodes to U+FFFD. Special tokens (padding, start, end) never come out of text:
the text ``[end]`` becomes the tokens of these five characters.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zoo.errors import DataError
from zoo.runtime.wordpiece import (
    CONTINUATION,
    MAX_WORD,
    bert_words,
    detokenize,
    is_special_token,
    longest_match,
)
from zoo.spec import TextSpec

Ids = npt.NDArray[np.int32]
"""Ids ``[texts, time]``, padded on the right."""

SPACE = "▁"
"""The space before a subword unit in a vocabulary."""

REPLACEMENT = "\ufffd"
_CACHED = 1 << 18
_TIGHT_LEFT = frozenset(",.;:!?)]}%…-/")
_TIGHT_RIGHT = frozenset("([{¿¡-/")


def normalize(text: str, *, lowercase: bool = False) -> str:
    """Normalize a text for encoding: NFC, single spaces, none at the ends."""
    if text.isascii():  # composed already
        text = " ".join(text.split())
        return text.lower() if lowercase else text
    text = " ".join(unicodedata.normalize("NFC", text).split())
    # Lower case of a composed character may come out decomposed (İ): once more.
    return unicodedata.normalize("NFC", text.lower()) if lowercase else text


@functools.cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of words and of subword units in a normalized text."""
    # Combining marks belong to the letter before; re has no \p{M}.
    marks = "".join(
        chr(code) for code in range(0x300, 0xFE30) if unicodedata.category(chr(code))[0] == "M"
    )
    letter = rf"[\w{marks}]"
    words = re.compile(rf"{letter}+(?:['’]{letter}+)*|[^\s]")
    units = re.compile(rf" ?{letter}+| ?([^\s\w{marks}])\1*")
    return words, units


_ASCII_WORDS = re.compile(r"\w+(?:'\w+)*|\S", re.ASCII)
"""The pattern of words for ASCII text, where it takes half the time."""


def split_words(text: str) -> list[str]:
    """Split a normalized text into words and other single characters.

    Example:
        >>> split_words("forty-two, isn't it?")
        ['forty', '-', 'two', ',', "isn't", 'it', '?']
    """
    return (_ASCII_WORDS if text.isascii() else _patterns()[0]).findall(text)


def units(text: str) -> list[str]:
    """Split a normalized text into subword units; joined, they are the text, spaces as ``▁``.

    Example:
        >>> units("forty-two, isn't it?")
        ['▁forty', '-', 'two', ',', '▁isn', "'", 't', '▁it', '?']
    """
    return [match[0].replace(" ", SPACE) for match in _patterns()[1].finditer(f" {text}")]


SPLITTERS: Mapping[str, Callable[[str], Iterable[str]]] = {
    "words": split_words,
    "characters": list,
    "subwords": units,
}
"""Functions that split a normalized text for learning a vocabulary, by ``TextSpec.split``."""


class Tokenizer:
    """Encodes and decodes by one :class:`zoo.TextSpec`. Make one with :func:`tokenizer`.

    Attributes:
        spec: The spec.
    """

    def __init__(self, spec: TextSpec) -> None:
        if not spec.vocabulary:
            raise DataError(
                "the text has no vocabulary yet",
                why="it is learned from the training split when the data is first looked at",
                fix="open the data itself: zoo.dataset(NAME).spec",
            )
        self.spec = spec
        self._special = {spec.pad, spec.unk, spec.start, spec.end}
        if spec.split == "wordpiece":
            self._special |= {
                i for i, token in enumerate(spec.vocabulary) if is_special_token(token)
            }
        self._index = {p: i for i, p in enumerate(spec.vocabulary) if i not in self._special}
        self._longest = max((len(token) for token in self._index), default=1)
        self._known: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int]:
        """Return the ids of one text, without special tokens and of any length."""
        spec = self.spec
        if spec.split == "wordpiece":
            return self._encode(bert_words(text, lowercase=spec.lowercase))
        text = normalize(text, lowercase=spec.lowercase)
        if spec.split == "subwords":
            return self._encode(units(text))
        return [self._index.get(token, spec.unk) for token in SPLITTERS[spec.split](text)]

    def _encode(self, parts: Iterable[str]) -> list[int]:
        ids: list[int] = []
        for part in parts:
            known = self._known.get(part)
            if known is None:
                known = self._split(part)
                if len(self._known) >= _CACHED:
                    self._known.clear()
                self._known[part] = known
            ids += known
        return ids

    def _split(self, part: str) -> list[int]:
        unknown = self.spec.unk
        if self.spec.split == "subwords":
            return longest_match(part, self._index, longest=self._longest, unknown=unknown)
        if len(part) > MAX_WORD:
            return [unknown]
        return longest_match(
            part,
            self._index,
            longest=self._longest,
            unknown=unknown,
            inside=CONTINUATION,
            whole=True,
        )

    def text(self, ids: Iterable[int]) -> str:
        """Return the text of some ids, up to the end token; padding and start are left out."""
        tokens = []
        for index in ids:
            if index == self.spec.end:
                break
            if index == self.spec.unk or not 0 <= index < len(self.spec.vocabulary):
                tokens.append(REPLACEMENT)
            elif index not in self._special:
                tokens.append(self.spec.vocabulary[index])
        if self.spec.split == "words":
            return _spaced(tokens)
        if self.spec.split == "wordpiece":
            return detokenize(tokens)
        text = "".join(tokens)
        return text.replace(SPACE, " ").removeprefix(" ") if self.spec.split == "subwords" else text


def _spaced(tokens: Sequence[str]) -> str:
    parts: list[str] = []
    for place, token in enumerate(tokens):
        if place and token not in _TIGHT_LEFT and tokens[place - 1] not in _TIGHT_RIGHT:
            parts.append(" ")
        parts.append(token)
    return "".join(parts)


@functools.lru_cache(maxsize=16)
def tokenizer(spec: TextSpec) -> Tokenizer:
    """Return the tokenizer of a spec; the same object for an equal spec.

    Raises:
        DataError: If the vocabulary is not known yet.
    """
    return Tokenizer(spec)


def encode_text(
    texts: Iterable[str],
    spec: TextSpec,
    *,
    special_tokens: bool = False,
    too_long: Literal["cut", "refuse"] = "refuse",
    width: int | None = None,
) -> Ids:
    """Encode texts as ids, padded on the right.

    Args:
        texts: One text per example.
        spec: Spec of the text.
        special_tokens: Whether to add the start token and the end token: what a decoder learns to
            generate.
        too_long: Whether a text with more than ``spec.max_length`` ids, special tokens included,
            is truncated or an error.
        width: Ids per row; by default those of the longest text.

    Shapes:
        Returns ``[texts, time]``; ``time`` is at least 1.

    Raises:
        DataError: If a text is empty, or too long.

    Example:
        >>> vocabulary = ("[pad]", "[unknown]", "[start]", "[end]", "forty", "two")
        >>> spec = TextSpec(split="words", vocabulary=vocabulary, max_length=8)
        >>> encode_text(["forty two", "two"], spec, special_tokens=True).tolist()
        [[2, 4, 5, 3], [2, 5, 3, 0]]
    """
    known = tokenizer(spec)
    return pack(
        [
            _fitted(known.ids(text), index, spec, special_tokens=special_tokens, too_long=too_long)
            for index, text in enumerate(texts)
        ],
        spec.pad,
        width,
    )


def _fitted(
    ids: list[int], index: int, spec: TextSpec, *, special_tokens: bool, too_long: str
) -> list[int]:
    room = spec.max_length - 2 * special_tokens
    if not ids:
        raise blank(index)
    if len(ids) > room:
        if too_long != "cut":
            raise DataError(
                f"text {index} has {len(ids):,} tokens",
                why=f"at most {room:,} are accepted, as in training",
                fix="split it, e.g. into sentences",
            )
        ids = ids[:room]
    return [spec.start, *ids, spec.end] if special_tokens else ids


def blank(index: int) -> DataError:
    """Return the error of a text without a token."""
    return DataError(f"text {index} is empty", why="it is blank", fix="leave it out")


def pack(rows: Sequence[Sequence[int]], pad: int, width: int | None = None) -> Ids:
    """Pack rows of ids into one array, padded on the right.

    Raises:
        ValueError: If a row is longer than the width.
    """
    longest = max(map(len, rows), default=0)
    if width is not None and longest > width:
        raise ValueError(f"a row of {longest} ids does not fit the width {width}")
    array = np.full((len(rows), width or max(longest, 1)), pad, np.int32)
    for place, row in enumerate(rows):
        array[place, : len(row)] = row
    return array


def decode_text(ids: npt.ArrayLike, spec: TextSpec) -> list[str]:
    """Decode rows of ids to texts, each up to its end token.

    Args:
        ids: ``[texts, time]``.
        spec: Spec of the text.

    Example:
        >>> decode_text([[2, 4, 5, 3, 0, 0]], spec)
        ['forty two']
    """
    known = tokenizer(spec)
    rows: list[Any] = np.asarray(ids).tolist()
    return [known.text(row) for row in rows]
