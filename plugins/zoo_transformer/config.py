"""What a transformer is made of."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

import zoo


class TransformerConfig(zoo.ModelConfig):
    """What a transformer is made of. The longest text it takes is its data's ``max_length``."""

    width: int = Field(96, ge=4, le=4_096, description="Size of the vector of each token.")
    heads: int = Field(4, ge=1, le=64, description="Heads of each attention; they share the width.")
    encoder_layers: int = Field(2, ge=1, le=64, description="Blocks that read.")
    decoder_layers: int = Field(
        2, ge=1, le=64, description="Blocks that write; a classifier has none."
    )
    feed_forward: int = Field(
        192, ge=1, le=16_384, description="Inner width of each block's feed-forward part."
    )
    activation: Literal["relu", "gelu", "silu"] = Field(
        "relu", description="Of the feed-forward parts."
    )
    positions: Literal["sinusoidal", "learned", "rotary"] = Field(
        "sinusoidal",
        description="How order is told: fixed waves, one learned vector a position, or turned "
        "queries and keys.",
    )
    tied_embeddings: bool = Field(
        True,
        description="One matrix for the tokens that go in and the scores that come out, and for "
        "both texts where they share a vocabulary.",
    )
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Share silenced of embeddings and of what each part adds."
    )
    word_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of the tokens read whose vector is silenced whole."
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Share of each target spread.")
    optimizer: zoo.OptimizerConfig = zoo.OptimizerConfig(
        learning_rate=2e-3, warmup=0.1, global_clipnorm=1.0
    )

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not divisible by heads {self.heads}")
        if self.positions == "rotary" and self.width // self.heads % 2:
            raise ValueError("rotary positions turn pairs: width / heads must be even")
        return self


__all__ = ["TransformerConfig"]
