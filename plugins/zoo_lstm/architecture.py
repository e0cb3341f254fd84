"""Recurrent networks: what is read step by step, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import zoo
from zoo import Arrays, DataSpec, Recipe, Signature, Task, TensorSpec, TrainPlan
from zoo_lstm.config import LSTMConfig

if TYPE_CHECKING:
    import keras

INSIDE = {
    "history": "scaled by the mean and the deviation of each channel in the training split",
    "calendar": "sines and cosines of each period",
    "tokens": "ids that the vocabulary does not have count as unknown; padding on the right counts "
    "for nothing",
    "sequence": "scaled by the mean and the deviation of each feature in the training split",
    "length": "kept between 1 and the time that there is; what stands behind it counts for nothing",
}
"""What the network does to raw values before its first layer."""


class LSTM(zoo.Architecture[LSTMConfig]):
    """LSTM, GRU or simple recurrent layers on a window of a series, or on a sequence."""

    info = zoo.ArchitectureInfo(
        name="lstm",
        summary="Recurrent networks (LSTM, GRU, simple) that forecast series and read sequences.",
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
            "A forecast continues what the training part shows: it knows no trend or event that "
            "was not there, and says nothing of how sure it is.",
            "A series is evenly spaced, by the step and with the columns that it was trained on.",
            "What is older than the window, or further back than a network remembers, is not seen.",
        ),
    )
    Config = LSTMConfig
    default_dataset = "mackey_glass"

    def default_config(self, data: DataSpec) -> Recipe[LSTMConfig]:
        """Return what suits a series, a long sequence, or text."""
        history = data.input("history")
        if data.task == Task.FORECASTING and history is not None:
            if history.series is not None and history.series.date is not None:
                # What has dates was measured: it is noisy, and there is never much of it.
                config = LSTMConfig(
                    units=(32,),
                    dropout=0.5,
                    harmonics=1,
                    optimizer=_optimizer(2e-3, weight_decay=0.1),
                )
                return Recipe(config, TrainPlan(epochs=12, batch_size=64))
            config = LSTMConfig(units=(64,), optimizer=_optimizer(6e-3))
            return Recipe(config, TrainPlan(epochs=30, batch_size=64))
        if data.task == Task.REGRESSION:
            config = LSTMConfig(units=(48,), memory=200, optimizer=_optimizer(3e-3))
            return Recipe(config, TrainPlan(epochs=5, batch_size=128))
        config = LSTMConfig(
            units=(64,), bidirectional=True, head="max", dropout=0.4, optimizer=_optimizer(2e-3)
        )
        return Recipe(config, TrainPlan(epochs=5, batch_size=64, monitor="val_accuracy"))

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[LSTMConfig]]:
        """Return tiny networks: a cell each, in one direction and in both."""
        optimizer = _optimizer(1e-2)
        both = LSTMConfig(
            units=(8,), embedding=8, bidirectional=True, dropout=0.1, optimizer=optimizer
        )
        gated = LSTMConfig(cell="gru", units=(4, 4), embedding=4, head="mean", skip="last")
        plain = LSTMConfig(cell="simple_rnn", units=(4,), embedding=4, head="max", dense=(4,))
        plan = TrainPlan(epochs=6, batch_size=32, monitor=self.default_config(data).plan.monitor)
        return Recipe(both, plan), Recipe(gated, plan), Recipe(plain, plan)

    def build(self, config: LSTMConfig, data: DataSpec) -> keras.Model:
        """Return a compiled ``keras.Model`` whose one output depends on the task.

        Shapes:
            Forecasting: `history` `(batch, window, channels)`, perhaps `calendar`
            `(batch, window + horizon, features)`, to `forecast` `(batch, horizon, targets)`, raw
            units. Classification: token ids `(batch, time)`, or vectors `(batch, time, features)`
            and perhaps their `length` `(batch,)`, to `probabilities` `(batch, classes)`.
            Regression: the same sequences, to `prediction` `(batch,)`, one number in its unit.

        Raises:
            ConfigError: If the data has no series and no sequence, or an unknown vocabulary.
        """
        import keras
        from keras import layers

        from zoo.layers import compile_classifier, make_optimizer
        from zoo_lstm.layers import RestoreUnits, ScaledError
        from zoo_lstm.networks import forecaster, reader

        _check(data)
        if data.task == Task.FORECASTING:
            inputs, output = forecaster(config, data)
            model = keras.Model(inputs, output, name=self.info.name)
            loss = ScaledError(config.loss, model.get_layer("units"))
            model.compile(optimizer=make_optimizer(config.optimizer), loss=loss)
            return model
        inputs, vector = reader(config, data)
        if data.task == Task.CLASSIFICATION:
            chances = layers.Dense(len(data.labels), activation="softmax", name="probabilities")
            model = keras.Model(inputs, chances(vector), name=self.info.name)
            return compile_classifier(model, config.optimizer, smoothing=config.label_smoothing)
        output = RestoreUnits((0,), name="units")(layers.Dense(1, name="number")(vector))
        model = keras.Model(
            inputs, layers.Reshape((), name="prediction")(output), name=self.info.name
        )
        loss = ScaledError(config.loss, model.get_layer("units"))
        model.compile(optimizer=make_optimizer(config.optimizer), loss=loss)
        return model

    def adapt(self, model: keras.Model, inputs: Arrays, targets: Arrays) -> None:
        """Measure the training split: every channel of its real steps, and numbers to predict."""
        import numpy as np

        values = next((array for array in inputs.values() if array.ndim == 3), None)
        if values is None:
            steps = np.zeros((1, 1))
        elif "length" in inputs:
            steps = values[np.arange(values.shape[1]) < np.asarray(inputs["length"])[:, None]]
        else:
            steps = values.reshape(-1, values.shape[-1])
        names = {layer.name for layer in model.layers}
        if "scale" in names:
            scale: Any = model.get_layer("scale")
            scale.adapt(steps)
        if "units" in names:
            units: Any = model.get_layer("units")
            numbers = next(iter(targets.values()))
            # A forecast has the units of its channel, so that adding to the last value is exact.
            units.adapt(steps if "history" in inputs else np.reshape(numbers, (-1, 1)))

    def signatures(
        self, model: keras.Model, config: LSTMConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``predict``: a forecast, probabilities and the likeliest label, or a number."""
        import keras

        from zoo.layers import classifier_signature

        if data.task == Task.CLASSIFICATION:
            return (classifier_signature(model, data, inside=INSIDE),)
        target = data.targets[0]
        output = TensorSpec(
            name=target.name if data.task == Task.FORECASTING else "prediction",
            shape=target.shape,
            columns=target.columns,
            unit=target.unit,
            inside="brought back to raw units",
        )
        taken = tuple(
            spec.model_copy(update={"inside": INSIDE.get(spec.name, spec.inside)})
            for spec in data.inputs
        )
        inputs = {tensor.name: tensor for tensor in model.inputs}
        return (
            Signature(
                "predict", keras.Model(inputs, {output.name: model.output}), taken, (output,)
            ),
        )


def _optimizer(rate: float, weight_decay: float = 0.0) -> zoo.OptimizerConfig:
    return zoo.OptimizerConfig(learning_rate=rate, weight_decay=weight_decay, global_clipnorm=1.0)


def _check(data: DataSpec) -> None:
    """Refuse data that is neither a series nor sequences."""
    names = ", ".join(tensor.name for tensor in data.inputs)
    if data.task not in LSTM.info.tasks:
        raise zoo.errors.ConfigError(
            f"lstm cannot learn {data.id}",
            why=f"its task is {data.task.value}, and lstm forecasts, classifies or predicts a "
            "number",
            fix=f"zoo list --task {data.task.value}",
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
        listed = f"zoo list --task {data.task.value}"
        table = data.input("numeric") is not None
        raise zoo.errors.ConfigError(
            f"lstm reads sequences, and {data.id} has none",
            why=f"its inputs are {names}; a sequence is [time] ids or [time, features] numbers",
            fix=f"if its rows are in time order, --data-option task=forecasting; else {listed}"
            if table
            else listed,
        )


__all__ = ["LSTM", "LSTMConfig"]
