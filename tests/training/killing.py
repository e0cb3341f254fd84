"""Kill a training for good, as a power cut does, once it has something to lose."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

PATIENCE = 240
"""Seconds until a training must have written what it is waited for."""


def kill_after(command: Sequence[Any], checkpoints: Path, count: int = 2) -> None:
    """Start a training in a process of its own, and kill it when so many checkpoints stand.

    Args:
        command: What starts it.
        checkpoints: The folder in which they appear.
        count: How many.
    """
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + PATIENCE
    while len(list(checkpoints.glob("epoch-*.sha256"))) < count:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, f"no checkpoint number {count} in {PATIENCE} seconds"
        time.sleep(0.005)
    process.kill()
    process.wait()


def state_of(checkpoint: Path) -> dict[str, np.ndarray]:
    """Return every array of a checkpoint: weights, optimizer slots, generators, chains.

    The generators of the process (``g_``) are left out: work before the epochs that finds its
    result on the disk, as features do, draws less from them than work that is done anew.
    """
    with np.load(checkpoint) as archive:
        return {
            name: archive[name]
            for name in archive.files
            if name != "meta" and not name.startswith("g_")
        }


def assert_same_bits(one: Path, two: Path) -> None:
    """Compare two checkpoints, array by array."""
    expected, found = state_of(one), state_of(two)
    assert expected.keys() == found.keys()
    for name in expected:
        np.testing.assert_array_equal(expected[name], found[name], err_msg=name)
