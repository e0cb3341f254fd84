"""Drawn aircraft damage with its captions and summaries: three splits, one closed language."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.aircraft.compose import combinations
from zoo.data.aircraft.load import SceneSplit, counts
from zoo.data.aircraft.scene import HoldOut
from zoo.data.aircraft.words import caption, read, summary, vocabulary
from zoo.data.images.files import MEMORY_BOUND
from zoo.data.named.aircraft import SyntheticCaptionOptions, captioned_spec
from zoo.data.options import CAPTION, PROMPTS, SUMMARY
from zoo.runtime.text import encode_text, words
from zoo.spec import SPECIAL_TOKENS, Arrays, DataSpec, Split, SplitName


class CaptionedSceneSplit(SceneSplit):
    """Pictures with what they show in words: ``caption`` and ``summary`` as ids.

    Rows are as wide as the longest text that the spec allows. With ``hold_out="half"`` the test
    split shows by turns two pictures of a combination that is trained on and two of one that is
    not.

    Args:
        data: What the tensors are; it has the vocabulary.
        seed: See :class:`SceneSplit`, as all that follow.
        split: Which one.
        count: How many pictures.
        size: Pixels a side.
        hold_out: See :func:`zoo.data.aircraft.make_scene`.
        bound: Bytes of pictures that may be kept in memory.

    Attributes:
        data: As given.
    """

    def __init__(
        self,
        data: DataSpec,
        seed: int,
        split: SplitName,
        count: int,
        size: int,
        *,
        hold_out: HoldOut = "half",
        bound: int = MEMORY_BOUND,
    ) -> None:
        super().__init__(seed, split, count, size, hold_out=hold_out, bound=bound)
        self.data = data
        self._bound = bound

    @functools.cached_property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """The captions and the summaries, as a person reads them."""
        return self._texts(range(self._count))

    def targets(self, indices: Sequence[int]) -> Arrays:
        """Return the captions and the summaries of pictures as ids.

        Raises:
            DataError: If one is longer than the spec allows.
        """
        texts = self._texts(indices)
        return {
            spec.name: encode_text(
                texts[spec.name], spec.text, signs=True, width=spec.text.max_length
            )
            for spec in self.data.targets
            if spec.text is not None
        }

    def _texts(self, indices: Sequence[int]) -> Mapping[str, tuple[str, ...]]:
        scenes = [self.scene(index) for index in indices]
        return {
            CAPTION: tuple(caption(scene) for scene in scenes),
            SUMMARY: tuple(summary(scene) for scene in scenes),
        }

    def held_out(self, indices: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return which of the pictures show a combination that is never trained on."""
        if self._hold_out == "none":
            return np.zeros(len(self._positions(indices)), bool)
        trained = set(combinations(self._seed, "train", self._hold_out))
        return np.array(
            [self.scene(index).combination not in trained for index in self._positions(indices)],
            bool,
        )

    def parse(self, text: str) -> dict[str, str]:
        """Return the attributes that a text states: see :func:`zoo.data.aircraft.read`."""
        return read(text)

    def encoded_by(self, data: DataSpec) -> CaptionedSceneSplit:
        """Return the same pictures with their texts in the vocabulary of another spec."""
        again = CaptionedSceneSplit(
            data,
            self._seed,
            self._split,
            self._count,
            self._size,
            hold_out=self._hold_out,
            bound=self._bound,
        )
        # What is drawn already stays so.
        again._kept, again._pixels = self._kept, self._pixels
        return again


def describe(options: SyntheticCaptionOptions) -> DataSpec:
    """Return what the pictures are with these options; nothing is drawn for their vocabulary."""
    return captioned_spec(options.image_size, _pieces())


def load(options: SyntheticCaptionOptions) -> Mapping[str, Split]:
    """Return the splits; nothing is drawn yet."""
    data = describe(options)
    hold_out: HoldOut = "half" if options.hold_out == "combinations" else "none"
    return {
        split: CaptionedSceneSplit(
            data, options.split_seed, split, count, options.image_size, hold_out=hold_out
        )
        for split, count in counts(options).items()
    }


@functools.cache
def _pieces() -> tuple[str, ...]:
    known = vocabulary()
    prompted = sorted({word for _, prompt in PROMPTS for word in words(prompt)} - set(known))
    return (*SPECIAL_TOKENS, *known, *prompted)


__all__ = ["CaptionedSceneSplit", "describe", "load"]
