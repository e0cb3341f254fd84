"""Problems, and the checks that find them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from zoo_inspect.diagnostics.evidence import Evidence

Severity = Literal["error", "warning"]

# The reason of each bound is in the table of checks.
DEAD = 0.5
SATURATED = 0.5
VANISHED = 1e-4
FAINT = 1e-4
EXPLODED = 1e3
GROWN = 100.0
LARGE_INPUT, SMALL_INPUT = 10.0, 0.01
LARGE_TARGET = 10.0
LINEAR = 1e-3
PADDING = 0.05
OFF_GRADIENT = 0.3
FAR_FROM_CHANCE = 5.0
SLOW = 0.05
SLOW_RATE = 50.0
TOO_FAST = 0.2


@dataclass(frozen=True)
class Problem:
    """Something that keeps a model from learning.

    Attributes:
        id: Its name: one of ``CHECKS``.
        severity: ``error`` if training is broken by it, ``warning`` if it only learns worse.
        sentence: What was found, with the numbers that show it.
        cure: What to change, in words.
        layer: Name of the layer that it is about; empty if it is none.
    """

    id: str
    severity: Severity
    sentence: str
    cure: str
    layer: str = ""


Found = tuple[str, str] | tuple[str, str, str]
"""Sentence, cure and layer of a problem."""


@dataclass(frozen=True)
class Check:
    """One row of the table of checks.

    Attributes:
        id: Name of the problem.
        function: From the evidence to a sentence, a cure and a layer, or ``None``.
        threshold: When there is a problem, in words.
        source: Where the threshold comes from.
        severity: As in :class:`Problem`.
        hides: Problems that follow from this one; ``*`` for all.
    """

    id: str
    function: Callable[[Evidence], Found | None]
    threshold: str
    source: str
    severity: Severity = "error"
    hides: str = ""


def rough(value: float) -> str:
    """Return a number with one digit that counts: 0.003, 40, 2e+09."""
    return f"{float(f'{value:.1g}'):g}"
