"""The first look: pixels on a common scale, and convolutions where a captioner has some.

Importing this module imports keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

PACKAGE = "zoo_blip_captioner"

MEAN = (122.7709383, 116.7460125, 104.09373615)
DEVIATION = (68.5005327, 66.6321579, 70.32316305)
"""Of red, green and blue of 0 to 255: the numbers of CLIP (Radford et al. 2021), as BLIP uses."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class Stem(keras.layers.Layer):
    """Scales raw pixels, and halves the picture with each stage of convolutions.

    Small networks learn far faster where the first looks are convolutions (Xiao et al. 2021,
    arXiv:2106.14881). The first is of 5 x 5, the others of 3 x 3; each is normalized over the
    batch, and what is positive of it goes on.

    Args:
        stages: By stage, the filters of each convolution; the first of a stage takes every other
            place. None for a scale alone, as in BLIP.

    Call arguments:
        images: Raw pixels from 0 to 255, `(batch, rows, columns, 3)`, of any number type.

    Returns:
        `(batch, rows / 2^stages, columns / 2^stages, filters)`
    """

    def __init__(self, stages: Sequence[Sequence[int]] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stages = tuple(tuple(stage) for stage in stages)

    def build(self, input_shape: Any) -> None:
        """Create the parts."""
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
        """Return the shape of what comes out."""
        batch, rows, columns, channels = input_shape
        for stage in self.stages:
            rows, columns, channels = -(-rows // 2), -(-columns // 2), stage[-1]
        return (batch, rows, columns, channels)

    def call(self, images: Any, training: bool = False) -> Any:
        """Look."""
        mean, deviation = (ops.convert_to_tensor(v, self.compute_dtype) for v in (MEAN, DEVIATION))
        x = (ops.cast(images, self.compute_dtype) - mean) / deviation
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = ops.relu(norm(convolution(x), training=training))
        return x

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "stages": self.stages}


__all__ = ["DEVIATION", "MEAN", "PACKAGE", "Stem"]
