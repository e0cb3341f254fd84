"""The plugin, tested as its author would: through the public API, in a few seconds."""

# ruff: noqa: D103, S101 - the name of a test says what it is about, and asserting is its purpose

import sys
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import testing

# So that the tests also run before the plugin is installed.
sys.path.insert(0, str(Path(__file__).parent))
from zoo_softmax import Softmax

if "softmax" not in zoo.list_models():
    zoo.register(Softmax)


def test_it_is_found_with_its_configuration():
    info = zoo.info("softmax")
    assert info.status == "ready"
    assert info.schema["properties"]["bias"]["default"] is True


def test_a_field_that_it_does_not_have_is_refused():
    with pytest.raises(zoo.ZooError, match="Did you mean 'bias'"):
        zoo.build("softmax", bais=False)


@pytest.mark.parametrize("bias", [True, False])
def test_it_has_a_weight_for_every_pixel_and_class(bias):
    assert zoo.build("softmax", bias=bias).count_params() == 64 * 10 + 10 * bias


def test_it_learns_and_its_artifact_gives_its_answers(tmp_path):
    run = zoo.train(
        "softmax", run_dir=tmp_path / "run", epochs=10, optimizer={"learning_rate": 0.03}
    )
    assert zoo.evaluate(run).scores["accuracy"].value > 0.8
    artifact = zoo.export(run, tmp_path / "exports")
    images, _ = zoo.dataset("digits").split("test").take(np.arange(20))
    assert zoo.predict(artifact.path, images).labels == zoo.predict(run, images).labels


@testing.parametrize_with_checks(Softmax, level="exportable")
def test_it_conforms(check):
    check()
