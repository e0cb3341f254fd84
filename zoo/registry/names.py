"""How models are called: ``[distribution:]model[@version][:weights]``.

A name with one colon can be read in two ways, ``distribution:model`` and ``model:weights``. Which
one is meant is decided by what there is; where both are there, a version tells them apart, since
only a model has one: ``a:b@1`` is a model of a distribution, ``a@1:b`` are weights of a model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from zoo.spec import FIRST_VERSION, NAME, RESERVED, VERSION, identity

_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_WEIGHTS = re.compile(r"[a-z0-9][a-z0-9._-]*")

# What looks like a Latin letter in most fonts, and is none.
_LOOKS_LIKE = str.maketrans(
    "абсԁеһіјӏкмоԛрѕтԝхуѵαβγεικνορτυχ\u0131\u0261\u029f",
    "abcdehijlkmoqpstwxyvabyeikvoptuxigl",
)


@dataclass(frozen=True)
class Reference:
    """One way to read what somebody wrote for a model; what was not said is empty."""

    model: str
    distribution: str = ""
    version: str = ""
    weights: str = ""

    def __str__(self) -> str:
        parts = (self.distribution, identity(self.model, self.version), self.weights)
        return ":".join(part for part in parts if part)


def readings(text: str) -> list[Reference]:
    """Return the ways to read a name: none if it is none, two where a colon can mean both."""
    parts = text.split(":")
    found: list[Reference | None] = []
    if len(parts) == 1:
        found = [_reference(parts[0])]
    elif len(parts) == 2:
        found = [_reference(parts[1], distribution=parts[0]), _reference(parts[0], parts[1])]
    elif len(parts) == 3:
        found = [_reference(parts[1], parts[2], distribution=parts[0])]
    return [reading for reading in found if reading is not None]


def _reference(
    model: str, weights: str | None = None, *, distribution: str | None = None
) -> Reference | None:
    """Return a reading, or ``None`` if a part of it is not what it should be."""
    name, at, version = model.partition("@")
    if not NAME.fullmatch(name) or name in RESERVED or (at and not VERSION.fullmatch(version)):
        return None
    if distribution is not None and not _DISTRIBUTION.fullmatch(distribution):
        return None
    if weights is not None and not _WEIGHTS.fullmatch(weights):
        return None
    return Reference(name, distribution or "", version, weights or "")


def split_version(announced: str) -> tuple[str, str]:
    """Return the model and the version that an entry point or an identity names."""
    model, _, version = announced.partition("@")
    return model, version or FIRST_VERSION


def is_stable(version: str) -> bool:
    """Return whether a version is more than a candidate for one."""
    return "rc" not in version


def version_order(version: str) -> tuple[int, int]:
    """Sort key of versions: a candidate comes before what it is one for."""
    number, _, candidate = version.partition("rc")
    return int(number), int(candidate) if candidate else 1000


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts ``vgg9`` before ``vgg16``."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
        if part
    ]


def looks_like(name: str) -> str:
    """Return the plain letters that a name looks like: ``cnn`` for one with a Cyrillic letter."""
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_LOOKS_LIKE)
    return re.sub(r"[^a-z0-9]+", "_", folded).strip("_")


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> list[str]:
    """Return the known names that a misspelt one may have meant, the likeliest first."""
    import difflib

    names = list(known)
    plain = looks_like(name)
    if plain in names:
        return [plain]
    return difflib.get_close_matches(plain, names, n=count, cutoff=0.5)


__all__ = [
    "Reference",
    "is_stable",
    "looks_like",
    "natural_order",
    "nearest",
    "readings",
    "split_version",
    "version_order",
]
