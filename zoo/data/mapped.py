"""Datasets derived from others without a copy: mapped examples, subsets, other splits.

An autoencoder learns an image from itself, a decoder the next token from those before: what is
input and what is target depends on the model, and the data stays as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo.spec import Arrays, Dataset, DataSpec, Split, SplitName

if TYPE_CHECKING:
    import numpy as np

MapFn = Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]
"""From named inputs and targets to other ones, example by example."""


class MappedSplit:
    """A split whose examples are mapped when they are read.

    Args:
        split: The examples.
        function: Maps named inputs and targets; it must treat every example alone.
    """

    def __init__(self, split: Split, function: MapFn) -> None:
        self._split, self._function = split, function

    def __len__(self) -> int:
        return len(self._split)

    def take(self, indices: np.ndarray) -> tuple[Arrays, Arrays]:
        """Return the mapped inputs and targets at these positions."""
        return self._function(*self._split.take(indices))

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` if the split is not held in memory."""
        return self._all

    @functools.cached_property
    def _all(self) -> tuple[Arrays, Arrays] | None:
        arrays = self._split.arrays()
        return None if arrays is None else self._function(*arrays)


class Subset:
    """Some examples of a split, in a new order.

    Args:
        split: The whole.
        positions: Positions of the examples in it.
    """

    def __init__(self, split: Split, positions: np.ndarray) -> None:
        self._split, self._positions = split, positions

    def __len__(self) -> int:
        return len(self._positions)

    def take(self, indices: np.ndarray) -> tuple[Arrays, Arrays]:
        """Return the inputs and the targets at these positions of the subset."""
        return self._split.take(self._positions[indices])

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` if the whole is not held in memory."""
        return None if self._split.arrays() is None else self._split.take(self._positions)


class DatasetView:
    """A dataset whose splits are replaced by a function of them.

    Its fingerprint is that of the dataset: the function is code, and code has versions.

    Args:
        dataset: The dataset.
        function: From the name of a split and the split to the one that replaces it.
        spec: Description of the result; that of the dataset by default.
    """

    def __init__(
        self,
        dataset: Dataset,
        function: Callable[[SplitName, Split], Split],
        spec: DataSpec | None = None,
    ) -> None:
        self._dataset, self._function, self._spec = dataset, function, spec

    @property
    def spec(self) -> DataSpec:
        """Description of the result."""
        return self._dataset.spec if self._spec is None else self._spec

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the underlying dataset."""
        return self._dataset.fingerprint

    def split(self, name: SplitName) -> Split:
        """Return one split of the view."""
        return self._function(name, self._dataset.split(name))


class MappedDataset(DatasetView):
    """A dataset whose every example is mapped.

    Args:
        dataset: The dataset.
        function: From named inputs and targets to other ones.
        spec: Description of the result; that of the dataset by default.

    Example:
        >>> pairs = zoo.MappedDataset(digits, lambda inputs, targets: (inputs, dict(inputs)))
    """

    def __init__(self, dataset: Dataset, function: MapFn, spec: DataSpec | None = None) -> None:
        super().__init__(dataset, lambda _, split: MappedSplit(split, function), spec)
