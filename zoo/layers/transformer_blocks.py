"""Pre-norm transformer encoder and decoder blocks."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.attention import CrossAttention, SelfAttention

PACKAGE = "zoo"

_EPSILON = 1e-5


class _TransformerBlock(keras.layers.Layer):
    """Self-attention and a feed-forward network, each normalized before and with dropout after.

    Normalizing before a sublayer, and not after it, leaves a straight path for the gradient from
    the last block to the first (Xiong et al. 2020, arXiv:2002.04745).
    """

    causal = False

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int,
        dropout: float = 0.0,
        activation: str = "relu",
        rotary: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads, self.intermediate_dim = num_heads, intermediate_dim
        self.dropout, self.activation, self.rotary = dropout, activation, rotary

    def build(self, input_shape: Any) -> None:
        """Create the sublayers."""
        width = input_shape[-1]
        shape = (None, None, width)
        policy = {"dtype": self.dtype_policy}
        norm = keras.layers.LayerNormalization
        self.self_attention = SelfAttention(self.num_heads, self.causal, self.rotary, **policy)
        self.self_attention_norm = norm(epsilon=_EPSILON, **policy)
        self.feedforward_norm = norm(epsilon=_EPSILON, **policy)
        self.intermediate_dense = keras.layers.Dense(
            self.intermediate_dim, activation=self.activation, **policy
        )
        self.output_dense = keras.layers.Dense(width, **policy)
        self.dropout_layer = keras.layers.Dropout(self.dropout, **policy)
        for layer in (
            self.self_attention,
            self.self_attention_norm,
            self.feedforward_norm,
            self.intermediate_dense,
            self.dropout_layer,
        ):
            layer.build(shape)
        self.output_dense.build((None, None, self.intermediate_dim))

    def feed_forward(self, x: Any, training: bool) -> Any:
        """Apply the position-wise feed-forward network and its residual connection."""
        hidden = self.output_dense(self.intermediate_dense(self.feedforward_norm(x)))
        return x + self.dropout_layer(hidden, training=training)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
            "activation": self.activation,
            "rotary": self.rotary,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class EncoderBlock(_TransformerBlock):
    """Transformer encoder block: bidirectional self-attention and a feed-forward network.

    Args:
        num_heads: Number of attention heads.
        intermediate_dim: Hidden size of the feed-forward network.
        dropout: Dropout rate of each sublayer's output.
        activation: Activation of the feed-forward network.
        rotary: Whether attention uses rotary positions.

    Call arguments:
        x: `(batch, time, width)`
        padding_mask: Which positions are real, bool `(batch, time)`

    Returns:
        `(batch, time, width)`

    Example:
        >>> x, real = np.zeros((2, 5, 8), "float32"), np.ones((2, 5), bool)
        >>> tuple(EncoderBlock(num_heads=2, intermediate_dim=16)(x, real).shape)
        (2, 5, 8)
    """

    def call(self, x: Any, padding_mask: Any = None, training: bool = False) -> Any:
        """Apply the block."""
        attended, _ = self.self_attention(self.self_attention_norm(x), padding_mask)
        x = x + self.dropout_layer(attended, training=training)
        return self.feed_forward(x, training)


@keras.saving.register_keras_serializable(package=PACKAGE)
class DecoderBlock(_TransformerBlock):
    """Transformer decoder block: causal self-attention, cross-attention, feed-forward network.

    Args: as :class:`EncoderBlock`.

    Call arguments:
        x: `(batch, time, width)`
        memory: Keys and values of the memory, `(batch, memory, 2 * width)`
        memory_padding_mask: Which of them are real, bool `(batch, memory)`
        cache: The block's self-attention cache, `(batch, past, 2 * width)`

    Returns:
        The output `(batch, time, width)`, and the cache `(batch, past + time, 2 * width)`.

    Example:
        >>> memory = np.zeros((2, 7, 16), "float32")   # keys and values side by side
        >>> block = DecoderBlock(num_heads=2, intermediate_dim=16)
        >>> output, cache = block(x, memory, np.ones((2, 7), bool))
        >>> tuple(cache.shape)
        (2, 5, 16)
    """

    causal = True

    def build(self, input_shape: Any) -> None:
        """Create the sublayers."""
        super().build(input_shape)
        shape = (None, None, input_shape[-1])
        policy = {"dtype": self.dtype_policy}
        self.cross_attention = CrossAttention(self.num_heads, **policy)
        self.cross_attention_norm = keras.layers.LayerNormalization(epsilon=_EPSILON, **policy)
        self.cross_attention.build(shape)
        self.cross_attention_norm.build(shape)

    def call(
        self,
        x: Any,
        memory: Any,
        memory_padding_mask: Any,
        cache: Any = None,
        training: bool = False,
    ) -> Any:
        """Apply the block, and return the output and the extended cache."""
        attended, new_cache = self.self_attention(self.self_attention_norm(x), cache=cache)
        x = x + self.dropout_layer(attended, training=training)
        attended = self.cross_attention(self.cross_attention_norm(x), memory, memory_padding_mask)
        x = x + self.dropout_layer(attended, training=training)
        return self.feed_forward(x, training), new_cache
