"""From features to probabilities: the layers that every preset ends with.

Importing this module imports keras.
"""

from __future__ import annotations

from typing import Any

import keras

from zoo_vgg16_damage.config import HeadConfig
from zoo_vgg16_damage.layers import Calibration

FEATURES = "features"
"""The layer whose output is the map that the head sees."""

_VECTOR = "vector"
_LOGITS = "logits"
_CALIBRATION = "calibration"


def make_head(config: HeadConfig, classes: int) -> list[keras.layers.Layer]:
    """Return the layers of a head, first to last; they are called once a model."""
    layers = keras.layers
    flat = config.pooling == "flatten"
    pool = layers.Flatten if flat else layers.GlobalAveragePooling2D
    found = [pool(name=_VECTOR)]
    found += [
        layers.Dense(
            width, activation="relu", kernel_initializer="he_normal", name=f"dense_{number}"
        )
        for number, width in enumerate(config.dense, start=1)
    ]
    if config.dropout:
        found.append(layers.Dropout(config.dropout, name="dropout"))
    return [
        *found,
        layers.Dense(classes, name=_LOGITS),
        Calibration(name=_CALIBRATION),
        layers.Softmax(name="probabilities"),
    ]


def attach(features: Any, head: list[keras.layers.Layer]) -> Any:
    """Return the probabilities that a head makes of a map of features."""
    x = keras.layers.Activation("linear", name=FEATURES)(features)
    for layer in head:
        x = layer(x)
    return x


def head_of(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a model's head."""
    names = [layer.name for layer in model.layers]
    found: list[keras.layers.Layer] = model.layers[names.index(FEATURES) + 1 :]
    return found


def dense_of(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the dense layers of a model's head, that of the logits last."""
    return [layer for layer in head_of(model) if isinstance(layer, keras.layers.Dense)]


def calibration_of(model: keras.Model) -> Calibration:
    """Return what a model's probabilities are calibrated by."""
    found: Calibration = model.get_layer(_CALIBRATION)
    return found


__all__ = ["FEATURES", "attach", "calibration_of", "dense_of", "head_of", "make_head"]
