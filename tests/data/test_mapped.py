"""A dataset seen through a function: the same examples in another form."""

from __future__ import annotations

import numpy as np
import pytest

import zoo

pytestmark = pytest.mark.portable


@pytest.fixture(scope="module")
def digits():
    return zoo.dataset("digits")


def copied(inputs, targets):
    return inputs, {"copy": inputs["image"] / 255}


def test_a_view_changes_every_split_and_keeps_who_is_in_it(digits):
    view = zoo.MappedDataset(digits, copied)
    for name in ("train", "validation", "test"):
        inputs, targets = view.split(name).take(np.arange(5))
        original, _ = digits.split(name).take(np.arange(5))
        assert len(view.split(name)) == len(digits.split(name))
        np.testing.assert_array_equal(inputs["image"], original["image"])
        np.testing.assert_array_equal(targets["copy"], original["image"] / 255)


def test_a_view_in_memory_gives_the_same_rows_whole_and_in_part(digits):
    split = zoo.MappedDataset(digits, copied).split("validation")
    _, whole = split.arrays()
    _, part = split.take(np.array([3, 1]))
    np.testing.assert_array_equal(whole["copy"][[3, 1]], part["copy"])


def test_a_view_says_what_it_was_told_and_else_what_its_data_says(digits):
    spec = digits.spec.model_copy(update={"task": zoo.Task.RECONSTRUCTION})
    assert zoo.MappedDataset(digits, copied).spec == digits.spec
    assert zoo.MappedDataset(digits, copied, spec).spec.task == zoo.Task.RECONSTRUCTION
    assert zoo.MappedDataset(digits, copied).fingerprint == digits.fingerprint


def test_a_view_of_data_on_disk_stays_on_disk(digits):
    class OnDisk:
        def __len__(self):
            return 3

        def take(self, indices):
            return digits.split("train").take(indices)

        def arrays(self):
            return None

    class Source:
        spec, fingerprint = digits.spec, "f"

        def split(self, name):
            return OnDisk()

    split = zoo.MappedDataset(Source(), copied).split("train")
    assert split.arrays() is None
    assert len(split) == 3
    assert set(split.take(np.array([0]))[1]) == {"copy"}
