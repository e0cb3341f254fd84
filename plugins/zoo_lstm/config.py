"""Configuration of recurrent networks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

import zoo

Width = Annotated[int, Field(ge=1, le=4_096)]


class LSTMConfig(zoo.ModelConfig):
    """Configuration of a recurrent network."""

    cell: Literal["lstm", "gru", "simple_rnn"] = Field(
        "lstm", description="Recurrent layer: LSTM, GRU or simple RNN (Elman 1990)."
    )
    units: tuple[Width, ...] = Field(
        (64,), min_length=1, max_length=8, description="Units of each recurrent layer, in order."
    )
    bidirectional: bool = Field(
        False, description="Bidirectional layers, with this many units in each direction."
    )
    head: Literal["last", "mean", "max"] = Field(
        "last",
        description="Pooling of the last layer's steps: the final state, or the mean or maximum "
        "over all real steps.",
    )
    dense: tuple[Width, ...] = Field(
        (), max_length=8, description="Units of each dense layer after the recurrent layers."
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="Dropout rate before and after each recurrent layer."
    )
    embedding_dim: Width = Field(64, description="Dimension of token embeddings.")
    max_dependency: int | None = Field(
        None,
        ge=2,
        le=100_000,
        description="Longest dependency to learn, steps: chrono initialization of LSTM and GRU "
        "gates; null for Keras's default initialization.",
    )
    skip: Literal["none", "last", "mean", "linear"] = Field(
        "linear",
        description="Skip connection of a forecast: none, the last value, the window's mean, or a "
        "learned linear autoregression.",
    )
    skip_start: Literal["zero", "ridge"] = Field(
        "zero",
        description="Start of the linear skip connection: zero, or ridge regression on the "
        "training split, which short series need.",
        exclude_if=lambda start: start == "zero",
    )
    scaling: Literal["training", "window"] = Field(
        "training",
        description="Mean and deviation that scale a series: those of the training split, or of "
        "each window, for several series of different sizes.",
        exclude_if=lambda scaling: scaling == "training",
    )
    context_units: Width = Field(
        8, description="Units per forecast step between the recurrent layers and the output."
    )
    harmonics: int = Field(
        2, ge=1, le=8, description="Harmonics per period in the encoding of calendar features."
    )
    loss: Literal["mse", "mae"] = Field(
        "mse", description="Loss of forecasts and regression: squared or absolute error."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Label smoothing factor of classification."
    )
