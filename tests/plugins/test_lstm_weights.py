"""What the published recurrent networks reach, measured again."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from zoo.metrics import Evaluation
from zoo.metrics.figures import Bars


def beaten(evaluation: Evaluation) -> dict[str, float]:
    bars = next(figure for figure in evaluation.figures if isinstance(figure, Bars))
    return dict(zip(bars.names, bars.values, strict=True))


def published(name: str) -> dict[str, float]:
    entry = next(entry for entry in zoo.info("lstm").weights if entry["id"] == name)
    return {key: score["value"] for key, score in entry["measured"]["metrics"].items()}


def test_the_chaotic_series_is_forecast_far_better_than_by_anything_simple() -> None:
    model = zoo.build("lstm", weights="mackey_glass")
    evaluation = zoo.evaluate(model)
    errors = beaten(evaluation)

    assert evaluation.scores["skill"].value > 0.9
    assert errors["model"] < 0.1 * min(v for name, v in errors.items() if name != "model")
    # Published are the means over several series; this is one of them.
    assert evaluation.scores["rmse"].value == pytest.approx(
        published("mackey_glass")["rmse"], rel=0.25
    )


def test_the_temperatures_are_forecast_better_than_by_anything_simple(shared_data: Path) -> None:
    model = zoo.build("lstm", weights="daily_min_temperatures")
    file = shared_data / "timeseries" / "daily-min-temperatures.csv"
    evaluation = zoo.evaluate(model, zoo.dataset("daily_min_temperatures", file=str(file)))
    errors = beaten(evaluation)

    assert errors["model"] == min(errors.values())
    assert evaluation.scores["skill"].low is not None
    assert evaluation.scores["skill"].low > 0
    assert evaluation.scores["rmse"].value == pytest.approx(
        published("daily_min_temperatures")["rmse"], rel=1e-3
    )


def test_two_marked_numbers_are_added_over_two_hundred_steps() -> None:
    model = zoo.build("lstm", weights="adding")
    scores = zoo.evaluate(model, zoo.dataset("adding", split_seed=7, examples=5_000)).scores

    # Numbers drawn anew. Saying 1 has a squared error of 1/6.
    assert scores["rmse"].value ** 2 < 1e-3
    assert scores["rmse"].high is not None
    assert scores["rmse"].high < 0.02
