"""Data as an autoencoder learns from it: images that are their own targets, some left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import zoo
from zoo import Arrays, DataSpec, Split
from zoo.spec import Dataset, SplitName

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 1_024


def reflect(data: DataSpec) -> Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """Return the function that makes each image the target of itself.

    Raises:
        DataError: By the function, if an image holds a value that is no number.
    """

    def change(inputs: Arrays, _: Arrays) -> tuple[Arrays, Arrays]:
        import numpy as np

        image = inputs["image"]
        # Many at a time: what is made to look at them should stay small beside them.
        for start in range(0, len(image) if image.dtype.kind == "f" else 0, _BLOCK):
            fine = np.isfinite(image[start : start + _BLOCK]).all(axis=(1, 2, 3))
            if not fine.all():
                raise zoo.errors.DataError(
                    f"an image of {data.id} holds a value that is no number",
                    why=f"it is image {start + int(np.argmin(fine))} of those that are looked at "
                    "together; NaN or infinity is no intensity",
                    fix="repair the image, or leave it out",
                )
        return {"image": image}, {"image": image}

    return change


def without(dataset: Dataset, held_out: tuple[str, ...]) -> Dataset:
    """Return the data without the examples of some classes, in every split.

    Raises:
        DataError: By a split in which nothing is left.
    """
    if not held_out:
        return dataset
    target = next(t for t in dataset.spec.targets if t.labels is not None)
    left_out = [(target.labels or ()).index(name) for name in held_out]

    def view(name: SplitName, split: Split) -> Split:
        import numpy as np

        kept = np.flatnonzero(~np.isin(_classes(split, target.name), left_out))
        if not len(kept):
            raise zoo.errors.DataError(
                f"the split {name} of {dataset.spec.id} has only classes that are held out",
                why="nothing is left to learn from, or to choose an epoch by",
                fix="hold fewer classes out",
            )
        return zoo.Subset(split, kept)

    return zoo.DatasetView(dataset, view)


def _classes(split: Split, target: str) -> np.ndarray:
    """Return the class index of every example; of data on disk, without holding it."""
    import numpy as np

    arrays = split.arrays()
    if arrays is not None:
        return np.asarray(arrays[1][target]).reshape(-1)
    blocks = range(0, len(split), _BLOCK)
    parts = [np.arange(start, min(start + _BLOCK, len(split))) for start in blocks]
    return np.concatenate([split.take(part)[1][target].reshape(-1) for part in parts])


__all__ = ["reflect", "without"]
