"""Decide what the columns of a table are, and check them: kinds, classes, range in float32.

A column is numeric if every cell is a number or missing, and categorical if fewer than half of the
cells are numbers. Whatever could be both, or something else, is an error that names the options
that decide: nothing is chosen in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zoo.errors import ConfigError, DataError, Finding
from zoo.names import nearest
from zoo.runtime.calendar import parse_date
from zoo.runtime.series import series_keys
from zoo.runtime.table import Cells, Table
from zoo.runtime.values import Categories, is_missing, is_number, likely_readings, parse_number
from zoo.spec import Reading, TensorSpec

MAX_CLASSES = 1_000
"""A column with more different texts is an identifier or prose, not a category."""

FEW_CLASSES = 50
"""So many different texts are categories, unless most rows have one of their own."""

ROWS_PER_CLASS = 10
"""With fewer rows for each different text than this, and many texts, a column is doubtful."""

TYPED_SHARE = 0.9
"""The least share of numbers (or dates) in a column that is meant to hold them."""

MAX_MAGNITUDE = 1e18
"""The squares of larger numbers, and of deviations below its inverse, overflow float32."""

MIN_COUNTED = 20
"""The fewest different numbers that may identify rows."""

_IDENTIFIER = re.compile(r"(?i)^(id|index|idx|row|nr|no\.?)$|[_ .-]id$|(?-i:[a-z]I[dD]$)")

MAX_WHOLE_CLASSES = 20
"""Whole numbers with more different values are a measurement."""

Kind = Literal["numeric", "categorical"]

_DAY = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}( .*)?", re.ASCII)
_LEADING_ZERO = re.compile(r"[+-]?0\d+", re.ASCII)


def absent_columns(table: Table, asked: Mapping[str, Iterable[str]]) -> list[Finding]:
    """Return one finding for every column that an option names and the table lacks.

    Args:
        table: The table.
        asked: The columns that each option names.
    """
    findings = []
    for key, wanted in asked.items():
        for name in wanted:
            if name not in table.columns:
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
            f"the columns of {table.name} do not fit the options",
            findings=findings,
            fix=f"head -1 {table.file} shows the columns" if table.file else "",
        )


def check_present(table: Table, name: str, noun: str, reading: Reading | None = None) -> None:
    """Refuse a column to predict with missing cells.

    Args:
        table: The table.
        name: The column.
        noun: What it is called in the error.
        reading: How its cells are read.

    Raises:
        DataError: It names the first missing cell.
    """
    missing = table.columns[name].missing(reading)
    if missing.any():
        row = int(missing.argmax())
        cell = table.columns[name].text(row)
        raise table.bad(
            f"the {noun} is {cell!r}, a missing value" if cell else f"the {noun} is empty",
            row,
            name,
            why=f"an example without its {noun} can neither be learned from nor measured",
            fix="fill it in, or take the row out",
        )


def decide_kind(table: Table, name: str, reading: Reading | None) -> tuple[Kind, str]:
    """Return what a column is, and why.

    Raises:
        DataError: If it has no values, or it is doubtful what it is; the options are named.
    """
    cells = table.columns[name]
    values, odd = cells.numbers(reading)
    missing = cells.missing(reading)
    present = len(cells) - int(missing.sum())
    if not present:
        raise without_values(table, name)
    if odd is None:
        if _IDENTIFIER.search(name) and _all_different(values):
            raise table.bad(
                "the column identifies the rows: every number is another one",
                column=name,
                why="the number of a row tells nothing about other rows",
                fix=f"leave it out: drop=[{name!r}], or keep it: numeric=[{name!r}]",
            )
        if _counts_up(values):
            return "numeric", "its numbers count the rows; if they are only that, drop it"
        return "numeric", "all of its cells are numbers"
    texts = [text for text in cells.texts if parse_number(text, reading) is None]
    if texts and all(map(_LEADING_ZERO.fullmatch, texts)):
        return "categorical", "its numbers have leading zeros: they are codes"
    numbers = len(cells) - int(cells.where(lambda text: _is_text(text, reading)).sum())
    share = (numbers - int(missing.sum())) / present
    texts = [text for text in cells.texts if not is_missing(text, reading)]
    refuse_formats(table, name, texts, reading)
    if share >= 0.5:
        raise not_a_number(table, name, odd, share)
    _refuse_dates(table, name, texts)
    _refuse_crowd(table, name, texts, present)
    return "categorical", "its cells are text"


def _is_text(text: str, reading: Reading | None) -> bool:
    return parse_number(text, reading) is None


def _all_different(values: npt.NDArray[np.float64]) -> bool:
    """Return whether a column holds many whole numbers, each once."""
    if len(values) < MIN_COUNTED or not bool((values == np.rint(values)).all()):
        return False
    return len(np.unique(values)) == len(values)


def _counts_up(values: npt.NDArray[np.float64]) -> bool:
    """Return whether a column counts up by one."""
    many = len(values) >= MIN_COUNTED and values[1] - values[0] == 1
    return bool(many and (np.diff(values) == 1).all())


def refuse_formats(
    table: Table,
    name: str,
    texts: list[str],
    reading: Reading | None,
    *,
    predicted: bool = False,
) -> None:
    """Refuse texts that are numbers if they are read in another way.

    Args:
        table: The table, for the error.
        name: The column.
        texts: Its different texts.
        reading: How its numbers are read; what it says is not asked for again.
        predicted: Whether it is the target.

    Raises:
        DataError: It names the options that read them.
    """
    ways = likely_readings(texts, TYPED_SHARE, reading)
    if not ways:
        return
    example = next(text for text in texts if parse_number(text, reading) is None)
    options = [_spelled(way, reading or Reading(), name) for way in ways]
    raise table.bad(
        f"cells like {example!r} are numbers that are written in another way",
        column=name,
        why="a guess at decimal marks and signs would change values silently"
        + ("; the cells do not tell which of two ways it is" if len(ways) > 1 else ""),
        fix=f"say how they are read, as options of the data: {' or '.join(options)}; or keep them "
        "as texts: " + ("task=classification" if predicted else f"categorical=[{name!r}]"),
    )


def _spelled(reading: Reading, given: Reading, name: str) -> str:
    """Return the options that make a reading of the one that is given."""
    words = []
    if reading.decimal != given.decimal:
        words.append(f'decimal="{reading.decimal}"')
    if reading.thousands != given.thousands:
        words.append(f'thousands="{reading.thousands}"')
    if reading.signs and not given.signs:
        words.append(f"numeric=[{name!r}]")
    return " with ".join(words)


def not_a_number(
    table: Table, name: str, row: int, share: float, *, predicted: bool = False
) -> DataError:
    """Return the error about a text in a column of which a share of the cells are numbers."""
    cell = table.columns[name].text(row)
    options = (
        "task=classification if the numbers are names"
        if predicted
        else f"missing=[{cell!r}] if it stands for a missing value, or categorical=[{name!r}] if "
        "the numbers are names"
    )
    return table.bad(
        f"{cell!r} is not a number",
        row,
        name,
        why=f"{share:.0%} of the cells of this column are numbers",
        fix=f"correct the cell; or, as an option of the data, {options}",
    )


def _refuse_dates(table: Table, name: str, texts: list[str]) -> None:
    dates = sum(parse_date(text) is not None or _DAY.fullmatch(text) is not None for text in texts)
    if dates >= TYPED_SHARE * len(texts):
        keys = series_keys(table, name)
        raise table.bad(
            f"the column holds dates, such as {texts[0]!r}",
            column=name,
            why="a table has no use for dates: their parts (year, month, weekday) can be columns"
            if parse_date(texts[0])
            else "of dates only those like 1981-01-31 are read: here the month is not known",
            fix=f"leave it out: drop=[{name!r}], or keep it as texts: categorical=[{name!r}]; a "
            "series in time order is read with task=forecasting"
            + (f", one series for each {keys[0]} with group_by={keys[0]}" if keys else ""),
        )


def _refuse_crowd(table: Table, name: str, texts: list[str], present: int) -> None:
    """Refuse a column with so many different texts that they may not be categories."""
    many = len(texts) > FEW_CLASSES and present < ROWS_PER_CLASS * len(texts)
    if len(texts) <= MAX_CLASSES and not many and len(texts) <= max(2, present / 2):
        return
    fixes = [f"leave it out: drop=[{name!r}]"]
    if any(" " in text for text in texts):
        fixes.append(f"or learn classes from it as text, with transformer or lstm: text={name}")
    if len(texts) <= MAX_CLASSES:
        fixes.append(f"or keep it: categorical=[{name!r}]")
    raise table.bad(
        f"the column has {len(texts):,} different texts in {present:,} rows",
        column=name,
        why="it looks like an identifier or prose: a model would memorize rows",
        fix="; ".join(fixes),
    )


def without_values(table: Table, name: str) -> DataError:
    """Return the error about a column that holds nothing to learn from."""
    return table.bad(
        "the column has no values to learn from",
        column=name,
        why="every cell of the training split is empty or a missing value",
        fix=f"leave it out: drop=[{name!r}]",
    )


def encode_classes(
    table: Table, name: str, cells: Cells, known: Sequence[str], noun: str
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return the names of the classes, and one class index per row.

    Args:
        table: The table, for the error.
        name: The column.
        cells: The class of each row.
        known: The different classes in their order.
        noun: What the column is called in the error.

    Raises:
        DataError: If there are too many classes to be classes.
    """
    if len(known) > MAX_CLASSES or (len(known) > 2 and len(known) > len(cells) / 2):
        raise table.bad(
            f"the {noun} has {len(known):,} different values in {len(cells):,} rows",
            column=name,
            why="a classifier's target is one of a few classes: text or integers",
            fix="name the column of the classes: target=COLUMN",
        )
    place = {text: index for index, text in enumerate(known)}
    return tuple(known), np.array([place[text] for text in cells.texts], np.int64)[cells.codes]


def check_float32(
    table: Table, name: str, values: npt.NDArray[np.float64], *, predicted: bool = False
) -> None:
    """Refuse a column whose squares or differences do not fit in float32.

    Args:
        table: The table, for the error.
        name: The column.
        values: Its values, NaN for a missing one.
        predicted: Whether it is predicted: rounding could make it constant, and every error 0.

    Raises:
        DataError: If they do not fit.
    """
    missing = np.isnan(values)
    known = values[~missing] if missing.any() else values
    if not len(known):
        return
    low, high = float(known.min()), float(known.max())
    largest = max(high, -low)
    if largest == 0:
        return
    if largest > float(np.finfo(np.float32).max):
        row = int((np.abs(values) > np.finfo(np.float32).max).argmax())
        raise table.bad(
            f"{table.columns[name].text(row)!r} is not a finite number",
            row,
            name,
            why="it is out of the range of float32",
            fix="give the column in a larger unit",
        )
    deviation = float(known.std())
    if largest > MAX_MAGNITUDE or 0 < deviation < 1 / MAX_MAGNITUDE:
        size = f"up to {largest:.3g}" if largest > MAX_MAGNITUDE else f"only {deviation:.3g} apart"
        raise table.bad(
            f"the numbers are {size}",
            column=name,
            why="their squares are out of the range of float32, in which networks compute",
            fix="give them in another unit",
        )
    rounding = float(np.spacing(np.float32(largest)))
    coarse = low < high and rounding > 0.1 * deviation
    if coarse or (rounding > 1 and _merges(known)):
        raise table.bad(
            f"the numbers are up to {largest:.10g} and only {deviation:.3g} apart"
            if coarse
            else f"whole numbers up to {largest:.10g} are not told apart",
            column=name,
            why="float32, in which networks compute, has 24 bits: it would round the differences "
            "away" + (", and every model would look perfect" if predicted else ""),
            fix=f"subtract {known.min():.10g} from all of them"
            + ("" if predicted else f"; or, if they are names, categorical=[{name!r}]"),
        )


def _merges(known: npt.NDArray[np.float64]) -> bool:
    """Return whether different whole numbers become the same in float32."""
    if not bool((known == np.rint(known)).all()):
        return False
    return len(np.unique(known.astype(np.float32))) < len(np.unique(known))


def are_measurements(numbers: npt.NDArray[np.float64]) -> bool:
    """Return whether the numbers of a target are measurements: not whole, or many different."""
    if not len(numbers):
        return False
    different = len(np.unique(numbers))
    many = different > MAX_WHOLE_CLASSES or (different > 2 and different > len(numbers) / 2)
    return many or not bool((numbers == np.rint(numbers)).all())


def is_numeric(table: Table, name: str) -> bool:
    """Return whether nearly all cells of a column that are not missing are numbers."""
    cells = table.columns[name]
    if cells.plain is not None:
        return bool((~np.isnan(cells.plain)).any())
    present = ~cells.missing()
    return bool(present.any()) and float(cells.where(is_number)[present].mean()) >= TYPED_SHARE


def read_target(cells: Cells, target: TensorSpec) -> npt.NDArray[Any]:
    """Return a target as a model learned it.

    Raises:
        DataError: If a class is not one of the model's, or a measurement is no number.
    """
    if target.labels:
        categories = Categories(target.labels)
        places = [categories.code(text) - 1 for text in cells.texts]
        if unknown := [text for text, place in zip(cells.texts, places, strict=True) if place < 0]:
            raise DataError(
                f"the class {unknown[0]!r} is not one of the model's",
                why=f"it knows {', '.join(target.labels[:20])}",
                fix="leave those examples out, or train with them",
            )
        return np.array(places, np.int64)[cells.codes]
    column = next(iter(target.columns or ()), None)
    values, odd = cells.numbers(column.reading if column else None)
    if odd is not None or np.isnan(values).any():
        row = odd if odd is not None else int(np.isnan(values).argmax())
        raise DataError(f"example {row}: the target {cells.text(row)!r} is not a number")
    return values.astype(target.dtype)
