"""Numbers in words: English to Spanish, and English to the number of digits.

English is written as in Britain: a hyphen in 21 to 99, *and* before what is left below a hundred
(*one hundred and five*, *forty-two thousand and seven*), no comma and no other *and*.

Spanish follows the Real Academia (Ortografía 2010, VIII 3.1): one word up to thirty
(*dieciséis*, *veintidós*), *y* between tens and units from there on, *cien* alone and before
*mil* but *ciento* before a smaller number, *mil* and never *un mil*, and *uno* shortened before
*mil* (*veintiún mil*, *treinta y un mil*, *ciento un mil*).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from pydantic import Field

from zoo.data import (
    NamedDataset,
    SeedOptions,
    SplitOptions,
    TextSplit,
    encode_text,
    stratified_sample,
    stratified_split,
    token_tensor,
)
from zoo.errors import DataError
from zoo.spec import SPECIAL_TOKENS, DataSpec, Split, Task, TensorSpec, TextSpec
from zoo_datasets import array_splits

LIMIT = 1_000_000
"""Numbers are below this."""
RANGE = 10_000
"""Whole ranges of this many consecutive numbers are held out."""
DIGITS = (3, 4, 5, 6)
"""Classes of ``number_lengths``. There are too few numbers of one and of two digits."""
EACH = 800
"""Different numbers of each class."""

_TEST_RANGES, _VALIDATION_RANGES = 10, 5
_TEST, _VALIDATION = 5_000, 1_000
_ZEROS = 30
"""How often the training split has 0: no other number has its word, and once is not learned."""


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


def _text(*vocabulary: str) -> TextSpec:
    return TextSpec(
        split="words", vocabulary=(*SPECIAL_TOKENS, *vocabulary), lowercase=True, max_length=16
    )


ENGLISH = _text(*_EN_SMALL, *_EN_TENS, "hundred", "thousand", "and", "-")
"""Words of English numbers; the hyphen is a token of its own."""
SPANISH = _text(*_ES_SMALL, "un", "veintiún", *_ES_TENS, "y", "cien", *_ES_HUNDREDS, "mil")
"""Words of Spanish numbers."""


class NumbersOptions(SeedOptions):
    """Options of the pairs of numbers."""

    examples: int = Field(30_000, ge=3_000, le=50_000, description="Numbers in the training split.")


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


def load_pairs(options: NumbersOptions) -> Mapping[str, Split]:
    """Make the pairs: ``source`` is English, ``target`` Spanish.

    The numbers are divided into a hundred ranges of ten thousand; of the ranges from 10,000 on,
    ``split_seed`` draws ten for ``test`` and five for ``validation``, and no number of them is
    ever trained on. The training split has all numbers below 1,000, all whole thousands outside
    the held-out ranges, and of what then is missing to ``examples`` one sixth of four digits, two
    sixths of five and three of six, drawn without repetition. The held-out splits have the whole
    thousands of their ranges and others drawn from them: 5,000 and 1,000 numbers. Because no other
    number has its word, 0 stands in the training split 30 times, 29 of them beyond ``examples``.
    """
    numbers = chosen_numbers(options.examples, options.split_seed)
    numbers["train"] = np.append(np.zeros(_ZEROS - 1, np.int64), numbers["train"])
    every = np.concatenate(list(numbers.values())).tolist()
    source = encode_text(map(english, every), ENGLISH)
    target = encode_text(map(spanish, every), SPANISH, special_tokens=True)
    ends = np.cumsum([len(part) for part in numbers.values()])[:-1]
    parts = dict(zip(numbers, np.split(np.arange(len(every)), ends), strict=True))
    return array_splits({"source": source}, {"target": target}, parts)


def chosen_numbers(examples: int, seed: int) -> dict[str, npt.NDArray[np.int64]]:
    """Return the numbers of each split in ascending order.

    Args:
        examples: Numbers in the training split.
        seed: Seed of the held-out ranges and of the drawn numbers.
    """
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
        whole, others = pool[pool % 1000 == 0], pool[pool % 1000 != 0]
        drawn = others[_draw(len(others), count - len(whole), seed)]
        parts[name] = np.sort(np.append(whole, drawn))
    rest = numbers[~np.isin(home, held)]
    train = [rest[(rest < 1000) | (rest % 1000 == 0)]]
    missing = examples - len(train[0])
    takes = {1_000: missing // 6, 10_000: missing // 3}
    takes[100_000] = missing - sum(takes.values())
    for size, take in takes.items():
        pool = rest[(rest >= size) & (rest < 10 * size) & (rest % 1000 != 0)]
        train.append(pool[_draw(len(pool), take, seed)])
    return {"train": np.sort(np.concatenate(train)), **parts}


def load_lengths(options: SplitOptions) -> Mapping[str, Split]:
    """Write 800 different numbers of every class, and divide them class by class.

    Which numbers they are never changes; ``split_seed`` decides which split each is in.
    """
    drawn = []
    for digits in DIGITS:
        numbers = np.arange(10 ** (digits - 1), 10**digits)
        drawn.append(numbers[_draw(len(numbers), EACH, digits)])
    texts = [english(number) for number in np.concatenate(drawn).tolist()]
    labels = np.repeat(np.arange(len(DIGITS)), EACH)
    parts = stratified_split(
        labels,
        validation=options.validation_split,
        test=options.test_split,
        seed=options.split_seed,
    )
    return {
        name: TextSplit(
            NUMBER_LENGTHS.spec, {"tokens": [texts[i] for i in part]}, {"label": labels[part]}
        )
        for name, part in parts.items()
    }


def _draw(size: int, count: int, seed: int) -> npt.NDArray[np.int64]:
    return stratified_sample(np.zeros(size, np.int8), count, seed=seed)


NUMBERS_EN_ES = NamedDataset(
    spec=DataSpec(
        id="numbers_en_es",
        task=Task.SEQUENCE_TO_SEQUENCE,
        inputs=(token_tensor("source", ENGLISH),),
        targets=(token_tensor("target", SPANISH),),
    ),
    summary="Numbers from 0 to 999,999 in English words and in Spanish ones",
    size="36,029 pairs",
    license="CC0-1.0",
    source="made by the rules of both languages: zoo_datasets/number_words.py",
    offline=True,
    options=NumbersOptions,
    load=load_pairs,
)
NUMBER_LENGTHS = NamedDataset(
    spec=DataSpec(
        id="number_lengths",
        task=Task.CLASSIFICATION,
        inputs=(token_tensor("tokens", ENGLISH),),
        targets=(
            TensorSpec(
                name="label", dtype="int64", labels=tuple(f"{count} digits" for count in DIGITS)
            ),
        ),
    ),
    summary="3,200 numbers in English words, and whether they have 3, 4, 5 or 6 digits",
    size="3,200 texts",
    license="CC0-1.0",
    source="made by the rules of the language: zoo_datasets/number_words.py",
    offline=True,
    load=load_lengths,
)
