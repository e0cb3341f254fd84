"""The file ``telemetry.csv`` of a run."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.files import atomic_write, read_regular

COLUMNS = ("epoch", "layer", "gradient", "update", "dead")
"""Columns of ``telemetry.csv``: a line per epoch and layer, empty where nothing is measured."""

_LIMIT = 2**28


def read_telemetry(path: Path) -> list[dict[str, Any]]:
    """Return the lines of ``telemetry.csv``; none if it is not there.

    Raises:
        ValueError: If it is another file.
    """
    if not path.is_file():
        return []
    text = read_regular(path, limit=_LIMIT).decode("utf-8")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise ValueError(f"expected the columns {', '.join(COLUMNS)}")
    return [
        {
            "epoch": int(row["epoch"]),
            "layer": row["layer"],
            **{name: float(row[name]) if row[name] else None for name in COLUMNS[2:]},
        }
        for row in rows
    ]


def write_telemetry(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Replace ``telemetry.csv``."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    atomic_write(path, text.getvalue().encode())
