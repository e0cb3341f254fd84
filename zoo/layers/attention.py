"""Multi-head attention layers with padding masks, causal masks, rotary positions and caches."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

PACKAGE = "zoo"

MASKED_SCORE = -3.0e4
"""The attention score of a masked pair.

Its softmax weight is exactly 0 wherever one pair is unmasked. It is finite, also in half precision,
so that a row of pure padding attends evenly to everything instead of becoming NaN.
"""


def dot_product_attention(query: Any, key: Any, value: Any, mask: Any, num_heads: int) -> Any:
    """Compute multi-head scaled dot-product attention (Vaswani et al. 2017, equation 1).

    ``softmax(Q Kᵀ / √d) V`` for each head, where ``d`` is the size of a head.

    Args:
        query: Queries of all heads, side by side in the last axis.
        key: Keys, likewise.
        value: Values, likewise.
        mask: Which pairs may attend; broadcast over the shape below. ``None`` for all.
        num_heads: Number of heads.

    Shapes:
        query: `(batch, queries, width)`
        key, value: `(batch, keys, width)`
        mask: bool `(batch, 1, queries, keys)`, any axis may be 1
        Out: `(batch, queries, width)`

    Example:
        >>> tuple(dot_product_attention(x, x, x, None, num_heads=2).shape)
        (2, 5, 8)
    """
    return _attend(query, *split_heads(key, value, num_heads), mask)


def split_heads(key: Any, value: Any, num_heads: int) -> tuple[Any, Any]:
    """Split keys and values by head, transposed for the two products of attention.

    A decoder that attends to the same memory at every step splits it once.

    Shapes:
        key, value: `(batch, keys, width)`
        Out: `(batch, heads, width / heads, keys)` and `(batch, heads, keys, width / heads)`

    Example:
        >>> keys, values = split_heads(x, x, num_heads=2)
        >>> tuple(keys.shape), tuple(values.shape)
        ((2, 2, 4, 5), (2, 2, 5, 4))
    """
    key = ops.transpose(_split(key, num_heads), (0, 2, 3, 1))
    return key, ops.transpose(_split(value, num_heads), (0, 2, 1, 3))


def _attend(query: Any, key: Any, value: Any, mask: Any) -> Any:
    num_heads, size = key.shape[1:3]
    query = ops.transpose(_split(query, num_heads), (0, 2, 1, 3))
    scores = ops.matmul(query * size**-0.5, key)
    if mask is not None:
        scores = ops.where(mask, scores, ops.cast(MASKED_SCORE, scores.dtype))
    # A single key has all the weight; Keras warns of a softmax over one value.
    weights = ops.ones_like(scores) if scores.shape[-1] == 1 else ops.softmax(scores, axis=-1)
    attended = ops.matmul(weights, value)
    return _merge(ops.transpose(attended, (0, 2, 1, 3)), num_heads * size)


def _split(x: Any, num_heads: int) -> Any:
    return ops.reshape(x, (-1, ops.shape(x)[1], num_heads, x.shape[-1] // num_heads))


def _merge(x: Any, width: int) -> Any:
    return ops.reshape(x, (-1, ops.shape(x)[1], width))


def rotary_embedding(x: Any, num_heads: int, offset: Any = 0) -> Any:
    """Apply rotary position embeddings (RoPE; Su et al. 2021, arXiv:2104.09864).

    Each pair of a head's elements is rotated by an angle that grows with the position, so that the
    product of a query and a key depends on their distance alone.

    Args:
        x: Queries or keys of all heads.
        num_heads: Number of heads; the size of a head must be even.
        offset: The position of the first row.

    Shapes:
        x: `(batch, time, width)`, and the same out.

    Example:
        >>> tuple(rotary_embedding(x, num_heads=2, offset=3).shape)
        (2, 5, 8)
    """
    width = x.shape[-1]
    x = _split(x, num_heads)
    half = x.shape[-1] // 2
    angles = position_angles(ops.shape(x)[1], half, offset)
    sine = ops.cast(ops.sin(angles), x.dtype)[:, None, :]
    cosine = ops.cast(ops.cos(angles), x.dtype)[:, None, :]
    first, second = x[..., :half], x[..., half:]
    rotated = [first * cosine - second * sine, second * cosine + first * sine]
    return _merge(ops.concatenate(rotated, axis=-1), width)


def position_angles(length: Any, frequencies: int, offset: Any = 0) -> Any:
    """Return ``position / 10000^(i / frequencies)`` (Vaswani et al. 2017, section 3.5).

    Shapes:
        Out: `(length, frequencies)`, float32
    """
    positions = ops.cast(ops.arange(length) + offset, "float32")
    scale = [10_000.0 ** (-i / frequencies) for i in range(frequencies)]
    return positions[:, None] * ops.convert_to_tensor(scale, "float32")[None, :]


@keras.saving.register_keras_serializable(package=PACKAGE)
class SelfAttention(keras.layers.Layer):
    """Multi-head self-attention with a key-value cache.

    Args:
        num_heads: Number of heads; it must divide the width.
        causal: Whether a position attends only to itself and to earlier ones.
        rotary: Whether queries and keys get rotary positions: see :func:`rotary_embedding`.

    Call arguments:
        x: `(batch, time, width)`
        padding_mask: Which positions are real, bool `(batch, time)`; all, if it is left out.
        cache: Keys and values, side by side, as an earlier call returned them,
            `(batch, past, 2 * width)`. A call with a cache equals one call over everything.
        cache_index: Where in a cache of full length the one position of ``x`` is written, as a loop
            inside a graph needs it; ``padding_mask`` then says which positions of the cache are
            filled, this one included. Not supported with ``rotary``.

    Returns:
        The output `(batch, time, width)` and the cache `(batch, past + time, 2 * width)`; with a
        ``cache_index``, of the same length as before.

    Example:
        >>> output, cache = SelfAttention(num_heads=2, causal=True)(x)
    """

    def __init__(
        self, num_heads: int, causal: bool = False, rotary: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads, self.causal, self.rotary = num_heads, causal, rotary

    def build(self, input_shape: Any) -> None:
        """Create the projections; those of query, key and value are one matrix."""
        width = input_shape[-1]
        check_heads(width, self.num_heads, rotary=self.rotary)
        self.qkv_dense = keras.layers.Dense(
            3 * width, kernel_initializer=_glorot_uniform(width, width), dtype=self.dtype_policy
        )
        self.output_dense = keras.layers.Dense(width, dtype=self.dtype_policy)
        self.qkv_dense.build((None, None, width))
        self.output_dense.build((None, None, width))
        self.width = width

    def call(
        self, x: Any, padding_mask: Any = None, cache: Any = None, cache_index: Any = None
    ) -> Any:
        """Attend, and return the output and the extended cache."""
        query, key, value = ops.split(self.qkv_dense(x), 3, axis=-1)
        if cache_index is not None:
            here = ops.equal(ops.arange(ops.shape(cache)[1]), cache_index)[None, :, None]
            new_cache = ops.where(here, ops.concatenate([key, value], axis=-1), cache)
            key, value = ops.split(new_cache, 2, axis=-1)
            mask = padding_mask[:, None, None, :]
            attended = dot_product_attention(query, key, value, mask, self.num_heads)
            return self.output_dense(attended), new_cache
        past = 0 if cache is None else ops.shape(cache)[1]
        if self.rotary:
            query = rotary_embedding(query, self.num_heads, past)
            key = rotary_embedding(key, self.num_heads, past)
        new_cache = ops.concatenate([key, value], axis=-1)
        if cache is not None:
            new_cache = ops.concatenate([cache, new_cache], axis=1)
            key, value = ops.split(new_cache, 2, axis=-1)
        mask = self._attention_mask(x, key, padding_mask, past)
        attended = dot_product_attention(query, key, value, mask, self.num_heads)
        return self.output_dense(attended), new_cache

    def _attention_mask(self, x: Any, key: Any, padding_mask: Any, past: Any) -> Any:
        queries, keys = ops.shape(x)[1], ops.shape(key)[1]
        mask = None if padding_mask is None else padding_mask[:, None, None, :]
        # A single position is the last one, and may attend to everything.
        if not self.causal or x.shape[1] == 1:
            return mask
        positions = ops.arange(queries)[:, None] + past
        causal_mask = (ops.arange(keys)[None, :] <= positions)[None, None]
        return causal_mask if mask is None else ops.logical_and(mask, causal_mask)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        config = {"num_heads": self.num_heads, "causal": self.causal, "rotary": self.rotary}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package=PACKAGE)
class CrossAttention(keras.layers.Layer):
    """Multi-head attention to a memory whose keys and values are projected outside of the layer.

    Args:
        num_heads: Number of heads; it must divide the width.

    Call arguments:
        x: Queries, before their projection, `(batch, time, width)`.
        memory: Keys and values, side by side, `(batch, memory, 2 * width)`; or a pair of them, as
            :func:`split_heads` returns it.
        memory_padding_mask: Which of them are real, bool `(batch, memory)`.

    Returns:
        `(batch, time, width)`

    Example:
        >>> tuple(CrossAttention(num_heads=2)(x, memory, np.ones((2, 7), bool)).shape)
        (2, 5, 8)
    """

    def __init__(self, num_heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads

    def build(self, input_shape: Any) -> None:
        """Create the projections of the query and of the output."""
        width = input_shape[-1]
        check_heads(width, self.num_heads)
        self.query_dense = keras.layers.Dense(width, dtype=self.dtype_policy)
        self.output_dense = keras.layers.Dense(width, dtype=self.dtype_policy)
        self.query_dense.build((None, None, width))
        self.output_dense.build((None, None, width))

    def call(self, x: Any, memory: Any, memory_padding_mask: Any = None) -> Any:
        """Attend to the memory."""
        mask = None if memory_padding_mask is None else memory_padding_mask[:, None, None, :]
        query = self.query_dense(x)
        if isinstance(memory, list | tuple):
            key, value = memory
            return self.output_dense(_attend(query, key, value, mask))
        key, value = ops.split(memory, 2, axis=-1)
        return self.output_dense(dot_product_attention(query, key, value, mask, self.num_heads))

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "num_heads": self.num_heads}


def check_heads(width: int, num_heads: int, *, rotary: bool = False) -> None:
    """Check that the width can be split into heads.

    Raises:
        ValueError: If it cannot, as Keras's own layers do.
    """
    if width % num_heads or (rotary and width // num_heads % 2):
        even = " into even parts" if rotary else ""
        raise ValueError(
            f"expected a width that {num_heads} heads divide{even}. Received: width={width}"
        )


def _glorot_uniform(inputs: int, outputs: int) -> keras.initializers.Initializer:
    """Return Glorot's initializer for one of several projections that share a matrix."""
    limit = (6.0 / (inputs + outputs)) ** 0.5
    return keras.initializers.RandomUniform(-limit, limit)
