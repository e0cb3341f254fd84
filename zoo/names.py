"""Names of models: valid names, versions, and ``[distribution:]model[@version][:weights]``.

Imports nothing but the standard library: listing models depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Names become folders, metadata keys and server routes: lower case, digits, underscores."""

NAME_LENGTH = 64
"""The most characters in a name."""

RESERVED = frozenset(
    {"aux", "con", "nul", "prn"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)}
)
"""Devices on Windows: none of them can be the name of a folder."""

VERSION = re.compile(r"[1-9][0-9]{0,3}")
"""Versions of an architecture: ``2``."""

FIRST_VERSION = "1"
"""The version of an architecture that is announced without one."""

_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_WEIGHTS = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")


def name_fault(name: str) -> str | None:
    """Return why a text is not a valid name, or ``None`` if it is one.

    Example:
        >>> name_fault("con")
        'it is a device on Windows, where no folder can be called so'
    """
    if len(name) > NAME_LENGTH:
        return f"it has {len(name)} characters, and a name has at most {NAME_LENGTH}"
    if name in RESERVED:
        return "it is a device on Windows, where no folder can be called so"
    if NAME.fullmatch(name):
        return None
    foreign = next((character for character in name if not character.isascii()), None)
    if foreign is not None:
        import unicodedata

        called = unicodedata.name(foreign, f"U+{ord(foreign):04X}")
        return f"it has a {called}; a name has the letters a to z, digits and underscores"
    return "a name has lower-case letters, digits, and underscores between them"


def valid_name(name: str) -> str:
    """Return a name that is valid.

    Raises:
        ValueError: If it is not; the message says why.

    Example:
        >>> valid_name("my_model")
        'my_model'
    """
    fault = name_fault(name)
    if fault is not None:
        raise ValueError(fault)
    return name


def identity(name: str, version: str = FIRST_VERSION) -> str:
    """Return the name of a version of an architecture: ``cnn`` for the first, then ``cnn@2``.

    Example:
        >>> identity("cnn"), identity("cnn", "2")
        ('cnn', 'cnn@2')
    """
    return name if version in ("", FIRST_VERSION) else f"{name}@{version}"


def split_version(announced: str) -> tuple[str, str]:
    """Return the model and the version in the name of an entry point or in an identity."""
    model, _, version = announced.partition("@")
    return model, version or FIRST_VERSION


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Return the sort key of a name that puts ``vgg9`` before ``vgg16``."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
        if part
    ]


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> list[str]:
    """Return the known names that a misspelled one may mean, the likeliest first.

    Example:
        >>> nearest("dropuot", ["dropout", "units"])
        ['dropout']
    """
    import difflib

    folded = {one.casefold(): one for one in known}
    found = difflib.get_close_matches(name.casefold(), folded, n=count)
    return [folded[one] for one in found]


@dataclass(frozen=True)
class Reference:
    """The parts of a model's full name; a part that was not given is empty."""

    model: str
    distribution: str = ""
    version: str = ""
    weights: str = ""

    def __str__(self) -> str:
        parts = (self.distribution, identity(self.model, self.version), self.weights)
        return ":".join(part for part in parts if part)


def parse_reference(text: str) -> list[Reference]:
    """Return the ways to read a full name: none if it is not valid, two if one colon is ambiguous.

    ``a:b`` is the model ``b`` of a distribution or the weights ``b`` of a model. A version tells
    them apart, since only a model has one: ``a:b@1``, ``a@1:b``.
    """
    parts = text.split(":")
    found: list[Reference | None] = []
    if len(parts) == 1:
        found = [_reference(parts[0])]
    elif len(parts) == 2:
        found = [_reference(parts[1], distribution=parts[0]), _reference(parts[0], parts[1])]
    elif len(parts) == 3:
        found = [_reference(parts[1], parts[2], distribution=parts[0])]
    return [reference for reference in found if reference is not None]


def _reference(
    model: str, weights: str | None = None, *, distribution: str | None = None
) -> Reference | None:
    name, at, version = model.partition("@")
    if not NAME.fullmatch(name) or name in RESERVED or (at and not VERSION.fullmatch(version)):
        return None
    if distribution is not None and not _DISTRIBUTION.fullmatch(distribution):
        return None
    if weights is not None and not _WEIGHTS.fullmatch(weights):
        return None
    return Reference(name, distribution or "", version, weights or "")


__all__ = [
    "FIRST_VERSION",
    "NAME",
    "NAME_LENGTH",
    "RESERVED",
    "VERSION",
    "identity",
    "name_fault",
    "nearest",
    "valid_name",
]
