"""Checks of a captioner's images, prompt and options.

Importing this module imports no keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from zoo import TextSpec
from zoo.errors import ConfigError, DataError, Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_BEAMS = 64


def check_images(images: Any, size: int) -> NDArray[np.uint8]:
    """Check images, and return them as uint8.

    Shapes:
        images: Whole numbers from 0 to 255 of any type, `(batch, size, size, 3)`
        Out: The same, uint8.

    Raises:
        DataError: If they are anything else.
    """
    pixels = _numbers(images, "batch of images")
    if pixels.shape[1:] != (size, size, 3) or not len(pixels):
        raise DataError(
            f"expected images of {size} x {size} pixels in three colors",
            why=f"received an array of {pixels.dtype}{list(pixels.shape)}",
            fix="zoo.predict reads and resizes files for a model of zoo.build",
        )
    with np.errstate(invalid="ignore"):
        exact: NDArray[np.uint8] = pixels.astype(np.uint8)
    # Floats from 0 to 1 would silently become black.
    if not np.array_equal(exact, pixels):
        raise DataError(
            "expected raw pixels, whole numbers from 0 to 255",
            why=f"received {pixels.dtype} from {pixels.min()} to {pixels.max()}",
            fix="leave scaling to the captioner; floats from 0 to 1: np.rint(255 * images)",
        )
    return exact


def prompt_tokens(
    prompt: Any, mask: Any, count: int, text: TextSpec
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the ids and the mask of a prompt, the start token first.

    Args:
        prompt: Text, ids `(count, time)`, or ``None``.
        mask: Which ids are real; ``None`` for all.
        count: Number of images.
        text: Vocabulary and special tokens.

    Raises:
        ConfigError: If no word of a text is known.
        DataError: If ids or mask do not fit.
    """
    if prompt is None or isinstance(prompt, str):
        if mask is not None:
            raise DataError("a mask needs a prompt of token ids", why=f"the prompt is {prompt!r}")
        tokens = _encode_prompt(prompt, text) if prompt else ()
        ids = np.tile(np.array([text.start, *tokens], np.int32), (count, 1))
        return ids, np.ones(ids.shape, bool)
    given = _numbers(prompt, "prompt")
    if given.ndim != 2 or len(given) != count or not given.shape[1]:
        raise DataError(
            "the prompt does not fit the images",
            why=f"expected ids of {count} rows. Received: {list(given.shape)}",
        )
    size = len(text.vocabulary)
    if given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= size:
        raise DataError(
            "the prompt has ids outside the captioner's vocabulary",
            why=f"expected whole numbers from 0 to {size - 1:,}. Received: {given.dtype} from "
            f"{given.min()} to {given.max()}",
        )
    real = np.ones(given.shape, bool) if mask is None else _numbers(mask, "mask").astype(bool)
    if real.shape != given.shape or not real.any(axis=1).all():
        raise DataError(
            "the mask does not fit the prompt",
            why=f"expected {list(given.shape)}, and a real token in every row. Received: "
            f"{list(real.shape)}",
        )
    return given.astype(np.int32), real


def check_options(options: Mapping[str, Any], prompt_length: int, max_positions: int) -> None:
    """Check that options are in range.

    Args:
        options: Options of :meth:`zoo_blip_captioner.BlipCaptioner.generate`, by name.
        prompt_length: Length of the prompt, tokens.
        max_positions: Maximum length of a text with its prompt.

    Raises:
        ConfigError: With one finding per option.
    """
    limit, strategy, beams = options["max_new_tokens"], options["strategy"], options["beams"]
    penalty = options["length_penalty"]
    room = max_positions - prompt_length
    rules = {
        "max_new_tokens": (
            _is_whole(limit) and 1 <= limit <= room,
            f"from 1 to {room:,}: there are {max_positions:,} positions, and the prompt takes "
            f"{prompt_length:,}",
        ),
        "strategy": (strategy in ("greedy", "beam"), "greedy or beam"),
        "beams": (_is_whole(beams) and 1 <= beams <= _MAX_BEAMS, f"from 1 to {_MAX_BEAMS}"),
        "length_penalty": (
            isinstance(penalty, int | float) and 0 <= penalty <= 10,
            "from 0 to 10",
        ),
        "early_stopping": (isinstance(options["early_stopping"], bool), "true or false"),
    }
    findings = [
        Finding(name, options[name], allowed)
        for name, (right, allowed) in rules.items()
        if not right
    ]
    if findings:
        raise ConfigError("no text can be generated with these options", findings=findings)


def _numbers(given: Any, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise DataError(f"the {name} is not an array", why=str(error)) from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"the {name} is not numeric", why=f"received an array of {array.dtype}")
    return array


def _encode_prompt(prompt: str, text: TextSpec) -> NDArray[np.int32]:
    """Return the ids of a text prompt, of which at least one word is known."""
    ids = np.zeros(0, np.int32)
    if prompt.strip():
        ids = zoo.runtime.encode_text([prompt], text)[0]
    if (ids == text.unk).all():
        raise ConfigError(
            "the captioner cannot continue this prompt",
            findings=[Finding("prompt", prompt[:80], "at least one word of the vocabulary")],
        )
    return ids


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
