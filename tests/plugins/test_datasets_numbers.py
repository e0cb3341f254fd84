"""Numbers in words: what the rules of both languages say, and which of them are held out."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from zoo.errors import ConfigError, DataError
from zoo.runtime.text import decode_text, encode_text
from zoo.spec import Task
from zoo_datasets.number_words import (
    DIGITS,
    EACH,
    ENGLISH,
    NUMBER_LENGTHS,
    RANGE,
    SPANISH,
    chosen_numbers,
    english,
    spanish,
)

BY_HAND = {
    0: ("zero", "cero"),
    1: ("one", "uno"),
    9: ("nine", "nueve"),
    10: ("ten", "diez"),
    15: ("fifteen", "quince"),
    16: ("sixteen", "dieciséis"),
    19: ("nineteen", "diecinueve"),
    20: ("twenty", "veinte"),
    21: ("twenty-one", "veintiuno"),
    22: ("twenty-two", "veintidós"),
    23: ("twenty-three", "veintitrés"),
    26: ("twenty-six", "veintiséis"),
    29: ("twenty-nine", "veintinueve"),
    30: ("thirty", "treinta"),
    31: ("thirty-one", "treinta y uno"),
    58: ("fifty-eight", "cincuenta y ocho"),
    99: ("ninety-nine", "noventa y nueve"),
    100: ("one hundred", "cien"),
    101: ("one hundred and one", "ciento uno"),
    116: ("one hundred and sixteen", "ciento dieciséis"),
    122: ("one hundred and twenty-two", "ciento veintidós"),
    200: ("two hundred", "doscientos"),
    500: ("five hundred", "quinientos"),
    701: ("seven hundred and one", "setecientos uno"),
    945: ("nine hundred and forty-five", "novecientos cuarenta y cinco"),
    1_000: ("one thousand", "mil"),
    1_001: ("one thousand and one", "mil uno"),
    1_100: ("one thousand one hundred", "mil cien"),
    1_121: ("one thousand one hundred and twenty-one", "mil ciento veintiuno"),
    2_300: ("two thousand three hundred", "dos mil trescientos"),
    11_000: ("eleven thousand", "once mil"),
    21_000: ("twenty-one thousand", "veintiún mil"),
    21_021: ("twenty-one thousand and twenty-one", "veintiún mil veintiuno"),
    22_000: ("twenty-two thousand", "veintidós mil"),
    31_000: ("thirty-one thousand", "treinta y un mil"),
    42_007: ("forty-two thousand and seven", "cuarenta y dos mil siete"),
    91_901: ("ninety-one thousand nine hundred and one", "noventa y un mil novecientos uno"),
    100_000: ("one hundred thousand", "cien mil"),
    100_100: ("one hundred thousand one hundred", "cien mil cien"),
    101_000: ("one hundred and one thousand", "ciento un mil"),
    101_101: ("one hundred and one thousand one hundred and one", "ciento un mil ciento uno"),
    121_000: ("one hundred and twenty-one thousand", "ciento veintiún mil"),
    200_000: ("two hundred thousand", "doscientos mil"),
    501_016: ("five hundred and one thousand and sixteen", "quinientos un mil dieciséis"),
    731_531: (
        "seven hundred and thirty-one thousand five hundred and thirty-one",
        "setecientos treinta y un mil quinientos treinta y uno",
    ),
    999_999: (
        "nine hundred and ninety-nine thousand nine hundred and ninety-nine",
        "novecientos noventa y nueve mil novecientos noventa y nueve",
    ),
}


@pytest.mark.parametrize("number", BY_HAND)
def test_a_number_is_written_as_a_person_writes_it(number: int) -> None:
    assert (english(number), spanish(number)) == BY_HAND[number]


def _values(words: str, start: int, step: int = 1) -> dict[str, int]:
    return {word: step * value for value, word in enumerate(words.split(), start)}


_EN = {
    **_values(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen",
        0,
    ),
    **_values("twenty thirty forty fifty sixty seventy eighty ninety", 2, 10),
}
_ES = {
    **_values(
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
        "dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés "
        "veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve",
        0,
    ),
    **_values("treinta cuarenta cincuenta sesenta setenta ochenta noventa", 3, 10),
    **_values(
        "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos "
        "ochocientos novecientos",
        1,
        100,
    ),
    "cien": 100,
    "un": 1,
    "veintiún": 21,
    "y": 0,
}


def _read_english(text: str) -> int:
    total = part = 0
    for word in text.replace("-", " ").split():
        if word == "thousand":
            total, part = 1000 * part, 0
        elif word == "hundred":
            part *= 100
        elif word != "and":
            part += _EN[word]
    return total + part


def _read_spanish(text: str) -> int:
    total = part = 0
    for word in text.split():
        if word == "mil":
            total, part = 1000 * (part or 1), 0
        else:
            part += _ES[word]
    return total + part


def test_a_number_can_be_read_back_and_survives_its_ids() -> None:
    numbers = sorted({*range(2_000), *range(2_000, 1_000_000, 97)})
    source, target = [english(n) for n in numbers], [spanish(n) for n in numbers]
    assert [_read_english(text) for text in source] == numbers
    assert [_read_spanish(text) for text in target] == numbers
    ids = encode_text(source, ENGLISH), encode_text(target, SPANISH, special_tokens=True)
    assert not any((array == ENGLISH.unk).any() for array in ids)
    assert decode_text(ids[0], ENGLISH) == source
    assert decode_text(ids[1], SPANISH) == target


@pytest.mark.parametrize("number", [-1, 1_000_000, 1.0, True, "7"])
def test_what_the_rules_do_not_cover_is_refused(number: object) -> None:
    with pytest.raises(DataError, match="not written in words"):
        english(number)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="not written in words"):
        spanish(number)  # type: ignore[arg-type]


def test_whole_ranges_are_held_out_and_every_size_is_trained_on() -> None:
    parts = chosen_numbers(30_000, 0)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 30_000,
        "validation": 1_000,
        "test": 5_000,
    }
    assert all(len(np.unique(part)) == len(part) for part in parts.values())
    ranges = {name: set((part // RANGE).tolist()) for name, part in parts.items()}
    assert (len(ranges["test"]), len(ranges["validation"])) == (10, 5)
    assert not ranges["test"] & ranges["validation"]
    assert ranges["train"] == set(range(100)) - ranges["test"] - ranges["validation"]
    train = parts["train"]
    assert set(range(1_000)) <= set(train.tolist())
    assert [int((train < 10**d).sum() - (train < 10 ** (d - 1)).sum()) > 4_000 for d in (4, 5, 6)]
    for held in ("test", "validation"):
        part = parts[held]
        assert int((part % 1_000 == 0).sum()) == 10 * len(ranges[held])


def test_the_seed_decides_what_is_held_out_and_examples_how_many_are_trained_on() -> None:
    first, again, other = (chosen_numbers(5_000, seed) for seed in (1, 1, 2))
    assert len(first["train"]) == 5_000
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert set((first["test"] // RANGE).tolist()) != set((other["test"] // RANGE).tolist())


def test_the_dataset_is_pairs_of_ids_with_start_and_end_tokens_around_the_target() -> None:
    data = zoo.dataset("numbers_en_es", examples=3_000)
    assert data.spec.task == Task.SEQUENCE_TO_SEQUENCE
    inputs, targets = data.split("test").take(np.arange(100))
    source, target = inputs["source"], targets["target"]
    assert source.dtype == target.dtype == np.int32
    assert (target[:, 0] == SPANISH.start).all()
    ends = (target == SPANISH.end).sum(1)
    assert (ends == 1).all()
    for english_text, spanish_text in zip(
        decode_text(source, ENGLISH), decode_text(target, SPANISH), strict=True
    ):
        assert spanish(_read_english(english_text)) == spanish_text
    shapes = {n: data.split(n).take(np.array([0]))[0]["source"].shape for n in ("train", "test")}
    assert shapes["train"] == shapes["test"]


def test_an_impossible_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="examples"):
        zoo.dataset("numbers_en_es", examples=10)
    with pytest.raises(ConfigError, match="examples"):
        zoo.dataset("numbers_en_es", examples=10**6)


def splits_of(name):
    data = zoo.dataset(name)
    return [data.split(split) for split in ("train", "validation", "test")]


def whole(split):
    return split.take(np.arange(len(split)))


def test_the_length_of_a_number_is_that_of_the_number_its_words_say(monkeypatch):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    # Written independently: what every number of a class reads as.
    readings = {english(n): len(str(n)) for n in range(100, 20_000)}
    splits = splits_of("number_lengths")
    looked = 0
    for split in splits:
        _, targets = whole(split)
        for text, label in zip(split.texts["tokens"], targets["label"], strict=True):
            if text in readings:
                looked += 1
                assert DIGITS[label] == readings[text]
    assert looked > 2 * EACH


def test_no_number_is_in_two_splits_and_every_class_is_as_often():
    splits = splits_of("number_lengths")
    texts = [text for split in splits for text in split.texts["tokens"]]
    assert len(set(texts)) == len(texts) == EACH * len(DIGITS)
    for split in splits:
        _, targets = whole(split)
        assert len(set(np.bincount(targets["label"]))) == 1


def test_every_word_of_the_numbers_is_in_the_vocabulary():
    splits = splits_of("number_lengths")
    for split in splits:
        assert not (encode_text(split.texts["tokens"], ENGLISH) == ENGLISH.unk).any()
    assert NUMBER_LENGTHS.spec.inputs[0].text == ENGLISH


def test_the_seed_of_the_split_moves_numbers_and_draws_no_others():
    first, second = (
        zoo.dataset("number_lengths", split_seed=seed).split("train").texts["tokens"]
        for seed in (0, 1)
    )
    assert set(first) != set(second)
    everything = [
        {
            text
            for split in ("train", "validation", "test")
            for text in zoo.dataset("number_lengths", split_seed=seed).split(split).texts["tokens"]
        }
        for seed in (0, 1)
    ]
    assert everything[0] == everything[1]
