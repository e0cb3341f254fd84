"""Images, prompts and options of a captioner: each is accepted or refused with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tests.plugins.blip import tiny
from zoo.errors import ConfigError, DataError, ZooError
from zoo_blip_captioner.captioner import BlipCaptioner
from zoo_blip_captioner.inputs import prompt_tokens

LIMIT = 3
QUICK: dict[str, Any] = {"max_new_tokens": LIMIT, "strategy": "beam", "beams": 1}
"""Beam search compiles no graph for each length of prompt and text."""


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> BlipCaptioner:
    return tiny.captioner(tmp_path_factory.mktemp("ours"))


@pytest.mark.parametrize("strategy", ["greedy", "beam"])
@pytest.mark.parametrize(
    "images",
    [
        np.zeros((0, 36, 36, 3), np.uint8),
        np.zeros((36, 36, 3), np.uint8),
        np.zeros((1, 36, 36), np.uint8),
        np.zeros((1, 36, 36, 1), np.uint8),
        np.zeros((1, 36, 36, 4), np.uint8),
        np.zeros((1, 3, 36, 36), np.uint8),
        np.zeros((1, 35, 36, 3), np.uint8),
        np.zeros((1, 1, 36, 36, 3), np.uint8),
        np.zeros((), np.uint8),
        [],
        [[1, 2], [3]],
        None,
        "photo.jpg",
        np.full((1, 36, 36, 3), "x"),
        np.full((1, 36, 36, 3), None),
        np.full((1, 36, 36, 3), 1j),
        np.full((1, 36, 36, 3), 0.5),
        np.full((1, 36, 36, 3), 256),
        np.full((1, 36, 36, 3), -1),
        np.full((1, 36, 36, 3), np.nan),
        np.full((1, 36, 36, 3), np.inf),
    ],
    ids=lambda value: f"{getattr(value, 'dtype', '')}{getattr(value, 'shape', value)}",
)
def test_images_that_do_not_fit_are_refused(
    ours: BlipCaptioner, images: Any, strategy: Any
) -> None:
    with pytest.raises(DataError) as caught:
        ours.generate(images, strategy=strategy)
    assert caught.value.why


def test_an_error_says_which_images_are_accepted(ours: BlipCaptioner) -> None:
    with pytest.raises(DataError, match="36 x 36 pixels in three colors") as caught:
        ours.generate_text(np.zeros((2, 40, 30, 3), np.uint8))
    assert "uint8[2, 40, 30, 3]" in caught.value.why
    with pytest.raises(DataError, match="raw pixels") as caught:
        ours.generate_text(tiny.pictures(1) / 255)
    assert "float64 from 0" in caught.value.why and "255 * images" in caught.value.fix


@pytest.mark.parametrize(
    ("kind", "strategy"),
    [
        *((kind, "greedy") for kind in ("int64", "float32", "bool", "float16")),
        ("int64", "beam"),
        *(pytest.param(kind, "beam", marks=pytest.mark.slow) for kind in ("float32", "bool")),
        pytest.param("float16", "beam", marks=pytest.mark.slow),
    ],
)
def test_whole_numbers_of_any_type_are_the_same_pixels(
    ours: BlipCaptioner, kind: str, strategy: Any
) -> None:
    images = tiny.pictures(2) if kind != "bool" else tiny.pictures(2) // 128
    how: dict[str, Any] = {"strategy": strategy, "max_new_tokens": LIMIT}
    expected = ours.generate(images, **how)
    np.testing.assert_array_equal(ours.generate(images.astype(kind), **how), expected)
    if kind == "int64":
        np.testing.assert_array_equal(ours.generate(images.tolist(), **how), expected)


@settings(max_examples=60, deadline=None)
@given(
    images=arrays(
        st.sampled_from(["uint8", "int16", "float32", "bool", "complex64", "U1"]),
        array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
    )
)
def test_any_other_array_is_a_typed_error(ours: BlipCaptioner, images: np.ndarray) -> None:
    with pytest.raises(ZooError):
        ours.generate(images)


@pytest.mark.parametrize("strategy", ["greedy", "beam"])
@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"max_new_tokens": -1}, "max_new_tokens"),
        ({"max_new_tokens": 32}, "from 1 to 31: there are 32 positions"),
        ({"max_new_tokens": 10**30}, "max_new_tokens"),
        ({"max_new_tokens": 2.5}, "max_new_tokens"),
        ({"max_new_tokens": "5"}, "max_new_tokens"),
        ({"max_new_tokens": None}, "max_new_tokens"),
        ({"max_new_tokens": True}, "max_new_tokens"),
        ({"prompt": "a detailed photo of", "max_new_tokens": 28}, "the prompt takes 5"),
        ({"beams": 0}, "beams"),
        ({"beams": 65}, "beams"),
        ({"beams": "3"}, "beams"),
        ({"length_penalty": float("nan")}, "length_penalty"),
        ({"length_penalty": -1.0}, "length_penalty"),
        ({"length_penalty": "high"}, "length_penalty"),
        ({"early_stopping": "never"}, "early_stopping"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(
    ours: BlipCaptioner, wrong: dict[str, Any], where: str, strategy: Any
) -> None:
    with pytest.raises(ConfigError, match="no text can be generated") as caught:
        ours.generate(tiny.pictures(1), **{"strategy": strategy, **wrong})
    assert where in caught.value.why


@pytest.mark.parametrize("strategy", ["sample", "", None, 3, ["greedy"]])
def test_an_unknown_strategy_is_refused(ours: BlipCaptioner, strategy: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        ours.generate(tiny.pictures(1), strategy=strategy)
    assert "strategy: greedy or beam" in caught.value.why


def test_every_invalid_option_is_reported_at_once(ours: BlipCaptioner) -> None:
    with pytest.raises(ConfigError) as caught:
        ours.generate(tiny.pictures(1), max_new_tokens=0, beams=0, strategy="x", length_penalty=11)
    assert len(caught.value.findings) == 4


@pytest.mark.parametrize("task", ["question", "", None, 4, ["caption"]])
def test_an_unknown_task_is_refused_with_the_known_ones(ours: BlipCaptioner, task: Any) -> None:
    with pytest.raises(ConfigError, match="does not have that task") as caught:
        ours.generate_text(tiny.pictures(1), task)
    assert "one of caption, summary" in caught.value.why


@pytest.mark.parametrize("strategy", ["greedy", "beam"])
@pytest.mark.parametrize(
    "prompt",
    [
        np.zeros((1, 0), np.int32),
        np.zeros((2, 3), np.int32),
        np.zeros(3, np.int32),
        np.array([[tiny.START, len(tiny.PIECES)]]),
        np.array([[tiny.START, -1]]),
        np.array([[tiny.START, 2**40]]),
        np.array([[tiny.START, 4.0]]),
        np.array([[tiny.START, np.nan]]),
        np.array([[True, False]]),
        [["a", "photo"]],
        [[1, 2], [3]],
        {"ids": [1]},
        b"a photo",
        7,
    ],
    ids=str,
)
def test_ids_that_do_not_fit_are_refused(ours: BlipCaptioner, prompt: Any, strategy: Any) -> None:
    with pytest.raises(DataError):
        ours.generate(tiny.pictures(1), prompt, strategy=strategy)


@pytest.mark.parametrize(
    "mask",
    [
        np.ones((1, 4), bool),
        np.ones((2, 3), bool),
        np.ones(3, bool),
        np.zeros((1, 3), bool),
        [["yes", "no", "yes"]],
    ],
    ids=str,
)
def test_a_mask_that_does_not_fit_is_refused(ours: BlipCaptioner, mask: Any) -> None:
    with pytest.raises(DataError, match="mask"):
        ours.generate(tiny.pictures(1), np.array([[tiny.START, 4, 5]]), mask=mask)


def test_a_mask_without_ids_is_refused(ours: BlipCaptioner) -> None:
    with pytest.raises(DataError, match="mask"):
        ours.generate(tiny.pictures(1), "a photo", mask=np.ones((1, 3), bool))


def test_a_mask_may_be_zeros_and_ones(ours: BlipCaptioner) -> None:
    ids, mask = tiny.begun(2, 4, left=True)
    expected = ours.generate(tiny.pictures(2), ids, mask=mask, **QUICK)
    found = ours.generate(tiny.pictures(2), ids, mask=mask.astype(int), **QUICK)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("prompt", ["  ", "\n", "elephants", "ÄÖ ☃", "[SEP]x qq"])
def test_a_prompt_without_a_known_word_is_refused(ours: BlipCaptioner, prompt: str) -> None:
    with pytest.raises(ConfigError, match="cannot continue this prompt") as caught:
        ours.generate_text(tiny.pictures(1), prompt=prompt)
    assert repr(prompt) in caught.value.why


def test_a_prompt_may_have_unknown_words_and_an_empty_one_is_none(ours: BlipCaptioner) -> None:
    images = tiny.pictures(1)
    assert ours.generate_text(images, prompt="", **QUICK) == ours.generate_text(images, **QUICK)
    unknown = np.array([[tiny.START, 4, 1, 6]])
    np.testing.assert_array_equal(
        ours.generate(images, "A  elephant PHOTO", **QUICK),
        ours.generate(images, unknown, **QUICK),
    )


def test_a_prompt_that_is_too_long_is_refused(ours: BlipCaptioner) -> None:
    for words, kind in ((31, ConfigError), (32, ConfigError), (33, DataError), (5000, DataError)):
        with pytest.raises(kind):
            ours.generate_text(tiny.pictures(1), prompt="photo " * words, max_new_tokens=1)
    options: dict[str, Any] = {**QUICK, "max_new_tokens": 1}
    assert ours.generate_text(tiny.pictures(1), prompt="photo " * 30, **options)


@settings(max_examples=80, deadline=None)
@given(prompt=st.text(max_size=40))
def test_any_prompt_is_encoded_or_a_typed_error(ours: BlipCaptioner, prompt: str) -> None:
    try:
        ids, real = prompt_tokens(prompt, None, 2, ours.text_spec)
    except ZooError as error:
        assert error.what
    else:
        assert ids.shape == real.shape and len(ids) == 2 and (ids[:, 0] == tiny.START).all()
        assert ids.max() < len(tiny.PIECES)


def test_generated_texts_have_no_special_tokens(ours: BlipCaptioner) -> None:
    for text in ours.generate_text(tiny.pictures(4), **{**QUICK, "max_new_tokens": 8}):
        assert isinstance(text, str)
        assert not any(token in text for token in ("[SEP]", "[DEC]", "[PAD]"))
