"""The last layers of a regressor: the target's unit, the loss, the interval."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from zoo.config import OptimizerConfig
from zoo.layers import (
    ConformalInterval,
    Denormalization,
    EnsembleDense,
    EnsembleHead,
    EnsembleRegressor,
    compile_regressor,
    regressor_signature,
)
from zoo.spec import DataSpec, Task, TensorSpec

RANDOM = np.random.default_rng(0)


def numpy(value: object) -> np.ndarray:
    return keras.ops.convert_to_numpy(value)


def network(members: int = 3) -> EnsembleRegressor:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,), name="numeric")
    x = EnsembleHead()(EnsembleDense(4, members, first=True)(inputs))
    answers = Denormalization(name="denormalization")(x)
    prediction, low, high = ConformalInterval(name="interval")(answers)
    outputs = {"prediction": prediction, "low": low, "high": high, "members": answers}
    return compile_regressor(EnsembleRegressor(inputs, outputs), OptimizerConfig())


def test_a_target_is_restored_to_its_own_unit() -> None:
    layer = Denormalization()
    layer(np.zeros((1, 2), "float32"))
    layer.adapt([10.0, 20.0, 30.0])
    deviation = math.sqrt(200 / 3)
    restored = numpy(layer(np.array([[0.0, 1.0]], "float32")))
    np.testing.assert_allclose(restored, [[20, 20 + deviation]], rtol=1e-6)
    np.testing.assert_allclose(numpy(layer.normalize(restored)), [[0, 1]], atol=1e-6)
    layer.adapt([5.0, 5.0])
    np.testing.assert_allclose(numpy(layer(np.ones((1, 2), "float32"))), 6)


def test_the_loss_is_the_members_mean_in_variances_of_the_training_targets() -> None:
    model = network()
    model.get_layer("denormalization").adapt([0.0, 100.0, 300.0])
    x = RANDOM.normal(size=(7, 2)).astype("float32")
    y = RANDOM.normal(100, 50, size=7).astype("float32")
    logs = model.evaluate(x, y, verbose=0, return_dict=True, batch_size=7)
    answers = numpy(model(x)["members"])
    variance = np.var([0.0, 100.0, 300.0])
    assert set(logs) == {"loss", "rmse"}
    assert logs["loss"] == pytest.approx(((answers - y[:, None]) ** 2).mean() / variance, rel=1e-4)
    error = answers.mean(axis=1) - y
    assert logs["rmse"] == pytest.approx(math.sqrt((error**2).mean()), rel=1e-4)


def test_weights_of_examples_count() -> None:
    model = network()
    x, y = RANDOM.normal(size=(4, 2)).astype("float32"), np.arange(4, dtype="float32")
    weights = np.array([0.0, 0.0, 4.0, 0.0], "float32")
    weighted = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)["loss"]
    alone = model.evaluate(x[2:3], y[2:3], verbose=0, return_dict=True)["loss"]
    assert weighted == pytest.approx(alone, rel=1e-4)


def test_it_learns_saves_and_comes_back(tmp_path: Path) -> None:
    model = network()
    x = RANDOM.normal(size=(256, 2)).astype("float32")
    y = 1000 + 50 * x[:, 0]
    model.get_layer("denormalization").adapt(y)
    history = model.fit(x, y, epochs=30, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    again = loaded(x)
    for name, values in model(x).items():
        np.testing.assert_allclose(again[name], values, rtol=1e-6)
    assert loaded.evaluate(x, y, verbose=0, return_dict=True)["rmse"] == pytest.approx(
        model.evaluate(x, y, verbose=0, return_dict=True)["rmse"]
    )


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(9, 120),
    members=st.integers(1, 4),
    level=st.sampled_from([0.5, 0.8, 0.9]),
    scaled=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_the_interval_holds_the_calibrating_examples_as_the_theorem_says(
    count: int, members: int, level: float, scaled: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    answers = random.normal(size=(count, members)).astype("float32")
    truth = (answers.mean(axis=1) + random.normal(size=count)).astype("float32")
    layer = ConformalInterval()
    layer(answers)
    layer.calibrate(answers[::-1], answers, truth, level=level, scaled=scaled)
    _, low, high = map(numpy, layer(answers))
    slack = 1e-4 * (1 + np.abs(truth))
    inside = int(((low - slack <= truth) & (truth <= high + slack)).sum())
    assert inside >= math.ceil(Fraction(str(level)) * (count + 1))
    strictly = int(((low + slack < truth) & (truth < high - slack)).sum())
    assert strictly <= math.ceil(Fraction(str(level)) * (count + 1))
    if not scaled or members == 1:
        assert np.ptp(high - low) < 1e-4


def test_new_examples_are_covered_as_often_as_asked() -> None:
    layer = ConformalInterval()
    layer(np.zeros((1, 5), "float32"))
    shares = []
    for seed in range(150):
        random = np.random.default_rng(seed)
        members = random.normal(size=(300, 5)).astype("float32")
        truth = members.mean(axis=1) + random.normal(size=300) * (0.1 + members.std(axis=1))
        layer.calibrate(members[:50], members[50:150], truth[50:150], level=0.9)
        _, low, high = map(numpy, layer(members[150:]))
        shares.append(((low <= truth[150:]) & (truth[150:] <= high)).mean())
    # The theorem promises 0.9 to 0.9 + 1 / 101 on average over calibrations.
    assert 0.89 < np.mean(shares) < 0.92


def test_wide_where_the_members_disagree() -> None:
    layer = ConformalInterval()
    members = np.array([[0, 0], [-1, 1], [-2, 2]] * 10, "float32")
    layer(members)
    layer.calibrate(members, members, members[:, 0] * 1.5, level=0.9)
    _, low, high = map(numpy, layer(members[:3]))
    width = high - low
    assert 0 < width[0] < width[1] < width[2]


def test_too_few_examples_for_a_level_are_refused() -> None:
    layer = ConformalInterval()
    layer(np.zeros((1, 2), "float32"))
    assert [ConformalInterval.min_examples(level) for level in (0.5, 0.9, 0.95, 0.99)] == [
        1,
        9,
        19,
        99,
    ]
    some = np.zeros((8, 2), "float32")
    with pytest.raises(ValueError, match="at least 9 examples"):
        layer.calibrate(some, some, np.ones(8), level=0.9)
    some = np.zeros((9, 2), "float32")
    layer.calibrate(some, some, np.ones(9), level=0.9)


def test_the_signature_gives_the_prediction_and_its_ends_with_the_unit() -> None:
    spec = DataSpec(
        id="x",
        task=Task.REGRESSION,
        inputs=(TensorSpec(name="numeric", shape=(2,)),),
        targets=(TensorSpec(name="target", unit="MPa"),),
    )
    signature = regressor_signature(network(), spec, inside={"numeric": "standardized"})
    assert [tensor.name for tensor in signature.outputs] == ["prediction", "low", "high"]
    assert {tensor.unit for tensor in signature.outputs} == {"MPa"}
    assert signature.inputs[0].inside == "standardized"
    assert set(signature.model.predict({"numeric": np.zeros((2, 2))}, verbose=0)) == {
        "prediction",
        "low",
        "high",
    }
