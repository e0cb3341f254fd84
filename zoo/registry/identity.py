"""Tell whether a plugin is still the one that was looked at, without importing or hashing it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.architecture import API_VERSION
from zoo.files import sha256_json
from zoo.registry.entrypoints import Provider
from zoo.version import __version__

_MOST_FILES = 2000
_MOST_BYTES = 4 * 2**20
_CODE = (".py", ".so", ".pyd", ".dylib", ".dll")


@dataclass(frozen=True)
class Identity:
    """One announcement of one state of an installed distribution.

    Attributes:
        group: The group of its entry point.
        key: Names the announcement, whatever its version: 32 hexadecimal digits.
        digest: Names this state of its files, under this zoo and this Python.
    """

    provider: Provider
    group: str
    key: str
    digest: str


def key_of(provider: Provider, group: str) -> str:
    """Return the name under which an announcement is remembered."""
    place = [provider.distribution, provider.location, group, provider.name]
    return sha256_json([ascii(part) for part in place])[:32]


def identify(provider: Provider, group: str) -> Identity:
    """Return who an announcement is now.

    The state of the files is what the installer declared (``RECORD``, with the hash of each) and,
    for wheels and for editable installs alike, the path, the size and the time of change of every
    file of code in the top-level package. Nothing is read but ``RECORD``: this takes milliseconds.
    """
    digest = hashlib.sha256()
    for part in (
        *(__version__, API_VERSION, sys.version, provider.version, provider.value),
        *(_record(provider), *_sources(provider)),
    ):
        digest.update(ascii(part).encode() + b"\n")
    return Identity(provider, group, key_of(provider, group), digest.hexdigest())


def surroundings() -> str:
    """Return a digest of what is installed beside the plugins, by name and version.

    A plugin that only failed is looked at again when this changes: what it missed may be there.
    """
    found = []
    for folder in sys.path:
        try:
            names = sorted(
                entry.name
                for entry in os.scandir(folder or ".")
                if entry.name.endswith((".dist-info", ".egg-info", ".pth"))
            )
        except OSError:
            continue
        found.append([folder, *names])
    return sha256_json([[ascii(name) for name in names] for names in found])


def _record(provider: Provider) -> str:
    try:
        text = provider.installed.read_text("RECORD") if provider.installed is not None else None
    except (OSError, ValueError):
        text = None
    return hashlib.sha256((text or "")[:_MOST_BYTES].encode(errors="replace")).hexdigest()


def _sources(provider: Provider) -> Iterator[tuple[str, int, int]]:
    """Yield path, size and time of change of the code that an entry point leads to."""
    for place in _places(provider.module.partition(".")[0]):
        files = [place] if place.is_file() else _code_below(place)
        for count, file in enumerate(files):
            if count == _MOST_FILES:
                break
            try:
                about = file.stat()
            except OSError:
                continue
            yield str(file), about.st_size, about.st_mtime_ns


def _places(package: str) -> list[Path]:
    """Return where a top-level package or module lies, without importing it."""
    try:
        spec = importlib.util.find_spec(package)
    except Exception:  # noqa: BLE001 - finders of editable installs are strangers' code, too
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(folder) for folder in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.origin else []


def _code_below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            if name.endswith(_CODE):
                yield Path(root, name)


__all__ = ["Identity", "identify", "key_of", "surroundings"]
