"""Encoders for the columns of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

PACKAGE = "zoo"

MAX_DEVIATION = 8.0
"""Standard deviations to which a periodic encoding clips its input."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class OneHotEncoding(keras.layers.Layer):
    """One-hot encoding of categorical columns, concatenated.

    Args:
        sizes: Number of categories per column; code 0, missing or unknown, is one more.

    Input shape:
        `(batch, columns)`, integer codes from 0 to the column's size.

    Output shape:
        `(batch, sum(size + 1))`, float32.

    Example:
        >>> np.asarray(OneHotEncoding([2])(np.array([[0], [2]]))).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
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
        """Return the output shape."""
        return (input_shape[0], sum(self.sizes) + len(self.sizes))

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "sizes": self.sizes}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PeriodicEncoding(keras.layers.Layer):
    """Sines and cosines of each numeric column at learned frequencies.

    Equation 2 of arXiv:2203.05556: ``sin(2π c x)`` and ``cos(2π c x)``, with ``c`` drawn from a
    normal distribution. Values are clipped to 8 standard deviations, so that an outlier
    does not depend on the last bit of a float.

    Args:
        frequencies: Number of frequencies per column.
        scale: Standard deviation of the initial frequencies, in periods per standard deviation of
            the column: sigma, the most important hyperparameter of the paper.

    Input shape:
        `(batch, columns)`, normalized, no NaN.

    Output shape:
        `(batch, columns, 2 * frequencies)`.

    Example:
        >>> tuple(PeriodicEncoding(frequencies=8)(np.zeros((2, 3), "float32")).shape)
        (2, 3, 16)
    """

    def __init__(self, frequencies: int = 16, scale: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frequencies, self.scale = frequencies, scale

    def build(self, input_shape: Any) -> None:
        """Create the frequencies."""
        self.gamma = self.add_weight(
            name="gamma",  # no weight decay: a frequency is not a connection strength
            shape=(input_shape[-1], self.frequencies),
            initializer=keras.initializers.RandomNormal(stddev=self.scale),
        )

    def call(self, values: Any) -> Any:
        """Encode a batch."""
        values = ops.clip(values, -MAX_DEVIATION, MAX_DEVIATION)
        angles = (2 * math.pi) * ops.expand_dims(values, -1) * self.gamma
        return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return (*input_shape, 2 * self.frequencies)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        own = {"frequencies": self.frequencies, "scale": self.scale}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PiecewiseLinearEncoding(keras.layers.Layer):
    """Piecewise linear encoding of numeric columns by quantile bins.

    Each bin is 0 below it, 1 above it, and linear within. Equation 1 of arXiv:2203.05556, with bins
    between quantiles (section 3.2.1). Unlike there the first and the last bin end at 0 and 1 too:
    values are clipped to the training range. Call ``adapt`` with the training split only.

    Args:
        bins: Number of bins per column; a column with fewer distinct values uses fewer.

    Input shape:
        `(batch, columns)`, no NaN.

    Output shape:
        `(batch, columns, bins)`, each from 0 to 1.

    Example:
        >>> layer = PiecewiseLinearEncoding(bins=4)
        >>> layer.build((None, 1))
        >>> layer.adapt(np.arange(10.0)[:, None])
        >>> np.asarray(layer(np.array([[4.5]])))[0, 0].tolist()
        [1.0, 1.0, 0.1666666716337204, 0.0]
    """

    def __init__(self, bins: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bins = bins

    def build(self, input_shape: Any) -> None:
        """Create the bins, uniform over three standard deviations until ``adapt`` is called."""
        shape = (input_shape[-1], self.bins)
        edges = np.linspace(-3, 3, self.bins + 1)

        def evenly(shape: Any, dtype: Any = None) -> Any:
            return ops.broadcast_to(ops.cast(edges[:-1], dtype), shape)

        self.left = self.add_weight(name="left", shape=shape, initializer=evenly, trainable=False)
        steep = keras.initializers.Constant(self.bins / 6)
        self.slope = self.add_weight(name="slope", shape=shape, initializer=steep, trainable=False)

    def adapt(self, values: Any) -> None:
        """Compute bin edges from the quantiles of each column, without missing values."""
        left = np.zeros(self.left.shape, "float64")
        slope = np.zeros_like(left)
        shares = np.linspace(0, 1, self.bins + 1)
        for place, column in enumerate(np.asarray(values, "float64").T):
            known = column[np.isfinite(column)]
            # Values of the column itself: an interpolated edge next to an equal value would make a
            # bin narrower than a float can resolve.
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
        """Return the output shape."""
        return (*input_shape, self.bins)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "bins": self.bins}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ColumnwiseDense(keras.layers.Layer):
    """Separate dense layer with ReLU for each column.

    Args:
        units: Output dimension per column.

    Input shape:
        `(batch, columns, features)`.

    Output shape:
        `(batch, columns, units)`.

    Example:
        >>> tuple(ColumnwiseDense(16)(np.zeros((2, 3, 4), "float32")).shape)
        (2, 3, 16)
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Create one kernel and one bias per column."""
        _, columns, features = input_shape
        uniform = keras.initializers.RandomUniform(-(features**-0.5), features**-0.5)
        self.kernel = self.add_weight(
            name="kernel", shape=(columns, features, self.units), initializer=uniform
        )
        uniform = keras.initializers.RandomUniform(-(features**-0.5), features**-0.5)
        self.bias = self.add_weight(name="bias", shape=(columns, self.units), initializer=uniform)

    def call(self, values: Any) -> Any:
        """Apply the layer."""
        return ops.relu(ops.einsum("bcf,cfu->bcu", values, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "units": self.units}
