"""The greedy search as a part of a graph: one call writes a whole text.

Importing this module imports keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras import ops

if TYPE_CHECKING:
    from zoo_blip_captioner.text import TextDecoder


def write_greedily(
    decoder: TextDecoder,
    memories: Sequence[Any],
    ids: Any,
    mask: Any,
    *,
    steps: int,
    end: int,
    pad: int,
) -> Any:
    """Take the likeliest word, again and again, until every text has ended.

    A loop inside a graph may not change the shape of what it carries, so the caches have their
    full length from the beginning, and a mask says which places of them are filled.

    Args:
        decoder: What scores the next word.
        memories: Of each block, keys and values of the picture.
        ids: The beginning, int `(batch, time)`
        mask: Which of it is real, bool `(batch, time)`
        steps: The longest text.
        end: The sign that ends a text.
        pad: What stands behind it.

    Returns:
        Ids, int32 `(batch, steps)`
    """
    positions = counted(mask)
    logits, presents = decoder(ids, memories, allowed=mask, positions=positions)
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

    def going(step: Any, _: Any, over: Any, *__: Any) -> Any:
        return ops.logical_and(step < steps, ops.logical_not(ops.all(over)))

    def body(step: Any, word: Any, over: Any, written: Any, known: Any, *caches: Any) -> Any:
        word = ops.where(over, pad, word)
        written = ops.where(ops.equal(columns, step), word[:, None], written)
        over = ops.logical_or(over, ops.equal(word, end))
        known = ops.logical_or(known, ops.equal(places, time + step)[None])
        logits, presents = decoder(
            word[:, None],
            memories,
            allowed=known,
            pasts=list(caches),
            place=time + step,
            positions=positions[:, -1:] + 1 + step,
        )
        return (step + 1, _likeliest(logits), over, written, known, *presents)

    over = ops.cast(row[:, 0], "bool")
    state = (0, _likeliest(logits), over, written, known, *caches)
    return ops.while_loop(going, body, state)[3]


def counted(mask: Any) -> Any:
    """Return the position of each real word among the real ones; of padding, 0.

    Shapes:
        mask: bool `(batch, time)`
        Out: int32 `(batch, time)`
    """
    real = ops.cast(mask, "int32")
    return ops.where(mask, ops.cumsum(real, axis=1) - 1, 0)


def _likeliest(logits: Any) -> Any:
    return ops.cast(ops.argmax(logits[:, -1], axis=-1), "int32")


__all__ = ["counted", "write_greedily"]
