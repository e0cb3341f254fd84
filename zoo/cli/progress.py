"""Progress of a training run: a bar on a terminal, lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import zoo
from zoo.console import note

_QUIET_SECONDS = 2.0


class Progress(zoo.Progress):
    """Progress bar on a terminal, lines of text elsewhere.

    A context manager, so that the terminal is always restored.

    Args:
        quiet: Show nothing.

    Example:
        >>> with Progress() as progress:
        ...     zoo.train("cnn", progress=progress)
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._epochs = 0
        self._before: int | None = None
        self._last = float("-inf")

    def on_fit_begin(self, epochs: int, steps: int) -> None:
        """Show a bar for a run or a phase of it."""
        self._epochs, self._before = epochs, None
        self._open("training", epochs * steps)

    def on_preparation_begin(self, what: str, steps: int) -> None:
        """Show a bar for work before the first epoch."""
        self._open(what, steps)
        if self._bar is None and not self._quiet and steps:
            note(f"{what}: {steps:,} steps")

    def _open(self, what: str, steps: int) -> None:
        """Show a bar, on a terminal, in place of the one before."""
        self.on_train_end()
        if self._quiet or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.fields[place]}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[scores]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=steps, place=what, scores="")
        self._bar.start()

    def on_steps_end(self, steps: int) -> None:
        """Advance the bar."""
        if self._bar is not None:
            self._bar.advance(self._task, steps)

    def on_stop_requested(self, reason: str) -> None:
        """Say that the run stops once its state is saved."""
        if not self._quiet:
            note(f"{reason}: stopping as soon as this step is saved; once more stops at once")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Show the metrics of an epoch."""
        if self._before is None:  # a resumed run starts after its earlier epochs
            self._before = epoch - 1
        total = self._before + self._epochs
        place = f"epoch {epoch}/{total}"
        scores = "  ".join(
            f"{name} {logs[name]:.4f}"
            for name in ("loss", "val_loss", "val_accuracy")
            if name in logs
        )
        if self._bar is not None:
            self._bar.update(self._task, place=place, scores=scores)
            return
        now = time.monotonic()
        if self._quiet:
            return
        if epoch == total or now - self._last >= _QUIET_SECONDS:
            self._last = now
            note(f"{place}  {scores}")

    def on_train_end(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.on_train_end()
