"""Read a table as numeric and categorical columns with a target, by the rules of its columns.

What a column is is decided in :mod:`zoo.data.columns`; ``numeric=[...]``, ``categorical=[...]`` and
``drop=[...]`` overrule it. A target is a class if any cell is text, or a number with leading zeros.
If all are numbers it is

- a measurement, if one of them is not whole (``0.5``);
- a measurement, if there are more than 20 different ones, or a different one for more than half
  of the rows (of two or more);
- a class, otherwise.

Text in fewer than a tenth of the cells of a measurement is an error that names the first.
``task=regression`` and ``task=classification`` overrule this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.columns import (
    TYPED_SHARE,
    absent_columns,
    are_measurements,
    check_float32,
    check_present,
    decide_kind,
    encode_classes,
    not_a_number,
    refuse_formats,
    refuse_options,
    without_values,
)
from zoo.data.dataset import ArraySplit, Dataset
from zoo.data.options import TableOptions
from zoo.data.splits import Indices, check_classes, group_codes, place_files, split_rows
from zoo.data.summary import ColumnSummary
from zoo.errors import Finding
from zoo.runtime.table import Cells, Table, join
from zoo.runtime.table_files import read_file
from zoo.runtime.values import Categories, is_missing, parse_number
from zoo.spec import Column, DataSpec, Reading, Split, Task, TensorSpec

Array = npt.NDArray[Any]

_TARGET = re.compile(r"(?i)target|label|labels|class|y|outcome|response")
"""Names of columns that are meant to be predicted."""

_EXACT = 2**53
"""Smaller whole numbers are exact as floats."""


def open_csv(path: Path, options: TableOptions) -> Dataset:
    """Read a file of a table into the inputs ``numeric`` and ``categorical``, and a target.

    Raises:
        DataError: If a cell, a row or a column is wrong; see :func:`open_table`.
        ConfigError: If an option names a column that is not there.
    """
    others = {split: read_file(file, options.layout) for split, file in options.files().items()}
    return open_table(read_file(path, options.layout), path.name, options, others)


def open_table(
    table: Table, name: str, options: TableOptions, others: Mapping[str, Table] | None = None
) -> Dataset:
    """Return the dataset of a table.

    ``numeric`` is float32 with NaN for a missing value; ``categorical`` is int32, code i + 1 for
    the i-th category and 0 for a missing or unknown one. Categories are those of the training
    split, sorted. An input without columns is left out. The target is ``label``, a class index,
    or ``target``, a measurement in float32.

    Args:
        table: The table: its rows are split, or all of them the training split.
        name: Id of the data.
        options: Options of a table.
        others: Tables of the validation and the test split, with the same columns by name.

    Raises:
        DataError: If a cell or a column is wrong or doubtful, a class has too few examples, or
            there is only one.
        ConfigError: If an option names a column that is not there.
    """
    sizes = {"train": len(table)} | {split: len(one) for split, one in (others or {}).items()}
    table = join([table, *(others or {}).values()])
    target, names = _columns(table, options)
    task = _target_task(table, target, options)
    groups = None
    if options.group_by:
        groups = group_codes([table.column(column) for column in options.group_by])
    values: Array
    if task == Task.CLASSIFICATION:
        labels, values = _read_classes(table, target)
        check_classes(values, labels, "whole", table.name)
        column = Column(name=target, categories=None)
        tensor = TensorSpec(name="label", dtype="int64", labels=labels, columns=(column,))
        strata, strata_names = values, labels
    else:
        reading = _reading(table, target, options)
        values = _read_measurements(table, target, reading)
        column = Column(name=target, categories=None, reading=reading)
        tensor = TensorSpec(name="target", columns=(column,))
        strata, strata_names = np.zeros(len(values), np.int64), ()
    parts = _parts(sizes, strata, options, groups, strata_names)
    if task == Task.CLASSIFICATION:
        for split, part in parts.items():
            if split not in sizes or split == "train":  # a test file may lack a class
                check_classes(strata[part], strata_names, split, table.name)
    chosen = {one: _decide(table, one, options) for one in names}
    inputs, arrays = _inputs(table, chosen, parts["train"])
    spec = DataSpec(id=name, task=task, inputs=inputs, targets=(tensor,))
    splits: Mapping[str, Split] = {
        split: ArraySplit({n: a[part] for n, a in arrays.items()}, {tensor.name: values[part]})
        for split, part in parts.items()
    }
    dataset = Dataset(spec, lambda: splits)
    dataset.columns = _summaries(table, target, task, chosen, options)
    dataset.notes = table.notes
    dataset.drawn = "test" not in sizes
    return dataset


def _parts(
    sizes: Mapping[str, int],
    strata: npt.NDArray[np.int64],
    options: TableOptions,
    groups: npt.NDArray[np.int64] | None,
    names: tuple[str, ...],
) -> dict[str, Indices]:
    """Return the rows of each split: those of its own file, else drawn from the training file."""
    count = sizes["train"]
    given = [split for split in sizes if split != "train"]
    within = None if groups is None else groups[:count]
    drawn = split_rows(strata[:count], options, groups=within, names=names or None, given=given)
    place_files(drawn, sizes)
    return drawn


def _columns(table: Table, options: TableOptions) -> tuple[str, list[str]]:
    """Return the target and the names of the input columns."""
    target = options.target if options.target is not None else table.header[-1]
    if options.target is None and not _TARGET.fullmatch(target):
        _refuse_other_target(table, target)
    asked = {"target": (target,)} | {
        key: getattr(options, key) for key in ("numeric", "categorical", "drop", "group_by")
    }
    findings = absent_columns(table, asked)
    for key, wanted in asked.items():
        for name in wanted:
            if key not in ("target", "numeric") and name == target:
                findings.append(Finding(key, name, "this is the target"))
            elif key == "categorical" and name in options.numeric:
                findings.append(Finding(key, name, "a column is numeric or categorical, not both"))
    names = [name for name in table.header if name != target and name not in options.drop]
    if not findings and not names:
        findings.append(Finding("columns", table.header, "a column beside the target is needed"))
    refuse_options(table, findings)
    return target, names


def _refuse_other_target(table: Table, last: str) -> None:
    """Refuse to take the last column for the target where another one is called so."""
    named = [name for name in table.header if _TARGET.fullmatch(name)]
    if named:
        raise table.bad(
            f"it is not clear which column is the target: {named[0]!r}, or the last, {last!r}",
            why="by default the last column is predicted",
            fix=f"name it: target={named[0]}, or target={last}",
        )


def _reading(table: Table, name: str, options: TableOptions) -> Reading | None:
    """Return how the numbers of a column are written, ``None`` for the usual way."""
    reading = Reading(decimal=options.decimal, thousands=options.thousands, missing=options.missing)
    cells = table.columns[name]
    if name in options.numeric and cells.numbers(reading)[1] is not None:
        reading = reading.model_copy(update={"signs": True})
    return None if reading == Reading() else reading


@dataclass(frozen=True)
class _Chosen:
    """What a column is: its kind, why, and how its numbers are written."""

    kind: str
    reason: str
    reading: Reading | None


def _decide(table: Table, name: str, options: TableOptions) -> _Chosen:
    reading = _reading(table, name, options)
    if name in options.numeric:
        return _Chosen("numeric", "the option numeric", reading)
    if name in options.categorical:
        return _Chosen("categorical", "the option categorical", None)
    kind, reason = decide_kind(table, name, reading)
    return _Chosen(kind, reason, reading if kind == "numeric" else None)


def _inputs(
    table: Table, chosen: Mapping[str, _Chosen], train: Indices
) -> tuple[tuple[TensorSpec, ...], dict[str, Array]]:
    """Return the specs and the arrays of the inputs."""
    inputs: list[TensorSpec] = []
    arrays: dict[str, Array] = {}
    numeric = [name for name, one in chosen.items() if one.kind == "numeric"]
    if numeric:
        stacked = np.empty((len(table), len(numeric)), np.float32)
        for place, name in enumerate(numeric):
            stacked[:, place] = _numbers(table, name, chosen[name].reading, train)
        arrays["numeric"] = stacked
        columns = tuple(
            Column(name=name, categories=None, reading=chosen[name].reading) for name in numeric
        )
        missing = bool(np.isnan(stacked).any())
        inputs.append(
            TensorSpec(name="numeric", shape=(len(numeric),), columns=columns, missing=missing)
        )
    text = {
        name: _categories(table, name, train)
        for name, one in chosen.items()
        if one.kind == "categorical"
    }
    if text:
        arrays["categorical"] = np.stack([values for _, values in text.values()], axis=1)
        columns = tuple(Column(name=name, categories=known) for name, (known, _) in text.items())
        inputs.append(
            TensorSpec(name="categorical", shape=(len(text),), dtype="int32", columns=columns)
        )
    return tuple(inputs), arrays


def _numbers(
    table: Table, name: str, reading: Reading | None, train: Indices
) -> npt.NDArray[np.float64]:
    cells = table.columns[name]
    values, odd = cells.numbers(reading)
    if odd is not None:
        texts = cells.where(lambda text: parse_number(text, reading) is None)
        raise not_a_number(table, name, odd, 1 - float(texts.mean()))
    if np.isnan(values[train]).all():
        raise without_values(table, name)
    check_float32(table, name, values)
    return values


def _categories(
    table: Table, name: str, train: Indices
) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    cells = table.columns[name]
    seen = np.unique(cells.codes[train])
    known = tuple(sorted(t for t in (cells.texts[i] for i in seen.tolist()) if not is_missing(t)))
    if not known:
        raise without_values(table, name)
    categories = Categories(known)
    codes = np.array([categories.code(text) for text in cells.texts], np.int32)
    return known, codes[cells.codes]


def _target_task(table: Table, name: str, options: TableOptions) -> str:
    """Return whether the target is a class or a measurement.

    Raises:
        DataError: If a cell of the target is missing, or a stray word among measurements.
    """
    reading = _reading(table, name, options)
    check_present(table, name, "target", reading)
    if options.task is not None:
        return options.task
    cells = table.columns[name]
    values, odd = cells.numbers(reading)
    if odd is None:
        return Task.REGRESSION if are_measurements(values) else Task.CLASSIFICATION
    refuse_formats(table, name, cells.texts, reading, predicted=True)
    numbers = ~np.isnan(values)
    if numbers.mean() < TYPED_SHARE or not are_measurements(values[numbers]):
        return Task.CLASSIFICATION
    raise not_a_number(table, name, odd, float(numbers.mean()), predicted=True)


def _read_measurements(table: Table, name: str, reading: Reading | None) -> npt.NDArray[np.float32]:
    """Return the target of a regression, float32.

    Raises:
        DataError: If a cell is not a number that is finite in float32, or all are the same.
    """
    cells = table.columns[name]
    values, odd = cells.numbers(reading)
    if odd is not None:
        refuse_formats(table, name, cells.texts, reading, predicted=True)
        raise table.bad(
            f"{cells.text(odd)!r} is not a number",
            odd,
            name,
            why="the target of a regression is a number in every row",
            fix="correct the cell, or ask for task=classification",
        )
    if values.min() == values.max():
        raise table.bad(
            f"the target is {cells.text(0)} in every row",
            column=name,
            why="there is nothing to learn",
            fix="name the column to predict: target=COLUMN",
        )
    check_float32(table, name, values, predicted=True)
    return values.astype(np.float32)


def _read_classes(table: Table, name: str) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return the class names, numbers sorted as numbers, and one class index per row.

    Raises:
        DataError: If the target holds measurements, or too many different values.
    """
    cells = table.columns[name]
    if cells.plain is None:
        return encode_classes(table, name, cells, sorted(cells.texts), "target")
    if not bool((cells.plain == np.rint(cells.plain)).all()):
        raise table.bad(
            "the target holds measurements, not classes",
            column=name,
            why="a classifier's target is one of a few classes: text or integers",
            fix="name the column of the classes: target=COLUMN; or ask for task=regression",
        )
    if np.abs(cells.plain).max() < _EXACT:
        numbers, codes = np.unique(cells.plain, return_inverse=True)
        whole = Cells(lambda: (codes, [str(int(number)) for number in numbers.tolist()]))
        return encode_classes(table, name, whole, whole.texts, "target")
    # 1.0 is the class 1; a float would make long numbers equal.
    whole = cells.recoded(lambda text: str(int(Decimal(text))))
    return encode_classes(table, name, whole, sorted(whole.texts, key=int), "target")


def _summaries(
    table: Table,
    target: str,
    task: str,
    chosen: Mapping[str, _Chosen],
    options: TableOptions,
) -> tuple[ColumnSummary, ...]:
    """Return what was understood of each column."""
    found = []
    for name, cells in table.columns.items():
        kind, reason = "dropped", "the option drop"
        if name == target:
            kind = "class" if task == Task.CLASSIFICATION else "measurement"
            reason = "the option target" if options.target else "the last column is the target"
        elif name in chosen:
            kind, reason = chosen[name].kind, chosen[name].reason
        found.append(ColumnSummary.of(name, kind, reason, cells))
    return tuple(found)
