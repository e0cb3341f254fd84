"""The regressor's published weights reach on test data what the catalog says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.registry.catalog import read_catalog

ROOT = Path(__file__).parents[2]
ENTRY = next(
    model for model in read_catalog(ROOT / "registry.yaml").models if model.name == "mlp_regressor"
)


def measured(weights: str, **options: object) -> zoo.Evaluation:
    data = zoo.dataset(weights, **options)
    return zoo.evaluate(zoo.build("mlp_regressor", weights=weights), data)


def errors(evaluation: zoo.Evaluation) -> dict[str, float]:
    beside = next(f for f in evaluation.figures if f.title == "Baselines")
    return dict(zip(beside.names, beside.values, strict=True))


def test_diabetes_is_predicted_better_than_by_least_squares() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn carries the study")
    evaluation = measured("diabetes")
    found = errors(evaluation)
    assert found["this model"] < found["least squares"] < found["training mean"]
    coverage = evaluation.scores["interval_coverage"]
    assert coverage.low <= 0.9 <= coverage.high


def test_concrete_is_predicted_far_better_than_by_least_squares(shared_data: Path) -> None:
    file = str(shared_data / "concrete" / "concrete_data.csv")
    evaluation = measured("concrete", file=file)
    found = errors(evaluation)
    assert found["this model"] < 0.5 * found["least squares"]
    coverage = evaluation.scores["interval_coverage"]
    assert coverage.low <= 0.9 <= coverage.high


def test_what_is_published_covers_over_all_seeds() -> None:
    for entry in ENTRY.weights:
        metrics = entry.measured.metrics
        assert entry.measured.seeds == 5
        assert metrics["rmse"].low < metrics["rmse"].value < metrics["rmse"].high
        assert 0.85 < metrics["interval_coverage"].value < 0.97
        assert next(iter(metrics)) == "rmse"


def test_a_stronger_concrete_with_age_is_what_the_weights_learned() -> None:
    model = zoo.build("mlp_regressor", weights="concrete")
    mix = np.array([[350, 0, 0, 180, 5, 1000, 750, age] for age in (3, 7, 28, 90)], "float32")
    answers = model.predict(mix, verbose=0)
    assert (np.diff(answers["prediction"]) > 0).all()
    assert (answers["low"] < answers["prediction"]).all()
