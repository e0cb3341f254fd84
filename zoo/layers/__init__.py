"""Keras building blocks that architectures share. Importing this room imports keras.

Everything is written with ``keras`` and ``keras.ops``, for any backend, and is registered for
saving under the package name ``zoo``.
"""

from zoo.layers.augmentation import RandomAffine, RandomElastic
from zoo.layers.classification import (
    SmoothedCrossentropy,
    classifier_signature,
    compile_classifier,
)
from zoo.layers.images import augment, scale_image
from zoo.layers.optimization import WarmupSchedule, make_optimizer
from zoo.layers.tabular import OneHotColumns, Standardise

__all__ = [
    "OneHotColumns",
    "RandomAffine",
    "RandomElastic",
    "SmoothedCrossentropy",
    "Standardise",
    "WarmupSchedule",
    "augment",
    "classifier_signature",
    "compile_classifier",
    "make_optimizer",
    "scale_image",
]
