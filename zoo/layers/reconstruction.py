"""How far a reconstruction is from its image: as a loss, and as a figure of the history."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class PixelLoss(keras.losses.Loss):
    """Mean over the pixels of a squared error or of a cross-entropy, in 0..1 intensity.

    Targets and reconstructions are raw: ``model.fit(images, images)`` is all there is to it.

    Args:
        kind: ``mse``, or ``bce``, the cross-entropy in nats of a pixel that is white with the
            probability of its intensity (Kingma & Welling 2013, appendix C.1).
        low: The raw value of black.
        high: The raw value of white.

    Call arguments:
        y_true: Raw images, `(batch, height, width, channels)`.
        y_pred: Raw reconstructions, likewise.
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
        """Return one loss an example."""
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
        """Return what the loss is made from."""
        own = {"kind": self.kind, "low": self.low, "high": self.high}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PixelError(keras.metrics.Mean):
    """Mean squared error of the pixels in 0..1 intensity, without what else a loss adds.

    Args:
        low: The raw value of black.
        high: The raw value of white.
    """

    def __init__(
        self, low: float = 0.0, high: float = 1.0, name: str = "mse", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.low, self.high = low, high

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of raw images and reconstructions."""
        errors = PixelLoss("mse", self.low, self.high).call(y_true, y_pred)
        super().update_state(errors, sample_weight=sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return what the metric is made from."""
        return {**super().get_config(), "low": self.low, "high": self.high}


__all__ = ["PixelError", "PixelLoss"]
