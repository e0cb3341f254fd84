"""A multilayer perceptron for tables as it is built today: embedded columns, many in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

import zoo
from zoo import Arrays, DataSpec, Recipe, Signature, TrainLoop, TrainPlan
from zoo.spec import Dataset
from zoo_mlp_regressor.calibration import divide_validation, watching

if TYPE_CHECKING:
    import keras

Width = Annotated[int, Field(ge=1, le=16_384)]

PREPROCESSING = {
    "numeric": "standardized by the training split's mean and variance; a missing value becomes "
    "the mean, and is flagged where the training data has any",
    "categorical": "one indicator a category, and one for a missing or unknown one",
}
"""What the network does to raw values before its first layer."""


class MLPRegressorConfig(zoo.ModelConfig):
    """What a multilayer perceptron for tables is made of."""

    units: tuple[Width, ...] = Field(
        (128, 128), min_length=1, max_length=64, description="Width of each hidden layer."
    )
    residual_blocks: int = Field(
        0,
        ge=0,
        le=64,
        description="More hidden layers, as wide as the last, that add to what they are given.",
    )
    activation: Literal["relu", "gelu", "silu"] = Field("relu", description="Of hidden layers.")
    embedding: Literal["periodic", "piecewise_linear", "none"] = Field(
        "periodic",
        description="What a numeric column becomes: waves of its value, how far it has passed "
        "each of its quantiles, or the value alone.",
    )
    embedding_units: int = Field(
        12, ge=1, le=1_024, description="Width of an embedded column's vector."
    )
    frequencies: int = Field(12, ge=1, le=1_024, description="Waves a column (periodic).")
    frequency_scale: float = Field(
        0.3,
        gt=0,
        le=100,
        description="Standard deviation of the waves' first frequencies, in turns a standard "
        "deviation of the column (periodic). Larger follows finer detail.",
    )
    bins: int = Field(16, ge=2, le=1_024, description="Quantiles a column (piecewise_linear).")
    members: int = Field(
        8, ge=1, le=1_024, description="Networks that share their matrices and vote by their mean."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of units silenced, hidden layers.")
    interval_level: float = Field(
        0.9, ge=0.5, le=0.999, description="Share of truths that the intervals should hold."
    )
    interval_width: Literal["spread", "constant"] = Field(
        "spread", description="Wider where the members disagree, or the same for every row."
    )


class MLPRegressor(zoo.Architecture[MLPRegressorConfig]):
    """Dense layers on the columns of a table, with a calibrated interval."""

    info = zoo.ArchitectureInfo(
        name="mlp_regressor",
        summary="Multilayer perceptron that predicts a number for each row of a table, with an "
        "interval.",
        tasks=(zoo.Task.REGRESSION,),
        tags=("dense", "tabular", "ensemble", "interval"),
        references=(
            "Gorishniy, Kotelnikov & Babenko 2024, TabM: Advancing tabular deep learning with "
            "parameter-efficient ensembling, arXiv:2410.24210",
            "Gorishniy, Rubachev & Babenko 2022, On embeddings for numerical features in tabular "
            "deep learning, arXiv:2203.05556",
            "Lei et al. 2018, Distribution-free predictive inference for regression, "
            "arXiv:1604.04173",
        ),
        limits=(
            "Outside of the range of its training columns a prediction is a guess, and no interval "
            "covers that.",
            "The intervals hold their share over all rows that are like the training data, not for "
            "each kind of row by itself, and not after the data has changed.",
            "One number a row: several targets need several models.",
        ),
    )
    Config = MLPRegressorConfig
    default_dataset = "diabetes"

    def default_config(self, data: DataSpec) -> Recipe[MLPRegressorConfig]:
        """Return what validation chose for this data, or for tables that nobody has looked at.

        Noise decides how fine a detail is worth following, and a description does not tell it. A
        table that the zoo does not know starts from the waves that were best on ``concrete``, and
        keeps the epoch that its validation split likes best. The ``diabetes`` study is small and
        mostly noise: there plain columns and few epochs were best.
        """
        if data.id == "diabetes":
            smooth = MLPRegressorConfig(
                embedding="none",
                optimizer=zoo.OptimizerConfig(learning_rate=1e-3, weight_decay=1e-2),
            )
            return Recipe(smooth, TrainPlan(epochs=30, batch_size=64, restore_best_weights=False))
        config = MLPRegressorConfig(
            optimizer=zoo.OptimizerConfig(learning_rate=5e-3, weight_decay=0.1)
        )
        known = data.id == "concrete"
        plan = TrainPlan(epochs=200, batch_size=64, restore_best_weights=False if known else "best")
        return Recipe(config, plan)

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[MLPRegressorConfig]]:
        """Return tiny ensembles: one for each way in which a column can be embedded."""
        plan = TrainPlan(epochs=6, batch_size=32)
        return tuple(
            Recipe(
                MLPRegressorConfig(
                    units=(16,),
                    residual_blocks=1,
                    embedding=embedding,
                    embedding_units=4,
                    frequencies=4,
                    bins=4,
                    members=4,
                    optimizer=zoo.OptimizerConfig(learning_rate=1e-2, weight_decay=0.01),
                ),
                plan,
            )
            for embedding in ("periodic", "piecewise_linear", "none")
        )

    def build(self, config: MLPRegressorConfig, data: DataSpec) -> keras.Model:
        """Return a compiled ``keras.Model`` from raw columns to predictions and intervals.

        Shapes:
            In: `numeric` `(batch, columns)` and `categorical` `(batch, columns)`, as the data has
            them.
            Out: a dictionary of `prediction`, `low`, `high`, each `(batch,)`, and `members`
            `(batch, members)`, in the target's unit.

        Raises:
            ConfigError: If the data is not a table with a number to predict.
        """
        from keras import layers

        from zoo.layers import (
            ConformalInterval,
            EnsembleDense,
            EnsembleHead,
            EnsembleRegressor,
            RestoreTarget,
            compile_regressor,
        )

        if data.task is not zoo.Task.REGRESSION or not data.targets or data.targets[0].shape:
            raise zoo.errors.ConfigError(
                f"mlp_regressor cannot learn {data.id}",
                why=f"its task is {data.task.value}, and a regressor predicts one number a row",
                fix=f"zoo list --task {data.task.value}",
            )
        inputs, x = self._features(config, data)
        blocks = [False] * len(config.units) + [True] * config.residual_blocks
        widths = [*config.units, *[config.units[-1]] * config.residual_blocks]
        for number, (width, residual) in enumerate(zip(widths, blocks, strict=True), start=1):
            before = x
            x = EnsembleDense(width, config.members, first=number == 1, name=f"dense_{number}")(x)
            x = layers.Activation(config.activation, name=f"{config.activation}_{number}")(x)
            if config.dropout:
                x = layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
            if residual:
                x = layers.Add(name=f"add_{number}")([before, x])
        members = RestoreTarget(name="restore")(EnsembleHead(name="head")(x))
        prediction, low, high = ConformalInterval(name="interval")(members)
        outputs = {"prediction": prediction, "low": low, "high": high, "members": members}
        model = EnsembleRegressor(inputs, outputs, name=self.info.name)
        return compile_regressor(model, config.optimizer)

    def adapt(self, model: keras.Model, inputs: Arrays, targets: Arrays) -> None:
        """Measure the columns and the target of the training split."""
        from zoo.layers import PiecewiseLinearEncoding

        restore: Any = model.get_layer("restore")
        restore.adapt(next(iter(targets.values())))
        if "numeric" in inputs:
            standardize: Any = model.get_layer("standardize")
            standardize.adapt(inputs["numeric"])
            for layer in model.layers:
                if isinstance(layer, PiecewiseLinearEncoding):
                    layer.adapt(standardize.scaled(inputs["numeric"]))

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train, then calibrate the interval on examples that no decision has used.

        With a plan that keeps the last epoch and never stops early, nobody decides by the
        validation split, and all of it calibrates. Else every other example of it does, and the
        plan watches the rest.

        Raises:
            ConfigError: If too few examples are left to calibrate.
        """
        from zoo.layers import ConformalInterval

        config: Any = model.blueprint.config
        decides = loop.plan.restore_best_weights or loop.plan.patience is not None
        needed = ConformalInterval.needed(config.interval_level)
        validation = dataset.split("validation")
        watched, held = divide_validation(validation, decides=decides, needed=needed)
        if len(held) < needed:
            raise zoo.errors.ConfigError(
                f"{len(held)} examples of {dataset.spec.id} cannot calibrate an interval that "
                f"holds {config.interval_level:.1%} of truths",
                why=f"that takes {needed}, which neither training nor early stopping has used, and "
                f"the validation split has {len(validation)}",
                fix="--set interval_level=0.8, or a larger --data-option validation_share=SHARE",
            )
        loop.fit(model, watching(dataset, watched))
        learned, _ = self._answers(model, dataset.split("train"))
        members, truth = self._answers(model, held)
        interval: Any = model.get_layer("interval")
        interval.calibrate(
            learned,
            members,
            truth,
            level=config.interval_level,
            scaled=config.interval_width == "spread",
        )

    def signatures(
        self, model: keras.Model, config: MLPRegressorConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``predict``: the prediction and the two ends of its interval."""
        from zoo.layers import regressor_signature

        return (regressor_signature(model, data, inside=PREPROCESSING),)

    def _answers(self, model: keras.Model, split: zoo.Split) -> tuple[Any, Any]:
        """Return the members' answers to every example, and the truth."""
        import numpy as np

        answers, truths = [], []
        for start in range(0, len(split), 1024):
            inputs, targets = split.take(np.arange(start, min(start + 1024, len(split))))
            given = {tensor.name: inputs[tensor.name] for tensor in model.inputs}
            one = not isinstance(model.input, dict)
            outputs = model.predict_on_batch(next(iter(given.values())) if one else given)
            answers.append(outputs["members"])
            truths.append(next(iter(targets.values())))
        return np.concatenate(answers), np.concatenate(truths)

    def _features(self, config: MLPRegressorConfig, data: DataSpec) -> tuple[Any, Any]:
        """Return the inputs and, behind their preprocessing, one vector an example."""
        import keras
        from keras import layers

        from zoo.layers import OneHotColumns

        inputs, parts = {}, []
        for spec in data.inputs:
            if spec.name not in {"numeric", "categorical"}:
                raise zoo.errors.ConfigError(
                    f"mlp_regressor cannot read the input {spec.name!r} of {data.id}",
                    why="it takes numeric and categorical columns",
                    fix="zoo list --task regression",
                )
            x = inputs[spec.name] = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
            if spec.name == "categorical":
                sizes = [len(column.categories or ()) for column in spec.columns or ()]
                parts.append(OneHotColumns(sizes, name="one_hot")(x))
            else:
                parts += self._numeric(config, spec, x)
        features = parts[0] if len(parts) == 1 else layers.Concatenate(name="features")(parts)
        # One input is passed as it is, several by name: that is how people call a Keras model.
        return (next(iter(inputs.values())) if len(inputs) == 1 else inputs), features

    def _numeric(self, config: MLPRegressorConfig, spec: zoo.TensorSpec, x: Any) -> list[Any]:
        """Return the vectors that the numeric columns become."""
        from keras import layers

        from zoo.layers import (
            ColumnwiseDense,
            PeriodicEncoding,
            PiecewiseLinearEncoding,
            Standardize,
        )

        columns = int(spec.shape[0])
        x = Standardize(flag_missing=spec.missing, name="standardize")(x)
        values, flags = (x[:, :columns], [x[:, columns:]]) if spec.missing else (x, [])
        if config.embedding == "none":
            return [values, *flags]
        if config.embedding == "periodic":
            waves = PeriodicEncoding(config.frequencies, config.frequency_scale, name="periodic")
            encoded = waves(values)
        else:
            encoded = PiecewiseLinearEncoding(config.bins, name="piecewise")(values)
        embedded = ColumnwiseDense(config.embedding_units, name="embedding")(encoded)
        return [layers.Flatten(name="embedded")(embedded), *flags]


__all__ = ["MLPRegressor", "MLPRegressorConfig"]
