"""Read a CSV file: numeric and categorical columns, and a target, by fixed rules.

Blanks around a cell do not count. A cell is *missing* if it is empty or ``NA``, ``N/A``, ``NaN``,
``null`` or ``?``, in any case. A cell is *a number* if it is a decimal number (``-1.5``, ``.5``,
``3e8``) that is finite in float32. A column is

- numeric, if each of its cells is a number or missing;
- an error that names the first odd cell, if at least nine tenths of the cells that are not
  missing are numbers, but not all: a stray word among numbers is a mistake more often than not;
- categorical, otherwise.

``numeric=[...]`` and ``categorical=[...]`` overrule it, column by column.

A target is a class if any of its cells is text. If all are numbers it is

- a measurement, if one of them is not whole (``0.5``);
- a measurement, if there are more than 20 different ones, or a different one for more than half
  of the rows (of two or more);
- a class, otherwise.

Text in fewer than a tenth of cells that are measurements by the same rule is an error that names
the first. ``task=regression`` and ``task=classification`` overrule it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.dataset import ArraySplit, Dataset
from zoo.data.options import TableOptions
from zoo.data.splits import Indices, check_classes, group_codes, split_rows
from zoo.data.tabular.columns import absent_columns, check_scale, refuse_choice
from zoo.errors import BadRecord, Finding
from zoo.runtime.csv import Table, has_decimal_comma, is_missing, is_number, read_table
from zoo.spec import Column, DataSpec, Split, Task, TensorSpec

_DAY = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}( .*)?", re.ASCII)


def open_csv(path: Path, options: TableOptions) -> Dataset:
    """Read a CSV file into the inputs ``numeric`` and ``categorical`` and a target.

    ``numeric`` is float32 with NaN for a missing value; ``categorical`` is int32, code i + 1 for
    the i-th category and 0 for a missing or unknown one. Categories are those of the training
    split, sorted. An input without columns is left out. The target is ``label``, a class index,
    or ``target``, a measurement in float32: see :mod:`zoo.data.tabular.csv`.

    Raises:
        BadRecord: If a cell, a row or a column is wrong.
        ConfigError: If an option names a column that is not there.
        DataError: If a class has too few examples, or there is only one.
    """
    table = read_table(path)
    name, names = _choose(table, options)
    task = target_task(table, name, options.task)
    groups = group_codes([table.column(c) for c in options.group_by]) if options.group_by else None
    if task is Task.CLASSIFICATION:
        labels, codes = read_classes(table, name)
        check_classes(codes, labels, "whole", str(path))
        target = TensorSpec(name="label", dtype="int64", labels=labels)
        values: npt.NDArray[Any] = codes
        parts = split_rows(codes, options, groups=groups, names=labels)
        for split, part in parts.items():
            check_classes(codes[part], labels, split, str(path))
    else:
        values = read_measurements(table, name)
        target = TensorSpec(name="target", columns=(Column(name=name, categories=None),))
        parts = split_rows(np.zeros(len(values), np.int64), options, groups=groups)
    inputs, arrays = _inputs(table, names, parts["train"], options)
    spec = DataSpec(id=path.name, task=task, inputs=inputs, targets=(target,))
    splits: Mapping[str, Split] = {
        split: ArraySplit({n: a[part] for n, a in arrays.items()}, {target.name: values[part]})
        for split, part in parts.items()
    }
    return Dataset(spec, lambda: splits)


def _inputs(
    table: Table, names: list[str], train: Indices, options: TableOptions
) -> tuple[tuple[TensorSpec, ...], dict[str, npt.NDArray[Any]]]:
    """Return what the input columns become, and their values."""
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


def _choose(table: Table, options: TableOptions) -> tuple[str, list[str]]:
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
    refuse_choice(table, findings)
    return target, names


def _is_numeric(table: Table, name: str, options: TableOptions) -> bool:
    if name in options.numeric:
        return True
    if name in options.categorical:
        return False
    present = [cell for cell in table.column(name) if not is_missing(cell)]
    if not present:
        raise _without_values(table, name)
    count = sum(is_number(cell) for cell in present)
    return count >= NEARLY * len(present)


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
                why="the column is numeric: nearly all of its other cells are numbers"
                if not is_number(cell)
                else "it is out of the range of float32",
                fix=f"correct the cell, leave it empty if the value is missing, or ask for "
                f"categorical=[{name!r}]",
            )
        values[row] = number
    check_scale(table, name, values)
    return values.astype(np.float32)


def _categories(
    table: Table, name: str, train: Indices, options: TableOptions
) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    cells = table.column(name)
    present = {cell for cell in cells if not is_missing(cell)}
    crowded = len(present) > len(cells) / 2 and name not in options.categorical
    if len(present) > MAX_CATEGORIES or crowded:
        ways = [f"leave it out: drop=[{name!r}]"]
        if any(" " in cell for cell in present):
            ways.append(f"or learn classes from it as text, with transformer or lstm: text={name}")
        if len(present) <= MAX_CATEGORIES:
            ways.append(f"or keep it: categorical=[{name!r}]")
        raise table.bad(
            f"the column has {len(present):,} different texts in {len(cells):,} rows",
            column=name,
            why=_crowd(table, cells),
            fix="; ".join(ways),
        )
    known = tuple(sorted(present & {cells[int(row)] for row in train}))
    if not known:
        raise _without_values(table, name)
    code = {cell: index + 1 for index, cell in enumerate(known)}
    return known, np.array([code.get(cell, 0) for cell in cells], np.int32)


def _crowd(table: Table, cells: list[str]) -> str:
    """Say why a column has so many categories: words among numbers, or words alone."""
    odd = [row for row, cell in enumerate(cells) if not is_missing(cell) and not is_number(cell)]
    if len(odd) < len(cells) / 2:
        return (
            f"most of its cells are numbers, but {len(odd):,} are not, the first on line "
            f"{table.lines[odd[0]]}: {cells[odd[0]]!r}; a missing value is an empty cell"
        )
    if sum(_DAY.fullmatch(cell) is not None for cell in cells) >= NEARLY * len(cells):
        return (
            f"it looks like dates, of which only those like 1981-01-31 are read: of {cells[0]!r} "
            "nobody knows which part is the month"
        )
    if all(has_decimal_comma(cell) or is_missing(cell) or is_number(cell) for cell in cells):
        return f"it looks like numbers with a decimal comma: write {cells[0].replace(',', '.')!r}"
    return "it looks like an identifier or prose: a model would learn rows by heart"


def _without_values(table: Table, name: str) -> Exception:
    return table.bad(
        "the column has no values to learn from",
        column=name,
        why="every cell of the training split is empty or a missing value",
        fix=f"leave it out: drop=[{name!r}]",
    )


MAX_WHOLE_CLASSES = 20
"""Whole numbers with more different values than this count something."""

MAX_CATEGORIES = 1_000
"""A column with more different texts is an identifier or prose, not a category."""

NEARLY = 0.9
"""A column with at least this share of numbers is meant to be one of numbers."""


def target_task(table: Table, name: str, asked: str | None) -> Task:
    """Return whether the target is a class or a measurement.

    Raises:
        BadRecord: If a cell of the target is missing, or a stray word among measurements.
    """
    cells = table.column(name)
    for row, cell in enumerate(cells):
        if is_missing(cell):
            raise table.bad(
                f"the target is {cell!r}, a missing value" if cell else "the target is empty",
                row,
                name,
                why="an example without its target can neither be learned from nor measured",
                fix="fill it in, or take the row out",
            )
    if asked is not None:
        return Task(asked)
    if all(has_decimal_comma(cell) or is_number(cell) for cell in cells) and not all(
        map(is_number, cells)
    ):
        raise _stray(table, name)
    numbers = [float(cell) for cell in cells if is_number(cell)]
    if len(numbers) < NEARLY * len(cells) or not _measured(numbers):
        return Task.CLASSIFICATION
    if len(numbers) < len(cells):
        raise _stray(table, name)
    return Task.REGRESSION


def read_measurements(table: Table, name: str) -> npt.NDArray[np.float32]:
    """Return the target of a regression, float32.

    Raises:
        BadRecord: If a cell is not a number that is finite in float32, or all are the same.
    """
    cells = table.column(name)
    if not all(is_number(cell) for cell in cells):
        raise _stray(table, name)
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
    check_scale(table, name, values, predicted=True)
    return values.astype(np.float32)


def read_classes(table: Table, name: str) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return the class names, numbers sorted as numbers, and one class index a row.

    Raises:
        BadRecord: If the target holds measurements, or too many different values.
    """
    cells = table.column(name)
    if all(is_number(cell) for cell in cells):
        values = [float(cell) for cell in cells]
        if not all(value.is_integer() for value in values):
            raise _no_classes(table, name, "holds measurements, not classes")
        # Not by way of a float where there is no need: long numbers would fall together.
        whole = re.compile(r"[+-]?\d+", re.ASCII).fullmatch
        cells = [str(int(c) if whole(c) else int(v)) for c, v in zip(cells, values, strict=True)]
        known = sorted(set(cells), key=int)
    else:
        known = sorted(set(cells))
    if len(known) > MAX_CATEGORIES or (len(known) > 2 and len(known) > len(cells) / 2):
        raise _no_classes(
            table, name, f"has {len(known):,} different values in {len(cells):,} rows"
        )
    code = {cell: index for index, cell in enumerate(known)}
    return tuple(known), np.array([code[cell] for cell in cells], np.int64)


def _measured(numbers: list[float]) -> bool:
    if not numbers:
        return False
    different = len(set(numbers))
    many = different > MAX_WHOLE_CLASSES or (different > 2 and different > len(numbers) / 2)
    return many or not all(number.is_integer() for number in numbers)


def _stray(table: Table, name: str) -> BadRecord:
    cells = table.column(name)
    row = next(row for row, cell in enumerate(cells) if not is_number(cell))
    comma = has_decimal_comma(cells[row])
    point = f"write {cells[row].replace(',', '.')}, with a decimal point, and so everywhere"
    return table.bad(
        f"{cells[row]!r} is not a number",
        row,
        name,
        why="the target is a measurement: its other cells are numbers"
        if sum(map(is_number, cells)) >= NEARLY * len(cells)
        else "the target of a regression is a number in every row",
        fix=point if comma else "correct the cell, or ask for task=classification",
    )


def _no_classes(table: Table, name: str, what: str) -> BadRecord:
    return table.bad(
        f"the target {what}",
        column=name,
        why="a classifier's target is one of a few classes: text or integers",
        fix="name the column of the classes: target=COLUMN; or ask for task=regression",
    )
