"""What an architecture's ``build`` may return, and where."""

from __future__ import annotations

from typing import Any

import pytest

import zoo
from zoo.errors import ConfigError, PluginBroken


def register(name: str, build: Any, **info: Any) -> None:
    members = {
        "info": zoo.ArchitectureInfo(
            name=name, summary="A linear classifier.", tasks=("classification",), **info
        ),
        "Config": zoo.ModelConfig,
        "default_dataset": "digits",
        "build": build,
    }
    zoo.register(type(name.title(), (zoo.Architecture,), members))


def test_a_subclass_without_inputs_is_refused_with_the_reason():
    def build(self: Any, config: Any, data: Any) -> Any:
        import keras

        class Called(keras.Model):
            def call(self, x: Any) -> Any:
                return x

        return Called()

    register("subclassed", build)
    with pytest.raises(PluginBroken, match="returns no model with named inputs") as caught:
        zoo.build("subclassed")
    assert "a subclass of keras.Model has none unless" in caught.value.why
    assert "Received: Called" in caught.value.why


def test_what_is_no_model_is_refused():
    register("nothing_built", lambda self, config, data: None)
    with pytest.raises(PluginBroken, match="Received: NoneType"):
        zoo.build("nothing_built")


def test_a_subclass_that_is_made_of_inputs_and_outputs_is_a_model_like_any_other():
    def build(self: Any, config: Any, data: Any) -> Any:
        import keras

        class Made(keras.Model):
            pass

        image = keras.Input(data.inputs[0].shape, name="image")
        x = keras.layers.Dense(10, "softmax", name="probabilities")(keras.layers.Flatten()(image))
        model = Made(image, x)
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    register("made", build)
    assert type(zoo.build("made")).__name__ == "Made"


def test_a_model_for_another_backend_says_how_to_get_it():
    register("elsewhere", lambda self, config, data: None, backends=("jax",))
    with pytest.raises(ConfigError, match="does not run on Keras's backend 'tensorflow'") as caught:
        zoo.build("elsewhere")
    assert caught.value.fix == "KERAS_BACKEND=jax zoo build elsewhere"
