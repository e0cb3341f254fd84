"""The small preset: convolutions of 3 x 3 in stages, after VGG, at the pictures' own size.

Importing this module imports keras.
"""

from __future__ import annotations

from typing import Any

from keras import layers

import zoo
from zoo import TensorSpec
from zoo_vgg16_damage.config import VGG16DamageConfig

_LARGE = 48
"""Pixels a side from which the first convolution takes every other place."""


def compact(image: Any, config: VGG16DamageConfig, spec: TensorSpec) -> Any:
    """Return a map of features of an image.

    Args:
        image: Raw pixels.
        config: Stem and stages.
        spec: What an image is.

    Raises:
        ConfigError: If the image is too small for the stages.
    """
    from zoo.layers import augment

    side = min(int(size) for size in spec.shape[:2])
    large = side >= _LARGE
    halvings = large + len(config.stages) - 1
    if side >> halvings < 1:
        room = side.bit_length() - large
        raise zoo.errors.ConfigError(
            "vgg16_damage config: 1 wrong value",
            findings=[
                zoo.Finding(
                    "stages", config.stages, f"at most {room} stages for {side} pixels a side"
                )
            ],
            fix="give fewer stages, or larger images",
        )
    low, high = spec.range or (0.0, 255.0)
    # Around zero, so that what moves in from outside the picture is gray and not black.
    scale = layers.Rescaling(2.0 / (high - low), -(high + low) / (high - low), name="scale")
    x = augment(scale(image), config.augmentation)
    x = _convolve(x, config.stem, "stem", kernel=5 if large else 3, stride=2 if large else 1)
    for number, stage in enumerate(config.stages, start=1):
        if number > 1:
            x = layers.MaxPooling2D(2, name=f"pool_{number - 1}")(x)
        for step, filters in enumerate(stage, start=1):
            x = _convolve(x, filters, f"{number}_{step}")
    return x


def _convolve(x: Any, filters: int, name: str, *, kernel: int = 3, stride: int = 1) -> Any:
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"conv_{name}",
    )(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"norm_{name}")(x)
    return layers.ReLU(name=f"relu_{name}")(x)


__all__ = ["compact"]
