"""Text to ids and back, by the :class:`zoo.TextSpec` that travels with the data and the artifact.

Text is first made *normal*: Unicode's composed form (NFC), every run of blanks one space, none at
the ends, lower case if the spec says so. Then it is cut by one of four rules:

``words``
    Runs of letters and digits (with an apostrophe inside: *don't*) and single other signs are
    pieces; a word that is not in the vocabulary is the unknown piece. Blanks are not kept, so
    decoding spaces by the rules of print: none before ``,.;:!?)]}%``, none after ``([{¿¡``, none
    around a hyphen or a slash.
``characters``
    Every character is a piece, the space included.
``subwords``
    Runs of letters and digits, and runs of one other sign, are units; the space before a unit is
    part of it, written as ``▁``. In a unit the longest piece that fits is taken, again and again
    (the greedy rule of WordPiece: Wu et al. 2016, arXiv:1609.08144, section 4.1); a character
    that begins no piece is the unknown piece by itself. Joined again, the pieces are the normal
    text: nothing is lost but unknown characters.
``wordpiece``
    BERT's own rule, from the text as it is: see :mod:`zoo.runtime.wordpiece`. Pieces in square
    brackets are signs.

The unknown piece decodes to U+FFFD. Signs (padding, start, end) never come out of text: whoever
writes ``[end]`` gets the pieces of these five characters.
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
    joined,
    longest_pieces,
)
from zoo.spec import TextSpec

Ids = npt.NDArray[np.int32]
"""Ids ``[texts, time]``, padded on the right."""

SPACE = "▁"
"""How the space before a subword unit is written in a vocabulary."""

REPLACEMENT = "\ufffd"
_CACHED = 1 << 18
_KEPT = 16
_TIGHT_LEFT = frozenset(",.;:!?)]}%…-/")
_TIGHT_RIGHT = frozenset("([{¿¡-/")


def normal(text: str, *, lowercase: bool = False) -> str:
    """Return the form of a text that is encoded: NFC, single spaces, none at the ends."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    # Lower case of a composed character may come out decomposed (İ): once more.
    return unicodedata.normalize("NFC", text.lower()) if lowercase else text


@functools.cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what finds words, and what finds the units of subwords, in a normal text."""
    # Vowel signs and accents that stand alone belong to the letter before; re has no \p{M}.
    marks = "".join(
        chr(code) for code in range(0x300, 0xFE30) if unicodedata.category(chr(code))[0] == "M"
    )
    letter = rf"[\w{marks}]"
    words = re.compile(rf"{letter}+(?:['’]{letter}+)*|[^\s]")
    units = re.compile(rf" ?{letter}+| ?([^\s\w{marks}])\1*")
    return words, units


def words(text: str) -> list[str]:
    """Cut a normal text into words and single signs.

    Example:
        >>> words("forty-two, isn't it?")
        ['forty', '-', 'two', ',', "isn't", 'it', '?']
    """
    return _patterns()[0].findall(text)


def units(text: str) -> list[str]:
    """Cut a normal text into the units of subwords; joined, they are the text, spaces as ``▁``.

    Example:
        >>> units("forty-two, isn't it?")
        ['▁forty', '-', 'two', ',', '▁isn', "'", 't', '▁it', '?']
    """
    return [match[0].replace(" ", SPACE) for match in _patterns()[1].finditer(f" {text}")]


CUTTERS: Mapping[str, Callable[[str], Iterable[str]]] = {
    "words": words,
    "characters": list,
    "subwords": units,
}
"""From a normal text to what a vocabulary is learned from, by :attr:`zoo.TextSpec.split`."""


class Tokenizer:
    """The two directions of one :class:`zoo.TextSpec`. Make one with :func:`tokenizer`.

    Attributes:
        spec: What it follows.
    """

    def __init__(self, spec: TextSpec) -> None:
        if not spec.vocabulary:
            raise DataError(
                "the text has no vocabulary yet",
                why="it is learned from the training split when the data is first looked at",
                fix="open the data itself: zoo.dataset(NAME).spec",
            )
        self.spec = spec
        self._signs = {spec.pad, spec.unk, spec.start, spec.end}
        if spec.split == "wordpiece":
            self._signs |= {i for i, piece in enumerate(spec.vocabulary) if is_special_token(piece)}
        self._index = {p: i for i, p in enumerate(spec.vocabulary) if i not in self._signs}
        self._longest = max((len(piece) for piece in self._index), default=1)
        self._known: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int]:
        """Return the ids of one text, without signs and of any length."""
        spec = self.spec
        if spec.split == "wordpiece":
            return self._pieces(bert_words(text, lowercase=spec.lowercase))
        text = normal(text, lowercase=spec.lowercase)
        if spec.split == "subwords":
            return self._pieces(units(text))
        return [self._index.get(piece, spec.unk) for piece in CUTTERS[spec.split](text)]

    def _pieces(self, parts: Iterable[str]) -> list[int]:
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
            return longest_pieces(part, self._index, longest=self._longest, unknown=unknown)
        if len(part) > LONGEST_WORD:
            return [unknown]
        return longest_pieces(
            part, self._index, longest=self._longest, unknown=unknown, inside=INSIDE, whole=True
        )

    def text(self, ids: Iterable[int]) -> str:
        """Return the text of some ids, up to the end sign; padding and start are left out."""
        pieces = []
        for index in ids:
            if index == self.spec.end:
                break
            if index == self.spec.unk or not 0 <= index < len(self.spec.vocabulary):
                pieces.append(REPLACEMENT)
            elif index not in self._signs:
                pieces.append(self.spec.vocabulary[index])
        if self.spec.split == "words":
            return _spaced(pieces)
        if self.spec.split == "wordpiece":
            return joined(pieces)
        text = "".join(pieces)
        return text.replace(SPACE, " ").removeprefix(" ") if self.spec.split == "subwords" else text


def _spaced(pieces: Sequence[str]) -> str:
    parts: list[str] = []
    for place, piece in enumerate(pieces):
        if place and piece not in _TIGHT_LEFT and pieces[place - 1] not in _TIGHT_RIGHT:
            parts.append(" ")
        parts.append(piece)
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
    signs: bool = False,
    too_long: Literal["cut", "refuse"] = "refuse",
    width: int | None = None,
) -> Ids:
    """Return texts as ids, padded on the right.

    Args:
        texts: One text an example.
        spec: How they become ids.
        signs: Whether the start sign goes before and the end sign behind every text: what a
            decoder learns to write.
        too_long: Whether a text with more than ``spec.max_length`` ids, signs included, keeps its
            beginning, or is an error.
        width: Ids a row; the longest text's if left out.

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
            _fitted(known.ids(text), index, spec, signs=signs, too_long=too_long)
            for index, text in enumerate(texts)
        ],
        spec.pad,
        width,
    )


def _fitted(ids: list[int], index: int, spec: TextSpec, *, signs: bool, too_long: str) -> list[int]:
    room = spec.max_length - 2 * signs
    if not ids:
        raise DataError(
            f"text {index} is empty",
            why="there is nothing in it but blanks",
            fix="leave it out",
        )
    if len(ids) > room:
        if too_long != "cut":
            raise DataError(
                f"text {index} has {len(ids):,} pieces",
                why=f"at most {room:,} are taken: what is longer was never learned",
                fix="give it in parts, a sentence each",
            )
        ids = ids[:room]
    return [spec.start, *ids, spec.end] if signs else ids


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
    """Return the texts of rows of ids, each up to its end sign.

    Args:
        ids: ``[texts, time]``.
        spec: How they became ids.

    Example:
        >>> decode_text([[2, 17, 9, 3, 0, 0]], spec)
        ['cuarenta mil']
    """
    known = tokenizer(spec)
    rows: list[Any] = np.asarray(ids).tolist()
    return [known.text(row) for row in rows]


__all__ = [
    "CUTTERS",
    "REPLACEMENT",
    "SPACE",
    "Ids",
    "Tokenizer",
    "decode_text",
    "encode_text",
    "normal",
    "pack",
    "tokenizer",
    "units",
    "words",
]
