"""What the target of a CSV file is: one of some classes, or a measurement. By a fixed rule.

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

import numpy as np
import numpy.typing as npt

from zoo.data.scales import check_scale
from zoo.errors import BadRecord
from zoo.runtime.csv import Table, has_decimal_comma, is_missing, is_number
from zoo.spec import Task

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


__all__ = [
    "MAX_CATEGORIES",
    "MAX_WHOLE_CLASSES",
    "NEARLY",
    "read_classes",
    "read_measurements",
    "target_task",
]
