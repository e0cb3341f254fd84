"""Time series: windows of evenly spaced measurements, and the forecast of each.

The steps are split in time order, the earliest for training, the latest for testing; windows are
cut within a split, so none crosses a border. A CSV file is read as a series with
``task=forecasting``, or, without options of a table, if its first column holds dates and all
others hold numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.columns import (
    TYPED_SHARE,
    absent_columns,
    check_float32,
    is_numeric,
    refuse_options,
)
from zoo.data.dataset import ArraySplit, Dataset
from zoo.data.options import HeaderOptions, SeriesOptions, WindowOptions, header_options
from zoo.errors import BadRecord, ConfigError, DataError, Finding
from zoo.files import open_regular
from zoo.runtime.calendar import CALENDAR, parse_date
from zoo.runtime.csv import read_table
from zoo.runtime.series import Series, read_series
from zoo.runtime.table import Table
from zoo.runtime.table_files import read_file
from zoo.runtime.text_files import decode
from zoo.spec import Column, DataSpec, SeriesSpec, Split, Task, TensorSpec

_FIRST_BYTES = 2**16
_HORIZONS = {"hour": 24, "day": 7, "month": 12}
_CALENDARS = {
    "second": ("minute", "hour"),
    "minute": ("minute", "hour", "weekday"),
    "hour": ("hour", "weekday", "day_of_year"),
    "day": ("weekday", "day_of_year"),
    "month": ("month",),
}


def is_series(path: Path, given: Mapping[str, Any]) -> bool:
    """Return whether a CSV file is a time series, by the given options or its columns."""
    if "task" in given or not set(given) <= set(SeriesOptions.model_fields):
        return bool(given.get("task") == "forecasting")
    if {"horizon", "window", "calendar", "gaps", "date"} & set(given):
        return True
    header = header_options(given, str(path))
    try:
        if not _dates_first(_first_rows(path, header)):
            return False
        table = read_file(path, header=header.header, names=header.names)
    except DataError:
        return False
    return _dates_first(table) and all(is_numeric(table, name) for name in table.header[1:])


def open_series(path: Path, options: SeriesOptions) -> Dataset:
    """Read a CSV file into windows: inputs ``history`` and ``calendar``, target ``forecast``.

    Raises:
        BadRecord: If a date, a cell or a column is wrong, or the series is too short.
        ConfigError: If an option names a column that is not there.
    """
    table = read_file(path, header=options.header, names=options.names)
    date, channels, targets = _columns(table, options)
    series = read_series(
        table, date=date, channels=channels, interpolate=options.gaps == "interpolate"
    )
    for name in channels:
        values, _ = table.columns[name].numbers()
        if name in targets and np.nanmin(values) == np.nanmax(values):
            raise table.bad(
                f"the value is {values[0]:g} in every row",
                column=name,
                why="there is nothing to forecast",
                fix="name the columns to forecast: target=COLUMN",
            )
        check_float32(table, name, values, predicted=True)
    features: tuple[str, ...] | None = options.calendar
    if features is None:
        features = _CALENDARS[series.step.unit] if series.step else ()
    if features and date is None:
        raise ConfigError(
            f"{path} has no dates, so it has no calendar",
            findings=[Finding("calendar", features, "an empty list")],
            fix="name the column of dates: date=COLUMN",
        )
    horizon = options.horizon or _HORIZONS.get(series.step.unit if series.step else "", 8)
    spec = series_spec(
        path.name,
        [Column(name=name, categories=None) for name in channels],
        targets,
        window=options.window or 4 * horizon,
        calendar=features or (),
        series=SeriesSpec(
            date=date,
            every=series.step.every if series.step else 1,
            unit=series.step.unit if series.step else "step",
            horizon=horizon,
            gaps=options.gaps,
        ),
    )
    splits = windows(series, spec, options)
    return Dataset(spec, lambda: splits)


def series_spec(
    name: str,
    channels: Sequence[Column],
    targets: Sequence[str],
    *,
    window: int,
    series: SeriesSpec,
    calendar: Sequence[str] = (),
) -> DataSpec:
    """Return the spec of a forecaster.

    Args:
        name: Id of the data.
        channels: The measurements in the history.
        targets: Names of the channels to forecast.
        window: Steps of history.
        series: How a window is cut from a table.
        calendar: Calendar features of the history and the forecast; see
            :data:`zoo.runtime.calendar.CALENDAR`.

    Shapes:
        history: `[window, channels]`; calendar: `[window + horizon, features]`; forecast:
        `[horizon, targets]`, all in raw units.

    Example:
        >>> spec = series_spec(
        ...     "sales", [Column(name="sales")], ["sales"], window=4,
        ...     series=SeriesSpec(date="day", unit="day", horizon=2))
        >>> spec.inputs[0].shape, spec.targets[0].shape
        ((4, 1), (2, 1))
    """
    chosen = tuple(column for column in channels if column.name in targets)
    units = {column.unit for column in chosen}
    inputs = [
        TensorSpec(
            name="history", shape=(window, len(channels)), columns=tuple(channels), series=series
        )
    ]
    if calendar:
        columns = tuple(
            Column(name=feature, unit=f"{CALENDAR[feature][0]} to {CALENDAR[feature][1]}")
            for feature in calendar
        )
        shape = (window + series.horizon, len(calendar))
        inputs.append(TensorSpec(name="calendar", shape=shape, dtype="int32", columns=columns))
    forecast = TensorSpec(
        name="forecast",
        shape=(series.horizon, len(chosen)),
        columns=chosen,
        unit=units.pop() if len(units) == 1 else None,
    )
    return DataSpec(id=name, task=Task.FORECASTING, inputs=tuple(inputs), targets=(forecast,))


def windows(series: Series, spec: DataSpec, options: WindowOptions) -> Mapping[str, Split]:
    """Split the steps in time order and cut every window within each split, the earliest first.

    A window is left out if its last step or its forecast was interpolated: the former depends on
    the forecast, and the latter is no measurement.

    Raises:
        DataError: If a split is too short for one window.

    Example:
        >>> options = WindowOptions(window=4, horizon=2, validation_split=0.25, test_split=0.25)
        >>> {name: len(split) for name, split in windows(series, spec, options).items()}
        {'train': 10, 'validation': 3, 'test': 3}
    """
    history, forecast = spec.inputs[0], spec.targets[0]
    window, horizon = int(history.shape[0]), int(forecast.shape[0])
    calendar = spec.input("calendar")
    steps = len(series.values)
    test = max(1, round(steps * options.test_split))
    validation = max(1, round(steps * options.validation_split))
    borders = {
        "train": (0, steps - validation - test),
        "validation": (steps - validation - test, steps - test),
        "test": (steps - test, steps),
    }
    names = [column.name for column in forecast.columns or ()]
    places = [series.channels.index(name) for name in names]
    calendar_rows = (
        series.calendar([column.name for column in calendar.columns or ()], 0, steps)
        if calendar is not None
        else None
    )
    splits = {}
    for name, (start, stop) in borders.items():
        origins = np.arange(start + window, stop - horizon + 1)
        measured = np.array([not series.filled[o - 1 : o + horizon].any() for o in origins], bool)
        origins = origins[measured] if len(origins) else origins
        if not len(origins):
            raise DataError(
                f"the {name} split of {spec.id!r} is too short",
                why=f"it has {stop - start} of the {steps} steps, and one window with its "
                f"forecast takes {window} + {horizon}",
                fix="give a longer series, a smaller window or horizon, or another "
                "validation_split or test_split",
            )
        inputs: dict[str, npt.NDArray[Any]] = {
            history.name: _cut(series.values, origins, -window, 0)
        }
        if calendar is not None and calendar_rows is not None:
            inputs[calendar.name] = _cut(calendar_rows, origins, -window, horizon)
        future = _cut(series.values[:, places], origins, 0, horizon)
        splits[name] = ArraySplit(inputs, {forecast.name: future})
    return splits


def _cut(
    values: npt.NDArray[Any], origins: npt.NDArray[np.int64], start: int, stop: int
) -> npt.NDArray[Any]:
    """Return the values from ``start`` up to ``stop``, relative to each origin."""
    return np.ascontiguousarray(values[origins[:, None] + np.arange(start, stop)])


def _columns(table: Table, options: SeriesOptions) -> tuple[str | None, list[str], list[str]]:
    """Return the column of dates, the channels, and the channels to forecast."""
    date = options.date
    if date is None:
        date = next((name for name in table.header if _is_dates(table, name)), None)
    asked = {"date": (date,) if date else (), "target": options.target, "drop": options.drop}
    findings = absent_columns(table, asked)
    for name in options.target or ():
        if name in table.header and (name == date or name in options.drop):
            findings.append(Finding("target", name, "a column of measurements that is kept"))
    channels = [name for name in table.header if name != date and name not in options.drop]
    if not findings and not channels:
        findings.append(Finding("columns", table.header, "a column of measurements is needed"))
    refuse_options(table, findings)
    return date, channels, [name for name in channels if name in (options.target or channels)]


def _first_rows(path: Path, header: HeaderOptions) -> Table:
    """Return the first rows of a table, which tell most tables from series."""
    if path.suffix.lower() not in (".csv", ".tsv"):
        return read_file(path)
    try:
        with open_regular(path) as stream:
            start = stream.read(_FIRST_BYTES)
    except OSError as error:
        raise BadRecord(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    whole = start if len(start) < _FIRST_BYTES else start[: start.rfind(b"\n") + 1]
    text = decode(whole, str(path))
    return read_table(path, text, header=header.header, names=header.names)


def _is_dates(table: Table, name: str) -> bool:
    cells = table.columns[name]
    if cells.plain is not None:
        return False
    return float(cells.where(lambda text: parse_date(text) is not None).mean()) >= TYPED_SHARE


def _dates_first(table: Table) -> bool:
    return len(table.columns) > 1 and _is_dates(table, table.header[0])
