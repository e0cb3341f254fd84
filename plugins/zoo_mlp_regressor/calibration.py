"""Who calibrates an interval, and who is watched while a model learns."""

from __future__ import annotations

import zoo
from zoo.spec import Dataset, Split


def watching(dataset: Dataset, validation: Split) -> Dataset:
    """Return the dataset with another validation split: what the training loop watches."""
    return zoo.DatasetView(
        dataset, lambda name, split: validation if name == "validation" else split
    )


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
    return zoo.Subset(split, np.setdiff1d(np.arange(count), rows)), zoo.Subset(split, rows)


__all__ = ["divide_validation", "watching"]
