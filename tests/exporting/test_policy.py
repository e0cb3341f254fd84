"""Which candidate is published: a rule without a machine in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from zoo.errors import ConfigError
from zoo.exporting.policy import MARGIN, TIE, CandidateRow, Policy, choose, judge, make_policy
from zoo.runtime.manifest import Comparison, Verdict

RATIO = st.floats(0.01, 20)


def comparison(**changes: Any) -> Comparison:
    known = {
        "split": "validation",
        "examples": 400,
        "metric": "accuracy",
        "unit": "points",
        "original": 0.95,
        "value": 0.95,
        "loss": 0.0,
        "agreement": 1.0,
        "max_difference": {"probabilities": 0.01},
        "mean_difference": {"probabilities": 0.001},
        "neighbors": 0.0,
    }
    return Comparison.model_validate({**known, **changes})


def row(
    name: str = "some",
    size: float = 0.5,
    speed: tuple[float, float] = (1.0, 1.0),
    policy: Policy | None = None,
    **changes: Any,
) -> CandidateRow:
    found = comparison(**changes)
    policy = policy or Policy()
    reason = policy.refusal(found)
    verdict = Verdict(
        candidate=name,
        method="does it",
        bytes=int(1e6 * size),
        comparison=found,
        faithful=not reason,
        reason=reason,
    )
    return judge(
        verdict,
        policy,
        original_bytes=10**6,
        latency_ms={"1": 1.0, "64": 1.0},
        latency_ratio={"1": speed[0], "64": speed[1]},
    )


def test_a_loss_above_the_bound_is_refused_with_its_numbers():
    refused = row(loss=0.74, value=0.9426)
    assert not refused.accepted
    for part in ("0.74 points", "accuracy", "0.9500 to 0.9426", "0.5"):
        assert part in refused.reason


def test_another_class_for_too_many_examples_is_refused_though_the_metric_is_the_same():
    refused = row(agreement=0.98)
    assert not refused.accepted
    assert "98.00%" in refused.reason


def test_smaller_and_much_slower_is_refused_unless_size_is_all_that_counts():
    assert "latency 5.20 at batch 1" in row(size=0.26, speed=(5.2, 8.9)).reason
    assert row(size=0.26, speed=(5.2, 8.9), policy=Policy(preference="smallest")).accepted
    assert not row(size=0.26, speed=(1.0, 1.0), policy=Policy(preference="fastest")).accepted


def test_the_least_cost_wins():
    rows = [row("half", 0.5), row("quarter", 0.26), row("bad", 0.1, loss=3.0)]
    best = choose(rows)
    assert best is not None
    assert best.candidate == "quarter"


def test_between_equals_answers_that_depend_on_no_neighbor_win():
    rows = [row("dynamic", 0.26, neighbors=0.01), row("static", 0.27, neighbors=0.0)]
    best = choose(rows)
    assert best is not None
    assert best.candidate == "static"


def test_nothing_accepted_is_no_choice():
    assert choose([row(loss=9.0), row(size=0.99)]) is None


@given(
    st.lists(
        st.tuples(RATIO, RATIO, RATIO, st.floats(-5, 5), st.floats(0.9, 1)), min_size=1, max_size=5
    ),
    st.sampled_from(["balanced", "fastest", "smallest"]),
)
def test_what_is_chosen_is_within_every_bound(found: list[Any], preference: str):
    policy = make_policy(preference, 0.5, 0.99)
    rows = [
        row(str(at), size, (one, many), policy, loss=loss, agreement=agreement)
        for at, (size, one, many, loss, agreement) in enumerate(found)
    ]
    best = choose(rows)
    accepted = [r for r in rows if r.accepted]
    assert (best is None) == (not accepted)
    assert all(r.reason for r in rows if not r.accepted)
    if best is not None:
        assert best.comparison is not None and best.cost is not None
        assert best.comparison.loss <= 0.5
        assert best.cost <= 1 - MARGIN
        assert best.cost <= (1 + TIE) * min(r.cost or 0 for r in accepted)


def test_a_wrong_policy_is_said_in_every_field():
    with pytest.raises(ConfigError) as caught:
        make_policy("cheapest", -1, 2)
    assert [f.where for f in caught.value.findings] == ["policy", "max_loss", "min_agreement"]
