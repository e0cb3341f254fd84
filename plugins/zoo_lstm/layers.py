"""Layers for padded sequences and for forecasts, without Keras masks.

A masked Keras LSTM becomes a loop in ONNX; an unmasked one is the ONNX operator. Sequences are
padded on the right, so that the state of an unmasked network at the last real step is the final
state of the masked one. For the backward direction the real steps alone are reversed, and padding
stays at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers import Denormalization

PACKAGE = "zoo_lstm"


@keras.saving.register_keras_serializable(package=PACKAGE)
class SequenceLengths(keras.layers.Layer):
    """Length of each row of token ids up to its last one that is not padding, at least 1.

    Args:
        pad: Id of the padding token.

    Input shape:
        `(batch, time)`, integers.

    Output shape:
        `(batch,)`, int32.
    """

    def __init__(self, pad: int = 0, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "int32", **kwargs})
        self.pad = pad

    def call(self, tokens: Any) -> Any:
        """Return the lengths."""
        tokens = ops.cast(tokens, "int32")
        positions = ops.cumsum(ops.ones_like(tokens), axis=1)
        real = ops.where(ops.equal(tokens, self.pad), ops.zeros_like(positions), positions)
        return ops.maximum(ops.max(real, axis=1), 1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return (input_shape[0],)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "pad": self.pad}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ClipLengths(keras.layers.Layer):
    """Clips given lengths to 1 and the length of the padded sequences.

    Call arguments:
        lengths: `(batch,)`, integers.
        sequence: `(batch, time, features)`
    """

    def call(self, lengths: Any, sequence: Any) -> Any:
        """Return the clipped lengths."""
        return ops.clip(ops.cast(lengths, "int32"), 1, ops.shape(sequence)[1])

    def compute_output_shape(self, lengths_shape: Any, sequence_shape: Any = None) -> Any:
        """Return the output shape."""
        return lengths_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class ReplaceUnknownTokens(keras.layers.Layer):
    """Replaces ids outside of the vocabulary by the id of unknown tokens.

    Args:
        vocabulary_size: Number of ids.
        unk: Id of the unknown token.
    """

    def __init__(self, vocabulary_size: int, unk: int = 1, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "int32", **kwargs})
        self.vocabulary_size, self.unk = vocabulary_size, unk

    def call(self, tokens: Any) -> Any:
        """Replace ids that are out of range."""
        tokens = ops.cast(tokens, "int32")
        known = ops.logical_and(tokens >= 0, tokens < self.vocabulary_size)
        return ops.where(known, tokens, ops.full_like(tokens, self.unk))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        config = {"vocabulary_size": self.vocabulary_size, "unk": self.unk}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ReverseSequence(keras.layers.Layer):
    """Reverses the real steps of each sequence and leaves padding in place.

    Call arguments:
        sequence: `(batch, time, features)`
        lengths: `(batch,)`, int32, from 1 to time.
    """

    def call(self, sequence: Any, lengths: Any) -> Any:
        """Reverse a batch."""
        shape = ops.shape(sequence)
        batch, time, width = shape[0], shape[1], sequence.shape[-1]
        steps = ops.cumsum(ops.ones_like(sequence[:, :, 0], dtype="int32"), axis=1) - 1
        ends = ops.expand_dims(lengths, 1)
        steps = ops.where(steps < ends, ends - 1 - steps, steps)
        rows = 1 - ops.cumsum(ops.ones_like(lengths), axis=0)
        flat = ops.reshape(sequence, (-1, width))
        # Subtract a negative: keras.ops.add takes a column for a bias where the batch happens to be
        # as large as the time (Keras 3.15).
        chosen = ops.reshape(steps - ops.expand_dims(rows, 1) * time, (-1,))
        return ops.reshape(ops.take(flat, chosen, axis=0), (batch, time, width))

    def compute_output_shape(self, sequence_shape: Any, lengths_shape: Any = None) -> Any:
        """Return the output shape."""
        return sequence_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedPooling1D(keras.layers.Layer):
    """Pools the real steps of each sequence: the last one, their mean or their maximum.

    Args:
        pooling: ``last``, ``mean`` or ``max``.

    Call arguments:
        sequence: `(batch, time, features)`
        lengths: `(batch,)`, int32, from 1 to time.
    """

    def __init__(self, pooling: str = "last", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pooling = pooling

    def call(self, sequence: Any, lengths: Any) -> Any:
        """Pool a batch."""
        steps = ops.cumsum(ops.ones_like(sequence[:, :, 0], dtype="int32"), axis=1)
        ends = ops.expand_dims(lengths, 1)
        chosen = ops.equal(steps, ends) if self.pooling == "last" else steps <= ends
        chosen = ops.expand_dims(chosen, -1)
        if self.pooling == "max":
            return ops.max(ops.where(chosen, sequence, ops.full_like(sequence, -1e30)), axis=1)
        total = ops.sum(ops.where(chosen, sequence, ops.zeros_like(sequence)), axis=1)
        return total / ops.cast(ends, total.dtype) if self.pooling == "mean" else total

    def compute_output_shape(self, sequence_shape: Any, lengths_shape: Any = None) -> Any:
        """Return the output shape."""
        return (sequence_shape[0], sequence_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "pooling": self.pooling}


@keras.saving.register_keras_serializable(package=PACKAGE)
class CyclicalEncoding(keras.layers.Layer):
    """Cyclical encoding of calendar features by sines and cosines.

    Args:
        starts: Smallest value of each feature.
        periods: Period of each feature.
        harmonics: Number of harmonics per period.

    Input shape:
        `(batch, steps, features)`, integers.

    Output shape:
        `(batch, steps, 2 * harmonics * features)`
    """

    def __init__(
        self, starts: Sequence[float], periods: Sequence[float], harmonics: int = 2, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.starts, self.periods, self.harmonics = list(starts), list(periods), harmonics

    def call(self, features: Any) -> Any:
        """Encode a batch."""
        offset = ops.convert_to_tensor(self.starts, self.compute_dtype)
        rate = ops.convert_to_tensor([2 * math.pi / p for p in self.periods], self.compute_dtype)
        angles = (ops.cast(features, self.compute_dtype) - offset) * rate
        waves = [
            wave(angles * float(n))
            for n in range(1, self.harmonics + 1)
            for wave in (ops.sin, ops.cos)
        ]
        return ops.concatenate(waves, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return (*input_shape[:-1], 2 * self.harmonics * len(self.periods))

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        config = {"starts": self.starts, "periods": self.periods, "harmonics": self.harmonics}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package=PACKAGE)
class NaiveForecast(keras.layers.Layer):
    """Forecasts each target by its last value in the window, or by its mean over the window.

    Args:
        columns: Channel of the series that each target is.
        horizon: Number of forecast steps.
        kind: ``last`` or ``mean``.

    Input shape:
        `(batch, window, channels)`

    Output shape:
        `(batch, horizon, targets)`
    """

    def __init__(
        self, columns: Sequence[int], horizon: int, kind: str = "last", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.columns, self.horizon, self.kind = list(columns), horizon, kind

    def call(self, series: Any) -> Any:
        """Forecast a batch."""
        targets = ops.take(series, ops.convert_to_tensor(self.columns, "int32"), axis=-1)
        last = self.kind == "last"
        level = targets[:, -1:] if last else ops.mean(targets, axis=1, keepdims=True)
        # Repeated for every step: keras.ops.add takes a column for a bias where the batch happens
        # to be as large as the horizon (Keras 3.15).
        return ops.repeat(level, self.horizon, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return (input_shape[0], self.horizon, len(self.columns))

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        config = {"columns": self.columns, "horizon": self.horizon, "kind": self.kind}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package=PACKAGE)
class WindowScaling(keras.layers.Layer):
    """Normalizes each window to mean 0 and deviation 1, by its own statistics.

    So one model forecasts series of any size, those too that it has not seen (reversible instance
    normalization; Kim et al. 2022). The deviation of a window is at least that of the flattest
    windows of the training split, so that a constant one is no division by 0.

    Input shape:
        `(batch, window, channels)`

    Output shape:
        The normalized windows; mean and deviation of each, `(batch, 1, channels)`.
    """

    def build(self, input_shape: Any) -> None:
        """Create the least deviation of each channel: 1 until ``adapt`` is called."""
        self.least = self.add_weight(
            name="least", shape=(input_shape[-1],), initializer="ones", trainable=False
        )

    def adapt(self, windows: Any) -> None:
        """Set the least deviation to a tenth of the lowest decile of those that are not 0."""
        deviations = np.asarray(windows, "float64").std(axis=1)
        lowest = [
            np.quantile(own[own > 0], 0.1) if (own > 0).any() else 1.0 for own in deviations.T
        ]
        self.least.assign(0.1 * np.array(lowest))

    def call(self, windows: Any) -> Any:
        """Normalize a batch."""
        mean = ops.mean(windows, axis=1, keepdims=True)
        variance = ops.mean(ops.square(windows - mean), axis=1, keepdims=True)
        deviation = ops.sqrt(variance + ops.square(self.least))
        return (windows - mean) / deviation, mean, deviation

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shapes."""
        one = (input_shape[0], 1, input_shape[-1])
        return input_shape, one, one


@keras.saving.register_keras_serializable(package=PACKAGE)
class WindowDenormalization(keras.layers.Layer):
    """Maps forecasts back to raw units, by the statistics of their windows.

    Args:
        columns: Channel of each target.

    Call arguments:
        forecast: `(batch, horizon, targets)`
        mean: `(batch, 1, channels)`
        deviation: `(batch, 1, channels)`
    """

    def __init__(self, columns: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.columns = list(columns)

    def call(self, forecast: Any, mean: Any, deviation: Any) -> Any:
        """Denormalize a batch."""
        chosen = ops.convert_to_tensor(self.columns, "int32")
        scale, level = (ops.take(one, chosen, axis=-1) for one in (deviation, mean))
        return forecast * scale + level

    def compute_output_shape(self, forecast_shape: Any, *_: Any) -> Any:
        """Return the output shape."""
        return forecast_shape

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {**super().get_config(), "columns": self.columns}


@keras.saving.register_keras_serializable(package=PACKAGE)
class WindowScaledForecaster(keras.Model):
    """Functional model whose loss is in deviations of each window, so that all series count."""

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss of the normalized errors."""
        history = x["history"] if isinstance(x, dict) else x
        _, _, deviation = self.get_layer("window_scaling")(history)
        columns = self.get_layer("denormalization").columns
        scale = ops.take(deviation, ops.convert_to_tensor(columns, "int32"), axis=-1)
        truth = next(iter(y.values())) if isinstance(y, dict) else y
        truth = ops.cast(truth, scale.dtype) / scale
        return super().compute_loss(x, truth, y_pred / scale, sample_weight, training)


@keras.saving.register_keras_serializable(package=PACKAGE)
class NormalizedError(keras.losses.Loss):
    """Squared or absolute error in standard deviations of each target.

    So the learning rate does not depend on the unit of a series.

    Args:
        kind: ``mse`` or ``mae``.
        denormalization: The layer with the deviations; 1 without one.
    """

    def __init__(
        self,
        kind: str = "mse",
        denormalization: Denormalization | None = None,
        name: str = "normalized_error",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.kind, self.denormalization = kind, denormalization

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss per step."""
        error = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(y_pred)) - y_pred
        if len(error.shape) == 1:
            error = ops.expand_dims(error, -1)
        if self.denormalization is not None:
            error = error / self.denormalization.stddev
        error = ops.abs(error) if self.kind == "mae" else ops.square(error)
        return ops.mean(error, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the loss's configuration; the layer belongs to its model."""
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ChronoInitializer(keras.initializers.Initializer):
    """Chrono initialization of gate biases (Tallec & Ollivier 2018, arXiv:1804.11188, section 3).

    Units start with time scales from 1 to ``max_dependency`` steps: the bias of the forget gate
    (LSTM) or of the update gate (GRU) is log u with u uniform in 1..max_dependency − 1; the input
    gate of an LSTM has the opposite bias.

    Args:
        max_dependency: Longest dependency to learn, steps.
        cell: ``lstm`` (gates in Keras's order: input, forget, cell, output) or ``gru`` (update,
            reset, candidate; two rows of biases).
        seed: Integer, or ``None`` to draw one from Keras's global seed.
    """

    def __init__(self, max_dependency: int, cell: str, seed: Any = None) -> None:
        self.max_dependency, self.cell, self.seed = max_dependency, cell, seed

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Return the biases: `(4 * units,)` of an LSTM, `(2, 3 * units)` of a GRU."""
        units = shape[-1] // (4 if self.cell == "lstm" else 3)
        seed = keras.random.SeedGenerator(self.seed) if self.seed is not None else None
        high = max(self.max_dependency - 1.0, 1.0 + 1e-6)
        bias = ops.log(keras.random.uniform((units,), 1.0, high, dtype=dtype, seed=seed))
        zero = ops.zeros_like(bias)
        if self.cell == "lstm":
            return ops.concatenate([-bias, bias, zero, zero])
        row = ops.concatenate([bias, zero, zero])
        return ops.stack([row, ops.zeros_like(row)])

    def get_config(self) -> dict[str, Any]:
        """Return the initializer's configuration."""
        return {"max_dependency": self.max_dependency, "cell": self.cell, "seed": self.seed}
