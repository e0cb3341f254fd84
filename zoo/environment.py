"""What the surroundings say: where things are kept, and whether the network may be used."""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Iterator
from pathlib import Path

_forbidden = contextvars.ContextVar("forbidden", default=False)


def cache_dir() -> Path:
    """Return the folder of what can be had again: ``ZOO_CACHE``, or ``~/.cache/zoo``."""
    chosen = os.environ.get("ZOO_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "zoo"


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


__all__ = ["cache_dir", "is_offline", "without_network"]
