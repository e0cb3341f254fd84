"""Limit the examples of every split, to try something quickly on any source of data."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.mapped import Subset
from zoo.data.splits import SPLITS
from zoo.spec import Arrays, DataSpec, Split

MEMORY_BOUND = 2**28
"""Bytes up to which the kept examples are held in memory."""


class LimitedSplit(Subset):
    """Evenly spaced examples of a split.

    Args:
        split: The whole split.
        count: How many examples to keep; all of them if it has no more.
    """

    def __init__(self, split: Split, count: int) -> None:
        kept = min(count, len(split))
        super().__init__(split, np.arange(kept) * len(split) // max(kept, 1))
        self._from, self._count = split, count

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return the kept examples at once, or ``None`` above the memory bound."""
        return self._held

    @functools.cached_property
    def _held(self) -> tuple[Arrays, Arrays] | None:
        one = self.take(np.arange(min(1, len(self))))
        size = sum(array.nbytes for part in one for array in part.values())
        return self.take(np.arange(len(self))) if size * len(self) <= MEMORY_BOUND else None

    @property
    def encoded_by(self) -> Callable[[DataSpec], Split] | None:
        """Function that encodes the texts with other vocabularies; ``None`` without texts."""
        encode: Any = getattr(self._from, "encoded_by", None)
        return None if encode is None else lambda spec: LimitedSplit(encode(spec), self._count)


def limit_examples(dataset: Dataset, count: int) -> Dataset:
    """Return a dataset whose splits keep only some of their examples.

    The spec stays that of the whole data, with the vocabulary of the whole training split.
    """
    return Dataset(
        dataset.spec,
        lambda: {name: LimitedSplit(dataset.split(name), count) for name in SPLITS},
    )
