"""Small convolutional network in the manner of VGG, and the classification head.

Importing this module imports keras.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

import zoo
from zoo import TensorSpec
from zoo_vgg16_damage.config import HeadConfig, VGG16DamageConfig
from zoo_vgg16_damage.layers import Calibration

FEATURES = "features"
"""The layer whose output is the feature map before the head."""

_CALIBRATION = "calibration"
_STRIDED_STEM = 48
"""Image side, pixels, from which the first convolution has stride 2."""


def small_network(image: Any, config: VGG16DamageConfig, spec: TensorSpec) -> Any:
    """Return the feature map of the preset 'small': stages of 3 x 3 convolutions.

    Args:
        image: Raw pixels.
        config: Stem and stages.
        spec: Spec of the image.

    Raises:
        ConfigError: If the image is too small for the stages.
    """
    from zoo.layers import augment

    side = min(int(size) for size in spec.shape[:2])
    strided = side >= _STRIDED_STEM
    halvings = strided + len(config.stages) - 1
    if side >> halvings < 1:
        most = side.bit_length() - strided
        raise zoo.errors.ConfigError(
            "vgg16_damage config: 1 wrong value",
            findings=[
                zoo.Finding(
                    "stages", config.stages, f"at most {most} stages for {side} pixels a side"
                )
            ],
            fix="use fewer stages, or larger images",
        )
    low, high = spec.range or (0.0, 255.0)
    # Centered at zero, so that augmentation fills with gray instead of black.
    scale = layers.Rescaling(2.0 / (high - low), -(high + low) / (high - low), name="scale")
    x = augment(scale(image), config.augmentation)
    x = _conv_block(
        x, config.stem, "stem", kernel_size=5 if strided else 3, strides=2 if strided else 1
    )
    for number, stage in enumerate(config.stages, start=1):
        if number > 1:
            x = layers.MaxPooling2D(2, name=f"pool_{number - 1}")(x)
        for step, filters in enumerate(stage, start=1):
            x = _conv_block(x, filters, f"{number}_{step}")
    return x


def _conv_block(x: Any, filters: int, name: str, *, kernel_size: int = 3, strides: int = 1) -> Any:
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"conv_{name}",
    )(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"norm_{name}")(x)
    return layers.ReLU(name=f"relu_{name}")(x)


def make_head(config: HeadConfig, classes: int) -> list[keras.layers.Layer]:
    """Return the layers from features to probabilities, in order."""
    pool = layers.Flatten if config.pooling == "flatten" else layers.GlobalAveragePooling2D
    head = [pool(name="pooling")]
    head += [
        layers.Dense(
            width, activation="relu", kernel_initializer="he_normal", name=f"dense_{number}"
        )
        for number, width in enumerate(config.dense, start=1)
    ]
    if config.dropout:
        head.append(layers.Dropout(config.dropout, name="dropout"))
    return [
        *head,
        layers.Dense(classes, name="logits"),
        Calibration(name=_CALIBRATION),
        layers.Softmax(name="probabilities"),
    ]


def attach_head(features: Any, head: list[keras.layers.Layer]) -> Any:
    """Return the probabilities of a feature map."""
    x = layers.Activation("linear", name=FEATURES)(features)
    for layer in head:
        x = layer(x)
    return x


def head_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a model's head."""
    names = [layer.name for layer in model.layers]
    found: list[keras.layers.Layer] = model.layers[names.index(FEATURES) + 1 :]
    return found


def calibration_layer(model: keras.Model) -> Calibration:
    """Return the calibration layer of a model."""
    found: Calibration = model.get_layer(_CALIBRATION)
    return found
