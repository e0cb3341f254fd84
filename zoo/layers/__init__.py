"""Keras building blocks that architectures share. Importing this room imports keras.

Everything is written with ``keras`` and ``keras.ops``, for any backend, and is registered for
saving under the package name ``zoo``.
"""

from zoo.layers.attention import CrossAttention, SelfAttention, attend, lay_out
from zoo.layers.augmentation import RandomAffine, RandomElastic
from zoo.layers.blocks import DecoderBlock, EncoderBlock
from zoo.layers.classification import (
    SmoothedCrossentropy,
    classifier_signature,
    compile_classifier,
)
from zoo.layers.codes import GaussianCode, SparseCode
from zoo.layers.embeddings import Positions, TokenEmbedding
from zoo.layers.ensemble import EnsembleDense, EnsembleHead
from zoo.layers.images import augment, scale_image
from zoo.layers.noise import Corrupt
from zoo.layers.numeric import ColumnwiseDense, PeriodicEncoding, PiecewiseLinearEncoding
from zoo.layers.optimization import WarmupSchedule, make_optimizer
from zoo.layers.reconstruction import PixelError, PixelLoss
from zoo.layers.regression import (
    ConformalInterval,
    EnsembleRegressor,
    RestoreTarget,
    compile_regressor,
    regressor_signature,
)
from zoo.layers.sequences import MaskedMean, TokenAccuracy, TokenCrossentropy
from zoo.layers.tabular import OneHotColumns, Standardize

__all__ = [
    "ColumnwiseDense",
    "ConformalInterval",
    "Corrupt",
    "CrossAttention",
    "DecoderBlock",
    "EncoderBlock",
    "EnsembleDense",
    "EnsembleHead",
    "EnsembleRegressor",
    "GaussianCode",
    "MaskedMean",
    "OneHotColumns",
    "PeriodicEncoding",
    "PiecewiseLinearEncoding",
    "PixelError",
    "PixelLoss",
    "Positions",
    "RandomAffine",
    "RandomElastic",
    "RestoreTarget",
    "SelfAttention",
    "SmoothedCrossentropy",
    "SparseCode",
    "Standardize",
    "TokenAccuracy",
    "TokenCrossentropy",
    "TokenEmbedding",
    "WarmupSchedule",
    "attend",
    "augment",
    "classifier_signature",
    "compile_classifier",
    "compile_regressor",
    "lay_out",
    "make_optimizer",
    "regressor_signature",
    "scale_image",
]
