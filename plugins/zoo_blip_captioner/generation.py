"""Greedy search as a graph, and beam search by the loop of the runtime.

Importing this module imports keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

import zoo
from zoo import Arrays, PredictFn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_blip_captioner.captioner import BlipCaptioner
    from zoo_blip_captioner.text import TextDecoder

_MASK, _POSITION = "mask", "position"


def greedy_search(
    decoder: TextDecoder,
    memories: Sequence[Any],
    ids: Any,
    mask: Any,
    *,
    steps: int,
    end: int,
    pad: int,
) -> Any:
    """Greedy search inside a graph, until every text has ended.

    A loop inside a graph may not change the shapes of its state, so the caches have their full
    length from the start, with a mask of the filled positions.

    Args:
        decoder: The text decoder.
        memories: Keys and values of the image, by block.
        ids: The prompt, int `(batch, time)`
        mask: Which ids are real, bool `(batch, time)`
        steps: Maximum number of new tokens.
        end: Id of the end token.
        pad: Id of the padding token.

    Returns:
        Ids, int32 `(batch, steps)`
    """
    positions = token_positions(mask)
    logits, presents = decoder(ids, memories, padding_mask=mask, positions=positions)
    row = ops.zeros_like(ops.cast(ids[:, :1], "int32"))
    written = ops.repeat(row, steps, axis=1) + pad
    room = ops.repeat(ops.cast(row, "bool"), steps, axis=1)
    known = ops.concatenate([mask, room], axis=1)
    caches = [
        ops.concatenate([p, ops.zeros_like(ops.repeat(p[:, :1], steps, axis=1))], axis=1)
        for p in presents
    ]
    time = ops.shape(ids)[1]
    places, columns = ops.arange(time + steps), ops.arange(steps)[None]

    def unfinished(step: Any, _: Any, ended: Any, *__: Any) -> Any:
        return ops.logical_and(step < steps, ops.logical_not(ops.all(ended)))

    def body(step: Any, token: Any, ended: Any, written: Any, known: Any, *caches: Any) -> Any:
        token = ops.where(ended, pad, token)
        written = ops.where(ops.equal(columns, step), token[:, None], written)
        ended = ops.logical_or(ended, ops.equal(token, end))
        known = ops.logical_or(known, ops.equal(places, time + step)[None])
        logits, presents = decoder(
            token[:, None],
            memories,
            padding_mask=known,
            caches=list(caches),
            cache_index=time + step,
            positions=positions[:, -1:] + 1 + step,
        )
        return (step + 1, _argmax(logits), ended, written, known, *presents)

    ended = ops.cast(row[:, 0], "bool")
    state = (0, _argmax(logits), ended, written, known, *caches)
    return ops.while_loop(unfinished, body, state)[3]


def token_positions(mask: Any) -> Any:
    """Return the position of each real token among the real ones; 0 for padding.

    Shapes:
        mask: bool `(batch, time)`
        Out: int32 `(batch, time)`
    """
    real = ops.cast(mask, "int32")
    return ops.where(mask, ops.cumsum(real, axis=1) - 1, 0)


def _argmax(logits: Any) -> Any:
    return ops.cast(ops.argmax(logits[:, -1], axis=-1), "int32")


def beam_search(
    captioner: BlipCaptioner,
    inputs: Arrays,
    *,
    beams: int,
    length_penalty: float,
    early_stopping: bool,
    limit: int,
) -> NDArray[np.int32]:
    """Beam search outside the graph, as the package transformers does it.

    Args:
        captioner: The captioner.
        inputs: ``images``, ``ids`` and ``mask``, as :meth:`BlipCaptioner.generate` takes them.
        beams: Number of beams.
        length_penalty: Exponent of the length that a log probability is divided by.
        early_stopping: Whether as many finished texts as beams are enough.
        limit: Maximum number of new tokens.

    Returns:
        Ids `(batch, time)`, padded.
    """
    found = zoo.runtime.generate(
        _predict_fns(captioner),
        inputs,
        captioner.text_spec,
        beams=beams,
        length_penalty=length_penalty,
        max_tokens=limit,
        style="transformers",
        early_stopping=early_stopping,
    )
    return found.tokens


def _predict_fns(captioner: BlipCaptioner) -> dict[str, PredictFn]:
    """Return the functions ``encode``, which reads the prompt, and ``decode``, which reads a token.

    The mask of real tokens and the next position are part of the state.
    """
    decoder = captioner.decoder
    numbers = range(1, decoder.num_layers + 1)

    def encode(given: Arrays) -> Arrays:
        memories = decoder.project_memory(captioner.vision(given["images"], training=False))
        mask = ops.convert_to_tensor(given["mask"])
        positions = token_positions(mask)
        logits, caches = decoder(given["ids"], memories, padding_mask=mask, positions=positions)
        state = {f"keys_{n}": memories[n - 1][0] for n in numbers}
        state |= {f"values_{n}": memories[n - 1][1] for n in numbers}
        state |= {f"cache_{n}": caches[n - 1] for n in numbers}
        state |= {_MASK: mask, _POSITION: positions[:, -1:] + 1}
        return _to_numpy({"logits": logits[:, -1], **state})

    def decode(given: Arrays) -> Arrays:
        memories = [(given[f"keys_{n}"], given[f"values_{n}"]) for n in numbers]
        caches = [given[f"cache_{n}"] for n in numbers]
        token = ops.convert_to_tensor(given["token"])[:, None]
        real = ops.concatenate([given[_MASK], ops.ones_like(given[_MASK][:, :1])], axis=1)
        logits, after = decoder(
            token, memories, padding_mask=real, caches=caches, positions=given[_POSITION]
        )
        state = {f"next_cache_{n}": after[n - 1] for n in numbers}
        state |= {f"next_{_MASK}": real, f"next_{_POSITION}": given[_POSITION] + 1}
        return _to_numpy({"logits": logits[:, 0], **state})

    return {"encode": encode, "decode": decode}


def _to_numpy(tensors: dict[str, Any]) -> Arrays:
    return {name: np.asarray(value) for name, value in tensors.items()}
