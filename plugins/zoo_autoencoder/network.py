"""The two halves of an autoencoder: from pixels to a code, and from a code to pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zoo import TensorSpec
from zoo_autoencoder.config import AutoencoderConfig

if TYPE_CHECKING:
    import keras

CODE = "code"
DECODER = "decoder"
RECONSTRUCTION = "reconstruction"


def encode(image: Any, config: AutoencoderConfig, spec: TensorSpec) -> Any:
    """Return the code of an image that is scaled to 0..1.

    Shapes:
        In: `(batch, height, width, channels)`.
        Out: `(batch, code_size)`.
    """
    from keras import layers

    from zoo.layers import Corrupt, GaussianCode, SparseCode

    x = image
    if config.noise.kind != "none":
        x = Corrupt(config.noise.kind, config.noise.amount, name="corrupt")(x)
    for number, filters in enumerate(_stages(config), start=1):
        x = layers.Conv2D(
            filters,
            config.kernel_size,
            strides=2,
            padding="same",
            use_bias=config.normalization == "none",
            kernel_initializer="he_normal",
            name=f"encoder_conv_{number}",
        )(x)
        x = _activate(x, config, f"encoder_{number}")
    x = layers.Flatten(name="encoder_flat")(x)
    for number, width in enumerate(config.units, start=1):
        x = _dense(x, width, config, f"encoder_dense_{number}")
    if config.variational:
        mean = layers.Dense(config.code_size, name="code_mean")(x)
        log_variance = layers.Dense(config.code_size, name="code_log_variance")(x)
        values = math.prod(int(size) for size in spec.shape)
        return GaussianCode(config.beta / values, name=CODE)([mean, log_variance])
    x = layers.Dense(config.code_size, name="code_raw")(x)
    form = "sigmoid" if config.sparsity.kind == "kl" else config.code_range
    if form == "standard":
        x = layers.BatchNormalization(
            center=False, scale=False, momentum=0.9, name="code_standard"
        )(x)
    else:
        x = layers.Activation(form, name=f"code_{form}")(x)
    if config.sparsity.kind == "none":
        return layers.Identity(name=CODE)(x)
    sparse = config.sparsity
    return SparseCode(sparse.kind, sparse.weight, sparse.target, name=CODE)(x)


def make_decoder(config: AutoencoderConfig, spec: TensorSpec) -> keras.Model:
    """Return the model from a code to raw pixels.

    Shapes:
        In: `(batch, code_size)`.
        Out: `(batch, height, width, channels)`, raw.
    """
    import keras
    from keras import layers

    height, width, channels = (int(size) for size in spec.shape)
    stages = _stages(config)
    sides = [(height, width)]
    for _ in stages:
        sides.append((-(-sides[-1][0] // 2), -(-sides[-1][1] // 2)))
    code = keras.Input((config.code_size,), name=CODE)
    x = code
    for number, units in enumerate(reversed(config.units), start=1):
        x = _dense(x, units, config, f"decoder_dense_{number}")
    if stages:
        top = (*sides[-1], stages[-1])
        x = _dense(x, math.prod(top), config, "decoder_spread")
        x = layers.Reshape(top, name="decoder_shape")(x)
        for number in reversed(range(len(stages))):
            last = number == 0
            x = layers.Conv2DTranspose(
                channels if last else stages[number - 1],
                config.kernel_size,
                strides=2,
                padding="same",
                use_bias=last or config.normalization == "none",
                kernel_initializer="glorot_uniform" if last else "he_normal",
                name=f"decoder_conv_{number + 1}",
            )(x)
            x = _crop(x, sides[number + 1], sides[number], f"decoder_crop_{number + 1}")
            if not last:
                x = _activate(x, config, f"decoder_{number + 1}")
    else:
        x = layers.Dense(height * width * channels, name="decoder_pixels")(x)
        x = layers.Reshape((height, width, channels), name="decoder_shape")(x)
    x = layers.Activation("sigmoid", name="decoder_intensity")(x)
    low, high = spec.range or (0.0, 255.0)
    x = layers.Rescaling(high - low, offset=low, name=RECONSTRUCTION)(x)
    return keras.Model(code, x, name=DECODER)


def code_range(config: AutoencoderConfig) -> tuple[float, float]:
    """Return the values that a decoder is meant to be given.

    A code of mean 0 and variance 1 rarely leaves four standard deviations.
    """
    if config.variational:
        return (-4.0, 4.0)
    form = "sigmoid" if config.sparsity.kind == "kl" else config.code_range
    return {"standard": (-4.0, 4.0), "tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}[form]


def _stages(config: AutoencoderConfig) -> tuple[int, ...]:
    return config.filters if config.kind == "convolutional" else ()


def _crop(x: Any, small: tuple[int, int], large: tuple[int, int], name: str) -> Any:
    """Cut what doubling a rounded-up half is too much."""
    from keras import layers

    over = tuple((0, 2 * have - want) for have, want in zip(small, large, strict=True))
    return layers.Cropping2D(over, name=name)(x) if over != ((0, 0), (0, 0)) else x


def _dense(x: Any, width: int, config: AutoencoderConfig, name: str) -> Any:
    from keras import layers

    x = layers.Dense(
        width,
        use_bias=config.normalization == "none",
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return _activate(x, config, name)


def _activate(x: Any, config: AutoencoderConfig, name: str) -> Any:
    from keras import layers

    if config.normalization == "batch":
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    elif config.normalization == "layer":
        x = layers.LayerNormalization(name=f"{name}_norm")(x)
    return layers.Activation(config.activation, name=f"{name}_{config.activation}")(x)


__all__ = ["CODE", "DECODER", "RECONSTRUCTION", "code_range", "encode", "make_decoder"]
