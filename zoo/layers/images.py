"""Pictures, as they enter a network."""

from __future__ import annotations

from typing import Any

import keras

from zoo.config import AugmentationConfig
from zoo.layers.augmentation import RandomAffine, RandomElastic
from zoo.spec import TensorSpec


def scale_image(image: Any, spec: TensorSpec) -> Any:
    """Map raw pixels from their declared range to 0..1, inside the graph."""
    low, high = spec.range or (0.0, 255.0)
    return keras.layers.Rescaling(1.0 / (high - low), offset=-low / (high - low), name="scale")(
        image
    )


def augment(image: Any, config: AugmentationConfig) -> Any:
    """Append the layers that a configuration asks for; they act in training only."""
    if config.flip:
        image = keras.layers.RandomFlip("horizontal", name="random_flip")(image)
    if config.elastic:
        image = RandomElastic(config.elastic, name="random_elastic")(image)
    if config.rotation or config.shift or config.zoom or config.shear:
        image = RandomAffine(
            config.rotation, config.shift, config.zoom, config.shear, name="random_affine"
        )(image)
    return image


__all__ = ["augment", "scale_image"]
