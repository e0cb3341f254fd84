"""Forecasts are measured in raw units, beside what anybody could have said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from zoo import metrics
from zoo.data.dataset import ArraySplit
from zoo.errors import ConfigError, DataError, Diverged
from zoo.metrics.backtest import draw_blocks
from zoo.metrics.forecast_baselines import fit_baselines
from zoo.spec import Column, DataSpec, SeriesSpec, Task, TensorSpec

X = Column(name="x", unit="°C", categories=None)
Y = Column(name="y", unit="°C", categories=None)


def spec(window: int, horizon: int, channels=(X,), targets=(X,)) -> DataSpec:
    history = TensorSpec(
        name="history",
        shape=(window, len(channels)),
        columns=channels,
        series=SeriesSpec(unit="day", horizon=horizon),
    )
    target = TensorSpec(name="forecast", shape=(horizon, len(targets)), columns=targets, unit="°C")
    return DataSpec(id="s", task=Task.FORECASTING, inputs=(history,), targets=(target,))


def split(values: np.ndarray, window: int, horizon: int) -> ArraySplit:
    values = np.asarray(values, np.float32).reshape(len(values), -1)
    origins = np.arange(window, len(values) - horizon + 1)
    seen = values[origins[:, None] + np.arange(-window, 0)]
    came = values[origins[:, None] + np.arange(horizon)][..., :1]
    return ArraySplit({"history": seen}, {"forecast": came})


def mean_forecast(inputs):
    return {"forecast": np.repeat(inputs["history"].mean(axis=1, keepdims=True), 3, axis=1)}


def noisy(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return 10 + 3 * np.sin(np.arange(count) * 2 * np.pi / 7) + random.normal(size=count)


def test_errors_are_those_of_the_definition() -> None:
    part = split(noisy(200, 0), 14, 3)
    inputs, targets = part.arrays()
    error = mean_forecast(inputs)["forecast"] - targets["forecast"]
    found = metrics.evaluate(mean_forecast, part, spec(14, 3), batch_size=7)

    assert list(found.scores) == ["rmse", "mae"]
    assert found.headline == "rmse"
    assert found.examples == len(part)
    assert found.scores["rmse"].value == pytest.approx(np.sqrt(np.square(error).mean()), rel=1e-6)
    assert found.scores["mae"].value == pytest.approx(np.abs(error).mean(), rel=1e-6)
    assert found.scores["mae"].unit == "°C"
    assert found.scores["rmse"].low < found.scores["rmse"].value < found.scores["rmse"].high
    assert not found.figures


def test_a_truth_that_is_not_known_counts_nowhere() -> None:
    part = split(noisy(200, 0), 14, 3)
    inputs, targets = part.arrays()
    holed = targets["forecast"].copy()
    holed[::2, 1] = np.nan
    wrong = mean_forecast(inputs)["forecast"].copy()
    wrong[::2, 1] = 1e6
    found = metrics.evaluate(
        lambda _: {"forecast": wrong},
        ArraySplit(inputs, {"forecast": holed}),
        spec(14, 3),
        reference=part,
        batch_size=10_000,
    )

    error = (wrong - holed)[np.isfinite(holed)]
    assert found.scores["mae"].value == pytest.approx(np.abs(error).mean(), rel=1e-6)
    assert all(np.isfinite(series.y).all() for series in found.figures[0].series)


def test_a_perfect_forecast_has_all_the_skill_and_the_best_simple_one_none() -> None:
    train, test = split(noisy(400, 1), 14, 3), split(noisy(200, 2), 14, 3)
    seen, came = train.arrays()
    truth = test.arrays()[1]["forecast"]
    perfect = metrics.evaluate(
        lambda _: {"forecast": truth}, test, spec(14, 3), reference=train, batch_size=10_000
    )
    *_, linear = fit_baselines(seen["history"], came["forecast"], [0]).values()
    same = metrics.evaluate(
        lambda x: {"forecast": linear(x["history"].astype(float))},
        test,
        spec(14, 3),
        reference=train,
    )

    assert perfect.scores["skill"].value == 1
    assert perfect.scores["mase"].value == 0
    assert same.scores["skill"].value == pytest.approx(0, abs=1e-4)
    assert [figure.title for figure in perfect.figures] == [
        "Forecasts",
        "Error by forecast horizon",
        "Baselines",
        "Forecast accuracy",
    ]


def test_the_simple_forecasts_find_the_season_and_the_recurrence() -> None:
    season = np.tile([1.0, 5.0, 2.0, 8.0, 3.0], 60)
    history, came = (part for a in split(season, 12, 6).arrays() for part in a.values())
    names, (persistence, seasonal, _) = zip(*fit_baselines(history, came, [0]).items(), strict=True)
    np.testing.assert_array_equal(persistence(history)[:, :, 0], history[:, [-1] * 6, 0])
    np.testing.assert_array_equal(seasonal(history), came)
    assert names[1] in ("seasonal naive (5 steps)", "seasonal naive (10 steps)")

    wave = np.sin(np.arange(300) * 0.3)
    history, came = (part for a in split(wave, 12, 6).arrays() for part in a.values())
    *_, linear = fit_baselines(history, came, [0]).values()
    np.testing.assert_allclose(linear(history), came, atol=1e-5)


@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3))
@settings(max_examples=15, deadline=None)
def test_skill_does_not_depend_on_the_unit(scale: float, shift: float) -> None:
    def skill(by: float, off: float) -> float:
        train = split(noisy(200, 1) * by + off, 10, 3)
        test = split(noisy(120, 2) * by + off, 10, 3)
        found = metrics.evaluate(mean_forecast, test, spec(10, 3), reference=train)
        return found.scores["skill"].value

    assert skill(scale, shift) == pytest.approx(skill(1.0, 0.0), abs=1e-2)


def test_several_channels_may_be_seen_and_one_forecast() -> None:
    values = np.stack([noisy(200, 1), noisy(200, 2)], axis=1)
    data = spec(14, 3, channels=(X, Y))
    found = metrics.evaluate(
        lambda x: {"forecast": np.repeat(x["history"][:, -1:, :1], 3, axis=1)},
        split(values, 14, 3),
        data,
        reference=split(values, 14, 3),
    )

    assert found.scores["skill"].value < 0


@pytest.mark.parametrize("origins", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("length", [1, 2, 14, 100])
def test_every_resample_has_as_many_origins_as_there_are(origins: int, length: int) -> None:
    draws = draw_blocks(origins, length)

    assert (draws.sum(axis=1) == origins).all()
    assert (draws >= 0).all()
    assert draws.mean() == pytest.approx(1)


def test_blocks_make_the_interval_wider_where_errors_hang_together() -> None:
    values = np.cumsum(np.random.default_rng(0).normal(size=400))
    part = split(values, 14, 20)
    long = metrics.evaluate(
        lambda x: {"forecast": np.repeat(x["history"][:, -1:], 20, axis=1)}, part, spec(14, 20)
    )
    error = np.square(part.arrays()[0]["history"][:, -1:] - part.arrays()[1]["forecast"]).mean(
        axis=(1, 2)
    )
    naive = 2 * 1.96 * error.std() / np.sqrt(len(error))
    score = long.scores["rmse"]

    assert score.high**2 - score.low**2 > 1.5 * naive


@pytest.mark.parametrize(
    ("outputs", "error", "says"),
    [
        ({"answer": np.zeros((1, 3, 1))}, ConfigError, "no output 'forecast'"),
        ({"forecast": np.zeros((1, 2, 1))}, ConfigError, "does not fit"),
        ({"forecast": np.full((1, 3, 1), np.nan)}, Diverged, "not a finite number"),
    ],
)
def test_an_output_that_is_no_forecast_is_refused(outputs, error, says: str) -> None:
    part = split(noisy(17, 0), 14, 3)
    with pytest.raises(error, match=says):
        metrics.evaluate(lambda _: outputs, part, spec(14, 3))


def test_an_empty_split_is_refused() -> None:
    empty = ArraySplit({"history": np.zeros((0, 14, 1))}, {"forecast": np.zeros((0, 3, 1))})
    with pytest.raises(DataError, match="empty"):
        metrics.evaluate(mean_forecast, empty, spec(14, 3))
