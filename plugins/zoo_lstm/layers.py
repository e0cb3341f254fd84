"""Layers that keep padding out of a recurrent network without a mask, and forecasts in raw units.

A masked Keras LSTM becomes a loop in ONNX; an unmasked one is the real operator. Sequences are
padded on the right, so that an unmasked network has seen nothing but real steps when it comes to
the last of them: its state there is the masked network's final one. To read backwards, the real
steps alone are turned around, and padding stays at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class TokenLengths(keras.layers.Layer):
    """Counts the ids of each row up to its last one that is not padding; at least 1.

    Args:
        pad: The id of padding.

    Input shape:
        `(batch, time)`, integers.

    Output shape:
        `(batch,)`, int32.
    """

    def __init__(self, pad: int = 0, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "int32", **kwargs})
        self.pad = pad

    def call(self, tokens: Any) -> Any:
        """Count a batch."""
        tokens = ops.cast(tokens, "int32")
        places = ops.ones_like(tokens)
        places = ops.cumsum(places, axis=1)
        real = ops.where(ops.equal(tokens, self.pad), ops.zeros_like(places), places)
        return ops.maximum(ops.max(real, axis=1), 1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return one number an example."""
        return (input_shape[0],)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "pad": self.pad}


@keras.saving.register_keras_serializable(package=PACKAGE)
class KnownTokens(keras.layers.Layer):
    """Takes ids that the vocabulary does not have for unknown ones.

    Args:
        size: How many ids there are.
        unknown: The id that stands for all others.
    """

    def __init__(self, size: int, unknown: int = 1, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "int32", **kwargs})
        self.size, self.unknown = size, unknown

    def call(self, tokens: Any) -> Any:
        """Replace what is out of range."""
        tokens = ops.cast(tokens, "int32")
        known = ops.logical_and(tokens >= 0, tokens < self.size)
        return ops.where(known, tokens, ops.full_like(tokens, self.unknown))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "size": self.size, "unknown": self.unknown}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ReverseSteps(keras.layers.Layer):
    """Turns the real steps of each sequence around, and leaves padding where it is.

    Call arguments:
        sequence: `(batch, time, features)`
        lengths: `(batch,)`, int32, from 1 to time.
    """

    def call(self, sequence: Any, lengths: Any) -> Any:
        """Turn a batch around."""
        shape = ops.shape(sequence)
        batch, time, width = shape[0], shape[1], sequence.shape[-1]
        places = ops.cumsum(ops.ones_like(sequence[:, :, 0], dtype="int32"), axis=1) - 1
        ends = ops.expand_dims(lengths, 1)
        places = ops.where(places < ends, ends - 1 - places, places)
        rows = 1 - ops.cumsum(ops.ones_like(lengths), axis=0)
        flat = ops.reshape(sequence, (-1, width))
        # Less a negative: keras.ops.add takes a column for a bias where the batch happens to be
        # as large as the time (Keras 3.15).
        chosen = ops.reshape(places - ops.expand_dims(rows, 1) * time, (-1,))
        return ops.reshape(ops.take(flat, chosen, axis=0), (batch, time, width))

    def compute_output_shape(self, sequence_shape: Any, lengths_shape: Any = None) -> Any:
        """Return the same shape."""
        return sequence_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class SummariseSteps(keras.layers.Layer):
    """Makes one vector of the real steps of each sequence.

    Args:
        how: ``last``, ``mean`` or ``max``.

    Call arguments:
        sequence: `(batch, time, features)`
        lengths: `(batch,)`, int32, from 1 to time.
    """

    def __init__(self, how: str = "last", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how = how

    def call(self, sequence: Any, lengths: Any) -> Any:
        """Summarize a batch."""
        places = ops.cumsum(ops.ones_like(sequence[:, :, 0], dtype="int32"), axis=1)
        ends = ops.expand_dims(lengths, 1)
        real = ops.equal(places, ends) if self.how == "last" else places <= ends
        real = ops.expand_dims(real, -1)
        if self.how == "max":
            return ops.max(ops.where(real, sequence, ops.full_like(sequence, -1e30)), axis=1)
        total = ops.sum(ops.where(real, sequence, ops.zeros_like(sequence)), axis=1)
        return total / ops.cast(ends, total.dtype) if self.how == "mean" else total

    def compute_output_shape(self, sequence_shape: Any, lengths_shape: Any = None) -> Any:
        """Return the shape without time."""
        return (sequence_shape[0], sequence_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "how": self.how}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ClampLengths(keras.layers.Layer):
    """Keeps given lengths between 1 and the time that a sequence has.

    Call arguments:
        lengths: `(batch,)`, integers.
        sequence: `(batch, time, features)`
    """

    def call(self, lengths: Any, sequence: Any) -> Any:
        """Clamp a batch."""
        return ops.clip(ops.cast(lengths, "int32"), 1, ops.shape(sequence)[1])

    def compute_output_shape(self, lengths_shape: Any, sequence_shape: Any = None) -> Any:
        """Return one number an example."""
        return lengths_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class CalendarWaves(keras.layers.Layer):
    """Turns what a calendar says into sines and cosines, so that its end meets its beginning.

    Args:
        starts: Smallest value of each feature.
        periods: How many values each has until it begins again.
        harmonics: Waves a period: 1, 2, … of them.

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

    def call(self, marks: Any) -> Any:
        """Turn a batch into waves."""
        share = (
            ops.cast(marks, self.compute_dtype)
            - ops.convert_to_tensor(self.starts, self.compute_dtype)
        ) * ops.convert_to_tensor([2 * math.pi / p for p in self.periods], self.compute_dtype)
        waves = [
            wave(share * float(n))
            for n in range(1, self.harmonics + 1)
            for wave in (ops.sin, ops.cos)
        ]
        return ops.concatenate(waves, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return two numbers a wave."""
        return (*input_shape[:-1], 2 * self.harmonics * len(self.periods))

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        own = {"starts": self.starts, "periods": self.periods, "harmonics": self.harmonics}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class WindowLevel(keras.layers.Layer):
    """Says where each target stands: at its last value, or at its mean over the window.

    Args:
        places: Which channel of the series each target is.
        horizon: For how many steps to say the same.
        how: ``last`` or ``mean``.

    Input shape:
        `(batch, window, channels)`

    Output shape:
        `(batch, horizon, targets)`
    """

    def __init__(
        self, places: Sequence[int], horizon: int, how: str = "last", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.places, self.horizon, self.how = list(places), horizon, how

    def call(self, series: Any) -> Any:
        """Say it of a batch."""
        own = ops.take(series, ops.convert_to_tensor(self.places, "int32"), axis=-1)
        level = own[:, -1:] if self.how == "last" else ops.mean(own, axis=1, keepdims=True)
        # Written out for every step: keras.ops.add takes a column for a bias where the batch
        # happens to be as large as the horizon (Keras 3.15).
        return ops.repeat(level, self.horizon, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the horizon of the targets."""
        return (input_shape[0], self.horizon, len(self.places))

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {
            **super().get_config(),
            "places": self.places,
            "horizon": self.horizon,
            "how": self.how,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class RestoreUnits(keras.layers.Layer):
    """Brings what a network says with mean 0 and deviation 1 back to raw units.

    Args:
        places: Which channel of what ``adapt`` is given each target is.

    Input shape:
        `(batch, ..., targets)`

    Output shape:
        The same.
    """

    def __init__(self, places: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.places = list(places)

    def build(self, input_shape: Any) -> None:
        """Create the statistics: mean 0 and deviation 1 until ``adapt`` is called."""
        size = (input_shape[-1],)
        self.mean = self.add_weight(name="mean", shape=size, initializer="zeros", trainable=False)
        self.deviation = self.add_weight(
            name="deviation", shape=size, initializer="ones", trainable=False
        )

    def adapt(self, values: Any) -> None:
        """Measure mean and deviation of each target; a constant one keeps deviation 1.

        Args:
            values: `[steps, channels]`
        """
        flat = np.asarray(values, "float64")[:, self.places]
        deviation = flat.std(axis=0)
        self.mean.assign(flat.mean(axis=0))
        self.deviation.assign(np.where(deviation > 0, deviation, 1.0))

    def call(self, values: Any) -> Any:
        """Restore a batch."""
        return values * self.deviation + self.mean

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "places": self.places}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ScaledError(keras.losses.Loss):
    """Squared or absolute error in deviations of each target instead of its raw unit.

    A series in millions and one in millionths then learn alike.

    Args:
        kind: ``mse`` or ``mae``.
        units: The layer that knows the deviations; without one they count as 1.
    """

    def __init__(
        self,
        kind: str = "mse",
        units: RestoreUnits | None = None,
        name: str = "scaled_error",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.kind, self.units = kind, units

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss a step."""
        error = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(y_pred)) - y_pred
        if len(error.shape) == 1:
            error = ops.expand_dims(error, -1)
        if self.units is not None:
            error = error / self.units.deviation
        error = ops.abs(error) if self.kind == "mae" else ops.square(error)
        return ops.mean(error, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return what the loss is made from; the layer belongs to its model."""
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package=PACKAGE)
class KeepGates(keras.initializers.Initializer):
    """Biases with which the units of a layer forget after 1 to ``memory`` steps, evenly spread.

    Chrono initialization (Tallec & Ollivier 2018, arXiv:1804.11188, section 3): what is kept at
    each step is the sigmoid of log u with u uniform in 1..memory − 1; of an LSTM the input gate
    has the opposite bias.

    Args:
        memory: Longest time to keep something, steps.
        cell: ``lstm`` (gates in Keras's order: input, forget, cell, output) or ``gru`` (update,
            reset, candidate; two rows of biases).
        seed: Of the draw.
    """

    def __init__(self, memory: int, cell: str, seed: Any = None) -> None:
        self.memory, self.cell, self.seed = memory, cell, seed

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Return the biases: `[4 * units]` of an LSTM, `[2, 3 * units]` of a GRU."""
        units = shape[-1] // (4 if self.cell == "lstm" else 3)
        seed = keras.random.SeedGenerator(self.seed) if self.seed is not None else None
        high = max(self.memory - 1.0, 1.0 + 1e-6)
        keep = ops.log(keras.random.uniform((units,), 1.0, high, dtype=dtype, seed=seed))
        none = ops.zeros_like(keep)
        if self.cell == "lstm":
            return ops.concatenate([-keep, keep, none, none])
        row = ops.concatenate([keep, none, none])
        return ops.stack([row, ops.zeros_like(row)])

    def get_config(self) -> dict[str, Any]:
        """Return what the initializer is made from."""
        return {"memory": self.memory, "cell": self.cell, "seed": self.seed}


__all__ = [
    "CalendarWaves",
    "ClampLengths",
    "KeepGates",
    "KnownTokens",
    "RestoreUnits",
    "ReverseSteps",
    "ScaledError",
    "SummariseSteps",
    "TokenLengths",
    "WindowLevel",
]
