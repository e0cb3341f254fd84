"""The side that writes: BERT's blocks, which also look at the picture.

Importing this module imports keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.layers import CrossAttention, SelfAttention, split_heads
from zoo_blip_captioner.stem import PACKAGE

EPSILON = 1e-12


@keras.saving.register_keras_serializable(package=PACKAGE)
class TextBlock(keras.layers.Layer):
    """Attention to what was said, attention to the picture, a feed-forward part.

    Each is normalized behind (Devlin et al. 2019, arXiv:1810.04805; Vaswani et al. 2017,
    section 3.1), where the blocks of the picture are normalized in front.

    Args:
        heads: Heads of both attentions; they share the width.
        feed_forward: Inner width of the feed-forward part.
        seen: Width of the picture's tokens.
        dropout: Share silenced of what each part adds.

    Call arguments:
        x: `(batch, time, width)`
        memory: Keys and values of the picture: see :meth:`remember`.
        allowed: Which positions of the text are real, bool `(batch, before + time)`; all, if it is
            left out.
        past: What this block's own attention saw before, `(batch, before, 2 * width)`.
        place: See :class:`zoo.layers.SelfAttention`.

    Returns:
        The output `(batch, time, width)`, and the cache `(batch, before + time, 2 * width)`.
    """

    def __init__(
        self, heads: int, feed_forward: int, seen: int, dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.heads, self.feed_forward, self.seen, self.dropout = heads, feed_forward, seen, dropout

    def build(self, input_shape: Any) -> None:
        """Create the parts."""
        width = input_shape[-1]
        policy = {"dtype": self.dtype_policy}
        self.attention = SelfAttention(self.heads, causal=True, **policy)
        self.cross = CrossAttention(self.heads, **policy)
        self.keys_values = keras.layers.Dense(2 * width, **policy)
        self.wide = keras.layers.Dense(self.feed_forward, activation="gelu", **policy)
        self.narrow = keras.layers.Dense(width, **policy)
        self.norms = [keras.layers.LayerNormalization(epsilon=EPSILON, **policy) for _ in range(3)]
        self.drop = keras.layers.Dropout(self.dropout, **policy)
        for part in (self.attention, self.cross, self.wide, *self.norms):
            part.build((None, None, width))
        self.keys_values.build((None, None, self.seen))
        self.narrow.build((None, None, self.feed_forward))

    def remember(self, seen: Any) -> tuple[Any, Any]:
        """Return keys and values of a picture, which are the same for every word.

        They are laid out as the products of every step need them: laid out at each step, they
        would cost a third of what all weights of the step cost.

        Shapes:
            seen: `(batch, tokens, seen)`
            Out: `(batch, heads, width / heads, tokens)`, `(batch, heads, tokens, width / heads)`
        """
        keys, values = ops.split(self.keys_values(seen), 2, axis=-1)
        return split_heads(keys, values, self.heads)

    def call(
        self,
        x: Any,
        memory: Any,
        allowed: Any = None,
        past: Any = None,
        place: Any = None,
        training: bool = False,
    ) -> Any:
        """Run the block."""
        found, present = self.attention(x, allowed, past, place)
        x = self.norms[0](x + self.drop(found, training=training))
        found = self.cross(x, memory)
        x = self.norms[1](x + self.drop(found, training=training))
        found = self.narrow(self.wide(x))
        return self.norms[2](x + self.drop(found, training=training)), present

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        own = {"heads": self.heads, "feed_forward": self.feed_forward}
        return {**super().get_config(), **own, "seen": self.seen, "dropout": self.dropout}


@keras.saving.register_keras_serializable(package=PACKAGE)
class TextDecoder(keras.layers.Layer):
    """From the words so far and a picture to scores of the next word.

    Words and places become vectors, which are normalized; then blocks; then a layer, a
    normalization, and a score a word by the same matrix that made the words' vectors (Press & Wolf
    2017, arXiv:1608.05859), plus a bias.

    That matrix is kept with the words in its second axis, as the scores need it: so it is one
    constant in an exported graph, where the other form would be there twice.

    Args:
        vocabulary: Number of words.
        width: Size of the vector of each.
        layers: Blocks.
        heads: Heads of each attention.
        feed_forward: Inner width of each block's feed-forward part.
        positions: Longest text.
        seen: Width of the picture's tokens.
        dropout: Share silenced of the vectors that go in and of what each part adds.

    Call arguments:
        ids: Words, int `(batch, time)`
        memories: Of each block, what :meth:`remember` gave.
        allowed: Which words are real, bool `(batch, before + time)`; all, if it is left out.
        pasts: Of each block, the cache that an earlier call gave; none at the beginning.
        place: Where in the caches the one word of ``ids`` belongs, if they have their full length:
            see :class:`zoo.layers.SelfAttention`.
        positions: Of the words, int `(batch, time)`, where some before them are padding; they
            follow each other from where the caches end, if it is left out.

    Returns:
        Logits `(batch, time, vocabulary)`, and of each block its cache
        `(batch, before + time, 2 * width)`.
    """

    def __init__(
        self,
        vocabulary: int = 30_524,
        width: int = 768,
        layers: int = 12,
        heads: int = 12,
        feed_forward: int = 3072,
        positions: int = 512,
        seen: int = 768,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary, self.width, self.layers, self.heads = vocabulary, width, layers, heads
        self.feed_forward, self.positions, self.seen = feed_forward, positions, seen
        self.dropout = dropout

    def build(self, input_shape: Any) -> None:
        """Create the parts."""
        policy = {"dtype": self.dtype_policy}
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.words = self.add_weight(
            name="words", shape=(self.width, self.vocabulary), initializer=small
        )
        self.places = self.add_weight(
            name="places", shape=(self.positions, self.width), initializer=small
        )
        self.bias = self.add_weight(name="bias", shape=(self.vocabulary,), initializer="zeros")
        self.entry = keras.layers.LayerNormalization(epsilon=EPSILON, **policy)
        self.drop = keras.layers.Dropout(self.dropout, **policy)
        self.blocks = [
            TextBlock(
                self.heads, self.feed_forward, self.seen, self.dropout, name=f"block_{n}", **policy
            )
            for n in range(1, self.layers + 1)
        ]
        self.last = keras.layers.Dense(self.width, activation="gelu", **policy)
        self.exit = keras.layers.LayerNormalization(epsilon=EPSILON, **policy)
        for part in (self.entry, self.drop, *self.blocks, self.last, self.exit):
            part.build((None, None, self.width))

    def remember(self, seen: Any) -> list[tuple[Any, Any]]:
        """Return keys and values of a picture, of each block: see :class:`TextBlock`."""
        return [block.remember(seen) for block in self.blocks]

    def call(
        self,
        ids: Any,
        memories: Sequence[tuple[Any, Any]],
        allowed: Any = None,
        pasts: Sequence[Any] | None = None,
        place: Any = None,
        positions: Any = None,
        training: bool = False,
    ) -> Any:
        """Score what may come next, behind each word."""
        if positions is None:
            before = 0 if pasts is None else ops.shape(pasts[0])[1]
            positions = ops.arange(ops.shape(ids)[1])[None] + before
        found = ops.take(self.words, ops.cast(ids, "int32"), axis=1)
        x = ops.transpose(found, (1, 2, 0)) + ops.take(self.places, positions, axis=0)
        x = self.drop(self.entry(ops.cast(x, self.compute_dtype)), training=training)
        presents = []
        for number, block in enumerate(self.blocks):
            past = None if pasts is None else pasts[number]
            x, present = block(
                x, memories[number], allowed=allowed, past=past, place=place, training=training
            )
            presents.append(present)
        x = self.exit(self.last(x))
        return ops.matmul(x, ops.cast(self.words, x.dtype)) + ops.cast(self.bias, x.dtype), presents

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {
            **super().get_config(),
            "vocabulary": self.vocabulary,
            "width": self.width,
            "layers": self.layers,
            "heads": self.heads,
            "feed_forward": self.feed_forward,
            "positions": self.positions,
            "seen": self.seen,
            "dropout": self.dropout,
        }


__all__ = ["EPSILON", "TextBlock", "TextDecoder"]
