"""Attention of several heads: who may look where, and a cache of what was looked at before."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

PACKAGE = "zoo"

BARRED = -3.0e4
"""The score of a pair that may not see each other.

Its weight behind the softmax is exactly 0 wherever one pair is allowed. It is finite, also in half
precision, so that a row of pure padding attends evenly to everything instead of becoming NaN.
"""


def attend(query: Any, keys: Any, values: Any, allowed: Any, heads: int) -> Any:
    """Return scaled dot-product attention of several heads (Vaswani et al. 2017, equation 1).

    ``softmax(Q Kᵀ / √d) V`` for each head, where ``d`` is the width of a head; the heads lie side
    by side in the last axis.

    Args:
        query: What looks.
        keys: What is looked for.
        values: What is found there.
        allowed: Which pairs may see each other; broadcast over the shape below. ``None`` for all.
        heads: How many heads share the width.

    Shapes:
        query: `(batch, queries, width)`
        keys, values: `(batch, keys, width)`
        allowed: bool `(batch, 1, queries, keys)`, any axis may be 1
        Out: `(batch, queries, width)`
    """
    return _attend(query, *lay_out(keys, values, heads), allowed)


def lay_out(keys: Any, values: Any, heads: int) -> tuple[Any, Any]:
    """Return keys and values as the products of attention need them, each head by itself.

    Who looks at the same ones many times, as each step of a decoder does, lays them out once.

    Shapes:
        keys, values: `(batch, keys, width)`
        Out: `(batch, heads, width / heads, keys)` and `(batch, heads, keys, width / heads)`
    """
    keys = ops.transpose(_part(keys, heads), (0, 2, 3, 1))
    return keys, ops.transpose(_part(values, heads), (0, 2, 1, 3))


def _attend(query: Any, keys: Any, values: Any, allowed: Any) -> Any:
    heads, size = keys.shape[1:3]
    query = ops.transpose(_part(query, heads), (0, 2, 1, 3))
    scores = ops.matmul(query * size**-0.5, keys)
    if allowed is not None:
        scores = ops.where(allowed, scores, ops.cast(BARRED, scores.dtype))
    # One key has all the weight; Keras warns of a softmax over one value.
    weights = ops.ones_like(scores) if scores.shape[-1] == 1 else ops.softmax(scores, axis=-1)
    found = ops.matmul(weights, values)
    return _join(ops.transpose(found, (0, 2, 1, 3)), heads * size)


def _part(x: Any, heads: int) -> Any:
    return ops.reshape(x, (-1, ops.shape(x)[1], heads, x.shape[-1] // heads))


def _join(x: Any, width: int) -> Any:
    return ops.reshape(x, (-1, ops.shape(x)[1], width))


def rotate(x: Any, heads: int, offset: Any = 0) -> Any:
    """Turn each pair of a head's elements by an angle that grows with the position.

    Rotary positions (Su et al. 2021, arXiv:2104.09864): the product of a rotated query and a
    rotated key depends on their distance alone.

    Args:
        x: Queries or keys of all heads.
        heads: How many heads share the width; a head's width must be even.
        offset: The position of the first row.

    Shapes:
        x: `(batch, time, width)`, and the same out.
    """
    width = x.shape[-1]
    x = _part(x, heads)
    half = x.shape[-1] // 2
    angles = position_angles(ops.shape(x)[1], half, offset)
    sine = ops.cast(ops.sin(angles), x.dtype)[:, None, :]
    cosine = ops.cast(ops.cos(angles), x.dtype)[:, None, :]
    first, second = x[..., :half], x[..., half:]
    turned = [first * cosine - second * sine, second * cosine + first * sine]
    return _join(ops.concatenate(turned, axis=-1), width)


def position_angles(length: Any, rates: int, offset: Any = 0) -> Any:
    """Return ``position / 10000^(i / rates)`` (Vaswani et al. 2017, section 3.5).

    Shapes:
        Out: `(length, rates)`, float32
    """
    places = ops.cast(ops.arange(length) + offset, "float32")
    scale = ops.convert_to_tensor([10_000.0 ** (-i / rates) for i in range(rates)], "float32")
    return places[:, None] * scale[None, :]


@keras.saving.register_keras_serializable(package=PACKAGE)
class SelfAttention(keras.layers.Layer):
    """Attention of a sequence to itself, or of its next part to itself and to what came before.

    Args:
        heads: How many heads share the width, which they must divide.
        causal: Whether a position sees only itself and what is before it.
        rotary: Whether queries and keys are rotated by their positions: see :func:`rotate`.

    Call arguments:
        x: `(batch, time, width)`
        allowed: Which positions are real, bool `(batch, time)`; all, if it is left out.
        past: The cache that an earlier call gave, `(batch, before, 2 * width)`: keys and values,
            side by side. What is computed with it equals one call over everything.
        place: Where in the cache the one position of ``x`` belongs, if the cache has its full
            length from the beginning, as a loop inside a graph needs it; ``allowed`` then says
            which places are filled, this one included. The rotary form has no such cache.

    Returns:
        The output `(batch, time, width)` and the cache `(batch, before + time, 2 * width)`; with a
        place, of the same length as before.
    """

    def __init__(
        self, heads: int, causal: bool = False, rotary: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.heads, self.causal, self.rotary = heads, causal, rotary

    def build(self, input_shape: Any) -> None:
        """Create the projections, those of query, key and value as one."""
        width = input_shape[-1]
        check_heads(width, self.heads, rotary=self.rotary)
        self.inner = keras.layers.Dense(
            3 * width, kernel_initializer=_uniform(width, width), dtype=self.dtype_policy
        )
        self.outer = keras.layers.Dense(width, dtype=self.dtype_policy)
        self.inner.build((None, None, width))
        self.outer.build((None, None, width))
        self.width = width

    def call(self, x: Any, allowed: Any = None, past: Any = None, place: Any = None) -> Any:
        """Attend."""
        query, keys, values = ops.split(self.inner(x), 3, axis=-1)
        if place is not None:
            here = ops.equal(ops.arange(ops.shape(past)[1]), place)[None, :, None]
            present = ops.where(here, ops.concatenate([keys, values], axis=-1), past)
            keys, values = ops.split(present, 2, axis=-1)
            found = attend(query, keys, values, allowed[:, None, None, :], self.heads)
            return self.outer(found), present
        before = 0 if past is None else ops.shape(past)[1]
        if self.rotary:
            query = rotate(query, self.heads, before)
            keys = rotate(keys, self.heads, before)
        present = ops.concatenate([keys, values], axis=-1)
        if past is not None:
            present = ops.concatenate([past, present], axis=1)
            keys, values = ops.split(present, 2, axis=-1)
        found = attend(query, keys, values, self._pairs(x, keys, allowed, before), self.heads)
        return self.outer(found), present

    def _pairs(self, x: Any, keys: Any, allowed: Any, before: Any) -> Any:
        queries, seen = ops.shape(x)[1], ops.shape(keys)[1]
        pairs = None if allowed is None else allowed[:, None, None, :]
        # One position alone is the last, and may see all that is there.
        if not self.causal or x.shape[1] == 1:
            return pairs
        here = ops.arange(queries)[:, None] + before
        earlier = (ops.arange(seen)[None, :] <= here)[None, None]
        return earlier if pairs is None else ops.logical_and(pairs, earlier)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        config = {"heads": self.heads, "causal": self.causal, "rotary": self.rotary}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package=PACKAGE)
class CrossAttention(keras.layers.Layer):
    """Attention of a sequence to another one, whose keys and values are made once, outside.

    Args:
        heads: How many heads share the width, which they must divide.

    Call arguments:
        x: What looks, `(batch, time, width)`
        memory: Keys and values, side by side, `(batch, memory, 2 * width)`; or a pair of them, laid
            out by :func:`lay_out`.
        allowed: Which of them are real, bool `(batch, memory)`

    Returns:
        `(batch, time, width)`
    """

    def __init__(self, heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, input_shape: Any) -> None:
        """Create the projections of the query and of what was found."""
        width = input_shape[-1]
        check_heads(width, self.heads)
        self.inner = keras.layers.Dense(width, dtype=self.dtype_policy)
        self.outer = keras.layers.Dense(width, dtype=self.dtype_policy)
        self.inner.build((None, None, width))
        self.outer.build((None, None, width))

    def call(self, x: Any, memory: Any, allowed: Any = None) -> Any:
        """Attend."""
        pairs = None if allowed is None else allowed[:, None, None, :]
        if isinstance(memory, list | tuple):
            keys, values = memory
            return self.outer(_attend(self.inner(x), keys, values, pairs))
        keys, values = ops.split(memory, 2, axis=-1)
        return self.outer(attend(self.inner(x), keys, values, pairs, self.heads))

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "heads": self.heads}


def check_heads(width: int, heads: int, *, rotary: bool = False) -> None:
    """Refuse a width that the heads cannot share.

    Raises:
        ValueError: As Keras's own layers do.
    """
    if width % heads or (rotary and width // heads % 2):
        even = " into even parts" if rotary else ""
        raise ValueError(
            f"expected a width that {heads} heads divide{even}. Received: width={width}"
        )


def _uniform(inputs: int, outputs: int) -> keras.initializers.Initializer:
    """Return Glorot's initializer for one of several projections that are kept as one matrix."""
    return keras.initializers.RandomUniform(
        -((6.0 / (inputs + outputs)) ** 0.5), (6.0 / (inputs + outputs)) ** 0.5
    )


__all__ = [
    "BARRED",
    "CrossAttention",
    "SelfAttention",
    "attend",
    "check_heads",
    "lay_out",
    "position_angles",
    "rotate",
]
