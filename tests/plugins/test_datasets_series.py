"""Series and sequences with a name: computed as their papers say, and known copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.errors import ChecksumMismatch
from zoo_datasets.series import adding, mackey_glass


def test_the_chaotic_series_follows_its_equation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_datasets.series.LEFT_OUT", 0)
    values = mackey_glass(40)
    start = values[0]
    production = 0.2 * start / (1 + start**10)
    t = np.arange(18)
    # While the delayed value is the constant history, the equation is linear and has a solution.
    exact = production / 0.1 + (start - production / 0.1) * np.exp(-0.1 * t)
    np.testing.assert_allclose(values[:18], exact, rtol=1e-9)
    # Later, Euler's method with a hundredth of the step agrees as well as Euler's method does.
    x = [start] * 17_001
    for now in range(17_000, 17_000 + 40_000):
        delayed = x[now - 17_000]
        x.append(x[now] + 1e-3 * (0.2 * delayed / (1 + delayed**10) - 0.1 * x[now]))
    np.testing.assert_allclose(values, x[17_000::1000][:40], atol=1e-3)


def test_the_chaotic_series_has_the_known_range_and_differs_by_seed() -> None:
    one, again, other = mackey_glass(1_000), mackey_glass(1_000), mackey_glass(1_000, seed=1)

    np.testing.assert_array_equal(one, again)
    assert 0.2 < one.min() < 0.5
    assert 1.2 < one.max() < 1.4
    assert np.abs(one - other).max() > 0.5


def test_marked_values_add_up_and_the_marks_lie_in_both_halves() -> None:
    sequence, total = adding(500, 31)
    values, marks = sequence[..., 0], sequence[..., 1]

    np.testing.assert_allclose((values * marks).sum(axis=1), total, rtol=1e-6)
    assert (marks[:, :15].sum(axis=1) == 1).all()
    assert (marks[:, 15:].sum(axis=1) == 1).all()
    assert np.square(total - 1).mean() == pytest.approx(1 / 6, rel=0.15)
    assert not np.array_equal(sequence, adding(500, 31, stream=1)[0])


def test_the_temperatures_are_read_from_a_local_copy(shared_data: Path) -> None:
    file = shared_data / "timeseries" / "daily-min-temperatures.csv"
    data = zoo.dataset("daily_min_temperatures", file=str(file))

    assert data.sizes() == {"train": 2150, "validation": 695, "test": 696}
    assert data.spec.inputs[0].series is not None
    assert data.split("test").arrays()[1]["forecast"][-1, -1, 0] == pytest.approx(13.0)


def test_another_file_is_not_the_temperatures(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("Date,Temp\n2020-01-01,1\n2020-01-02,2\n")
    with pytest.raises(ChecksumMismatch, match="not the known ones"):
        zoo.dataset("daily_min_temperatures", file=str(path)).split("train")
