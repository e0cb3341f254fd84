"""The plugin, tested as its author would: through the public API."""

# ruff: noqa: D101, D102, D103, S101 - a test's name is a sentence, and asserting is its purpose

import numpy as np
import pytest

import zoo
from zoo import testing

SMALL = {"epochs": 3, "units": 8, "depth": 1, "steps": 5, "seed": 5}


class Interrupted(zoo.Progress):
    def on_epoch_end(self, epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return zoo.train("diffusion", run_dir=tmp_path_factory.mktemp("diffusion") / "run", **SMALL)


def test_a_resumed_run_ends_in_the_same_bits(run, tmp_path):
    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        zoo.train("diffusion", run_dir=cut, progress=Interrupted(), **SMALL)
    assert zoo.Run(cut).status == "stopped"
    resumed = zoo.train(resume=cut)
    for whole, again in zip(run.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(whole, again)


def test_run_and_artifact_draw_the_same_images(run, tmp_path):
    artifact = zoo.export(run, tmp_path)
    drawn = [
        zoo.sample(target, 5, steps=5, seed=1).outputs["image"] for target in (run, artifact.path)
    ]
    assert drawn[0].shape == (5, 8, 8, 1)
    np.testing.assert_allclose(*drawn, atol=0.01)


def test_its_score_says_that_lower_is_better(run):
    scores = zoo.evaluate(run).scores
    assert {score.better for score in scores.values()} == {"lower"}


def test_a_table_is_refused():
    with pytest.raises(zoo.ZooError, match="needs images"):
        zoo.build("diffusion", data="diabetes")


@testing.parametrize_with_checks("diffusion", level="gold")
def test_it_conforms(check):
    check()
