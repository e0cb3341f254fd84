"""Weights of the examples: a target called ``sample_weight`` that the loss counts with."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.helpers import Squares, dense_model
from zoo.config import TrainPlan
from zoo.data import ArraySplit
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


@pytest.mark.parametrize("engine", ["graph", "fit"])
def test_the_loss_is_that_of_keras_with_these_weights(tmp_path: Path, engine: str) -> None:
    plan = PLAN.model_copy(update={"engine": engine})
    loop = Loop(RunFolder(tmp_path), plan, progress=Progress(), call_hook=lambda *_, **__: None)
    with seeded(plan.seed):
        loop.fit(dense_model(), Weighted())
    with seeded(plan.seed):
        model = dense_model()
        part = Weighted().split("train")
        order = epoch_order(plan.seed, 1, len(part))
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
    (line,) = loop.state.history
    assert line["loss"] == pytest.approx(plain.history["loss"][0], rel=1e-4)

    unweighted = Loop(
        RunFolder(tmp_path / "other"), plan, progress=Progress(), call_hook=lambda *_, **__: None
    )
    (tmp_path / "other").mkdir()
    with seeded(plan.seed):
        unweighted.fit(dense_model(), Squares())
    assert line["loss"] != pytest.approx(unweighted.state.history[0]["loss"], rel=1e-2)


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
