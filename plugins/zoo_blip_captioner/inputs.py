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

_MOST_BEAMS = 64


def check_images(images: Any, size: int) -> NDArray[np.uint8]:
    """Check images, and return them as uint8.

    Shapes:
        images: whole numbers from 0 to 255 of any type, `(batch, size, size, 3)`, and the same out

    Raises:
        DataError: If they are anything else.
    """
    pixels = _numbers(images, "images")
    if pixels.shape[1:] != (size, size, 3) or not len(pixels):
        raise DataError(
            f"expected images of {size} x {size} pixels in three colors",
            why=f"received an array of {pixels.dtype}{list(pixels.shape)}",
            fix="zoo.predict reads files and brings them to the size of a model of zoo.build",
        )
    with np.errstate(invalid="ignore"):
        exact: NDArray[np.uint8] = pixels.astype(np.uint8)
    # Floats from 0 to 1 would become black without a word.
    if not np.array_equal(exact, pixels):
        raise DataError(
            "expected raw pixels, whole numbers from 0 to 255",
            why=f"received {pixels.dtype} from {pixels.min()} to {pixels.max()}",
            fix="leave scaling to the captioner; floats from 0 to 1: np.rint(255 * images)",
        )
    return exact


def prompt_tokens(
    prompt: Any, mask: Any, count: int, words: TextSpec
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the ids and the mask of a prompt, the start token first.

    Args:
        prompt: Text, ids `(count, time)`, or ``None``.
        mask: Which ids are real; ``None`` for all.
        count: Number of images.
        words: Vocabulary and special tokens.

    Raises:
        ConfigError: If no word of a text is known.
        DataError: If ids or mask do not fit.
    """
    if prompt is None or isinstance(prompt, str):
        if mask is not None:
            raise DataError("a mask tells the padding of ids", why="the prompt is none of ids")
        said = _said(prompt, words) if prompt else ()
        ids = np.tile(np.array([words.start, *said], np.int32), (count, 1))
        return ids, np.ones(ids.shape, bool)
    given = _numbers(prompt, "ids of a prompt")
    if given.ndim != 2 or len(given) != count or not given.shape[1]:
        raise DataError(
            "the prompt does not fit the images",
            why=f"expected ids of {count} rows. Received: {list(given.shape)}",
        )
    known = len(words.vocabulary)
    if given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= known:
        raise DataError(
            "the prompt is not made of the captioner's words",
            why=f"ids are whole numbers from 0 to {known - 1:,}. Received: {given.dtype} from "
            f"{given.min()} to {given.max()}",
        )
    real = np.ones(given.shape, bool) if mask is None else _numbers(mask, "mask").astype(bool)
    if real.shape != given.shape or not real.any(axis=1).all():
        raise DataError(
            "the mask does not fit the prompt",
            why=f"expected {list(given.shape)}, and something real in every row. Received: "
            f"{list(real.shape)}",
        )
    return given.astype(np.int32), real


def check_options(asked: Mapping[str, Any], time: int, positions: int) -> None:
    """Check that options are in range.

    Args:
        asked: Options of :meth:`zoo_blip_captioner.BlipCaptioner.generate`, by name.
        time: Length of the prompt, tokens.
        positions: Maximum length of a text with its prompt.

    Raises:
        ConfigError: With one finding per option.
    """
    limit, strategy, beams = asked["max_new_tokens"], asked["strategy"], asked["beams"]
    penalty, early = asked["length_penalty"], asked["early_stopping"]
    compiled = asked["jit_compile"]
    room = positions - time
    rules = {
        "max_new_tokens": (
            _is_whole(limit) and 1 <= limit <= room,
            f"from 1 to {room:,}: there are {positions:,} positions, and the prompt_tokens takes "
            f"{time:,}",
        ),
        "strategy": (strategy in ("greedy", "beam"), "greedy or beam"),
        "beams": (_is_whole(beams) and 1 <= beams <= _MOST_BEAMS, f"from 1 to {_MOST_BEAMS}"),
        "length_penalty": (
            isinstance(penalty, int | float) and 0 <= penalty <= 10,
            "from 0 to 10",
        ),
        "early_stopping": (isinstance(early, bool), "true or false"),
        "jit_compile": (
            isinstance(compiled, bool) and (not compiled or strategy == "greedy"),
            "true or false, and true for the greedy search alone",
        ),
    }
    if findings := [
        Finding(name, asked[name], allowed) for name, (right, allowed) in rules.items() if not right
    ]:
        raise ConfigError("nothing can be written as asked", findings=findings)


def _numbers(given: Any, what: str) -> NDArray[Any]:
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise DataError(f"the {what} are no array", why=str(error)) from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"the {what} are no numbers", why=f"received an array of {array.dtype}")
    return array


def _said(prompt: str, words: TextSpec) -> NDArray[np.int32]:
    """Return the ids of a text prompt, of which at least one word is known."""
    found: NDArray[np.int32] = np.zeros(0, np.int32)
    if prompt.strip():
        found = zoo.runtime.encode_text([prompt], words)[0]
    if (found == words.unk).all():
        raise ConfigError(
            "the captioner cannot go on from this prompt",
            findings=[Finding("prompt", prompt[:80], "words of which it knows one at least")],
        )
    return found


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
