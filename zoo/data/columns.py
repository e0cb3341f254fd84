"""Check the columns of a table: names, missing cells, classes, and range in float32."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from zoo.errors import ConfigError, Finding
from zoo.names import nearest
from zoo.runtime.csv import Table, is_missing

MAX_CLASSES = 1_000
"""A column with more different texts is an identifier or prose, not a category."""

TYPED_SHARE = 0.9
"""The least share of numbers (or dates) in a column that is meant to hold them."""

MAX_MAGNITUDE = 1e18
"""The squares of larger numbers, and of deviations below its inverse, overflow float32."""


def absent_columns(table: Table, asked: Mapping[str, Iterable[str]]) -> list[Finding]:
    """Return one finding for every column that an option names and the table lacks.

    Args:
        table: The table.
        asked: The columns that each option names.
    """
    findings = []
    for key, wanted in asked.items():
        for name in wanted:
            if name not in table.header:
                near = nearest(name, table.header, count=1)
                allowed = f"the columns are {', '.join(table.header)}"
                findings.append(Finding(key, name, allowed, near[0] if near else None))
    return findings


def refuse_options(table: Table, findings: Sequence[Finding]) -> None:
    """Refuse the options of a table if there are findings.

    Raises:
        ConfigError: With all findings.
    """
    if findings:
        raise ConfigError(
            f"the columns of {table.file} do not fit the options",
            findings=findings,
            fix=f"head -1 {table.file} shows the columns",
        )


def check_present(table: Table, name: str, noun: str) -> None:
    """Refuse a column to predict with missing cells.

    Args:
        table: The table.
        name: The column.
        noun: What it is called in the error.

    Raises:
        BadRecord: It names the first missing cell.
    """
    for row, cell in enumerate(table.column(name)):
        if is_missing(cell):
            raise table.bad(
                f"the {noun} is {cell!r}, a missing value" if cell else f"the {noun} is empty",
                row,
                name,
                why=f"an example without its {noun} can neither be learned from nor measured",
                fix="fill it in, or take the row out",
            )


def encode_classes(
    table: Table, name: str, cells: Sequence[str], known: Sequence[str], noun: str
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return the names of the classes, and one class index per row.

    Args:
        table: The table, for the error.
        name: The column.
        cells: The class of each row.
        known: The different classes in their order.
        noun: What the column is called in the error.

    Raises:
        BadRecord: If there are too many classes to be classes.
    """
    if len(known) > MAX_CLASSES or (len(known) > 2 and len(known) > len(cells) / 2):
        raise table.bad(
            f"the {noun} has {len(known):,} different values in {len(cells):,} rows",
            column=name,
            why="a classifier's target is one of a few classes: text or integers",
            fix="name the column of the classes: target=COLUMN",
        )
    code = {cell: index for index, cell in enumerate(known)}
    return tuple(known), np.array([code[cell] for cell in cells], np.int64)


def check_float32(
    table: Table, name: str, values: npt.NDArray[np.float64], *, predicted: bool = False
) -> None:
    """Refuse a column whose squares or differences do not fit in float32.

    Args:
        table: The table, for the error.
        name: The column.
        values: Its values, NaN for a missing one.
        predicted: Whether it is predicted, so that its differences matter: rounding could make it
            constant, and every error 0.

    Raises:
        BadRecord: If they do not fit.
    """
    known = values[~np.isnan(values)]
    if not len(known) or known.min() == known.max() == 0:
        return
    largest, deviation = float(np.abs(known).max()), float(known.std())
    if largest > MAX_MAGNITUDE or 0 < deviation < 1 / MAX_MAGNITUDE:
        size = f"up to {largest:.3g}" if largest > MAX_MAGNITUDE else f"only {deviation:.3g} apart"
        raise table.bad(
            f"the numbers are {size}",
            column=name,
            why="their squares are out of the range of float32, in which networks compute",
            fix="give them in another unit",
        )
    rounding = np.spacing(np.float32(largest))
    if predicted and known.min() < known.max() and rounding > 0.1 * deviation:
        raise table.bad(
            f"the numbers are up to {largest:.10g} and only {deviation:.3g} apart",
            column=name,
            why="float32, in which networks compute, has 24 bits: it would round the differences "
            "away, and every model would look perfect",
            fix=f"subtract {known.min():.10g} from all of them",
        )
