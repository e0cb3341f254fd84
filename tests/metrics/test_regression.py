"""A regressor's scores are what their names say, and their intervals mean something."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from zoo.data import ArraySplit
from zoo.errors import ConfigError, DataError, Diverged
from zoo.metrics import evaluate
from zoo.metrics.intervals import wilson
from zoo.metrics.scores import describe_score
from zoo.spec import Column, DataSpec, Task, TensorSpec

SPEC = DataSpec(
    id="tides",
    task=Task.REGRESSION,
    inputs=(
        TensorSpec(
            name="numeric",
            shape=(2,),
            missing=True,
            columns=(Column(name="moon"), Column(name="noise")),
        ),
        TensorSpec(
            name="categorical",
            shape=(1,),
            dtype="int32",
            columns=(Column(name="port", categories=("a", "b")),),
        ),
    ),
    targets=(TensorSpec(name="target", unit="m", columns=(Column(name="level"),)),),
)


def sample(count: int = 200, seed: int = 0) -> tuple[ArraySplit, np.ndarray]:
    random = np.random.default_rng(seed)
    numeric = random.normal(size=(count, 2)).astype("float32")
    port = random.integers(0, 3, (count, 1)).astype("int32")
    target = (3 * numeric[:, 0] + port[:, 0] + random.normal(size=count)).astype("float32")
    return ArraySplit({"numeric": numeric, "categorical": port}, {"target": target}), target


def knows(inputs):
    return {"prediction": 3 * inputs["numeric"][:, 0] + inputs["categorical"][:, 0]}


def says(values, **more):
    place = 0

    def predict_fn(inputs):
        nonlocal place
        count = len(inputs["numeric"])
        outputs = {"prediction": values, **more}
        rows = {name: np.asarray(row)[place : place + count] for name, row in outputs.items()}
        place += count
        return rows

    return predict_fn


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(2, 60), size=st.integers(1, 70))
def test_scores_are_their_formulas_whatever_the_batches(seed: int, count: int, size: int) -> None:
    split, target = sample(count, seed)
    given_ = target + np.random.default_rng(seed + 1).normal(size=count)
    found = evaluate(says(given_), split, SPEC, batch_size=size).scores
    error = given_ - target.astype("float64")
    assert list(found) == ["rmse", "mae", "r2"]
    assert found["rmse"].value == pytest.approx(math.sqrt((error**2).mean()))
    assert found["mae"].value == pytest.approx(np.abs(error).mean())
    explained = 1 - (error**2).sum() / ((target - target.mean(dtype="float64")) ** 2).sum()
    assert found["r2"].value == pytest.approx(explained, rel=1e-4, abs=1e-4)
    for score in found.values():
        if score.low is not None:
            assert score.low <= score.value * (1 + 1e-9) + 1e-9 or count < 30
    assert (found["rmse"].unit, found["r2"].unit) == ("m", None)


def test_a_column_of_one_is_one_number_an_example() -> None:
    split, target = sample()
    flat = evaluate(says(target + 1), split, SPEC)
    assert evaluate(says((target + 1)[:, None]), split, SPEC).scores == flat.scores


def test_intervals_hold_the_error_of_all_examples_as_often_as_they_say() -> None:
    held = 0
    for seed in range(100):
        split, _ = sample(120, seed)
        score = evaluate(knows, split, SPEC).scores["rmse"]
        held += score.low <= 1.0 <= score.high
    low, _ = wilson(held, 100)
    assert held >= 88 and low > 0.8


def test_coverage_is_counted_with_both_ends_and_has_the_wilson_interval() -> None:
    split, target = sample(100)
    low, high = target - 1.0, target + 1.0
    low[:20], high[20:30] = target[:20] + 0.5, target[20:30]
    scores = evaluate(says(target, low=low, high=high), split, SPEC).scores
    assert scores["interval_coverage"].value == 0.8
    ends = scores["interval_coverage"].low, scores["interval_coverage"].high
    assert ends == pytest.approx(wilson(80, 100))
    assert scores["interval_width"].value == pytest.approx(float((high - low).mean()), rel=1e-6)
    assert scores["interval_width"].unit == "m"


def test_equal_truths_have_no_r2() -> None:
    split = ArraySplit(sample(5)[0].arrays()[0], {"target": np.ones(5, "float32")})
    assert list(evaluate(says(np.zeros(5)), split, SPEC).scores) == ["rmse", "mae"]


def test_figures_are_made_with_a_reference_and_name_what_matters() -> None:
    split, target = sample(300)
    learned, _ = sample(400, seed=5)
    assert evaluate(knows, split, SPEC).figures == ()
    predict_fn = lambda inputs: {  # noqa: E731
        **knows(inputs),
        "low": knows(inputs)["prediction"] - 1.64,
        "high": knows(inputs)["prediction"] + 1.64,
    }
    evaluation = evaluate(predict_fn, split, SPEC, reference=learned)
    figures = {figure.title: figure for figure in evaluation.figures}
    agreement = figures["Predicted vs. true"]
    assert (agreement.x_label, agreement.diagonal) == ("true level, m", True)
    inside = agreement.groups.count("inside its interval")
    assert inside / 300 == pytest.approx(evaluation.scores["interval_coverage"].value)
    assert "no significant bias" in figures["Residuals"].caption
    beside = figures["Baselines"]
    assert beside.names == ("this model", "least squares", "training mean")
    assert beside.values[0] == pytest.approx(evaluation.scores["rmse"].value)
    assert beside.values[1] == pytest.approx(1.0, abs=0.15)
    assert beside.values[2] == pytest.approx(float(target.std()), rel=0.1)
    importance = figures["Permutation importance"]
    assert importance.names[0] == "moon" and importance.names[-1] == "noise"
    assert importance.values[-1] == 0 and importance.lows[0] > 1


def test_a_reference_with_missing_values_and_unknown_categories_is_compared() -> None:
    split, target = sample(60)
    inputs, _ = split.arrays()
    numeric = inputs["numeric"].copy()
    numeric[::7, 0] = np.nan
    broken = ArraySplit({**inputs, "numeric": numeric}, {"target": target})
    evaluation = evaluate(says(target.repeat(20).reshape(60, 20)[:, 0]), split, SPEC)
    assert evaluation.scores["rmse"].value == 0
    calm = lambda inputs: {"prediction": np.zeros(len(inputs["numeric"]))}  # noqa: E731
    figures = evaluate(calm, broken, SPEC, reference=broken).figures
    beside = next(figure for figure in figures if figure.title == "Baselines")
    assert all(math.isfinite(value) for value in beside.values)


@pytest.mark.parametrize(
    ("outputs", "error", "message"),
    [
        ({"other": np.zeros(9)}, ConfigError, "no output 'prediction'"),
        ({"prediction": np.zeros((9, 2))}, ConfigError, "does not fit the data"),
        ({"prediction": np.full(9, np.nan)}, Diverged, "not a finite number"),
    ],
)
def test_outputs_that_do_not_fit_are_named(outputs, error, message) -> None:
    with pytest.raises(error, match=message):
        evaluate(lambda inputs: outputs, sample(9)[0], SPEC)


def test_a_wrong_target_is_named() -> None:
    inputs = sample(4)[0].arrays()[0]
    for target, message in (
        (np.array([1, np.nan, 2, 3], "float32"), "example 1 of 'tides' has the target nan"),
        (np.zeros((4, 2), "float32"), "not one number per example"),
        (np.array(list("abcd")), "not one number per example"),
    ):
        with pytest.raises(DataError, match=message):
            evaluate(knows, ArraySplit(inputs, {"target": target}), SPEC)
    with pytest.raises(DataError, match="is empty"):
        evaluate(knows, ArraySplit({"numeric": np.zeros((0, 2))}, {"target": np.zeros(0)}), SPEC)
    with pytest.raises(DataError, match="gives no target"):
        evaluate(knows, ArraySplit(inputs, {"y": np.zeros(4)}), SPEC)


def test_what_the_scores_mean_is_known() -> None:
    assert describe_score("interval_coverage").share
    assert describe_score("val_rmse").better == "lower"
    assert describe_score("r2").better == "higher" and describe_score("r2").low is None
