"""Encoder and decoder of an autoencoder."""

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


def build_encoder(image: Any, config: AutoencoderConfig, spec: TensorSpec) -> Any:
    """Return the code of images scaled to 0..1.

    Shapes:
        In: `(batch, height, width, channels)`.
        Out: `(batch, code_size)`.
    """
    from keras import layers

    from zoo.layers import GaussianSampling, RandomCorruption, SparsityRegularization

    x = image
    if config.noise.kind != "none":
        x = RandomCorruption(config.noise.kind, config.noise.amount, name="corruption")(x)
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
    x = layers.Flatten(name="encoder_flatten")(x)
    for number, width in enumerate(config.units, start=1):
        x = _dense(x, width, config, f"encoder_dense_{number}")
    if config.variational:
        mean = layers.Dense(config.code_size, name="code_mean")(x)
        log_variance = layers.Dense(config.code_size, name="code_log_variance")(x)
        values = math.prod(int(size) for size in spec.shape)
        return GaussianSampling(config.beta / values, name=CODE)([mean, log_variance])
    x = layers.Dense(config.code_size, name="code_dense")(x)
    activation = _code_activation(config)
    if activation == "standard":
        x = layers.BatchNormalization(
            center=False, scale=False, momentum=0.9, name="code_normalization"
        )(x)
    else:
        x = layers.Activation(activation, name=f"code_{activation}")(x)
    if config.sparsity.kind == "none":
        return layers.Identity(name=CODE)(x)
    sparsity = config.sparsity
    regularization = SparsityRegularization(
        sparsity.kind, sparsity.weight, sparsity.target, name=CODE
    )
    return regularization(x)


def build_decoder(config: AutoencoderConfig, spec: TensorSpec) -> keras.Model:
    """Return the decoder model from codes to raw pixels.

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
        smallest = (*sides[-1], stages[-1])
        x = _dense(x, math.prod(smallest), config, "decoder_dense")
        x = layers.Reshape(smallest, name="decoder_reshape")(x)
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
        x = layers.Reshape((height, width, channels), name="decoder_reshape")(x)
    x = layers.Activation("sigmoid", name="decoder_sigmoid")(x)
    low, high = spec.range or (0.0, 255.0)
    x = layers.Rescaling(high - low, offset=low, name=RECONSTRUCTION)(x)
    return keras.Model(code, x, name=DECODER)


def code_range(config: AutoencoderConfig) -> tuple[float, float]:
    """Return the range of codes: 4 standard deviations, or the bounds of the activation."""
    if config.variational:
        return (-4.0, 4.0)
    ranges = {"standard": (-4.0, 4.0), "tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
    return ranges[_code_activation(config)]


def _code_activation(config: AutoencoderConfig) -> str:
    return "sigmoid" if config.sparsity.kind == "kl" else config.code_range


def _stages(config: AutoencoderConfig) -> tuple[int, ...]:
    return config.filters if config.kind == "convolutional" else ()


def _crop(x: Any, small: tuple[int, int], large: tuple[int, int], name: str) -> Any:
    """Crop the extra row or column where an odd side was rounded up before doubling."""
    from keras import layers

    extra = tuple((0, 2 * have - want) for have, want in zip(small, large, strict=True))
    return layers.Cropping2D(extra, name=name)(x) if extra != ((0, 0), (0, 0)) else x


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
