"""The plugin, tested as its author would: through the public API, in a minute."""

# ruff: noqa: D103, S101 - the name of a test says what it is about, and asserting is its purpose

import numpy as np
import pytest

import zoo
from zoo import testing


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return zoo.train("two_heads", run_dir=tmp_path_factory.mktemp("two_heads") / "run", epochs=15)


def test_data_without_gauges_is_refused():
    with pytest.raises(zoo.ZooError, match="reads gauges, and digits has none"):
        zoo.build("two_heads", data="digits")


def test_only_training_data_is_noted_at_a_glance():
    data = zoo.dataset("gauges")
    weights = {name: data.split(name).arrays()[1]["sample_weight"] for name in ("train", "test")}
    assert {round(1 / weight) for weight in weights["train"].tolist()} == {1, 9}
    assert set(weights["test"]) == {1}


def test_an_example_without_weight_counts_in_no_loss():
    model = zoo.build("two_heads")
    inputs, targets = zoo.dataset("gauges").split("test").take(np.arange(2))
    named = {name: targets[name] for name in ("state", "reading")}
    weight = np.array([2.0, 0.0])
    first = [{name: array[:1] for name, array in part.items()} for part in (inputs, named)]
    weighted = model.evaluate(inputs, named, sample_weight=weight, verbose=0, return_dict=True)
    alone = model.evaluate(*first, verbose=0, return_dict=True)
    assert weighted["loss"] == pytest.approx(alone["loss"], rel=1e-4)


def test_both_heads_learn_and_the_number_needs_the_printed_scale(run):
    scores = zoo.evaluate(run).scores
    assert scores["state_accuracy"].value > 0.85
    assert scores["reading_rmse"].value < 0.3
    assert scores["reading_rmse"].better == "lower"
    assert scores["state_accuracy"].better == "higher"
    inputs, targets = zoo.dataset("gauges").split("test").arrays()
    misled = {"image": inputs["image"], "numeric": inputs["numeric"][::-1]}
    reading = zoo.predict(run, misled).outputs["reading"][:, 0]
    assert np.sqrt(np.mean((reading - targets["reading"]) ** 2)) > 0.6


def test_the_artifact_gives_the_answers_of_the_model(run, tmp_path):
    artifact = zoo.export(run, tmp_path)
    inputs, _ = zoo.dataset("gauges").split("test").take(np.arange(20))
    ours, theirs = zoo.predict(artifact.path, inputs), zoo.predict(run, inputs)
    assert ours.labels == theirs.labels
    assert ours.outputs["reading"] == pytest.approx(theirs.outputs["reading"], abs=1e-4)


@testing.parametrize_with_checks("two_heads", "gauges")
def test_it_conforms(check):
    check()
