"""A dataset seen through a function: the same examples, in the form that a model learns from.

An autoencoder learns a picture from itself, a translator the next word from those before: what is
input and what is target is a matter of the model, and the data stays as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo.spec import Arrays, Dataset, DataSpec, Split, SplitName

if TYPE_CHECKING:
    import numpy as np

Change = Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]
"""From named inputs and targets to other ones, example by example."""


class MappedSplit:
    """Some examples, changed when they are asked for.

    Args:
        split: The examples.
        change: What is done to them; it must treat each example by itself.
    """

    def __init__(self, split: Split, change: Change) -> None:
        self._split, self._change = split, change

    def __len__(self) -> int:
        return len(self._split)

    def take(self, indices: np.ndarray) -> tuple[Arrays, Arrays]:
        """Return the changed inputs and targets at these positions."""
        return self._change(*self._split.take(indices))

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` if the split is not held in memory."""
        return self._whole

    @functools.cached_property
    def _whole(self) -> tuple[Arrays, Arrays] | None:
        arrays = self._split.arrays()
        return None if arrays is None else self._change(*arrays)


class PartSplit:
    """Some examples of a split.

    Args:
        split: The whole.
        positions: Which of its examples, in their new order.
    """

    def __init__(self, split: Split, positions: np.ndarray) -> None:
        self._split, self._positions = split, positions

    def __len__(self) -> int:
        return len(self._positions)

    def take(self, indices: np.ndarray) -> tuple[Arrays, Arrays]:
        """Return the inputs and the targets at these positions of the part."""
        return self._split.take(self._positions[indices])

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` if the whole is not held in memory."""
        return None if self._split.arrays() is None else self._split.take(self._positions)


class DatasetView:
    """A dataset whose every split is seen through one function.

    Args:
        dataset: What is seen.
        view: From the name of a split, and the split, to what is seen of it.
        spec: What that is; the dataset's own description by default.
    """

    def __init__(
        self,
        dataset: Dataset,
        view: Callable[[SplitName, Split], Split],
        spec: DataSpec | None = None,
    ) -> None:
        self._dataset, self._view, self._spec = dataset, view, spec

    @property
    def spec(self) -> DataSpec:
        """What is seen."""
        return self._dataset.spec if self._spec is None else self._spec

    @property
    def fingerprint(self) -> str:
        """The fingerprint of what is looked at: the view is code, and code has versions."""
        return self._dataset.fingerprint

    def split(self, name: SplitName) -> Split:
        """Return one split, as it is seen."""
        return self._view(name, self._dataset.split(name))


class MappedDataset(DatasetView):
    """A dataset whose every example is changed.

    Args:
        dataset: What is changed.
        change: From named inputs and targets to other ones.
        spec: What the changed data is; that of the dataset by default.

    Example:
        >>> view = zoo.MappedDataset(digits, lambda inputs, targets: (inputs, dict(inputs)))
    """

    def __init__(self, dataset: Dataset, change: Change, spec: DataSpec | None = None) -> None:
        super().__init__(dataset, lambda _, split: MappedSplit(split, change), spec)


__all__ = ["Change", "DatasetView", "MappedDataset", "MappedSplit", "PartSplit"]
