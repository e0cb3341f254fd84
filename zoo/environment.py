"""What the surroundings say: where things are kept, and whether the network may be used."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Return the folder of what can be had again: ``ZOO_CACHE``, or ``~/.cache/zoo``."""
    chosen = os.environ.get("ZOO_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "zoo"


def is_offline() -> bool:
    """Return whether ``ZOO_OFFLINE`` forbids the network."""
    return os.environ.get("ZOO_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


__all__ = ["cache_dir", "is_offline"]
