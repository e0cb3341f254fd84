"""Values on the command line."""

from __future__ import annotations

import json
import math

import click
import pytest
from hypothesis import given, strategies as st

from zoo.console import pairs, scalar, settings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e-3", 1e-3),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("relu", "relu"),
        ("none", "none"),
        ("off", "off"),
        ("no", "no"),
        ("1_000", "1_000"),
        ("[32, 64]", [32, 64]),
        ("{rotation: 10}", {"rotation": 10}),
        ("'12'", "12"),
        ('"true"', "true"),
        ("a=b", "a=b"),
    ],
)
def test_values_are_read_as_yaml_1_2_reads_them(text, value):
    read = scalar(text)
    assert read == value
    assert type(read) is type(value)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.booleans() | st.none())
def test_what_json_writes_of_a_number_or_a_word_is_read_back(value):
    read = scalar(json.dumps(value))
    assert read == value or math.isclose(read, value)


@given(st.text())
def test_any_text_is_a_value_or_a_wrong_command_line(text):
    try:
        scalar(text)
    except click.BadParameter:
        assert text[0] in "[{\"'"


def test_dots_and_equals_signs_stay_where_they_belong():
    assert pairs(["optimizer.learning_rate=0.01", "note=a=b"], option="--set") == {
        "optimizer.learning_rate": 0.01,
        "note": "a=b",
    }


@pytest.mark.parametrize("texts", [["dropout"], ["=1"], ["a=1", "a=2"], ["a=[1"]])
def test_a_malformed_setting_is_a_wrong_command_line(texts):
    with pytest.raises(click.BadParameter):
        pairs(texts, option="--set")


def test_a_key_with_an_option_of_its_own_says_which():
    with pytest.raises(click.BadParameter, match="--epochs"):
        settings(["epochs=3"])


def test_no_settings_are_an_empty_configuration():
    assert settings(()) == {}
