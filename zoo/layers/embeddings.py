"""Ids of tokens, as they enter a network and as they leave it."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

from zoo.layers.attention import position_angles

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class TokenEmbedding(keras.layers.Layer):
    """A vector a token, scaled by √width; and, tied to it, a score a token from a vector.

    One matrix serves both ways (Press & Wolf 2017, arXiv:1608.05859; Vaswani et al. 2017,
    section 3.4).

    Args:
        vocabulary: Number of ids.
        width: Size of a vector.
        drop: Share of the tokens whose vector is zero in training ("word dropout", Iyyer et al.
            2015): the others must do without them.
        seed: Of what is dropped.

    Call arguments:
        x: Ids, int `(batch, time)`; or with ``reverse``, vectors `(batch, time, width)`.
        reverse: Whether vectors become scores.

    Returns:
        Vectors `(batch, time, width)`; or with ``reverse``, logits `(batch, time, vocabulary)`.
    """

    def __init__(
        self,
        vocabulary: int,
        width: int,
        drop: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary, self.width, self.drop, self.seed = vocabulary, width, drop, seed
        self.seeds = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Create the matrix."""
        self.matrix = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary, self.width),
            initializer=keras.initializers.RandomNormal(stddev=self.width**-0.5),
        )

    def call(self, x: Any, reverse: bool = False, training: bool = False) -> Any:
        """Look vectors up, or score tokens."""
        if reverse:
            return ops.matmul(x, ops.transpose(ops.cast(self.matrix, x.dtype)))
        found = ops.take(self.matrix, ops.cast(x, "int32"), axis=0) * self.width**0.5
        found = ops.cast(found, self.compute_dtype)
        if training and self.drop:
            kept = keras.random.uniform((*ops.shape(x), 1), seed=self.seeds) >= self.drop
            found = found * ops.cast(kept, found.dtype)
        return found

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        own = {"vocabulary": self.vocabulary, "width": self.width}
        return {**super().get_config(), **own, "drop": self.drop, "seed": self.seed}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Positions(keras.layers.Layer):
    """Adds to each vector one that tells its position.

    Args:
        kind: ``sinusoidal``, sines and cosines of falling frequency, which go on beyond every
            length seen in training (Vaswani et al. 2017, section 3.5; here the sines stand first,
            then the cosines); or ``learned``, one vector a position.
        length: How many positions a learned table has. Beyond it there is nothing to look up.

    Call arguments:
        x: `(batch, time, width)`
        past: Anything whose second axis is as long as what came before; ``None`` at the start.

    Returns:
        The same shape.
    """

    def __init__(
        self,
        kind: Literal["sinusoidal", "learned"] = "sinusoidal",
        length: int = 512,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kind, self.length = kind, length

    def build(self, input_shape: Any) -> None:
        """Create the table, if it is learned."""
        if self.kind == "learned":
            self.table = self.add_weight(
                name="positions",
                shape=(self.length, input_shape[-1]),
                initializer=keras.initializers.RandomNormal(stddev=0.02),
            )

    def call(self, x: Any, past: Any = None) -> Any:
        """Add the positions."""
        before = 0 if past is None else ops.shape(past)[1]
        if self.kind == "learned":
            places = ops.arange(ops.shape(x)[1]) + before
            return x + ops.cast(ops.take(self.table, places, axis=0), x.dtype)[None]
        width = x.shape[-1]
        angles = position_angles(ops.shape(x)[1], (width + 1) // 2, before)
        told = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)[:, :width]
        return x + ops.cast(told, x.dtype)[None]

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "kind": self.kind, "length": self.length}


__all__ = ["Positions", "TokenEmbedding"]
