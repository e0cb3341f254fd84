"""The adding problem: two numbers of a long sequence are marked, and their sum is asked for.

Hochreiter & Schmidhuber 1997, Long short-term memory, experiment 4, in the form that is common
since Martens & Sutskever 2011: every step has a value, uniform in 0..1, and a mark, 1 at two
places and 0 at all others; one place is drawn from the first half, one from the second. The
target is the sum of the two marked values. Saying 1 always has a mean squared error of 1/6.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.data.dataset import ArraySplit
from zoo.data.named.series import AddingOptions
from zoo.spec import Split


def load(options: AddingOptions) -> Mapping[str, Split]:
    """Draw the sequences of each split."""
    sizes = {
        "train": options.examples,
        "validation": max(1, options.examples // 10),
        "test": max(1, options.examples // 10),
    }
    splits = {}
    for number, (name, size) in enumerate(sizes.items()):
        sequence, total = adding(size, options.length, seed=options.split_seed, stream=number)
        splits[name] = ArraySplit({"sequence": sequence}, {"sum": total})
    return splits


def adding(
    count: int, length: int, *, seed: int = 0, stream: int = 0
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], ...]:
    """Return sequences `[count, length, 2]` and their sums `[count]`.

    Args:
        count: How many.
        length: Steps of each, at least 2.
        seed: Decides them.
        stream: Different streams of one seed share nothing.
    """
    source = np.random.PCG64(np.random.SeedSequence([seed, stream, length]))
    raw = source.random_raw(count * (length + 2)).reshape(count, length + 2)
    drawn = (raw >> np.uint64(11)) * 2.0**-53
    half = length // 2
    rows = np.arange(count)
    first = (drawn[:, 0] * half).astype(np.int64)
    second = half + (drawn[:, 1] * (length - half)).astype(np.int64)
    values = drawn[:, 2:].astype(np.float32)
    marks = np.zeros((count, length), np.float32)
    marks[rows, first] = marks[rows, second] = 1.0
    return np.stack([values, marks], axis=-1), values[rows, first] + values[rows, second]


__all__ = ["adding", "load"]
