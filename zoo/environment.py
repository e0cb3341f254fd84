"""Cache folder, and whether the network may be used."""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Iterator
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
    """Return whether ``ZOO_OFFLINE`` or :func:`without_network` forbids the network."""
    if _forbidden.get():
        return True
    return os.environ.get("ZOO_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")
