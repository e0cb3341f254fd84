"""What the training loop tells whoever watches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """Somebody who watches a run: a bar in a terminal, a line in a log.

    One that also has ``prepare(what, steps)`` is told of work before the epochs, whose steps
    ``advance`` then counts; one that has ``stopping(what)``, that the run will end as soon as it
    can be left: it was ``interrupted`` or ``terminated``.
    """

    def start(self, epochs: int, steps: int) -> None:
        """A run, or a further phase of it, starts: so many epochs of so many steps are to come."""

    def advance(self, steps: int) -> None:
        """So many more steps are done."""

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """An epoch ended, counted from 1 over the whole run."""

    def stop(self) -> None:
        """Nothing more is to come."""


class Silent:
    """Watches, and says nothing."""

    def start(self, epochs: int, steps: int) -> None:
        """Say nothing."""

    def advance(self, steps: int) -> None:
        """Say nothing."""

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Say nothing."""

    def stop(self) -> None:
        """Say nothing."""


__all__ = ["Progress", "Silent"]
