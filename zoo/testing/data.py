"""Small data for the checks: an excerpt, one batch for everything, answers that mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import zoo
from zoo.spec import Arrays, Dataset, Split, SplitName

if TYPE_CHECKING:
    import numpy.typing as npt

EXCERPT = 96
"""Examples of each split that the checks learn from and measure on."""

BATCH = 16
"""Examples of the one batch that is to be learned by heart."""


class PermutedSplit:
    """The inputs of a split with the targets of others of its examples.

    Args:
        split: The examples.
        seed: Decides whose targets each gets.
    """

    def __init__(self, split: Split, seed: int) -> None:
        self._split = split
        self._from = np.random.default_rng(seed).permutation(len(split))

    def __len__(self) -> int:
        return len(self._split)

    def take(self, indices: npt.NDArray[np.int64]) -> tuple[Arrays, Arrays]:
        """Return inputs, and the targets of other examples."""
        chosen = np.asarray(indices)
        return self._split.take(chosen)[0], self._split.take(self._from[chosen])[1]

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once: an excerpt is held in memory."""
        return self.take(np.arange(len(self)))


def one_batch(dataset: Dataset) -> Dataset:
    """Return a dataset whose every split is the same few training examples."""
    train = dataset.split("train")
    batch = zoo.Subset(train, np.arange(min(BATCH, len(train))))

    return zoo.DatasetView(dataset, lambda *_: batch)


def permuted(dataset: Dataset) -> Dataset:
    """Return a dataset of which what is learned from has the targets of other examples."""

    def view(name: SplitName, split: Split) -> Split:
        return split if name == "test" else PermutedSplit(split, seed=len(name))

    return zoo.DatasetView(dataset, view)


__all__ = ["BATCH", "EXCERPT", "PermutedSplit", "one_batch", "permuted"]
