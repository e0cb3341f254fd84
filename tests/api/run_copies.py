"""Copies of a run, for tests of lists of runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import zoo


def copy(run: zoo.Run, to: Path, **changes: object) -> Path:
    """Copy a run and change fields of its record."""
    shutil.copytree(run.path, to, symlinks=True)
    (to / "run.json").write_text(json.dumps(run.record | changes))
    return to
