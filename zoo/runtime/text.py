"""Encode text as token ids and decode it, by the :class:`zoo.TextSpec` of the data or artifact.

Text is first normalized: Unicode's composed form (NFC), every run of blanks one space, none at the
ends, lower case if the spec says so. Then it is tokenized by one of four rules:

``words``
    Runs of letters and digits (with an apostrophe inside: *don't*) and single other characters are
    tokens; a word that is not in the vocabulary is ``unk``. Blanks are not kept, so decoding sets
    spaces by the rules of print: none before ``,.;:!?)]}%``, none after ``([{¿¡``, none around a
    hyphen or a slash.
``characters``
    Every character is a token, the space included.
``subwords``
    Runs of letters and digits, and runs of one other character, are units; the space before a unit
    is part of it, written as ``▁``. A unit is split by greedy longest match, as in WordPiece (Wu et
    al. 2016, arXiv:1609.08144, section 4.1); a character that begins no token is ``unk``. Joined
    again, the tokens are the normalized text: only unknown characters are lost.
``wordpiece``
    BERT's own rule, without the normalization above: see :mod:`zoo.runtime.wordpiece`. Tokens in
    square brackets are special.

The ``unk`` token decodes to U+FFFD. Text never encodes to special tokens (padding, start, end):
``[end]`` in a text becomes the tokens of these five characters.
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
    INSIDE,
    LONGEST_WORD,
    bert_words,
    is_special_token,
    join_wordpieces,
    longest_match,
)
from zoo.spec import TextSpec

Ids = npt.NDArray[np.int32]
"""Ids ``[texts, time]``, padded on the right."""

SPACE = "▁"
"""The space before a subword unit, as it is written in a vocabulary."""

REPLACEMENT = "\ufffd"
_CACHED = 1 << 18
_KEPT = 16
_TIGHT_LEFT = frozenset(",.;:!?)]}%…-/")
_TIGHT_RIGHT = frozenset("([{¿¡-/")


def normal(text: str, *, lowercase: bool = False) -> str:
    """Normalize a text: NFC, single spaces, none at the ends."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    # Lower case of a composed character may come out decomposed (İ): once more.
    return unicodedata.normalize("NFC", text.lower()) if lowercase else text


@functools.cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of words and of subword units in a normalized text."""
    # Vowel signs and accents that stand alone belong to the letter before; re has no \p{M}.
    marks = "".join(
        chr(code) for code in range(0x300, 0xFE30) if unicodedata.category(chr(code))[0] == "M"
    )
    letter = rf"[\w{marks}]"
    words = re.compile(rf"{letter}+(?:['’]{letter}+)*|[^\s]")
    units = re.compile(rf" ?{letter}+| ?([^\s\w{marks}])\1*")
    return words, units


def words(text: str) -> list[str]:
    """Split a normalized text into words and single other characters.

    Example:
        >>> words("forty-two, isn't it?")
        ['forty', '-', 'two', ',', "isn't", 'it', '?']
    """
    return _patterns()[0].findall(text)


def units(text: str) -> list[str]:
    """Split a normalized text into subword units; joined, they are the text, spaces as ``▁``.

    Example:
        >>> units("forty-two, isn't it?")
        ['▁forty', '-', 'two', ',', '▁isn', "'", 't', '▁it', '?']
    """
    return [match[0].replace(" ", SPACE) for match in _patterns()[1].finditer(f" {text}")]


SPLITTERS: Mapping[str, Callable[[str], Iterable[str]]] = {
    "words": words,
    "characters": list,
    "subwords": units,
}
"""Pre-tokenizers of a normalized text, by :attr:`zoo.TextSpec.split`."""


class Tokenizer:
    """Tokenizer of one :class:`zoo.TextSpec`. Make one with :func:`tokenizer`.

    Attributes:
        spec: The tokenization and the vocabulary.
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
            return self._tokens(bert_words(text, lowercase=spec.lowercase))
        text = normal(text, lowercase=spec.lowercase)
        if spec.split == "subwords":
            return self._tokens(units(text))
        return [self._index.get(token, spec.unk) for token in SPLITTERS[spec.split](text)]

    def _tokens(self, parts: Iterable[str]) -> list[int]:
        ids: list[int] = []
        for part in parts:
            known = self._known.get(part)
            if known is None:
                known = self._cut(part)
                if len(self._known) >= _CACHED:
                    self._known.clear()
                self._known[part] = known
            ids += known
        return ids

    def _cut(self, part: str) -> list[int]:
        unknown = self.spec.unk
        if self.spec.split == "subwords":
            return longest_match(part, self._index, longest=self._longest, unknown=unknown)
        if len(part) > LONGEST_WORD:
            return [unknown]
        return longest_match(
            part, self._index, longest=self._longest, unknown=unknown, inside=INSIDE, whole=True
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
            return join_wordpieces(tokens)
        text = "".join(tokens)
        return text.replace(SPACE, " ").removeprefix(" ") if self.spec.split == "subwords" else text


def _spaced(tokens: Sequence[str]) -> str:
    parts: list[str] = []
    for place, token in enumerate(tokens):
        if place and token not in _TIGHT_LEFT and tokens[place - 1] not in _TIGHT_RIGHT:
            parts.append(" ")
        parts.append(token)
    return "".join(parts)


_equal = functools.lru_cache(maxsize=_KEPT)(Tokenizer)
_same: dict[int, tuple[TextSpec, Tokenizer]] = {}


def tokenizer(spec: TextSpec) -> Tokenizer:
    """Return the tokenizer of a spec; the same object for an equal spec.

    Raises:
        DataError: If the vocabulary is not known yet.
    """
    # To hash a vocabulary costs more than to encode a sentence: the same object is known by its
    # address, which is its own as long as it is kept here.
    kept = _same.get(id(spec))
    if kept is not None:
        return kept[1]
    found = _equal(spec)
    if len(_same) >= _KEPT:
        _same.clear()
    _same[id(spec)] = spec, found
    return found


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
        spec: The tokenization and the vocabulary.
        special_tokens: Whether to add a start and an end token to every text, as in the targets of
            a decoder.
        too_long: Whether to truncate ("cut") or to refuse a text with more than
            ``spec.max_length`` ids, special tokens included.
        width: Ids per row; those of the longest text if left out.

    Shapes:
        Returns ``[texts, time]``; ``time`` is at least 1.

    Raises:
        DataError: If a text is empty, or too long.

    Example:
        >>> encode_text(["forty-two thousand and seven"], spec)
        array([[...]], dtype=int32)
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
        raise DataError(
            f"text {index} is empty",
            why="it holds nothing but blanks",
            fix="leave it out",
        )
    if len(ids) > room:
        if too_long != "cut":
            raise DataError(
                f"text {index} has {len(ids):,} tokens",
                why=f"at most {room:,} are taken: longer texts were not in training",
                fix="give it in parts, one sentence each",
            )
        ids = ids[:room]
    return [spec.start, *ids, spec.end] if special_tokens else ids


def pack(rows: Sequence[Sequence[int]], pad: int, width: int | None = None) -> Ids:
    """Return rows of ids as one array, padded on the right.

    Raises:
        ValueError: If a row is longer than the width.
    """
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    longest = int(lengths.max(initial=1))
    if width is not None and longest > width:
        raise ValueError(f"a row of {longest} ids does not fit the width {width}")
    array = np.full((len(rows), width or longest), pad, np.int32)
    flat = np.fromiter((i for row in rows for i in row), np.int32, int(lengths.sum()))
    array[np.arange(array.shape[1]) < lengths[:, None]] = flat
    return array


def decode_text(ids: npt.ArrayLike, spec: TextSpec) -> list[str]:
    """Decode rows of ids, each up to its end token.

    Args:
        ids: ``[texts, time]``.
        spec: The tokenization and the vocabulary.

    Example:
        >>> decode_text([[2, 17, 9, 3, 0, 0]], spec)
        ['cuarenta mil']
    """
    known = tokenizer(spec)
    rows: list[Any] = np.asarray(ids).tolist()
    return [known.text(row) for row in rows]
