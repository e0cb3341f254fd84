"""One value, whatever it comes from: missing, a number, a category."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, strategies as st

from zoo.runtime.values import (
    Categories,
    is_missing,
    is_number,
    likely_readings,
    parse_number,
    written,
)
from zoo.spec import Reading


@pytest.mark.parametrize("mark", ["", "NA", "n/a", "NaN", "None", "null", "#N/A", "<NA>", "?"])
def test_marks_of_a_missing_value_count_in_any_case(mark: str) -> None:
    assert is_missing(mark) and is_missing(mark.upper())
    assert math.isnan(parse_number(mark) or 0)


@pytest.mark.parametrize("cell", ["-", ".", "unknown"])
def test_another_mark_is_missing_where_it_is_said(cell: str) -> None:
    assert not is_missing(cell)
    assert is_missing(cell, Reading(missing=(cell,)))


@pytest.mark.parametrize("cell", ["007", "-01", "00", "1_000", "inf", "١", "1,5", "0x1f", "1e", ""])
def test_codes_and_other_scripts_are_no_numbers(cell: str) -> None:
    assert not is_number(cell)


@pytest.mark.parametrize(
    ("cell", "reading", "value"),
    [
        ("1,5", Reading(decimal=","), 1.5),
        ("1.234,5", Reading(decimal=",", thousands="."), 1234.5),
        ("1,234,567", Reading(thousands=","), 1_234_567),
        ("1 234", Reading(thousands=" "), 1234),
        ("12 %", Reading(signs=True), 12),
        ("$1,200.50", Reading(thousands=",", signs=True), 1200.5),
        ("-3", Reading(decimal=","), -3),
    ],
)
def test_numbers_are_read_as_it_is_said(cell: str, reading: Reading, value: float) -> None:
    assert parse_number(cell, reading) == value


@pytest.mark.parametrize(
    ("cell", "reading"),
    [
        ("1.5", Reading(decimal=",")),
        ("1,2", Reading(thousands=",")),
        ("12,34,567", Reading(thousands=",")),
        ("12 %", Reading(thousands=",")),
    ],
)
def test_a_cell_that_does_not_fit_the_reading_is_text(cell: str, reading: Reading) -> None:
    assert parse_number(cell, reading) is None


def test_one_and_a_bit_or_over_a_thousand_is_not_decided() -> None:
    ambiguous = likely_readings(["1,234", "5,678"], 0.9)
    assert Reading(decimal=",") in ambiguous and Reading(thousands=",") in ambiguous
    assert likely_readings(["1,5", "2,25"], 0.9) == [Reading(decimal=",")]
    assert likely_readings(["red", "blue"], 0.9) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (np.float32(0.1), "0.1"),
        (True, "True"),
        (np.int64(7), "7"),
        (None, ""),
        (float("nan"), ""),
        (np.datetime64("NaT"), ""),
        (np.datetime64("2024-03-01"), "2024-03-01"),
        (dt.datetime.fromisoformat("2024-03-01"), "2024-03-01"),
        (dt.datetime.fromisoformat("2024-03-01 06:30"), "2024-03-01 06:30:00"),
        (Decimal("1.50"), "1.50"),
        (" a ", "a"),
    ],
)
def test_a_value_has_the_text_that_a_file_would_have(value: object, text: str) -> None:
    assert written(value) == text


def test_a_category_is_found_however_it_is_written() -> None:
    found = Categories(["3", "007", "7", "true", "red"])
    assert found.code("3.0") == found.code("3") == 1
    assert (found.code("007"), found.code("7"), found.code("7.00")) == (2, 3, 3)
    assert found.code("TRUE") == 4
    assert found.code("Red") == 0 and found.code("8") == 0


def test_a_value_that_fits_two_categories_is_unknown() -> None:
    assert Categories(["1.0", "1"]).code("1.00") == 0
    assert Categories(["1.0", "1"]).code("1.0") == 1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_survives_its_text(value: float) -> None:
    assert parse_number(written(value)) == value


@given(st.lists(st.text(max_size=4), min_size=1, unique=True))
def test_a_category_written_as_it_was_learned_is_always_found(names: list[str]) -> None:
    found = Categories(names)
    assert [found.code(name) for name in names] == list(range(1, len(names) + 1))
