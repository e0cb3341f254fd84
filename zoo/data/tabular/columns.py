"""Check the columns of a table: their names, and their range in float32."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from zoo.errors import ConfigError, Finding
from zoo.runtime.csv import Table


def absent_columns(table: Table, asked: Mapping[str, Iterable[str]]) -> list[Finding]:
    """Return one finding for each column that was asked for and is not there.

    Args:
        table: The table.
        asked: The columns that each option names.
    """
    findings = []
    for key, wanted in asked.items():
        for name in wanted:
            if name not in table.header:
                near = difflib.get_close_matches(name, table.header, n=1)
                allowed = f"the columns are {', '.join(table.header)}"
                findings.append(Finding(key, name, allowed, near[0] if near else None))
    return findings


def refuse_choice(table: Table, findings: Sequence[Finding]) -> None:
    """Refuse what was asked of a table, if anything is wrong with it.

    Raises:
        ConfigError: With all findings.
    """
    if findings:
        raise ConfigError(
            f"the columns of {table.file} do not fit what was asked for",
            findings=findings,
            fix=f"head -1 {table.file} shows the columns",
        )


LARGEST = 1e18
"""Squares of larger numbers, and of deviations smaller than its inverse, leave float32."""

_COARSE = 0.1


def check_scale(
    table: Table, name: str, values: npt.NDArray[np.float64], *, predicted: bool = False
) -> None:
    """Refuse a column whose square, or whose differences, float32 cannot hold.

    Args:
        table: Where it stands, for the error.
        name: The column.
        values: Its values as they are written, NaN where one is missing.
        predicted: Whether it is to be predicted: its differences must then be told apart, for
            rounding would make a constant of it, and every error 0.

    Raises:
        BadRecord: As said.
    """
    known = values[~np.isnan(values)]
    if not len(known) or known.min() == known.max() == 0:
        return
    largest, deviation = float(np.abs(known).max()), float(known.std())
    if largest > LARGEST or 0 < deviation < 1 / LARGEST:
        size = f"up to {largest:.3g}" if largest > LARGEST else f"only {deviation:.3g} apart"
        raise table.bad(
            f"the numbers are {size}",
            column=name,
            why="their squares are out of the range of float32, in which networks reckon",
            fix="give them in another unit",
        )
    if (
        predicted
        and known.min() < known.max()
        and np.spacing(np.float32(largest)) > (_COARSE * deviation)
    ):
        raise table.bad(
            f"the numbers are up to {largest:.10g} and only {deviation:.3g} apart",
            column=name,
            why="float32, in which networks reckon, has 24 bits: it would round the differences "
            "away, and every model would look perfect",
            fix=f"subtract {known.min():.10g} from all of them",
        )
