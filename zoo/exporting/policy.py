"""Which candidate is published, and why the others are not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import Field

from zoo.config import Frozen
from zoo.errors import ConfigError, Finding
from zoo.runtime.manifest import Calibration, Comparison, Verdict

Preference = Literal["balanced", "fastest", "smallest"]
PREFERENCES: tuple[str, ...] = get_args(Preference)

MARGIN = 0.1
"""A variant must cost this share less than the original: below it, two files are not worth it."""

_NOISE = 1e-4

TIE = 0.1
"""Costs that are this share apart are the same: a clock on a busy machine decides nothing."""


class Policy(Frozen):
    """What is wanted of a variant, and what it may lose for it.

    Attributes:
        preference: ``smallest`` counts bytes; ``fastest`` the geometric mean of the latencies at
            batch 1 and 64 (of a large model, the largest that was proven); ``balanced`` the
            geometric mean of both. Each is a ratio to the original's, and the least one wins.
        max_loss: The most that the main metric may lose on the validation split: points
            (hundredths) of a share, percent of any other metric.
        min_agreement: The least share of examples that must get the original's class.
    """

    preference: Preference = "balanced"
    max_loss: float = Field(0.5, ge=0, le=100)
    min_agreement: float = Field(0.99, ge=0, le=1)

    def refusal(self, comparison: Comparison) -> str:
        """Return why a candidate's answers are not good enough; empty if they are."""
        found = comparison
        if found.loss > self.max_loss:
            return (
                f"loses {found.loss:.2f} {found.unit} of {found.metric} "
                f"({found.original:.4f} to {found.value:.4f}); {self.max_loss:g} are allowed"
            )
        if found.agreement is not None and found.agreement < self.min_agreement:
            return (
                f"gives {found.agreement:.2%} of the examples the original's class; "
                f"{self.min_agreement:.2%} are asked for"
            )
        return ""

    def cost(self, size_ratio: float, latency_ratios: Sequence[float]) -> float:
        """Return what is minimized: 1 is the original's."""
        speed = math.prod(latency_ratios) ** (1 / len(latency_ratios))
        if self.preference == "smallest":
            return size_ratio
        if self.preference == "fastest":
            return speed
        return math.sqrt(size_ratio * speed)


class CandidateRow(Frozen):
    """One line of the report.

    Attributes:
        size_ratio: Its bytes by the original's.
        latency_ms: By batch size, the median.
        latency_ratio: By batch size, to the original, measured in turns with it.
        cost: What the policy minimizes.
        accepted: Whether it was good enough to be published.
        reason: Why not.
    """

    candidate: str
    method: str
    bytes: int | None
    size_ratio: float | None
    latency_ms: dict[str, float]
    latency_ratio: dict[str, float]
    cost: float | None
    comparison: Comparison | None
    accepted: bool
    reason: str


class QuantizationReport(Frozen):
    """Everything that was tried on an artifact, measured, and decided.

    Attributes:
        source: The artifact.
        published: The variant's folder, or ``None`` if nothing was good enough.
        winner: Its candidate.
        original_bytes: Size of the original's graphs, without their metadata.
        original_ms: By batch size, the original's median latency.
        candidates: One row each, in the order in which they were tried.
        test: The winner on the test split, which decided nothing.
    """

    source: str
    published: str | None = None
    winner: str | None = None
    policy: Policy
    margin: float = MARGIN
    threads: int
    original_bytes: int
    original_ms: dict[str, float]
    calibration: Calibration | None = None
    candidates: tuple[CandidateRow, ...]
    test: Comparison | None = None


def judge(
    verdict: Verdict,
    policy: Policy,
    *,
    original_bytes: int,
    latency_ms: dict[str, float],
    latency_ratio: dict[str, float],
) -> CandidateRow:
    """Return a candidate's row: faithful, and cheaper by the margin, or refused with the reason."""
    size_ratio = verdict.bytes / original_bytes if verdict.bytes is not None else None
    cost = None
    reason = verdict.reason
    if size_ratio is not None and latency_ratio:
        cost = policy.cost(size_ratio, list(latency_ratio.values()))
        if verdict.faithful and cost > 1 - MARGIN:
            speed = ", ".join(f"{ratio:.2f} at batch {b}" for b, ratio in latency_ratio.items())
            reason = (
                f"costs {cost:.2f} of the original ({policy.preference}; {1 - MARGIN:g} at most): "
                f"size {size_ratio:.2f}, latency {speed}"
            )
    return CandidateRow(
        candidate=verdict.candidate,
        method=verdict.method,
        bytes=verdict.bytes,
        size_ratio=size_ratio,
        latency_ms=latency_ms,
        latency_ratio=latency_ratio,
        cost=cost,
        comparison=verdict.comparison,
        accepted=verdict.faithful and cost is not None and not reason,
        reason=reason,
    )


def choose(rows: Sequence[CandidateRow]) -> CandidateRow | None:
    """Return the accepted row of the least cost.

    Among those within :data:`TIE` of it, one whose answers do not depend on the other examples of
    a call comes first, then the one that differs least from the original on average.
    """
    accepted = [row for row in rows if row.accepted]
    least = min((row.cost or 0.0 for row in accepted), default=0.0)
    tied = [row for row in accepted if (row.cost or 0.0) <= least * (1 + TIE)]
    return min(tied, key=_strangeness, default=None)


def _strangeness(row: CandidateRow) -> tuple[bool, float]:
    found = row.comparison
    if found is None:
        return True, math.inf
    return found.neighbors > _NOISE, max(found.mean_difference.values(), default=0.0)


def make_policy(preference: str, max_loss: float, min_agreement: float) -> Policy:
    """Return a checked policy.

    Raises:
        ConfigError: With one finding a wrong value.
    """
    findings = []
    if preference not in PREFERENCES:
        findings.append(Finding("policy", preference, f"one of {', '.join(PREFERENCES)}"))
    if not 0 <= max_loss <= 100:
        findings.append(Finding("max_loss", max_loss, "from 0 to 100"))
    if not 0 <= min_agreement <= 1:
        findings.append(Finding("min_agreement", min_agreement, "from 0 to 1"))
    if findings:
        raise ConfigError("the quantization cannot be made as asked", findings=findings)
    return Policy.model_validate(
        {"preference": preference, "max_loss": max_loss, "min_agreement": min_agreement}
    )


__all__ = [
    "MARGIN",
    "PREFERENCES",
    "TIE",
    "CandidateRow",
    "Policy",
    "Preference",
    "QuantizationReport",
    "choose",
    "judge",
    "make_policy",
]
