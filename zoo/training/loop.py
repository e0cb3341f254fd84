"""The training loop: epochs, validation, best weights, early stopping and checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import keras
import numpy as np

from zoo.architecture import Measure
from zoo.config import TrainPlan
from zoo.errors import ConfigError, Diverged, Finding
from zoo.layers import WarmupSchedule
from zoo.metrics.scores import plan_with_mode
from zoo.names import name_fault
from zoo.spec import Dataset, Split
from zoo.training.checkpoints import (
    Checkpoint,
    Checkpoints,
    TrainingState,
    Values,
    get_values,
    set_values,
    synchronize,
    training_variables,
)
from zoo.training.engines import Engine, choose_engine
from zoo.training.interrupts import Interrupts
from zoo.training.progress import Progress
from zoo.training.randomness import epoch_order, get_random_state, set_random_state
from zoo.training.run_folder import TELEMETRY, RunFolder

if TYPE_CHECKING:
    from zoo.training.telemetry import Telemetry

CallHook = Callable[..., None]


class Loop:
    """Trains one model to the end of a plan; the ``loop`` that an architecture's ``train`` gets.

    Args:
        folder: Where history and checkpoints go.
        plan: Number of epochs, order, early stopping and checkpoints.
        progress: Follows the run.
        call_hook: Called with the name and the arguments of each lifecycle hook.
        resume: Continue from the newest valid checkpoint, if there is one.
    """

    def __init__(
        self,
        folder: RunFolder,
        plan: TrainPlan,
        *,
        progress: Progress,
        call_hook: CallHook,
        resume: bool = False,
    ) -> None:
        self.plan = plan_with_mode(plan)
        self.state = TrainingState()
        self.stopped_because = ""
        self.interrupts = Interrupts(progress.on_stop_requested)
        self._folder, self._progress, self._resume = folder, progress, resume
        self._call_hook = call_hook
        self._checkpoints = Checkpoints(folder.path / "checkpoints")
        self._best: Values | None = None
        self._end = 0
        self._phases: list[str] = []
        self._more: tuple[Any, ...] = ()
        self._optimizers: list[keras.optimizers.Optimizer] = []
        self._loss = "loss"
        self._telemetry: Telemetry | None = None

    def fit(
        self,
        model: keras.Model,
        dataset: Dataset,
        *,
        measure: Measure | None = None,
        phase: str = "",
        epochs: int | None = None,
        state: Sequence[Any] = (),
        loss: str = "loss",
    ) -> None:
        """Train to the end of the plan; the model ends with the weights that the plan keeps.

        Args:
            model: A compiled model.
            dataset: The data to learn from.
            measure: Called after each epoch for further columns of its line of the history.
            phase: The name of this phase of several: see :class:`TrainLoop`.
            epochs: Number of epochs of this phase; those of the plan by default.
            state: Further optimizers, metrics and variables that training changes.
            loss: Column of the history that must stay finite.

        Raises:
            ConfigError: If the plan monitors what nobody measures, or no column is called as the
                loss.
            ValueError: If an optimizer of ``state`` is not built.
            Diverged: If the loss, the monitored value or a weight is no longer a finite number.
                The previous checkpoint stays.
            KeyboardInterrupt: After Ctrl-C, once the current step or validation is done and the
                state is saved.
            SystemExit: The same after SIGTERM, with exit code 143.
        """
        self._begin(model, phase, self.plan.epochs if epochs is None else epochs)
        self._more, self._loss = tuple(state), loss
        self._optimizers = _optimizers(model, state)
        train, validation = dataset.split("train"), dataset.split("validation")
        steps = math.ceil(len(train) / self.plan.batch_size)
        for optimizer in self._optimizers:
            _set_schedule_length(optimizer, steps * (self._end - self.state.epoch))
        engine = choose_engine(model, train, validation, self.plan)
        self._check_monitor(_measured(model, engine.validate()), measure)
        if self._resume:
            self._restore(model)
        self._telemetry = self._start_telemetry(model, train)
        reached = self.state
        self._progress.on_fit_begin(self._end - reached.epoch, steps)
        if reached.step:
            self._progress.on_steps_end(reached.step)
        with self.interrupts.handled(), self.interrupts.deferred():
            while reached.epoch < self._end and not self._out_of_patience():
                line = self._epoch(model, engine, len(train), steps)
                line |= dict(measure()) if measure is not None else {}
                self._close_epoch(model, line)
                self.interrupts.check()
        if self._out_of_patience():
            self.stopped_because = (
                f"{self.plan.monitor} did not improve for {self.plan.patience} epochs"
            )
        else:
            self.stopped_because = "all epochs are done"
        if self._best is not None:
            set_values(model.variables, self._best)

    def prepare(self, what: str, steps: int) -> Callable[[int], None]:
        """Announce work before the epochs, and return a function that counts its steps.

        Args:
            what: The work, in a few words.
            steps: Number of its steps.
        """
        self._progress.on_preparation_begin(what, steps)
        return self._progress.on_steps_end

    def _begin(self, model: keras.Model, phase: str, epochs: int) -> None:
        """Start a phase from the weights and the best value of the previous one.

        Raises:
            ValueError: If two phases have one name, or one of several has none.
        """
        if phase in self._phases or (self._phases and not phase) or "" in self._phases:
            raise ValueError(
                "expected a name for each of several phases, another for each. "
                f"Received: phase={phase!r} after {self._phases}"
            )
        if phase and (fault := name_fault(phase)):
            raise ValueError(f"expected a valid name: {fault}. Received: phase={phase!r}")
        state = self.state
        if self._phases:
            self.state = replace(state, history=list(state.history), wait=0)
            # The previous phase ended with its best weights, so these are the model's now.
            self._best = get_values(model.variables) if self._best is not None else None
        self._phases.append(phase)
        self._end = self.state.epoch + epochs
        folder = self._folder.path / "checkpoints"
        self._checkpoints = Checkpoints(folder / phase if phase else folder)

    def _epoch(
        self, model: keras.Model, engine: Engine, examples: int, steps: int
    ) -> dict[str, float]:
        """Run one epoch, or the rest of it, and return its line of the history."""
        state, number = self.state, self.state.epoch + 1
        self._call_hook("zoo_before_epoch", run_dir=self._folder.path, epoch=number)
        if not state.step:
            state.learning_rate, state.seconds = float(self._optimizers[0].learning_rate), 0.0
        started = time.perf_counter() - state.seconds

        def on_steps(done: int) -> None:
            state.step += done
            state.seconds = time.perf_counter() - started
            self._progress.on_steps_end(done)
            if state.step < steps:
                place = f"epoch {number}, step {state.step}"
                self._check_finite("the loss", engine.running_loss(self._loss), place)
                self._between_steps(model)

        order = epoch_order(self.plan.seed, number, examples)
        every = self.plan.checkpoint_steps
        found = engine.run_epoch(order, on_steps, first=state.step, every=every)
        metrics = _measured(model, found)
        line: dict[str, float] = {"epoch": number}
        if self._phases != [""]:
            line["phase"] = len(self._phases)
        line |= metrics
        if self._loss not in metrics:
            raise ConfigError(
                f"no column of the history is called {self._loss!r}",
                why=f"the model measures {', '.join(metrics)}",
                fix="call loop.fit(..., loss=NAME) with the name of the model's loss",
            )
        self._check_finite("the loss", metrics[self._loss], f"epoch {number}")
        checked = _measured(model, engine.validate())
        line |= {f"val_{name}": value for name, value in checked.items()}
        seconds = round(time.perf_counter() - started, 3)
        return line | {"learning_rate": state.learning_rate, "seconds": seconds}

    def _between_steps(self, model: keras.Model) -> None:
        """Save the state inside an epoch, if the plan or a request to stop asks for it."""
        every = self.plan.checkpoint_steps
        if self.interrupts.pending or (every is not None and self.state.step % every == 0):
            self._save(model)
        self.interrupts.check()

    def _close_epoch(self, model: keras.Model, line: dict[str, float]) -> None:
        """Update early stopping, save, and report the epoch."""
        state = self.state
        value = line[self.plan.monitor]
        self._check_finite(self.plan.monitor, value, f"epoch {state.epoch + 1}")
        state.epoch, state.step = state.epoch + 1, 0
        state.history.append(line)
        if state.best_value is None or self._better(value, state.best_value):
            state.best_epoch, state.best_value, state.wait = state.epoch, value, 0
            if self.plan.restore_best_weights:
                self._best = get_values(model.variables)
        else:
            state.wait += 1
        last = state.epoch == self._end or self._out_of_patience()
        if last or self.interrupts.pending or state.epoch % self.plan.checkpoint_every == 0:
            self._save(model)
        self._folder.write_history(state.history)
        if self._telemetry is not None:
            self._telemetry.measure(state.epoch)
        self._progress.on_epoch_end(state.epoch, line)
        self._call_hook(
            "zoo_after_epoch", run_dir=self._folder.path, epoch=state.epoch, metrics=dict(line)
        )

    def _save(self, model: keras.Model) -> None:
        """Write a checkpoint, unless a weight is not finite."""
        state = self.state
        values = get_values(training_variables(model, self._more))
        pairs = zip(model.variables, values, strict=False)
        if not _all_finite([value for variable, value in pairs if variable.trainable]):
            inside = f"epoch {state.epoch + 1}, step {state.step}" if state.step else ""
            self._diverge("a weight was not a finite number", inside or f"epoch {state.epoch}")
        self._checkpoints.save(
            Checkpoint(
                state,
                values,
                best=self._best,
                metrics=get_values(model.metrics_variables) if state.step else [],
                random_state=get_random_state(),
            )
        )

    def _restore(self, model: keras.Model) -> None:
        saved = self._checkpoints.latest()
        if saved is not None:
            if model.optimizer is not None and not model.optimizer.built:
                # Keras builds it at its first step.
                model.optimizer.build(model.trainable_variables)
            set_values(training_variables(model, self._more), saved.variables)
            if saved.metrics:
                set_values(model.metrics_variables, saved.metrics)
            set_random_state(saved.random_state)
            self._checkpoints.prune(saved.state)
            self.state = saved.state
            self._best = saved.best if self.plan.restore_best_weights else None
        # The process may have ended between a checkpoint and the lines of its epochs.
        self._folder.write_history(self.state.history)

    def _start_telemetry(self, model: keras.Model, train: Split) -> Telemetry | None:
        if not self.plan.telemetry:
            return None
        from zoo.training.telemetry import Telemetry

        return Telemetry(self._folder.path / TELEMETRY, model, train, self.state.epoch)

    def _out_of_patience(self) -> bool:
        return self.plan.patience is not None and self.state.wait >= self.plan.patience

    def _check_monitor(self, measured: dict[str, float], measure: Measure | None) -> None:
        """Refuse, before the first epoch, a plan that monitors what nobody measures."""
        names = [*measured, *(f"val_{name}" for name in measured)]
        if self.plan.monitor not in names and measure is not None:
            names += measure()
        if self.plan.monitor not in names:
            raise ConfigError(
                f"the plan monitors {self.plan.monitor!r}, which is not measured",
                findings=[Finding("plan.monitor", self.plan.monitor, f"one of {', '.join(names)}")],
                fix="name a metric of the model",
            )

    def _better(self, value: float, best: float) -> bool:
        return value > best if self.plan.mode == "max" else value < best

    def _check_finite(self, what: str, value: float | None, where: str) -> None:
        if value is not None and not math.isfinite(value):
            self._diverge(f"{what} was {value}", where)

    def _diverge(self, what: str, where: str) -> NoReturn:
        folder = self._checkpoints.folder
        kept = f"; {folder} has the last finite state" if any(folder.glob("epoch-*.npz")) else ""
        raise Diverged(
            f"{what} in {where}",
            why=f"the learning rate is too high, or an example is an outlier or not finite{kept}",
            fix="train again with --set optimizer.learning_rate=LOWER, or with "
            "--set optimizer.global_clipnorm=1",
        )


def _all_finite(arrays: Values) -> bool:
    return all(array.dtype.kind not in "fc" or bool(np.isfinite(array).all()) for array in arrays)


def _measured(model: keras.Model, metrics: dict[str, float]) -> dict[str, float]:
    """Return metrics without those that no step updated.

    Every compiled model has a metric called ``loss``. One with a training step of its own may
    never update it, and it would be 0.
    """
    synchronize(model)
    mean = keras.metrics.Mean
    unused = {m.name for m in model.metrics if isinstance(m, mean) and not float(m.count)}
    return {name: value for name, value in metrics.items() if name not in unused}


def _optimizers(model: keras.Model, state: Sequence[Any]) -> list[keras.optimizers.Optimizer]:
    """Return the optimizer of a model, and those that its ``train`` names besides.

    Raises:
        ValueError: If there is none, or a further one is not built and so cannot be restored.
    """
    kind = keras.optimizers.Optimizer
    further = [one for one in state if isinstance(one, kind) and one is not model.optimizer]
    if not all(optimizer.built for optimizer in further):
        raise ValueError(
            "expected every optimizer of `state` to be built: optimizer.build(variables) in "
            f"Architecture.build. Received: {', '.join(one.name for one in further)}"
        )
    found = further if model.optimizer is None else [model.optimizer, *further]
    if not found:
        raise ValueError("expected an optimizer: that of a compiled model, or one in `state`")
    return found


def _set_schedule_length(optimizer: keras.optimizers.Optimizer, steps: int) -> None:
    """Tell the learning rate schedule the number of steps, if it needs it."""
    # Keras offers the current rate publicly, and the schedule behind it only under this name.
    schedule: Any = getattr(optimizer, "_learning_rate", None)
    if isinstance(schedule, WarmupSchedule):
        schedule.set_steps(steps)
