"""The start of a training without the training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.errors import ConfigError


def test_a_prepared_training_is_that_of_a_run_before_its_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    setup = zoo.prepare_training("mlp_classifier", plan={"seed": 3}, dropout=0.1)

    assert not list(tmp_path.iterdir())
    assert setup.plan.seed == 3 and setup.model.blueprint.config.dropout == 0.1
    again = zoo.prepare_training("mlp_classifier", plan={"seed": 3}, dropout=0.1)
    for one, other in zip(setup.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # A step of a run would have changed the number of steps.
    assert not int(setup.model.optimizer.iterations)


def test_the_data_is_what_the_loop_receives() -> None:
    inputs, targets = zoo.prepare_training("autoencoder").dataset.split("train").take(np.arange(3))
    np.testing.assert_array_equal(inputs["image"], targets["image"])


def test_a_run_is_prepared_with_its_own_configuration_and_plan(tmp_path: Path) -> None:
    run = zoo.train("mlp_classifier", epochs=1, run_dir=tmp_path / "run", units=(8,), seed=5)
    setup = zoo.prepare_training(run, **{"optimizer.learning_rate": 0.5})

    assert setup.plan == run.plan and setup.plan.seed == 5
    config = setup.model.blueprint.config
    assert config.units == (8,) and config.optimizer.learning_rate == 0.5


def test_a_wrong_field_is_refused() -> None:
    with pytest.raises(ConfigError, match="dropuot"):
        zoo.prepare_training("mlp_classifier", dropuot=0.1)
