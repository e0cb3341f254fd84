"""The column that a training monitors: its direction is said, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest

import zoo
from zoo.errors import ConfigError

PLAN = {"epochs": 4, "batch_size": 64, "monitor": "val_certainty"}


@pytest.fixture(scope="module", autouse=True)
def certain() -> Any:
    """A classifier with a metric that no score is registered for."""

    class Certain(zoo.Architecture[zoo.ModelConfig]):
        info = zoo.ArchitectureInfo(
            name="certain", summary="A linear classifier.", tasks=("classification",)
        )
        Config = zoo.ModelConfig
        default_dataset = "digits"

        def build(self, config: zoo.ModelConfig, data: zoo.DataSpec) -> Any:
            import keras

            image = keras.Input(data.inputs[0].shape, name="image", dtype="uint8")
            x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 16)(image))
            x = keras.layers.Dense(len(data.labels), "softmax", name="probabilities")(x)
            model = keras.Model(image, x)

            def certainty(true: Any, predicted: Any) -> Any:
                return keras.ops.max(predicted, axis=-1)

            model.compile("adam", "sparse_categorical_crossentropy", metrics=[certainty])
            return model

    zoo.register(Certain)


@pytest.mark.parametrize(
    ("mode", "best"), [("max", max), pytest.param("min", min, marks=pytest.mark.slow)]
)
def test_the_best_epoch_is_that_of_the_direction_in_the_plan(workshop, mode, best):
    run = zoo.train("certain", plan=PLAN | {"mode": mode}, run_dir=workshop / mode)
    column = [line["val_certainty"] for line in run.history]
    assert column[run.record["best_epoch"] - 1] == best(column)
    assert run.record["plan"]["mode"] == mode


def test_a_direction_that_nothing_says_is_an_error_before_a_folder_is_made(workshop):
    with pytest.raises(ConfigError, match="nothing says which direction is better") as caught:
        zoo.train("certain", plan=PLAN, run_dir=workshop / "none")
    assert [finding.where for finding in caught.value.findings] == ["plan.mode"]
    assert not (workshop / "none").exists()


def test_a_misspelled_column_is_answered_with_the_registered_one(workshop):
    with pytest.raises(ConfigError, match="did you mean 'val_accuracy'"):
        zoo.train("certain", plan=PLAN | {"monitor": "val_acuracy"}, run_dir=workshop / "none")


def test_a_registered_score_says_its_direction_in_the_record(workshop):
    run = zoo.train("certain", epochs=1, run_dir=workshop / "loss")
    assert (run.record["plan"]["monitor"], run.record["plan"]["mode"]) == ("val_loss", "min")
