"""WordPiece tokenization as in BERT (Devlin et al. 2019, arXiv:1810.04805).

Control characters are dropped, every blank is a space, every CJK ideograph a word by itself. In
lower case, accents are stripped too. Then every punctuation character is a word by itself, and a
word is split by greedy longest match; tokens inside a word begin with ``##``. A word with a part
that matches no token, or of more than 100 characters, is unknown as a whole.

Characters are classified by Python's Unicode tables. The package ``tokenizers`` has those of 2015,
so that younger punctuation and controls are letters to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

INSIDE = "##"
"""Prefix of a token that continues a word."""

LONGEST_WORD = 100
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
_SPECIAL = re.compile(r"\[[^\[\]]+\]")


class _Table(dict[int, str]):
    """What each character becomes, worked out when it is first met: for :meth:`str.translate`."""

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


def _apart(character: str) -> str:
    sign = character in _ASCII_PUNCTUATION or unicodedata.category(character)[0] == "P"
    return f" {character} " if sign else character


def _bare(character: str) -> str:
    """Return a decomposed character in lower case; of an accent nothing is left."""
    return "" if unicodedata.category(character) == "Mn" else _apart(character.lower())


_CLEANED, _APART, _BARE = _Table(_cleaned), _Table(_apart), _Table(_bare)


def bert_words(text: str, *, lowercase: bool) -> list[str]:
    """Split a text into words and punctuation characters.

    Args:
        text: Any text.
        lowercase: Whether to turn letters to lower case and strip their accents.

    Example:
        >>> bert_words("Isn't it déjà-vu?", lowercase=True)
        ['isn', "'", 't', 'it', 'deja', '-', 'vu', '?']
    """
    text = text.translate(_CLEANED)
    if lowercase:
        # One character after the other: a sigma that ends a word is one as any other.
        return unicodedata.normalize("NFD", text).translate(_BARE).split()
    return text.translate(_APART).split()


def is_special_token(token: str) -> bool:
    """Return whether a token of a vocabulary is special: ``[CLS]``, ``[unused7]``."""
    return _SPECIAL.fullmatch(token) is not None


def longest_match(
    unit: str,
    index: Mapping[str, int],
    *,
    longest: int,
    unknown: int,
    inside: str = "",
    whole: bool = False,
) -> list[int]:
    """Return the ids of one unit by greedy longest match, from the left.

    Args:
        unit: The text, without blanks.
        index: Ids by token.
        longest: The length of the longest token, without the prefix ``inside``.
        unknown: The id of characters that match no token.
        inside: Prefix of tokens that continue a unit: ``##`` in BERT's vocabularies.
        whole: Whether a unit with an unknown part is unknown as a whole, as in BERT.
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


def join_wordpieces(tokens: Sequence[str]) -> str:
    """Join WordPiece tokens to a text, with spaces cleaned up.

    Words are joined by spaces, then ``.``, ``?``, ``!`` and ``,`` follow their word, and an
    apostrophe between two words joins them: *a man's hat*. A hyphen keeps its spaces. It is
    ``clean_up_tokenization_spaces=True`` of the package ``transformers``, except that the ``##`` of
    a first token is removed too.

    Example:
        >>> join_wordpieces(["a", "sky", "##line", ",", "isn", "'", "t", "it", "?"])
        "a skyline, isn't it?"
    """
    text = "".join(
        token.removeprefix(INSIDE) if token.startswith(INSIDE) else f" {token}" for token in tokens
    ).removeprefix(" ")
    for spaced, tidy in _TIDIED:
        text = text.replace(spaced, tidy)
    return text
