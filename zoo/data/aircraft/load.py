"""The splits of drawn aircraft damage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.aircraft.compose import make_scene
from zoo.data.aircraft.drawing import draw
from zoo.data.aircraft.scene import KINDS, HoldOut, Scene
from zoo.data.aircraft.words import Truth, truth_of
from zoo.data.images.files import MEMORY_BOUND
from zoo.data.named.aircraft import SyntheticOptions, synthetic_spec
from zoo.runtime.images import Image
from zoo.spec import Arrays, DataSpec, Split, SplitName


class SceneSplit:
    """Pictures that are drawn when they are first asked for.

    Up to ``bound`` bytes they are kept; above it ``take`` draws those that are asked for each
    time, and ``arrays`` returns ``None``.

    Args:
        seed: See :func:`zoo.data.aircraft.make_scene`.
        split: Likewise.
        count: How many pictures.
        size: Pixels a side.
        hold_out: See :func:`zoo.data.aircraft.make_scene`.
        bound: Bytes of pictures that may be kept in memory.
    """

    def __init__(
        self,
        seed: int,
        split: SplitName,
        count: int,
        size: int,
        *,
        hold_out: HoldOut = "none",
        bound: int = MEMORY_BOUND,
    ) -> None:
        self._seed, self._split, self._count = seed, split, count
        self._size, self._hold_out = size, hold_out
        self._keeps = count * size * size * 3 <= bound
        self._kept: dict[int, Image] = {}
        self._pixels: Image | None = None
        self._answers: dict[str, npt.NDArray[Any]] = {}
        self._answered = np.zeros(count, bool)

    def __len__(self) -> int:
        return self._count

    def scene(self, index: int) -> Scene:
        """Return what the picture at this position shows."""
        return make_scene(self._seed, self._split, index, self._hold_out)

    def truth(self, indices: npt.NDArray[Any]) -> list[Truth]:
        """Return what is true of the pictures at these positions."""
        return [truth_of(self.scene(index), self._size) for index in self._positions(indices)]

    def take(self, indices: npt.NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the images and the targets at these positions."""
        chosen = self._positions(indices)
        targets = {name: array[chosen] for name, array in self._known(chosen).items()}
        if self._pixels is not None:
            return {"image": self._pixels[chosen]}, targets
        pixels = np.empty((len(chosen), self._size, self._size, 3), np.uint8)
        for place, index in enumerate(chosen):
            pixels[place] = self._picture(index)
        return {"image": pixels}, targets

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` above the bound."""
        if not self._keeps:
            return None
        if self._pixels is None:
            pixels = self.take(np.arange(self._count))[0]["image"]
            pixels.flags.writeable = False
            self._pixels, self._kept = pixels, {}
        answers = self._known(range(self._count))
        for array in answers.values():
            array.flags.writeable = False
        return {"image": self._pixels}, answers

    def _positions(self, indices: npt.NDArray[Any]) -> list[int]:
        return [int(place) for place in np.arange(self._count)[np.asarray(indices)]]

    def targets(self, indices: Sequence[int]) -> Arrays:
        """Return what is to be learned of pictures: the class of their damage."""
        kinds = [KINDS.index(self.scene(index).kind) for index in indices]
        return {"label": np.array(kinds, np.int64)}

    def _known(self, indices: Sequence[int]) -> Arrays:
        """Return what is to be learned, at least of these; each picture is asked for it once."""
        missing = [index for index in indices if not self._answered[index]]
        if missing or not self._answers:
            for name, made in self.targets(missing).items():
                kept = self._answers.setdefault(
                    name, np.zeros((self._count, *made.shape[1:]), made.dtype)
                )
                kept[missing] = made
            self._answered[missing] = True
        return dict(self._answers)

    def _picture(self, index: int) -> Image:
        if index in self._kept:
            return self._kept[index]
        picture = draw(self.scene(index), self._size)
        if self._keeps:
            self._kept[index] = picture
        return picture


def describe(options: SyntheticOptions) -> DataSpec:
    """Return what the pictures are with these options."""
    return synthetic_spec(options.image_size)


def counts(options: SyntheticOptions) -> dict[SplitName, int]:
    """Return how many pictures each split has."""
    return {
        "train": options.examples,
        "validation": options.validation_examples,
        "test": options.test_examples,
    }


def load(options: SyntheticOptions) -> Mapping[str, Split]:
    """Return the splits; nothing is drawn yet."""
    return {
        split: SceneSplit(
            options.split_seed, split, count, options.image_size, hold_out=options.hold_out
        )
        for split, count in counts(options).items()
    }


__all__ = ["SceneSplit", "counts", "describe", "load"]
