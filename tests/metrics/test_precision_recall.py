"""Precision and recall over all thresholds, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.metrics import average_precision_score

from zoo.metrics.roc import average_precision, precision_recall

few = st.lists(st.integers(0, 6), min_size=1, max_size=30)


@given(positives=few, negatives=few)
def test_the_area_is_that_of_scikit_learn_ties_included(
    positives: list[int], negatives: list[int]
) -> None:
    area, _ = average_precision(np.array(positives, float), np.array(negatives, float))
    truth = [1] * len(positives) + [0] * len(negatives)

    assert area == pytest.approx(average_precision_score(truth, [*positives, *negatives]))


def test_recall_rises_to_one_and_the_last_precision_is_the_share_of_positives() -> None:
    random = np.random.default_rng(3)
    recall, precision = precision_recall(random.normal(1, 1, 40), random.normal(0, 1, 60))

    assert (np.diff(recall) >= 0).all()
    assert recall[-1] == 1
    assert precision[-1] == pytest.approx(0.4)


def test_the_interval_surrounds_the_area_and_is_the_same_every_time() -> None:
    random = np.random.default_rng(4)
    positives, negatives = random.normal(1, 1, 50), random.normal(0, 1, 70)
    area, ends = average_precision(positives, negatives)

    assert ends is not None
    assert ends[0] < area < ends[1]
    assert average_precision(positives, negatives) == (area, ends)


def test_one_example_of_a_kind_has_no_interval() -> None:
    assert average_precision(np.array([2.0]), np.array([1.0, 3.0])) == (0.5, None)
