"""Sparsity and Gaussian sampling of latent codes; pixel-wise reconstruction loss and metric."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

PACKAGE = "zoo"
_EPSILON = 1e-6
_MAX_LOG_VARIANCE = 10.0


@keras.saving.register_keras_serializable(package=PACKAGE)
class SparsityRegularization(keras.layers.Layer):
    """Identity layer that adds a sparsity penalty on a code to the loss.

    Args:
        kind: ``l1`` penalizes the mean absolute activation. ``kl`` penalizes, for codes from 0 to
            1, the KL divergence between a target activation and each unit's mean over the batch,
            summed over the units (Ng 2011, CS294A lecture notes "Sparse autoencoder", section 3).
        weight: Weight of the penalty beside the reconstruction loss.
        target: Target mean activation of ``kl``.

    Input shape:
        `(batch, code)`

    Output shape:
        The same.

    Example:
        >>> tuple(SparsityRegularization("l1", 1e-3)(code).shape)
        (2, 4)
    """

    def __init__(
        self, kind: str = "l1", weight: float = 1e-3, target: float = 0.05, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if kind not in {"l1", "kl"}:
            raise ValueError(f"expected kind to be l1 or kl. Received: {kind!r}")
        self.kind, self.weight, self.target = kind, weight, target

    def call(self, code: Any) -> Any:
        """Return the code unchanged, and add the penalty."""
        if self.kind == "l1":
            cost = ops.mean(ops.abs(code))
        else:
            mean = ops.clip(ops.mean(code, axis=0), _EPSILON, 1 - _EPSILON)
            on, off = self.target, 1 - self.target
            cost = ops.sum(on * ops.log(on / mean) + off * ops.log(off / (1 - mean)))
        self.add_loss(self.weight * cost)
        return code

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        own = {"kind": self.kind, "weight": self.weight, "target": self.target}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class GaussianSampling(keras.layers.Layer):
    """Samples a code from a normal distribution in training; returns its mean otherwise.

    The reparameterization trick of variational autoencoders (Kingma & Welling 2013,
    arXiv:1312.6114): ``code = mean + exp(log_variance / 2) * noise``. The KL divergence from the
    standard normal distribution (appendix B), summed over the code and averaged over the batch, is
    added to the loss times ``weight``, in training and in evaluation.

    Args:
        weight: Weight of the KL divergence beside the reconstruction loss.
        seed: Integer, or ``None`` to draw one from Keras's global seed.

    Input shape:
        Two of `(batch, code)`: the mean and the log variance.

    Output shape:
        `(batch, code)`

    Example:
        >>> mean, log_variance = np.ones((2, 4), "float32"), np.zeros((2, 4), "float32")
        >>> code = GaussianSampling(weight=0.1, seed=0)([mean, log_variance], training=True)
        >>> tuple(code.shape)
        (2, 4)
    """

    def __init__(self, weight: float = 1.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight, self.seed = weight, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Return a sample in training, else the mean."""
        mean, log_variance = inputs
        # exp overflows far beyond this; within, every useful variance is possible.
        log_variance = ops.clip(log_variance, -_MAX_LOG_VARIANCE, _MAX_LOG_VARIANCE)
        terms = ops.exp(log_variance) + ops.square(mean) - 1.0 - log_variance
        self.add_loss(self.weight * ops.mean(0.5 * ops.sum(terms, axis=-1)))
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        return mean + ops.exp(0.5 * log_variance) * ops.cast(noise, mean.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "weight": self.weight, "seed": self.seed}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PixelLoss(keras.losses.Loss):
    """Mean squared error or cross-entropy of pixels in 0..1 intensity.

    Targets and reconstructions are raw pixels: ``model.fit(images, images)``.

    Args:
        kind: ``mse``, or ``bce``, the binary cross-entropy in nats with intensities as
            probabilities (Kingma & Welling 2013, appendix C.1).
        low: Raw value of black.
        high: Raw value of white.

    Call arguments:
        y_true: Raw images, `(batch, height, width, channels)`.
        y_pred: Raw reconstructions, likewise.

    Example:
        >>> images = np.full((2, 8, 8, 1), 255.0)
        >>> float(PixelLoss(high=255)(images, images))
        0.0
    """

    def __init__(
        self,
        kind: str = "mse",
        low: float = 0.0,
        high: float = 1.0,
        name: str = "pixel_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if kind not in {"mse", "bce"}:
            raise ValueError(f"expected kind to be mse or bce. Received: {kind!r}")
        self.kind, self.low, self.high = kind, low, high

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss per example."""
        true = (ops.cast(y_true, y_pred.dtype) - self.low) / (self.high - self.low)
        given = (y_pred - self.low) / (self.high - self.low)
        axes = tuple(range(1, len(y_pred.shape)))
        if self.kind == "mse":
            return ops.mean(ops.square(given - true), axis=axes)
        small = keras.config.epsilon()
        given = ops.clip(given, small, 1 - small)
        terms = true * ops.log(given) + (1 - true) * ops.log(1 - given)
        return -ops.mean(terms, axis=axes)

    def get_config(self) -> dict[str, Any]:
        """Return the loss's configuration."""
        own = {"kind": self.kind, "low": self.low, "high": self.high}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PixelError(keras.metrics.Mean):
    """Mean squared error of pixels in 0..1 intensity, without regularization losses.

    Args:
        low: Raw value of black.
        high: Raw value of white.

    Example:
        >>> error = PixelError(high=255)
        >>> error.update_state(images, 0 * images)
        >>> float(error.result())
        1.0
    """

    def __init__(
        self, low: float = 0.0, high: float = 1.0, name: str = "mse", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.low, self.high = low, high

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of raw images and reconstructions."""
        errors = PixelLoss("mse", self.low, self.high).call(y_true, y_pred)
        super().update_state(errors, sample_weight=sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the metric's configuration."""
        return {**super().get_config(), "low": self.low, "high": self.high}
