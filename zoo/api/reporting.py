"""The report of a run, with what its plugin says of its scores."""

from __future__ import annotations

import contextlib
from pathlib import Path

from zoo.api.catalog import registry
from zoo.errors import ZooError
from zoo.report import write_run_report
from zoo.training.run_folder import RunFolder


def write_report(run_dir: str | Path, out: str | Path | None = None) -> Path:
    """Write what happened in a run as one HTML file that needs nothing beside it.

    Args:
        run_dir: The run's folder.
        out: The file to write; ``report.html`` in the run's folder if left out.

    Returns:
        The file that was written.

    Raises:
        MissingExtra: If jinja2 or matplotlib is not installed.
        TrainError: If the folder holds no readable ``run.json``.
        StorageError: If the file cannot be written; an old one is untouched.
    """
    # A plugin says what its own scores mean when it is loaded. Without it, as of a run that came
    # from elsewhere, their names must do.
    with contextlib.suppress(ZooError, KeyError, TypeError):
        made_by = RunFolder(Path(run_dir)).read_record()["architecture"]
        registry().recall(made_by["name"], made_by["distribution"])
    return write_run_report(Path(run_dir), None if out is None else Path(out))


__all__ = ["write_report"]
