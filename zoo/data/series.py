"""Time series: windows of evenly spaced measurements, and the forecast of each.

The steps are split in time order, the earliest for training, the latest for testing; a table of
several series is split at the same dates for all of them. A forecast lies within one split. The
history of a validation or test window may begin before its split: it is known when a forecast is
made.

A table is read as a series with ``task=forecasting``, with an option that only series have, or if
its first column holds dates and all others numbers. Its frequency is inferred from the dates: see
:func:`zoo.runtime.calendar.infer_step`. The window and the horizon follow from the frequency and
the number of steps: see :func:`window_sizes`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.columns import (
    TYPED_SHARE,
    absent_columns,
    check_float32,
    is_numeric,
    refuse_options,
)
from zoo.data.dataset import ArraySplit, Dataset
from zoo.data.options import (
    HeaderOptions,
    SeriesOptions,
    WindowOptions,
    header_options,
    read_options,
)
from zoo.data.panel import Borders, Panel, split_borders, too_short
from zoo.data.summary import ColumnSummary
from zoo.errors import BadRecord, ConfigError, DataError, Finding
from zoo.files import open_regular
from zoo.runtime.calendar import CALENDAR, YEAR, Step, parse_date
from zoo.runtime.csv import read_table
from zoo.runtime.inputs import TABLES, TEXT_TABLES
from zoo.runtime.table import Table
from zoo.runtime.table_files import read_file
from zoo.runtime.text_files import decode
from zoo.spec import EVERY_DAY, Column, DataSpec, SeriesSpec, Task, TensorSpec

_FIRST_BYTES = 2**16
_OWN_OPTIONS = {"horizon", "window", "calendar", "gaps", "date", "future"}
_MAX_HORIZON, _ANY_HORIZON = 24, 8
_CALENDARS = {
    "second": ("minute", "hour"),
    "minute": ("minute", "hour", "weekday"),
    "hour": ("hour", "weekday", "day_of_year"),
    "day": ("weekday", "day_of_year"),
    "month": ("month",),
}


def is_series(path: Path, given: Mapping[str, Any]) -> bool:
    """Return whether a table is a time series, by the given options or its columns."""
    if asks_for_series(given) or "task" in given:
        return asks_for_series(given)
    if not set(given) <= set(SeriesOptions.model_fields):
        return False
    said = {name: given[name] for name in ("group_by", "drop") if name in given}
    options = read_options(SeriesOptions, said, str(path))
    others = {*options.group_by, *options.drop}
    header = header_options(given, str(path))
    try:
        if not _dates_first(_first_rows(path, header), others):
            return False
        table = read_file(path, header.layout)
    except DataError:
        return False
    kept = [is_numeric(table, name) for name in table.header[1:] if name not in others]
    # With group_by a column of texts is named in the error; a table has no use for the dates.
    return _dates_first(table, others) and (any(kept) if options.group_by else all(kept))


def asks_for_series(given: Mapping[str, Any]) -> bool:
    """Return whether options are those of a series alone."""
    return given.get("task", "forecasting") == "forecasting" and bool(
        {"task", *_OWN_OPTIONS} & set(given)
    )


def open_series(path: Path, options: SeriesOptions) -> Dataset:
    """Read files of series: see :func:`open_series_tables`."""
    given = {"train": str(path), "validation": options.validation, "test": options.test}
    tables = {
        split: read_file(Path(file), options.layout)
        for split, file in given.items()
        if file is not None
    }
    return open_series_tables(tables, path.name, options)


def open_series_tables(tables: Mapping[str, Table], name: str, options: SeriesOptions) -> Dataset:
    """Return the dataset of tables: inputs ``history`` and ``calendar``, target ``forecast``.

    Args:
        tables: The table of the split ``train``, of which the latest steps are held out; and those
            of ``validation`` and ``test`` that have their own, each later than the one before.
        name: Id of the data.
        options: Options of a series.

    Raises:
        BadRecord: If a date, a cell or a column is wrong, or the series is too short.
        ConfigError: If an option names a column that is not there.
    """
    table = tables["train"]
    date, channels, targets = _columns(table, options)
    interpolate = options.gaps == "interpolate"
    panel = Panel.read(
        tables, date, options.group_by, channels, future=options.future, interpolate=interpolate
    )
    for channel in (*channels, *options.future):
        values, _ = table.columns[channel].numbers()
        if channel in targets and np.nanmin(values) == np.nanmax(values):
            raise table.bad(
                f"the value is {values[0]:g} in every row",
                column=channel,
                why="there is nothing to forecast",
                fix="name the columns to forecast: target=COLUMN",
            )
        check_float32(table, channel, values, predicted=channel in channels)
    step = panel.step
    features: tuple[str, ...] | None = options.calendar
    if features is None:
        features = _CALENDARS[step.unit] if step and str(step) != "year" else ()
    if features and date is None:
        raise ConfigError(
            f"{table.name} has no dates, so it has no calendar",
            findings=[Finding("calendar", features, "an empty list")],
            fix="name the column of dates: date=COLUMN",
        )
    borders = split_borders(panel, options)
    sizes = {split: stop - start for split, (start, stop) in borders.items()}
    window, horizon = window_sizes(
        sizes["train"],
        min(sizes["validation"], sizes["test"]),
        step.season if step else 1,
        options,
    )
    counts = panel.counts(borders, window, horizon)
    if not all(counts.values()):
        raise too_short(panel, borders, window, horizon, name)
    spec = series_spec(
        name,
        [Column(name=channel, categories=None) for channel in channels],
        targets,
        window=window,
        calendar=features,
        future=[Column(name=channel, categories=None) for channel in options.future],
        series=SeriesSpec(
            date=date,
            every=step.every if step else 1,
            unit=step.unit if step else "step",
            weekmask=step.weekmask if step else EVERY_DAY,
            horizon=horizon,
            gaps=options.gaps,
            group_by=options.group_by,
            training_steps=panel.known_steps(borders["train"]),
        ),
    )
    splits = panel.cut(spec, borders)
    dataset = Dataset(spec, lambda: splits)
    dataset.columns = _summaries(table, date, targets, options)
    dataset.notes = (*table.notes, *_notes(panel, borders, spec, options))
    dataset.drawn = "test" not in tables
    return dataset


def whole_series(table: Table, spec: DataSpec, earlier: Sequence[Table] = ()) -> ArraySplit:
    """Return every window of a table, as a model takes it.

    Args:
        table: The columns that the model reads, by name.
        spec: The spec of the data that the model was made for.
        earlier: Tables in time order. Where the dates join, the first windows begin with their
            last steps; if they do not end before the table begins, they count for nothing.

    Raises:
        DataError: If a column is missing or wrong, or the table is too short for one window.
    """
    history = spec.inputs[0]
    declared: SeriesSpec = history.series  # type: ignore[assignment]  # a forecaster's has one
    channels = [column.name for column in history.columns or ()]
    ahead = spec.input("future")
    future = [column.name for column in (ahead.columns if ahead else None) or ()]
    needed = [*([declared.date] if declared.date else []), *declared.group_by, *channels, *future]
    for column in needed:
        if column not in table.columns:
            raise table.without(column, needed)

    def read(tables: Mapping[str, Table]) -> Panel:
        return Panel.read(
            tables,
            declared.date,
            declared.group_by,
            channels,
            future=future,
            interpolate=declared.gaps == "interpolate",
            step=Step.of(declared) if declared.date else None,
        )

    panel = read({"test": table})
    if earlier and declared.date:
        before = {str(number): one for number, one in enumerate(earlier)}
        # Tables of other columns or dates are no history of this one.
        with contextlib.suppress(DataError):
            panel = read({**before, "test": table})
    borders = {"test": panel.files["test"]}
    window = int(history.shape[0])
    if not panel.counts(borders, window, declared.horizon)["test"]:
        raise too_short(panel, borders, window, declared.horizon, table.name)
    return panel.cut(spec, borders)["test"]


def window_sizes(train: int, held_out: int, season: int, options: WindowOptions) -> tuple[int, int]:
    """Return the window and the horizon, which follow from the frequency and the steps.

    The horizon is a season of the frequency (see :attr:`zoo.runtime.calendar.Step.season`), at
    most 24 steps, or 8 where there is none. It is shrunk to half of the steps of the shorter one
    of the validation and the test split. The window is four horizons, and at least a season. It is
    shrunk, to whole seasons if possible, so that the training split has at least half as many
    windows as it has steps.

    Args:
        train: Steps of the training split.
        held_out: Steps of the shorter one of the other splits.
        season: Steps of a season; 1 for none.
        options: A given window or horizon is kept.

    Example:
        >>> window_sizes(144, 48, 12, WindowOptions())  # twenty years of months
        (48, 12)
        >>> window_sizes(24, 8, 12, WindowOptions())  # forty months
        (8, 4)
    """
    usual = min(season, _MAX_HORIZON) if season > 1 else _ANY_HORIZON
    horizon = options.horizon or max(1, min(usual, held_out // 2))
    window, room = max(4 * horizon, season), max(2, train // 2 - horizon)
    if window > room:
        window = room - room % season if room >= season else room
    return options.window or window, horizon


def series_spec(
    name: str,
    channels: Sequence[Column],
    targets: Sequence[str],
    *,
    window: int,
    series: SeriesSpec,
    calendar: Sequence[str] = (),
    future: Sequence[Column] = (),
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
        future: Columns that are known in advance, such as promotions and holidays.

    Shapes:
        history: `[window, channels]`; calendar: `[window + horizon, features]`; future: `[window +
        horizon, columns]`; forecast: `[horizon, targets]`, all in raw units.

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
    if future:
        shape = (window + series.horizon, len(future))
        inputs.append(TensorSpec(name="future", shape=shape, columns=tuple(future)))
    forecast = TensorSpec(
        name="forecast",
        shape=(series.horizon, len(chosen)),
        columns=chosen,
        unit=units.pop() if len(units) == 1 else None,
    )
    return DataSpec(id=name, task=Task.FORECASTING, inputs=tuple(inputs), targets=(forecast,))


def _columns(table: Table, options: SeriesOptions) -> tuple[str | None, list[str], list[str]]:
    """Return the column of dates, the channels, and the channels to forecast."""
    date = options.date
    if date is None:
        date = next((name for name in table.header if _is_dates(table, name)), None)
    if date is None and table.header and _counts_years(table, table.header[0]):
        date = table.header[0]
    asked = {
        "date": (date,) if date else (),
        "target": options.target,
        "drop": options.drop,
        "group_by": options.group_by,
        "future": options.future,
    }
    findings = absent_columns(table, asked)
    others = {date, *options.drop, *options.group_by, *options.future}
    for name in options.target or ():
        if name in table.header and name in others:
            findings.append(Finding("target", name, "a column of measurements that is kept"))
    if options.group_by and date is None:
        findings.append(Finding("group_by", options.group_by, "several series need dates"))
    channels = [name for name in table.header if name not in others]
    if not findings and not channels:
        findings.append(Finding("columns", table.header, "a column of measurements is needed"))
    refuse_options(table, findings)
    return date, channels, [name for name in channels if name in (options.target or channels)]


def _summaries(
    table: Table, date: str | None, targets: Sequence[str], options: SeriesOptions
) -> tuple[ColumnSummary, ...]:
    """Return what was understood of each column."""
    found = []
    for name, cells in table.columns.items():
        kind, reason = "numeric", "an input: its past is seen, and it is not forecast"
        if name == date:
            kind, reason = "date", "the option date" if options.date else "it holds dates"
        elif name in options.group_by:
            kind, reason = "group", "the option group_by: its values name the series"
        elif name in options.future:
            reason = "the option future: an input that is known in advance"
        elif name in options.drop:
            kind, reason = "dropped", "the option drop"
        elif name in targets:
            kind = "measurement"
            reason = "the option target" if options.target else "every measurement is forecast"
        found.append(ColumnSummary.of(name, kind, reason, cells))
    return tuple(found)


def _notes(
    panel: Panel, borders: Borders, spec: DataSpec, options: SeriesOptions
) -> tuple[str, ...]:
    """Return the frequency, the steps of each split, and the sizes of windows, in words."""
    step, first = panel.step, panel.series.first
    what = "a series" if panel.names == ((),) else f"{len(panel.names):,} series"
    parts = []
    for split, (start, stop) in borders.items():
        ends = ""
        if step is not None and first is not None:
            dates = [step.advance(first, at) for at in (start, stop - 1)]
            whole = all(not (one.hour or one.minute or one.second) for one in dates)
            shown = [f"{one:%Y-%m-%d}" if whole else f"{one:%Y-%m-%d %H:%M}" for one in dates]
            ends = f" ({shown[0]} to {shown[1]})"
        parts.append(f"{split} {stop - start:,} steps{ends}")
    filled = int(panel.filled.sum())
    window, horizon = spec.inputs[0].shape[0], spec.targets[0].shape[0]
    chosen = {"window": options.window, "horizon": options.horizon}
    default = [name for name, value in chosen.items() if value is None]
    return (
        f"{what}, {step.frequency if step else 'without dates'}: {', '.join(parts)}"
        + (f"; interpolated steps: {filled:,}" if filled else ""),
        f"{window} steps of history forecast {horizon}"
        + (f" (the {' and the '.join(default)} by default)" if default else ""),
    )


def _first_rows(path: Path, header: HeaderOptions) -> Table:
    """Return the first rows of a table, which tell most tables from series."""
    if path.suffix.lower() in TABLES and path.suffix.lower() not in TEXT_TABLES:
        return read_file(path)
    try:
        with open_regular(path) as stream:
            start = stream.read(_FIRST_BYTES)
    except OSError as error:
        raise BadRecord(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    whole = start if len(start) < _FIRST_BYTES else start[: start.rfind(b"\n") + 1]
    text = decode(whole, str(path), header.encoding)
    return read_table(path, text, layout=header.layout)


def _is_dates(table: Table, name: str) -> bool:
    cells = table.columns[name]
    if cells.plain is not None:
        return False
    return float(cells.where(lambda text: parse_date(text) is not None).mean()) >= TYPED_SHARE


def _counts_years(table: Table, name: str) -> bool:
    """Return whether a column counts the years up, in equal steps."""
    cells = table.columns[name]
    if cells.plain is None or not all(map(YEAR.fullmatch, cells.texts)):
        return False
    steps = np.diff(cells.plain)
    return len(steps) > 1 and steps[0] > 0 and bool((steps == steps[0]).all())


def _dates_first(table: Table, others: Iterable[str]) -> bool:
    first = table.header[0] if table.header else ""
    return len(table.columns) > 1 and first not in set(others) and _is_dates(table, first)
