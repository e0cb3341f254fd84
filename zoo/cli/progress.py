"""Show how far a training is: a bar on a terminal, lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from zoo.cli.output import note

_QUIET_SECONDS = 2.0


class Progress:
    """What ``zoo.train(progress=...)`` calls.

    ``start`` once a phase, then for each epoch ``advance`` as steps are done and ``epoch`` at its
    end, then ``stop``, also after an error; ``prepare`` where other work comes first. A context
    manager, so that the terminal is always put back in order.

    Args:
        quiet: Say nothing at all.

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

    def start(self, epochs: int, steps: int) -> None:
        """Begin: so many epochs are to come, each of so many steps."""
        self._epochs, self._before = epochs, None
        self._open("training", epochs * steps)

    def prepare(self, what: str, steps: int) -> None:
        """Say that so many steps of other work come before the epochs."""
        self._open(what, steps)
        if self._bar is None and not self._quiet and steps:
            note(f"{what}: {steps:,} steps")

    def _open(self, what: str, steps: int) -> None:
        """Show a bar, on a terminal, in place of the one before."""
        self.stop()
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

    def advance(self, steps: int) -> None:
        """Say that so many more steps are done."""
        if self._bar is not None:
            self._bar.advance(self._task, steps)

    def stopping(self, what: str) -> None:
        """Say that the run ends soon: it was interrupted or terminated, and saves its state."""
        if not self._quiet:
            note(f"{what}: stopping as soon as this step is saved; once more stops at once")

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Say that an epoch, counted from 1 over the whole run, ended with these metrics."""
        if self._before is None:  # a run that goes on starts behind its earlier epochs
            self._before = number - 1
        total = self._before + self._epochs
        place = f"epoch {number}/{total}"
        scores = "  ".join(
            f"{name} {metrics[name]:.4f}"
            for name in ("loss", "val_loss", "val_accuracy")
            if name in metrics
        )
        if self._bar is not None:
            self._bar.update(self._task, place=place, scores=scores)
            return
        now = time.monotonic()
        if self._quiet:
            return
        if number == total or now - self._last >= _QUIET_SECONDS:
            self._last = now
            note(f"{place}  {scores}")

    def stop(self) -> None:
        """End, however it ended; the terminal is as before."""
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
        self.stop()


__all__ = ["Progress"]
