"""Whether a plugin and this zoo speak the same version of the plugin interface.

What a plugin needs is read before it is imported: from ``api_version`` in its catalog, and from
the version of ``neural-zoo`` that its distribution requires. What it declares in ``info`` is
compared again once it is imported.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.architecture import API_VERSION, OLDEST_API_VERSION, Architecture
from zoo.errors import InterfaceDeprecated
from zoo.registry.catalog import ModelEntry
from zoo.registry.entrypoints import OWN, Provider, normalize
from zoo.version import __version__

_HEADERS = 2**18
"""How many bytes of a distribution's metadata are looked at."""


@dataclass(frozen=True)
class Mismatch:
    """Why a plugin and this zoo do not fit, and what to upgrade."""

    why: str
    fix: str


def version_mismatch(needed: int, distribution: str) -> Mismatch | None:
    """Say why a version of the plugin interface is not spoken here, or ``None`` if it is."""
    offered = (
        f"this zoo offers version {API_VERSION}"
        if OLDEST_API_VERSION == API_VERSION
        else f"this zoo offers versions {OLDEST_API_VERSION} to {API_VERSION}"
    )
    why = f"it is written for version {needed} of the plugin interface, and {offered}"
    if needed > API_VERSION:
        return Mismatch(f"{why}: upgrade {OWN}", f"pip install --upgrade {OWN}")
    if needed < OLDEST_API_VERSION:
        fix = f"pip install --upgrade {distribution}"
        return Mismatch(f"{why}: upgrade {distribution}", fix)
    return None


def mismatch(provider: Provider, entry: ModelEntry | None) -> Mismatch | None:
    """Say why a plugin does not fit this zoo, importing nothing; ``None`` if nothing speaks so."""
    if provider.distribution == OWN:
        return None
    if entry is not None and entry.api_version is not None:
        found = version_mismatch(entry.api_version, provider.distribution)
        if found is not None:
            return found
    for required in _required(provider):
        if not _holds(required):
            why = f"{provider.label} requires {required}, and this is {OWN} {__version__}"
            return Mismatch(why, f"pip install --upgrade {OWN} {provider.distribution}")
    return None


def _required(provider: Provider) -> list[str]:
    """Return what a distribution requires of the zoo, as PEP 508 writes it."""
    folder = getattr(provider.installed, "_path", None)
    if not isinstance(folder, Path):
        return []
    try:
        # Parsing all of it, as importlib.metadata does, would make a listing slow.
        with (folder / "METADATA").open("rb") as stream:
            headers = stream.read(_HEADERS).replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    except OSError:
        return []
    lines = headers.decode("utf-8", errors="replace").splitlines()
    needs = [line.partition(":")[2].strip() for line in lines if line.startswith("Requires-Dist:")]
    return [need for need in needs if normalize(need).startswith(OWN)]


def _holds(required: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        need = Requirement(required)
        if normalize(need.name) != OWN or (need.marker and not need.marker.evaluate({"extra": ""})):
            return True
        return need.specifier.contains(__version__, prereleases=True)
    except (InvalidRequirement, ValueError, KeyError):
        return True  # what nobody can read forbids nothing: an installer would have refused it


@dataclass(frozen=True)
class Deprecation:
    """A part of the plugin interface that will go, and how to do without it.

    Attributes:
        what: What a plugin does that it should not, as the end of "it …".
        instead: What to do.
        since: The version of the interface that first said so.
        until: The version that is without it.
        applies: Whether a class does it.
    """

    what: str
    instead: str
    since: int
    until: int
    applies: Callable[[type[Architecture[Any]]], bool]


DEPRECATIONS: tuple[Deprecation, ...] = ()
"""What is on its way out. A line stays for one version of the interface at least."""


def overrides(member: str) -> Callable[[type[Architecture[Any]]], bool]:
    """Return a test of whether a class has its own form of a member of the contract."""

    def applies(kind: type[Architecture[Any]]) -> bool:
        classes = kind.__mro__[: kind.__mro__.index(Architecture)]
        return any(member in vars(cls) for cls in classes)

    return applies


def warn_of_deprecations(provider: Provider, kind: type[Architecture[Any]]) -> None:
    """Warn of all that a plugin does which will go, with its distribution and what to change."""
    for one in DEPRECATIONS:
        if one.applies(kind):
            warnings.warn(
                f"{provider.name!r} from {provider.label}: it {one.what}, which is deprecated "
                f"since version {one.since} of the plugin interface and goes with version "
                f"{one.until}. Its authors should {one.instead}",
                InterfaceDeprecated,
                stacklevel=3,
            )


__all__ = [
    "DEPRECATIONS",
    "Deprecation",
    "Mismatch",
    "mismatch",
    "overrides",
    "version_mismatch",
    "warn_of_deprecations",
]
