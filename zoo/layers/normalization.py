"""Normalization of inputs and denormalization of outputs, by statistics of the training split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class Normalization(keras.layers.Layer):
    """Normalizes each column to mean 0 and variance 1, and imputes missing values with the mean.

    Unlike ``keras.layers.Normalization`` it accepts NaN. Call ``adapt`` with the training split
    only.

    Args:
        missing_indicator: Whether to append a 0/1 column per input column that marks missing
            values.

    Input shape:
        `(batch, ..., columns)`, any number type; NaN is a missing value.

    Output shape:
        `(batch, ..., columns)`, twice the columns with ``missing_indicator``; float32.

    Example:
        >>> layer = Normalization(missing_indicator=True)
        >>> layer.build((None, 1))
        >>> layer.adapt(np.array([[1.0], [3.0]]))
        >>> np.asarray(layer(np.array([[3.0], [np.nan]]))).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, missing_indicator: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.missing_indicator = missing_indicator

    def build(self, input_shape: Any) -> None:
        """Create the statistics: mean 0 and variance 1 until ``adapt`` is called."""
        size = (input_shape[-1],)
        self.mean = self.add_weight(name="mean", shape=size, initializer="zeros", trainable=False)
        self.variance = self.add_weight(
            name="variance", shape=size, initializer="ones", trainable=False
        )

    def adapt(self, values: Any) -> None:
        """Compute the mean and variance of each column, without the missing values.

        A column that is constant or always missing keeps variance 1.
        """
        values = np.asarray(values, "float64")
        known = np.isfinite(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        variance = np.where(known, (values - mean) ** 2, 0.0).sum(axis=0) / count
        self.mean.assign(mean)
        self.variance.assign(np.where(variance > 0, variance, 1.0))

    def normalize(self, values: Any) -> Any:
        """Return normalized values as an array; missing ones stay NaN."""
        values = ops.cast(values, self.compute_dtype)
        return ops.convert_to_numpy((values - self.mean) / ops.sqrt(self.variance))

    def call(self, values: Any) -> Any:
        """Normalize a batch."""
        values = ops.cast(values, self.compute_dtype)
        missing = ops.isnan(values)
        normalized = (values - self.mean) / ops.sqrt(self.variance)
        normalized = ops.where(missing, ops.zeros_like(normalized), normalized)
        if not self.missing_indicator:
            return normalized
        return ops.concatenate([normalized, ops.cast(missing, self.compute_dtype)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return (*input_shape[:-1], input_shape[-1] * (2 if self.missing_indicator else 1))

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "missing_indicator": self.missing_indicator}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Denormalization(keras.layers.Layer):
    """Maps normalized outputs to the targets' own units: ``output * stddev + mean``.

    Call ``adapt`` with the training split only.

    Args:
        columns: Columns of the adapted values that the outputs predict, in the order of the last
            axis; ``None`` for a single target, whose mean and deviation are scalars.

    Input shape:
        `(batch, ..., columns)`; of a single target any shape.

    Output shape:
        The same.

    Example:
        >>> layer = Denormalization()
        >>> layer.build((None,))
        >>> layer.adapt(np.array([10.0, 30.0]))
        >>> np.asarray(layer(np.array([0.0, 1.0]))).tolist()
        [20.0, 30.0]
    """

    def __init__(self, columns: Sequence[int] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.columns = None if columns is None else list(columns)

    def build(self, input_shape: Any) -> None:
        """Create the statistics: mean 0 and deviation 1 until ``adapt`` is called."""
        size = () if self.columns is None else (input_shape[-1],)
        self.mean = self.add_weight(name="mean", shape=size, initializer="zeros", trainable=False)
        self.stddev = self.add_weight(
            name="stddev", shape=size, initializer="ones", trainable=False
        )

    def adapt(self, values: Any) -> None:
        """Compute mean and standard deviation; a constant target keeps deviation 1.

        Args:
            values: `(examples, columns)`; of a single target any shape.
        """
        values = np.asarray(values, "float64")
        values = values.reshape(-1) if self.columns is None else values[:, self.columns]
        stddev = values.std(axis=0)
        self.mean.assign(values.mean(axis=0))
        self.stddev.assign(np.where(stddev > 0, stddev, 1.0))

    def normalize(self, targets: Any) -> Any:
        """Return targets with mean 0 and variance 1, as the network predicts them."""
        return (ops.cast(targets, self.compute_dtype) - self.mean) / self.stddev

    def call(self, outputs: Any) -> Any:
        """Denormalize a batch."""
        return outputs * self.stddev + self.mean

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "columns": self.columns}
