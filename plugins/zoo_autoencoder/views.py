"""Data as an autoencoder learns from it: images that are their own targets, some left out."""

from __future__ import annotations

from collections.abc import Callable

import zoo
from zoo import Arrays, DataSpec, Split
from zoo.spec import Dataset, SplitName
from zoo.views import PartSplit

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
    """Return the data without the examples of some classes, in every split."""
    return _Without(dataset, held_out) if held_out else dataset


class _Without:
    def __init__(self, dataset: Dataset, held_out: tuple[str, ...]) -> None:
        self._dataset = dataset
        self._target = next(t for t in dataset.spec.targets if t.labels is not None)
        labels = self._target.labels or ()
        self._left_out = [labels.index(name) for name in held_out]

    @property
    def spec(self) -> DataSpec:
        return self._dataset.spec

    @property
    def fingerprint(self) -> str:
        return self._dataset.fingerprint

    def split(self, name: SplitName) -> Split:
        import numpy as np

        split = self._dataset.split(name)
        arrays = split.arrays()
        if arrays is not None:
            labels = arrays[1][self._target.name]
        else:
            blocks = range(0, len(split), _BLOCK)
            parts = [np.arange(start, min(start + _BLOCK, len(split))) for start in blocks]
            labels = np.concatenate([split.take(part)[1][self._target.name] for part in parts])
        kept = np.flatnonzero(~np.isin(np.asarray(labels).reshape(-1), self._left_out))
        if not len(kept):
            raise zoo.errors.DataError(
                f"the split {name} of {self.spec.id} has only classes that are held out",
                why="nothing is left to learn from, or to choose an epoch by",
                fix="hold fewer classes out",
            )
        return PartSplit(split, kept)


__all__ = ["reflect", "without"]
