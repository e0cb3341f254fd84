"""Ctrl-C is heard, also when it is pressed where Python throws exceptions away."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.training.helpers import Squares, small_model
from zoo.config import TrainPlan
from zoo.training.folder import RunFolder
from zoo.training.interrupt import heeded_interrupts
from zoo.training.loop import Loop
from zoo.training.order import seeded
from zoo.training.progress import Silent


@pytest.fixture(autouse=True)
def _hears():
    """Have Python's own handler, also where the tests run in the background and are deaf."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Dying:
    """An object in whose clean-up somebody presses Ctrl-C: Python ignores what is raised there."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1_000):
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_throws_away_ends_the_training_after_that_epoch(tmp_path: Path):
    def notify(moment: str, **arguments: Any) -> None:
        if moment == "zoo_before_epoch" and arguments["epoch"] == 2:
            Dying()

    loop = Loop(RunFolder(tmp_path), TrainPlan(epochs=5), progress=Silent(), notify=notify)
    with seeded(0), pytest.raises(KeyboardInterrupt):
        loop.fit(small_model(), Squares())
    assert loop.progression.epoch == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_somebody_elses_handler_is_left_alone():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        with heeded_interrupts() as check:
            os.kill(os.getpid(), signal.SIGINT)
            check()
        assert heard == [1]
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_trains_without_touching_the_handler():
    failures: list[BaseException] = []

    def train() -> None:
        try:
            with heeded_interrupts() as check:
                check()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a failure
            failures.append(error)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert not failures
