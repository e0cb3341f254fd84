"""What a check is: a name, a level, why it is there, how to repair what it finds, a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.receipts import Level

if TYPE_CHECKING:
    from zoo.testing.subject import Subject

Measured = Mapping[str, float | int | bool | str]
"""What a check found, by name: nothing that differs from one run to the next."""

Function = Callable[["Subject"], Measured]

PAGE = "docs/checks.md"
"""Where every check has a section."""


@dataclass(frozen=True)
class Check:
    """One thing that is expected of every architecture.

    Attributes:
        id: Its name, which stays: ``build.batch_invariance``.
        level: The level that asks for it.
        title: What is expected, in one sentence.
        why: Why that matters.
        fix: How to repair an architecture that fails it.
        function: Looks at an architecture and returns what it measured. It raises
            :class:`CheckFailed` or :class:`Skipped`.
    """

    id: str
    level: Level
    title: str
    why: str
    fix: str
    function: Function

    @property
    def page(self) -> str:
        """Where its section is."""
        return f"{PAGE}#{self.anchor}"

    @property
    def anchor(self) -> str:
        """The name of its section in that page."""
        return self.id.replace(".", "-").replace("_", "-")

    @property
    def heading(self) -> str:
        """The heading of its section, from which the anchor comes."""
        group, _, what = self.id.partition(".")
        return f"{group.capitalize()}: {what.replace('_', ' ')}"


class CheckGroup:
    """The checks of one level, in the order in which they are made.

    Args:
        level: The level.
        prefix: The first part of their names.
    """

    def __init__(self, level: Level, prefix: str) -> None:
        self.level, self.prefix = level, prefix
        self.checks: list[Check] = []

    def check(self, *, why: str, fix: str) -> Callable[[Function], Function]:
        """Make a function a check: its name becomes the id, its docstring the title.

        Args:
            why: Why what it expects matters.
            fix: How to repair an architecture that fails it.
        """

        def add(function: Function) -> Function:
            name = f"{self.prefix}.{function.__name__}"
            title = " ".join((function.__doc__ or "").split())
            self.checks.append(Check(name, self.level, title, why, fix, function))
            return function

        return add


__all__ = [
    "PAGE",
    "Check",
    "CheckGroup",
    "Function",
    "Measured",
]
