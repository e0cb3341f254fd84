"""Configuration of transformers."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

import zoo


class TransformerConfig(zoo.ModelConfig):
    """Configuration of a transformer. Its maximum length is the data's ``max_length``."""

    hidden_dim: int = Field(
        96, ge=4, le=4_096, description="Hidden dimension of embeddings and blocks."
    )
    num_heads: int = Field(
        4, ge=1, le=64, description="Attention heads; they divide the hidden dimension."
    )
    encoder_layers: int = Field(2, ge=1, le=64, description="Encoder blocks.")
    decoder_layers: int = Field(
        2, ge=1, le=64, description="Decoder blocks; unused by classifiers."
    )
    intermediate_dim: int = Field(
        192, ge=1, le=16_384, description="Hidden dimension of the feed-forward networks."
    )
    activation: Literal["relu", "gelu", "silu"] = Field(
        "relu", description="Activation of the feed-forward networks."
    )
    positions: Literal["sinusoidal", "learned", "rotary"] = Field(
        "sinusoidal",
        description="Position embeddings: sinusoidal, learned, or rotary (RoPE).",
    )
    tied_embeddings: bool = Field(
        True,
        description="Share the embedding matrix with the output projection, and between both "
        "languages if they share a vocabulary.",
    )
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Dropout rate of embeddings and of each sublayer."
    )
    word_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of input tokens whose embedding is dropped in training."
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing factor.")
    optimizer: zoo.OptimizerConfig = zoo.OptimizerConfig(
        learning_rate=2e-3, warmup=0.1, global_clipnorm=1.0
    )

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                f"hidden_dim {self.hidden_dim} is not divisible by num_heads {self.num_heads}"
            )
        if self.positions == "rotary" and self.hidden_dim // self.num_heads % 2:
            raise ValueError("rotary positions need an even hidden_dim / num_heads")
        return self
