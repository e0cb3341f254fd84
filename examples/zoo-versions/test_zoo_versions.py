"""The plugin, tested as its author would: through the public API, in a minute."""

# ruff: noqa: D103, S101 - the name of a test says what it is about, and asserting is its purpose

import numpy as np
import pytest

import zoo
from zoo import testing

VERSIONS = {"small_reader@1": 1_210, "small_reader@2": 6_090}


def test_the_plain_name_is_the_newest_version():
    assert zoo.info("small_reader").name == "small_reader@2"
    assert "units" in zoo.info("small_reader@1").schema["properties"]
    assert "filters" in zoo.info("small_reader@2").schema["properties"]


@pytest.mark.parametrize(("name", "parameters"), VERSIONS.items())
def test_the_weights_of_a_version_fit_it_and_reach_their_score(name, parameters):
    model = zoo.build(name, weights="digits")
    assert model.count_params() == parameters
    claimed = zoo.info(name).weights[0]["measured"]["metrics"]["accuracy"]["value"]
    assert zoo.evaluate(model).scores["accuracy"].value == pytest.approx(claimed, abs=1e-4)


def test_the_weights_of_one_version_do_not_fit_the_other(tmp_path):
    file = tmp_path / "first.weights.h5"
    zoo.build("small_reader@1", weights="digits").save_weights(file)
    with pytest.raises(zoo.ZooError):
        zoo.build("small_reader@2", weights=file)


def test_a_run_goes_on_with_the_version_that_it_was_made_with(tmp_path):
    run = zoo.train("small_reader@1", run_dir=tmp_path / "run", epochs=1)
    assert "units" in run.record["config"]
    images, _ = zoo.dataset("digits").split("test").take(np.arange(5))
    artifact = zoo.export(run, tmp_path / "exports")
    assert zoo.predict(artifact.path, images).labels == zoo.predict(run, images).labels


@testing.parametrize_with_checks(*VERSIONS)
def test_it_conforms(check):
    check()
