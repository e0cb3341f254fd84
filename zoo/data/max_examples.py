"""Some examples of a dataset, evenly chosen: to try something quickly, on any source of data."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import Field

from zoo.config import Frozen
from zoo.data.dataset import Dataset
from zoo.data.splits import SPLITS
from zoo.spec import Arrays, DataSpec, Split
from zoo.views import PartSplit

MEMORY_BOUND = 2**28
"""Bytes up to which the examples that are kept are held in memory."""


class ExcerptOptions(Frozen):
    """An option that every source of data has."""

    excerpt: int = Field(
        ge=1,
        le=2**31,
        description="Most examples that a split keeps, evenly spaced over it.",
    )


class ExcerptSplit(PartSplit):
    """Evenly spaced examples of a split.

    Args:
        split: The whole.
        count: How many of its examples; all of them if it has no more.
    """

    def __init__(self, split: Split, count: int) -> None:
        kept = min(count, len(split))
        super().__init__(split, np.arange(kept) * len(split) // max(kept, 1))
        self._from, self._count = split, count

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` if that is much. The rest is not loaded for it."""
        return self._held

    @functools.cached_property
    def _held(self) -> tuple[Arrays, Arrays] | None:
        one = self.take(np.arange(min(1, len(self))))
        size = sum(array.nbytes for part in one for array in part.values())
        return self.take(np.arange(len(self))) if size * len(self) <= MEMORY_BOUND else None

    @property
    def encoded_by(self) -> Callable[[DataSpec], Split] | None:
        """How the same texts become ids of other vocabularies; ``None`` of what keeps no texts."""
        again: Any = getattr(self._from, "encoded_by", None)
        return None if again is None else lambda spec: ExcerptSplit(again(spec), self._count)


def excerpt_of(dataset: Dataset, options: ExcerptOptions) -> Dataset:
    """Return a dataset whose every split keeps some of its examples.

    What was learned from the training split when the data was opened, a vocabulary, stays: the
    description is that of the whole.
    """
    return Dataset(
        dataset.spec,
        lambda: {name: ExcerptSplit(dataset.split(name), options.excerpt) for name in SPLITS},
    )


__all__ = ["ExcerptOptions", "ExcerptSplit", "excerpt_of"]
