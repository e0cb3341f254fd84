"""Read time series from a table: evenly spaced measurements, one series or several."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zoo.runtime.calendar import Step, calendar_row, infer_step, parse_date
from zoo.runtime.table import Cells, Table
from zoo.runtime.values import is_missing, is_number

MAX_FILL = 48
"""The longest gap in steps that is interpolated."""

_MOST_KEYS = 20
"""Of so many columns that may name a series, pairs are tried."""

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Series:
    """An evenly spaced time series.

    Attributes:
        channels: Names of the columns.
        values: ``[steps, channels]``, without missing values; of steps ahead, of which only the
            columns are given that are known in advance, the others are NaN.
        filled: ``[steps]``, true where a value was interpolated.
        first: Date of the first step; ``None`` if steps have no dates.
        step: Time from one row to the next; ``None`` if unknown.

    Example:
        >>> steps = np.arange(30, dtype="float32")[:, None]
        >>> plain = Series(("x",), steps, np.zeros(30, bool), None, None)
    """

    channels: tuple[str, ...]
    values: npt.NDArray[np.float32]
    filled: npt.NDArray[np.bool_]
    first: dt.datetime | None
    step: Step | None

    @property
    def measured(self) -> int:
        """Number of steps that are measured: all but those ahead."""
        return int(np.isfinite(self.values).all(axis=1).sum())

    def until(self, step: int) -> Series:
        """Return the series up to a step."""
        return replace(self, values=self.values[:step], filled=self.filled[:step])

    def calendar(self, features: Sequence[str], start: int, stop: int) -> npt.NDArray[np.int32]:
        """Return the calendar features of the steps from ``start`` to before ``stop``.

        They may be after the last measurement.
        """
        if self.first is None or self.step is None:
            raise ValueError("a series without dates has no calendar")
        rows = [
            calendar_row(self.step.advance(self.first, at), features) for at in range(start, stop)
        ]
        return np.array(rows, np.int32).reshape(stop - start, len(features))


def read_series(
    table: Table,
    *,
    date: str | None,
    channels: Sequence[str],
    future: Sequence[str] = (),
    interpolate: bool = False,
    step: Step | None = None,
) -> Series:
    r"""Read an evenly spaced time series from a table.

    Args:
        table: The rows, the earliest first.
        date: Column of dates; ``None`` if rows are evenly spaced and have none.
        channels: Columns of measurements.
        future: Columns that are known in advance. With them there may be rows after the last
            measured one, with empty measurements.
        interpolate: Whether missing rows and cells are interpolated linearly, at most
            :data:`MAX_FILL` in a row, instead of being errors.
        step: Time from one row to the next; inferred from the dates by default.

    Raises:
        BadRecord: If a date is invalid, repeated, out of order, or does not fit the frequency; if
            rows or cells are missing, or a cell is not a number.

    Example:
        >>> rows = "".join(f"2024-01-{day:02},{day}\n" for day in range(1, 32))
        >>> _ = Path("daily.csv").write_text(f"day,sales\n{rows}")
        >>> series = read_series(read_table(Path("daily.csv")), date="day", channels=["sales"])
        >>> series.step.frequency, len(series.values)
        ('daily', 31)
    """
    # Several series in one table are told by their dates, before their names are read as numbers.
    dates = [] if date is None else _dates(table, date)
    ahead = _rows_ahead(table, channels) if future else 0
    measured = table.take(np.arange(len(table) - ahead)) if ahead else table
    values = np.full((len(table), len(channels) + len(future)), np.nan)
    for place, name in enumerate(channels):
        values[: len(measured), place] = _numbers(measured, name, interpolate)
    for place, name in enumerate(future, start=len(channels)):
        values[:, place] = _numbers(table, name, interpolate)
    if date is None:
        known = values
        first, places = None, np.arange(len(values))
    else:
        if step is None:
            step = infer_step(dates) if len(dates) > 1 else Step(1, "day")
        step = step.on(dates)
        first, places = dates[0], _places(table, date, dates, step, interpolate)
        known = np.full((int(places[-1]) + 1, values.shape[1]), np.nan)
        known[places] = values
    missing: npt.NDArray[np.bool_] = np.isnan(known)
    last = int(places[len(measured) - 1]) + 1 if len(measured) else 0
    missing[last:, : len(channels)] = False
    names = (*channels, *future)
    if missing.any():
        for place, name in enumerate(names):
            until = last if place < len(channels) else len(known)
            _fill(table, known[:until, place], missing[:until, place], places, name)
    return Series(names, known.astype(np.float32), np.any(missing, axis=1), first, step)


def read_panel(
    table: Table,
    *,
    date: str | None,
    group_by: Sequence[str],
    channels: Sequence[str],
    future: Sequence[str] = (),
    interpolate: bool = False,
    step: Step | None = None,
) -> dict[tuple[str, ...], Series]:
    """Read the series of a table, by the values of some columns.

    All have one frequency, which is inferred from the dates of all of them by default.

    Args:
        table: The rows; those of one series are in time order.
        date: Column of dates.
        group_by: Columns whose values name a series; without any, the table is one.
        channels: Columns of measurements.
        future: As in :func:`read_series`.
        interpolate: As in :func:`read_series`.
        step: Time from one row of a series to the next.

    Returns:
        The series by their values, in the order of their first rows.

    Raises:
        BadRecord: As :func:`read_series` does.
    """
    parts: dict[tuple[str, ...], Table] = {(): table}
    if group_by:
        rows: dict[tuple[str, ...], list[int]] = {}
        for row, name in enumerate(zip(*map(table.column, group_by), strict=True)):
            rows.setdefault(name, []).append(row)
        parts = {name: table.take(np.array(own)) for name, own in rows.items()}
    if step is None and date is not None:
        step = _common_step([part.columns[date] for part in parts.values()])

    def read(part: Table) -> Series:
        return read_series(
            part,
            date=date,
            channels=channels,
            future=future,
            interpolate=interpolate,
            step=step,
        )

    return {name: read(part) for name, part in parts.items()}


def _common_step(columns: Sequence[Cells]) -> Step | None:
    """Return the frequency of every series, or that of the dates of all of them."""
    dates = [sorted({when for cell in cells if (when := _parse(cell))}) for cells in columns]
    steps = {infer_step(own) for own in dates if len(own) > 1}
    if len(steps) > 1:
        return infer_step(sorted(set().union(*dates)))
    return steps.pop() if steps else None


def series_keys(table: Table, date: str) -> list[str]:
    """Return the columns, or pairs of them, that tell the rows of one date apart.

    The likeliest comes first: that with the fewest values. A pair is written ``store,item``.
    """
    dates = table.columns[date]
    if len(dates.texts) == len(table):
        return []
    few = {
        name: cells
        for name, cells in table.columns.items()
        if name != date and len(cells.texts) <= len(table) / 2
    }
    for size in (1, 2):
        found = []
        for names in itertools.combinations(few, size):
            codes, values = dates.codes, 1
            for cells in map(few.__getitem__, names):
                codes = codes * len(cells.texts) + cells.codes
                values *= len(cells.texts)
            if values <= len(table) / 2 and len(np.unique(codes)) == len(table):
                found.append((values, ",".join(names)))
        if found or len(few) > _MOST_KEYS:
            break
    return [names for _, names in sorted(found)]


def _parse(cell: str) -> dt.datetime | None:
    """Parse a cell of a column of dates, where ``1981`` is a year."""
    return parse_date(cell, years=True)


def _dates(table: Table, date: str) -> list[dt.datetime]:
    """Parse the dates of all rows, each later than the one before."""
    dates: list[dt.datetime] = []
    for row, cell in enumerate(table.column(date)):
        when = _parse(cell)
        if when is None:
            raise table.bad(
                "the date is missing" if is_missing(cell) else f"{cell!r} is not a date",
                row,
                date,
                why="dates are written 1981-01-31, with a time 1981-01-31 06:00, 1981-01, 1981Q1, "
                "or 1981",
                fix="write dates like that; in 01/02/1981 the month is ambiguous",
            )
        if dates and when == dates[-1]:
            keys = series_keys(table, date)
            raise table.bad(
                f"the date {cell} is repeated",
                row,
                date,
                why=f"line {table.lines[row - 1]} has it too, and a step has one row",
                fix="keep one of the rows; or, if the table holds several series, group_by="
                + (keys[0] if keys else "COLUMN"),
            )
        if dates and when < dates[-1]:
            keys = series_keys(table, date)
            raise table.bad(
                f"the date {cell} is earlier than {table.column(date)[row - 1]} before it",
                row,
                date,
                why="a series is in time order",
                fix=f"if the table holds several series, group_by={keys[0]}"
                if keys
                else f"sort the rows of {Path(table.file).name} by {date}",
            )
        dates.append(when)
    return dates


def _places(
    table: Table, date: str, dates: list[dt.datetime], step: Step, interpolate: bool
) -> npt.NDArray[np.int64]:
    """Return the index of each row in the evenly spaced series."""
    places = [0]
    cells = table.column(date)
    for row in range(1, len(dates)):
        apart = step.between(dates[row - 1], dates[row])
        if apart is None:
            raise table.bad(
                f"the date {cells[row]} does not fit the frequency",
                row,
                date,
                why=f"rows are {_apart(step)} apart, and the one before it is {cells[row - 1]}",
                fix="give evenly spaced measurements",
            )
        if apart > 1 and not interpolate:
            count = f"{apart - 1} row{'s are' if apart > 2 else ' is'} missing"
            raise table.bad(
                f"{count} between {cells[row - 1]} and {cells[row]}",
                row,
                date,
                why=f"rows are {_apart(step)} apart",
                fix="add them, or train with the data option gaps=interpolate",
            )
        places.append(places[-1] + apart)
    return np.array(places)


def _apart(step: Step) -> str:
    word = str(step)
    return word if word[0].isdigit() else f"an {word}" if word == "hour" else f"a {word}"


def _numbers(table: Table, name: str, interpolate: bool) -> npt.NDArray[np.float64]:
    values = np.empty(len(table))
    for row, cell in enumerate(table.column(name)):
        if is_missing(cell):
            if not interpolate:
                raise table.bad(
                    "the value is missing",
                    row,
                    name,
                    why="every step of a series has a value",
                    fix="fill it in, or train with the data option gaps=interpolate",
                )
            values[row] = np.nan
        elif not is_number(cell) or abs(float(cell)) > _LARGEST:
            raise table.bad(
                f"{cell!r} is not a finite number",
                row,
                name,
                why="the column holds measurements",
                fix=f"correct the cell, or leave the column out: drop=[{name!r}]",
            )
        else:
            values[row] = float(cell)
    return values


def _rows_ahead(table: Table, channels: Sequence[str]) -> int:
    """Return how many of the last rows have no measurement."""
    missing = np.all([table.columns[name].missing() for name in channels], axis=0)
    measured = np.flatnonzero(~missing)
    return len(table) - int(measured[-1]) - 1 if len(measured) else 0


def _fill(
    table: Table,
    values: npt.NDArray[np.float64],
    gaps: npt.NDArray[np.bool_],
    places: npt.NDArray[np.int64],
    name: str,
) -> None:
    """Interpolate missing values linearly, in place."""
    at = np.arange(len(values))
    known = np.flatnonzero(~gaps)
    if not len(known) or gaps[0] or gaps[-1]:
        row = 0 if not len(known) or gaps[0] else len(table) - 1
        raise table.bad(
            "the value is missing at the end of the series",
            row,
            name,
            why="missing values are interpolated between two neighbors",
            fix="remove the row",
        )
    steps = np.diff(known)
    if steps.max(initial=1) - 1 > MAX_FILL:
        before = known[int(steps.argmax())]
        row = int(np.searchsorted(places, before, side="right"))
        raise table.bad(
            f"{int(steps.max()) - 1} steps are missing before this row",
            row,
            name,
            why=f"at most {MAX_FILL} in a row are interpolated",
            fix="give the part of the series after the gap",
        )
    values[gaps] = np.interp(at[gaps], known, values[known])
