"""Keras layers, losses, metrics and optimizers that architectures share.

Everything is written with ``keras`` and ``keras.ops``, for any backend, and is registered for
saving under the package name ``zoo``. Importing this module imports keras.
"""

from zoo.layers.activations import activation_layer
from zoo.layers.attention import (
    CrossAttention,
    SelfAttention,
    dot_product_attention,
    rotary_embedding,
    split_heads,
)
from zoo.layers.autoencoding import (
    GaussianSampling,
    PixelError,
    PixelLoss,
    SparsityRegularization,
)
from zoo.layers.classification import (
    SmoothedCrossentropy,
    classifier_signature,
    compile_classifier,
)
from zoo.layers.embeddings import PositionEmbedding, TokenEmbedding
from zoo.layers.ensemble import EnsembleDense, EnsembleHead
from zoo.layers.image_augmentation import (
    RandomAffine,
    RandomCorruption,
    RandomElastic,
    augment,
    scale_image,
)
from zoo.layers.normalization import Denormalization, Normalization
from zoo.layers.optimizers import WarmupSchedule, make_optimizer
from zoo.layers.regression import (
    ConformalInterval,
    EnsembleRegressor,
    compile_regressor,
    regressor_signature,
)
from zoo.layers.sequences import MaskedAveragePooling1D, TokenAccuracy, TokenCrossentropy
from zoo.layers.tabular import (
    ColumnwiseDense,
    OneHotEncoding,
    PeriodicEncoding,
    PiecewiseLinearEncoding,
)
from zoo.layers.transformer_blocks import DecoderBlock, EncoderBlock

__all__ = [
    "ColumnwiseDense",
    "ConformalInterval",
    "CrossAttention",
    "DecoderBlock",
    "Denormalization",
    "EncoderBlock",
    "EnsembleDense",
    "EnsembleHead",
    "EnsembleRegressor",
    "GaussianSampling",
    "MaskedAveragePooling1D",
    "Normalization",
    "OneHotEncoding",
    "PeriodicEncoding",
    "PiecewiseLinearEncoding",
    "PixelError",
    "PixelLoss",
    "PositionEmbedding",
    "RandomAffine",
    "RandomCorruption",
    "RandomElastic",
    "SelfAttention",
    "SmoothedCrossentropy",
    "SparsityRegularization",
    "TokenAccuracy",
    "TokenCrossentropy",
    "TokenEmbedding",
    "WarmupSchedule",
    "activation_layer",
    "augment",
    "classifier_signature",
    "compile_classifier",
    "compile_regressor",
    "dot_product_attention",
    "make_optimizer",
    "regressor_signature",
    "rotary_embedding",
    "scale_image",
    "split_heads",
]
