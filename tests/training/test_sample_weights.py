"""Weights of the examples: a target called ``sample_weight`` that the loss counts with."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.helpers import Squares, dense_model
from zoo.config import TrainPlan
from zoo.data import ArraySplit
from zoo.errors import ConfigError
from zoo.training.engines import choose_engine
from zoo.training.loop import Loop
from zoo.training.progress import Progress
from zoo.training.randomness import epoch_order, seeded
from zoo.training.run_folder import RunFolder

PLAN = TrainPlan(epochs=1, batch_size=16, seed=5, restore_best_weights=False)


class Weighted(Squares):
    """Examples of the first class count ten times."""

    def split(self, name):
        part = super().split(name)
        weight = np.where(part.targets["label"] == 0, 10.0, 1.0).astype("float32")
        return ArraySplit(part.inputs, {**part.targets, "sample_weight": weight})


def loss_of(folder: Path, plan: TrainPlan, data: Squares) -> float:
    """Return the loss of the one epoch of a training."""
    loop = Loop(RunFolder(folder), plan, progress=Progress(), call_hook=lambda *_, **__: None)
    with seeded(plan.seed):
        loop.fit(dense_model(), data)
    (line,) = loop.state.history
    return line["loss"]


@pytest.fixture(scope="module")
def unweighted(tmp_path_factory: pytest.TempPathFactory) -> float:
    return loss_of(tmp_path_factory.mktemp("unweighted"), PLAN, Squares())


@pytest.fixture(scope="module")
def loss_of_fit() -> float:
    """The weighted loss of Keras's own ``fit``."""
    with seeded(PLAN.seed):
        model = dense_model()
        part = Weighted().split("train")
        order = epoch_order(PLAN.seed, 1, len(part))
        inputs, targets = part.take(order)
        model.optimizer._learning_rate.set_steps(13)
        plain = model.fit(
            inputs["image"],
            targets["label"],
            sample_weight=targets["sample_weight"],
            batch_size=16,
            shuffle=False,
            verbose=0,
        )
    return float(plain.history["loss"][0])


@pytest.mark.parametrize("engine", ["graph", "fit"])
def test_the_loss_is_that_of_keras_with_these_weights(
    tmp_path: Path, engine: str, loss_of_fit: float, unweighted: float
) -> None:
    found = loss_of(tmp_path, PLAN.model_copy(update={"engine": engine}), Weighted())

    assert found == pytest.approx(loss_of_fit, rel=1e-4)
    assert found != pytest.approx(unweighted, rel=1e-2)


def test_a_model_without_other_targets_learns_with_weights(tmp_path: Path) -> None:
    class Alone(Squares):
        def split(self, name):
            part = super().split(name)
            weight = np.ones(len(part.targets["label"]), "float32")
            return ArraySplit(part.inputs, {"sample_weight": weight})

    image = keras.Input((8, 8, 1), dtype="uint8", name="image")
    scaled = keras.layers.Rescaling(1 / 255)(image)
    seen: list[bool] = []

    class Model(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            seen.append(y is None and sample_weight is not None)
            return keras.ops.mean(keras.ops.square(y_pred))

    model = Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(scaled)))
    model.compile("adam")
    loop = Loop(RunFolder(tmp_path), PLAN, progress=Progress(), call_hook=lambda *_, **__: None)
    loop.fit(model, Alone())
    assert seen and all(seen)


@pytest.mark.parametrize("losses", ["mse", keras.losses.Huber(), {"a": "mse", "b": "mae"}])
def test_weights_that_a_loss_would_not_count_are_refused(losses) -> None:
    image = keras.Input((8, 8, 1), name="image")
    number = keras.layers.Dense(1)(keras.layers.Flatten()(image))
    one = keras.layers.Reshape(())(number)
    model = keras.Model(image, {"a": number, "b": one} if isinstance(losses, dict) else one)
    model.compile("sgd", losses)
    split, plain = Weighted().split("train"), Squares().split("train")
    with pytest.raises(ConfigError, match="would have no effect") as error:
        choose_engine(model, split, split, PLAN)
    assert "(batch, 1)" in error.value.fix
    if not isinstance(losses, dict):
        # Without weights there is nothing to ignore, and with a column the weights count.
        choose_engine(model, plain, plain, PLAN)
        model = keras.Model(image, number)
        model.compile("sgd", losses)
        choose_engine(model, split, split, PLAN)
