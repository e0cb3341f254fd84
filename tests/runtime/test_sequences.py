"""Sequences in array files: a training file can be predicted from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.runtime.inputs import encode
from zoo.spec import TensorSpec

SPECS = (
    TensorSpec(name="sequence", shape=("time", 2), rows="length"),
    TensorSpec(name="length", dtype="int32", range=(1, 4)),
)


def sequences() -> np.ndarray:
    values = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    values[0, 2:] = np.nan
    values[2, 1:] = np.nan
    return values


def test_a_training_file_can_be_predicted_from(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", x=sequences(), y=np.zeros(3, int))

    given = encode(tmp_path / "s.npz", SPECS)

    assert given["length"].tolist() == [2, 4, 1]
    assert given["sequence"][0].tolist() == [[0, 1], [2, 3], [0, 0], [0, 0]]


def test_a_gap_in_a_sequence_is_refused(tmp_path: Path) -> None:
    values = sequences()
    values[1, 1] = np.nan
    np.savez(tmp_path / "s.npz", x=values)

    with pytest.raises(ZooError, match="sequence"):
        encode(tmp_path / "s.npz", SPECS)


def test_a_file_without_the_inputs_gets_their_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", seq=sequences())

    with pytest.raises(ZooError, match="by its name: sequence, length"):
        encode(tmp_path / "s.npz", SPECS)


def test_a_folder_is_not_reported_as_missing(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="it is a folder"):
        encode(tmp_path, SPECS)
