"""The two blocks of a transformer, normalized before each part."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.attention import CrossAttention, SelfAttention

PACKAGE = "zoo"

_EPSILON = 1e-5


class _Block(keras.layers.Layer):
    """What both blocks share: norms before, dropout behind, a feed-forward part at the end.

    Normalizing before a part, and not behind it, leaves a straight way for the gradient from the
    last layer to the first (Xiong et al. 2020, arXiv:2002.04745).
    """

    causal = False

    def __init__(
        self,
        heads: int,
        inner: int,
        dropout: float = 0.0,
        activation: str = "relu",
        rotary: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.heads, self.inner, self.dropout = heads, inner, dropout
        self.activation, self.rotary = activation, rotary

    def build(self, input_shape: Any) -> None:
        """Create the parts."""
        width = input_shape[-1]
        shape = (None, None, width)
        policy = {"dtype": self.dtype_policy}
        self.attention = SelfAttention(self.heads, self.causal, self.rotary, **policy)
        self.attention_norm = keras.layers.LayerNormalization(epsilon=_EPSILON, **policy)
        self.forward_norm = keras.layers.LayerNormalization(epsilon=_EPSILON, **policy)
        self.wide = keras.layers.Dense(self.inner, activation=self.activation, **policy)
        self.narrow = keras.layers.Dense(width, **policy)
        self.drop = keras.layers.Dropout(self.dropout, **policy)
        for layer in (self.attention, self.attention_norm, self.forward_norm, self.wide, self.drop):
            layer.build(shape)
        self.narrow.build((None, None, self.inner))

    def feed_forward(self, x: Any, training: bool) -> Any:
        """Return the last part: two layers, the same at every position."""
        hidden = self.narrow(self.wide(self.forward_norm(x)))
        return x + self.drop(hidden, training=training)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {
            **super().get_config(),
            "heads": self.heads,
            "inner": self.inner,
            "dropout": self.dropout,
            "activation": self.activation,
            "rotary": self.rotary,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class EncoderBlock(_Block):
    """Self-attention in both directions, then a feed-forward part.

    Args:
        heads: How many heads share the width.
        inner: Width of the feed-forward part.
        dropout: Share silenced of what each part adds.
        activation: Of the feed-forward part.
        rotary: Whether attention knows positions by rotation.

    Call arguments:
        x: `(batch, time, width)`
        allowed: Which positions are real, bool `(batch, time)`

    Returns:
        `(batch, time, width)`
    """

    def call(self, x: Any, allowed: Any = None, training: bool = False) -> Any:
        """Run the block."""
        found, _ = self.attention(self.attention_norm(x), allowed)
        x = x + self.drop(found, training=training)
        return self.feed_forward(x, training)


@keras.saving.register_keras_serializable(package=PACKAGE)
class DecoderBlock(_Block):
    """Self-attention to what was said, attention to the memory, then a feed-forward part.

    Args: as :class:`EncoderBlock`.

    Call arguments:
        x: `(batch, time, width)`
        memory: Keys and values of the memory, `(batch, memory, 2 * width)`
        allowed: Which of them are real, bool `(batch, memory)`
        past: What this block's own attention saw before, `(batch, before, 2 * width)`

    Returns:
        The output `(batch, time, width)`, and the cache `(batch, before + time, 2 * width)`.
    """

    causal = True

    def build(self, input_shape: Any) -> None:
        """Create the parts."""
        super().build(input_shape)
        shape = (None, None, input_shape[-1])
        policy = {"dtype": self.dtype_policy}
        self.cross = CrossAttention(self.heads, **policy)
        self.cross_norm = keras.layers.LayerNormalization(epsilon=_EPSILON, **policy)
        self.cross.build(shape)
        self.cross_norm.build(shape)

    def call(
        self, x: Any, memory: Any, allowed: Any, past: Any = None, training: bool = False
    ) -> Any:
        """Run the block."""
        found, present = self.attention(self.attention_norm(x), past=past)
        x = x + self.drop(found, training=training)
        found = self.cross(self.cross_norm(x), memory, allowed)
        x = x + self.drop(found, training=training)
        return self.feed_forward(x, training), present


__all__ = ["DecoderBlock", "EncoderBlock"]
