"""How a check ends that does not pass."""

from __future__ import annotations

from typing import Any


class CheckFailed(AssertionError):
    """What was expected of an architecture is not so."""


class Skipped(Exception):
    """A check says nothing about an architecture.

    Args:
        reason: Why, as the end of a sentence that begins with "skipped because".
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def expect(holds: object, expectation: str, received: Any) -> None:
    """Raise :class:`CheckFailed` unless something holds.

    Args:
        holds: Whether it does.
        expectation: What was expected, as the end of a sentence that begins with "expected".
        received: What was found instead.
    """
    if not holds:
        raise CheckFailed(f"expected {expectation}. Received: {received}")


__all__ = ["CheckFailed", "Skipped", "expect"]
