"""Configuration of autoencoders."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

import zoo
from zoo.config import Frozen

Width = Annotated[int, Field(ge=1, le=16_384)]
Filters = Annotated[int, Field(ge=1, le=4_096)]


def _names(value: Any) -> Any:
    """Accept a single class; ``held_out=9`` on a command line is a number."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        value = [value]
    if isinstance(value, list | tuple):
        return [str(name) if isinstance(name, int) else name for name in value]
    return value


class NoiseConfig(Frozen):
    """Corruption of training images, which a denoising autoencoder removes."""

    kind: Literal["none", "gaussian", "salt_and_pepper", "masking"] = Field(
        "none",
        description="Kind of corruption: normal noise, black and white pixels, or black pixels.",
    )
    amount: float = Field(
        0.3,
        gt=0,
        le=1,
        description="Standard deviation (gaussian) in 0..1 intensity, or the share of pixels.",
    )


class SparsityConfig(Frozen):
    """Sparsity penalty on the code."""

    kind: Literal["none", "l1", "kl"] = Field(
        "none",
        description="L1 penalty on the code, or KL divergence of its mean activation from the "
        "target; 'kl' implies a sigmoid code.",
    )
    weight: float = Field(
        1e-3, ge=0, le=1e3, description="Weight of the penalty beside the reconstruction loss."
    )
    target: float = Field(0.05, gt=0, lt=1, description="Target mean activation of 'kl'.")


class AutoencoderConfig(zoo.ModelConfig):
    """Configuration of an autoencoder."""

    kind: Literal["dense", "convolutional"] = Field(
        "convolutional", description="Dense or convolutional encoder and decoder."
    )
    code_size: int = Field(
        32, ge=1, le=16_384, description="Dimension of the code (latent dimension)."
    )
    units: tuple[Width, ...] = Field(
        (),
        max_length=16,
        description="Units of each dense hidden layer of the encoder; mirrored in the decoder.",
    )
    filters: tuple[Filters, ...] = Field(
        (32, 64),
        max_length=8,
        description="Filters of each convolutional stage of the encoder, which halves the image; "
        "mirrored in the decoder.",
    )
    kernel_size: int = Field(4, ge=2, le=15, description="Kernel size, pixels.")
    activation: Literal["relu", "gelu", "silu", "tanh", "elu", "selu"] = Field(
        "gelu", description="Activation of the hidden layers."
    )
    normalization: Literal["batch", "layer", "none"] = Field(
        "batch", description="Normalization before the activation of each hidden layer."
    )
    code_range: Literal["standard", "tanh", "sigmoid"] = Field(
        "standard",
        description="Range of the code: mean 0 and variance 1 over the training data, or bounded "
        "by an activation. Ignored by variational autoencoders.",
    )
    loss: Literal["mse", "bce"] = Field(
        "mse", description="Reconstruction loss: mean squared error or binary cross-entropy."
    )
    noise: NoiseConfig = Field(NoiseConfig(), description="Corruption of training images.")
    sparsity: SparsityConfig = Field(SparsityConfig(), description="Sparsity penalty.")
    variational: bool = Field(
        False, description="Variational autoencoder: sample the code in training."
    )
    beta: float = Field(
        1.0,
        ge=0,
        le=1e3,
        description="Weight of the KL divergence of a variational autoencoder (beta-VAE); with the "
        "loss 'bce' and 1, the loss is the negative ELBO per pixel value.",
    )
    held_out: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        (),
        max_length=1_000,
        description="Classes left out of training, to evaluate anomaly detection.",
    )

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        if self.variational and self.sparsity.kind != "none":
            raise ValueError("a code is variational or sparse, not both")
        if len(set(self.held_out)) != len(self.held_out):
            raise ValueError("a class is held out twice")
        return self
