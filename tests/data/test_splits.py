"""Splits: every example once, every class everywhere, the same on every machine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from zoo.data import stratified_sample, stratified_split
from zoo.data.options import GroupOptions
from zoo.data.splits import assign_folds, group_codes, grouped_split, split_rows
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


GROUPS = st.lists(st.integers(1, 12), min_size=3, max_size=30).flatmap(
    lambda sizes: st.permutations([g for g, size in enumerate(sizes) for _ in range(size)])
)
SEEDS = st.integers(0, 2**31 - 1)


@given(groups=GROUPS, validation=st.floats(0.01, 0.45), test=st.floats(0.01, 0.45), seed=SEEDS)
def test_no_group_is_on_two_sides_and_no_side_is_empty(
    groups: list[int], validation: float, test: float, seed: int
) -> None:
    codes = np.array(groups)
    parts = grouped_split(codes, validation=validation, test=test, seed=seed)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(codes)))
    sides = [set(codes[part]) for part in parts.values()]
    assert all(sides) and sum(map(len, sides)) == len(set(groups))
    again = grouped_split(codes, validation=validation, test=test, seed=seed)
    assert all((again[name] == part).all() for name, part in parts.items())


@given(groups=GROUPS, folds=st.integers(2, 6), fold=st.integers(0, 5), seed=SEEDS)
def test_no_group_is_on_two_sides_of_a_fold(
    groups: list[int], folds: int, fold: int, seed: int
) -> None:
    options = GroupOptions(folds=folds, fold=fold % folds, split_seed=seed)
    codes = np.array(groups)
    strata = np.zeros(len(codes), int)
    if len(set(groups)) < folds:
        with pytest.raises(DataError, match="groups"):
            split_rows(strata, options, groups=codes)
        return
    owner = assign_folds(strata, folds, seed=seed, groups=codes)
    if len(set(codes[owner != options.fold])) < 2:
        with pytest.raises(DataError, match="1 group"):
            split_rows(strata, options, groups=codes)
        return
    parts = split_rows(strata, options, groups=codes)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(codes)))
    sides = [set(codes[part]) for part in parts.values()]
    assert all(sides) and sum(map(len, sides)) == len(set(groups))


@given(
    strata=st.lists(st.integers(0, 2), max_size=60).map(lambda free: free + [0, 1, 2] * 6),
    folds=st.integers(2, 6),
    seed=SEEDS,
)
def test_every_row_is_tested_once_and_every_class_in_every_fold(
    strata: list[int], folds: int, seed: int
) -> None:
    array = np.array(strata)
    owner = assign_folds(array, folds, seed=seed)
    sizes = np.bincount(owner, minlength=folds)
    assert sizes.sum() == len(array) and np.ptp(sizes) <= 1
    for index in range(3):
        assert np.ptp(np.bincount(owner[array == index], minlength=folds)) <= 1
    tested = [
        split_rows(array, GroupOptions(folds=folds, fold=fold, split_seed=seed))["test"]
        for fold in range(folds)
    ]
    assert sorted(np.concatenate(tested).tolist()) == list(range(len(array)))


def test_validation_is_drawn_from_the_other_folds_in_its_share() -> None:
    parts = split_rows(np.zeros(1000, int), GroupOptions(folds=10, fold=4, validation_split=0.15))
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 750,
        "validation": 150,
        "test": 100,
    }


def test_each_fold_draws_its_validation_rows_anew() -> None:
    drawn = [
        split_rows(np.zeros(2_000, int), GroupOptions(folds=10, fold=fold, validation_split=0.1))
        for fold in range(10)
    ]
    near = [np.concatenate([v - 1, v, v + 1]) for v in (d["validation"] for d in drawn)]
    shared = [np.isin(drawn[i]["validation"], near[j]).mean() for i in range(10) for j in range(i)]
    # By chance three neighbors of a tenth of the rows, less those that are tested.
    assert 0.2 < np.mean(shared) < 0.35


def test_grouped_shares_are_near_what_was_asked() -> None:
    codes = np.repeat(np.arange(100), 7)
    parts = grouped_split(codes, validation=0.2, test=0.1, seed=5)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 490,
        "validation": 140,
        "test": 70,
    }


def test_a_giant_group_is_not_held_out_where_others_can_be() -> None:
    codes = np.concatenate([np.zeros(80, int), np.arange(1, 21)])
    for seed in range(20):
        parts = grouped_split(codes, validation=0.1, test=0.1, seed=seed)
        assert 0 in codes[parts["train"]]
        assert len(parts["test"]) == len(parts["validation"]) == 10


def test_grouped_draws_are_the_same_on_every_machine() -> None:
    codes = np.arange(12) // 2
    parts = grouped_split(codes, validation=0.2, test=0.2, seed=0)
    assert parts["validation"].tolist() == [8, 9]
    assert parts["test"].tolist() == [10, 11]
    assert assign_folds(np.zeros(12), 3, seed=0).tolist() == [0, 0, 2, 1, 2, 1, 2, 1, 1, 2, 0, 0]
    grouped = assign_folds(np.zeros(12), 3, seed=0, groups=codes)
    assert grouped.tolist() == [0, 0, 2, 2, 1, 1, 0, 0, 1, 1, 2, 2]


def test_groups_are_rows_that_agree_in_all_columns() -> None:
    codes = group_codes([["1", "1.0", "1", "a"], ["x", "x", "y", "x"]])
    assert codes.tolist() == [0, 0, 1, 2]


def test_too_few_of_a_class_are_named() -> None:
    with pytest.raises(DataError, match="the class 'owl' has 3 examples") as caught:
        assign_folds([0] * 20 + [1] * 3, 5, seed=0, names=["cat", "owl"])
    assert "fewer folds" in caught.value.fix
