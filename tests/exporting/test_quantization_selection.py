"""Selection of the candidate that is published."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

import zoo
from zoo.errors import ConfigError
from zoo.exporting.quantization.comparison import Latency
from zoo.exporting.quantization.selection import (
    MAX_COST,
    TIE,
    CandidateRow,
    Criteria,
    make_row,
    select,
)
from zoo.runtime.manifest import CandidateResult, Comparison

RATIO = st.floats(0.01, 20)


def comparison(**changes: Any) -> Comparison:
    known = {
        "split": "validation",
        "examples": 400,
        "metric": "accuracy",
        "unit": "points",
        "source": 0.95,
        "variant": 0.95,
        "loss": 0.0,
        "agreement": 1.0,
        "max_difference": {"probabilities": 0.01},
        "mean_difference": {"probabilities": 0.001},
        "batch_dependence": 0.0,
    }
    return Comparison.model_validate({**known, **changes})


def row(
    name: str = "some",
    size: float = 0.5,
    speed: tuple[float, float] = (1.0, 1.0),
    criteria: Criteria | None = None,
    **changes: Any,
) -> CandidateRow:
    found = comparison(**changes)
    criteria = criteria or Criteria()
    reason = criteria.violation(found)
    result = CandidateResult(
        method=name,
        description="does it",
        bytes=int(1e6 * size),
        comparison=found,
        accurate=not reason,
        reason=reason,
    )
    return make_row(
        result,
        criteria,
        source_bytes=10**6,
        latencies={1: Latency(1.0, speed[0]), 64: Latency(1.0, speed[1])},
    )


def test_a_loss_above_the_bound_is_rejected_with_its_numbers():
    refused = row(loss=0.74, variant=0.9426)
    assert not refused.accepted
    for part in ("0.74 points", "accuracy", "0.9500 to 0.9426", "0.5"):
        assert part in refused.reason


def test_low_agreement_is_rejected_although_the_metric_is_the_same():
    refused = row(agreement=0.98)
    assert not refused.accepted
    assert "98.00%" in refused.reason


def test_a_slow_candidate_is_rejected_unless_the_smallest_is_preferred():
    assert "latency 5.20 at batch 1" in row(size=0.26, speed=(5.2, 8.9)).reason
    assert row(size=0.26, speed=(5.2, 8.9), criteria=Criteria(prefer="smallest")).accepted
    assert not row(size=0.26, speed=(1.0, 1.0), criteria=Criteria(prefer="fastest")).accepted


def test_the_lowest_cost_is_selected():
    rows = [row("half", 0.5), row("quarter", 0.26), row("bad", 0.1, loss=3.0)]
    best = select(rows)
    assert best is not None
    assert best.method == "quarter"


def test_among_ties_outputs_that_do_not_depend_on_the_batch_are_preferred():
    rows = [row("dynamic", 0.26, batch_dependence=0.01), row("static", 0.27, batch_dependence=0.0)]
    best = select(rows)
    assert best is not None
    assert best.method == "static"


def test_nothing_is_selected_if_no_candidate_is_accepted():
    assert select([row(loss=9.0), row(size=0.99)]) is None


@given(
    st.lists(
        st.tuples(RATIO, RATIO, RATIO, st.floats(-5, 5), st.floats(0.9, 1)), min_size=1, max_size=5
    ),
    st.sampled_from(["balanced", "fastest", "smallest"]),
)
def test_the_selected_candidate_is_within_every_bound(found: list[Any], preference: str):
    criteria = Criteria(prefer=preference)
    rows = [
        row(str(at), size, (one, many), criteria, loss=loss, agreement=agreement)
        for at, (size, one, many, loss, agreement) in enumerate(found)
    ]
    best = select(rows)
    accepted = [r for r in rows if r.accepted]
    assert (best is None) == (not accepted)
    assert all(r.reason for r in rows if not r.accepted)
    if best is not None:
        assert best.comparison is not None and best.cost is not None
        assert best.comparison.loss <= 0.5
        assert best.cost <= MAX_COST
        assert best.cost <= (1 + TIE) * min(r.cost or 0 for r in accepted)


def test_every_wrong_criterion_is_a_finding():
    with pytest.raises(ConfigError) as caught:
        zoo.quantize("exports/none/1", prefer="cheapest", max_loss=-1, min_agreement=2)
    assert [f.where for f in caught.value.findings] == ["prefer", "max_loss", "min_agreement"]
