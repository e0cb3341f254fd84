"""Sequences of vectors: real steps from the left, NaN behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.errors import BadRecord


def ragged(path: Path, **change: object) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 6, 2))
    x[np.arange(6) >= (np.arange(40) % 6 + 1)[:, None]] = np.nan
    for place, value in change.items():
        x[tuple(map(int, place.strip("_").split("_")))] = value
    np.savez(path, x=x, y=np.arange(40) % 2)
    return path


def test_lengths_are_told_from_what_is_behind_them(tmp_path: Path) -> None:
    data = zoo.dataset(ragged(tmp_path / "s.npz"))
    inputs, _ = data.split("train").arrays()
    sequence, length = inputs["sequence"], inputs["length"]

    assert [spec.name for spec in data.spec.inputs] == ["sequence", "length"]
    assert data.spec.inputs[0].shape == ("time", 2)
    assert np.isfinite(sequence).all()
    assert (sequence[np.arange(6) >= length[:, None]] == 0).all()
    assert (sequence[np.arange(6) < length[:, None]] != 0).all()
    assert set(length.tolist()) == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"_5_2": np.nan}, "NaN before its end"),
        ({"_5_2_1": np.nan}, "NaN before its end"),
        ({"_0_0": np.nan}, "is empty"),
        ({"_5_2_1": np.inf}, "not a finite number"),
    ],
)
def test_a_sequence_with_a_hole_is_refused(tmp_path: Path, change, says: str) -> None:
    with pytest.raises(BadRecord, match=says):
        zoo.dataset(ragged(tmp_path / "s.npz", **change))


def test_a_sequence_longer_than_the_limit_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", x=-np.ones((4, 20_001, 1)), y=np.arange(4) % 2)
    with pytest.raises(BadRecord, match="20,001 steps"):
        zoo.dataset(tmp_path / "s.npz")
