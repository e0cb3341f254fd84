"""Read a CSV file as numeric and categorical columns with a target, by fixed rules.

Blanks around a cell are ignored. A cell is *missing* if it is empty or ``NA``, ``N/A``, ``NaN``,
``null`` or ``?``, in any case. A cell is *a number* if it is a decimal number (``-1.5``, ``.5``,
``3e8``) that is finite in float32. A column is

- numeric, if every cell is a number or missing;
- an error that names the first odd cell, if at least nine tenths of the present cells, but not
  all, are numbers: a stray word among numbers is a mistake more often than not;
- categorical, otherwise.

``numeric=[...]`` and ``categorical=[...]`` override this, column by column.

A target is a class if any cell is text. If all are numbers it is

- a measurement, if one of them is not whole (``0.5``);
- a measurement, if there are more than 20 different ones, or a different one for more than half
  of the rows (of two or more);
- a class, otherwise.

Text in fewer than a tenth of the cells of a measurement is an error that names the first.
``task=regression`` and ``task=classification`` override this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.columns import (
    MAX_CLASSES,
    TYPED_SHARE,
    absent_columns,
    check_float32,
    check_present,
    encode_classes,
    refuse_options,
)
from zoo.data.dataset import ArraySplit, Dataset
from zoo.data.options import TableOptions
from zoo.data.splits import Indices, check_classes, group_codes, split_rows
from zoo.errors import BadRecord, Finding
from zoo.runtime.csv import Table, has_decimal_comma, is_missing, is_number, read_table
from zoo.spec import Column, DataSpec, Split, Task, TensorSpec

MAX_WHOLE_CLASSES = 20
"""Whole numbers with more different values are a measurement."""

_DAY = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}( .*)?", re.ASCII)


def open_csv(path: Path, options: TableOptions) -> Dataset:
    """Read a CSV file into the inputs ``numeric`` and ``categorical``, and a target.

    ``numeric`` is float32 with NaN for a missing value; ``categorical`` is int32, code i + 1 for
    the i-th category and 0 for a missing or unknown one. Categories are those of the training
    split, sorted. An input without columns is left out. The target is ``label``, a class index,
    or ``target``, a measurement in float32.

    Raises:
        BadRecord: If a cell, a row or a column is wrong.
        ConfigError: If an option names a column that is not there.
        DataError: If a class has too few examples, or there is only one.
    """
    table = read_table(path)
    name, names = _columns(table, options)
    task = _target_task(table, name, options.task)
    groups = group_codes([table.column(c) for c in options.group_by]) if options.group_by else None
    if task == Task.CLASSIFICATION:
        labels, codes = _read_classes(table, name)
        check_classes(codes, labels, "whole", str(path))
        target = TensorSpec(name="label", dtype="int64", labels=labels)
        values: npt.NDArray[Any] = codes
        parts = split_rows(codes, options, groups=groups, names=labels)
        for split, part in parts.items():
            check_classes(codes[part], labels, split, str(path))
    else:
        values = _read_measurements(table, name)
        target = TensorSpec(name="target", columns=(Column(name=name, categories=None),))
        parts = split_rows(np.zeros(len(values), np.int64), options, groups=groups)
    inputs, arrays = _inputs(table, names, parts["train"], options)
    spec = DataSpec(id=path.name, task=task, inputs=inputs, targets=(target,))
    splits: Mapping[str, Split] = {
        split: ArraySplit({n: a[part] for n, a in arrays.items()}, {target.name: values[part]})
        for split, part in parts.items()
    }
    return Dataset(spec, lambda: splits)


def _columns(table: Table, options: TableOptions) -> tuple[str, list[str]]:
    """Return the target and the names of the input columns."""
    target = options.target if options.target is not None else table.header[-1]
    asked = {"target": (target,)} | {
        key: getattr(options, key) for key in ("numeric", "categorical", "drop", "group_by")
    }
    findings = absent_columns(table, asked)
    for key, wanted in asked.items():
        for name in wanted:
            if key != "target" and name == target:
                findings.append(Finding(key, name, "this is the target"))
            elif key == "categorical" and name in options.numeric:
                findings.append(Finding(key, name, "a column is numeric or categorical, not both"))
    names = [name for name in table.header if name != target and name not in options.drop]
    if not findings and not names:
        findings.append(Finding("columns", table.header, "a column beside the target is needed"))
    refuse_options(table, findings)
    return target, names


def _inputs(
    table: Table, names: list[str], train: Indices, options: TableOptions
) -> tuple[tuple[TensorSpec, ...], dict[str, npt.NDArray[Any]]]:
    """Return the specs and the arrays of the inputs."""
    numeric = {name: _numbers(table, name) for name in names if _is_numeric(table, name, options)}
    text = {name: _categories(table, name, train, options) for name in names if name not in numeric}
    for name, values in numeric.items():
        if np.isnan(values[train]).all():
            raise _without_values(table, name)
    inputs: list[TensorSpec] = []
    arrays: dict[str, npt.NDArray[Any]] = {}
    if numeric:
        arrays["numeric"] = np.stack(list(numeric.values()), axis=1)
        inputs.append(
            TensorSpec(
                name="numeric",
                shape=(len(numeric),),
                columns=tuple(Column(name=name, categories=None) for name in numeric),
                missing=bool(np.isnan(arrays["numeric"]).any()),
            )
        )
    if text:
        arrays["categorical"] = np.stack([values for _, values in text.values()], axis=1)
        columns = tuple(Column(name=name, categories=known) for name, (known, _) in text.items())
        inputs.append(
            TensorSpec(name="categorical", shape=(len(text),), dtype="int32", columns=columns)
        )
    return tuple(inputs), arrays


def _is_numeric(table: Table, name: str, options: TableOptions) -> bool:
    if name in options.numeric:
        return True
    if name in options.categorical:
        return False
    present = [cell for cell in table.column(name) if not is_missing(cell)]
    if not present:
        raise _without_values(table, name)
    return sum(map(is_number, present)) >= TYPED_SHARE * len(present)


def _numbers(table: Table, name: str) -> npt.NDArray[np.float32]:
    values = np.empty(len(table.rows))
    for row, cell in enumerate(table.column(name)):
        if is_missing(cell):
            values[row] = np.nan
            continue
        number = float(cell) if is_number(cell) else float("nan")
        if not abs(number) <= float(np.finfo(np.float32).max):
            raise table.bad(
                f"{cell!r} is not a finite number",
                row,
                name,
                why="it is out of the range of float32"
                if is_number(cell)
                else "the column is numeric: nearly all of its other cells are numbers",
                fix=f"correct the cell, leave it empty if the value is missing, or ask for "
                f"categorical=[{name!r}]",
            )
        values[row] = number
    check_float32(table, name, values)
    return values.astype(np.float32)


def _categories(
    table: Table, name: str, train: Indices, options: TableOptions
) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    cells = table.column(name)
    present = {cell for cell in cells if not is_missing(cell)}
    crowded = len(present) > len(cells) / 2 and name not in options.categorical
    if len(present) > MAX_CLASSES or crowded:
        fixes = [f"leave it out: drop=[{name!r}]"]
        if any(" " in cell for cell in present):
            fixes.append(f"or learn classes from it as text, with transformer or lstm: text={name}")
        if len(present) <= MAX_CLASSES:
            fixes.append(f"or keep it: categorical=[{name!r}]")
        raise table.bad(
            f"the column has {len(present):,} different texts in {len(cells):,} rows",
            column=name,
            why=_why_crowded(table, cells),
            fix="; ".join(fixes),
        )
    known = tuple(sorted(present & {cells[int(row)] for row in train}))
    if not known:
        raise _without_values(table, name)
    code = {cell: index + 1 for index, cell in enumerate(known)}
    return known, np.array([code.get(cell, 0) for cell in cells], np.int32)


def _why_crowded(table: Table, cells: list[str]) -> str:
    """Return why a column has so many categories, as far as its cells tell."""
    odd = [row for row, cell in enumerate(cells) if not is_missing(cell) and not is_number(cell)]
    if len(odd) < len(cells) / 2:
        return (
            f"most of its cells are numbers, but {len(odd):,} are not, the first on line "
            f"{table.lines[odd[0]]}: {cells[odd[0]]!r}; a missing value is an empty cell"
        )
    if sum(_DAY.fullmatch(cell) is not None for cell in cells) >= TYPED_SHARE * len(cells):
        return (
            "it looks like dates, of which only those like 1981-01-31 are read: "
            f"{cells[0]!r} does not tell which part is the month"
        )
    if all(has_decimal_comma(cell) or is_missing(cell) or is_number(cell) for cell in cells):
        return f"it looks like numbers with a decimal comma: write {cells[0].replace(',', '.')!r}"
    return "it looks like an identifier or prose: a model would memorize rows"


def _without_values(table: Table, name: str) -> BadRecord:
    return table.bad(
        "the column has no values to learn from",
        column=name,
        why="every cell of the training split is empty or a missing value",
        fix=f"leave it out: drop=[{name!r}]",
    )


def _target_task(table: Table, name: str, asked: str | None) -> str:
    """Return whether the target is a class or a measurement.

    Raises:
        BadRecord: If a cell of the target is missing, or a stray word among measurements.
    """
    check_present(table, name, "target")
    if asked is not None:
        return asked
    cells = table.column(name)
    if all(has_decimal_comma(cell) or is_number(cell) for cell in cells) and not all(
        map(is_number, cells)
    ):
        raise _not_a_number(table, name)
    numbers = [float(cell) for cell in cells if is_number(cell)]
    if len(numbers) < TYPED_SHARE * len(cells) or not _are_measurements(numbers):
        return Task.CLASSIFICATION
    if len(numbers) < len(cells):
        raise _not_a_number(table, name)
    return Task.REGRESSION


def _are_measurements(numbers: list[float]) -> bool:
    if not numbers:
        return False
    different = len(set(numbers))
    many = different > MAX_WHOLE_CLASSES or (different > 2 and different > len(numbers) / 2)
    return many or not all(number.is_integer() for number in numbers)


def _read_measurements(table: Table, name: str) -> npt.NDArray[np.float32]:
    """Return the target of a regression, float32.

    Raises:
        BadRecord: If a cell is not a number that is finite in float32, or all are the same.
    """
    cells = table.column(name)
    if not all(is_number(cell) for cell in cells):
        raise _not_a_number(table, name)
    values = np.array([float(cell) for cell in cells])
    wrong = np.flatnonzero(~(np.abs(values) <= float(np.finfo(np.float32).max)))
    if len(wrong):
        row = int(wrong[0])
        raise table.bad(
            f"{cells[row]!r} is not a finite number",
            row,
            name,
            why="it is out of the range of float32",
            fix="give the target in a larger unit",
        )
    if values.min() == values.max():
        raise table.bad(
            f"the target is {cells[0]} in every row",
            column=name,
            why="there is nothing to learn",
            fix="name the column to predict: target=COLUMN",
        )
    check_float32(table, name, values, predicted=True)
    return values.astype(np.float32)


def _read_classes(table: Table, name: str) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return the class names, numbers sorted as numbers, and one class index per row.

    Raises:
        BadRecord: If the target holds measurements, or too many different values.
    """
    cells = table.column(name)
    if not all(is_number(cell) for cell in cells):
        return encode_classes(table, name, cells, sorted(set(cells)), "target")
    values = [float(cell) for cell in cells]
    if not all(value.is_integer() for value in values):
        raise table.bad(
            "the target holds measurements, not classes",
            column=name,
            why="a classifier's target is one of a few classes: text or integers",
            fix="name the column of the classes: target=COLUMN; or ask for task=regression",
        )
    # A float would make long numbers equal.
    whole = re.compile(r"[+-]?\d+", re.ASCII).fullmatch
    cells = [str(int(c) if whole(c) else int(v)) for c, v in zip(cells, values, strict=True)]
    return encode_classes(table, name, cells, sorted(set(cells), key=int), "target")


def _not_a_number(table: Table, name: str) -> BadRecord:
    cells = table.column(name)
    row = next(row for row, cell in enumerate(cells) if not is_number(cell))
    point = f"write {cells[row].replace(',', '.')}, with a decimal point, and so everywhere"
    return table.bad(
        f"{cells[row]!r} is not a number",
        row,
        name,
        why="the target is a measurement: its other cells are numbers"
        if sum(map(is_number, cells)) >= TYPED_SHARE * len(cells)
        else "the target of a regression is a number in every row",
        fix=point
        if has_decimal_comma(cells[row])
        else "correct the cell, or ask for task=classification",
    )
