"""From sequences to vectors, and from windows to forecasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers, ops

import zoo
from zoo import DataSpec, TensorSpec
from zoo.layers import Standardize
from zoo_lstm.config import LSTMConfig
from zoo_lstm.layers import (
    CalendarWaves,
    ClampLengths,
    KeepGates,
    KnownTokens,
    RestoreUnits,
    ReverseSteps,
    SummariseSteps,
    TokenLengths,
    WindowLevel,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PERIODS: Mapping[str, tuple[float, float]] = {
    "minute": (0, 60),
    "hour": (0, 24),
    "weekday": (0, 7),
    "day": (1, 31),
    "day_of_year": (1, 365.25),
    "month": (1, 12),
}
"""Of what a calendar says: the smallest value, and how many until it begins again."""


def forecaster(config: LSTMConfig, data: DataSpec) -> tuple[Any, Any]:
    """Return the inputs and the forecast in raw units.

    The recurrent layers read the scaled window; what they say is handed to each step of the
    horizon with its own numbers (as in Wen et al. 2017, arXiv:1711.11053) and joined with that
    step's calendar. A linear skip beside a network is that of Lai et al. 2018 (LSTNet,
    arXiv:1703.07015).

    Shapes:
        In: `history` `(batch, window, channels)`, `calendar` `(batch, window + horizon, features)`.
        Out: `(batch, horizon, targets)`.
    """
    spec, target = _input(data, "history"), data.targets[0]
    window, channels = int(spec.shape[0]), int(spec.shape[1])
    horizon, targets = int(target.shape[0]), int(target.shape[1])
    names = [column.name for column in spec.columns or ()]
    places = [names.index(column.name) for column in target.columns or ()]

    history = keras.Input(spec.shape, dtype=spec.dtype, name="history")
    inputs = {"history": history}
    scaled = Standardize(name="scale")(history)
    read: Any = scaled
    ahead = None
    calendar = data.input("calendar")
    if calendar is not None:
        features = [column.name for column in calendar.columns or ()]
        marks = keras.Input(calendar.shape, dtype=calendar.dtype, name="calendar")
        inputs["calendar"] = marks
        waves = CalendarWaves(
            [PERIODS[name][0] for name in features],
            [PERIODS[name][1] for name in features],
            config.harmonics,
            name="waves",
        )(marks)
        read = layers.Concatenate(name="read")([scaled, waves[:, :window]])
        ahead = waves[:, window:]

    vector = recurrent(config, read, None)
    steps = layers.Dense(horizon * config.context, name="context")(vector)
    steps = layers.Reshape((horizon, config.context), name="steps")(steps)
    if ahead is not None:
        steps = layers.Concatenate(name="ahead")([steps, ahead])
    for number, width in enumerate(config.dense, start=1):
        steps = layers.Dense(width, activation="gelu", name=f"dense_{number}")(steps)
    # Small at first, so that training starts from what the forecast is added to.
    small = keras.initializers.RandomNormal(stddev=0.01)
    forecast = layers.Dense(targets, kernel_initializer=small, name="change")(steps)
    if config.skip == "linear":
        flat = layers.Reshape((window * channels,), name="flat")(scaled)
        linear = layers.Dense(horizon * targets, kernel_initializer="zeros", name="linear")(flat)
        base = layers.Reshape((horizon, targets), name="line")(linear)
        forecast = layers.Add(name="sum")([forecast, base])
    elif config.skip != "none":
        base = WindowLevel(places, horizon, config.skip, name="level")(scaled)
        forecast = layers.Add(name="sum")([forecast, base])
    return _asked(inputs), RestoreUnits(places, name="units")(forecast)


def reader(config: LSTMConfig, data: DataSpec) -> tuple[Any, Any]:
    """Return the inputs and one vector a sequence: of token ids, or of vectors.

    Shapes:
        In: `tokens` `(batch, time)`; or vectors `(batch, time, features)`, with an optional
        `length` `(batch,)`, the real steps from the left, without which all are.
        Out: `(batch, features)`.
    """
    inputs: dict[str, Any] = {}
    spec = next((s for s in data.inputs if s.dtype == "int32" and len(s.shape) == 1), None)
    lengths: Any = None
    if spec is not None:
        tokens = inputs[spec.name] = keras.Input(_open(spec), dtype="int32", name=spec.name)
        size, pad, unknown = vocabulary(spec, data)
        lengths = TokenLengths(pad, name="lengths")(tokens)
        known = KnownTokens(size, unknown, name="known")(tokens)
        x = layers.Embedding(size, config.embedding, name="embedding")(known)
    else:
        spec = next(s for s in data.inputs if len(s.shape) == 2)
        x = keras.Input(_open(spec), dtype=spec.dtype, name=spec.name)
        inputs[spec.name] = x
        x = Standardize(name="scale")(x)
        if (declared := data.input("length")) is not None:
            given = keras.Input((), dtype=declared.dtype, name="length")
            inputs["length"] = given
            lengths = ClampLengths(name="lengths")(given, x)
    vector = recurrent(config, x, lengths)
    for number, width in enumerate(config.dense, start=1):
        vector = layers.Dense(width, activation="gelu", name=f"dense_{number}")(vector)
    return _asked(inputs), vector


def recurrent(config: LSTMConfig, x: Any, lengths: Any) -> Any:
    """Return one vector of sequences that may be padded on the right.

    Args:
        config: Cell, widths, directions.
        x: `(batch, time, features)`
        lengths: `(batch,)`, the real steps of each; ``None`` if all are.

    Returns:
        `(batch, width)`, with twice the width of the last layer in two directions.
    """
    for number, units in enumerate(config.units, start=1):
        if config.dropout:
            x = layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
        last = number == len(config.units)
        whole = lengths is not None or not last or config.head != "last"
        ways = [_cell(config, units, f"{config.cell}_{number}", whole=whole)(x)]
        if config.bidirectional:
            name = f"{config.cell}_{number}_back"
            back = _cell(config, units, name, whole=whole)(_turn(x, lengths, f"turn_{number}"))
            # At the end of each direction stands what it has read in whole: at the last real
            # step, as the backward direction is not turned round again there.
            if not (last and config.head == "last"):
                back = _turn(back, lengths, f"return_{number}")
            ways.append(back)
        x = ways[0] if len(ways) == 1 else layers.Concatenate(name=f"both_{number}")(ways)
    if lengths is not None:
        x = SummariseSteps(config.head, name="vector")(x, lengths)
    elif config.head == "mean":
        x = layers.GlobalAveragePooling1D(name="vector")(x)
    elif config.head == "max":
        x = layers.GlobalMaxPooling1D(name="vector")(x)
    return layers.Dropout(config.dropout, name="dropout")(x) if config.dropout else x


def _cell(config: LSTMConfig, units: int, name: str, *, whole: bool) -> Any:
    """Return a recurrent layer that gives all its steps, or its last."""
    options: dict[str, Any] = {"return_sequences": whole, "name": name}
    if config.memory is not None and config.cell != "simple_rnn":
        options["bias_initializer"] = KeepGates(config.memory, config.cell)
        if config.cell == "lstm":
            options["unit_forget_bias"] = False
    kind = {"lstm": layers.LSTM, "gru": layers.GRU, "simple_rnn": layers.SimpleRNN}[config.cell]
    return kind(units, **options)


def _turn(x: Any, lengths: Any, name: str) -> Any:
    """Return sequences the other way round, padding still at the end."""
    return ops.flip(x, axis=1) if lengths is None else ReverseSteps(name=name)(x, lengths)


def vocabulary(spec: TensorSpec, data: DataSpec) -> tuple[int, int, int]:
    """Return how many ids there are, that of padding, and that of anything unknown.

    Raises:
        ConfigError: If the data does not say how many.
    """
    if spec.text is not None and spec.text.vocabulary:
        return len(spec.text.vocabulary), spec.text.pad, spec.text.unk
    if spec.range is not None:
        return int(spec.range[1]) + 1, 0, 1
    raise zoo.errors.ConfigError(
        f"the vocabulary of {data.id!r} is not known",
        why=f"{spec.name!r} names no pieces and no range of ids",
        fix="give the dataset itself, whose vocabulary is learned from its training split",
    )


def _input(data: DataSpec, name: str) -> TensorSpec:
    spec = data.input(name)
    if spec is None or len(spec.shape) != 2:
        raise zoo.errors.ConfigError(
            f"lstm forecasts from an input {name!r}, and {data.id} has none",
            why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
            fix="zoo train lstm --data SERIES.csv",
        )
    return spec


def _open(spec: TensorSpec) -> tuple[int | None, ...]:
    """Return a shape as Keras writes it: ``None`` for any size."""
    return tuple(None if isinstance(size, str) else size for size in spec.shape)


def _asked(inputs: dict[str, Any]) -> Any:
    """Return one input as it is, several by name: that is how people call a Keras model."""
    return next(iter(inputs.values())) if len(inputs) == 1 else inputs


__all__ = ["PERIODS", "forecaster", "reader", "recurrent", "vocabulary"]
