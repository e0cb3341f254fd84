"""The training loop: epochs, validation, the best weights, early stopping, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import keras

from zoo.architecture import Measure
from zoo.config import TrainPlan
from zoo.errors import ConfigError, Diverged, Finding
from zoo.layers import WarmupSchedule
from zoo.metrics.scores import describe_score
from zoo.names import NAME
from zoo.spec import Dataset
from zoo.training.checkpoints import Checkpoint, Checkpoints, Progression
from zoo.training.engines import Engine, choose_engine
from zoo.training.folder import RunFolder
from zoo.training.generators import restore_generators, take_generators
from zoo.training.interrupt import Interrupts
from zoo.training.order import epoch_order
from zoo.training.progress import Progress
from zoo.training.snapshots import (
    Snapshot,
    all_finite,
    restore_snapshot,
    run_variables,
    take_snapshot,
)

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
        # Whoever watches need not know of it: it came after the protocol.
        self.interrupts = Interrupts(getattr(progress, "stopping", lambda what: None))
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
            Diverged: If the loss, what the plan watches or a weight stops being a finite number.
                The checkpoint before stands.
            KeyboardInterrupt: After Ctrl-C, as soon as the step or the validation is done that was
                going on then, and the state is saved.
            SystemExit: The same after SIGTERM, with 143.
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
        if state.step:
            self._progress.advance(state.step)
        with self.interrupts.heard(), self.interrupts.deferred():
            while state.epoch < self._end and not self._out_of_patience():
                line = self._epoch(model, engine, len(train), steps)
                line |= dict(measure()) if measure is not None else {}
                self._close_epoch(model, line)
                self.interrupts.check()
        if self._out_of_patience():
            self.stopped_because = (
                f"{self.plan.monitor} was not better for {self.plan.patience} epochs"
            )
        else:
            self.stopped_because = "the plan was fulfilled"
        if self._best is not None:
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
            self.progression = replace(state, history=list(state.history), waited=0)
            # Of the phases before the best was kept, so this is what the model is now.
            self._best = take_snapshot(model.variables) if self._best is not None else None
        self._phases.append(phase)
        self._end = self.progression.epoch + epochs
        folder = self._folder.path / "checkpoints"
        self._checkpoints = Checkpoints(folder / phase if phase else folder)

    def _epoch(
        self, model: keras.Model, engine: Engine, examples: int, steps: int
    ) -> dict[str, float]:
        """Run one epoch, or the rest of it, and return its line of the history."""
        state, number = self.progression, self.progression.epoch + 1
        self._notify("zoo_before_epoch", run_dir=self._folder.path, epoch=number)
        if not state.step:
            state.rate, state.seconds = float(model.optimizer.learning_rate), 0.0
        started = time.perf_counter() - state.seconds

        def advance(done: int) -> None:
            state.step += done
            state.seconds = time.perf_counter() - started
            self._progress.advance(done)
            if state.step < steps:
                self._check_finite("the loss", engine.loss(), f"epoch {number}, step {state.step}")
                self._between_steps(model)

        order = epoch_order(self.plan.seed, number, examples)
        learned = engine.train(order, advance, first=state.step, every=self.plan.checkpoint_steps)
        line: dict[str, float] = {"epoch": number}
        if self._phases != [""]:
            line["phase"] = len(self._phases)
        line |= learned
        self._check_finite("the loss", line["loss"], f"epoch {number}")
        line |= {f"val_{name}": value for name, value in engine.validate().items()}
        seconds = round(time.perf_counter() - started, 3)
        return line | {"learning_rate": state.rate, "seconds": seconds}

    def _between_steps(self, model: keras.Model) -> None:
        """Save the state inside an epoch, if the plan or somebody who wants to stop asks for it."""
        every = self.plan.checkpoint_steps
        if self.interrupts.pending or (every is not None and self.progression.step % every == 0):
            self._save(model)
        self.interrupts.check()

    def _close_epoch(self, model: keras.Model, line: dict[str, float]) -> None:
        """Judge an epoch, write what it left, tell who listens."""
        state = self.progression
        value = line[self.plan.monitor]
        self._check_finite(self.plan.monitor, value, f"epoch {state.epoch + 1}")
        state.epoch, state.step = state.epoch + 1, 0
        state.history.append(line)
        if state.best_value is None or self._better(value, state.best_value):
            state.best_epoch, state.best_value, state.waited = state.epoch, value, 0
            if self.plan.keep == "best":
                self._best = take_snapshot(model.variables)
        else:
            state.waited += 1
        last = state.epoch == self._end or self._out_of_patience()
        if last or self.interrupts.pending or state.epoch % self.plan.checkpoint_every == 0:
            self._save(model)
        self._folder.write_history(state.history)
        self._progress.epoch(state.epoch, line)
        self._notify(
            "zoo_after_epoch", run_dir=self._folder.path, epoch=state.epoch, metrics=dict(line)
        )

    def _save(self, model: keras.Model) -> None:
        """Write a checkpoint of where the run stands, unless a weight is no number."""
        state = self.progression
        values = take_snapshot(run_variables(model))
        learned = zip(model.variables, values, strict=False)
        if not all_finite([value for variable, value in learned if variable.trainable]):
            inside = f"epoch {state.epoch + 1}, step {state.step}" if state.step else ""
            self._diverge("a weight was no finite number", inside or f"epoch {state.epoch}")
        self._checkpoints.save(
            Checkpoint(
                progression=state,
                state=values,
                best=self._best,
                sums=take_snapshot(model.metrics_variables) if state.step else [],
                generators=take_generators(),
            )
        )

    def _restore(self, model: keras.Model) -> None:
        saved = self._checkpoints.newest()
        if saved is not None:
            if not model.optimizer.built:  # Keras builds it when it takes its first step
                model.optimizer.build(model.trainable_variables)
            restore_snapshot(run_variables(model), saved.state)
            if saved.sums:
                restore_snapshot(model.metrics_variables, saved.sums)
            if saved.generators:
                restore_generators(saved.generators)
            self._checkpoints.prune(saved.progression)
            self.progression = saved.progression
            self._best = saved.best if self.plan.keep == "best" else None
        # It may have ended between a checkpoint and the line of its epoch, or behind several lines.
        self._folder.write_history(self.progression.history)

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

    def _check_finite(self, what: str, value: float | None, where: str) -> None:
        if value is not None and not math.isfinite(value):
            self._diverge(f"{what} was {value}", where)

    def _diverge(self, what: str, where: str) -> NoReturn:
        folder = self._checkpoints.folder
        kept = f"; {folder} has the last finite state" if any(folder.glob("epoch-*.npz")) else ""
        raise Diverged(
            f"{what} in {where}",
            why=f"a step was too long, or an example is not finite or far from the others{kept}",
            fix="train anew with --set optimizer.learning_rate=LOWER, or with "
            "--set optimizer.clip_norm=1",
        )


def _span_schedule(model: keras.Model, steps: int) -> None:
    """Tell a schedule that waits for it how many steps there will be."""
    # Keras offers the current rate publicly, and the schedule behind it only under this name.
    schedule: Any = getattr(model.optimizer, "_learning_rate", None)
    if isinstance(schedule, WarmupSchedule):
        schedule.span(steps)


__all__ = ["Loop", "Notify"]
