"""Numbers in words, English and Spanish, 0 to 999,999, by the rules of both languages.

English is written as in Britain: a hyphen in 21 to 99, *and* before what is left below a hundred
(*one hundred and five*, *forty-two thousand and seven*), no comma and no other *and*
(*two thousand three hundred*).

Spanish follows the Real Academia (Ortografía 2010, VIII 3.1): one word up to thirty
(*dieciséis*, *veintidós*), *y* between tens and units from there on, *cien* alone and before
*mil* but *ciento* before a smaller number, *quinientos*, *setecientos* and *novecientos* beside
the regular hundreds, *mil* and never *un mil*, and *uno* shortened before *mil*
(*veintiún mil*, *treinta y un mil*, *ciento un mil*).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from zoo.data.options import SeedOptions
from zoo.data.text.specs import token_tensor
from zoo.errors import DataError
from zoo.spec import SPECIAL_TOKENS, DataSpec, Split, Task, TextSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LIMIT = 1_000_000
"""Numbers are below this."""

RANGE = 10_000
"""The split holds out whole ranges of this many consecutive numbers."""

_TEST_RANGES, _VALIDATION_RANGES = 10, 5
_TEST, _VALIDATION = 5_000, 1_000
_ZEROS = 30
"""How often the training split has 0: no other number has its word, and once is not learned."""


class NumbersOptions(SeedOptions):
    """Options of the numbers in words."""

    examples: int = Field(30_000, ge=3_000, le=50_000, description="Numbers in the training split.")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_EN_SMALL = _listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_EN_TENS = _listed("twenty thirty forty fifty sixty seventy eighty ninety")

_ES_SMALL = _listed(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro "
    "veinticinco veintiséis veintisiete veintiocho veintinueve"
)
_ES_TENS = _listed("treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_ES_HUNDREDS = _listed(
    "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos "
    "novecientos"
)

ENGLISH = TextSpec(
    split="words",
    vocabulary=(*SPECIAL_TOKENS, *_EN_SMALL, *_EN_TENS, "hundred", "thousand", "and", "-"),
    lowercase=True,
    max_length=16,
)
"""The words of English numbers; the hyphen is a piece of its own."""

SPANISH = TextSpec(
    split="words",
    vocabulary=(
        *SPECIAL_TOKENS,
        *_ES_SMALL,
        "un",
        "veintiún",
        *_ES_TENS,
        "y",
        "cien",
        *_ES_HUNDREDS,
        "mil",
    ),
    lowercase=True,
    max_length=16,
)
"""The words of Spanish numbers."""

SPEC = DataSpec(
    id="numbers_en_es",
    task=Task.SEQUENCE_TO_SEQUENCE,
    inputs=(token_tensor("source", ENGLISH),),
    targets=(token_tensor("target", SPANISH),),
)


def english(number: int) -> str:
    """Return a number in English words.

    Raises:
        DataError: If it is not a whole number from 0 to 999,999.

    Example:
        >>> english(42_007)
        'forty-two thousand and seven'
    """
    thousands, rest = divmod(_checked(number), 1000)
    if not thousands:
        return _english_below_1000(rest)
    text = f"{_english_below_1000(thousands)} thousand"
    if rest:
        text += f"{' and' if rest < 100 else ''} {_english_below_1000(rest)}"
    return text


def _english_below_1000(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if hundreds:
        text = f"{_EN_SMALL[hundreds]} hundred"
        return f"{text} and {_english_below_1000(rest)}" if rest else text
    if rest < 20:
        return _EN_SMALL[rest]
    tens, unit = divmod(rest, 10)
    return f"{_EN_TENS[tens - 2]}-{_EN_SMALL[unit]}" if unit else _EN_TENS[tens - 2]


def spanish(number: int) -> str:
    """Return a number in Spanish words, masculine.

    Raises:
        DataError: If it is not a whole number from 0 to 999,999.

    Example:
        >>> spanish(42_007)
        'cuarenta y dos mil siete'
    """
    thousands, rest = divmod(_checked(number), 1000)
    if not thousands:
        return _spanish_below_1000(rest)
    text = "mil" if thousands == 1 else f"{_shortened(_spanish_below_1000(thousands))} mil"
    return f"{text} {_spanish_below_1000(rest)}" if rest else text


def _spanish_below_1000(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if hundreds:
        if number == 100:
            return "cien"
        text = _ES_HUNDREDS[hundreds - 1]
        return f"{text} {_spanish_below_1000(rest)}" if rest else text
    if rest < 30:
        return _ES_SMALL[rest]
    tens, unit = divmod(rest, 10)
    return f"{_ES_TENS[tens - 3]} y {_ES_SMALL[unit]}" if unit else _ES_TENS[tens - 3]


def _shortened(text: str) -> str:
    """Return the form before a noun: *uno* loses its end, and *veintiún* gains an accent."""
    if text.endswith("veintiuno"):
        return f"{text.removesuffix('veintiuno')}veintiún"
    return text.removesuffix("o") if text.endswith("uno") else text


def _checked(number: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < LIMIT:
        raise DataError(
            f"{number!r} is not written in words here",
            why=f"the rules cover whole numbers from 0 to {LIMIT - 1:,}",
        )
    return number


def load(options: NumbersOptions) -> Mapping[str, Split]:
    """Make the pairs: ``source`` is English, ``target`` Spanish between its start and end signs.

    The numbers are divided into a hundred ranges of ten thousand; of the ranges from 10,000 on,
    ``split_seed`` draws ten for ``test`` and five for ``validation``, and no number of them is
    ever trained on. The training split has all numbers below 1,000, all whole thousands outside
    the held-out ranges, and of what then is missing to ``examples`` one sixth of four digits, two
    sixths of five and three of six, drawn without repetition. The held-out splits have the whole
    thousands of their ranges and others drawn from them: 5,000 and 1,000 numbers. Because no other
    number has its word, 0 stands in the training split 30 times, 29 of them beyond ``examples``.
    """
    import numpy as np

    from zoo.data.dataset import ArraySplit
    from zoo.runtime.text import encode_text

    numbers = chosen_numbers(options.examples, options.split_seed)
    numbers["train"] = np.append(np.zeros(_ZEROS - 1, np.int64), numbers["train"])
    arrays = {
        split: (
            encode_text(map(english, part.tolist()), ENGLISH),
            encode_text(map(spanish, part.tolist()), SPANISH, signs=True),
        )
        for split, part in numbers.items()
    }
    widths = [max(pair[side].shape[1] for pair in arrays.values()) for side in (0, 1)]
    padded = {
        split: [np.pad(a, ((0, 0), (0, w - a.shape[1]))) for a, w in zip(pair, widths, strict=True)]
        for split, pair in arrays.items()
    }
    return {
        split: ArraySplit({"source": source}, {"target": target})
        for split, (source, target) in padded.items()
    }


def chosen_numbers(examples: int, seed: int) -> dict[str, npt.NDArray[np.int64]]:
    """Return the numbers of each split, in ascending order.

    Args:
        examples: How many to train on.
        seed: Decides which ranges are held out, and which numbers are drawn.
    """
    import numpy as np

    ranges = np.arange(1, LIMIT // RANGE)
    held = ranges[_draw(len(ranges), _TEST_RANGES + _VALIDATION_RANGES, seed)]
    tested = _draw(len(held), _TEST_RANGES, seed + 1)
    numbers = np.arange(LIMIT)
    home = numbers // RANGE
    parts = {}
    for name, chosen, count in (
        ("test", held[tested], _TEST),
        ("validation", np.delete(held, tested), _VALIDATION),
    ):
        pool = numbers[np.isin(home, chosen)]
        parts[name] = _with_thousands(pool, count, seed)
    rest = numbers[~np.isin(home, held)]
    always = rest[(rest < 1000) | (rest % 1000 == 0)]
    drawn = [always]
    missing = examples - len(always)
    takes = {1_000: missing // 6, 10_000: missing // 3}
    takes[100_000] = missing - sum(takes.values())
    for size, take in takes.items():
        pool = rest[(rest >= size) & (rest < 10 * size) & (rest % 1000 != 0)]
        drawn.append(pool[_draw(len(pool), take, seed)])
    parts["train"] = np.sort(np.concatenate(drawn))
    return {name: parts[name] for name in ("train", "validation", "test")}


def _with_thousands(pool: npt.NDArray[np.int64], count: int, seed: int) -> npt.NDArray[np.int64]:
    import numpy as np

    whole, others = pool[pool % 1000 == 0], pool[pool % 1000 != 0]
    return np.sort(np.append(whole, others[_draw(len(others), count - len(whole), seed)]))


def _draw(size: int, count: int, seed: int) -> npt.NDArray[np.int64]:
    import numpy as np

    from zoo.data.splits import stratified_sample

    return stratified_sample(np.zeros(size, np.int8), count, seed=seed)


__all__ = [
    "ENGLISH",
    "LIMIT",
    "RANGE",
    "SPANISH",
    "SPEC",
    "chosen_numbers",
    "english",
    "load",
    "spanish",
]
