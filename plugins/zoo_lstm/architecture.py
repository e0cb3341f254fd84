"""LSTM, GRU and simple recurrent networks for series and sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import zoo
from zoo import Arrays, DataSpec, Recipe, Signature, Task, TensorSpec, TrainPlan
from zoo_lstm.config import LSTMConfig

if TYPE_CHECKING:
    import keras

PREPROCESSING = {
    "history": "normalized by the mean and deviation of each channel in the training split",
    "calendar": "cyclical encoding: sines and cosines of each period",
    "future": "normalized by the mean and deviation of each column in the training split",
    "tokens": "ids outside of the vocabulary are replaced by the unknown token; padding is masked",
    "sequence": "normalized by the mean and deviation of each feature in the training split",
    "length": "clipped to 1 and the number of steps; later steps are masked",
}
"""Preprocessing inside the graph, by input."""


class LSTM(zoo.Architecture[LSTMConfig]):
    """LSTM, GRU or simple recurrent network for series and sequences."""

    info = zoo.ArchitectureInfo(
        name="lstm",
        summary="Recurrent networks (LSTM, GRU, simple RNN) for series and sequences.",
        tasks=(Task.FORECASTING, Task.CLASSIFICATION, Task.REGRESSION),
        tags=("recurrent", "series", "text"),
        references=(
            "Hochreiter & Schmidhuber 1997, Long short-term memory",
            "Gers, Schmidhuber & Cummins 2000, Learning to forget",
            "Cho et al. 2014, Learning phrase representations, arXiv:1406.1078 (GRU)",
            "Schuster & Paliwal 1997, Bidirectional recurrent neural networks",
            "Tallec & Ollivier 2018, Can recurrent neural networks warp time?, arXiv:1804.11188",
            "Lai et al. 2018, Modeling long- and short-term temporal patterns, arXiv:1703.07015",
        ),
        limits=(
            "A forecast extrapolates the patterns of the training data; it cannot predict trends "
            "or events that were not there, and has no uncertainty estimate.",
            "Series must be evenly spaced, with the step and the columns of the training data.",
            "Values before the window are not seen.",
        ),
    )
    Config = LSTMConfig
    default_dataset = "mackey_glass"

    def default_config(self, data: DataSpec) -> Recipe[LSTMConfig]:
        """Return a configuration for a series, a long sequence, or text."""
        history = data.input("history")
        if data.task == Task.FORECASTING and history is not None:
            if history.series is not None and history.series.date is not None:
                # Series with dates are measurements: noisy and short.
                config = LSTMConfig(
                    units=(32,),
                    dropout=0.5,
                    harmonics=1,
                    skip_start="zero" if history.series.training_steps is None else "ridge",
                    scaling="window" if history.series.group_by else "training",
                    optimizer=_optimizer(2e-3, weight_decay=0.1),
                )
                return Recipe(config, _plan(history.series.training_steps))
            config = LSTMConfig(units=(64,), optimizer=_optimizer(6e-3))
            return Recipe(config, TrainPlan(epochs=30, batch_size=64))
        if data.task == Task.REGRESSION:
            config = LSTMConfig(units=(48,), max_dependency=200, optimizer=_optimizer(3e-3))
            return Recipe(config, TrainPlan(epochs=5, batch_size=128))
        config = LSTMConfig(
            units=(64,), bidirectional=True, head="max", dropout=0.4, optimizer=_optimizer(2e-3)
        )
        return Recipe(config, TrainPlan(epochs=5, batch_size=64, monitor="val_accuracy"))

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[LSTMConfig]]:
        """Return tiny networks, one per cell, uni- and bidirectional."""
        optimizer = _optimizer(1e-2)
        both = LSTMConfig(
            units=(8,), embedding_dim=8, bidirectional=True, dropout=0.1, optimizer=optimizer
        )
        gated = LSTMConfig(cell="gru", units=(4, 4), embedding_dim=4, head="mean", skip="last")
        plain = LSTMConfig(cell="simple_rnn", units=(4,), embedding_dim=4, head="max", dense=(4,))
        plan = TrainPlan(epochs=6, batch_size=32, monitor=self.default_config(data).plan.monitor)
        return Recipe(both, plan), Recipe(gated, plan), Recipe(plain, plan)

    def build(self, config: LSTMConfig, data: DataSpec) -> keras.Model:
        """Build a compiled model; its output depends on the task.

        Shapes:
            Forecasting: `history` `(batch, window, channels)`, optional `calendar` and `future`
            `(batch, window + horizon, features)`, to `forecast` `(batch, horizon, targets)`, raw
            units. Classification: token ids `(batch, time)`, or vectors `(batch, time, features)`
            with an optional `length` `(batch,)`, to `probabilities` `(batch, classes)`.
            Regression: the same sequences, to `prediction` `(batch,)`, in the target's unit.

        Raises:
            ConfigError: If the data has no series or sequence, or its vocabulary is not known.
        """
        import keras
        from keras import layers

        from zoo.layers import Denormalization, compile_classifier, make_optimizer
        from zoo_lstm.layers import NormalizedError, WindowScaledForecaster
        from zoo_lstm.networks import build_forecaster, build_sequence_encoder

        _check(data)
        if data.task == Task.FORECASTING:
            inputs, output = build_forecaster(config, data)
            if config.scaling == "window":
                model = WindowScaledForecaster(inputs, output, name=self.info.name)
                loss = NormalizedError(config.loss)
            else:
                model = keras.Model(inputs, output, name=self.info.name)
                loss = NormalizedError(config.loss, model.get_layer("denormalization"))
            model.compile(optimizer=make_optimizer(config.optimizer), loss=loss)
            return model
        inputs, vector = build_sequence_encoder(config, data)
        if data.task == Task.CLASSIFICATION:
            probabilities = layers.Dense(
                len(data.labels), activation="softmax", name="probabilities"
            )
            model = keras.Model(inputs, probabilities(vector), name=self.info.name)
            return compile_classifier(model, config.optimizer, smoothing=config.label_smoothing)
        output = layers.Dense(1, name="output")(vector)
        output = Denormalization((0,), name="denormalization")(output)
        model = keras.Model(
            inputs, layers.Reshape((), name="prediction")(output), name=self.info.name
        )
        loss = NormalizedError(config.loss, model.get_layer("denormalization"))
        model.compile(optimizer=make_optimizer(config.optimizer), loss=loss)
        return model

    def adapt(self, model: keras.Model, inputs: Arrays, targets: Arrays) -> None:
        """Compute normalization statistics of the training split, without padding."""
        import numpy as np

        from zoo_lstm.networks import fit_ridge, normalized_windows

        values = next((array for array in inputs.values() if array.ndim == 3), None)
        if values is None:
            steps = np.zeros((1, 1))
        elif "length" in inputs:
            steps = values[np.arange(values.shape[1]) < np.asarray(inputs["length"])[:, None]]
        else:
            steps = values.reshape(-1, values.shape[-1])
        layers: dict[str, Any] = {layer.name: layer for layer in model.layers}
        truth = next(iter(targets.values()))
        if "normalization" in layers:
            layers["normalization"].adapt(steps)
        if "future_normalization" in layers:
            ahead = inputs["future"]
            layers["future_normalization"].adapt(np.reshape(ahead, (-1, ahead.shape[-1])))
        if "window_scaling" in layers:
            layers["window_scaling"].adapt(values)
        elif "denormalization" in layers:
            # A forecast is scaled like its channel, so that skip connections are exact.
            forecast = "history" in inputs
            layers["denormalization"].adapt(steps if forecast else np.reshape(truth, (-1, 1)))
        if "ridge" in layers and values is not None:
            scaled, goal = normalized_windows(layers, values, truth)
            layers["ridge"].set_weights(fit_ridge(scaled, goal, layers["denormalization"].columns))

    def signatures(
        self, model: keras.Model, config: LSTMConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``predict``: a forecast, class probabilities, or a number."""
        import keras

        from zoo.layers import classifier_signature

        if data.task == Task.CLASSIFICATION:
            return (classifier_signature(model, data, inside=PREPROCESSING),)
        target = data.targets[0]
        output = TensorSpec(
            name=target.name if data.task == Task.FORECASTING else "prediction",
            shape=target.shape,
            columns=target.columns,
            unit=target.unit,
            role="prediction",
            inside="denormalized to raw units",
        )
        input_specs = tuple(
            spec.model_copy(update={"inside": PREPROCESSING.get(spec.name, spec.inside)})
            for spec in data.inputs
        )
        inputs = {tensor.name: tensor for tensor in model.inputs}
        graph = keras.Model(inputs, {output.name: model.output})
        return (Signature("predict", graph, input_specs, (output,)),)


def _plan(steps: int | None) -> TrainPlan:
    """Return the plan for a series: of a short one, smaller batches and more epochs."""
    if steps is None or steps >= 2_000:
        return TrainPlan(epochs=12, batch_size=64)
    return TrainPlan(epochs=max(12, min(60, 12_000 // steps)), batch_size=16 if steps < 500 else 64)


def _optimizer(rate: float, weight_decay: float = 0.0) -> zoo.OptimizerConfig:
    return zoo.OptimizerConfig(learning_rate=rate, weight_decay=weight_decay, global_clipnorm=1.0)


def _check(data: DataSpec) -> None:
    """Check that the data is a series or sequences."""
    names = ", ".join(tensor.name for tensor in data.inputs)
    if data.task not in LSTM.info.tasks:
        raise zoo.errors.ConfigError(
            f"lstm does not support {data.id}",
            why=f"its task is {data.task}; lstm does forecasting, classification and regression",
            fix=f"zoo list --task {data.task}",
        )
    tokens = [s for s in data.inputs if s.dtype == "int32" and len(s.shape) == 1]
    vectors = [s for s in data.inputs if s.dtype == "float32" and len(s.shape) == 2]
    series = data.task == Task.FORECASTING and data.input("history") in vectors
    if data.task == Task.FORECASTING and not series:
        raise zoo.errors.ConfigError(
            f"lstm forecasts from an input 'history', and {data.id} has none",
            why=f"its inputs are {names}",
            fix="zoo train lstm --data SERIES.csv",
        )
    if not tokens and not vectors:
        listed = f"zoo list --task {data.task}"
        table = data.input("numeric") is not None
        raise zoo.errors.ConfigError(
            f"lstm needs sequences, and {data.id} has none",
            why=f"its inputs are {names}; a sequence is [time] ids or [time, features] numbers",
            fix=f"if its rows are in time order, --data-option task=forecasting; else {listed}"
            if table
            else listed,
        )
