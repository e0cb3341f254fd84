"""The regressor for tables: from a user's columns to calibrated intervals, or a clear refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.api.catalog import registry
from zoo.errors import ConfigError
from zoo.spec import Column, DataSpec, Task, TensorSpec

SPEC = DataSpec(
    id="houses",
    task=Task.REGRESSION,
    inputs=(
        TensorSpec(
            name="numeric",
            shape=(3,),
            missing=True,
            columns=(Column(name="area"), Column(name="age"), Column(name="floor")),
        ),
        TensorSpec(
            name="categorical",
            shape=(1,),
            dtype="int32",
            columns=(Column(name="town", categories=("north", "south")),),
        ),
    ),
    targets=(TensorSpec(name="target", columns=(Column(name="price"),)),),
)
SMALL = {"units": (16,), "members": 4, "embedding_units": 4, "frequencies": 4}


def rows(count: int = 60, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    numeric = random.normal(size=(count, 3)).astype("float32")
    numeric[random.random((count, 3)) < 0.1] = np.nan
    return {"numeric": numeric, "categorical": random.integers(0, 3, (count, 1)).astype("int32")}


def numbers(answers: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(values) for name, values in answers.items()}


def houses(path: Path, count: int = 240) -> Path:
    random = np.random.default_rng(0)
    lines = ["street,area,age,town,price"]
    for _ in range(count):
        area, age, town = random.uniform(30, 200), random.integers(0, 90), random.integers(2)
        price = 2000 * area + 50_000 * town + 20_000 * np.sin(age / 8) + random.normal(0, 5000)
        shown = "" if random.random() < 0.05 else f"{age} "
        town_name = ("north", "south")[town]
        lines.append(f"s{random.integers(30)},{area:.1f} ,{shown},{town_name},{price:.0f}")
    file = path / "houses.csv"
    file.write_text("\n".join(lines))
    return file


ONE, MORE = {"residual_blocks": 2, "members": 1}, {"activation": "silu"}


@pytest.mark.parametrize(
    ("embedding", "more"),
    [
        ("periodic", ONE),
        ("piecewise_linear", MORE),
        ("none", ONE),
        *(
            pytest.param(embedding, more, marks=pytest.mark.slow)
            for embedding, more in (("periodic", MORE), ("piecewise_linear", ONE), ("none", MORE))
        ),
    ],
)
def test_every_form_takes_raw_columns_and_missing_values(embedding: str, more: dict) -> None:
    model = zoo.build("mlp_regressor", data=SPEC, embedding=embedding, **{**SMALL, **more})
    inputs = rows()
    registry().get("mlp_regressor").adapt(
        model, inputs, {"target": np.linspace(1e5, 9e5, 60).astype("float32")}
    )
    answers = numbers(model(inputs))
    assert answers["prediction"].shape == answers["low"].shape == (60,)
    assert answers["members"].shape == (60, more.get("members", 4))
    assert all(np.isfinite(values).all() for values in answers.values())
    np.testing.assert_allclose(
        answers["prediction"], answers["members"].mean(axis=1), rtol=1e-4, atol=1
    )
    # Untrained, it answers around the mean of the targets it was adapted to.
    assert 2e5 < answers["prediction"].mean() < 8e5


def test_an_answer_does_not_depend_on_its_neighbors() -> None:
    model = zoo.build("mlp_regressor", data=SPEC, **SMALL)
    inputs = rows()
    whole = numbers(model(inputs))["prediction"]
    one = numbers(model({name: a[7:8] for name, a in inputs.items()}))["prediction"]
    np.testing.assert_allclose(one, whole[7:8], rtol=1e-5, atol=1e-6)


def test_the_bins_are_adapted_after_normalization() -> None:
    model = zoo.build("mlp_regressor", data=SPEC, embedding="piecewise_linear", bins=4, **SMALL)
    inputs = rows(500)
    inputs["numeric"] = inputs["numeric"] * 1000 + 5000
    registry().get("mlp_regressor").adapt(model, inputs, {"target": np.arange(500.0)})
    left = np.asarray(model.get_layer("piecewise_linear").left)
    np.testing.assert_allclose(left[:, 1:].mean(axis=0), [-0.67, 0.0, 0.67], atol=0.15)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> zoo.Run:
    folder = tmp_path_factory.mktemp("houses")
    return zoo.train(
        "mlp_regressor",
        houses(folder),
        data_options={"group_by": "street", "drop": "street"},
        run_dir=folder / "run",
        epochs=60,
        plan={"restore_best_weights": False},
        **SMALL,
    )


@pytest.fixture(scope="module")
def evaluation(run: zoo.Run) -> zoo.Evaluation:
    return zoo.evaluate(run)


@pytest.fixture(scope="module")
def small_table(tmp_path_factory) -> Path:
    return houses(tmp_path_factory.mktemp("small"), 80)


def train_briefly(file: Path, folder: Path) -> zoo.Run:
    return zoo.train(
        "mlp_regressor",
        file,
        data_options={"drop": "street"},
        run_dir=folder / "run",
        epochs=2,
        **SMALL,
    )


@pytest.fixture(scope="module")
def small_run(small_table: Path, tmp_path_factory) -> zoo.Run:
    return train_briefly(small_table, tmp_path_factory.mktemp("brief"))


def test_it_learns_a_table_and_its_intervals_cover_the_test_split(
    run: zoo.Run, evaluation: zoo.Evaluation
) -> None:
    assert next(iter(evaluation.scores)) == evaluation.headline == "rmse"
    assert run.metrics is not None and run.metrics.headline == "rmse"
    assert evaluation.scores["r2"].value > 0.9
    coverage = evaluation.scores["interval_coverage"]
    assert coverage.low <= 0.9 <= coverage.high or coverage.value > 0.9
    titles = [figure.title for figure in evaluation.figures]
    assert titles == [
        "Predicted vs. true",
        "Residuals",
        "Baselines",
        "Permutation importance",
    ]
    assert evaluation.figures[-1].names[0] == "area"


def test_the_statistics_are_those_of_the_training_split_alone(run: zoo.Run) -> None:
    train = run.dataset().split("train").arrays()
    normalization = run.model.get_layer("normalization")
    np.testing.assert_allclose(
        np.asarray(normalization.mean), np.nanmean(train[0]["numeric"], axis=0), rtol=1e-5
    )
    assert float(run.model.get_layer("denormalization").mean) == pytest.approx(
        train[1]["target"].mean(), rel=1e-5
    )


def test_the_interval_was_calibrated_on_the_validation_split(run: zoo.Run) -> None:
    inputs, targets = run.dataset().split("validation").arrays()
    answers = numbers(run.model(inputs))
    slack = 1e-4 * np.abs(targets["target"])
    inside = (answers["low"] - slack <= targets["target"]) & (
        targets["target"] <= answers["high"] + slack
    )
    assert inside.sum() == int(np.ceil(0.9 * (len(inside) + 1)))


def test_it_exports_with_its_interval_and_answers_records(
    run: zoo.Run, evaluation: zoo.Evaluation, tmp_path: Path
) -> None:
    artifact = zoo.export(run, out=tmp_path)
    session = zoo.runtime.load(artifact.path)
    record = {"area": 80, "age": None, "town": "south"}
    answer = session.predict([record]).as_dicts()[0]
    assert answer["low"] < answer["prediction"] < answer["high"]
    keras_answer = zoo.predict(run, [record]).as_dicts()[0]
    assert answer["prediction"] == pytest.approx(keras_answer["prediction"], rel=1e-5)
    assert zoo.evaluate(artifact.path, run.dataset()).scores["rmse"].value == pytest.approx(
        evaluation.scores["rmse"].value, rel=1e-4
    )


def test_where_the_plan_decides_half_of_validation_is_left_to_calibrate(tmp_path: Path) -> None:
    run = zoo.train(
        "mlp_regressor",
        houses(tmp_path),
        data_options={"drop": "street"},
        run_dir=tmp_path / "run",
        epochs=3,
        **SMALL,
    )
    assert run.plan.restore_best_weights
    inputs, targets = run.dataset().split("validation").arrays()
    answers = numbers(run.model(inputs))
    slack = 1e-4 * np.abs(targets["target"])
    inside = (answers["low"] - slack <= targets["target"]) & (
        targets["target"] <= answers["high"] + slack
    )
    assert inside[::2].sum() == int(np.ceil(0.9 * (len(inside[::2]) + 1)))
    watched = run.model.evaluate(
        {name: array[1::2] for name, array in inputs.items()},
        targets["target"][1::2],
        verbose=0,
        return_dict=True,
    )
    best = run.record["best"]["val_loss"]
    assert watched["loss"] == pytest.approx(best, rel=1e-3)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(
    small_table: Path, small_run: zoo.Run, tmp_path: Path
) -> None:
    again = train_briefly(small_table, tmp_path)
    for one, two in zip(small_run.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_small_table_calibrates_with_as_many_as_it_takes(small_run: zoo.Run) -> None:
    assert small_run.record["data"]["sizes"]["validation"] == 12
    assert float(small_run.model.get_layer("interval").slope) > 0


def test_too_few_rows_for_the_level_are_refused_before_training(tmp_path: Path) -> None:
    file = houses(tmp_path, 50)
    with pytest.raises(
        ConfigError, match=r"too few to calibrate an interval of 99\.0% coverage"
    ) as c:
        zoo.train(
            "mlp_regressor", file, run_dir=tmp_path / "r", epochs=1, interval_level=0.99, **SMALL
        )
    assert "interval_level" in c.value.fix
    assert zoo.Run(tmp_path / "r").status == "failed"


def test_classes_and_pictures_are_refused() -> None:
    with pytest.raises(ConfigError, match="mlp_regressor does not support digits"):
        zoo.build("mlp_regressor", data="digits")
    with pytest.raises(ConfigError, match="no classes"):
        zoo.build("mlp_classifier", data="diabetes")
    image = TensorSpec(name="image", shape=(8, 8, 1), dtype="uint8", role="image")
    with pytest.raises(ConfigError, match="does not support the input 'image'"):
        zoo.build("mlp_regressor", data=SPEC.model_copy(update={"inputs": (image,)}))


@pytest.mark.parametrize(
    "wrong",
    [{"interval_level": 1.0}, {"members": 0}, {"embedding": "wavelet"}, {"units": ()}, {"bins": 1}],
)
def test_a_wrong_configuration_is_one_finding(wrong: dict) -> None:
    with pytest.raises(ConfigError) as caught:
        zoo.build("mlp_regressor", data=SPEC, **wrong)
    assert [finding.where for finding in caught.value.findings] == list(wrong)
