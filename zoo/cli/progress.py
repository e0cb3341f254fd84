"""Progress of a training run: a bar on a terminal, lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import zoo
from zoo.cli.datasets import summary_text
from zoo.console import note

if TYPE_CHECKING:
    from zoo.spec import Dataset

_QUIET_SECONDS = 2.0


class Progress(zoo.ProgressBar):
    """Progress bar on a terminal, lines of text elsewhere.

    A context manager, so that the terminal is always restored.

    Args:
        quiet: Show nothing.

    Example:
        >>> with Progress() as progress:
        ...     zoo.train("cnn", progress=progress)
    """

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__()
        self._quiet = quiet
        self._last = float("-inf")

    def on_data(self, data: Dataset, steps: int) -> None:
        """Show what was understood of the data."""
        summary = getattr(data, "summary", None)
        if summary is not None and not self._quiet:
            note(f"{summary_text(summary())}\n\n{steps:,} steps per epoch\n")

    def on_preparation_begin(self, what: str, steps: int) -> None:
        """Show a bar or a line for work before the first epoch."""
        super().on_preparation_begin(what, steps)
        if self._bar is None and not self._quiet and steps:
            note(f"{what}: {steps:,} steps")

    def on_stop_requested(self, reason: str) -> None:
        """Say that the run stops once its state is saved."""
        if not self._quiet:
            note(f"{reason}: stopping as soon as this step is saved; once more stops at once")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Show the metrics of an epoch."""
        super().on_epoch_end(epoch, logs)
        place = self._place(epoch)
        if self._bar is not None or self._quiet:
            return
        now, ended = time.monotonic(), epoch == (self._before or 0) + self._epochs
        if ended or now - self._last >= _QUIET_SECONDS:
            self._last = now
            note(f"{place}  {self._scores(logs)}")

    def _open(self, what: str, steps: int) -> None:
        if not self._quiet:
            super()._open(what, steps)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.on_train_end()


@contextmanager
def row_counter(what: str) -> Iterator[Callable[[int], object]]:
    """Show a growing number of rows on a terminal, whose total nobody knows; nothing elsewhere.

    Yields:
        What is called with the number of further rows.
    """
    if not sys.stderr.isatty():
        yield lambda rows: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar, SpinnerColumn, TextColumn, TimeElapsedColumn

    done = TextColumn("{task.description}: {task.completed:,} rows, {task.fields[speed]:,.0f}/s")
    columns = SpinnerColumn(), done, TimeElapsedColumn()
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task, begin = bar.add_task(what, total=None, speed=0.0), time.monotonic()

        def count(rows: int) -> None:
            bar.advance(task, rows)
            seconds = max(time.monotonic() - begin, 1e-3)
            bar.update(task, speed=bar.tasks[0].completed / seconds)

        yield count
