"""From a table in time order to what a forecaster takes: checked row by row, then one window."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.runtime.calendar import Step, calendar_row, find_step, read_moment
from zoo.runtime.csv import Table, is_missing, is_number, read_table
from zoo.spec import SeriesSpec, TensorSpec

MAX_FILL = 48
"""The most steps in a row that are filled in; over a longer hole a straight line means nothing."""

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Series:
    """Evenly spaced measurements.

    Attributes:
        channels: The columns' names.
        values: `[steps, channels]`, nothing missing.
        filled: `[steps]`, true where a value of the step was not measured but filled in.
        first: The date of the first step, ``None`` if steps have no dates.
        step: From one row to the next; ``None`` if unknown.
    """

    channels: tuple[str, ...]
    values: npt.NDArray[np.float32]
    filled: npt.NDArray[np.bool_]
    first: dt.datetime | None
    step: Step | None

    def calendar(self, features: Sequence[str], start: int, stop: int) -> npt.NDArray[np.int32]:
        """Return what a calendar says of the steps from ``start`` to before ``stop``.

        Steps behind the last measurement have dates too.
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
    interpolate: bool = False,
    step: Step | None = None,
) -> Series:
    """Check a table in time order, and make it evenly spaced.

    Args:
        table: The rows, the earliest first.
        date: The column of dates, ``None`` if rows are evenly spaced and have none.
        channels: The columns of measurements.
        interpolate: Whether rows and cells that are missing are filled in on a straight line
            between their neighbors, at most :data:`MAX_FILL` in a row, instead of being errors.
        step: From one row to the next; found from the dates if left out.

    Raises:
        BadRecord: If a date is none, comes twice, goes back, or is off the beat; if rows or cells
            are missing, or a cell is no number.
    """
    values = np.stack([_numbers(table, name, interpolate) for name in channels], axis=1)
    if date is None:
        known = values
        first, places = None, np.arange(len(values))
    else:
        moments = _moments(table, date)
        if step is None:
            step = find_step(moments) if len(moments) > 1 else Step(1, "day")
        first, places = moments[0], _places(table, date, moments, step, interpolate)
        known = np.full((int(places[-1]) + 1, values.shape[1]), np.nan)
        known[places] = values
    missing: npt.NDArray[np.bool_] = np.isnan(known)
    if missing.any():
        _fill(table, known, missing, places, channels)
    return Series(tuple(channels), known.astype(np.float32), np.any(missing, axis=1), first, step)


def encode_series(path: Path, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the last window of a CSV file, and the calendar of it and of what is forecast.

    Args:
        path: A table with the columns that the model was trained on, by name; others do not
            count. It may be longer than the window: the end of it is used.
        specs: What the graph takes: a history with a ``series``, and perhaps a ``calendar``.

    Returns:
        Arrays of one example.

    Raises:
        BadRecord: If a column is not there, the series is shorter than the window, or its dates
            or cells are wrong; see :func:`read_series`.
    """
    history = next(spec for spec in specs if spec.series is not None)
    declared: SeriesSpec = history.series  # type: ignore[assignment]  # chosen for having one
    table = read_table(path)
    channels = [column.name for column in history.columns or ()]
    for name in [*([declared.date] if declared.date else []), *channels]:
        if name not in table.header:
            raise table.bad(
                f"there is no column {name!r}",
                why=f"the model reads {', '.join(channels)}"
                + (f" by {declared.date}" if declared.date else "")
                + f"; the file has {', '.join(table.header)}",
                fix="name the columns as in the data that the model was trained on",
            )
    series = read_series(
        table,
        date=declared.date,
        channels=channels,
        interpolate=declared.gaps == "interpolate",
        step=Step.of(declared) if declared.date else None,
    )
    window, steps = int(history.shape[0]), len(series.values)
    if steps < window:
        raise table.bad(
            f"the series has {steps} step{'s' if steps != 1 else ''} of {declared.step}",
            why=f"the model looks back over {window}",
            fix="give a longer series",
        )
    arrays: dict[str, np.ndarray[Any, Any]] = {history.name: series.values[None, steps - window :]}
    for spec in specs:
        if spec.name == "calendar":
            features = [column.name for column in spec.columns or ()]
            rows = series.calendar(features, steps - window, steps + declared.horizon)
            arrays[spec.name] = rows[None]
    return arrays


def forecast_dates(raw: Any, specs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Return the dates of what is forecast from a file, empty if there are none.

    Args:
        raw: What the model is asked with; checked by :func:`encode_series` before.
        specs: What the graph takes.
    """
    declared = next((spec.series for spec in specs if spec.series is not None), None)
    paths = raw if isinstance(raw, list | tuple) else [raw]
    if declared is None or declared.date is None or len(paths) != 1:
        return ()
    if not isinstance(paths[0], str | Path) or Path(paths[0]).suffix.lower() not in (
        ".csv",
        ".tsv",
    ):
        return ()
    table = read_table(Path(paths[0]))
    last = read_moment(table.column(declared.date)[-1])
    if last is None:
        return ()
    step = Step.of(declared)
    moments = [step.advance(last, ahead) for ahead in range(1, declared.horizon + 1)]
    whole = all(moment.time() == dt.time() for moment in moments)
    return tuple(
        moment.date().isoformat() if whole else moment.isoformat(" ", "minutes")
        for moment in moments
    )


def _moments(table: Table, date: str) -> list[dt.datetime]:
    """Return the dates of all rows, each later than the one before."""
    moments: list[dt.datetime] = []
    for row, cell in enumerate(table.column(date)):
        moment = read_moment(cell)
        if moment is None:
            raise table.bad(
                "the date is missing" if is_missing(cell) else f"{cell!r} is not a date",
                row,
                date,
                why="dates are written 1981-01-31, with a time 1981-01-31 06:00, or 1981-01",
                fix="write the date so; of 01/02/1981 nobody knows which is the month",
            )
        if moments and moment == moments[-1]:
            raise table.bad(
                f"the date {cell} stands here for the second time",
                row,
                date,
                why=f"line {table.lines[row - 1]} has it too, and a step has one row",
                fix="keep one of the rows",
            )
        if moments and moment < moments[-1]:
            raise table.bad(
                f"the date {cell} is earlier than {table.column(date)[row - 1]} before it",
                row,
                date,
                why="a series is in time order",
                fix=f"sort the rows of {Path(table.file).name} by {date}",
            )
        moments.append(moment)
    return moments


def _places(
    table: Table, date: str, moments: list[dt.datetime], step: Step, interpolate: bool
) -> npt.NDArray[np.int64]:
    """Return at which step of an even spacing each row stands."""
    places = [0]
    cells = table.column(date)
    for row in range(1, len(moments)):
        apart = step.between(moments[row - 1], moments[row])
        if apart is None:
            raise table.bad(
                f"the date {cells[row]} is off the beat",
                row,
                date,
                why=f"rows are {_apart(step)} apart, and {cells[row - 1]} stands before it",
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
    if step.every > 1:
        return str(step)
    return f"an {step}" if step.unit == "hour" else f"a {step}"


def _numbers(table: Table, name: str, interpolate: bool) -> npt.NDArray[np.float64]:
    values = np.empty(len(table.rows))
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
                fix="correct the cell, or leave the column out",
            )
        else:
            values[row] = float(cell)
    return values


def _fill(
    table: Table,
    values: npt.NDArray[np.float64],
    missing: npt.NDArray[np.bool_],
    places: npt.NDArray[np.int64],
    channels: Sequence[str],
) -> None:
    """Draw straight lines over the holes, in place."""
    at = np.arange(len(values))
    for channel, name in enumerate(channels):
        holes = missing[:, channel]
        known = np.flatnonzero(~holes)
        if not len(known) or holes[0] or holes[-1]:
            row = 0 if not len(known) or holes[0] else len(table.rows) - 1
            raise table.bad(
                "the value is missing at the end of the series",
                row,
                name,
                why="a line is drawn between two neighbors, and there is one at most",
                fix="take the row out",
            )
        steps = np.diff(known)
        if steps.max(initial=1) - 1 > MAX_FILL:
            before = known[int(steps.argmax())]
            row = int(np.searchsorted(places, before, side="right"))
            raise table.bad(
                f"{int(steps.max()) - 1} steps are missing before this row",
                row,
                name,
                why=f"at most {MAX_FILL} in a row are filled in",
                fix="give the part of the series after the hole",
            )
        values[holes, channel] = np.interp(at[holes], known, values[known, channel])


__all__ = ["MAX_FILL", "Series", "encode_series", "forecast_dates", "read_series"]
