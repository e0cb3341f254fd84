"""RBMs from their configuration to their artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from tests.plugins.rbm.examples import LABELS, QUICK, SHAPE, image_spec, images, write_table
from zoo.api.catalog import registry
from zoo.api.evaluation import write_report
from zoo.data import ArraySplit, Dataset
from zoo.errors import ConfigError, DataError
from zoo.spec import Column, DataSpec, Task, TensorSpec
from zoo.training.engines import choose_engine
from zoo.training.engines.fit import FitEngine
from zoo_rbm import RBMConfig, TrainedRBM
from zoo_rbm.preprocessing import training_inputs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    """A finished run on images that models the classes."""
    folder = tmp_path_factory.mktemp("rbm")
    return zoo.train(
        "rbm", images(rare=40), run_dir=folder / "run", epochs=40, batch_size=20,
        classes=True, **QUICK,
    )  # fmt: skip


@pytest.fixture(scope="module")
def artifact(run: zoo.Run, tmp_path_factory: pytest.TempPathFactory) -> zoo.Artifact:
    return zoo.export(run.model, tmp_path_factory.mktemp("e"), data=images(rare=40))


@pytest.fixture(scope="module")
def table_run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    folder = tmp_path_factory.mktemp("table")
    file = write_table(folder / "people.csv")
    return zoo.train("rbm", file, run_dir=folder / "run", epochs=40, **QUICK)


@pytest.fixture(scope="module")
def rbm(run: zoo.Run) -> TrainedRBM:
    return TrainedRBM(run)


@pytest.fixture(scope="module")
def table_rbm(table_run: zoo.Run) -> TrainedRBM:
    return TrainedRBM(table_run)


@pytest.mark.slow
def test_plain_fit_trains_a_model_that_is_saved_and_loaded(tmp_path: Path) -> None:
    data = images()
    model = zoo.build("rbm", data=data.spec, **QUICK, **{"optimizer.learning_rate": 0.05})
    image = data.split("train").arrays()[0]["image"]
    registry().get("rbm").adapt(model, {"image": image}, {})
    states = np.where(image < 128, 0, 255).astype("uint8")
    before = TrainedRBM(model).log_likelihood(states).mean()
    model.fit(states, epochs=100, batch_size=20, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")

    rbm = TrainedRBM(model)
    assert rbm.log_likelihood(states).mean() > before + 1
    np.testing.assert_array_equal(again.predict(image, verbose=0), model.predict(image, verbose=0))


@pytest.mark.parametrize(
    "config",
    [
        {"sampler": {"kind": "cd", "steps": 2}},
        pytest.param({"sampler": {"kind": "pcd", "chains": 7}}, marks=pytest.mark.slow),
        {"sampler": {"kind": "parallel_tempering", "temperatures": 3, "chains": 5}},
        pytest.param({"binarize": "threshold"}, marks=pytest.mark.slow),
        pytest.param({"sparsity": {"weight": 0.1}}, marks=pytest.mark.slow),
        pytest.param(
            {"optimizer": {"name": "adam"}, "reference_batch_size": 1}, marks=pytest.mark.slow
        ),
        pytest.param(
            {"optimizer": {"weight_decay": 0.01, "momentum": 0.0}}, marks=pytest.mark.slow
        ),
        # The runs below train with these.
        pytest.param({"classes": True}, marks=pytest.mark.slow),
        pytest.param({"visible": "gaussian"}, marks=pytest.mark.slow),
        pytest.param(
            {
                "visible": "gaussian",
                "learn_precision": False,
                "sampler": {"kind": "parallel_tempering"},
            },
            marks=pytest.mark.slow,
        ),
    ],
)
def test_every_option_trains_in_the_compiled_engine(config: dict[str, Any]) -> None:
    data = images()
    model = zoo.build("rbm", data=data.spec, **{**QUICK, **config})
    registry().get("rbm").adapt(model, *data.split("train").arrays())
    gaussian = config.get("visible") == "gaussian"
    view = zoo.MappedDataset(
        data, training_inputs(data.spec, gaussian=gaussian, classes="classes" in config)
    )
    plan = zoo.TrainPlan(batch_size=25)
    engine = choose_engine(model, view.split("train"), view.split("validation"), plan)
    line = engine.run_epoch(np.arange(120, dtype="int32"), lambda steps: None)

    assert not isinstance(engine, FitEngine)
    assert np.isfinite(line["loss"]) and np.isfinite(engine.validate()["loss"])


@pytest.mark.slow
def test_both_engines_take_the_same_steps() -> None:
    data = images()
    ends = []
    for engine in ("graph", "fit"):
        keras.utils.set_random_seed(0)
        model = zoo.build("rbm", data=data.spec, **QUICK)
        registry().get("rbm").adapt(model, *data.split("train").arrays())
        view = zoo.MappedDataset(data, training_inputs(data.spec, gaussian=False, classes=False))
        plan = zoo.TrainPlan(batch_size=25, engine=engine)
        found = choose_engine(model, view.split("train"), view.split("validation"), plan)
        for _ in range(2):
            found.run_epoch(np.arange(120, dtype="int32"), lambda steps: None)
        ends.append(model.get_weights())

    for one, two in zip(*ends, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"hidden": 0}, "hidden"),
        ({"hiden": 3}, "hidden"),
        ({"sampler": {"kind": "gibbs"}}, "sampler.kind"),
        ({"sampler": {"steps": 0}}, "sampler.steps"),
        ({"sampler": {"temperatures": 1}}, "sampler.temperatures"),
        ({"sparsity": {"target": 1}}, "sparsity.target"),
        ({"likelihood": {"exact_units": 40}}, "likelihood.exact_units"),
        ({"likelihood": {"epoch_steps": 0}}, "likelihood.epoch_steps"),
        ({"optimizer": {"momentum": 1}}, "optimizer.momentum"),
        ({"binarize": "none"}, "binarize"),
        ({"visible": "gaussian", "classes": True}, "(whole)"),
    ],
)
def test_an_invalid_field_is_a_finding_with_its_path(config: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        zoo.build("rbm", data=image_spec(), **config)

    finding = caught.value.findings[0]
    assert place in (finding.where, finding.did_you_mean)


def table_spec(*, categories: bool = False, labeled: bool = True) -> DataSpec:
    numeric = TensorSpec(
        name="numeric", shape=(2,), columns=(Column(name="one"), Column(name="two"))
    )
    inputs = [numeric]
    if categories:
        sex = Column(name="sex", categories=("f", "m"))
        inputs.append(TensorSpec(name="categorical", shape=(1,), dtype="int32", columns=(sex,)))
    label = TensorSpec(name="label", dtype="int64", labels=LABELS if labeled else None)
    return DataSpec(id="t", task=Task.CLASSIFICATION, inputs=tuple(inputs), targets=(label,))


def test_data_without_numbers_or_classes_is_refused_with_a_fix() -> None:
    text = DataSpec(
        id="words",
        task=Task.CLASSIFICATION,
        inputs=(TensorSpec(name="tokens", shape=("time",), dtype="int32"),),
    )
    with pytest.raises(ConfigError, match="images or numeric columns"):
        zoo.build("rbm", data=text)
    with pytest.raises(ConfigError, match="columns sex") as caught:
        zoo.build("rbm", data=table_spec(categories=True))
    assert "drop=" in caught.value.fix
    with pytest.raises(ConfigError) as caught:
        zoo.build("rbm", data=table_spec(labeled=False), visible="binary", classes=True)
    assert caught.value.findings[0].where == "classes"


def table_data(values: np.ndarray) -> Dataset:
    part = ArraySplit({"numeric": values.astype("float32")}, {"label": np.zeros(len(values), int)})
    return Dataset(table_spec(), lambda: dict.fromkeys(("train", "validation", "test"), part))


@pytest.mark.parametrize(
    ("change", "config", "says"),
    [
        (lambda v: v.__setitem__((3, 1), np.nan), {}, "two of example 3 of t is missing"),
        (lambda v: v.__setitem__((5, 0), np.inf), {}, "one of example 5 of t is inf"),
        (lambda v: v.__setitem__((slice(None), 1), 7), {}, "'two' of t is constant, 7"),
        (
            lambda v: v.__setitem__((2, 0), 1.5),
            {"visible": "binary"},
            "one of example 2 of t is 1.5",
        ),
        (lambda v: v.__setitem__((2, 1), -0.1), {"visible": "binary"}, "example 2 of t is -0.1"),
    ],
)
def test_invalid_values_are_refused_before_training(
    change: Any, config: dict[str, Any], says: str, tmp_path: Path
) -> None:
    values = np.random.default_rng(0).random((20, 2))
    change(values)
    with pytest.raises(DataError, match=says) as caught:
        zoo.train("rbm", table_data(values), run_dir=tmp_path / "run", epochs=1, **QUICK, **config)

    assert caught.value.fix
    assert not (tmp_path / "run" / "model.keras").exists()


def test_the_history_has_the_likelihood_and_the_mixing_of_every_epoch(run: zoo.Run) -> None:
    last = run.history[-1]

    assert {"val_log_likelihood", "log_z", "mixing"} <= set(last)
    assert last["val_log_likelihood"] > run.history[0]["val_log_likelihood"]
    assert run.record["plan"]["monitor"] == "val_log_likelihood"


@pytest.fixture(scope="module")
def evaluation(artifact: zoo.Artifact) -> zoo.Evaluation:
    return zoo.evaluate(artifact.path, images(rare=40))


def test_an_evaluation_has_baselines(evaluation: zoo.Evaluation) -> None:
    scores = evaluation.scores

    assert next(iter(scores)) == "log_likelihood"
    assert scores["log_likelihood"].value > scores["log_likelihood_alone"].value + 1
    assert scores["log_likelihood"].low < scores["log_likelihood"].value
    assert scores["accuracy_features"].value > 0.9
    assert scores["completion_rmse"].value < scores["completion_rmse_mean"].value
    assert "accuracy_raw" in scores


def test_an_evaluation_shows_samples_filters_and_imputed_images(evaluation: zoo.Evaluation) -> None:
    titles = [figure.title for figure in evaluation.figures]

    assert titles == [
        *("Samples", "Imputed images", "Filters", "Samples by class"),
        *("Imputation of missing values", "Linear classification on the features"),
        "Log-likelihood of test and training examples",
    ]


def test_the_likelihood_is_that_of_the_definition(rbm: TrainedRBM) -> None:
    states = np.array(np.meshgrid(*[[0, 1]] * 12)).reshape(12, -1).T.astype("float32")
    every = rbm.energy.marginal_free_energy(states)
    exact = float(np.log(np.exp(-every.astype("float64") - 0).sum()))
    raw = (states[::97] * 255).astype("uint8").reshape(-1, *SHAPE)

    log_z = rbm.predict("free_energy", raw)["log_z"][0, 0]
    assert log_z == pytest.approx(exact, abs=0.1)
    by_hand = -every[::97] - exact
    np.testing.assert_allclose(rbm.log_likelihood(raw), by_hand, atol=0.1)


@pytest.mark.slow
def test_a_report_shows_the_likelihood_beside_that_of_independent_units(tmp_path: Path) -> None:
    run = zoo.train("rbm", run_dir=tmp_path / "run", epochs=2, **QUICK)
    zoo.evaluate(run)
    page = write_report(run.path).read_text("utf-8")

    assert ": overfitting." not in page
    assert "of independent units" in page


def test_every_signature_is_verified_and_a_chain_is_the_same_to_the_last_bit(
    run: zoo.Run, artifact: zoo.Artifact
) -> None:
    names = [graph["signature"] for graph in artifact.manifest["graphs"]]
    drawn = zoo.sample(run.model, 20, steps=300, label="b", seed=3)
    same = zoo.sample(artifact.path, 20, steps=300, label="b", seed=3)

    assert names == [
        *("features", "reconstruct", "free_energy", "complete", "gibbs_step", "classify")
    ]
    assert zoo.verify(artifact.path)
    for name, values in drawn.outputs.items():
        np.testing.assert_array_equal(values, same.outputs[name])


def assert_same_scores(found: zoo.Evaluation, wanted: zoo.Evaluation) -> None:
    assert found.scores.keys() == wanted.scores.keys()
    for name, score in wanted.scores.items():
        assert found.scores[name].value == pytest.approx(score.value, abs=1e-3), name


@pytest.mark.slow
def test_an_artifact_has_the_scores_of_its_model(run: zoo.Run, evaluation: zoo.Evaluation) -> None:
    assert_same_scores(evaluation, zoo.evaluate(run.model, images(rare=40)))


def test_samples_of_a_class_look_like_it(rbm: TrainedRBM) -> None:
    for index, label in enumerate(LABELS[:2]):
        rows = rbm.sample(50, steps=200, label=label).mean(axis=(0, 2, 3))
        assert rows.argmax() == index
    with pytest.raises(ConfigError, match="no class 'z'"):
        rbm.sample(1, label="z")


def test_missing_pixels_are_imputed_and_known_ones_stay(rbm: TrainedRBM) -> None:
    whole = images().split("test").arrays()[0]["image"].astype("float32")
    broken = whole.copy()
    broken[:, :, 0] = np.nan
    for method in ("mean_field", "sampling"):
        filled = rbm.complete(broken, method=method)
        np.testing.assert_array_equal(filled[:, :, 1:], whole[:, :, 1:])
        apart = np.abs(filled - whole)[:, :, 0].mean()
        assert apart < 0.6 * np.abs(whole[:, :, 0] - whole[:, :, 0].mean()).mean()


def test_oversampling_balances_the_classes(rbm: TrainedRBM) -> None:
    inputs, targets = images(rare=40).split("train").arrays()
    raw = inputs["image"]
    found, labels = rbm.oversample(raw, targets["label"])
    counts = np.bincount(labels)

    assert found.dtype == np.uint8
    assert len(set(counts.tolist())) == 1
    np.testing.assert_array_equal(found[: len(raw)], raw)
    new = found[len(raw) :][labels[len(raw) :] == 2]
    assert new.mean(axis=(0, 2, 3)).argmax() == 2


def test_only_an_rbm_with_fitting_data_is_accepted(tmp_path: Path) -> None:
    rbm = TrainedRBM(zoo.build("rbm", data=write_table(tmp_path / "people.csv"), **QUICK))
    with pytest.raises(ConfigError, match="not a restricted Boltzmann machine"):
        TrainedRBM(zoo.build("cnn"))
    with pytest.raises(ConfigError, match="does not model classes"):
        rbm.sample(1, label="a")
    with pytest.raises(ConfigError, match="does not model classes"):
        rbm.oversample(np.zeros((2, 3)), [0, 1])
    with pytest.raises(DataError, match="another shape"):
        rbm.features(np.zeros((2, 5)))


@pytest.mark.slow
def test_a_table_is_learned_imputed_sampled_and_exported(
    table_run: zoo.Run, tmp_path: Path
) -> None:
    evaluation = zoo.evaluate(table_run)
    scores = evaluation.scores
    assert scores["log_likelihood"].value > scores["log_likelihood_alone"].value + 0.5
    assert scores["completion_rmse"].value < scores["completion_rmse_mean"].value
    artifact = zoo.export(table_run, tmp_path)
    assert_same_scores(zoo.evaluate(artifact.path, table_run.dataset()), evaluation)
    one = zoo.sample(table_run, 9, steps=100, seed=1).outputs["numeric"]
    two = zoo.sample(artifact.path, 9, steps=100, seed=1).outputs["numeric"]

    np.testing.assert_array_equal(one, two)
    tall = {"height": 190.0, "weight": None, "waist": None}
    small = {**tall, "height": 150.0}
    filled = zoo.predict(artifact.path, [tall, small], signature="complete")
    found = filled.outputs["completion"]
    np.testing.assert_allclose(found[:, 0], [190, 150], rtol=1e-6)
    assert found[0, 1] > found[1, 1] + 5
    assert found[0, 2] < found[1, 2] - 2


@pytest.mark.slow
def test_the_density_of_a_table_is_that_of_its_raw_values(
    table_run: zoo.Run, table_rbm: TrainedRBM
) -> None:
    rows = table_run.dataset().split("test").arrays()[0]["numeric"]
    center, spread = rows.mean(axis=0), rows.std(axis=0)
    # An integral by draws from a wide normal distribution: the density must sum to one.
    random = np.random.default_rng(0)
    wide = 2.0 * spread
    draws = random.standard_normal((60_000, 3))
    points = (center + wide * draws).astype("float32")
    proposal = -0.5 * (draws**2).sum(axis=1) - 1.5 * np.log(2 * np.pi) - np.log(wide).sum()
    ratio = np.exp(table_rbm.log_likelihood(points).astype("float64") - proposal)

    assert ratio.mean() == pytest.approx(1, abs=5 * ratio.std() / np.sqrt(len(ratio)) + 0.02)


def test_default_configs_of_images_and_tables() -> None:
    architecture = registry().get("rbm")
    small = architecture.default_config(image_spec())
    table = architecture.default_config(table_spec())

    assert RBMConfig.model_validate(small.config.model_dump()) == small.config
    assert not small.plan.restore_best_weights
    assert not table.plan.restore_best_weights
    assert table.config.optimizer.name == "adam"


@pytest.mark.slow
def test_the_published_artifact_is_quantized(
    tmp_path: Path,
) -> None:
    artifact = zoo.export(zoo.build("rbm", weights="digits"), tmp_path)
    found = zoo.quantize(artifact.path, methods=("int8_dynamic", "float16"), seconds=0.02)

    assert zoo.verify(found.artifact.path)
    assert [graph["signature"] for graph in found.artifact.manifest["graphs"]] == [
        *("features", "reconstruct", "free_energy", "complete", "gibbs_step")
    ]
