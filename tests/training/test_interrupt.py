"""Ctrl-C and SIGTERM are heard behind a step, and the run goes on from there."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.training.helpers import Squares, dense_model, lines_of, run_loop, same, whole_run
from zoo.config import TrainPlan
from zoo.training.checkpoints import Checkpoints
from zoo.training.interrupts import Interrupts, Terminated
from zoo.training.loop import Loop
from zoo.training.progress import Progress
from zoo.training.randomness import seeded
from zoo.training.run_folder import RunFolder

PLAN = TrainPlan(epochs=3, batch_size=16, seed=11)
STEPS = 13
"""203 examples make so many batches of 16, the last of them smaller."""

ENDS = (KeyboardInterrupt, Terminated)


@pytest.fixture(autouse=True)
def _hears():
    """Have Python's own handlers, also where the tests run in the background and are deaf."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    assert {number: signal.getsignal(number) for number in defaults} == defaults
    for number, handler in before.items():
        signal.signal(number, handler)


class Presser(Progress):
    """Sends this process a signal when so many steps are done; ``said`` is what it was told."""

    def __init__(self, at: int, number: signal.Signals = signal.SIGINT, times: int = 1) -> None:
        self.at, self.number, self.times = at, number, times
        self.done = 0
        self.said: list[str] = []

    def on_steps_end(self, steps: int) -> None:
        before, self.done = self.done, self.done + steps
        if before < self.at <= self.done:
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)

    def on_stop_requested(self, what: str) -> None:
        self.said.append(what)


def test_a_run_that_is_stopped_inside_an_epoch_ends_in_the_bits_of_one_that_was_not(
    tmp_path: Path,
) -> None:
    whole, whole_loop = whole_run(PLAN)
    presser = Presser(at := 6)
    _, cut = run_loop(tmp_path / "cut", PLAN, progress=presser, stops=ENDS)
    resumed, resumed_loop = run_loop(tmp_path / "cut", PLAN, resume=True)

    assert presser.said == ["interrupted"]
    stopped = cut.state.epoch * STEPS + cut.state.step
    assert at <= stopped < 2 * at  # one call into the graph takes several steps
    assert same(whole, resumed)
    assert lines_of(whole_loop) == lines_of(resumed_loop)


@pytest.mark.slow
def test_a_run_may_be_stopped_again_and_again_and_loses_nothing(tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"engine": "fit"})
    whole, whole_loop = whole_run(plan)
    stops = step = 0
    while True:
        presser = Presser(step + 17)  # a run that goes on is told of the steps before
        resumed, loop = run_loop(
            tmp_path / "cut", plan, progress=presser, stops=ENDS, resume=stops > 0
        )
        if not presser.said:
            break
        stops, step = stops + 1, loop.state.step

    assert stops == 3 * STEPS // 17
    assert same(whole, resumed)
    assert lines_of(whole_loop) == lines_of(loop)


def test_a_signal_behind_the_last_step_lets_the_epoch_end(tmp_path: Path) -> None:
    presser = Presser(STEPS)
    _, loop = run_loop(tmp_path, PLAN, progress=presser, stops=ENDS, make=dense_model)
    newest = Checkpoints(tmp_path / "checkpoints").latest()

    assert (loop.state.epoch, loop.state.step) == (1, 0)
    assert newest is not None
    assert newest.state == loop.state
    assert len(RunFolder(tmp_path).read_history()) == 1


def test_a_signal_saves_the_epoch_also_where_checkpoints_are_rare(tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"checkpoint_every": 3})
    run_loop(tmp_path, plan, progress=Presser(STEPS), stops=ENDS, make=dense_model)

    assert [file.name for file in sorted((tmp_path / "checkpoints").glob("*.npz"))] == [
        "epoch-00001.npz"
    ]


def test_sigterm_saves_as_well_and_ends_the_process_with_143(tmp_path: Path) -> None:
    presser = Presser(3, signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        run_loop(tmp_path, PLAN, progress=presser, make=dense_model)

    assert ended.value.code == 143
    assert presser.said == ["terminated"]
    assert list((tmp_path / "checkpoints").glob("epoch-00000-step-*.npz"))


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    whole, _ = whole_run(PLAN)
    _, loop = run_loop(tmp_path / "cut", PLAN, progress=Presser(STEPS + 2, times=2), stops=ENDS)

    assert loop.state.epoch == 1
    assert not list((tmp_path / "cut").rglob("*step*"))
    resumed, _ = run_loop(tmp_path / "cut", PLAN, resume=True)
    assert same(whole, resumed)


class Dying:
    """An object in whose clean-up somebody presses Ctrl-C: Python ignores what is raised there."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1_000):
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_throws_away_before_the_first_epoch_is_heard_in_it(
    tmp_path: Path,
) -> None:
    class Forgetful(Squares):
        def split(self, name: Any) -> Any:
            if name == "train":
                Dying()
            return super().split(name)

    loop = Loop(RunFolder(tmp_path), PLAN, progress=Progress(), call_hook=lambda *_, **__: None)
    with seeded(0), loop.interrupts.handled(), pytest.raises(KeyboardInterrupt):
        loop.fit(dense_model(), Forgetful())
    assert loop.state.epoch == 0
    assert loop.state.step > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_somebody_elses_handler_is_left_alone(number: signal.Signals) -> None:
    heard = []
    before = signal.signal(number, lambda *_: heard.append(1))
    interrupts = Interrupts()
    try:
        with interrupts.handled():
            os.kill(os.getpid(), number)
            interrupts.check()
        assert heard == [1]
    finally:
        signal.signal(number, before)


def test_outside_a_step_a_signal_ends_the_run_at_once() -> None:
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt), interrupts.handled(), interrupts.handled():
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1_000_000):
            pass
        pytest.fail("nothing ended it")


def test_another_thread_trains_without_touching_the_handlers() -> None:
    failures: list[BaseException] = []

    def train() -> None:
        try:
            interrupts = Interrupts()
            with interrupts.handled(), interrupts.deferred():
                assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
                interrupts.check()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a failure
            failures.append(error)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert not failures
