"""Prompts: names or words that a text begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.errors import ConfigError
from zoo.runtime import load_generator
from zoo.runtime.decoding import prompt_ids
from zoo.spec import SPECIAL_TOKENS, TextSpec

WRITES = Path(__file__).parents[2] / "exports" / "transformer" / "1"
TEXT = TextSpec(
    split="words",
    vocabulary=(*SPECIAL_TOKENS, "a", "photo", "of", "the"),
    max_length=6,
    prompts=(("caption", "a photo of"), ("summary", "the")),
)


def test_a_prompt_is_a_name_or_words_or_nothing() -> None:
    assert prompt_ids("", TEXT) == ()
    assert prompt_ids("caption", TEXT) == prompt_ids("a  photo of ", TEXT) == (4, 5, 6)
    assert prompt_ids("a wide photo", TEXT) == (4, 1, 5)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (" \n", "blank"),
        ("unknown words", "knows none of these"),
        ("a photo of the photo", "at most 4 tokens, .*; it has 5"),
        ("a " * 1000, "it has 1,000"),
    ],
)
def test_an_invalid_prompt_is_refused_with_the_names_of_prompts(prompt: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        prompt_ids(prompt, TEXT)
    assert "caption, summary" in str(caught.value)
    assert caught.value.findings[0].where == "prompt"
    assert len(str(caught.value)) < 400


def test_a_model_without_named_prompts_takes_words() -> None:
    bare = TEXT.model_copy(update={"prompts": ()})
    with pytest.raises(ConfigError, match="words of the model's vocabulary"):
        prompt_ids("caption", bare)


@pytest.mark.parametrize("beams", [1, 3])
def test_an_artifact_continues_a_prompt(beams: int) -> None:
    writer = load_generator(WRITES)
    raw = ["forty-two", "forty-three thousand and one"]
    free = writer.predict(raw, beams=beams)
    led = writer.predict(raw, beams=beams, prompt="cuarenta y")

    assert free.texts == ["cuarenta y dos", "cuarenta y tres mil uno"]
    assert led.texts == ["dos", "tres mil uno"]
    assert (led.outputs["log_probability"] >= free.outputs["log_probability"]).all()
    with pytest.raises(ConfigError, match="prompt: at most 2 tokens"):
        writer.predict(raw, prompt="cuarenta y tres", max_tokens=3)
