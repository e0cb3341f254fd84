"""What an autoencoder is made of, as checked data."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

import zoo
from zoo.config import Frozen

Width = Annotated[int, Field(ge=1, le=16_384)]
Filters = Annotated[int, Field(ge=1, le=4_096)]


def _names(value: Any) -> Any:
    """Let one class stand alone: ``held_out=9`` on a command line is a number."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        value = [value]
    if isinstance(value, list | tuple):
        return [str(name) if isinstance(name, int) else name for name in value]
    return value


class NoiseConfig(Frozen):
    """Damage that is done to each training image, which the model learns to repair."""

    kind: Literal["none", "gaussian", "salt_and_pepper", "masking"] = Field(
        "none",
        description="Normal noise on every value, pixels made black or white, or made black.",
    )
    amount: float = Field(
        0.3,
        gt=0,
        le=1,
        description="Standard deviation (gaussian), in 0..1 intensity; else the share of pixels.",
    )


class SparsityConfig(Frozen):
    """What makes most of a code silent most of the time."""

    kind: Literal["none", "l1", "kl"] = Field(
        "none",
        description="Cost of the mean absolute code, or of a mean activity other than the target; "
        "'kl' passes the code through a sigmoid.",
    )
    weight: float = Field(
        1e-3, ge=0, le=1e3, description="Of the cost, beside the mean loss of a pixel."
    )
    target: float = Field(
        0.05, gt=0, lt=1, description="Share of examples for which a unit is on, of 'kl'."
    )


class AutoencoderConfig(zoo.ModelConfig):
    """What an autoencoder is made of."""

    kind: Literal["dense", "convolutional"] = Field(
        "convolutional", description="What lies between the pixels and the code."
    )
    code_size: int = Field(
        32, ge=1, le=16_384, description="Numbers in a code; fewer than the image has values."
    )
    units: tuple[Width, ...] = Field(
        (),
        max_length=16,
        description="Width of each dense hidden layer before the code; mirrored behind it.",
    )
    filters: tuple[Filters, ...] = Field(
        (32, 64),
        max_length=8,
        description="Of a convolutional one, filters of each stage; a stage halves the image. "
        "Mirrored behind the code.",
    )
    kernel_size: int = Field(4, ge=2, le=15, description="Side of the kernels, pixels.")
    activation: Literal["relu", "gelu", "silu", "tanh", "elu", "selu"] = Field(
        "gelu", description="Behind every hidden layer."
    )
    normalization: Literal["batch", "layer", "none"] = Field(
        "batch", description="Between a hidden layer's weights and its activation."
    )
    code_range: Literal["standard", "tanh", "sigmoid"] = Field(
        "standard",
        description="What a code's numbers look like: mean 0 and variance 1 over the training "
        "data, or bounded. A variational code is near the standard normal whatever this says.",
    )
    loss: Literal["mse", "bce"] = Field(
        "mse", description="Squared error or cross-entropy, mean over the pixels, 0..1 intensity."
    )
    noise: NoiseConfig = NoiseConfig()
    sparsity: SparsityConfig = SparsityConfig()
    variational: bool = Field(
        False, description="Draw the code from a normal distribution while training."
    )
    beta: float = Field(
        1.0,
        ge=0,
        le=1e3,
        description="Weight of a variational code's divergence, in nats an image; with the loss "
        "'bce' and 1 the loss is the evidence bound, divided by the number of values.",
    )
    held_out: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        (),
        max_length=1_000,
        description="Classes that are not trained on, to see whether they stand out.",
    )

    @model_validator(mode="after")
    def _one_kind_of_code(self) -> Self:
        if self.variational and self.sparsity.kind != "none":
            raise ValueError("a code is variational or sparse, not both")
        if len(set(self.held_out)) != len(self.held_out):
            raise ValueError("a class is held out twice")
        return self


__all__ = ["AutoencoderConfig", "NoiseConfig", "SparsityConfig"]
