"""Token and position embeddings."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

from zoo.layers.attention import position_angles

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class TokenEmbedding(keras.layers.Layer):
    """Token embedding, scaled by √width, whose matrix also projects vectors to logits.

    One matrix serves both ways (Press & Wolf 2017, arXiv:1608.05859; Vaswani et al. 2017,
    section 3.4).

    Args:
        vocabulary_size: Number of token ids.
        width: Embedding dimension.
        word_dropout: Share of the tokens whose embedding is zero in training (Iyyer et al. 2015).
        seed: Seed of the word dropout.

    Call arguments:
        x: Token ids, int `(batch, time)`; or with ``reverse``, vectors `(batch, time, width)`.
        reverse: Whether to project vectors to logits.

    Returns:
        Embeddings `(batch, time, width)`; or with ``reverse``, logits
        `(batch, time, vocabulary_size)`.

    Example:
        >>> ids = np.array([[5, 6, 0]])
        >>> embedding = TokenEmbedding(vocabulary_size=10, width=8)
        >>> tuple(embedding(embedding(ids), reverse=True).shape)
        (1, 3, 10)
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        word_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size, self.width = vocabulary_size, width
        self.word_dropout, self.seed = word_dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Create the embedding matrix."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.width),
            initializer=keras.initializers.RandomNormal(stddev=self.width**-0.5),
        )

    def call(self, x: Any, reverse: bool = False, training: bool = False) -> Any:
        """Embed token ids, or project vectors to logits."""
        if reverse:
            return ops.matmul(x, ops.transpose(ops.cast(self.embeddings, x.dtype)))
        embedded = ops.take(self.embeddings, ops.cast(x, "int32"), axis=0) * self.width**0.5
        embedded = ops.cast(embedded, self.compute_dtype)
        if training and self.word_dropout:
            draw = keras.random.uniform((*ops.shape(x), 1), seed=self.seed_generator)
            embedded = embedded * ops.cast(draw >= self.word_dropout, embedded.dtype)
        return embedded

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        config = {"vocabulary_size": self.vocabulary_size, "width": self.width}
        return {
            **super().get_config(),
            **config,
            "word_dropout": self.word_dropout,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class PositionEmbedding(keras.layers.Layer):
    """Adds sinusoidal or learned position embeddings.

    Args:
        kind: ``sinusoidal`` works beyond every length seen in training (Vaswani et al. 2017,
            section 3.5; here all sines come first, then all cosines); ``learned`` has one vector
            per position.
        max_length: Number of learned positions.

    Call arguments:
        x: `(batch, time, width)`
        cache: Any tensor whose second axis is as long as the sequence so far; ``None`` at its
            start.

    Returns:
        The same shape.

    Example:
        >>> x = PositionEmbedding("learned", max_length=16)(embedding(ids))
    """

    def __init__(
        self,
        kind: Literal["sinusoidal", "learned"] = "sinusoidal",
        max_length: int = 512,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kind, self.max_length = kind, max_length

    def build(self, input_shape: Any) -> None:
        """Create the embeddings, if they are learned."""
        if self.kind == "learned":
            self.embeddings = self.add_weight(
                name="positions",
                shape=(self.max_length, input_shape[-1]),
                initializer=keras.initializers.RandomNormal(stddev=0.02),
            )

    def call(self, x: Any, cache: Any = None) -> Any:
        """Add the position embeddings."""
        past = 0 if cache is None else ops.shape(cache)[1]
        if self.kind == "learned":
            positions = ops.arange(ops.shape(x)[1]) + past
            return x + ops.cast(ops.take(self.embeddings, positions, axis=0), x.dtype)[None]
        width = x.shape[-1]
        angles = position_angles(ops.shape(x)[1], (width + 1) // 2, past)
        encoding = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)[:, :width]
        return x + ops.cast(encoding, x.dtype)[None]

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "kind": self.kind, "max_length": self.max_length}
