"""Beam search outside the graph, step by step, as the package transformers does it.

Importing this module imports keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

import zoo
from zoo import Arrays
from zoo_blip_captioner.writing import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_blip_captioner.sides import Sides

_REAL, _PLACE = "real", "place"


def search(
    captioner: Sides,
    inputs: Arrays,
    *,
    beams: int,
    length_penalty: float,
    early_stopping: bool,
    limit: int,
) -> NDArray[np.int32]:
    """Write a text for each picture, with several beginnings kept.

    Args:
        captioner: What scores.
        inputs: ``images``, ``ids`` and ``mask``, as :meth:`BlipCaptioner.generate` takes them.
        beams: How many beginnings.
        length_penalty: Exponent of the length that a log probability is divided by.
        early_stopping: Whether as many ended texts as beams are enough.
        limit: The longest text.

    Returns:
        Ids `(batch, time)`, padded.
    """
    looking, going_on = _graphs(captioner)

    def encode(given: Arrays) -> Arrays:
        return {name: np.asarray(value) for name, value in looking(given).items()}

    def decode(given: Arrays) -> Arrays:
        return {name: np.asarray(value) for name, value in going_on(given).items()}

    found = zoo.runtime.generate(
        {"encode": encode, "decode": decode},
        inputs,
        captioner.words,
        beams=beams,
        length_penalty=length_penalty,
        max_tokens=limit,
        style="transformers",
        early_stopping=early_stopping,
    )
    return found.tokens


def _graphs(captioner: Sides) -> tuple[Any, Any]:
    """Return a function that reads the beginning, and one that goes on by a word.

    What is real among the words so far, and the position of the next one, are part of the state.
    """
    decoder = captioner.decoder
    numbers = range(1, decoder.layers + 1)

    def look(given: Arrays) -> dict[str, Any]:
        memories = decoder.remember(captioner.vision(given["images"], training=False))
        mask = ops.convert_to_tensor(given["mask"])
        positions = counted(mask)
        logits, caches = decoder(given["ids"], memories, allowed=mask, positions=positions)
        state = {f"keys_{n}": memories[n - 1][0] for n in numbers}
        state |= {f"values_{n}": memories[n - 1][1] for n in numbers}
        state |= {f"cache_{n}": caches[n - 1] for n in numbers}
        state |= {_REAL: mask, _PLACE: positions[:, -1:] + 1}
        return {"logits": logits[:, -1], **state}

    def go_on(given: Arrays) -> dict[str, Any]:
        memories = [(given[f"keys_{n}"], given[f"values_{n}"]) for n in numbers]
        caches = [given[f"cache_{n}"] for n in numbers]
        word = ops.convert_to_tensor(given["token"])[:, None]
        real = ops.concatenate([given[_REAL], ops.ones_like(given[_REAL][:, :1])], axis=1)
        logits, after = decoder(word, memories, allowed=real, pasts=caches, positions=given[_PLACE])
        state = {f"next_cache_{n}": after[n - 1] for n in numbers}
        state |= {f"next_{_REAL}": real, f"next_{_PLACE}": given[_PLACE] + 1}
        return {"logits": logits[:, 0], **state}

    return look, go_on


__all__ = ["search"]
