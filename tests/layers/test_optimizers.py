"""Optimizers: any of Keras's by its name, or any at all as Keras serializes it."""

from __future__ import annotations

from typing import get_args

import keras
import numpy as np
import pytest

from zoo.config import OptimizerConfig
from zoo.errors import ConfigError
from zoo.layers import WarmupSchedule, make_optimizer

NAMES = get_args(OptimizerConfig.model_fields["name"].annotation)


@pytest.mark.parametrize("name", NAMES)
def test_an_optimizer_is_chosen_by_its_name(name: str) -> None:
    config = OptimizerConfig(name=name, learning_rate=0.01, weight_decay=0.1, global_clipnorm=1.0)
    optimizer = make_optimizer(config)
    weight = keras.Variable(np.full((3, 2), 2.0, "float32"), name="kernel")
    bias = keras.Variable(np.full(2, 2.0, "float32"), name="bias")
    optimizer.build([weight, bias])
    optimizer.apply([np.full((3, 2), 0.5, "float32"), np.zeros(2, "float32")])

    assert type(optimizer).__name__.lower() == name
    assert isinstance(optimizer._learning_rate, WarmupSchedule)
    assert optimizer.global_clipnorm == 1.0
    assert (np.asarray(weight) < 2.0).all()
    # Without a gradient nothing moves a bias: it has no weight decay. FTRL makes each weight anew
    # from its sums of gradients.
    if name != "ftrl":
        np.testing.assert_array_equal(np.asarray(bias), 2.0)


def test_the_names_are_those_of_keras() -> None:
    made = {
        name.lower()
        for name, kind in vars(keras.optimizers).items()
        if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)
    }
    assert set(NAMES) == made - {"optimizer", "lossscaleoptimizer", "multioptimizer"}


def test_a_serialized_optimizer_is_made_as_it_was() -> None:
    given = keras.optimizers.RMSprop(0.02, rho=0.8, centered=True)
    config = OptimizerConfig(serialized=keras.optimizers.serialize(given))
    again = OptimizerConfig.model_validate_json(config.model_dump_json())
    made = make_optimizer(again)

    assert again == config
    assert made.get_config() == given.get_config()


def test_what_is_no_serialized_optimizer_is_a_typed_error() -> None:
    with pytest.raises(ConfigError, match="none that Keras can make") as caught:
        make_optimizer(OptimizerConfig(serialized={"class_name": "Nothing", "config": {}}))
    assert [finding.where for finding in caught.value.findings] == ["optimizer.serialized"]


def test_a_configuration_without_other_fields_says_nothing_of_serialized_optimizers() -> None:
    assert "serialized" not in OptimizerConfig().model_dump(mode="json")
