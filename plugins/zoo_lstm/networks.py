"""Recurrent networks for forecasting and for sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers, ops

import zoo
from zoo import DataSpec, TensorSpec
from zoo.layers import Denormalization, Normalization
from zoo_lstm.config import LSTMConfig
from zoo_lstm.layers import (
    ChronoInitializer,
    ClipLengths,
    CyclicalEncoding,
    MaskedPooling1D,
    NaiveForecast,
    ReplaceUnknownTokens,
    ReverseSequence,
    SequenceLengths,
    WindowDenormalization,
    WindowScaling,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PERIODS: Mapping[str, tuple[float, float]] = {
    "minute": (0, 60),
    "hour": (0, 24),
    "weekday": (0, 7),
    "day": (1, 31),
    "day_of_year": (1, 365.25),
    "month": (1, 12),
}
"""Smallest value and period of each calendar feature."""


MIN_RIDGE_WINDOWS, MAX_RIDGE_WINDOWS, MAX_RIDGE_FEATURES = 16, 20_000, 2_048
PENALTIES = tuple(10.0**power for power in range(-5, 3))
"""Penalties of the ridge regression to try, as multiples of the variance of the inputs."""


def build_forecaster(config: LSTMConfig, data: DataSpec) -> tuple[Any, Any]:
    """Return the inputs and the forecast in raw units.

    The recurrent layers read the normalized window; each step of the horizon gets its own part of
    their output (as in Wen et al. 2017, arXiv:1711.11053), its calendar features and its columns
    that are known in advance. The linear
    skip connection is that of Lai et al. 2018 (LSTNet, arXiv:1703.07015).

    Shapes:
        In: `history` `(batch, window, channels)`; optional `calendar` and `future`, `(batch, window
        + horizon, features)`.
        Out: `(batch, horizon, targets)`.
    """
    spec, target = _history(data), data.targets[0]
    window, channels = int(spec.shape[0]), int(spec.shape[1])
    horizon, targets = int(target.shape[0]), int(target.shape[1])
    names = [column.name for column in spec.columns or ()]
    columns = [names.index(column.name) for column in target.columns or ()]

    history = keras.Input(spec.shape, dtype=spec.dtype, name="history")
    inputs = {"history": history}
    scales: tuple[Any, ...] = ()
    if config.scaling == "window":
        normalized, *scales = WindowScaling(name="window_scaling")(history)
    else:
        normalized = Normalization(name="normalization")(history)
    sequence: Any = normalized
    known: list[Any] = []
    calendar = data.input("calendar")
    if calendar is not None:
        features = [column.name for column in calendar.columns or ()]
        calendar_input = keras.Input(calendar.shape, dtype=calendar.dtype, name="calendar")
        inputs["calendar"] = calendar_input
        encoded = CyclicalEncoding(
            [PERIODS[name][0] for name in features],
            [PERIODS[name][1] for name in features],
            config.harmonics,
            name="calendar_encoding",
        )(calendar_input)
        known.append(encoded)
    if (ahead := data.input("future")) is not None:
        future = inputs["future"] = keras.Input(ahead.shape, dtype=ahead.dtype, name="future")
        known.append(Normalization(name="future_normalization")(future))
    if known:
        past = [covariate[:, :window] for covariate in known]
        sequence = layers.Concatenate(name="sequence")([normalized, *past])

    state = recurrent_layers(config, sequence, None)
    steps = layers.Dense(horizon * config.context_units, name="context")(state)
    steps = layers.Reshape((horizon, config.context_units), name="steps")(steps)
    if known:
        to_come = [covariate[:, window:] for covariate in known]
        steps = layers.Concatenate(name="steps_calendar")([steps, *to_come])
    for number, width in enumerate(config.dense, start=1):
        steps = layers.Dense(width, activation="gelu", name=f"dense_{number}")(steps)
    # Small at first, so that training starts from the skip connection.
    small = keras.initializers.RandomNormal(stddev=0.01)
    forecast = layers.Dense(targets, kernel_initializer=small, name="output")(steps)
    if config.skip == "linear":
        flat = layers.Reshape((window * channels,), name="flatten")(normalized)
        name = "ridge" if config.skip_start == "ridge" else "linear"
        linear = layers.Dense(horizon * targets, kernel_initializer="zeros", name=name)(flat)
        skip = layers.Reshape((horizon, targets), name="linear_steps")(linear)
        forecast = layers.Add(name="add")([forecast, skip])
    elif config.skip != "none":
        skip = NaiveForecast(columns, horizon, config.skip, name="naive")(normalized)
        forecast = layers.Add(name="add")([forecast, skip])
    raw: Any = (WindowDenormalization if scales else Denormalization)(
        columns, name="denormalization"
    )
    return _single_or_dict(inputs), raw(forecast, *scales)


def normalized_windows(
    layers: Mapping[str, Any], windows: np.ndarray[Any, Any], targets: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return windows and targets as the network sees them, after ``adapt``.

    Args:
        layers: The layers of a forecaster by name.
        windows: `(windows, window, channels)`
        targets: `(windows, horizon, targets)`
    """
    denormalization = layers["denormalization"]
    if "window_scaling" in layers:
        found = layers["window_scaling"](np.asarray(windows, "float32"))
        scaled, mean, deviation = (ops.convert_to_numpy(one) for one in found)
        goal = (targets - mean[..., denormalization.columns]) / deviation[
            ..., denormalization.columns
        ]
    else:
        scaled = layers["normalization"].normalize(windows)
        goal = ops.convert_to_numpy(denormalization.normalize(targets))
    return scaled, goal


def fit_ridge(
    windows: np.ndarray[Any, Any], targets: np.ndarray[Any, Any], columns: Sequence[int]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the kernel and the bias of a ridge regression from windows to what follows.

    It is shrunk towards the naive forecast that repeats the last s values, with the s of the
    smallest error, and not towards 0: with few windows, or for a random walk, that is hard to beat
    (as Litterman 1986 for vector autoregressions). The penalty (Hoerl & Kennard 1970) is the one
    with the smallest error on the last fifth of the windows, fitted on those whose targets end
    before; where there are none, the naive forecast remains.

    Args:
        windows: `(windows, window, channels)`, normalized, the earliest first.
        targets: `(windows, horizon, targets)`, normalized.
        columns: Channel of each target.
    """
    few = slice(None, None, -(-len(windows) // MAX_RIDGE_WINDOWS))
    x, y = np.asarray(windows[few], "float64"), np.asarray(targets[few], "float64")
    (window, channels), (horizon, outputs) = x.shape[1:], y.shape[1:]

    def repeated(season: int) -> np.ndarray[Any, Any]:
        return np.asarray(window - season + np.arange(horizon) % season)

    def naive_error(season: int) -> float:
        return float(np.square(y - x[:, repeated(season)][:, :, columns]).mean())

    season = min(range(1, window + 1), key=naive_error)
    repeats = np.zeros((window, channels, horizon, outputs))
    for output, column in enumerate(columns):
        repeats[repeated(season), column, np.arange(horizon), output] = 1.0
    naive = repeats.reshape(window * channels, horizon * outputs)
    x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    rest = y - x @ naive

    def fit(part: slice, penalty: float) -> tuple[Any, Any]:
        center, drift = x[part].mean(axis=0), rest[part].mean(axis=0)
        inside = x[part] - center
        gram = inside.T @ inside + penalty * len(inside) * np.eye(x.shape[1])
        kernel = np.linalg.solve(gram, inside.T @ (rest[part] - drift))
        return kernel, drift - center @ kernel

    held_out = max(1, len(x) // 5)
    early, late = slice(0, len(x) - held_out - horizon), slice(len(x) - held_out, None)

    def error(penalty: float) -> float:
        kernel, bias = fit(early, penalty)
        return float(np.square(x[late] @ kernel + bias - rest[late]).mean())

    if early.stop < MIN_RIDGE_WINDOWS or x.shape[1] > MAX_RIDGE_FEATURES:
        return naive, np.zeros(y.shape[1])
    penalty = min(PENALTIES, key=error)
    if error(penalty) >= float(np.square(rest[late]).mean()):
        return naive, np.zeros(y.shape[1])
    kernel, bias = fit(slice(None), penalty)
    return naive + kernel, bias


def build_sequence_encoder(config: LSTMConfig, data: DataSpec) -> tuple[Any, Any]:
    """Return the inputs and one vector per sequence of token ids or of vectors.

    Shapes:
        In: `tokens` `(batch, time)`; or vectors `(batch, time, features)`, with an optional
        `length` `(batch,)`, the number of real steps, padded on the right.
        Out: `(batch, features)`.
    """
    inputs: dict[str, Any] = {}
    spec = next((s for s in data.inputs if s.dtype == "int32" and len(s.shape) == 1), None)
    lengths: Any = None
    if spec is not None:
        tokens = inputs[spec.name] = keras.Input(_keras_shape(spec), dtype="int32", name=spec.name)
        size, pad, unk = vocabulary(spec, data)
        lengths = SequenceLengths(pad, name="lengths")(tokens)
        known = ReplaceUnknownTokens(size, unk, name="known_tokens")(tokens)
        x = layers.Embedding(size, config.embedding_dim, name="embedding")(known)
    else:
        spec = next(s for s in data.inputs if len(s.shape) == 2)
        x = keras.Input(_keras_shape(spec), dtype=spec.dtype, name=spec.name)
        inputs[spec.name] = x
        x = Normalization(name="normalization")(x)
        if (declared := data.input("length")) is not None:
            given = keras.Input((), dtype=declared.dtype, name="length")
            inputs["length"] = given
            lengths = ClipLengths(name="lengths")(given, x)
    vector = recurrent_layers(config, x, lengths)
    for number, width in enumerate(config.dense, start=1):
        vector = layers.Dense(width, activation="gelu", name=f"dense_{number}")(vector)
    return _single_or_dict(inputs), vector


def recurrent_layers(config: LSTMConfig, x: Any, lengths: Any) -> Any:
    """Return one vector per sequence, which may be padded on the right.

    Args:
        config: Cell, units, directions and pooling.
        x: `(batch, time, features)`
        lengths: `(batch,)`, the number of real steps; ``None`` if all are.

    Returns:
        `(batch, units)`, twice the units of the last layer if bidirectional.
    """
    for number, units in enumerate(config.units, start=1):
        if config.dropout:
            x = layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
        last = number == len(config.units)
        sequences = lengths is not None or not last or config.head != "last"
        outputs = [_cell(config, units, f"{config.cell}_{number}", sequences)(x)]
        if config.bidirectional:
            reversed_x = _reverse(x, lengths, f"reverse_input_{number}")
            cell = _cell(config, units, f"{config.cell}_{number}_backward", sequences)
            backward = cell(reversed_x)
            # The final state of the backward direction is at its last real step too, so for the
            # head 'last' it is not reversed again.
            if not (last and config.head == "last"):
                backward = _reverse(backward, lengths, f"reverse_output_{number}")
            outputs.append(backward)
        x = outputs[0]
        if len(outputs) > 1:
            x = layers.Concatenate(name=f"bidirectional_{number}")(outputs)
    if lengths is not None:
        x = MaskedPooling1D(config.head, name="pooling")(x, lengths)
    elif config.head == "mean":
        x = layers.GlobalAveragePooling1D(name="pooling")(x)
    elif config.head == "max":
        x = layers.GlobalMaxPooling1D(name="pooling")(x)
    return layers.Dropout(config.dropout, name="dropout")(x) if config.dropout else x


def _cell(config: LSTMConfig, units: int, name: str, return_sequences: bool) -> Any:
    options: dict[str, Any] = {"return_sequences": return_sequences, "name": name}
    if config.max_dependency is not None and config.cell != "simple_rnn":
        options["bias_initializer"] = ChronoInitializer(config.max_dependency, config.cell)
        if config.cell == "lstm":
            options["unit_forget_bias"] = False
    kind = {"lstm": layers.LSTM, "gru": layers.GRU, "simple_rnn": layers.SimpleRNN}[config.cell]
    return kind(units, **options)


def _reverse(x: Any, lengths: Any, name: str) -> Any:
    return ops.flip(x, axis=1) if lengths is None else ReverseSequence(name=name)(x, lengths)


def vocabulary(spec: TensorSpec, data: DataSpec) -> tuple[int, int, int]:
    """Return the vocabulary size and the ids of the padding and the unknown token.

    Raises:
        ConfigError: If the vocabulary is not known.
    """
    if spec.text is not None and spec.text.vocabulary:
        return len(spec.text.vocabulary), spec.text.pad, spec.text.unk
    if spec.range is not None:
        return int(spec.range[1]) + 1, 0, 1
    raise zoo.errors.ConfigError(
        f"the vocabulary of {data.id!r} is not known",
        why=f"{spec.name!r} has no vocabulary and no range of ids",
        fix="pass the dataset itself, whose vocabulary is learned from its training split",
    )


def _history(data: DataSpec) -> TensorSpec:
    spec = data.input("history")
    if spec is None or len(spec.shape) != 2:
        raise zoo.errors.ConfigError(
            f"lstm forecasts from an input 'history', and {data.id} has none",
            why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
            fix="zoo train lstm --data SERIES.csv",
        )
    return spec


def _keras_shape(spec: TensorSpec) -> tuple[int | None, ...]:
    """Return a shape with ``None`` for dynamic axes."""
    return tuple(None if isinstance(size, str) else size for size in spec.shape)


def _single_or_dict(inputs: dict[str, Any]) -> Any:
    """Return a single input itself, several by name, as Keras models are called."""
    return next(iter(inputs.values())) if len(inputs) == 1 else inputs
