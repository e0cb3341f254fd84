"""Columns of a table, as they enter a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class Standardize(keras.layers.Layer):
    """Shifts and scales each column to mean 0 and variance 1; a missing value becomes 0.

    Zero is the column's mean, the most neutral guess. With ``flag_missing`` the output also says
    which values were missing, so that a network can learn what their absence means. Call
    ``adapt`` with the training split, and with nothing else.

    Args:
        flag_missing: Whether to append one 0/1 column an input column.

    Input shape:
        `(batch, columns)`, any number type; NaN stands for a missing value.

    Output shape:
        `(batch, columns)`, or `(batch, 2 * columns)` with ``flag_missing``; float32.
    """

    def __init__(self, flag_missing: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flag_missing = flag_missing

    def build(self, input_shape: Any) -> None:
        """Create the statistics: mean 0 and variance 1 until ``adapt`` is called."""
        size = (input_shape[-1],)
        self.mean = self.add_weight(name="mean", shape=size, initializer="zeros", trainable=False)
        self.variance = self.add_weight(
            name="variance", shape=size, initializer="ones", trainable=False
        )

    def adapt(self, values: Any) -> None:
        """Measure mean and variance of each column over the values that are not missing.

        A column that is constant, or never known, keeps variance 1.
        """
        values = np.asarray(values, "float64")
        known = np.isfinite(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        variance = np.where(known, (values - mean) ** 2, 0.0).sum(axis=0) / count
        self.mean.assign(mean)
        self.variance.assign(np.where(variance > 0, variance, 1.0))

    def scaled(self, values: Any) -> Any:
        """Return values with mean 0 and variance 1; what is missing stays NaN."""
        values = ops.cast(values, self.compute_dtype)
        return ops.convert_to_numpy((values - self.mean) / ops.sqrt(self.variance))

    def call(self, values: Any) -> Any:
        """Standardize a batch."""
        values = ops.cast(values, self.compute_dtype)
        missing = ops.isnan(values)
        scaled = (values - self.mean) / ops.sqrt(self.variance)
        scaled = ops.where(missing, ops.zeros_like(scaled), scaled)
        if not self.flag_missing:
            return scaled
        return ops.concatenate([scaled, ops.cast(missing, self.compute_dtype)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape with twice the columns where missing values are flagged."""
        columns = input_shape[-1] * (2 if self.flag_missing else 1)
        return (*input_shape[:-1], columns)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "flag_missing": self.flag_missing}


@keras.saving.register_keras_serializable(package=PACKAGE)
class OneHotColumns(keras.layers.Layer):
    """Turns columns of category codes into indicators, side by side.

    Args:
        sizes: Number of categories of each column. Code 0 means missing or unknown, and has an
            indicator of its own.

    Input shape:
        `(batch, columns)`, integer codes from 0 to the column's size.

    Output shape:
        `(batch, sum(size + 1))`, float32.
    """

    def __init__(self, sizes: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sizes = list(sizes)

    def call(self, codes: Any) -> Any:
        """Encode a batch."""
        columns = [
            ops.one_hot(ops.cast(codes[:, i], "int32"), size + 1, dtype=self.compute_dtype)
            for i, size in enumerate(self.sizes)
        ]
        return ops.concatenate(columns, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return one column an indicator."""
        return (input_shape[0], sum(self.sizes) + len(self.sizes))

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "sizes": self.sizes}


__all__ = ["OneHotColumns", "Standardize"]
