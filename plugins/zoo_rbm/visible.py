"""From raw values to visible units, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo_rbm.arrays import uniform
from zoo_rbm.layer import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class Visible(keras.layers.Layer):
    """Lays out a picture or the columns of a table as visible units.

    For binary units, raw values are mapped from their range to 0..1. In training a value becomes 0
    or 1 as ``binarize`` says; otherwise it stays, and stands for the probability of a 1. For
    Gaussian units each value is shifted and scaled to mean 0 and variance 1 over the training data:
    call ``adapt`` with it, and with nothing else.

    Args:
        low: The raw value of 0, of binary units.
        high: The raw value of 1.
        gaussian: Whether the units are Gaussian.
        binarize: ``sample`` or ``threshold``.
        seed: Integer, or ``None`` to draw one from Keras's global seed.

    Input shape:
        `(batch, ...)`, raw.

    Output shape:
        `(batch, visible)`, float32.
    """

    def __init__(
        self,
        low: float = 0.0,
        high: float = 1.0,
        gaussian: bool = False,
        binarize: str = "sample",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.gaussian = low, high, gaussian
        self.binarize, self.seed = binarize, seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Remember the raw shape; of Gaussian units create the statistics."""
        self.raw_shape = tuple(int(size) for size in input_shape[1:])
        if self.gaussian:
            size = (int(np.prod(self.raw_shape)),)
            self.mean = self.add_weight(
                name="mean", shape=size, initializer="zeros", trainable=False
            )
            self.deviation = self.add_weight(
                name="deviation", shape=size, initializer="ones", trainable=False
            )

    def adapt(self, mean: Any, deviation: Any) -> None:
        """Take the mean and the standard deviation of each Gaussian unit, none of them 0."""
        self.mean.assign(np.asarray(mean).reshape(-1))
        self.deviation.assign(np.asarray(deviation).reshape(-1))

    def call(self, raw: Any, training: bool | None = False) -> Any:
        """Return the visible units of a batch; NaN stays NaN."""
        flat = ops.reshape(ops.cast(raw, self.compute_dtype), (-1, int(np.prod(self.raw_shape))))
        if self.gaussian:
            return (flat - self.mean) / self.deviation
        shares = (flat - self.low) * (1.0 / (self.high - self.low))
        if not training:
            return shares
        if self.binarize == "threshold":
            return ops.cast(shares >= 0.5, self.compute_dtype)
        luck = uniform(ops.shape(shares), self.generator)
        return ops.cast(luck < shares, self.compute_dtype)

    def restore(self, visible: Any) -> Any:
        """Return the raw values that visible units stand for, `(batch, ...)`."""
        if self.gaussian:
            flat = visible * self.deviation + self.mean
        else:
            flat = visible * (self.high - self.low) + self.low
        return ops.reshape(flat, (-1, *self.raw_shape))

    def compute_output_shape(self, input_shape: Sequence[Any]) -> Any:
        """Return one number a raw value."""
        return (input_shape[0], int(np.prod([int(size) for size in input_shape[1:]])))

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        own = {
            "low": self.low,
            "high": self.high,
            "gaussian": self.gaussian,
            "binarize": self.binarize,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}


__all__ = ["Visible"]
