"""The side that sees: a vision transformer, with convolutions in front of it where they help.

Importing this module imports keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.layers import EncoderBlock
from zoo_blip_captioner.stem import PACKAGE, Stem

EPSILON = 1e-5


@keras.saving.register_keras_serializable(package=PACKAGE)
class VisionTransformer(keras.layers.Layer):
    """Pictures as tokens (Dosovitskiy et al. 2021, arXiv:2010.11929; Li et al. 2022, section 3.1).

    A picture is cut into patches, each becomes a vector, a learned vector for the whole stands in
    front, a learned vector a place is added; then blocks that are normalized before each part, and
    a normalization at the end.

    A stem of convolutions may stand in front of the patches, which shrink by as much as it does:
    see :class:`zoo_blip_captioner.stem.Stem`.

    Args:
        image_size: Pixels a side.
        patch: Pixels a side of a patch, which must divide the image's.
        width: Size of the vector of each token.
        layers: Blocks.
        heads: Heads of each attention.
        feed_forward: Inner width of each block's feed-forward part.
        stem: By stage, the filters of each convolution; empty for none.
        dropout: Share silenced of what each part adds.

    Call arguments:
        images: Raw pixels from 0 to 255, `(batch, image_size, image_size, 3)`, of any number type.

    Returns:
        `(batch, 1 + (image_size / patch)², width)`
    """

    def __init__(
        self,
        image_size: int = 384,
        patch: int = 16,
        width: int = 768,
        layers: int = 12,
        heads: int = 12,
        feed_forward: int = 3072,
        stem: Sequence[Sequence[int]] = (),
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.image_size, self.patch, self.width, self.layers = image_size, patch, width, layers
        self.heads, self.feed_forward, self.dropout = heads, feed_forward, dropout
        self.stem = tuple(tuple(stage) for stage in stem)
        if image_size % patch or patch % 2 ** len(self.stem):
            raise ValueError(
                f"expected an image that patches of {patch} divide, and patches that {len(stem)} "
                f"stages can halve. Received: image_size={image_size}"
            )

    @property
    def tokens(self) -> int:
        """How many tokens a picture becomes."""
        return 1 + (self.image_size // self.patch) ** 2

    def build(self, input_shape: Any) -> None:
        """Create the parts."""
        policy = {"dtype": self.dtype_policy}
        self.look = Stem(self.stem, name="stem", **policy)
        shape = (None, self.image_size, self.image_size, input_shape[-1])
        self.look.build(shape)
        size = self.patch // 2 ** len(self.stem)
        self.patches = keras.layers.Conv2D(self.width, size, strides=size, **policy)
        self.patches.build(self.look.compute_output_shape(shape))
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.whole = self.add_weight(name="whole", shape=(1, 1, self.width), initializer=small)
        self.places = self.add_weight(
            name="places", shape=(1, self.tokens, self.width), initializer=small
        )
        self.blocks = [
            EncoderBlock(
                self.heads, self.feed_forward, self.dropout, "gelu", name=f"block_{n}", **policy
            )
            for n in range(1, self.layers + 1)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=EPSILON, **policy)
        for part in (*self.blocks, self.norm):
            part.build((None, self.tokens, self.width))

    def call(self, images: Any, training: bool = False) -> Any:
        """Look, and think about it."""
        return self.think(self.look(images, training=training), training=training)

    def think(self, looked: Any, training: bool = False) -> Any:
        """Return the tokens of what the stem saw.

        Shapes:
            looked: `(batch, rows, columns, filters)`
            Out: `(batch, 1 + (image_size / patch)², width)`
        """
        x = ops.reshape(self.patches(looked), (-1, self.tokens - 1, self.width))
        whole = ops.cast(self.whole, x.dtype) + ops.zeros_like(x[:, :1])
        x = ops.concatenate([whole, x], axis=1) + ops.cast(self.places, x.dtype)
        for block in self.blocks:
            x = block(x, training=training)
        return self.norm(x)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "patch": self.patch,
            "width": self.width,
            "layers": self.layers,
            "heads": self.heads,
            "feed_forward": self.feed_forward,
            "stem": self.stem,
            "dropout": self.dropout,
        }


__all__ = ["EPSILON", "VisionTransformer"]
