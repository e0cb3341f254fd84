"""Training data of autoencoders: images as their own targets, without held-out classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import zoo
from zoo import Arrays, DataSpec, Split
from zoo.spec import Dataset, SplitName

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 1_024


def inputs_as_targets(data: DataSpec) -> Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """Return a function that makes each image its own target.

    Raises:
        DataError: By the function, if an image has a value that is not finite.
    """

    def change(inputs: Arrays, _: Arrays) -> tuple[Arrays, Arrays]:
        import numpy as np

        image = inputs["image"]
        # In blocks, so that the temporary arrays stay small.
        for start in range(0, len(image) if image.dtype.kind == "f" else 0, _BLOCK):
            finite = np.isfinite(image[start : start + _BLOCK]).all(axis=(1, 2, 3))
            if not finite.all():
                raise zoo.errors.DataError(
                    f"an image of {data.id} has a value that is not finite",
                    why=f"image {start + int(np.argmin(finite))} of its batch has NaN or infinity",
                    fix="repair the image, or leave it out",
                )
        return {"image": image}, {"image": image}

    return change


def exclude_classes(dataset: Dataset, held_out: tuple[str, ...]) -> Dataset:
    """Return the data without the examples of some classes, in every split.

    Raises:
        DataError: If a split has no examples left.
    """
    if not held_out:
        return dataset
    target = next(t for t in dataset.spec.targets if t.labels is not None)
    excluded = [(target.labels or ()).index(name) for name in held_out]

    def view(name: SplitName, split: Split) -> Split:
        import numpy as np

        kept = np.flatnonzero(~np.isin(_classes(split, target.name), excluded))
        if not len(kept):
            raise zoo.errors.DataError(
                f"the split {name} of {dataset.spec.id} has only held-out classes",
                why="no examples are left for training or validation",
                fix="hold out fewer classes",
            )
        return zoo.Subset(split, kept)

    return zoo.DatasetView(dataset, view)


def _classes(split: Split, target: str) -> np.ndarray:
    """Return the class index of every example, in blocks if the data is not in memory."""
    import numpy as np

    arrays = split.arrays()
    if arrays is not None:
        return np.asarray(arrays[1][target]).reshape(-1)
    blocks = range(0, len(split), _BLOCK)
    parts = [np.arange(start, min(start + _BLOCK, len(split))) for start in blocks]
    return np.concatenate([split.take(part)[1][target].reshape(-1) for part in parts])
