"""Encode the columns of a table as the arrays that a graph takes.

A column counts by its name: the order does not matter, further columns (the target among them)
are ignored. A cell of a category that was not learned is encoded as 0, as a missing one is, and
reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import DataError
from zoo.runtime.table import Table
from zoo.runtime.values import Categories, is_missing
from zoo.spec import Column, TensorSpec


@dataclass(frozen=True)
class Inputs:
    """Input arrays, and what else is known of their examples.

    Attributes:
        arrays: One array per input, examples along the first axis.
        unknown: For each example the values by column that were not learned; empty if all were.
        index: Label of each row of a frame; empty for anything else.
        dates: For each example the dates of the steps of its forecast, if it has dates.
        series: For each example the values that name its series, by column; empty for one series.
    """

    arrays: dict[str, npt.NDArray[Any]]
    unknown: tuple[Mapping[str, str], ...] = ()
    index: tuple[Any, ...] = ()
    dates: tuple[tuple[str, ...], ...] = ()
    series: tuple[Mapping[str, str], ...] = ()


def encode_table(table: Table, specs: Sequence[TensorSpec]) -> Inputs:
    """Encode a table for inputs that are all columns.

    Raises:
        DataError: If a column is missing, or a cell is not a number where one is needed.
    """
    names = [column.name for spec in specs for column in spec.columns or ()]
    if not names or any(spec.columns is None for spec in specs):
        inputs = ", ".join(spec.name for spec in specs)
        raise DataError(
            "the model takes no records",
            why=f"its inputs are arrays: {inputs}",
            fix="card.md in the artifact's folder shows what the model takes",
        )
    for name in names:
        if name not in table.columns:
            raise table.without(name, names)
    arrays: dict[str, npt.NDArray[Any]] = {}
    unknown: list[tuple[str, npt.NDArray[np.int64]]] = []
    for spec in specs:
        values = np.empty((len(table), len(spec.columns or ())), np.dtype(spec.dtype))
        for place, column in enumerate(spec.columns or ()):
            values[:, place] = found = _read(table, column)
            if column.categories is not None:
                unknown.append((column.name, _unknown_rows(table, column, found)))
        check_values(values, spec, table)
        arrays[spec.name] = values
    return Inputs(arrays, _unknown(table, unknown))


def check_values(values: npt.NDArray[Any], spec: TensorSpec, table: Table | None = None) -> None:
    """Refuse infinite values, and missing ones where the model has seen none.

    Raises:
        DataError: It names the first.
    """
    if values.dtype.kind != "f":
        return
    bad = np.isinf(values) if spec.missing else ~np.isfinite(values)
    if not bad.any():
        return
    place = tuple(int(at) for at in np.unravel_index(int(bad.argmax()), bad.shape))
    column = spec.columns[place[-1]].name if spec.columns else None
    what = f"the value {values[place]} of {column or spec.name!r} cannot be used"
    why = "the model was made for data without missing values"
    if table is not None:
        raise table.bad(what, place[0], column, why=why)
    raise DataError(
        f"example {place[0]}: {what}",
        why=why,
        fix="card.md in the artifact's folder shows what the model takes",
    )


def _read(table: Table, column: Column) -> npt.NDArray[Any]:
    cells = table.columns[column.name]
    if column.categories is not None:
        categories = Categories(column.categories)
        return np.array([categories.code(text) for text in cells.texts], np.int64)[cells.codes]
    values, odd = cells.numbers(column.reading)
    if odd is not None:
        raise table.bad(
            f"{cells.text(odd)!r} is not a number",
            odd,
            column.name,
            why="the column is numeric",
            fix="give a number, or leave it empty if it is missing",
        )
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _unknown_rows(
    table: Table, column: Column, codes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    cells = table.columns[column.name]
    if not (codes == 0).any():
        return np.empty(0, np.int64)
    present = ~cells.where(lambda text: is_missing(text, column.reading))
    return np.flatnonzero((codes == 0) & present)


def _unknown(
    table: Table, found: Sequence[tuple[str, npt.NDArray[np.int64]]]
) -> tuple[Mapping[str, str], ...]:
    if not any(len(rows) for _, rows in found):
        return ()
    unknown: list[dict[str, str]] = [{} for _ in range(len(table))]
    for name, rows in found:
        for row in rows.tolist():
            unknown[row][name] = table.columns[name].text(row)
    return tuple(unknown)
