"""Image preprocessing and random augmentation layers, active in training only."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.config import AugmentationConfig
from zoo.spec import TensorSpec

PACKAGE = "zoo"

CORRUPTIONS = ("gaussian", "salt_and_pepper", "masking")


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomAffine(keras.layers.Layer):
    """Random rotation, shift, zoom and shear of each image, interpolated once.

    One layer per transformation would interpolate, and so blur, as many times. Pixels from outside
    of the image are black.

    Args:
        rotation: Maximum angle in either direction, degrees.
        shift: Maximum shift in either direction, as a share of the side, per axis.
        zoom: Maximum zoom, as a share: 0.1 draws factors from 1/1.1 to 1.1.
        shear: Maximum horizontal shear in either direction, as a share of the height.
        seed: Integer, or ``None`` to draw one from Keras's global seed.

    Input shape:
        `(batch, height, width, channels)`, floating point.

    Output shape:
        The same.

    Example:
        >>> images = np.zeros((2, 28, 28, 1), "float32")
        >>> tuple(RandomAffine(rotation=10, shift=0.1)(images, training=True).shape)
        (2, 28, 28, 1)
    """

    def __init__(
        self,
        rotation: float = 0.0,
        shift: float = 0.0,
        zoom: float = 0.0,
        shear: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rotation, self.shift, self.zoom, self.shear = rotation, shift, zoom, shear
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)
        self.supports_jit = False  # TensorFlow's projective resampling has no XLA kernel.

    def call(self, images: Any, training: bool | None = False) -> Any:
        """Transform the images in training, else return them unchanged."""
        if not training:
            return images
        batch = ops.shape(images)[0]
        height, width = images.shape[1], images.shape[2]
        draw = keras.random.uniform((6, batch), -1.0, 1.0, seed=self.generator)
        angle = draw[0] * math.radians(self.rotation)
        scale_x = ops.exp(draw[1] * math.log1p(self.zoom))
        scale_y = ops.exp(draw[2] * math.log1p(self.zoom))
        shear = draw[3] * self.shear
        cos, sin = ops.cos(angle), ops.sin(angle)
        # Output pixel to input pixel, about the center: rotation @ shear @ scaling, then shift.
        a0, a1 = cos * scale_x, (cos * shear - sin) * scale_y
        b0, b1 = sin * scale_x, (sin * shear + cos) * scale_y
        center_x, center_y = (width - 1) / 2, (height - 1) / 2
        a2 = center_x - a0 * center_x - a1 * center_y + draw[4] * (self.shift * width)
        b2 = center_y - b0 * center_x - b1 * center_y + draw[5] * (self.shift * height)
        zero = ops.zeros_like(a0)
        return ops.image.affine_transform(
            images,
            ops.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1),
            interpolation="bilinear",
            fill_mode="constant",
            data_format="channels_last",
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        own = {
            "rotation": self.rotation,
            "shift": self.shift,
            "zoom": self.zoom,
            "shear": self.shear,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomElastic(keras.layers.Layer):
    """Random elastic deformation of each image.

    After Simard, Steinkraus & Platt (ICDAR 2003): independent normal displacements on a coarse
    grid, spread over the pixels by Gaussian bumps that keep their variance, one bilinear gather.

    Args:
        alpha: Standard deviation of the displacement per axis, pixels.
        grid: Points of the coarse grid per side.
        seed: Integer, or ``None`` to draw one from Keras's global seed.

    Input shape:
        `(batch, height, width, channels)`, floating point; height and width known.

    Output shape:
        The same.

    Example:
        >>> tuple(RandomElastic(alpha=2.0, seed=0)(images, training=True).shape)
        (2, 28, 28, 1)
    """

    def __init__(
        self, alpha: float = 1.0, grid: int = 6, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.alpha, self.grid, self.seed = alpha, grid, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool | None = False) -> Any:
        """Deform the images in training, else return them unchanged."""
        if not training:
            return images
        batch = ops.shape(images)[0]
        _, height, width, channels = images.shape
        field = keras.random.normal((2 * batch, self.grid, self.grid), seed=self.generator)
        field = ops.matmul(field, self._bumps(width).T)
        field = ops.matmul(self._bumps(height), field)
        field = ops.reshape(field * self.alpha, (2, -1, height, width))
        # One ulp short of the last pixel, so that its right and lower neighbors exist.
        y = ops.clip(field[0] + np.arange(height, dtype="float32")[:, None], 0.0, height - 1.001)
        x = ops.clip(field[1] + np.arange(width, dtype="float32"), 0.0, width - 1.001)
        top, left = ops.floor(y), ops.floor(x)
        down, right = (y - top)[..., None], (x - left)[..., None]
        first = ops.reshape(ops.arange(batch) * (height * width), (-1, 1, 1))
        corner = first + ops.cast(top, "int32") * width + ops.cast(left, "int32")
        pixels = ops.reshape(images, (-1, channels))

        def at(offset: int) -> Any:
            return ops.take(pixels, corner + offset, axis=0)

        upper = at(0) * (1 - right) + at(1) * right
        lower = at(width) * (1 - right) + at(width + 1) * right
        return ops.reshape(upper + (lower - upper) * down, (-1, height, width, channels))

    def _bumps(self, side: int) -> Any:
        """Return the weight of each grid point at each pixel, as rows of unit length."""
        pixel = np.arange(side)[:, None]
        point = np.linspace(-0.5, side - 0.5, self.grid)[None]
        width = 0.75 * side / max(self.grid - 1, 1)
        weight = np.exp(-0.5 * ((pixel - point) / width) ** 2)
        return (weight / np.linalg.norm(weight, axis=1, keepdims=True)).astype("float32")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        own = {"alpha": self.alpha, "grid": self.grid, "seed": self.seed}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomCorruption(keras.layers.Layer):
    """Random corruption of each image in training: Gaussian noise, salt and pepper, or masking.

    The corruption process of denoising autoencoders (Vincent et al. 2008, "Extracting and
    composing robust features with denoising autoencoders", section 2.3, for masking; Vincent et
    al. 2010, JMLR 11, section 5, for the other two). Values are clipped to 0..1.

    Args:
        kind: ``gaussian`` adds normal noise to every value; ``salt_and_pepper`` makes pixels black
            or white with equal probability; ``masking`` makes pixels black. The last two corrupt
            all channels of a pixel together.
        amount: Standard deviation of ``gaussian``, in 0..1 intensity; else the share of pixels.
        seed: Integer, or ``None`` to draw one from Keras's global seed.

    Input shape:
        `(batch, height, width, channels)`, intensities from 0 to 1.

    Output shape:
        The same.

    Raises:
        ValueError: If the kind is unknown.

    Example:
        >>> tuple(RandomCorruption("masking", 0.25)(images, training=True).shape)
        (2, 28, 28, 1)
    """

    def __init__(
        self, kind: str = "gaussian", amount: float = 0.2, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if kind not in CORRUPTIONS:
            raise ValueError(
                f"expected kind to be one of {', '.join(CORRUPTIONS)}. Received: {kind!r}"
            )
        self.kind, self.amount, self.seed = kind, amount, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool | None = False) -> Any:
        """Corrupt the images in training, else return them unchanged."""
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
        """Return the output shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        own = {"kind": self.kind, "amount": self.amount, "seed": self.seed}
        return {**super().get_config(), **own}


def scale_image(image: Any, spec: TensorSpec) -> Any:
    """Rescale raw pixels from their declared range to 0..1, inside the graph.

    Example:
        >>> spec = TensorSpec(name="image", shape=(28, 28, 1), range=(0, 255), role="image")
        >>> x = scale_image(keras.Input((28, 28, 1), dtype="uint8"), spec)
        >>> x.dtype
        'float32'
    """
    low, high = spec.range or (0.0, 255.0)
    return keras.layers.Rescaling(1.0 / (high - low), offset=-low / (high - low), name="scale")(
        image
    )


def augment(image: Any, config: AugmentationConfig) -> Any:
    """Append the random augmentation layers of a configuration.

    Example:
        >>> augment(x, zoo.AugmentationConfig(rotation=10, shift=0.1)).shape
        (None, 28, 28, 1)
    """
    if config.flip:
        image = keras.layers.RandomFlip("horizontal", name="random_flip")(image)
    if config.elastic:
        image = RandomElastic(config.elastic, name="random_elastic")(image)
    if config.rotation or config.shift or config.zoom or config.shear:
        image = RandomAffine(
            config.rotation, config.shift, config.zoom, config.shear, name="random_affine"
        )(image)
    return image
