"""Who calibrates an interval, and who is watched while a model learns."""

from __future__ import annotations

from typing import Literal

from zoo.spec import Dataset, DataSpec, Split
from zoo.views import PartSplit


class Watched:
    """A dataset whose validation split is another.

    Args:
        dataset: Gives everything else.
        validation: What the training loop watches.
    """

    def __init__(self, dataset: Dataset, validation: Split) -> None:
        self._dataset, self._validation = dataset, validation

    @property
    def spec(self) -> DataSpec:
        """What the data is."""
        return self._dataset.spec

    @property
    def fingerprint(self) -> str:
        """That of the dataset."""
        return self._dataset.fingerprint

    def split(self, name: Literal["train", "validation", "test"]) -> Split:
        """Return one split."""
        return self._validation if name == "validation" else self._dataset.split(name)


def divide_validation(split: Split, *, decides: bool, needed: int) -> tuple[Split, Split]:
    """Return what the training loop watches, and what calibrates.

    Args:
        split: The validation split.
        decides: Whether the loop decides by what it watches. If not, both are the whole split;
            else every other example calibrates, or more of them where a half is too few.
        needed: How many the calibration takes. If there are not as many, it gets fewer.
    """
    import numpy as np

    if not decides:
        return split, split
    count = len(split)
    calibrating = min(max(count // 2, needed), count - 1)
    rows = np.arange(calibrating) * count // max(calibrating, 1)
    return PartSplit(split, np.setdiff1d(np.arange(count), rows)), PartSplit(split, rows)


__all__ = ["Watched", "divide_validation"]
