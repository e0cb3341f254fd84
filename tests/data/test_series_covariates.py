"""Columns that are known in advance: inputs over the window and over the horizon."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.errors import BadRecord, ConfigError
from zoo.runtime.inputs import read_inputs

OPTIONS: dict[str, Any] = {"future": "promo", "window": 6, "horizon": 3, "calendar": []}


def shop(path: Path, count: int = 100, ahead: int = 0, stores: str = "") -> Path:
    """Write sales and promotions; of the last rows only the promotions."""
    first = dt.date(2022, 1, 1)
    rows = [
        f"{first + dt.timedelta(days=i)},{store + ',' if store else ''}"
        f"{'' if i >= count else i},{i % 4},{'' if i >= count else i * 2}"
        for i in range(count + ahead)
        for store in (stores or [""])
    ]
    header = f"date,{'store,' if stores else ''}sales,promo,visitors"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_the_values_over_the_horizon_are_inputs_and_those_of_others_are_not(
    tmp_path: Path,
) -> None:
    data = zoo.dataset(shop(tmp_path / "s.csv"), target="sales", **OPTIONS)
    inputs, targets = data.split("train").take(np.array([2]))

    assert [spec.name for spec in data.spec.inputs] == ["history", "future"]
    assert [column.name for column in data.spec.inputs[0].columns or ()] == ["sales", "visitors"]
    np.testing.assert_array_equal(inputs["history"][0, :, 0], np.arange(2, 8))
    np.testing.assert_array_equal(inputs["future"][0, :, 0], np.arange(2, 11) % 4)
    np.testing.assert_array_equal(targets["forecast"][0, :, 0], [8, 9, 10])
    kinds = {column.name: column.reason for column in data.columns}
    assert kinds["promo"] == "the option future: an input that is known in advance"


def test_rows_ahead_are_the_future_of_a_forecast_and_no_steps_of_training(tmp_path: Path) -> None:
    plain = zoo.dataset(shop(tmp_path / "s.csv"), target="sales", **OPTIONS)
    longer = zoo.dataset(shop(tmp_path / "l.csv", ahead=5), target="sales", **OPTIONS)
    assert longer.fingerprint == plain.fingerprint

    read = read_inputs(str(tmp_path / "l.csv"), plain.spec.inputs)
    np.testing.assert_array_equal(read.arrays["history"][0, :, 0], np.arange(94, 100))
    np.testing.assert_array_equal(read.arrays["future"][0, :, 0], np.arange(94, 103) % 4)
    assert read.dates == (("2022-04-11", "2022-04-12", "2022-04-13"),)

    with pytest.raises(BadRecord, match="has 2 rows after its last measured one") as caught:
        read_inputs(str(shop(tmp_path / "few.csv", ahead=2)), plain.spec.inputs)
    assert "empty sales" in caught.value.fix


def test_every_series_has_its_own_future(tmp_path: Path) -> None:
    path = shop(tmp_path / "p.csv", ahead=3, stores="ab")
    data = zoo.dataset(path, target="sales", group_by="store", **OPTIONS)
    read = read_inputs(str(path), data.spec.inputs)

    assert read.arrays["future"].shape == (2, 9, 1)
    assert [one["store"] for one in read.series] == ["a", "b"]


def test_an_empty_cell_between_others_is_no_row_ahead(tmp_path: Path) -> None:
    path = shop(tmp_path / "s.csv", ahead=3)
    lines = path.read_text().splitlines()
    lines[51] = lines[51].split(",")[0] + ",,1,"
    path.write_text("\n".join(lines))
    with pytest.raises(BadRecord, match="the value is missing") as caught:
        zoo.dataset(path, target="sales", **OPTIONS)
    assert caught.value.row == 52

    filled = zoo.dataset(path, target="sales", gaps="interpolate", **OPTIONS)
    assert "interpolated steps: 1" in filled.notes[0]


@pytest.mark.parametrize("options", [{"future": "weather"}, {"target": "promo"}])
def test_a_wrong_column_is_a_config_error(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        zoo.dataset(shop(tmp_path / "s.csv"), **{**OPTIONS, **options})
