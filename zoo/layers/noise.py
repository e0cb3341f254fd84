"""Damage that is done to an image on purpose while a model learns to repair it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

PACKAGE = "zoo"
KINDS = ("gaussian", "salt_and_pepper", "masking")


@keras.saving.register_keras_serializable(package=PACKAGE)
class Corrupt(keras.layers.Layer):
    """Damages each image anew in training, and leaves it alone otherwise.

    The corruption process of denoising autoencoders (Vincent et al. 2008, "Extracting and
    composing robust features with denoising autoencoders", section 2.3, for masking; Vincent et
    al. 2010, JMLR 11, section 5, for the other two). Values stay within 0..1, as a camera's do.

    Args:
        kind: ``gaussian`` adds normal noise to every value; ``salt_and_pepper`` makes pixels black
            or white, as likely one as the other; ``masking`` makes pixels black. All channels of
            a pixel are hit together by the last two.
        amount: Standard deviation, in 0..1 intensity, of ``gaussian``; else the share of pixels.
        seed: Integer, or ``None`` to draw one from Keras's global seed.

    Input shape:
        `(batch, height, width, channels)`, intensities from 0 to 1.

    Output shape:
        The same.

    Raises:
        ValueError: If the kind is unknown.

    Example:
        >>> layer = Corrupt("masking", 0.25)
        >>> layer(images, training=True)
    """

    def __init__(
        self, kind: str = "gaussian", amount: float = 0.2, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"expected kind to be one of {', '.join(KINDS)}. Received: {kind!r}")
        self.kind, self.amount, self.seed = kind, amount, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool | None = False) -> Any:
        """Damage the images if training, else return them as they are."""
        if not training:
            return images
        shape = ops.shape(images)
        if self.kind == "gaussian":
            noise = keras.random.normal(shape, stddev=self.amount, seed=self.generator)
            return ops.clip(images + ops.cast(noise, images.dtype), 0.0, 1.0)
        draw = keras.random.uniform((*shape[:-1], 1), seed=self.generator)
        if self.kind == "masking":
            return ops.where(draw < self.amount, 0.0, images)
        return ops.where(
            draw < self.amount / 2, 0.0, ops.where(draw > 1 - self.amount / 2, 1.0, images)
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        own = {"kind": self.kind, "amount": self.amount, "seed": self.seed}
        return {**super().get_config(), **own}


__all__ = ["KINDS", "Corrupt"]
