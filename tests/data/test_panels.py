"""Several series in one table, and files of their own for validation and test."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.api.batch_prediction import write_predictions
from zoo.errors import BadRecord, ConfigError, DataError
from zoo.runtime.calendar import parse_date
from zoo.runtime.inputs import read_inputs

FIRST = dt.date(2021, 1, 1)


def panel(
    path: Path, starts: dict[str, int], count: int = 120, begin: int = 0, header: str = "store"
) -> Path:
    """Write a table: the value of a step is its number, plus a thousand for each further series."""
    rows = [
        f"{FIRST + dt.timedelta(days=at)},{name},{1000 * place + at}"
        for at in range(begin, begin + count)
        for place, (name, start) in enumerate(starts.items())
        if at >= start
    ]
    path.write_text("\n".join([f"date,{header},sales", *rows]) + "\n", "utf-8")
    return path


def test_a_table_with_several_rows_a_date_is_refused_with_the_column_that_names_the_series(
    tmp_path: Path,
) -> None:
    texts = panel(tmp_path / "texts.csv", {"a": 0, "b": 0})
    with pytest.raises(DataError, match="holds dates") as caught:
        zoo.dataset(texts)
    assert "one series for each store with group_by=store" in caught.value.fix

    numbers = panel(tmp_path / "numbers.csv", {"1": 0, "2": 0})
    with pytest.raises(BadRecord, match="is repeated") as caught:
        zoo.dataset(numbers)
    assert "group_by=store" in caught.value.fix

    lines = texts.read_text().splitlines()
    by_store = [lines[0], *sorted(lines[1:], key=lambda line: line.split(",")[1])]
    texts.write_text("\n".join(by_store))
    with pytest.raises(BadRecord, match="is earlier") as caught:
        zoo.dataset(texts, task="forecasting", target="sales")
    assert "group_by=store" in caught.value.fix


def test_windows_never_cross_series_and_all_are_split_at_the_same_dates(tmp_path: Path) -> None:
    data = zoo.dataset(panel(tmp_path / "p.csv", {"a": 0, "b": 40}), group_by="store", window=5)
    for name, (first, last) in {
        "train": (5, 71),
        "validation": (72, 95),
        "test": (96, 119),
    }.items():
        split: Any = data.split(name)
        inputs, targets = split.arrays()
        assert set(split.series) == {"a", "b"}
        for store, more in (("a", 0), ("b", 1000)):
            own = split.series == store
            forecasts = targets["forecast"][own]
            assert (np.diff(inputs["history"][own], axis=1) == 1).all()
            assert (forecasts[:, 0] - inputs["history"][own][:, -1] == 1).all()
            begin = first if name != "train" or store == "a" else 45
            assert (forecasts.min(), forecasts.max()) == (more + begin, more + last)
    assert data.spec.inputs[0].series.group_by == ("store",)
    assert "2 series, daily" in data.summary().notes[0]
    assert [column.kind for column in data.columns] == ["date", "group", "measurement"]


def test_several_columns_may_name_a_series(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    rows = [
        f"{FIRST + dt.timedelta(days=at)},{shop},{item},{at % 9 + item}"
        for at in range(80)
        for shop in "ab"
        for item in (1, 2)
    ]
    path.write_text("\n".join(["date,shop,item,sales", *rows]))
    data = zoo.dataset(path, group_by="shop,item")

    assert list(dict.fromkeys(data.split("test").series)) == ["a, 1", "a, 2", "b, 1", "b, 2"]


def test_the_names_of_the_series_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    found = {
        zoo.dataset(panel(tmp_path / "p.csv", names), group_by="store").fingerprint
        for names in ({"a": 0, "b": 0}, {"a": 0, "c": 0})
    }
    assert len(found) == 2


def test_a_limited_split_keeps_the_names_of_its_series(tmp_path: Path) -> None:
    path = panel(tmp_path / "p.csv", {"a": 0, "b": 0})
    split: Any = zoo.dataset(path, group_by="store", max_examples=4).split("train")

    assert split.series.tolist() == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    "options", [{"group_by": "shop"}, {"group_by": "store", "target": "store"}]
)
def test_a_wrong_column_is_a_config_error(tmp_path: Path, options: dict[str, Any]) -> None:
    path = panel(tmp_path / "p.csv", {"a": 0, "b": 0})
    with pytest.raises(ConfigError):
        zoo.dataset(path, task="forecasting", **options)


def test_a_wrong_row_of_a_panel_is_named_by_its_line(tmp_path: Path) -> None:
    path = panel(tmp_path / "p.csv", {"a": 0, "b": 0})
    lines = path.read_text().splitlines()
    del lines[100]  # of b, so that line 102 is the next of b
    path.write_text("\n".join(lines))
    with pytest.raises(BadRecord, match="1 row is missing") as caught:
        zoo.dataset(path, group_by="store")
    assert caught.value.row == 102


def test_every_series_of_a_file_is_forecast_with_its_own_dates(tmp_path: Path) -> None:
    specs = zoo.dataset(
        panel(tmp_path / "p.csv", {"a": 0, "b": 0}), group_by="store", window=5, horizon=2
    ).spec.inputs
    new = tmp_path / "new.csv"
    rows = [
        f"{FIRST + dt.timedelta(days=at)},{name},{at}"
        for name, n in (("c", 9), ("d", 7))
        for at in range(n)
    ]
    new.write_text("\n".join(["date,store,sales", *rows]))
    read = read_inputs(str(new), specs)

    assert read.series == ({"store": "c"}, {"store": "d"})
    assert read.dates == (("2021-01-10", "2021-01-11"), ("2021-01-08", "2021-01-09"))
    np.testing.assert_array_equal(read.arrays["history"][:, :, 0], [range(4, 9), range(2, 7)])
    assert read.arrays["calendar"].shape == (2, 7, 2)

    single = tmp_path / "single.csv"
    single.write_text(
        "date,sales\n" + "".join(f"{FIRST + dt.timedelta(days=at)},{at}\n" for at in range(6))
    )
    alone = read_inputs(str(single), specs)
    assert (alone.series, alone.arrays["history"].shape) == ((), (1, 5, 1))

    new.write_text("\n".join(["date,store,sales", *rows[:-3]]))
    with pytest.raises(BadRecord, match="the series d has 4 steps of day"):
        read_inputs(str(new), specs)


def series(path: Path, begin: int, count: int) -> Path:
    rows = [f"{FIRST + dt.timedelta(days=at)},{at}" for at in range(begin, begin + count)]
    path.write_text("\n".join(["date,x", *rows]) + "\n")
    return path


def test_a_test_file_is_the_test_split_and_begins_with_the_history_of_training(
    tmp_path: Path,
) -> None:
    train = series(tmp_path / "train.csv", 0, 100)
    test = series(tmp_path / "test.csv", 100, 12)
    data = zoo.dataset(train, test=str(test), window=10, horizon=4)
    inputs, targets = data.split("test").arrays()

    assert targets["forecast"][:, 0, 0].tolist() == list(range(100, 109))
    np.testing.assert_array_equal(inputs["history"][0, :, 0], range(90, 100))
    assert data.split("train").arrays()[1]["forecast"].max() == 79
    assert data.split("validation").arrays()[1]["forecast"].max() == 99
    assert not data.drawn


def test_a_test_file_that_does_not_join_has_only_its_own_history(tmp_path: Path) -> None:
    train = series(tmp_path / "train.csv", 0, 100)
    test = series(tmp_path / "test.csv", 130, 20)
    validation = series(tmp_path / "validation.csv", 100, 20)
    data = zoo.dataset(
        train, test=str(test), validation=str(validation), window=10, horizon=4, calendar=[]
    )
    inputs, _ = data.split("test").arrays()

    assert inputs["history"][0, 0, 0] == 130
    assert data.sizes() == {"train": 87, "validation": 17, "test": 7}


def test_a_test_file_that_begins_before_training_ends_is_refused(tmp_path: Path) -> None:
    train = series(tmp_path / "train.csv", 0, 100)
    with pytest.raises(DataError, match="begins at 2021-04-01") as caught:
        zoo.dataset(train, test=str(series(tmp_path / "test.csv", 90, 40)))
    assert "2021-04-10" in caught.value.fix


def test_files_of_a_panel_may_hold_a_new_series(tmp_path: Path) -> None:
    train = panel(tmp_path / "train.csv", {"a": 0, "b": 0}, 100)
    test = panel(tmp_path / "test.csv", {"a": 0, "b": 0, "c": 0}, 30, begin=100)
    data = zoo.dataset(train, test=str(test), group_by="store", window=10, horizon=4)
    split: Any = data.split("test")

    counts = {name: int((split.series == name).sum()) for name in "abc"}
    assert counts == {"a": 27, "b": 27, "c": 17}


def test_a_frame_is_a_series_where_an_option_says_so() -> None:
    pandas = pytest.importorskip("pandas")
    dates = pandas.date_range("2024-01-01", periods=120, freq="B")
    frame = pandas.DataFrame({"ds": dates, "y": np.arange(120.0)})
    data = zoo.dataset(frame, date="ds")

    assert "business daily" in data.summary().notes[0]
    assert data.split("test").arrays()[1]["forecast"].max() == 119


def test_columns_of_texts_beside_the_series_are_named(tmp_path: Path) -> None:
    path = panel(tmp_path / "p.csv", {"a": 0, "b": 0})
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{lines[0]},city", *(f"{line},oslo" for line in lines[1:])]))
    with pytest.raises(BadRecord, match="'oslo' is not a finite number") as caught:
        zoo.dataset(path, group_by="store")
    assert "drop=['city']" in caught.value.fix
    assert zoo.dataset(path, group_by="store", drop="city").spec.task == "forecasting"


def test_a_shop_that_is_closed_on_sundays_has_the_frequency_of_the_others(tmp_path: Path) -> None:
    path = panel(tmp_path / "p.csv", {"a": 0, "b": 0})
    lines = path.read_text().splitlines()
    sundays = [
        line
        for line in lines[1:]
        if ",b," in line and dt.date.fromisoformat(line.split(",")[0]).weekday() == 6
    ]
    path.write_text("\n".join(line for line in lines if line not in sundays))
    with pytest.raises(BadRecord, match="1 row is missing"):
        zoo.dataset(path, group_by="store")
    data = zoo.dataset(path, group_by="store", gaps="interpolate", window=8, horizon=2)

    assert data.spec.inputs[0].series.weekmask == "1111111"


def test_series_on_other_weekdays_are_told_apart(tmp_path: Path) -> None:
    rows = [
        f"{FIRST + dt.timedelta(weeks=at, days=day)},{name},{at}"
        for at in range(60)
        for name, day in (("a", 0), ("b", 2))
    ]
    path = tmp_path / "p.csv"
    path.write_text("\n".join(["date,store,sales", *rows]))
    with pytest.raises(DataError, match="has another step") as caught:
        zoo.dataset(path, group_by="store")
    assert "weekly" in caught.value.why


def test_a_forecast_after_the_last_year_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "years.csv"
    path.write_text("Year,x\n" + "".join(f"{9940 + at},{at % 7}\n" for at in range(60)))
    specs = zoo.dataset(path, date="Year").spec.inputs
    with pytest.raises(BadRecord, match="after the year 9999"):
        read_inputs(str(path), specs)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (28, ["2023-02-28", "2023-03-28", "2023-04-28"]),
        (31, ["2023-02-28", "2023-03-31", "2023-04-30"]),
    ],
)
def test_a_monthly_series_that_begins_in_february_keeps_its_day(
    tmp_path: Path, day: int, expected: list[str]
) -> None:
    def months(path: Path, begin: int, count: int) -> Path:
        rows = []
        for at in range(begin, begin + count):
            year, month = 2018 + at // 12, 1 + at % 12
            last = (dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)).day
            rows.append(f"{dt.date(year, month, min(day, last))},{at}")
        path.write_text("\n".join(["date,x", *rows]) + "\n")
        return path

    specs = zoo.dataset(months(tmp_path / "t.csv", 0, 60), window=6, horizon=3).spec.inputs
    read = read_inputs(str(months(tmp_path / "n.csv", 49, 12)), specs)
    assert list(read.dates[0]) == expected


@pytest.mark.slow
def test_every_series_of_a_file_has_a_row_of_the_output(tmp_path: Path) -> None:
    file = panel(tmp_path / "p.csv", {"a": 0, "b": 0, "c": 0})
    run = zoo.train(
        "lstm",
        str(file),
        data_options={"group_by": "store", "window": 8, "horizon": 2},
        epochs=1,
        run_dir=tmp_path / "run",
        progress=False,
    )
    expected = zoo.predict(run, str(file)).as_dicts()
    (batch,) = zoo.predict_batches(run, str(file))
    assert [one["store"] for one in batch.as_dicts()] == ["a", "b", "c"]
    assert [one["forecast"] for one in batch.as_dicts()] == [one["forecast"] for one in expected]
    assert write_predictions(run, str(file), tmp_path / "out.csv") == (3, 0)
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0].startswith("file,store,forecast") and len(lines) == 4


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("+02:00", ["2021-01-02 22:00Z", "2021-01-02 23:00Z"]),
        ("", ["2021-01-03 00:00", "2021-01-03 01:00"]),
    ],
)
def test_a_forecast_of_dates_with_a_zone_says_that_it_is_in_utc(
    tmp_path: Path, zone: str, expected: list[str]
) -> None:
    start = dt.datetime(2021, 1, 1)  # noqa: DTZ001 - written as text

    def hours(path: Path, count: int) -> Path:
        times = (
            f"{start + dt.timedelta(hours=at):%Y-%m-%d %H:%M}{zone},{at}" for at in range(count)
        )
        path.write_text("\n".join(["time,x", *times]) + "\n")
        return path

    specs = zoo.dataset(hours(tmp_path / "t.csv", 200), window=6, horizon=2).spec.inputs
    read = read_inputs(str(hours(tmp_path / "n.csv", 48)), specs)
    assert list(read.dates[0]) == expected
    if zone:
        assert all(parse_date(one) is not None for one in expected)
