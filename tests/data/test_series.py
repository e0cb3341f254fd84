"""Series: dates on a beat, windows in time order, and what is said of a file that has neither."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import zoo
from zoo.errors import BadRecord, ConfigError
from zoo.runtime.calendar import Step, infer_step, parse_date
from zoo.spec import Task


def write(path: Path, rows: list[str], header: str = "date,x") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def days(count: int, start: str = "2020-01-01", step: int = 1) -> list[str]:
    first = dt.date.fromisoformat(start)
    return [f"{first + dt.timedelta(days=step * i)},{i + 0.5}" for i in range(count)]


def test_a_file_of_dates_and_numbers_is_a_series(tmp_path: Path) -> None:
    data = zoo.dataset(write(tmp_path / "s.csv", days(300)))

    assert data.spec.task == Task.FORECASTING
    history, calendar = data.spec.inputs
    assert history.shape == (28, 1)
    assert history.series is not None
    assert (history.series.date, history.series.step) == ("date", "day")
    assert [column.name for column in calendar.columns or ()] == ["weekday", "day_of_year"]
    assert data.spec.targets[0].shape == (7, 1)


def test_a_table_of_a_classifier_that_has_dates_stays_one(tmp_path: Path) -> None:
    rows = [f"{day.split(',')[0]},{i % 3},{'ab'[i % 2]}" for i, day in enumerate(days(60))]
    data = zoo.dataset(write(tmp_path / "t.csv", rows, "date,x,label"), drop="date")

    assert data.spec.task == Task.CLASSIFICATION


def test_windows_hold_what_came_before_and_targets_what_came_after(tmp_path: Path) -> None:
    data = zoo.dataset(write(tmp_path / "s.csv", days(200)), window=10, horizon=3)
    inputs, targets = data.split("train").take(np.array([0, 5]))

    np.testing.assert_array_equal(inputs["history"][0, :, 0], np.arange(10) + 0.5)
    np.testing.assert_array_equal(targets["forecast"][1, :, 0], np.arange(15, 18) + 0.5)
    # Calendars of the window and of what is forecast: 1 January 2020 was a Wednesday.
    np.testing.assert_array_equal(inputs["calendar"][0, :3], [[2, 1], [3, 2], [4, 3]])
    assert inputs["calendar"].shape == (2, 13, 2)


@given(
    # The smallest part, .15 of the steps, has room for the longest window and its forecast.
    steps=st.integers(110, 400),
    window=st.integers(2, 10),
    horizon=st.integers(1, 6),
    validation=st.floats(0.15, 0.4),
    test=st.floats(0.15, 0.4),
)
@settings(max_examples=30, deadline=None)
def test_no_forecast_crosses_a_border_of_the_splits(
    tmp_path_factory: pytest.TempPathFactory,
    steps: int,
    window: int,
    horizon: int,
    validation: float,
    test: float,
) -> None:
    path = write(tmp_path_factory.mktemp("s") / "s.csv", days(steps))
    data = zoo.dataset(
        path, window=window, horizon=horizon, validation_split=validation, test_split=test
    )
    spans = []
    for name in ("train", "validation", "test"):
        inputs, targets = data.split(name).arrays()
        spans.append((targets["forecast"].min(), targets["forecast"].max()))
        assert (np.diff(inputs["history"][:, 0, 0]) == 1).all()
        # The history ends where the forecast begins.
        assert (targets["forecast"][:, 0, 0] - inputs["history"][:, -1, 0] == 1).all()

    assert spans[0] == (window + 0.5, spans[1][0] - 1)
    assert spans[1][1] == spans[2][0] - 1
    assert spans[2][1] == steps - 0.5


@pytest.mark.parametrize(
    ("change", "line", "column", "says"),
    [
        (lambda rows: [*rows[:50], *rows[51:]], 52, "date", "1 row is missing"),
        (lambda rows: [*rows[:50], rows[49], *rows[50:]], 52, "date", "is repeated"),
        (lambda rows: [*rows[:50], rows[60], *rows[50:]], 53, "date", "earlier"),
        (lambda rows: [*rows[:50], "yesterday,1", *rows[51:]], 52, "date", "is not a date"),
        (lambda rows: [*rows[:50], "01/02/2020,1", *rows[51:]], 52, "date", "is not a date"),
        (lambda rows: [*rows[:50], ",1", *rows[51:]], 52, "date", "the date is missing"),
        (lambda rows: [*rows[:50], rows[50][:10] + ",much", *rows[51:]], 52, "x", "'much' is not"),
        (lambda rows: [*rows[:50], rows[50][:10] + ",", *rows[51:]], 52, "x", "value is missing"),
        (lambda rows: [*rows[:50], rows[50][:10] + ",1e300", *rows[51:]], 52, "x", "finite"),
        (
            lambda rows: [*rows[:50], rows[50][:10] + " 06:00,1", *rows[51:]],
            52,
            "date",
            "does not fit the frequency",
        ),
    ],
)
def test_a_wrong_row_is_named_by_file_line_and_column(
    tmp_path: Path, change, line: int, column: str, says: str
) -> None:
    path = write(tmp_path / "s.csv", change(days(100)))
    with pytest.raises(BadRecord, match=says) as caught:
        zoo.dataset(path, task="forecasting")

    assert (caught.value.file, caught.value.row, caught.value.column) == (str(path), line, column)
    assert caught.value.fix


def test_gaps_are_filled_where_asked_and_never_forecast(tmp_path: Path) -> None:
    rows = days(200)
    cut = [*rows[:50], *rows[52:]]
    cut[90] = cut[90].split(",")[0] + ","
    data = zoo.dataset(
        write(tmp_path / "s.csv", cut), gaps="interpolate", window=5, horizon=2, calendar=[]
    )
    inputs, targets = data.split("train").arrays()

    # On a straight line, what is filled in is what was there; it is seen, and not forecast.
    assert {50.5, 51.5, 92.5} <= set(inputs["history"].ravel().tolist())
    assert not {50.5, 51.5, 92.5} & set(targets["forecast"].ravel().tolist())
    assert not {50.5, 51.5, 92.5} & set(inputs["history"][:, -1, 0].tolist())


def test_a_long_hole_is_not_filled(tmp_path: Path) -> None:
    rows = days(300)
    with pytest.raises(BadRecord, match="60 steps are missing"):
        zoo.dataset(write(tmp_path / "s.csv", [*rows[:50], *rows[110:]]), gaps="interpolate")


@pytest.mark.parametrize(
    "options",
    [
        {"target": "y"},
        {"date": "day"},
        {"drop": "x"},
        {"window": 1},
        {"horizon": 0},
        {"window": 1_000_000},
        {"calendar": ["moon"]},
        {"validation_split": 0.5, "test_split": 0.5},
    ],
)
def test_a_wrong_option_is_a_config_error(tmp_path: Path, options: dict) -> None:
    path = write(tmp_path / "s.csv", days(100))
    with pytest.raises(ConfigError):
        zoo.dataset(path, **{"task": "forecasting", **options})


def test_several_columns_are_seen_and_the_named_ones_forecast(tmp_path: Path) -> None:
    rows = [f"{day},{i % 7},{i % 3}" for i, day in enumerate(days(200))]
    path = write(tmp_path / "s.csv", rows, "date,x,y,z")
    data = zoo.dataset(path, task="forecasting", target=["z", "x"], drop="y")
    _, targets = data.split("train").take(np.array([0]))

    assert [c.name for c in data.spec.inputs[0].columns or ()] == ["x", "z"]
    assert [c.name for c in data.spec.targets[0].columns or ()] == ["x", "z"]
    assert targets["forecast"].shape == (1, 7, 2)


@pytest.mark.parametrize(
    ("cells", "step"),
    [
        (["2020-01-01", "2020-01-02", "2020-01-04", "2020-01-05"], Step(1, "day")),
        (["2020-01-03", "2020-01-10", "2020-01-17"], Step(7, "day")),
        (["2020-01-01 00:00", "2020-01-01 03:00", "2020-01-01T06:00"], Step(3, "hour")),
        (["2020-01", "2020-02", "2020-03"], Step(1, "month")),
        (["2020-01-31", "2020-02-29", "2020-03-31"], Step(1, "month")),
        (["2019-01-01", "2020-01-01", "2021-01-01"], Step(12, "month")),
        (["2020/1/1", "2020/1/2", "2020/1/3"], Step(1, "day")),
    ],
)
def test_the_step_is_found_from_the_dates(cells: list[str], step: Step) -> None:
    moments = [moment for cell in cells if (moment := parse_date(cell))]

    assert len(moments) == len(cells)
    assert infer_step(moments) == step
    assert step.between(moments[0], moments[1]) == 1
    assert step.advance(moments[0], 1) == moments[1]


@pytest.mark.parametrize("cell", ["19810131", "1981", "31.01.1981", "01/31/1981", "3.5", "x", ""])
def test_what_may_be_something_else_is_no_date(cell: str) -> None:
    assert parse_date(cell) is None


def test_a_series_whose_differences_float32_rounds_away_is_refused(tmp_path: Path) -> None:
    rows = [f"{cells.split(',')[0]},{1_000_000_000 + i % 7}" for i, cells in enumerate(days(300))]

    with pytest.raises(BadRecord, match="only 2 apart") as caught:
        zoo.dataset(write(tmp_path / "s.csv", rows))

    assert "subtract 1000000000" in str(caught.value)


def test_a_series_that_never_changes_is_refused_unless_it_is_only_seen(tmp_path: Path) -> None:
    rows = [f"{cells},5" for cells in days(300)]
    path = write(tmp_path / "s.csv", rows, "date,x,still")

    with pytest.raises(BadRecord, match="the value is 5 in every row"):
        zoo.dataset(path)

    assert zoo.dataset(path, target="x").spec.inputs[0].shape == (28, 2)


@pytest.mark.parametrize("size", ["1e25", "1e-25"])
def test_a_series_whose_squares_leave_float32_is_refused(tmp_path: Path, size: str) -> None:
    rows = [f"{cells.split(',')[0]},{i % 7}{size[1:]}" for i, cells in enumerate(days(300))]

    with pytest.raises(BadRecord, match="give them in another unit"):
        zoo.dataset(write(tmp_path / "s.csv", rows))


@pytest.mark.parametrize(
    ("hours", "said"), [(1, "rows are an hour apart"), (2, "rows are 2 hours apart")]
)
def test_the_beat_is_said_in_words(tmp_path: Path, hours: int, said: str) -> None:
    first = dt.datetime.fromisoformat("2020-01-01")
    rows = [f"{first + dt.timedelta(hours=hours * i)},{i}" for i in range(300) if i != 9]

    with pytest.raises(BadRecord, match=said):
        zoo.dataset(write(tmp_path / "s.csv", rows))


def test_dates_in_another_order_are_known_for_dates(tmp_path: Path) -> None:
    rows = [f"{i % 28 + 1:02}/{i // 28 + 1:02}/2020,{i}" for i in range(300)]

    with pytest.raises(BadRecord, match="only those like 1981-01-31 are read"):
        zoo.dataset(write(tmp_path / "s.csv", rows))
