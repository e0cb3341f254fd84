"""Splits: every example once, every class everywhere, the same on every machine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from zoo.data import stratified_sample, stratified_split
from zoo.errors import DataError

LABELS = st.lists(st.integers(0, 4), max_size=120).map(lambda free: free + [0, 1, 2, 3, 4] * 3)


@given(
    labels=LABELS,
    validation=st.floats(0.01, 0.45),
    test=st.floats(0.01, 0.45),
    seed=st.integers(0, 2**31 - 1),
)
def test_every_example_is_in_one_split_and_every_class_in_all(
    labels: list[int], validation: float, test: float, seed: int
) -> None:
    parts = stratified_split(labels, validation=validation, test=test, seed=seed)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(labels)))
    for part in parts.values():
        assert set(np.asarray(labels)[part]) == set(labels)
        assert part.tolist() == sorted(part.tolist())
    again = stratified_split(labels, validation=validation, test=test, seed=seed)
    assert all((again[name] == part).all() for name, part in parts.items())


def test_a_class_is_held_out_in_its_share() -> None:
    labels = np.repeat([0, 1], [1000, 20])
    parts = stratified_split(labels, validation=0.15, test=0.2, seed=3)
    assert np.bincount(labels[parts["validation"]]).tolist() == [150, 3]
    assert np.bincount(labels[parts["test"]]).tolist() == [200, 4]


def test_one_class_does_not_move_the_others() -> None:
    few = stratified_split([0] * 20 + [1] * 10, validation=0.2, test=0.2, seed=0)
    many = stratified_split([0] * 20 + [1] * 90, validation=0.2, test=0.2, seed=0)
    assert few["test"][few["test"] < 20].tolist() == many["test"][many["test"] < 20].tolist()


def test_the_draw_is_the_same_on_every_machine() -> None:
    parts = stratified_split([0, 1] * 10, validation=0.2, test=0.2, seed=0)
    assert parts["validation"].tolist() == [4, 6, 9, 15]
    assert parts["test"].tolist() == [2, 3, 11, 16]
    assert stratified_sample([0, 1, 1] * 5, 4, seed=7).tolist() == [2, 4, 5, 9]


def test_another_seed_draws_others() -> None:
    draws = {
        tuple(stratified_split([0, 1] * 50, validation=0.2, test=0.2, seed=seed)["test"])
        for seed in range(10)
    }
    assert len(draws) == 10


def test_a_share_of_nothing_makes_no_split() -> None:
    parts = stratified_split([0, 0, 1, 1], validation=0, test=0.5, seed=0)
    assert set(parts) == {"train", "test"}


def test_a_class_with_too_few_examples_is_named() -> None:
    with pytest.raises(DataError, match="the class 'owl' has 2 examples") as caught:
        stratified_split([0] * 9 + [1] * 2, validation=0.1, test=0.1, seed=0, names=["cat", "owl"])
    assert "at least 3" in caught.value.why


@given(labels=LABELS, share=st.floats(0, 1), seed=st.integers(0, 100))
def test_a_sample_has_exactly_its_size_and_its_proportions(
    labels: list[int], share: float, seed: int
) -> None:
    count = int(share * len(labels))
    chosen = stratified_sample(labels, count, seed=seed)
    assert len(set(chosen.tolist())) == count
    due = np.bincount(labels) * count / len(labels)
    assert (np.abs(np.bincount(np.asarray(labels)[chosen], minlength=5) - due) < 1).all()
