"""Selection of a quantized variant: criteria, costs and the report of all candidates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from zoo.config import Frozen
from zoo.exporting.quantization.comparison import Latency
from zoo.runtime.manifest import Calibration, CandidateResult, Comparison

Preference = Literal["balanced", "fastest", "smallest"]

MAX_COST = 0.9
"""Largest cost of a variant, as a share of the source's: a smaller gain is not worth a copy."""

TIE = 0.1
"""Relative difference of costs below which they count as equal, since timings are noisy."""

_NOISE = 1e-4


class Criteria(Frozen):
    """Criteria by which the best candidate is selected.

    Attributes:
        prefer: The cost is a ratio to that of the source artifact: ``smallest`` takes the size,
            ``fastest`` the geometric mean of the latencies at batch sizes 1 and 64 (or the largest
            that was compared), ``balanced`` the geometric mean of both.
        max_loss: Largest allowed loss of the main metric on the validation split: percentage
            points of a share, percent of any other metric.
        min_agreement: Least share of examples with the same predicted class.
    """

    prefer: Preference = "balanced"
    max_loss: float = Field(0.5, ge=0, le=100)
    min_agreement: float = Field(0.99, ge=0, le=1)

    def violation(self, comparison: Comparison) -> str:
        """Describe the bound that a candidate violates; empty if there is none."""
        found = comparison
        if found.loss > self.max_loss:
            return (
                f"loses {found.loss:.2f} {found.unit} of {found.metric} "
                f"({found.source:.4f} to {found.variant:.4f}); {self.max_loss:g} are allowed"
            )
        if found.agreement is not None and found.agreement < self.min_agreement:
            return (
                f"predicts the same class for {found.agreement:.2%} of the examples; "
                f"{self.min_agreement:.2%} are required"
            )
        return ""

    def cost(self, size_ratio: float, latency_ratios: Sequence[float]) -> float:
        """Return the cost relative to the source artifact."""
        speed = math.prod(latency_ratios) ** (1 / len(latency_ratios))
        if self.prefer == "smallest":
            return size_ratio
        if self.prefer == "fastest":
            return speed
        return math.sqrt(size_ratio * speed)


class CandidateRow(Frozen):
    """A row of the report.

    Attributes:
        size_ratio: Size relative to the source artifact.
        latency_ms: Median latency by batch size.
        latency_ratio: Latency relative to the source artifact, by batch size.
        cost: The cost that is minimized.
        accepted: Whether it may be published.
        reason: Why not.
    """

    method: str
    description: str
    bytes: int | None
    size_ratio: float | None
    latency_ms: dict[str, float]
    latency_ratio: dict[str, float]
    cost: float | None
    comparison: Comparison | None
    accepted: bool
    reason: str


class QuantizationReport(Frozen):
    """Measurements of all candidates, and which was published.

    Attributes:
        source: The source artifact.
        published: Folder of the variant; ``None`` if no candidate was accepted.
        best: Method of the variant.
        source_bytes: Size of the source's graphs, without their metadata.
        source_ms: Median latency of the source by batch size.
        candidates: One row per candidate, in the order in which they were tried.
        test: The best candidate on the test split, which did not influence the selection.
    """

    source: str
    published: str | None = None
    best: str | None = None
    criteria: Criteria
    max_cost: float = MAX_COST
    source_bytes: int
    source_ms: dict[str, float]
    calibration: Calibration | None = None
    candidates: tuple[CandidateRow, ...]
    test: Comparison | None = None


def make_row(
    result: CandidateResult,
    criteria: Criteria,
    *,
    source_bytes: int,
    latencies: Mapping[int, Latency],
) -> CandidateRow:
    """Return the row of a candidate: accepted if accurate and cheap enough, or the reason."""
    size_ratio = result.bytes / source_bytes if result.bytes is not None else None
    cost = None
    reason = result.reason
    ratios = {str(batch): latency.ratio for batch, latency in latencies.items()}
    if size_ratio is not None and ratios:
        cost = criteria.cost(size_ratio, list(ratios.values()))
        if result.accurate and cost > MAX_COST:
            speed = ", ".join(f"{ratio:.2f} at batch {b}" for b, ratio in ratios.items())
            reason = (
                f"costs {cost:.2f} of the source ({criteria.prefer}; at most {MAX_COST:g}): "
                f"size {size_ratio:.2f}, latency {speed}"
            )
    return CandidateRow(
        method=result.method,
        description=result.description,
        bytes=result.bytes,
        size_ratio=size_ratio,
        latency_ms={str(batch): latency.ms for batch, latency in latencies.items()},
        latency_ratio=ratios,
        cost=cost,
        comparison=result.comparison,
        accepted=result.accurate and cost is not None and not reason,
        reason=reason,
    )


def select(rows: Sequence[CandidateRow]) -> CandidateRow | None:
    """Return the accepted candidate with the lowest cost.

    Among ties, candidates whose outputs do not depend on the rest of the batch come first, then
    the one with the smallest mean difference.
    """
    accepted = [row for row in rows if row.accepted]
    lowest = min((row.cost or 0.0 for row in accepted), default=0.0)
    tied = [row for row in accepted if (row.cost or 0.0) <= lowest * (1 + TIE)]
    return min(tied, key=_deviation, default=None)


def _deviation(row: CandidateRow) -> tuple[bool, float]:
    found = row.comparison
    if found is None:
        return True, math.inf
    return found.batch_dependence > _NOISE, max(found.mean_difference.values(), default=0.0)
