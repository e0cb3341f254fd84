"""The installed package, tested as its author would: through the public API."""

# ruff: noqa: D102, D103, S101 - a name says what a test is about, and asserting is its purpose

import numpy as np
import pytest

import zoo
from zoo import testing

if "fine_tuned" not in zoo.list_models():
    pytest.skip("pip install --editable ./examples/zoo-phases", allow_module_level=True)

SMALL = {"data": "digits", "data_options": {"max_examples": 64}, "epochs": 2, "head_epochs": 2}


class Stopping(zoo.Progress):
    """Ctrl-C after an epoch."""

    def __init__(self, after):
        self.after = after

    def on_epoch_end(self, epoch, logs):
        if epoch == self.after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a run that was never stopped."""
    return zoo.train("fine_tuned", run_dir=tmp_path_factory.mktemp("runs") / "whole", **SMALL)


@testing.parametrize_with_checks("fine_tuned")
def test_it_conforms(check):
    check()


def test_the_first_phase_trains_the_head_and_the_second_everything(whole):
    assert [line["phase"] for line in whole.history] == [1, 1, 2, 2]
    rates = [line["learning_rate"] for line in whole.history]
    assert max(rates[2:]) < max(rates[:2])
    published = zoo.build("cnn", weights="mnist")
    kernel = whole.model.get_layer("backbone").get_layer("conv_1_1").kernel
    assert not np.array_equal(kernel, published.get_layer("conv_1_1").kernel)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_run_that_stops_inside_or_between_phases_ends_in_the_same_bits(whole, after, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        zoo.train("fine_tuned", run_dir=tmp_path / "run", progress=Stopping(after), **SMALL)
    resumed = zoo.train(resume=tmp_path / "run")
    for one, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_head_alone_learns_from_what_the_backbone_has_seen(tmp_path):
    few = {"data": "digits", "data_options": {"max_examples": 300}}
    run = zoo.train("fine_tuned", run_dir=tmp_path / "run", epochs=1, head_epochs=4, **few)
    assert zoo.evaluate(run, "digits").scores["accuracy"].value > 0.8
    artifact = zoo.export(run, tmp_path / "exports")
    images, _ = zoo.dataset("digits").split("test").take(np.arange(20))
    assert zoo.predict(artifact.path, images).labels == zoo.predict(run, images).labels
