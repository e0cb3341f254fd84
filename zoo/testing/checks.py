"""Definition of a conformance check: its level, its reason, and what it returns or raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from zoo.conformance import Level

Measured = Mapping[str, float | int | bool | str]
"""Measured values by name, equal in every run."""

Function = Callable[[Any], Measured]

Kind = Literal["architecture", "dataset", "reader", "command"]
"""Kind of plugin that a check is for."""

PAGE = "docs/checks.md"
"""Page with a section about every check."""


@dataclass(frozen=True)
class Check:
    """A requirement that every plugin of a kind must meet.

    Attributes:
        id: Stable name: ``build.batch_invariance``.
        kind: Kind of plugin it is for.
        level: Level that requires it; only checks of architectures have one.
        title: The requirement in one sentence.
        why: Reason for the requirement.
        fix: How to repair a plugin that fails.
        function: Takes the plugin that is checked and returns measured values. Raises
            :class:`CheckFailed` or :class:`Skipped`.
    """

    id: str
    kind: Kind
    level: Level | None
    title: str
    why: str
    fix: str
    function: Function

    @property
    def page(self) -> str:
        """Address of its section in the documentation."""
        return f"{PAGE}#{self.anchor}"

    @property
    def anchor(self) -> str:
        """Anchor of its section."""
        return self.id.replace(".", "-").replace("_", "-")

    @property
    def heading(self) -> str:
        """Heading of its section."""
        group, _, what = self.id.partition(".")
        return f"{group.capitalize()}: {what.replace('_', ' ')}"


class CheckGroup:
    """Checks of one level or of one kind of plugin, in order.

    Args:
        prefix: First part of their ids.
        level: The level.
        kind: The kind of plugin.
    """

    def __init__(
        self, prefix: str, level: Level | None = None, kind: Kind = "architecture"
    ) -> None:
        self.prefix, self.level, self.kind = prefix, level, kind
        self.checks: list[Check] = []

    def check(self, *, why: str, fix: str) -> Callable[[Function], Function]:
        """Decorate a function as a check; its name becomes the id, its docstring the title.

        Args:
            why: Reason for the requirement.
            fix: How to repair a plugin that fails.
        """

        def add(function: Function) -> Function:
            name = f"{self.prefix}.{function.__name__}"
            title = " ".join((function.__doc__ or "").split())
            self.checks.append(Check(name, self.kind, self.level, title, why, fix, function))
            return function

        return add


class CheckFailed(AssertionError):
    """A plugin does not meet a requirement."""


class Skipped(Exception):
    """A check does not apply to a plugin.

    Args:
        reason: Why it does not apply.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class NotMade(Skipped):
    """A check cannot be made here, and its level is not reached without it."""


def expect(holds: object, expectation: str, received: Any) -> None:
    """Raise :class:`CheckFailed` unless a condition holds.

    Args:
        holds: The condition.
        expectation: Expected state, to complete "expected ...".
        received: Actual state.
    """
    if not holds:
        raise CheckFailed(f"expected {expectation}. Received: {received}")
