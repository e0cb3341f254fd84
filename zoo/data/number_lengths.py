"""Numbers in English words, and how many digits they have: texts with classes, offline.

The order of the words decides: *two thousand three hundred* has four digits, *three hundred and
two thousand* six. Whether there is a word does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.data.numbers_in_words import ENGLISH, english
from zoo.data.options import SplitOptions
from zoo.data.text.specs import token_tensor
from zoo.spec import DataSpec, Split, Task, TensorSpec

if TYPE_CHECKING:
    import numpy.typing as npt

DIGITS = (3, 4, 5, 6)
"""The classes. There are too few numbers of one and of two digits to draw from."""

EACH = 800
"""Different numbers of each class."""

SPEC = DataSpec(
    id="number_lengths",
    task=Task.CLASSIFICATION,
    inputs=(token_tensor("tokens", ENGLISH),),
    targets=(
        TensorSpec(
            name="label", dtype="int64", labels=tuple(f"{count} digits" for count in DIGITS)
        ),
    ),
)


def load(options: SplitOptions) -> Mapping[str, Split]:
    """Write the numbers: ``EACH`` of every class, no number twice, divided class by class.

    Which numbers they are never changes; ``split_seed`` decides which split each is in.
    """
    import numpy as np

    from zoo.data.splits import stratified_sample, stratified_split
    from zoo.data.text.split import TextSplit

    drawn, labels = [], []
    for label, digits in enumerate(DIGITS):
        numbers = np.arange(10 ** (digits - 1), 10**digits)
        drawn.append(numbers[stratified_sample(np.zeros(len(numbers), np.int8), EACH, seed=digits)])
        labels.append(np.full(EACH, label))
    texts = [english(number) for number in np.concatenate(drawn).tolist()]
    classes: npt.NDArray[np.int64] = np.concatenate(labels).astype(np.int64)
    parts = stratified_split(
        classes,
        validation=options.validation_share,
        test=options.test_share,
        seed=options.split_seed,
    )
    return {
        name: TextSplit(SPEC, {"tokens": [texts[i] for i in part]}, {"label": classes[part]})
        for name, part in parts.items()
    }


__all__ = ["DIGITS", "EACH", "SPEC", "load"]
