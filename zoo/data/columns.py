"""What a CSV file's columns mean to a classifier, by a fixed rule.

Blanks around a cell do not count. A cell is *missing* if it is empty or ``NA``, ``N/A``, ``NaN``,
``null`` or ``?``, in any case. A cell is *a number* if it is a decimal number (``-1.5``, ``.5``,
``3e8``) that is finite in float32. A column is

- numeric, if each of its cells is a number or missing;
- an error that names the first odd cell, if at least nine tenths of the cells that are not
  missing are numbers, but not all: a stray word among numbers is a mistake more often than not;
- categorical, otherwise.

``numeric=[...]`` and ``categorical=[...]`` overrule it, column by column.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zoo.data.dataset import ArraySplit, Dataset
from zoo.data.npz import check_classes
from zoo.data.options import TableOptions
from zoo.data.splits import Indices, stratified_split
from zoo.errors import ConfigError, Finding
from zoo.runtime.table import Table, is_missing, is_number, read_table
from zoo.spec import Column, DataSpec, Split, Task, TensorSpec

MAX_CATEGORIES = 1_000
"""A column with more different texts is an identifier or prose, not a category."""

_NEARLY = 0.9


def open_csv(path: Path, options: TableOptions) -> Dataset:
    """Read a CSV file into the inputs ``numeric`` and ``categorical`` and the target ``label``.

    ``numeric`` is float32 with NaN for a missing value; ``categorical`` is int32, code i + 1 for
    the i-th category and 0 for a missing or unknown one. Categories are those of the training
    split, sorted. An input without columns is left out.

    Raises:
        BadRecord: If a cell, a row or a column is wrong.
        ConfigError: If an option names a column that is not there.
        DataError: If a class has too few examples, or there is only one.
    """
    table = read_table(path)
    target, names = _choose(table, options)
    labels, codes = _target(table, target)
    check_classes(codes, labels, "whole", str(path))
    parts = stratified_split(
        codes,
        validation=options.validation_share,
        test=options.test_share,
        seed=options.split_seed,
        names=labels,
    )
    numeric = {name: _numbers(table, name) for name in names if _is_numeric(table, name, options)}
    text = {
        name: _categories(table, name, parts["train"], options)
        for name in names
        if name not in numeric
    }
    for name, values in numeric.items():
        if np.isnan(values[parts["train"]]).all():
            raise _without_values(table, name)
    inputs, arrays = [], {}
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
    label = TensorSpec(name="label", dtype="int64", labels=labels)
    spec = DataSpec(id=path.name, task=Task.CLASSIFICATION, inputs=tuple(inputs), targets=(label,))
    splits: Mapping[str, Split] = {
        split: ArraySplit({n: a[part] for n, a in arrays.items()}, {"label": codes[part]})
        for split, part in parts.items()
    }
    return Dataset(spec, lambda: splits)


def _choose(table: Table, options: TableOptions) -> tuple[str, list[str]]:
    """Return the target and the names of the input columns."""
    target = options.target if options.target is not None else table.header[-1]
    asked = {"target": (target,)} | {
        key: getattr(options, key) for key in ("numeric", "categorical", "drop")
    }
    findings = []
    for key, wanted in asked.items():
        for name in wanted:
            if name not in table.header:
                near = difflib.get_close_matches(name, table.header, n=1)
                allowed = f"the columns are {', '.join(table.header)}"
                findings.append(Finding(key, name, allowed, near[0] if near else None))
            elif key != "target" and name == target:
                findings.append(Finding(key, name, "this is the target"))
            elif key == "categorical" and name in options.numeric:
                findings.append(Finding(key, name, "a column is numeric or categorical, not both"))
    names = [name for name in table.header if name != target and name not in options.drop]
    if not findings and not names:
        findings.append(Finding("columns", table.header, "a column beside the target is needed"))
    if findings:
        raise ConfigError(
            f"the columns of {table.file} do not fit what was asked for",
            findings=findings,
            fix=f"head -1 {table.file} shows the columns",
        )
    return target, names


def _target(table: Table, name: str) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    cells = table.column(name)
    for row, cell in enumerate(cells):
        if is_missing(cell):
            raise table.bad(
                f"the target is {cell!r}, a missing value" if cell else "the target is empty",
                row,
                name,
                why="an example without its class can neither be learned from nor measured",
                fix="fill it in, or take the row out",
            )
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


def _no_classes(table: Table, name: str, what: str) -> Exception:
    return table.bad(
        f"the target {what}",
        column=name,
        why="a classifier's target is one of a few classes: text or integers",
        fix="name the column of the classes: target=COLUMN",
    )


def _is_numeric(table: Table, name: str, options: TableOptions) -> bool:
    if name in options.numeric:
        return True
    if name in options.categorical:
        return False
    present = [cell for cell in table.column(name) if not is_missing(cell)]
    if not present:
        raise _without_values(table, name)
    count = sum(is_number(cell) for cell in present)
    return count >= _NEARLY * len(present)


def _numbers(table: Table, name: str) -> npt.NDArray[np.float32]:
    values = np.empty(len(table.rows), np.float32)
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
    return values


def _categories(
    table: Table, name: str, train: Indices, options: TableOptions
) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    cells = table.column(name)
    present = {cell for cell in cells if not is_missing(cell)}
    crowded = len(present) > len(cells) / 2 and name not in options.categorical
    if len(present) > MAX_CATEGORIES or crowded:
        raise table.bad(
            f"the column has {len(present):,} different texts in {len(cells):,} rows",
            column=name,
            why=_crowd(table, cells),
            fix=f"leave it out: drop=[{name!r}]"
            + ("" if len(present) > MAX_CATEGORIES else f"; or keep it: categorical=[{name!r}]"),
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
    return "it looks like an identifier or prose: a classifier would learn rows by heart"


def _without_values(table: Table, name: str) -> Exception:
    return table.bad(
        "the column has no values to learn from",
        column=name,
        why="every cell of the training split is empty or a missing value",
        fix=f"leave it out: drop=[{name!r}]",
    )


__all__ = ["MAX_CATEGORIES", "open_csv"]
