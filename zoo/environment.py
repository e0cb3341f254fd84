"""Cache folder, permission to use the network, and installed requirements."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import importlib.metadata
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_forbidden = contextvars.ContextVar("forbidden", default=False)


def cache_dir() -> Path:
    r"""Return the folder for downloads and computed features.

    ``ZOO_CACHE``, or the system's: ``~/.cache/zoo``, ``~/Library/Caches/zoo``, or
    ``%LOCALAPPDATA%\zoo\Cache``.
    """
    chosen = os.environ.get("ZOO_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    folder: Path = platformdirs.user_cache_path("zoo", appauthor=False)
    return folder


@contextlib.contextmanager
def without_network() -> Iterator[None]:
    """Forbid the network inside, as ``ZOO_OFFLINE`` does."""
    token = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(token)


def is_offline() -> bool:
    """Return whether ``ZOO_OFFLINE`` or :func:`without_network` forbids the network.

    Example:
        >>> is_offline()
        False
    """
    if _forbidden.get():
        return True
    return os.environ.get("ZOO_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def missing_requirement(requirements: Iterable[str]) -> str | None:
    """Return the first requirement (PEP 508) that is not installed, without its marker.

    Requirements of extras, and those that cannot be read, count as installed.
    """
    missing = (one.partition(";")[0].strip() for one in requirements if not _is_installed(one))
    return next(missing, None)


@functools.cache
def _is_installed(requirement: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = Requirement(requirement)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            return True
        found = importlib.metadata.version(wanted.name)
        return wanted.specifier.contains(found, prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False
    except (InvalidRequirement, ValueError, TypeError):
        return True


__all__ = ["cache_dir", "is_offline"]
