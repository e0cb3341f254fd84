"""Features on disk: computed once, found again by what they were computed from.

An entry is a folder ``features/<key>`` below the zoo's cache with the features, the classes, and
the SHA-256 of both. It appears whole or not at all. The entries together stay below a bound,
``ZOO_FEATURES_GB`` (8); what was not used for longest goes first.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo.environment import cache_dir
from zoo.errors import ConfigError, StorageError
from zoo.files import sha256_file, staged_folder, write_json

BOUND = "ZOO_FEATURES_GB"
"""The environment variable with the gigabytes that all entries may take."""

_DEFAULT = 8.0
_FEATURES = "features.npy"
_LABELS = "labels.npy"
_DIGESTS = "sha256.json"
_STALE = 24 * 3600.0

Fill = Callable[[NDArray[np.float32], NDArray[np.int64]], None]
"""Computes features and classes into the arrays that it is given."""


def folder() -> Path:
    """Return where the entries are."""
    return cache_dir() / "features"


def bound() -> int:
    """Return the bytes that all entries may take.

    Raises:
        ConfigError: If the variable holds no number.
    """
    text = os.environ.get(BOUND, "").strip() or str(_DEFAULT)
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = math.nan
    if not 0 < gigabytes < math.inf:
        raise ConfigError(
            f"{BOUND} is wrong",
            findings=[zoo.Finding(BOUND, text, "gigabytes, a number above 0")],
            fix=f"unset {BOUND}",
        )
    return int(gigabytes * 1e9)


def check_room(size: int) -> None:
    """Refuse features that the bound has no room for, before any is computed.

    Args:
        size: Bytes of all that one training needs.

    Raises:
        ConfigError: If they are too many.
    """
    if size > bound():
        raise ConfigError(
            f"the features of this training take {size / 1e9:.1f} GB",
            why=f"all kept features together may take {bound() / 1e9:g} GB",
            fix=f"--set views=1, --set head.pooling=average, or {BOUND}={math.ceil(size / 1e9)}",
        )


def find_or_make(
    key: str, shape: tuple[int, ...], fill: Fill, *, in_use: Collection[str] = ()
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the features of a key, computed if they are not there or not whole.

    Args:
        key: SHA-256 of everything that they depend on.
        shape: Of the features, the examples first.
        fill: Computes them.
        in_use: Keys that must stay, because the caller reads them.

    Returns:
        Features, read from the disk as they are used, and classes.

    Raises:
        StorageError: If they cannot be written.
    """
    path = folder() / key
    found = _opened(path, shape)
    if found is not None:
        return found
    _make_room(4 * math.prod(shape), keep={key, *in_use})
    # Another process may have made the same entry meanwhile: then its is as good.
    with contextlib.suppress(_Taken), _stage(path) as stage:
        features: Any = np.lib.format.open_memmap(
            stage / _FEATURES, mode="w+", dtype="float32", shape=shape
        )
        labels = np.zeros(shape[0], "int64")
        fill(features, labels)
        features.flush()
        del features
        np.save(stage / _LABELS, labels)
        names = (_FEATURES, _LABELS)
        write_json(stage / _DIGESTS, {name: sha256_file(stage / name) for name in names})
    found = _opened(path, shape)
    if found is None:
        raise StorageError(
            f"{path} is not what was written",
            why="its bytes are not those of its digest",
            fix=f"rm -r {path}",
        )
    return found


class _Taken(Exception):
    """Another process was faster."""


@contextlib.contextmanager
def _stage(path: Path) -> Any:
    if path.exists():
        shutil.rmtree(path)
    try:
        with staged_folder(path) as stage:
            yield stage
    except OSError as error:
        # The rename of a folder onto one that is there fails, whoever made that.
        if path.exists():
            raise _Taken from error
        raise


def _opened(
    path: Path, shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    """Return an entry that is whole, and note that it was used."""
    try:
        digests = json.loads((path / _DIGESTS).read_text("utf-8"))
        if any(sha256_file(path / name) != digests[name] for name in (_FEATURES, _LABELS)):
            return None
        features = np.load(path / _FEATURES, mmap_mode="r", allow_pickle=False)
        labels = np.load(path / _LABELS, allow_pickle=False)
        if features.shape != shape or len(labels) != shape[0]:
            return None
        os.utime(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return features, labels


def _make_room(size: int, *, keep: Collection[str]) -> None:
    """Drop what was not used for longest until so many bytes more are within the bound."""
    entries = []
    for path in folder().glob("*") if folder().is_dir() else ():
        with contextlib.suppress(OSError):
            if path.name.startswith("."):
                if time.time() - path.stat().st_mtime > _STALE:
                    shutil.rmtree(path, ignore_errors=True)
                continue
            taken = sum(file.stat().st_size for file in path.iterdir())
            entries.append((path.stat().st_mtime, taken, path))
    total = sum(taken for _, taken, _ in entries) + size
    for _, taken, path in sorted(entries):
        if total <= bound():
            break
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)
            total -= taken


__all__ = ["BOUND", "bound", "check_room", "find_or_make", "folder"]
