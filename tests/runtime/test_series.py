"""Time series: the last window of a table, its calendar and the dates of a forecast."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from zoo.errors import BadRecord
from zoo.runtime.inputs import encode, read_inputs
from zoo.runtime.prediction import Prediction
from zoo.spec import Column, SeriesSpec, TensorSpec

SPECS = (
    TensorSpec(
        name="history",
        shape=(5, 2),
        columns=(Column(name="x", categories=None), Column(name="y", categories=None)),
        series=SeriesSpec(date="date", unit="day", horizon=3),
    ),
    TensorSpec(
        name="calendar",
        shape=(8, 2),
        dtype="int32",
        columns=(
            Column(name="weekday", categories=None),
            Column(name="day_of_year", categories=None),
        ),
    ),
)


def table(path: Path, count: int, header: str = "date,y,note,x") -> Path:
    first = dt.date(2020, 12, 20)
    rows = [f"{first + dt.timedelta(days=i)},{i * 10},word,{i}" for i in range(count)]
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def test_the_last_window_of_a_file_is_taken_by_its_columns_names(tmp_path: Path) -> None:
    arrays = encode(table(tmp_path / "s.csv", 12), SPECS)

    np.testing.assert_array_equal(arrays["history"][0, :, 0], [7, 8, 9, 10, 11])
    np.testing.assert_array_equal(arrays["history"][0, :, 1], [70, 80, 90, 100, 110])
    assert arrays["history"].dtype == np.float32


def test_the_calendar_continues_after_the_end_of_the_file(tmp_path: Path) -> None:
    arrays = encode(str(table(tmp_path / "s.csv", 12)), SPECS)

    # 27 December 2020, a Sunday, to 3 January 2021.
    np.testing.assert_array_equal(arrays["calendar"][0, :, 0], [6, 0, 1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(arrays["calendar"][0, -4:, 1], [366, 1, 2, 3])


def test_a_forecast_has_the_dates_after_the_end_of_the_file(tmp_path: Path) -> None:
    file = table(tmp_path / "s.csv", 12)
    outputs = {"forecast": np.arange(3, dtype=np.float32).reshape(1, 3, 1)}
    target = TensorSpec(name="forecast", shape=(3, 1), columns=(Column(name="x", categories=None),))
    prediction = Prediction(outputs, (target,), read_inputs(str(file), SPECS).dates)

    assert prediction.as_dicts() == [
        {
            "forecast": [
                {"date": "2021-01-01", "x": 0.0},
                {"date": "2021-01-02", "x": 1.0},
                {"date": "2021-01-03", "x": 2.0},
            ]
        }
    ]


def test_a_series_shorter_than_the_window_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="has 4 steps") as caught:
        encode(table(tmp_path / "s.csv", 4), SPECS)
    assert "5" in caught.value.why


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="column 'y' is missing"):
        encode(table(tmp_path / "s.csv", 12, "date,z,note,x"), SPECS)


def test_dates_out_of_order_are_refused_as_in_training(tmp_path: Path) -> None:
    path = table(tmp_path / "s.csv", 12)
    lines = path.read_text("utf-8").splitlines()
    lines[5], lines[6] = lines[6], lines[5]
    path.write_text("\n".join(lines), "utf-8")
    with pytest.raises(BadRecord) as caught:
        encode(path, SPECS)
    assert caught.value.column == "date"
    assert caught.value.row == 7


def test_weekly_dates_are_not_daily_dates(tmp_path: Path) -> None:
    first = dt.date(2020, 1, 1)
    rows = [f"{first + dt.timedelta(weeks=i)},{i},{i}" for i in range(12)]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(["date,x,y", *rows]) + "\n", "utf-8")
    with pytest.raises(BadRecord, match="6 rows are missing"):
        encode(path, SPECS)


def test_rows_without_dates_are_used_in_their_order(tmp_path: Path) -> None:
    history = SPECS[0].model_copy(update={"series": SeriesSpec(horizon=3)})
    arrays = encode(table(tmp_path / "s.csv", 12), (history,))

    np.testing.assert_array_equal(arrays["history"][0, :, 0], [7, 8, 9, 10, 11])
