"""Intervals of a difference between two models on the same examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from zoo.metrics.intervals import BLOCKS, batch_means, paired_difference


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 10_000))
def test_the_interval_holds_the_point_and_turns_round_with_it(worse: int, better: int, same: int):
    trials = worse + better + same
    if not trials:
        return
    low, high = paired_difference(worse, better, trials)
    assert low < high
    assert low <= (worse - better) / trials <= high
    assert paired_difference(better, worse, trials) == pytest.approx((-high, -low))


def test_models_that_agree_everywhere_leave_some_doubt_that_shrinks_with_the_examples():
    widths = [paired_difference(0, 0, count)[1] for count in (10, 100, 1000)]
    assert widths[0] > widths[1] > widths[2] > 0


@pytest.mark.parametrize(("worse", "better"), [(0.01, 0.0), (0.05, 0.03), (0.2, 0.2)])
def test_the_interval_holds_the_truth_about_95_times_out_of_100(worse: float, better: float):
    random = np.random.default_rng(0)
    draws = random.multinomial(300, [worse, better, 1 - worse - better], size=4000)
    inside = [
        low <= worse - better <= high
        for low, high in (paired_difference(int(w), int(b), 300) for w, b, _ in draws)
    ]
    assert 0.935 <= np.mean(inside) <= 0.999


def test_means_of_batches_hold_the_truth_about_95_times_out_of_100():
    random = np.random.default_rng(1)
    inside = []
    for _ in range(3000):
        values = random.normal(0.3, 1, (BLOCKS, 40)).mean(axis=1)
        found = batch_means(float(values.mean()), values.tolist())
        assert found is not None
        inside.append(found[0] <= 0.3 <= found[1])
    assert 0.935 <= np.mean(inside) <= 0.965


def test_too_few_parts_give_no_interval():
    assert batch_means(0.1, [0.1, 0.2]) is None
