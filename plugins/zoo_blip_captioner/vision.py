"""Vision transformer encoder, with an optional convolutional stem.

Importing this module imports keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.layers import EncoderBlock

PACKAGE = "zoo_blip_captioner"

EPSILON = 1e-5

MEAN = (122.7709383, 116.7460125, 104.09373615)
STDDEV = (68.5005327, 66.6321579, 70.32316305)
"""Mean and standard deviation of red, green and blue, 0 to 255 (CLIP; Radford et al. 2021)."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConvStem(keras.layers.Layer):
    """Normalizes raw pixels, and optionally downsamples them by stages of convolutions.

    Small vision transformers train much faster with early convolutions (Xiao et al. 2021,
    arXiv:2106.14881). The first convolution is 5 x 5, the others 3 x 3, each with batch
    normalization and ReLU.

    Args:
        stages: Filters of each convolution, by stage; the first of a stage has stride 2. Empty for
            normalization only, as in BLIP.

    Call arguments:
        images: Raw pixels from 0 to 255, `(batch, rows, columns, 3)`, of any number type.

    Returns:
        `(batch, rows / 2^stages, columns / 2^stages, filters)`
    """

    def __init__(self, stages: Sequence[Sequence[int]] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stages = tuple(tuple(stage) for stage in stages)

    def build(self, input_shape: Any) -> None:
        """Create the sublayers."""
        policy = {"dtype": self.dtype_policy}
        self.convolutions: list[Any] = []
        self.norms: list[Any] = []
        shape = tuple(input_shape)
        for stage in self.stages:
            for step, filters in enumerate(stage):
                convolution = keras.layers.Conv2D(
                    filters,
                    3 if self.convolutions else 5,
                    strides=1 if step else 2,
                    padding="same",
                    use_bias=False,
                    kernel_initializer="he_normal",
                    **policy,
                )
                convolution.build(shape)
                shape = convolution.compute_output_shape(shape)
                norm = keras.layers.BatchNormalization(momentum=0.9, **policy)
                norm.build(shape)
                self.convolutions.append(convolution)
                self.norms.append(norm)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        batch, rows, columns, channels = input_shape
        for stage in self.stages:
            rows, columns, channels = -(-rows // 2), -(-columns // 2), stage[-1]
        return (batch, rows, columns, channels)

    def call(self, images: Any, training: bool = False) -> Any:
        """Normalize the images and apply the convolutions."""
        mean, stddev = (ops.convert_to_tensor(v, self.compute_dtype) for v in (MEAN, STDDEV))
        x = (ops.cast(images, self.compute_dtype) - mean) / stddev
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = ops.relu(norm(convolution(x), training=training))
        return x

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "stages": self.stages}


@keras.saving.register_keras_serializable(package=PACKAGE)
class VisionTransformer(keras.layers.Layer):
    """Vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929; Li et al. 2022, section 3.1).

    Patches become vectors; a class token is prepended and position embeddings are added; then
    pre-norm blocks and a final normalization. With a stem of convolutions the patches shrink by its
    stride: see :class:`ConvStem`.

    Args:
        image_size: Side of the images, pixels.
        patch_size: Side of a patch, pixels; it must divide the image's.
        hidden_dim: Hidden dimension.
        num_layers: Number of blocks.
        num_heads: Number of attention heads.
        intermediate_dim: Hidden dimension of the feed-forward networks.
        stem: Filters of each convolution of the stem, by stage; empty for none.
        dropout: Dropout rate of each sublayer.

    Call arguments:
        images: Raw pixels from 0 to 255, `(batch, image_size, image_size, 3)`, of any number type.

    Returns:
        `(batch, 1 + (image_size / patch_size)², hidden_dim)`
    """

    def __init__(
        self,
        image_size: int = 384,
        patch_size: int = 16,
        hidden_dim: int = 768,
        num_layers: int = 12,
        num_heads: int = 12,
        intermediate_dim: int = 3072,
        stem: Sequence[Sequence[int]] = (),
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.image_size, self.patch_size = image_size, patch_size
        self.hidden_dim, self.num_layers = hidden_dim, num_layers
        self.num_heads, self.intermediate_dim, self.dropout = num_heads, intermediate_dim, dropout
        self.stem = tuple(tuple(stage) for stage in stem)
        if image_size % patch_size or patch_size % 2 ** len(self.stem):
            raise ValueError(
                f"expected an image_size divisible by patch_size={patch_size}, and a patch_size "
                f"divisible by 2^{len(self.stem)}. Received: image_size={image_size}"
            )

    @property
    def tokens(self) -> int:
        """Number of tokens of an image."""
        return 1 + (self.image_size // self.patch_size) ** 2

    def build(self, input_shape: Any) -> None:
        """Create the sublayers."""
        policy = {"dtype": self.dtype_policy}
        self.conv_stem = ConvStem(self.stem, name="stem", **policy)
        shape = (None, self.image_size, self.image_size, input_shape[-1])
        self.conv_stem.build(shape)
        size = self.patch_size // 2 ** len(self.stem)
        self.patch_embedding = keras.layers.Conv2D(self.hidden_dim, size, strides=size, **policy)
        self.patch_embedding.build(self.conv_stem.compute_output_shape(shape))
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.class_token = self.add_weight(
            name="class_token", shape=(1, 1, self.hidden_dim), initializer=small
        )
        self.position_embeddings = self.add_weight(
            name="position_embeddings", shape=(1, self.tokens, self.hidden_dim), initializer=small
        )
        self.blocks = [
            EncoderBlock(
                self.num_heads,
                self.intermediate_dim,
                self.dropout,
                "gelu",
                name=f"block_{n}",
                **policy,
            )
            for n in range(1, self.num_layers + 1)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=EPSILON, **policy)
        for part in (*self.blocks, self.norm):
            part.build((None, self.tokens, self.hidden_dim))

    def call(self, images: Any, training: bool = False) -> Any:
        """Encode raw images."""
        return self.encode(self.conv_stem(images, training=training), training=training)

    def encode(self, features: Any, training: bool = False) -> Any:
        """Encode the features of the stem.

        Shapes:
            features: `(batch, rows, columns, filters)`
            Out: `(batch, 1 + (image_size / patch_size)², hidden_dim)`
        """
        x = ops.reshape(self.patch_embedding(features), (-1, self.tokens - 1, self.hidden_dim))
        class_token = ops.cast(self.class_token, x.dtype) + ops.zeros_like(x[:, :1])
        x = ops.concatenate([class_token, x], axis=1) + ops.cast(self.position_embeddings, x.dtype)
        for block in self.blocks:
            x = block(x, training=training)
        return self.norm(x)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "patch_size": self.patch_size,
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "stem": self.stem,
            "dropout": self.dropout,
        }
