"""Words and pieces of words as BERT cuts them (Devlin et al. 2019, arXiv:1810.04805).

What can be neither seen nor typed is dropped, every blank is a space, every CJK ideograph a word
by itself. Where upper and lower case are one, accents go too. Then every sign of punctuation is a
word by itself, and of a word the longest piece that fits is taken, again and again; pieces inside a
word begin with ``##``. A word that does not come out even, or is longer than 100 characters, is
unknown as a whole.

Which characters are what is asked of Python's Unicode tables. The package ``tokenizers`` knows
Unicode as it was in 2015, so that punctuation and controls which are younger are letters to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

INSIDE = "##"
"""What a piece that goes on with a word begins with."""

LONGEST_WORD = 100
"""Characters of a word; a longer one is unknown."""

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
_ASCII_SIGNS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_SIGN = re.compile(r"\[[^\[\]]+\]")


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
    sign = character in _ASCII_SIGNS or unicodedata.category(character)[0] == "P"
    return f" {character} " if sign else character


def _bare(character: str) -> str:
    """Return a decomposed character in lower case; of an accent nothing is left."""
    return "" if unicodedata.category(character) == "Mn" else _apart(character.lower())


_CLEANED, _APART, _BARE = _Table(_cleaned), _Table(_apart), _Table(_bare)


def bert_words(text: str, *, lowercase: bool) -> list[str]:
    """Cut a text into words and single signs.

    Args:
        text: Any text.
        lowercase: Whether upper and lower case are one, and letters with and without accents.

    Example:
        >>> bert_words("Isn't it déjà-vu?", lowercase=True)
        ['isn', "'", 't', 'it', 'deja', '-', 'vu', '?']
    """
    text = text.translate(_CLEANED)
    if lowercase:
        # One character after the other: a sigma that ends a word is one as any other.
        return unicodedata.normalize("NFD", text).translate(_BARE).split()
    return text.translate(_APART).split()


def is_special_token(piece: str) -> bool:
    """Return whether a piece of a vocabulary stands for no text: ``[CLS]``, ``[unused7]``."""
    return _SIGN.fullmatch(piece) is not None


def longest_pieces(
    unit: str,
    index: Mapping[str, int],
    *,
    longest: int,
    unknown: int,
    inside: str = "",
    whole: bool = False,
) -> list[int]:
    """Return the ids of one unit: from the left, always the longest piece that fits.

    Args:
        unit: The text, without blanks.
        index: Ids by piece.
        longest: The length of the longest piece, the prefix ``inside`` not counted.
        unknown: The id of what fits no piece.
        inside: What pieces that continue a unit begin with: ``##`` in BERT's vocabularies.
        whole: Whether a unit with anything unknown in it is unknown as a whole, as in BERT.
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
    *((f" {sign}", sign) for sign in ".?!,"),
    (" ' ", "'"),
    *((f" {end}", end) for end in ("n't", "'m", "'s", "'ve", "'re")),
)


def joined(pieces: Sequence[str]) -> str:
    """Return the text of some pieces, spaced by the rules that BERT's users know.

    Words are joined by spaces, then ``.``, ``?``, ``!`` and ``,`` follow their word, and an
    apostrophe between two words joins them: *a man's hat*. A hyphen keeps its spaces. It is what
    ``clean_up_tokenization_spaces=True`` gives in the package ``transformers``, but for a piece
    from inside a word that stands first: its ``##`` goes, too.

    Example:
        >>> joined(["a", "sky", "##line", ",", "isn", "'", "t", "it", "?"])
        "a skyline, isn't it?"
    """
    text = "".join(
        piece.removeprefix(INSIDE) if piece.startswith(INSIDE) else f" {piece}" for piece in pieces
    ).removeprefix(" ")
    for spaced, tidy in _TIDIED:
        text = text.replace(spaced, tidy)
    return text


__all__ = ["INSIDE", "LONGEST_WORD", "bert_words", "is_special_token", "joined", "longest_pieces"]
