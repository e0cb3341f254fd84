"""Intervals hold the truth as often as they say, and equal published ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from zoo.metrics.intervals import (
    BLOCKS,
    batch_means,
    bootstrap_function,
    bootstrap_macro_f1,
    bootstrap_means,
    paired_difference,
    student_t,
    wilson,
)

sklearn_metrics = pytest.importorskip("sklearn.metrics")


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_equal_the_published_ones(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_bootstrap_of_a_mean_is_as_wide_as_the_normal_theory_says() -> None:
    values = np.random.default_rng(0).normal(size=(4000, 2)) * [1.0, 3.0]
    for column, interval in zip(values.T, bootstrap_means(values), strict=True):
        assert interval is not None
        expected = 2 * 1.96 * column.std() / np.sqrt(4000)
        assert interval[1] - interval[0] == pytest.approx(expected, rel=0.1)
        assert interval[0] < column.mean() < interval[1]


def test_bootstrap_of_macro_f1_equals_drawing_the_examples_again() -> None:
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 4, 400)
    predicted = np.where(generator.random(400) < 0.2, generator.integers(0, 4, 400), labels)
    confusion = sklearn_metrics.confusion_matrix(labels, predicted)
    interval = bootstrap_macro_f1(confusion)
    assert interval is not None
    pairs = 4 * labels + predicted

    def macro_f1(rows: np.ndarray) -> float:
        counts = np.bincount(pairs[rows], minlength=16).reshape(4, 4)
        return float(np.mean(2 * counts.diagonal() / (counts.sum(axis=0) + counts.sum(axis=1))))

    expected = sklearn_metrics.f1_score(labels, predicted, average="macro")
    assert macro_f1(np.arange(400)) == pytest.approx(expected)
    resampled = [macro_f1(generator.integers(0, 400, 400)) for _ in range(1000)]
    assert interval == pytest.approx(np.quantile(resampled, (0.025, 0.975)), abs=0.008)


def test_bootstrap_of_a_thousand_classes_and_many_examples_stays_within_memory() -> None:
    generator = np.random.default_rng(0)
    labels, predicted = generator.integers(0, 1000, (2, 20_000))
    confusion = np.zeros((1000, 1000), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    interval = bootstrap_macro_f1(confusion)
    assert interval is not None
    assert 0 <= interval[0] < interval[1] < 0.01


def test_students_t_is_the_tables() -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy has the distribution")
    for freedom in (*range(1, 60), 99, 1000):
        assert student_t(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=5e-4)


def test_a_function_of_means_that_never_changes_has_no_interval() -> None:
    assert bootstrap_function(np.ones((9, 2)), lambda means: means[:, 0]) is None


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
