"""The loop: the same steps as Keras's own, repeatable, resumable, honest about divergence."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.helpers import (
    Squares,
    dense_model,
    lines_of,
    run_loop,
    same,
    small_model,
    whole_run,
)
from zoo.config import OptimizerConfig, TrainPlan
from zoo.errors import CheckpointCorrupt, ConfigError, Diverged
from zoo.layers import compile_classifier
from zoo.training.checkpoints import Checkpoints
from zoo.training.loop import Loop
from zoo.training.progress import Progress
from zoo.training.randomness import epoch_order, seeded

pytestmark = pytest.mark.portable

PLAN = TrainPlan(epochs=5, batch_size=16, seed=11, restore_best_weights=False)
BEST = PLAN.model_copy(update={"restore_best_weights": True, "patience": 3})
LONG = PLAN.model_copy(update={"epochs": 25, "monitor": "val_accuracy"})


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Squares, Loop]:
    """A training that is long enough to learn: its folder, its data and the loop."""
    folder, data = tmp_path_factory.mktemp("long"), Squares()
    _, loop = run_loop(folder, LONG, data=data, make=dense_model)
    return folder, data, loop


def dense() -> keras.Model:
    """Return the model that is soon traced, its weights drawn from the plan's seed."""
    with seeded(PLAN.seed):
        return dense_model()


def test_the_graph_engine_takes_the_steps_of_keras_fit_to_float_noise(tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"epochs": 2})
    results = {}
    for engine in ("graph", "fit"):
        with seeded(plan.seed):
            model = small_model(optimizer="sgd")
        chosen = plan.model_copy(update={"engine": engine})
        values, loop = run_loop(tmp_path / engine, chosen, model=model)
        results[engine] = values, loop.state.history

    with seeded(plan.seed):
        model = small_model(optimizer="sgd")
        # What the loop sets from the plan: 203 examples make 13 batches of 16.
        model.optimizer._learning_rate.set_steps(26)
        data = Squares().split("train")
        for epoch in (1, 2):
            order = epoch_order(plan.seed, epoch, len(data))
            inputs, targets = data.take(order)
            plain = model.fit(
                inputs["image"], targets["label"], batch_size=16, shuffle=False, verbose=0
            )
    by_hand = [keras.ops.convert_to_numpy(variable) for variable in model.variables]

    graph, fit = results["graph"][0], results["fit"][0]
    for a, b in zip(graph, fit, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    weights = [w.path for w in model.weights]
    for variable, a, b in zip(model.variables, graph, by_hand, strict=False):
        if variable.path in weights:
            np.testing.assert_allclose(a, b, atol=2e-5)
    last = results["graph"][1][-1]
    assert last["loss"] == pytest.approx(plain.history["loss"][-1], abs=1e-4)
    assert last["accuracy"] == pytest.approx(plain.history["accuracy"][-1], abs=1e-6)
    assert last["val_loss"] == pytest.approx(results["fit"][1][-1]["val_loss"], abs=1e-4)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    first, _ = whole_run(BEST)
    again, _ = run_loop(tmp_path / "b", BEST)
    other, _ = run_loop(tmp_path / "c", BEST.model_copy(update={"seed": 12}))

    assert same(first, again)
    assert not same(first, other)


def test_a_stopped_run_that_is_resumed_ends_in_the_bits_of_one_that_was_not(tmp_path: Path) -> None:
    whole, whole_loop = whole_run(BEST)
    run_loop(tmp_path / "cut", BEST, stop_after=2)
    resumed, resumed_loop = run_loop(tmp_path / "cut", BEST, resume=True)

    assert same(whole, resumed)
    assert lines_of(whole_loop) == lines_of(resumed_loop)


def test_training_learns_what_can_be_learned(long_run: Any) -> None:
    _, _, loop = long_run

    assert loop.state.history[-1]["val_accuracy"] >= 0.9


def test_the_test_split_is_never_asked_for_while_training(long_run: Any) -> None:
    _, data, _ = long_run

    assert set(data.asked) == {"train", "validation"}


def test_data_that_is_not_in_memory_is_trained_on_by_keras_fit_with_the_same_result(
    tmp_path: Path,
) -> None:
    plan = PLAN.model_copy(update={"epochs": 2, "engine": "fit"})
    held, _ = run_loop(tmp_path / "held", plan, make=dense_model)
    read, _ = run_loop(
        tmp_path / "read",
        plan.model_copy(update={"engine": "auto"}),
        data=Squares(in_memory=False),
        make=dense_model,
    )

    assert same(held, read)
    with pytest.raises(ConfigError, match="graph engine"):
        run_loop(
            tmp_path / "no",
            plan.model_copy(update={"engine": "graph"}),
            data=Squares(in_memory=False),
            make=dense_model,
        )


def test_early_stopping_ends_with_the_best_weights_and_says_why(tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"epochs": 60, "patience": 2, "restore_best_weights": True})
    with seeded(0):
        model = small_model(rate=0.5)
    _, loop = run_loop(tmp_path, plan, model=model)
    state = loop.state

    assert state.epoch < 60
    assert state.epoch == state.best_epoch + 2
    assert "val_loss did not improve for 2 epochs" in loop.stopped_because
    losses = [line["val_loss"] for line in state.history]
    assert losses.index(min(losses)) + 1 == state.best_epoch
    split = Squares().split("validation")
    kept = model.evaluate(
        split.inputs["image"], split.targets["label"], verbose=0, return_dict=True
    )
    assert kept["loss"] == pytest.approx(min(losses), rel=1e-4)


def test_accuracy_is_better_when_it_is_larger(long_run: Any) -> None:
    _, _, loop = long_run
    accuracies = [line["val_accuracy"] for line in loop.state.history]

    assert accuracies[loop.state.best_epoch - 1] == max(accuracies)


def test_a_plan_that_watches_what_is_not_there_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one of loss, accuracy, val_loss") as caught:
        run_loop(tmp_path, PLAN.model_copy(update={"monitor": "val_f1"}), make=dense_model)

    assert "val_loss" in str(caught.value)


def test_a_loss_that_is_no_number_stops_the_run_and_leaves_the_checkpoint_before(
    tmp_path: Path,
) -> None:
    run_loop(tmp_path, PLAN.model_copy(update={"epochs": 1}), make=dense_model)
    model = dense()

    class Poison(Squares):
        def split(self, name: Any) -> Any:
            part = super().split(name)
            if name == "train":
                model.layers[-1].kernel.assign(model.layers[-1].kernel * float("nan"))
            return part

    with pytest.raises(Diverged, match="epoch 1") as caught:
        run_loop(tmp_path, PLAN, data=Poison(), model=model)

    assert "learning_rate" in caught.value.fix
    newest = Checkpoints(tmp_path / "checkpoints").latest()
    assert newest is not None
    assert newest.state.epoch == 1


class Spoiler(Progress):
    """Puts a number into a weight when so many steps are done."""

    def __init__(self, weight: Any, at: int, value: float = float("inf")) -> None:
        self.weight, self.at, self.value, self.done = weight, at, value, 0

    def on_steps_end(self, steps: int) -> None:
        before, self.done = self.done, self.done + steps
        if before < self.at <= self.done:
            self.weight.assign(self.weight * self.value)


@pytest.mark.parametrize("engine", ["graph", "fit"])
def test_a_loss_that_becomes_no_number_inside_an_epoch_stops_it_there(
    tmp_path: Path, engine: str
) -> None:
    model = dense()
    spoiler = Spoiler(model.layers[-1].kernel, 15, float("nan"))
    plan = PLAN.model_copy(update={"engine": engine})
    with pytest.raises(Diverged, match="the loss was nan in epoch 2") as caught:
        run_loop(tmp_path, plan, model=model, progress=spoiler)
    newest = Checkpoints(tmp_path / "checkpoints").latest()

    if engine == "fit":  # the other takes several steps at once
        assert caught.value.what.endswith(", step 3")
    assert "has the last finite state" in caught.value.why
    assert newest is not None
    assert all(np.isfinite(array).all() for array in newest.variables)
    assert (newest.state.epoch, newest.state.step) == (1, 0)


class Spare(keras.layers.Layer):
    """Has a weight that decides nothing."""

    def build(self, shape: Any) -> None:
        self.spare = self.add_weight(shape=(), initializer="ones", name="spare")

    def call(self, x: Any) -> Any:
        return x + keras.ops.where(x > 1e30, self.spare, 0.0)


def test_a_weight_that_is_no_number_is_never_saved_also_where_the_loss_is_finite(
    tmp_path: Path,
) -> None:
    with seeded(PLAN.seed):
        image = keras.Input((8, 8, 1), dtype="uint8", name="image")
        spare = Spare()
        x = spare(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image)))
        model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(x))
        compile_classifier(model, OptimizerConfig())
    plan = PLAN.model_copy(update={"checkpoint_steps": 4, "engine": "fit"})
    with pytest.raises(Diverged, match="a weight was not a finite number in epoch 1, step 8"):
        run_loop(tmp_path, plan, model=model, progress=Spoiler(spare.spare, 5))

    names = [file.name for file in (tmp_path / "checkpoints").glob("*.npz")]
    assert names == ["epoch-00000-step-00000004.npz"]


def test_what_the_plan_watches_must_be_a_number(tmp_path: Path) -> None:
    shares = iter([0.5, 0.5, float("nan")])  # the first is asked for before the first epoch
    with pytest.raises(Diverged, match="share was nan in epoch 2"):
        run_loop(
            tmp_path,
            PLAN.model_copy(update={"monitor": "share", "mode": "max"}),
            measure=lambda: {"share": next(shares)},
            make=dense_model,
        )


def test_history_is_written_after_every_epoch_with_full_precision(tmp_path: Path) -> None:
    _, loop = run_loop(tmp_path, PLAN, stop_after=3, make=dense_model)
    lines = list(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))

    assert [int(line["epoch"]) for line in lines] == [1, 2, 3]
    assert float(lines[1]["loss"]) == loop.state.history[1]["loss"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"} <= set(
        lines[0]
    )


def test_the_schedule_rises_and_falls_over_the_whole_plan(long_run: Any) -> None:
    _, _, loop = long_run
    rates = [line["learning_rate"] for line in loop.state.history]
    top = int(np.argmax(rates))

    assert 0 < top < len(rates) / 4
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < 0.05 * max(rates)


def test_every_example_is_visited_once_an_epoch_and_the_order_changes() -> None:
    first, second = epoch_order(1, 1, 100), epoch_order(1, 2, 100)

    assert sorted(first) == list(range(100))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, epoch_order(1, 1, 100))


def test_seeding_gives_pythons_and_numpys_generators_back() -> None:
    import random

    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    with seeded(99):
        random.random()
        np.random.random()

    assert (random.random(), np.random.random()) == expected


def test_a_checkpoint_of_another_model_is_refused(long_run: Any, tmp_path: Path) -> None:
    shutil.copytree(long_run[0], tmp_path, dirs_exist_ok=True)
    layers = keras.layers
    image = keras.Input((8, 8, 1), dtype="uint8", name="image")
    x = layers.Dense(5)(layers.Flatten()(layers.Rescaling(1.0)(image)))
    other = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    other.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    with pytest.raises(CheckpointCorrupt, match="does not fit"):
        run_loop(tmp_path, LONG, resume=True, model=other)
