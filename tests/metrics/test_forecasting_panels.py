"""Forecasts of several series: each beside its own baselines, and all in one scale."""

from __future__ import annotations

import numpy as np
import pytest

from tests.metrics.test_forecasting import noisy, spec, split
from zoo import metrics
from zoo.data.panel import SeriesSplit
from zoo.metrics.backtest import Resamples, series_rows
from zoo.spec import SeriesSpec

STORES = {"small": 1.0, "large": 1000.0}


def panel(count: int, seed: int) -> SeriesSplit:
    parts = [split(noisy(count, seed + i) * by, 14, 3) for i, by in enumerate(STORES.values())]
    arrays = [part.arrays() for part in parts]
    names = np.repeat(list(STORES), [len(part) for part in parts])
    return SeriesSplit(
        {"history": np.concatenate([inputs["history"] for inputs, _ in arrays])},
        {"forecast": np.concatenate([targets["forecast"] for _, targets in arrays])},
        names,
    )


def mean_forecast(inputs):
    return {"forecast": np.repeat(inputs["history"].mean(axis=1, keepdims=True), 3, axis=1)}


def test_mase_is_the_mean_of_those_of_each_series() -> None:
    train, test = panel(300, 1), panel(100, 7)
    found = metrics.evaluate(mean_forecast, test, spec(14, 3), reference=train)
    each = []
    for number, by in enumerate(STORES.values()):
        alone = metrics.evaluate(
            mean_forecast,
            split(noisy(100, 7 + number) * by, 14, 3),
            spec(14, 3),
            reference=split(noisy(300, 1 + number) * by, 14, 3),
        )
        each.append(alone.scores)

    assert found.scores["mase"].value == pytest.approx(np.mean([one["mase"].value for one in each]))
    squares = [one["rmse"].value ** 2 for one in each]
    assert found.scores["rmse"].value == pytest.approx(np.sqrt(np.mean(squares)))
    # Errors are compared in one scale: the large series alone does not decide.
    skills = [one["skill"].value for one in each]
    assert min(skills) - 0.05 < found.scores["skill"].value < max(skills) + 0.05
    assert found.scores["skill"].low < found.scores["skill"].value < found.scores["skill"].high


def test_the_series_are_listed_with_the_worst_first_and_their_baselines() -> None:
    train, test = panel(300, 1), panel(100, 7)
    truth = test.arrays()[1]["forecast"].copy()
    truth[test.series == "small"] += 5

    found = metrics.evaluate(
        lambda inputs: {"forecast": truth}, test, spec(14, 3), reference=train, batch_size=10_000
    )
    table, curves, *_ = found.figures

    assert table.title == "Accuracy by series"
    assert [row[0] for row in table.rows] == ["small", "large"]
    assert table.rows[0][3] == "5"
    assert table.marks == ("bad", "good")
    assert "in 1 of the 2 series" in table.caption
    assert "The series small" in curves.caption


def test_series_of_one_length_are_resampled_at_the_same_origins() -> None:
    groups = series_rows(panel(100, 0))
    values = np.arange(100 - 16, dtype=float)
    draws = Resamples(groups, 3)
    small, large = draws.by_series(np.concatenate([values, values]))

    np.testing.assert_array_equal(small, large)
    np.testing.assert_array_equal(draws @ np.concatenate([values, values]), 2 * small)


def test_a_series_that_was_not_trained_on_is_measured_too() -> None:
    test = panel(100, 7)
    renamed = SeriesSplit(*test.arrays(), np.char.add(test.series, "!"))
    found = metrics.evaluate(mean_forecast, renamed, spec(14, 3), reference=panel(300, 1))

    assert np.isfinite(found.scores["skill"].value)


@pytest.mark.parametrize(("unit", "season"), [("day", 7), ("month", 12)])
def test_the_seasonal_naive_forecast_has_the_season_of_the_frequency(
    unit: str, season: int
) -> None:
    data = spec(14, 3)
    history = data.inputs[0].model_copy(update={"series": SeriesSpec(unit=unit, horizon=3)})
    data = data.model_copy(update={"inputs": (history,)})
    part = split(noisy(200, 0), 14, 3)
    found = metrics.evaluate(mean_forecast, part, data, reference=part)

    assert f"seasonal naive ({season} steps)" in found.figures[2].names
