"""BERT's WordPiece tokenization (Devlin et al. 2019, arXiv:1810.04805).

Control characters are dropped, whitespace becomes spaces, and every CJK ideograph is a word. For an
uncased vocabulary, accents are stripped. Every punctuation character is a word. A word is cut into
the longest tokens of the vocabulary from the left, of which those inside a word begin with ``##``;
a word that cannot be cut completely, or is longer than 100 characters, is unknown as a whole.

Character classes are those of Python's Unicode tables. The package ``tokenizers`` has those of
2015, so younger punctuation and control characters are letters to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

CONTINUATION = "##"
"""Prefix of a token inside a word."""

MAX_WORD = 100
"""The most characters of a word; a longer one is unknown."""

_KEPT = 1 << 16
# The original's blocks: https://github.com/google-research/bert/blob/master/tokenization.py
_IDEOGRAPHS = (
    range(0x3400, 0x4DC0),
    range(0x4E00, 0xA000),
    range(0xF900, 0xFB00),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2CEB0),
    range(0x2F800, 0x2FA20),
)
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_SPECIAL_TOKEN = re.compile(r"\[[^\[\]]+\]")


class _Table(dict[int, str]):
    """A lazy table for :meth:`str.translate`."""

    def __init__(self, rule: Callable[[str], str]) -> None:
        super().__init__()
        self._rule = rule

    def __missing__(self, code: int) -> str:
        # A text of a million different characters must not stay in memory.
        if len(self) >= _KEPT:
            self.clear()
        found = self[code] = self._rule(chr(code))
        return found


def _cleaned(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\t\n\r" or (character.isspace() and category != "Cc"):
        return " "
    if character == "\ufffd" or category in {"Cc", "Cf", "Co", "Cs"}:
        return ""
    return f" {character} " if any(ord(character) in block for block in _IDEOGRAPHS) else character


def _isolated(character: str) -> str:
    punctuation = character in _ASCII_PUNCTUATION or unicodedata.category(character)[0] == "P"
    return f" {character} " if punctuation else character


def _uncased(character: str) -> str:
    """Return a decomposed character in lower case; nothing for an accent."""
    return "" if unicodedata.category(character) == "Mn" else _isolated(character.lower())


_CLEANED, _ISOLATED, _UNCASED = _Table(_cleaned), _Table(_isolated), _Table(_uncased)


def bert_words(text: str, *, lowercase: bool) -> list[str]:
    """Split a text into words and single punctuation characters.

    Args:
        text: Any text.
        lowercase: Whether to convert to lower case and strip accents.

    Example:
        >>> bert_words("Isn't it déjà-vu?", lowercase=True)
        ['isn', "'", 't', 'it', 'deja', '-', 'vu', '?']
    """
    text = text.translate(_CLEANED)
    if lowercase:
        # One character at a time: a final sigma is a sigma as any other.
        return unicodedata.normalize("NFD", text).translate(_UNCASED).split()
    return text.translate(_ISOLATED).split()


def is_special_token(token: str) -> bool:
    """Return whether a token stands for no text: ``[CLS]``, ``[unused7]``."""
    return _SPECIAL_TOKEN.fullmatch(token) is not None


def longest_match(
    unit: str,
    index: Mapping[str, int],
    *,
    longest: int,
    unknown: int,
    inside: str = "",
    whole: bool = False,
) -> list[int]:
    """Return the token ids of one word by greedy longest match from the left.

    Args:
        unit: The word, without spaces.
        index: Ids by token.
        longest: Length of the longest token, the prefix ``inside`` not counted.
        unknown: Id of the unknown token.
        inside: Prefix of tokens inside a word: ``##`` in BERT's vocabularies.
        whole: Whether a word with anything unknown in it is unknown as a whole, as in BERT.
    """
    ids, place = [], 0
    while place < len(unit):
        prefix = inside if place else ""
        for end in range(min(len(unit), place + longest), place, -1):
            found = index.get(prefix + unit[place:end])
            if found is not None:
                ids.append(found)
                place = end
                break
        else:
            if whole:
                return [unknown]
            ids.append(unknown)
            place += 1
    return ids


_TIDIED = (
    *((f" {mark}", mark) for mark in ".?!,"),
    (" ' ", "'"),
    *((f" {end}", end) for end in ("n't", "'m", "'s", "'ve", "'re")),
)


def detokenize(tokens: Sequence[str]) -> str:
    """Join tokens to text.

    Words are joined by spaces, then ``.``, ``?``, ``!`` and ``,`` follow their word, and an
    apostrophe between two words joins them: *a man's hat*. A hyphen keeps its spaces. It is what
    ``clean_up_tokenization_spaces=True`` gives in the package ``transformers``, except that a
    first token loses its ``##``, too.

    Example:
        >>> detokenize(["a", "sky", "##line", ",", "isn", "'", "t", "it", "?"])
        "a skyline, isn't it?"
    """
    text = "".join(
        token.removeprefix(CONTINUATION) if token.startswith(CONTINUATION) else f" {token}"
        for token in tokens
    ).removeprefix(" ")
    for spaced, tidy in _TIDIED:
        text = text.replace(spaced, tidy)
    return text
