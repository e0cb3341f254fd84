"""BERT text decoder with cross-attention to an image.

Importing this module imports keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.layers import CrossAttention, SelfAttention, split_heads
from zoo_blip_captioner.vision import PACKAGE

EPSILON = 1e-12


@keras.saving.register_keras_serializable(package=PACKAGE)
class TextBlock(keras.layers.Layer):
    """Post-norm decoder block: causal self-attention, cross-attention, feed-forward network.

    Each sublayer is followed by normalization, as in BERT (Devlin et al. 2019, arXiv:1810.04805).

    Args:
        num_heads: Number of attention heads.
        intermediate_dim: Hidden dimension of the feed-forward network.
        memory_dim: Hidden dimension of the image tokens.
        dropout: Dropout rate of each sublayer.

    Call arguments:
        x: `(batch, time, hidden_dim)`
        memory: Keys and values of the image: see :meth:`project_memory`.
        padding_mask: Which positions of the text are real, bool `(batch, past + time)`; all, if it
            is left out.
        cache: The block's self-attention cache, `(batch, past, 2 * hidden_dim)`.
        cache_index: See :class:`zoo.layers.SelfAttention`.

    Returns:
        The output `(batch, time, hidden_dim)`, and the extended cache.
    """

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int,
        memory_dim: int,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads, self.intermediate_dim = num_heads, intermediate_dim
        self.memory_dim, self.dropout = memory_dim, dropout

    def build(self, input_shape: Any) -> None:
        """Create the sublayers."""
        hidden_dim = input_shape[-1]
        policy = {"dtype": self.dtype_policy}
        self.self_attention = SelfAttention(self.num_heads, causal=True, **policy)
        self.cross_attention = CrossAttention(self.num_heads, **policy)
        self.key_value_dense = keras.layers.Dense(2 * hidden_dim, **policy)
        self.intermediate_dense = keras.layers.Dense(
            self.intermediate_dim, activation="gelu", **policy
        )
        self.output_dense = keras.layers.Dense(hidden_dim, **policy)
        self.norms = [keras.layers.LayerNormalization(epsilon=EPSILON, **policy) for _ in range(3)]
        self.dropout_layer = keras.layers.Dropout(self.dropout, **policy)
        for part in (
            self.self_attention,
            self.cross_attention,
            self.intermediate_dense,
            *self.norms,
        ):
            part.build((None, None, hidden_dim))
        self.key_value_dense.build((None, None, self.memory_dim))
        self.output_dense.build((None, None, self.intermediate_dim))

    def project_memory(self, encoded: Any) -> tuple[Any, Any]:
        """Project the image tokens to keys and values, split by head.

        They are the same at every step of decoding, so they are split once.

        Shapes:
            encoded: `(batch, tokens, memory_dim)`
            Out: `(batch, num_heads, hidden_dim / num_heads, tokens)` and
                `(batch, num_heads, tokens, hidden_dim / num_heads)`
        """
        keys, values = ops.split(self.key_value_dense(encoded), 2, axis=-1)
        return split_heads(keys, values, self.num_heads)

    def call(
        self,
        x: Any,
        memory: Any,
        padding_mask: Any = None,
        cache: Any = None,
        cache_index: Any = None,
        training: bool = False,
    ) -> Any:
        """Apply the block."""
        found, present = self.self_attention(
            x, padding_mask=padding_mask, cache=cache, cache_index=cache_index
        )
        x = self.norms[0](x + self.dropout_layer(found, training=training))
        found = self.cross_attention(x, memory)
        x = self.norms[1](x + self.dropout_layer(found, training=training))
        found = self.output_dense(self.intermediate_dense(x))
        return self.norms[2](x + self.dropout_layer(found, training=training)), present

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "memory_dim": self.memory_dim,
            "dropout": self.dropout,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class TextDecoder(keras.layers.Layer):
    """Text decoder from previous tokens and an image to next-token logits.

    Token and position embeddings, normalized; blocks; a dense layer with normalization; and logits
    by the transposed embedding matrix (Press & Wolf 2017, arXiv:1608.05859) plus a bias.

    The matrix is stored with the vocabulary in its second axis, as the logits need it, so that it
    is a single constant in an exported graph.

    Args:
        vocabulary_size: Number of tokens.
        hidden_dim: Hidden dimension.
        num_layers: Number of blocks.
        num_heads: Number of attention heads.
        intermediate_dim: Hidden dimension of the feed-forward networks.
        max_positions: Maximum length of a text.
        memory_dim: Hidden dimension of the image tokens.
        dropout: Dropout rate of embeddings and of each sublayer.

    Call arguments:
        ids: Token ids, int `(batch, time)`
        memories: Result of :meth:`project_memory`.
        padding_mask: Which tokens are real, bool `(batch, past + time)`; all, if it is left out.
        caches: Cache of each block from an earlier call; ``None`` at the start.
        cache_index: Position of the single token of ``ids`` in caches of full length: see
            :class:`zoo.layers.SelfAttention`.
        positions: Position of each token, int `(batch, time)`, if there is padding before them;
            by default they follow the caches.

    Returns:
        Logits `(batch, time, vocabulary_size)`, and the cache of each block,
        `(batch, past + time, 2 * hidden_dim)`.
    """

    def __init__(
        self,
        vocabulary_size: int = 30_524,
        hidden_dim: int = 768,
        num_layers: int = 12,
        num_heads: int = 12,
        intermediate_dim: int = 3072,
        max_positions: int = 512,
        memory_dim: int = 768,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size, self.hidden_dim = vocabulary_size, hidden_dim
        self.num_layers, self.num_heads = num_layers, num_heads
        self.intermediate_dim, self.max_positions = intermediate_dim, max_positions
        self.memory_dim = memory_dim
        self.dropout = dropout

    def build(self, input_shape: Any) -> None:
        """Create the sublayers."""
        policy = {"dtype": self.dtype_policy}
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.token_embeddings = self.add_weight(
            name="token_embeddings",
            shape=(self.hidden_dim, self.vocabulary_size),
            initializer=small,
        )
        self.position_embeddings = self.add_weight(
            name="position_embeddings",
            shape=(self.max_positions, self.hidden_dim),
            initializer=small,
        )
        self.bias = self.add_weight(name="bias", shape=(self.vocabulary_size,), initializer="zeros")
        self.embedding_norm = keras.layers.LayerNormalization(epsilon=EPSILON, **policy)
        self.dropout_layer = keras.layers.Dropout(self.dropout, **policy)
        self.blocks = [
            TextBlock(
                self.num_heads,
                self.intermediate_dim,
                self.memory_dim,
                self.dropout,
                name=f"block_{n}",
                **policy,
            )
            for n in range(1, self.num_layers + 1)
        ]
        self.transform_dense = keras.layers.Dense(self.hidden_dim, activation="gelu", **policy)
        self.output_norm = keras.layers.LayerNormalization(epsilon=EPSILON, **policy)
        for part in (
            self.embedding_norm,
            self.dropout_layer,
            *self.blocks,
            self.transform_dense,
            self.output_norm,
        ):
            part.build((None, None, self.hidden_dim))

    def project_memory(self, encoded: Any) -> list[tuple[Any, Any]]:
        """Project the image tokens to keys and values for each block: see :class:`TextBlock`."""
        return [block.project_memory(encoded) for block in self.blocks]

    def call(
        self,
        ids: Any,
        memories: Sequence[tuple[Any, Any]],
        padding_mask: Any = None,
        caches: Sequence[Any] | None = None,
        cache_index: Any = None,
        positions: Any = None,
        training: bool = False,
    ) -> Any:
        """Return next-token logits and the extended caches."""
        if positions is None:
            before = 0 if caches is None else ops.shape(caches[0])[1]
            positions = ops.arange(ops.shape(ids)[1])[None] + before
        found = ops.take(self.token_embeddings, ops.cast(ids, "int32"), axis=1)
        x = ops.transpose(found, (1, 2, 0)) + ops.take(self.position_embeddings, positions, axis=0)
        x = self.dropout_layer(
            self.embedding_norm(ops.cast(x, self.compute_dtype)), training=training
        )
        presents = []
        for number, block in enumerate(self.blocks):
            cache = None if caches is None else caches[number]
            x, present = block(
                x,
                memories[number],
                padding_mask=padding_mask,
                cache=cache,
                cache_index=cache_index,
                training=training,
            )
            presents.append(present)
        x = self.output_norm(self.transform_dense(x))
        return ops.matmul(x, ops.cast(self.token_embeddings, x.dtype)) + ops.cast(
            self.bias, x.dtype
        ), presents

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "max_positions": self.max_positions,
            "memory_dim": self.memory_dim,
            "dropout": self.dropout,
        }
