"""Base class of the objects that follow a training run, and the bar that is shown by default."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.spec import Dataset

_REFRESH_SECONDS = 0.2
"""Time between two updates of a notebook's bar."""

_SHOWN = ("loss", "val_loss", "val_accuracy")


class Progress:
    """Callbacks of a training run, for a progress bar or a log. Each does nothing by default.

    Example:
        >>> class Printed(zoo.Progress):
        ...     def on_epoch_end(self, epoch, logs):
        ...         print(epoch, sorted(logs))
        >>> other = zoo.train(run.architecture, epochs=1, progress=Printed())
        1 ['accuracy', 'epoch', 'learning_rate', 'loss', 'seconds', 'val_accuracy', 'val_loss']
    """

    def on_data(self, data: Dataset, steps: int) -> None:
        """The data was read, and an epoch has ``steps`` steps; nothing is written yet."""

    def on_preparation_begin(self, what: str, steps: int) -> None:
        """Work before the first epoch starts; :meth:`on_steps_end` counts its steps too."""

    def on_fit_begin(self, epochs: int, steps: int) -> None:
        """A run, or a further phase of it, starts: ``epochs`` epochs of ``steps`` steps each."""

    def on_steps_end(self, steps: int) -> None:
        """``steps`` more steps are done."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """An epoch ended, counted from 1 over the whole run; ``logs`` is its line of history."""

    def on_stop_requested(self, reason: str) -> None:
        """The run was ``interrupted`` or ``terminated``, and stops once its state is saved."""

    def on_train_end(self) -> None:
        """The run ended, also after an error."""


class ProgressBar(Progress):
    """Progress bar in a notebook and on a terminal; nothing anywhere else.

    Example:
        >>> other = zoo.train(run.architecture, epochs=1, progress=zoo.ProgressBar())
    """

    def __init__(self) -> None:
        self._bar: _NotebookBar | _TerminalBar | None = None
        self._epochs = 0
        self._before: int | None = None

    def on_preparation_begin(self, what: str, steps: int) -> None:
        """Show a bar for work before the first epoch."""
        self._open(what, steps)

    def on_fit_begin(self, epochs: int, steps: int) -> None:
        """Show a bar for a run or a phase of it."""
        self._epochs, self._before = epochs, None
        self._open("training", epochs * steps)

    def on_steps_end(self, steps: int) -> None:
        """Advance the bar."""
        if self._bar is not None:
            self._bar.advance(steps)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Show the metrics of an epoch."""
        if self._bar is not None:
            self._bar.describe(self._place(epoch), self._scores(logs))

    def on_stop_requested(self, reason: str) -> None:
        """Say that the run stops once its state is saved."""
        if self._bar is not None:
            self._bar.describe(f"{reason}: stopping as soon as this step is saved", "")

    def on_train_end(self) -> None:
        """End the bar; a terminal's is removed."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _place(self, epoch: int) -> str:
        if self._before is None:  # a resumed run starts after its earlier epochs
            self._before = epoch - 1
        return f"epoch {epoch}/{self._before + self._epochs}"

    @staticmethod
    def _scores(logs: Mapping[str, float]) -> str:
        return "  ".join(f"{name} {logs[name]:.4f}" for name in _SHOWN if name in logs)

    def _open(self, what: str, steps: int) -> None:
        """Show a bar in place of the one before."""
        self.on_train_end()
        from zoo.native_logs import in_notebook

        if in_notebook():
            self._bar = _NotebookBar(importlib.import_module("IPython.display"), what, steps)
        elif sys.stderr is not None and sys.stderr.isatty():
            self._bar = _TerminalBar(what, steps)


class _TerminalBar:
    """A bar on a terminal, with the remaining time."""

    def __init__(self, what: str, steps: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress as Bar,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Bar(
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
        self._bar.advance(self._task, steps)

    def describe(self, place: str, scores: str) -> None:
        self._bar.update(self._task, place=place, scores=scores)

    def stop(self) -> None:
        self._bar.stop()


class _NotebookBar:
    """A bar below the cell of a notebook. It stays there with the last scores."""

    def __init__(self, display: Any, what: str, steps: int) -> None:
        self._html, self._place, self._scores = display.HTML, what, ""
        self._total, self._done, self._drawn = steps, 0, time.monotonic()
        self._shown = display.display(self._content(), display_id=True)

    def advance(self, steps: int) -> None:
        self._done += steps
        if time.monotonic() - self._drawn >= _REFRESH_SECONDS:
            self._draw()

    def describe(self, place: str, scores: str) -> None:
        self._place, self._scores = place, scores
        self._draw()

    def stop(self) -> None:
        self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        self._shown.update(self._content())

    def _content(self) -> Any:
        from zoo.html import escape

        return self._html(
            f'<div style="color-scheme:light dark"><progress value="{self._done}" '
            f'max="{max(self._total, 1)}"></progress> {escape(self._place)} '
            f"<small>{self._done:,}/{self._total:,} steps</small> {escape(self._scores)}</div>"
        )
