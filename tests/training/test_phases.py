"""A training in several phases: each with its own checkpoints, resumable to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.helpers import Squares, dense_model, lines_of, small_model
from zoo.config import OptimizerConfig, TrainPlan
from zoo.layers import compile_classifier
from zoo.training.loop import Loop
from zoo.training.progress import Progress
from zoo.training.randomness import seeded
from zoo.training.run_folder import RunFolder

pytestmark = pytest.mark.portable

PLAN = TrainPlan(epochs=3, batch_size=16, seed=11)
MORE = 2


def two_phases(
    path: Path,
    plan: TrainPlan = PLAN,
    *,
    resume: bool = False,
    stop_after: int | None = None,
    first_rate: float = 1e-2,
    rate: float = 1e-4,
    make: Callable[..., keras.Model] = dense_model,
) -> tuple[list[np.ndarray], Loop]:
    """Train quickly, then slowly; return every variable's value at the end, and the loop."""

    def notify(moment: str, **arguments: Any) -> None:
        if moment == "zoo_after_epoch" and arguments["epoch"] == stop_after:
            raise KeyboardInterrupt

    path.mkdir(exist_ok=True)
    loop = Loop(RunFolder(path), plan, progress=Progress(), call_hook=notify, resume=resume)
    with seeded(plan.seed):
        model = make(rate=first_rate)
        try:
            loop.fit(model, Squares(), phase="quick")
            compile_classifier(model, OptimizerConfig(name="sgd", learning_rate=rate))
            loop.fit(model, Squares(), phase="slow", epochs=MORE)
        except KeyboardInterrupt:
            if stop_after is None:
                raise
    everything = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable).copy() for variable in everything], loop


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[np.ndarray], Loop]:
    """A training in two phases that nothing interrupts: its folder, variables and loop."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, *two_phases(folder)


def test_epochs_are_counted_through_and_every_line_says_its_phase(whole: Any) -> None:
    _, _, loop = whole
    history = loop.state.history

    assert [line["epoch"] for line in history] == [1, 2, 3, 4, 5]
    assert [line["phase"] for line in history] == [1, 1, 1, 2, 2]
    assert loop.state.epoch == 5
    assert max(line["learning_rate"] for line in history[3:]) <= 1e-4 + 1e-9


def test_each_phase_has_its_own_checkpoints(whole: Any) -> None:
    folder, _, _ = whole
    found = {
        phase: sorted(p.name for p in (folder / "checkpoints" / phase).glob("epoch-*.npz"))
        for phase in ("quick", "slow")
    }

    assert found == {
        "quick": ["epoch-00002.npz", "epoch-00003.npz"],
        "slow": ["epoch-00004.npz", "epoch-00005.npz"],
    }


@pytest.mark.parametrize("stop_after", [pytest.param(3, marks=pytest.mark.slow), 4])
def test_a_run_stopped_in_any_phase_and_resumed_ends_in_the_bits_of_one_that_was_not(
    tmp_path: Path, whole: Any, stop_after: int
) -> None:
    two_phases(tmp_path, stop_after=stop_after)
    resumed, loop = two_phases(tmp_path, resume=True)

    assert all(np.array_equal(a, b) for a, b in zip(whole[1], resumed, strict=True))
    assert lines_of(whole[2]) == lines_of(loop)


@pytest.mark.slow
def test_the_same_holds_where_a_run_ends_with_its_last_weights(tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"restore_best_weights": False})
    whole, whole_loop = two_phases(tmp_path / "whole", plan)
    two_phases(tmp_path / "cut", plan, stop_after=4)
    resumed, resumed_loop = two_phases(tmp_path / "cut", plan, resume=True)

    assert all(np.array_equal(a, b) for a, b in zip(whole, resumed, strict=True))
    assert lines_of(whole_loop) == lines_of(resumed_loop)


def test_a_phase_that_makes_it_worse_leaves_what_was_best_before(tmp_path: Path) -> None:
    _, loop = two_phases(tmp_path, rate=9.0, make=small_model)
    before = [line["val_loss"] for line in loop.state.history[:3]]

    assert loop.state.best_epoch == 1 + int(np.argmin(before))
    assert loop.state.best_value == min(before)


def test_a_phase_that_patience_ended_is_not_gone_on_with(tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"patience": 1, "epochs": 40})
    whole, loop = two_phases(tmp_path / "whole", plan, first_rate=0.5)
    first = sum(line["phase"] == 1 for line in loop.state.history)
    two_phases(tmp_path / "cut", plan, first_rate=0.5, stop_after=first + 1)
    resumed, again = two_phases(tmp_path / "cut", plan, first_rate=0.5, resume=True)

    assert first < 40
    assert all(np.array_equal(a, b) for a, b in zip(whole, resumed, strict=True))
    assert lines_of(loop) == lines_of(again)


@pytest.mark.parametrize(
    ("first", "refused"), [("", ("slow",)), ("quick", ("", "quick", "Quick!"))]
)
def test_phases_without_names_of_their_own_are_refused(
    tmp_path: Path, first: str, refused: tuple[str, ...]
) -> None:
    plan = PLAN.model_copy(update={"epochs": 1})
    loop = Loop(RunFolder(tmp_path), plan, progress=Progress(), call_hook=lambda *_, **__: None)
    model = dense_model()
    loop.fit(model, Squares(train=16), phase=first)
    for name in refused:
        with pytest.raises(ValueError, match="Received: phase="):
            loop.fit(model, Squares(train=16), phase=name)


def test_work_before_the_epochs_is_told_to_those_who_want_to_know(tmp_path: Path) -> None:
    class Watcher(Progress):
        def __init__(self) -> None:
            self.told: list[Any] = []

        def on_preparation_begin(self, what: str, steps: int) -> None:
            self.told.append((what, steps))

        def on_steps_end(self, steps: int) -> None:
            self.told.append(steps)

    watcher = Watcher()
    loop = Loop(RunFolder(tmp_path), PLAN, progress=watcher, call_hook=lambda *_, **__: None)
    loop.prepare("features", 3)(1)
    assert watcher.told == [("features", 3), 1]
