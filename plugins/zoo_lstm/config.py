"""What a recurrent network is made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

import zoo

Width = Annotated[int, Field(ge=1, le=4_096)]


class LSTMConfig(zoo.ModelConfig):
    """What a recurrent network is made of."""

    cell: Literal["lstm", "gru", "simple_rnn"] = Field(
        "lstm", description="LSTM, GRU, or the simple recurrent network of Elman (1990)."
    )
    units: tuple[Width, ...] = Field(
        (64,), min_length=1, max_length=8, description="Width of each recurrent layer, in order."
    )
    bidirectional: bool = Field(
        False, description="Read in both directions, each with its own layer of that width."
    )
    head: Literal["last", "mean", "max"] = Field(
        "last",
        description="How the last layer's steps become one vector: what stands at each "
        "direction's end, or the mean or the largest over all real steps.",
    )
    dense: tuple[Width, ...] = Field(
        (), max_length=8, description="Width of each hidden layer behind the recurrent ones."
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="Share silenced behind the input and each recurrent layer."
    )
    embedding: Width = Field(64, description="Numbers that stand for a token; of tokens only.")
    memory: int | None = Field(
        None,
        ge=2,
        le=100_000,
        description="Longest time between cause and effect, steps: draws what the gates keep at "
        "first up to it; null for Keras's start. Of lstm and gru.",
    )
    skip: Literal["none", "last", "mean", "linear"] = Field(
        "linear",
        description="What a forecast is added to: nothing, the last value, the window's mean, or "
        "a learned linear autoregression.",
    )
    context: Width = Field(
        8, description="Numbers that each forecast step gets from the network, beside its calendar."
    )
    harmonics: int = Field(
        2, ge=1, le=8, description="Waves a period of the calendar: 1 is one rise and fall."
    )
    loss: Literal["mse", "mae"] = Field(
        "mse", description="Of a forecast or a number: squared or absolute error."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of each target spread; of classes only."
    )


__all__ = ["LSTMConfig", "Width"]
