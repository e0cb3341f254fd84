"""The frequency of a series, and the windows that follow from it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.data.options import WindowOptions
from zoo.data.series import window_sizes
from zoo.errors import BadRecord, DataError
from zoo.runtime.calendar import Step, infer_step, parse_date


def every(count: int, step: dt.timedelta, start: str = "2018-01-01") -> list[dt.datetime]:
    first = dt.datetime.fromisoformat(start)
    return [first + step * at for at in range(count)]


def days_of(weekdays: set[int], count: int) -> list[dt.datetime]:
    return [day for day in every(count, dt.timedelta(days=1)) if day.weekday() in weekdays]


def months(count: int, by: int = 1) -> list[dt.datetime]:
    cells = (f"{1950 + i * by // 12}-{1 + i * by % 12:02}-01" for i in range(count))
    return [dt.datetime.fromisoformat(cell) for cell in cells]


def write(path: Path, dates: list[dt.datetime], shape: str = "%Y-%m-%d") -> Path:
    rows = [f"{date.strftime(shape)},{i % 7 + i / 100:.2f}" for i, date in enumerate(dates)]
    path.write_text("\n".join(["date,x", *rows]) + "\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("dates", "frequency", "season"),
    [
        (every(60, dt.timedelta(minutes=5)), "every 5 minutes", 288),
        (every(60, dt.timedelta(minutes=1)), "every minute", 60),
        (every(60, dt.timedelta(minutes=15)), "every 15 minutes", 96),
        (every(60, dt.timedelta(hours=1)), "hourly", 24),
        (every(60, dt.timedelta(hours=6)), "every 6 hours", 4),
        (every(60, dt.timedelta(days=1)), "daily", 7),
        (every(60, dt.timedelta(days=3)), "every 3 days", 1),
        (days_of({0, 1, 2, 3, 4}, 60), "business daily (Monday to Friday)", 5),
        (days_of({0, 1, 2, 3, 4, 5}, 60), "business daily (Monday to Saturday)", 6),
        (
            days_of({0, 1, 2, 3, 6}, 60),
            "business daily (Monday, Tuesday, Wednesday, Thursday, Sunday)",
            5,
        ),
        (every(60, dt.timedelta(weeks=1)), "weekly", 52),
        (every(60, dt.timedelta(weeks=2)), "every 14 days", 26),
        (months(60), "monthly", 12),
        (months(60, 3), "quarterly", 4),
        (months(60, 12), "yearly", 1),
    ],
)
def test_the_frequency_and_its_season_are_told_from_the_dates(
    dates: list[dt.datetime], frequency: str, season: int
) -> None:
    step = infer_step(dates)

    assert (step.frequency, step.season) == (frequency, season)
    for at, date in enumerate(dates):
        assert step.advance(dates[0], at) == date
        assert step.between(dates[0], date) == at


def test_a_holiday_does_not_make_another_frequency() -> None:
    days = days_of({0, 1, 2, 3, 4}, 100)
    step = infer_step([*days[:20], *days[21:]])

    assert step.weekmask == "1111100"
    assert step.between(days[19], days[21]) == 2
    assert step.between(days[0], days[0] + dt.timedelta(days=5)) is None  # a Saturday


@pytest.mark.parametrize(
    ("cell", "date"),
    [
        ("1981Q3", "1981-07-01"),
        ("1981-Q1", "1981-01-01"),
        ("1981-W02", "1981-01-05"),
        ("1981Q5", None),
        ("1981", None),
    ],
)
def test_quarters_and_weeks_are_dates_and_a_bare_year_may_be_a_number(
    cell: str, date: str | None
) -> None:
    assert parse_date(cell) == (date and dt.datetime.fromisoformat(date))


@pytest.mark.parametrize(
    ("dates", "shape", "sizes"),
    [
        (months(240), "%Y-%m", (48, 12)),
        (months(144), "%Y-%m-%d", (24, 12)),
        (months(40), "%Y-%m", (8, 4)),
        (months(40, 3), "%Y-%m-%d", (8, 4)),
        (months(40, 12), "%Y", (8, 4)),
        (every(40, dt.timedelta(weeks=1)), "%Y-%m-%d", (8, 4)),
        (every(520, dt.timedelta(weeks=1)), "%Y-%m-%d", (96, 24)),
        (every(40, dt.timedelta(hours=1)), "%Y-%m-%d %H:%M", (8, 4)),
        (every(400, dt.timedelta(hours=1)), "%Y-%m-%d %H:%M", (96, 24)),
        (every(40, dt.timedelta(days=1)), "%Y-%m-%d", (7, 4)),
        (every(300, dt.timedelta(days=1)), "%Y-%m-%d", (28, 7)),
        (days_of({0, 1, 2, 3, 4}, 400), "%Y-%m-%d", (20, 5)),
        (days_of({0, 1, 2, 3, 4}, 56), "%Y-%m-%d", (5, 4)),
        (every(40, dt.timedelta(minutes=10)), "%Y-%m-%d %H:%M", (8, 4)),
    ],
)
def test_series_from_forty_steps_on_have_windows_by_default(
    tmp_path: Path, dates: list[dt.datetime], shape: str, sizes: tuple[int, int]
) -> None:
    data = zoo.dataset(write(tmp_path / "s.csv", dates, shape), date="date")
    window, horizon = data.spec.inputs[0].shape[0], data.spec.targets[0].shape[0]

    assert (window, horizon) == sizes
    assert data.sizes()["train"] >= len(dates) * 0.6 / 2
    assert min(data.sizes().values()) > horizon
    step = infer_step(dates)
    assert step.frequency in data.summary().notes[0]
    assert f"{window} steps of history forecast {horizon}" in data.summary().notes[1]


def test_a_given_horizon_or_window_is_kept() -> None:
    assert window_sizes(144, 48, 12, WindowOptions(horizon=6)) == (24, 6)
    assert window_sizes(144, 48, 12, WindowOptions(window=30)) == (30, 12)
    assert window_sizes(24, 8, 12, WindowOptions(window=20, horizon=9)) == (20, 9)


@pytest.mark.parametrize(
    ("count", "options", "fix"),
    [
        (60, {"window": 40, "horizon": 12}, "window=20 and horizon=6 fit"),
        (60, {"horizon": 20}, "horizon="),
        (4, {}, "no window and no horizon fit"),
    ],
)
def test_a_series_too_short_is_told_the_sizes_that_fit(
    tmp_path: Path, count: int, options: dict[str, int], fix: str
) -> None:
    path = write(tmp_path / "s.csv", months(count))
    with pytest.raises(DataError, match="too short") as caught:
        zoo.dataset(path, **options)

    assert fix in caught.value.fix
    if "window=" in caught.value.fix:
        words = caught.value.fix.replace(";", "").split()
        sizes = dict(word.split("=") for word in words if "=" in word)
        assert min(zoo.dataset(path, **sizes).sizes().values()) > 0


def test_years_in_a_first_column_are_dates_where_a_series_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "wine.csv"
    rows = "".join(f"{1885 + i},{i % 9}.5\n" for i in range(60))
    path.write_text(f"Year,sales\n{rows}")
    for options in ({"task": "forecasting"}, {"date": "Year"}):
        data = zoo.dataset(path, **options)
        series = data.spec.inputs[0].series
        assert series is not None
        assert (series.date, series.step, len(data.spec.inputs)) == ("Year", "year", 1)
        assert "1885-01-01" in data.notes[0]


def test_weekends_are_no_gaps_and_holidays_are(tmp_path: Path) -> None:
    days = days_of({0, 1, 2, 3, 4}, 700)
    missing = [*days[:40], *days[41:]]
    path = write(tmp_path / "s.csv", missing)
    with pytest.raises(BadRecord, match="1 row is missing") as caught:
        zoo.dataset(path)
    assert "a business day apart" in caught.value.why

    data = zoo.dataset(path, gaps="interpolate")
    inputs, targets = data.split("train").arrays()
    assert data.spec.inputs[0].series.weekmask == "1111100"
    assert "interpolated steps: 1" in data.notes[0]
    # Only the five forecasts of the holiday and the one from it are left out.
    whole = zoo.dataset(write(tmp_path / "whole.csv", days))
    assert whole.sizes()["train"] - len(targets["forecast"]) == 6
    assert set(np.unique(inputs["calendar"][:, :, 0])) == {0, 1, 2, 3, 4}


def test_a_forecast_of_business_days_skips_the_weekend(tmp_path: Path) -> None:
    from zoo.runtime.inputs import read_inputs

    days = days_of({0, 1, 2, 3, 4}, 396)  # the last one is a Thursday
    data = zoo.dataset(write(tmp_path / "s.csv", days))
    read = read_inputs(str(tmp_path / "s.csv"), data.spec.inputs)

    assert read.dates == (("2019-02-01", "2019-02-04", "2019-02-05", "2019-02-06", "2019-02-07"),)


def test_a_step_travels_with_the_spec() -> None:
    spec = zoo.spec.SeriesSpec(date="d", unit="day", horizon=5, weekmask="1111100")
    again = zoo.spec.SeriesSpec.model_validate(spec.model_dump(mode="json"))

    assert Step.of(again) == Step(1, "day", "1111100")
    assert "weekmask" not in zoo.spec.SeriesSpec(horizon=1).model_dump()
