"""Lifecycle hooks: callbacks around a run, an export and a verification.

Announce a module or an object with functions of these names, marked ``@zoo.hookimpl``, by an entry
point in the group ``zoo.hooks``. All arguments are plain data and paths; take those you need.

If a hook raises (``sys.exit`` too), the other hooks are called all the same. Then the user's policy
decides: ``warn`` goes on and names the package that failed; ``fail`` raises
:class:`zoo.errors.HookFailed`:

- before and during a training, the run is recorded as failed and can be resumed;
- after a training, the run stays finished. If it did not finish, its own error is raised;
- before an export or a verification, nothing is exported or verified;
- after an export, the artifact stays published: it was proven, and may have been read;
- after a verification, the caller fails, though the files are those that were published.

Wrappers are not called: a hook observes and cannot change what happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pluggy

PROJECT = "zoo"
"""Name of the project that hooks belong to, for pluggy."""

hookspec = pluggy.HookspecMarker(PROJECT)
"""Mark the specification of a hook."""

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Mark a function as a hook."""


@hookspec
def zoo_before_train(run_dir: Path, record: Mapping[str, Any]) -> None:
    """A run starts or is resumed; ``record`` is its ``run.json``."""


@hookspec
def zoo_before_epoch(run_dir: Path, epoch: int) -> None:
    """An epoch starts, counted from 1."""


@hookspec
def zoo_after_epoch(run_dir: Path, epoch: int, metrics: Mapping[str, float]) -> None:
    """An epoch ended; ``metrics`` is its line of ``history.csv``."""


@hookspec
def zoo_after_train(run_dir: Path, record: Mapping[str, Any]) -> None:
    """A run ended; ``record["status"]`` says how."""


@hookspec
def zoo_before_export(name: str, target: Path) -> None:
    """An export starts; ``target`` does not exist yet."""


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
