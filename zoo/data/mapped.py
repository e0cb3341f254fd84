"""Datasets derived from others without a copy: mapped examples, subsets, limited splits.

An autoencoder learns an image from itself, a decoder the next token from those before: what is
input and what is target depends on the model, and the data stays as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zoo.data.dataset import ArraySplit, Dataset as OpenDataset
from zoo.data.splits import SPLITS
from zoo.spec import Arrays, Dataset, DataSpec, Split, SplitName

MapFn = Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]
"""From named inputs and targets to other ones, example by example."""

MEMORY_BOUND = 2**28
"""The most bytes of the examples of a limited split that are held in memory."""


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

    Example:
        >>> split = zoo.dataset("digits").split("train")
        >>> len(zoo.Subset(split, np.arange(100)))
        100
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

    @property
    def series(self) -> np.ndarray | None:
        """Name of the series of each window; ``None`` if there are not several."""
        whole = getattr(self._split, "series", None)
        return None if whole is None else whole[self._positions]

    def targets(self) -> Arrays:
        """Return the targets; nothing where the inputs would have to be read for them."""
        whole: Any = getattr(self._split, "targets", dict)
        return {name: array[self._positions] for name, array in whole().items()}


class DiskSplit(Subset):
    """Some examples of arrays on disk, of which only those that are asked for are in memory.

    Args:
        inputs: Named memory-mapped arrays that share their first axis.
        targets: Named arrays with the same first axis.
        positions: Positions of the examples.
    """

    def __init__(self, inputs: Arrays, targets: Arrays, positions: np.ndarray) -> None:
        super().__init__(ArraySplit(inputs, targets), positions)
        count = next(iter(map(len, targets.values())), 0)
        size = sum(array.nbytes for array in inputs.values()) / max(count, 1) * len(positions)
        self._fits = size <= MEMORY_BOUND

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` above the memory bound."""
        return super().arrays() if self._fits else None


class Concatenation:
    """The examples of several splits, one after the other.

    Args:
        splits: The splits.
    """

    def __init__(self, splits: Sequence[Split]) -> None:
        self._splits = splits
        self._starts = np.cumsum([0, *map(len, splits)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, indices: np.ndarray) -> tuple[Arrays, Arrays]:
        """Return the inputs and the targets at these positions."""
        chosen = np.asarray(indices)
        which = np.searchsorted(self._starts, chosen, side="right") - 1
        found: tuple[dict[str, np.ndarray], dict[str, np.ndarray]] = ({}, {})
        for number, split in enumerate(self._splits):
            rows = np.flatnonzero(which == number)
            if not len(rows):
                continue
            for part, values in zip(
                found, split.take(chosen[rows] - self._starts[number]), strict=True
            ):
                for name, array in values.items():
                    if name not in part:
                        part[name] = np.empty((len(chosen), *array.shape[1:]), array.dtype)
                    part[name][rows] = array
        return found

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` if a split is not held in memory."""
        if any(split.arrays() is None for split in self._splits):
            return None
        return self.take(np.arange(len(self)))


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


class DatasetView:
    """A dataset whose splits are replaced by a function of them.

    Its fingerprint is that of the dataset: the function is code, and code has versions.

    Args:
        dataset: The dataset.
        function: From the name of a split and the split to the one that replaces it.
        spec: Description of the result; that of the dataset by default.

    Example:
        >>> few = zoo.DatasetView(
        ...     zoo.dataset("digits"), lambda name, split: zoo.Subset(split, np.arange(50))
        ... )
        >>> len(few.split("train"))
        50
    """

    def __init__(
        self,
        dataset: Dataset,
        function: Callable[[SplitName, Split], Split],
        spec: DataSpec | None = None,
    ) -> None:
        self._dataset, self._function, self._spec = dataset, function, spec

    def _repr_html_(self) -> str:
        from zoo.data.html_view import dataset_html

        return dataset_html(self)

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
        >>> pairs = zoo.MappedDataset(
        ...     zoo.dataset("digits"), lambda inputs, targets: (inputs, dict(inputs))
        ... )
        >>> [*pairs.split("test").take(np.arange(2))[1]]
        ['image']
    """

    def __init__(self, dataset: Dataset, function: MapFn, spec: DataSpec | None = None) -> None:
        super().__init__(dataset, lambda _, split: MappedSplit(split, function), spec)


def limit_examples(dataset: OpenDataset, count: int) -> OpenDataset:
    """Return a dataset whose splits keep only some of their examples.

    The spec stays that of the whole data, with the vocabulary of the whole training split.
    """
    return dataset.derived(
        dataset.spec,
        lambda: {name: LimitedSplit(dataset.split(name), count) for name in SPLITS},
    )
