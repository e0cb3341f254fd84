"""The names of an archive's members: which can be a path here, and the same path anywhere."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from unicodedata import category, normalize

LONGEST_PART = 255
"""Bytes that the name of one file or folder may have; no common file system takes more."""

LONGEST = 1024
"""Bytes that a whole name may have, far from where systems stop (4096)."""

_DRIVE = re.compile(r"[A-Za-z]:")
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs that change the direction of writing: a name reads as another one."""


def name_fault(name: str) -> str:
    """Return what is wrong with a member's name, as the rest of a sentence, or an empty text.

    Args:
        name: As it stands in the archive; bytes that are no UTF-8 as lone surrogates.
    """
    place = PurePosixPath(name)
    parts = name.split("/")
    leaves = place.is_absolute() or ".." in parts or "\\" in name or _DRIVE.match(name)
    if leaves or "\0" in name:
        return "would leave its folder"
    if not name:
        return "is no name"
    if any(category(sign) == "Cs" for sign in name):
        return "is no text"
    if any(category(sign) == "Cc" or sign in _TURNING for sign in name):
        return "has signs that cannot be seen"
    if any(part != "." and part.endswith((".", " ")) for part in parts):
        return "would be another name elsewhere"
    if len(name.encode()) > LONGEST or any(len(part.encode()) > LONGEST_PART for part in parts):
        return "is too long"
    return ""


def key_of(name: str) -> str:
    """Return what two names have in common that are one file on some file system."""
    return normalize("NFC", str(PurePosixPath(name))).casefold()


__all__ = ["LONGEST", "LONGEST_PART", "key_of", "name_fault"]
