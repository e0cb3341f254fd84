"""Encode the last window of each series of a table for a forecaster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.runtime.calendar import Step, has_zone
from zoo.runtime.series import Series, read_panel
from zoo.runtime.table import Table
from zoo.runtime.table_inputs import Inputs
from zoo.spec import SeriesSpec, TensorSpec


def encode_series(table: Table, specs: Sequence[TensorSpec]) -> Inputs:
    """Encode the last window of each series, with the calendar of it and of the horizon.

    Args:
        table: The columns that the model was trained on, by name; others are ignored. Series may
            be longer than the window, and others than in training; without the columns that name
            them, the table is one series.
        specs: Specs of the inputs: a history with a ``series``, and perhaps a ``calendar`` and a
            ``future``, for which the table has rows ahead of the last measured one.

    Returns:
        One example for each series; the dates of its forecast, if there are dates.

    Raises:
        BadRecord: If a column is missing, a series is shorter than the window, or its dates or
            cells are wrong; see :func:`read_series`.
    """
    history = next(spec for spec in specs if spec.series is not None)
    declared: SeriesSpec = history.series  # type: ignore[assignment]  # chosen for having one
    columns = {spec.name: [column.name for column in spec.columns or ()] for spec in specs}
    channels, future = columns[history.name], columns.get("future", [])
    for name in [*([declared.date] if declared.date else []), *channels, *future]:
        if name not in table.header:
            raise table.bad(
                f"the column {name!r} is missing",
                why=f"the model reads {', '.join([*channels, *future])}"
                + (f" by {declared.date}" if declared.date else "")
                + f"; the file has {', '.join(table.header)}",
                fix="name the columns as in the data that the model was trained on",
            )
    group_by = [name for name in declared.group_by if name in table.header]
    panel = read_panel(
        table,
        date=declared.date,
        group_by=group_by,
        channels=channels,
        future=future,
        interpolate=declared.gaps == "interpolate",
        step=Step.of(declared) if declared.date else None,
    )
    window, horizon = int(history.shape[0]), declared.horizon
    for values, series in panel.items():
        if (steps := series.measured) < window:
            raise table.bad(
                f"the series {', '.join(values)} has".replace("  ", " ")
                + f" {steps} step{'s' if steps != 1 else ''} of {declared.step}",
                why=f"the model looks back over {window}",
                fix="give a longer series",
            )
        ahead = len(series.values) - steps
        if future and ahead < horizon:
            raise table.bad(
                f"the series {', '.join(values)} has".replace("  ", " ")
                + f" {ahead} rows after its last measured one",
                why=f"the model forecasts {horizon}, from their {', '.join(future)}",
                fix=f"add their rows, with an empty {channels[0]}",
            )
    # Dates with a time zone are converted to UTC, and the forecast says so.
    zone = "Z" if declared.date and any(map(has_zone, table.columns[declared.date].texts)) else ""
    ends = [(one, one.measured) for one in panel.values()]
    for one, at in ends:
        _check_calendar(table, one, at + horizon)
    count = len(channels)
    arrays: dict[str, np.ndarray[Any, Any]] = {
        history.name: np.stack([one.values[at - window : at, :count] for one, at in ends])
    }
    if future:
        known = [one.values[at - window : at + horizon, count:] for one, at in ends]
        arrays["future"] = np.stack(known)
    if features := columns.get("calendar"):
        rows = [one.calendar(features, at - window, at + horizon) for one, at in ends]
        arrays["calendar"] = np.stack(rows)
    return Inputs(
        arrays,
        dates=tuple(_forecast_dates(one, horizon, zone) for one in panel.values()),
        series=tuple(dict(zip(group_by, name, strict=True)) for name in panel) if group_by else (),
    )


def _check_calendar(table: Table, series: Series, step: int) -> None:
    """Refuse a forecast after the last date that there is."""
    if series.first is None or series.step is None:
        return
    try:
        series.step.advance(series.first, step)
    except (OverflowError, ValueError):
        raise table.bad("its forecast lies after the year 9999") from None


def _forecast_dates(series: Series, horizon: int, zone: str) -> tuple[str, ...]:
    """Return the dates of the steps after a series; empty if it has none."""
    if series.first is None or series.step is None:
        return ()
    count = series.measured
    dates = [series.step.advance(series.first, at) for at in range(count, count + horizon)]
    whole = not zone and all(when.time() == dt.time() for when in dates)
    return tuple(
        when.date().isoformat() if whole else when.isoformat(" ", "minutes") + zone
        for when in dates
    )
