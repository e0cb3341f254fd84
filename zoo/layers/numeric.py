"""Numeric columns as vectors, so that a network can bend at a value as a tree can split there.

After Gorishniy, Rubachev & Babenko, On embeddings for numerical features in tabular deep
learning, NeurIPS 2022, arXiv:2203.05556.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

PACKAGE = "zoo"

FARTHEST = 8.0
"""Standard deviations beyond which a periodic encoding stands still."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class PeriodicEncoding(keras.layers.Layer):
    """Gives each column the sines and cosines of its value at frequencies that are learned.

    Equation 2 of arXiv:2203.05556: ``sin(2π c x)`` and ``cos(2π c x)``, with ``c`` drawn from a
    normal distribution. Beyond 8 standard deviations the value counts as 8, so that one wild
    cell neither turns the wave a thousand times nor depends on the last bit of a float.

    Args:
        frequencies: How many a column.
        scale: Standard deviation of the frequencies at the start, in turns a standard deviation
            of the column. The paper's sigma, its most important setting.

    Input shape:
        `(batch, columns)`, standardized, no NaN.

    Output shape:
        `(batch, columns, 2 * frequencies)`.
    """

    def __init__(self, frequencies: int = 16, scale: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frequencies, self.scale = frequencies, scale

    def build(self, input_shape: Any) -> None:
        """Draw the frequencies."""
        self.gamma = self.add_weight(
            name="gamma",  # not decayed: a frequency is no strength of a connection
            shape=(input_shape[-1], self.frequencies),
            initializer=keras.initializers.RandomNormal(stddev=self.scale),
        )

    def call(self, values: Any) -> Any:
        """Encode a batch."""
        values = ops.clip(values, -FARTHEST, FARTHEST)
        angles = (2 * math.pi) * ops.expand_dims(values, -1) * self.gamma
        return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape with an axis of waves behind."""
        return (*input_shape, 2 * self.frequencies)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        own = {"frequencies": self.frequencies, "scale": self.scale}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PiecewiseLinearEncoding(keras.layers.Layer):
    """Says of each bin of a column how far the value has passed it: 0 before, 1 behind.

    Equation 1 of arXiv:2203.05556, with bins between quantiles (its section 3.2.1). Unlike there
    the first and the last bin end at 0 and 1 too: outside of the training range a value counts as
    the nearest one inside. Call ``adapt`` with the training split, and with nothing else.

    Args:
        bins: How many a column; a column with fewer different values uses fewer.

    Input shape:
        `(batch, columns)`, no NaN.

    Output shape:
        `(batch, columns, bins)`, each from 0 to 1.
    """

    def __init__(self, bins: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bins = bins

    def build(self, input_shape: Any) -> None:
        """Create the bins: evenly over three standard deviations until ``adapt`` is called."""
        shape = (input_shape[-1], self.bins)
        edges = np.linspace(-3, 3, self.bins + 1)

        def evenly(shape: Any, dtype: Any = None) -> Any:
            return ops.broadcast_to(ops.cast(edges[:-1], dtype), shape)

        self.left = self.add_weight(name="left", shape=shape, initializer=evenly, trainable=False)
        steep = keras.initializers.Constant(self.bins / 6)
        self.slope = self.add_weight(name="slope", shape=shape, initializer=steep, trainable=False)

    def adapt(self, values: Any) -> None:
        """Put the edges of each column's bins at the quantiles of its values that are known."""
        left = np.zeros(self.left.shape, "float64")
        slope = np.zeros_like(left)
        shares = np.linspace(0, 1, self.bins + 1)
        for place, column in enumerate(np.asarray(values, "float64").T):
            known = column[np.isfinite(column)]
            # Values of the column itself: an interpolated edge beside an equal value would make a
            # bin that is narrower than a float can tell.
            edges = known
            if len(known):
                edges = np.unique(np.quantile(known, shares, method="inverted_cdf"))
                closest = max(1e-6 * (edges[-1] - edges[0]), 1e-30)
                edges = edges[np.concatenate([[True], np.diff(edges) > closest])]
            used = max(len(edges) - 1, 0)
            left[place, :used] = edges[:-1]
            slope[place, :used] = 1 / np.diff(edges)
        self.left.assign(left)
        self.slope.assign(slope)

    def call(self, values: Any) -> Any:
        """Encode a batch."""
        passed = (ops.expand_dims(values, -1) - self.left) * self.slope
        return ops.clip(passed, 0.0, 1.0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape with an axis of bins behind."""
        return (*input_shape, self.bins)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "bins": self.bins}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ColumnwiseDense(keras.layers.Layer):
    """Gives each column a dense layer of its own, with ReLU.

    Args:
        units: Width of a column's vector.

    Input shape:
        `(batch, columns, features)`.

    Output shape:
        `(batch, columns, units)`.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Create one matrix and one bias a column."""
        _, columns, features = input_shape
        uniform = keras.initializers.RandomUniform(-(features**-0.5), features**-0.5)
        self.kernel = self.add_weight(
            name="kernel", shape=(columns, features, self.units), initializer=uniform
        )
        uniform = keras.initializers.RandomUniform(-(features**-0.5), features**-0.5)
        self.bias = self.add_weight(name="bias", shape=(columns, self.units), initializer=uniform)

    def call(self, values: Any) -> Any:
        """Transform a batch."""
        return ops.relu(ops.einsum("bcf,cfu->bcu", values, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape with the width last."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "units": self.units}


__all__ = ["FARTHEST", "ColumnwiseDense", "PeriodicEncoding", "PiecewiseLinearEncoding"]
