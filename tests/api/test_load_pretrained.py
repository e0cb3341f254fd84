"""What was learned elsewhere comes into a fresh model, and into no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import zoo

CALLS: list[str] = []


class Heir(zoo.Architecture[zoo.ModelConfig]):
    """One dense layer that remembers who put something into it."""

    info = zoo.ArchitectureInfo(
        name="heir",
        summary="One dense layer on the pixels of an image.",
        tasks=(zoo.Task.CLASSIFICATION,),
    )
    Config = zoo.ModelConfig
    default_dataset = "digits"

    def build(self, config: zoo.ModelConfig, data: zoo.DataSpec) -> Any:
        from keras import Input, Model, layers

        from zoo.layers import compile_classifier, scale_image

        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        x = layers.Flatten()(scale_image(image, spec))
        answer = layers.Dense(len(data.labels), "softmax", name="probabilities")(x)
        return compile_classifier(Model(image, answer), config.optimizer)

    def load_pretrained(self, model: Any) -> None:
        CALLS.append("initialize")

    def adapt(self, model: Any, inputs: Any, targets: Any) -> None:
        CALLS.append("adapt")


@pytest.fixture(autouse=True)
def announced() -> Iterator[None]:
    if "heir" not in zoo.list_models():
        zoo.register(Heir)
    CALLS.clear()
    yield
    CALLS.clear()


def test_a_model_built_without_weights_is_initialized() -> None:
    zoo.build("heir")

    assert CALLS == ["initialize"]


def test_a_training_initializes_before_it_adapts(tmp_path: Path) -> None:
    zoo.train("heir", epochs=1, run_dir=tmp_path / "run")

    assert CALLS == ["initialize", "adapt"]


def test_a_model_that_is_given_weights_is_not_initialized(tmp_path: Path) -> None:
    run = zoo.train("heir", epochs=1, run_dir=tmp_path / "run")
    CALLS.clear()
    again = zoo.Run(run.path)
    zoo.evaluate(again)
    zoo.build("heir", weights=run.path)
    zoo.build("heir", weights=run.folder.model_file)

    assert CALLS == []
