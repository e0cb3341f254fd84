"""Sequences of vectors in an array `[examples, time, features]`; NaN behind the end of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import BadRecord
from zoo.spec import TensorSpec

MAX_TIME = 20_000
"""The most steps of a sequence; a recurrent network takes them one by one."""


def read_sequences(array: npt.NDArray[Any], key: str, path: Path) -> npt.NDArray[np.float32]:
    """Check sequences and return them in float32, NaN still behind their ends.

    Raises:
        BadRecord: If one is empty, too long, has a hole or an infinity.
    """
    examples, time, features = array.shape
    if not time or not features or time > MAX_TIME:
        raise BadRecord(
            f"{key} holds sequences of {time:,} steps with {features} features",
            file=str(path),
            why=f"there are 1 to {MAX_TIME:,} steps, and at least one feature",
            fix="cut longer sequences into parts, or take every other step",
        )
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    if len(wrong := np.argwhere(np.isinf(values))):
        raise BadRecord(
            f"{key}{wrong[0].tolist()} is not a finite number in float32",
            file=str(path),
            why="NaN stands behind the end of a sequence; an infinity stands for nothing",
        )
    real = ~np.isnan(values).any(axis=-1)
    length = real.sum(axis=1)
    ends = np.arange(time) < length[:, None]
    partly = real != ~np.isnan(values).all(axis=-1)
    odd = np.flatnonzero((real != ends).any(axis=1) | partly.any(axis=1) | (length == 0))
    if examples and len(odd):
        row = int(odd[0])
        raise BadRecord(
            f"{key}[{row}] " + ("is empty" if not length[row] else "has NaN before its end"),
            file=str(path),
            why="a sequence is real steps from the left, then steps that are NaN in every feature",
            fix="fill in what is missing, or leave the example out",
        )
    return values


def sequence_arrays(values: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[Any]]:
    """Return the inputs of checked sequences: zero where they have ended, and their lengths."""
    real = ~np.isnan(values[..., 0])
    return {
        "sequence": np.nan_to_num(values, nan=0.0),
        "length": real.sum(axis=1).astype(np.int32),
    }


def sequence_specs(values: npt.NDArray[np.float32]) -> tuple[TensorSpec, TensorSpec]:
    """Return what those inputs are. Other sequences may be longer or shorter."""
    time, features = values.shape[1:]
    words = "what stands behind the length counts for nothing"
    return (
        TensorSpec(name="sequence", shape=("time", features), outside=words),
        TensorSpec(name="length", dtype="int32", range=(1, time)),
    )


__all__ = ["MAX_TIME", "read_sequences", "sequence_arrays", "sequence_specs"]
