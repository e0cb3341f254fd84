"""The training loop: epochs, validation, the best weights, early stopping, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras

from zoo.architecture import Measure
from zoo.config import TrainPlan
from zoo.errors import ConfigError, Diverged, Finding
from zoo.layers import WarmupSchedule
from zoo.metrics.scores import describe_score
from zoo.spec import NAME, Dataset
from zoo.training.checkpoints import (
    Checkpoints,
    Progression,
    Snapshot,
    restore_snapshot,
    run_variables,
    take_snapshot,
)
from zoo.training.engines import Engine, choose_engine
from zoo.training.folder import RunFolder
from zoo.training.interrupt import heeded_interrupts
from zoo.training.order import epoch_order
from zoo.training.progress import Progress

Notify = Callable[..., None]


class Loop:
    """Trains one model to the end of a plan; what an architecture's ``train`` is given.

    Args:
        folder: Where history and checkpoints go.
        plan: How long and in what order.
        progress: Who watches.
        notify: Called with the name and the arguments of each lifecycle hook.
        resume: Go on from the newest whole checkpoint, if there is one.
    """

    def __init__(
        self,
        folder: RunFolder,
        plan: TrainPlan,
        *,
        progress: Progress,
        notify: Notify,
        resume: bool = False,
    ) -> None:
        self.plan = plan
        self.progression = Progression()
        self.stopped_because = ""
        self._folder, self._progress, self._notify, self._resume = folder, progress, notify, resume
        self._checkpoints = Checkpoints(folder.path / "checkpoints")
        self._best: Snapshot | None = None
        self._end = 0
        self._phases: list[str] = []

    def fit(
        self,
        model: keras.Model,
        dataset: Dataset,
        *,
        measure: Measure | None = None,
        phase: str = "",
        epochs: int | None = None,
    ) -> None:
        """Train to the end of the plan; the model ends with the weights that the plan keeps.

        Args:
            model: A compiled model.
            dataset: What it learns from.
            measure: Asked after each epoch for further columns of its line of the history.
            phase: Which part of a training in several parts this is: see :class:`TrainLoop`.
            epochs: How many epochs this part has; those of the plan by default.

        Raises:
            ConfigError: If the plan watches what nobody measures.
            Diverged: If the loss stops being a finite number. The checkpoint before stands.
        """
        self._begin(model, phase, self.plan.epochs if epochs is None else epochs)
        train, validation = dataset.split("train"), dataset.split("validation")
        steps = math.ceil(len(train) / self.plan.batch_size)
        _span_schedule(model, steps * (self._end - self.progression.epoch))
        engine = choose_engine(model, train, validation, self.plan)
        self._check_monitor(engine.validate(), measure)
        if self._resume:
            self._restore(model)
        state = self.progression
        self._progress.start(self._end - state.epoch, steps)
        with heeded_interrupts() as check:
            while state.epoch < self._end and not self._out_of_patience():
                line = self._epoch(model, engine, len(train))
                line |= dict(measure()) if measure is not None else {}
                self._close_epoch(model, line)
                check()
        if self._out_of_patience():
            self.stopped_because = (
                f"{self.plan.monitor} was not better for {self.plan.patience} epochs"
            )
        else:
            self.stopped_because = "the plan was fulfilled"
        if self.plan.keep == "best" and self._best is not None:
            restore_snapshot(model.variables, self._best)

    def prepare(self, what: str, steps: int) -> Callable[[int], None]:
        """Announce work before the epochs, and return what is called as its steps are done.

        Args:
            what: The work, in a few words.
            steps: How many steps it has.
        """
        # Whoever watches need not know of such work: it came after the protocol.
        announce = getattr(self._progress, "prepare", None)
        if announce is None:
            return lambda done: None
        announce(what, steps)
        return self._progress.advance

    def _begin(self, model: keras.Model, phase: str, epochs: int) -> None:
        """Open a part of the training behind the one before, which did not end worse than it was.

        Raises:
            ValueError: If two parts have one name, or one of several has none.
        """
        if phase in self._phases or (self._phases and not phase) or "" in self._phases:
            raise ValueError(
                "expected a name for each of several phases, another for each. "
                f"Received: phase={phase!r} after {self._phases}"
            )
        if phase and not NAME.fullmatch(phase):
            raise ValueError(f"expected lower case and underscores. Received: phase={phase!r}")
        state = self.progression
        if self._phases:
            # A fresh object, because a checkpoint of the phase before may still refer to the old.
            self.progression = replace(state, history=list(state.history), waited=0)
            # Of the phases before the best was kept, so this is what the model is now.
            self._best = take_snapshot(model.variables) if state.best_epoch else None
        self._phases.append(phase)
        self._end = self.progression.epoch + epochs
        folder = self._folder.path / "checkpoints"
        self._checkpoints = Checkpoints(folder / phase if phase else folder)

    def _epoch(self, model: keras.Model, engine: Engine, examples: int) -> dict[str, float]:
        """Run one epoch, and return its line of the history."""
        number = self.progression.epoch + 1
        self._notify("zoo_before_epoch", run_dir=self._folder.path, epoch=number)
        started = time.perf_counter()
        order = epoch_order(self.plan.seed, number, examples)
        rate = float(model.optimizer.learning_rate)
        line: dict[str, float] = {"epoch": number}
        if self._phases != [""]:
            line["phase"] = len(self._phases)
        line |= engine.train(order, self._progress.advance)
        self._check_finite(line, number)
        line |= {f"val_{name}": value for name, value in engine.validate().items()}
        return line | {"learning_rate": rate, "seconds": round(time.perf_counter() - started, 3)}

    def _close_epoch(self, model: keras.Model, line: dict[str, float]) -> None:
        """Judge an epoch, write what it left, tell who listens."""
        state = self.progression
        state.epoch += 1
        state.history.append(line)
        value = line[self.plan.monitor]
        if state.best_value is None or self._better(value, state.best_value):
            state.best_epoch, state.best_value, state.waited = state.epoch, value, 0
            self._best = take_snapshot(model.variables)
        else:
            state.waited += 1
        last = state.epoch == self._end or self._out_of_patience()
        if last or state.epoch % self.plan.checkpoint_every == 0:
            self._checkpoints.save(state, take_snapshot(run_variables(model)), self._best)
        self._folder.write_history(state.history)
        self._progress.epoch(state.epoch, line)
        self._notify(
            "zoo_after_epoch", run_dir=self._folder.path, epoch=state.epoch, metrics=dict(line)
        )

    def _restore(self, model: keras.Model) -> None:
        saved = self._checkpoints.newest()
        if saved is not None:
            self.progression, state, self._best = saved
            restore_snapshot(run_variables(model), state)

    def _out_of_patience(self) -> bool:
        return self.plan.patience is not None and self.progression.waited >= self.plan.patience

    def _check_monitor(self, measured: dict[str, float], measure: Measure | None) -> None:
        """Refuse, before an epoch is spent, a plan that watches what nobody measures."""
        names = [*measured, *(f"val_{name}" for name in measured)]
        if self.plan.monitor not in names and measure is not None:
            names += measure()
        if self.plan.monitor not in names:
            raise ConfigError(
                f"the plan watches {self.plan.monitor!r}",
                findings=[Finding("plan.monitor", self.plan.monitor, f"one of {', '.join(names)}")],
                fix="name a metric of the model",
            )

    def _better(self, value: float, best: float) -> bool:
        better = describe_score(self.plan.monitor).higher_is_better
        return value > best if better else value < best

    def _check_finite(self, line: dict[str, float], epoch: int) -> None:
        if not math.isfinite(line["loss"]):
            raise Diverged(
                f"the loss was {line['loss']} in epoch {epoch}",
                why="a step was too long, or an input is not finite",
                fix="--set optimizer.learning_rate=LOWER, or --set optimizer.clip_norm=1",
            )


def _span_schedule(model: keras.Model, steps: int) -> None:
    """Tell a schedule that waits for it how many steps there will be."""
    # Keras offers the current rate publicly, and the schedule behind it only under this name.
    schedule: Any = getattr(model.optimizer, "_learning_rate", None)
    if isinstance(schedule, WarmupSchedule):
        schedule.span(steps)


__all__ = ["Loop", "Notify"]
