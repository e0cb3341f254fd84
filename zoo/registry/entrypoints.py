"""Find what installed distributions announce, without importing any of it."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ARCHITECTURES = "zoo.architectures"
DATASETS = "zoo.datasets"
COMMANDS = "zoo.commands"
HOOKS = "zoo.hooks"
CATALOGS = "zoo.catalogs"
GROUPS = (ARCHITECTURES, DATASETS, COMMANDS, HOOKS, CATALOGS)

OWN = "neural-zoo"
"""The distribution that this program is itself a part of."""

MOST_TEXT = 2**18
"""Of announcements longer than this, in characters, none is read: two thousand models fit."""


@dataclass(frozen=True)
class Provider:
    """One announcement: a distribution says where the thing of that name can be imported.

    Attributes:
        name: The entry point's name; of an architecture, the model's.
        value: ``module:attribute``, not imported yet.
        distribution: The name of the distribution that announces it, as it is normalized for
            comparing (PEP 503).
        version: Its version.
        location: The folder it is installed in.
    """

    name: str
    value: str
    distribution: str
    version: str
    location: str
    _entry_point: importlib.metadata.EntryPoint = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """The distribution and its version, as messages name them."""
        return f"{self.distribution} {self.version}"

    @property
    def module(self) -> str:
        """The module that would be imported."""
        return self.value.partition(":")[0].strip()

    @property
    def is_own(self) -> bool:
        """Whether it is the zoo's own: its code runs here already."""
        return self.distribution == OWN

    @property
    def installed(self) -> importlib.metadata.Distribution | None:
        """The metadata of the distribution."""
        return self._entry_point.dist

    @property
    def key(self) -> tuple[str, str]:
        """The distribution and the name: what it is, whatever else offers that name."""
        return self.distribution, self.name

    def load(self) -> Any:
        """Import the module and return the attribute."""
        return self._entry_point.load()


def normalize(distribution: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def scan() -> dict[str, list[Provider]]:
    """Return every announcement in the zoo's groups, by group, in the order of ``sys.path``.

    A distribution that is met twice (an editable install and a wheel) counts once: the first on
    ``sys.path``, the one Python would import.
    """
    found: dict[str, list[Provider]] = {group: [] for group in GROUPS}
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        # The name can cost a parse of METADATA: leave those that announce nothing first.
        if not _speaks_of_us(text := _announced(distribution)) or len(text) > MOST_TEXT:
            continue
        name, version, location = _identity(distribution)
        if name in seen:
            continue
        seen.add(name)
        for point in _entry_points(distribution):
            if point.group in found:
                found[point.group].append(
                    Provider(point.name, point.value, name, version, location, point)
                )
    return found


def oversized() -> list[tuple[str, str, int]]:
    """Return name, version and size of the distributions whose announcements are not read."""
    return [
        (*_identity(distribution)[:2], len(text))
        for distribution in importlib.metadata.distributions()
        if len(text := _announced(distribution)) > MOST_TEXT and _speaks_of_us(text)
    ]


def _announced(distribution: importlib.metadata.Distribution) -> str:
    try:
        return distribution.read_text("entry_points.txt") or ""
    except (OSError, ValueError):  # a stranger's file may be no text at all
        return ""


def _speaks_of_us(text: str) -> bool:
    return "[zoo." in text.replace("[ ", "[")


def _identity(distribution: importlib.metadata.Distribution) -> tuple[str, str, str]:
    """Return name, version and folder, from the metadata folder's own name where it tells.

    That name is fixed by the wheel format (``name-version.dist-info``) and costs no parsing,
    which is what keeps a listing of a thousand plugins quick.
    """
    path = getattr(distribution, "_path", None)
    if isinstance(path, Path) and path.suffix == ".dist-info" and path.stem.count("-") == 1:
        name, version = path.stem.split("-")
        return normalize(name), version, str(path.parent)
    name = distribution.metadata["Name"] or "unknown"
    return normalize(name), distribution.version, str(distribution.locate_file(""))


def _entry_points(
    distribution: importlib.metadata.Distribution,
) -> Iterator[importlib.metadata.EntryPoint]:
    try:
        yield from distribution.entry_points
    except Exception:  # noqa: BLE001 - a stranger's unreadable metadata must not end the listing
        return


__all__ = [
    "ARCHITECTURES",
    "CATALOGS",
    "COMMANDS",
    "DATASETS",
    "GROUPS",
    "HOOKS",
    "MOST_TEXT",
    "OWN",
    "Provider",
    "normalize",
    "oversized",
    "scan",
]
