"""The moments at which another package can look on: around a run, an export, a verification.

Announce a module or an object with functions of these names, marked ``@zoo.hookimpl``, by an entry
point in the group ``zoo.hooks``. All arguments are plain data and paths; take those you need.

A hook that raises (``sys.exit`` too) costs no other hook its turn. Then the user's policy decides:
``warn`` goes on, and says which package failed; ``fail`` raises :class:`zoo.errors.HookFailed`:

- before and during a training, the run is recorded as failed, and can be resumed;
- after a training, the run stays finished. If it did not finish, why not is still what is raised;
- before an export or a verification, nothing is exported or verified;
- after an export, the artifact stays published: it was proven, and somebody may have read it;
- after a verification, what called for it fails, though the files are what was published.

Wrappers are not called: a hook looks on, and cannot change what happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pluggy

PROJECT = "zoo"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def zoo_before_train(run_dir: Path, record: Mapping[str, Any]) -> None:
    """A run starts, or goes on; ``record`` is its ``run.json``."""


@hookspec
def zoo_before_epoch(run_dir: Path, epoch: int) -> None:
    """An epoch starts, counted from 1."""


@hookspec
def zoo_after_epoch(run_dir: Path, epoch: int, metrics: Mapping[str, float]) -> None:
    """An epoch ended; ``metrics`` is its line of ``history.csv``."""


@hookspec
def zoo_after_train(run_dir: Path, record: Mapping[str, Any]) -> None:
    """A run ended, however it ended: ``record["status"]`` says."""


@hookspec
def zoo_before_export(name: str, target: Path) -> None:
    """An export starts; nothing stands at ``target`` yet."""


@hookspec
def zoo_after_export(name: str, path: Path, manifest: Mapping[str, Any]) -> None:
    """An artifact was proven and published at ``path``."""


@hookspec
def zoo_before_verify(path: Path) -> None:
    """A verification starts."""


@hookspec
def zoo_after_verify(path: Path, report: Mapping[str, Any]) -> None:
    """A verification passed."""


__all__ = ["PROJECT", "hookimpl", "hookspec"]
