"""Run report: one HTML file with the scores, learning curves and figures of a run.

The file asks the network for nothing and runs no script: charts are inline SVG, images are data
URIs. Its two packages come with the ``report`` extra and are imported when a report is written.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from zoo.errors import MissingExtra
from zoo.files import atomic_write
from zoo.report.records import read_run


def write_run_report(run_dir: Path, out: Path | None = None) -> Path:
    """Write the report of a run as one self-contained HTML file.

    A run that is still going, that failed or that was never evaluated has a report too: it states
    what is missing. The same run gives the same bytes.

    Args:
        run_dir: The run's folder, with ``run.json`` and any of ``history.csv``, ``metrics.json``,
            ``figures.json`` and ``mistakes.npz``.
        out: The file to write; ``report.html`` in the run's folder if ``None``.

    Returns:
        The file that was written.

    Raises:
        MissingExtra: If jinja2 or matplotlib is not installed.
        TrainError: If the folder holds no readable ``run.json``.
        StorageError: If the file cannot be written; an old one is untouched.

    Example:
        >>> write_run_report(Path("runs/cnn-digits-1"))
        PosixPath('runs/cnn-digits-1/report.html')
    """
    for package in ("jinja2", "matplotlib"):
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingExtra("the report", "report", package) from error
    from zoo.report.page import render

    records = read_run(Path(run_dir))
    target = Path(out) if out is not None else records.path / "report.html"
    # A label may hold half a surrogate pair, which no file can.
    atomic_write(target, render(records).encode("utf-8", "replace"))
    return target


__all__ = ["write_run_report"]
