"""ROC and precision–recall curves and their areas equal scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from zoo.metrics.roc import auc, average_precision, precision_recall, roc_curve

sklearn_metrics = pytest.importorskip("sklearn.metrics")

few = st.lists(st.integers(0, 6), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    positives=st.lists(st.integers(0, 6), min_size=1, max_size=30),
    negatives=st.lists(st.integers(0, 6), min_size=1, max_size=30),
)
def test_roc_area_and_curve_equal_scikit_learn_ties_included(
    positives: list[int], negatives: list[int]
) -> None:
    first, second = np.array(positives, float), np.array(negatives, float)
    true = [1] * len(first) + [0] * len(second)
    values = np.concatenate([first, second])
    area, interval = auc(first, second)

    assert area == pytest.approx(sklearn_metrics.roc_auc_score(true, values))
    assert interval is None or 0 <= interval[0] <= area <= interval[1] <= 1
    x, y = roc_curve(first, second)
    wanted = sklearn_metrics.roc_curve(true, values, drop_intermediate=False)
    np.testing.assert_allclose(x, wanted[0])
    np.testing.assert_allclose(y, wanted[1])


def test_the_interval_of_an_area_is_delongs() -> None:
    random = np.random.default_rng(5)
    first, second = random.normal(1, 1, 40), random.normal(0, 1, 60)
    # The definition: each example's share of the pairs that it wins.
    wins = (first[:, None] > second[None]).astype(float)
    variance = wins.mean(1).var(ddof=1) / 40 + wins.mean(0).var(ddof=1) / 60
    area, interval = auc(first, second)

    assert interval is not None
    assert interval[1] - interval[0] == pytest.approx(2 * 1.959964 * np.sqrt(variance), rel=1e-6)
    assert area == pytest.approx(wins.mean())


def test_an_area_without_an_interval_says_so() -> None:
    assert auc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == (1.0, None)
    assert auc(np.array([3.0]), np.array([1.0, 4.0]))[1] is None


@settings(max_examples=20, deadline=None)
@given(positives=few, negatives=few)
def test_average_precision_equals_scikit_learn_ties_included(
    positives: list[int], negatives: list[int]
) -> None:
    area, _ = average_precision(np.array(positives, float), np.array(negatives, float))
    truth = [1] * len(positives) + [0] * len(negatives)

    assert area == pytest.approx(
        sklearn_metrics.average_precision_score(truth, [*positives, *negatives])
    )


def test_recall_rises_to_one_and_the_last_precision_is_the_share_of_positives() -> None:
    random = np.random.default_rng(3)
    recall, precision = precision_recall(random.normal(1, 1, 40), random.normal(0, 1, 60))

    assert (np.diff(recall) >= 0).all()
    assert recall[-1] == 1
    assert precision[-1] == pytest.approx(0.4)


def test_the_interval_of_average_precision_surrounds_it_and_is_the_same_every_time() -> None:
    random = np.random.default_rng(4)
    positives, negatives = random.normal(1, 1, 50), random.normal(0, 1, 70)
    area, ends = average_precision(positives, negatives)

    assert ends is not None
    assert ends[0] < area < ends[1]
    assert average_precision(positives, negatives) == (area, ends)


def test_one_example_of_a_class_has_no_interval() -> None:
    assert average_precision(np.array([2.0]), np.array([1.0, 3.0])) == (0.5, None)
