"""Tabular MLP with numerical embeddings, ensembling and conformal intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

import zoo
from zoo import Arrays, DataSpec, Recipe, Signature, Split, TrainLoop, TrainPlan
from zoo.config import ActivationName
from zoo.spec import Dataset

if TYPE_CHECKING:
    import keras

Width = Annotated[int, Field(ge=1, le=16_384)]

PREPROCESSING = {
    "numeric": "normalized by the training split's mean and variance; missing values are imputed "
    "with the mean, and marked by an indicator if the training data has any",
    "categorical": "one-hot encoded, with an indicator for missing or unknown categories",
}
"""Preprocessing inside the graph, by input."""


class MLPRegressorConfig(zoo.ModelConfig):
    """Configuration of a multilayer perceptron for regression."""

    units: tuple[Width, ...] = Field(
        (128, 128), min_length=1, max_length=64, description="Units of each hidden layer."
    )
    residual_blocks: int = Field(
        0,
        ge=0,
        le=64,
        description="Residual blocks after the hidden layers, with the units of the last.",
    )
    activation: ActivationName = Field(
        "relu",
        description="Activation of the hidden layers. With linear they are one layer; softmax and "
        "step are there to see how training fails.",
    )
    embedding: Literal["periodic", "piecewise_linear", "none"] = Field(
        "periodic",
        description="Embedding of numeric columns: learned sines and cosines, piecewise linear by "
        "quantile bins, or none.",
    )
    embedding_units: int = Field(
        12, ge=1, le=1_024, description="Embedding dimension per numeric column."
    )
    frequencies: int = Field(
        12, ge=1, le=1_024, description="Frequencies per column of periodic embeddings."
    )
    frequency_scale: float = Field(
        0.3,
        gt=0,
        le=100,
        description="Standard deviation of the initial frequencies of periodic embeddings, in "
        "periods per standard deviation of the column. Larger fits finer detail.",
    )
    bins: int = Field(
        16, ge=2, le=1_024, description="Bins per column of piecewise linear embeddings."
    )
    members: int = Field(
        8, ge=1, le=1_024, description="Ensemble members, which share their weight matrices."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout rate after each hidden layer.")
    interval_level: float = Field(
        0.9, ge=0.5, le=0.999, description="Coverage of the prediction intervals."
    )
    interval_width: Literal["spread", "constant"] = Field(
        "spread",
        description="Interval width proportional to the members' disagreement, or constant.",
    )


class MLPRegressor(zoo.Architecture[MLPRegressorConfig]):
    """Ensemble of dense networks on the columns of a table, with conformal intervals."""

    info = zoo.ArchitectureInfo(
        name="mlp_regressor",
        summary="Multilayer perceptron for tabular regression with prediction intervals.",
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
            "It does not extrapolate: outside of the range of the training data neither prediction "
            "nor interval is valid.",
            "Coverage of the intervals is marginal, over rows distributed like the training data; "
            "it does not hold for every group of rows, nor under distribution shift.",
            "One target: several targets need several models.",
        ),
    )
    Config = MLPRegressorConfig
    default_dataset = "diabetes"

    def default_config(self, data: DataSpec) -> Recipe[MLPRegressorConfig]:
        """Return the configuration tuned for this data, or a default for other tables.

        Unknown tables get the settings tuned on ``concrete`` and keep the epoch with the best
        validation loss. The ``diabetes`` data is small and noisy: there no embedding and few epochs
        were best.
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
        plan = TrainPlan(epochs=200, batch_size=64, restore_best_weights=not known)
        return Recipe(config, plan)

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[MLPRegressorConfig]]:
        """Return tiny ensembles, one per embedding of numeric columns."""
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
        """Build a compiled model from raw columns to predictions and intervals.

        Shapes:
            In: `numeric` `(batch, columns)` and `categorical` `(batch, columns)`, as the data has
            them.
            Out: a dictionary of `prediction`, `low`, `high`, each `(batch,)`, and `members`
            `(batch, members)`, in the target's unit.

        Raises:
            ConfigError: If the data is not tabular regression data.
        """
        from keras import layers

        from zoo.layers import (
            ConformalInterval,
            Denormalization,
            EnsembleDense,
            EnsembleHead,
            EnsembleRegressor,
            activation_layer,
            compile_regressor,
        )

        if data.task != zoo.Task.REGRESSION or not data.targets or data.targets[0].shape:
            raise zoo.errors.ConfigError(
                f"mlp_regressor does not support {data.id}",
                why=f"its task is {data.task}, and a regressor predicts one number per row",
                fix=f"zoo list --task {data.task}",
            )
        inputs, x = self._features(config, data)
        blocks = [False] * len(config.units) + [True] * config.residual_blocks
        widths = [*config.units, *[config.units[-1]] * config.residual_blocks]
        for number, (width, residual) in enumerate(zip(widths, blocks, strict=True), start=1):
            shortcut = x
            x = EnsembleDense(width, config.members, first=number == 1, name=f"dense_{number}")(x)
            x = activation_layer(config.activation, f"{config.activation}_{number}")(x)
            if config.dropout:
                x = layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
            if residual:
                x = layers.Add(name=f"add_{number}")([shortcut, x])
        members = Denormalization(name="denormalization")(EnsembleHead(name="head")(x))
        prediction, low, high = ConformalInterval(name="interval")(members)
        outputs = {"prediction": prediction, "low": low, "high": high, "members": members}
        model = EnsembleRegressor(inputs, outputs, name=self.info.name)
        return compile_regressor(model, config.optimizer)

    def adapt(self, model: keras.Model, inputs: Arrays, targets: Arrays) -> None:
        """Compute the statistics of the columns and of the target."""
        from zoo.layers import PiecewiseLinearEncoding

        denormalization: Any = model.get_layer("denormalization")
        denormalization.adapt(next(iter(targets.values())))
        if "numeric" in inputs:
            normalization: Any = model.get_layer("normalization")
            normalization.adapt(inputs["numeric"])
            for layer in model.layers:
                if isinstance(layer, PiecewiseLinearEncoding):
                    layer.adapt(normalization.normalize(inputs["numeric"]))

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train, then calibrate the interval on examples that training has not used.

        If the plan keeps the last epoch without early stopping, the whole validation split is used
        for calibration. Otherwise half of it is, and the other half selects the epoch.

        Raises:
            ConfigError: If there are too few examples for calibration.
        """
        from zoo.layers import ConformalInterval

        config: Any = model.blueprint.config
        selects = loop.plan.restore_best_weights or loop.plan.patience is not None
        needed = ConformalInterval.min_examples(config.interval_level)
        validation = dataset.split("validation")
        monitored, calibration = split_validation(validation, selects=selects, needed=needed)
        if len(calibration) < needed:
            raise zoo.errors.ConfigError(
                f"{len(calibration)} examples of {dataset.spec.id} are too few to calibrate an "
                f"interval of {config.interval_level:.1%} coverage",
                why=f"it takes {needed} that neither training nor early stopping has used, and the "
                f"validation split has {len(validation)}",
                fix="--set interval_level=0.8, or a larger --data-option validation_split=FRACTION",
            )
        loop.fit(model, replace_validation(dataset, monitored))
        training, _ = _predict(model, dataset.split("train"))
        members, truth = _predict(model, calibration)
        interval: Any = model.get_layer("interval")
        interval.calibrate(
            training,
            members,
            truth,
            level=config.interval_level,
            scaled=config.interval_width == "spread",
        )

    def signatures(
        self, model: keras.Model, config: MLPRegressorConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``predict``: the prediction and its interval."""
        from zoo.layers import regressor_signature

        return (regressor_signature(model, data, inside=PREPROCESSING),)

    def _features(self, config: MLPRegressorConfig, data: DataSpec) -> tuple[Any, Any]:
        """Return the inputs and the preprocessed features, one vector per example."""
        import keras
        from keras import layers

        from zoo.layers import OneHotEncoding

        inputs, parts = {}, []
        for spec in data.inputs:
            if spec.name not in {"numeric", "categorical"}:
                raise zoo.errors.ConfigError(
                    f"mlp_regressor does not support the input {spec.name!r} of {data.id}",
                    why="it takes numeric and categorical columns",
                    fix="zoo list --task regression",
                )
            x = inputs[spec.name] = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
            if spec.name == "categorical":
                sizes = [len(column.categories or ()) for column in spec.columns or ()]
                parts.append(OneHotEncoding(sizes, name="one_hot")(x))
            else:
                parts += self._numeric(config, spec, x)
        features = parts[0] if len(parts) == 1 else layers.Concatenate(name="features")(parts)
        # A single input is passed itself, several by name, as Keras models are called.
        return (next(iter(inputs.values())) if len(inputs) == 1 else inputs), features

    def _numeric(self, config: MLPRegressorConfig, spec: zoo.TensorSpec, x: Any) -> list[Any]:
        """Return the normalized, embedded numeric columns and their missing indicators."""
        from keras import layers

        from zoo.layers import (
            ColumnwiseDense,
            Normalization,
            PeriodicEncoding,
            PiecewiseLinearEncoding,
        )

        columns = int(spec.shape[0])
        x = Normalization(spec.missing, name="normalization")(x)
        values, indicators = (x[:, :columns], [x[:, columns:]]) if spec.missing else (x, [])
        if config.embedding == "none":
            return [values, *indicators]
        if config.embedding == "periodic":
            encoding: Any = PeriodicEncoding(
                config.frequencies, config.frequency_scale, name="periodic"
            )
        else:
            encoding = PiecewiseLinearEncoding(config.bins, name="piecewise_linear")
        embedded = ColumnwiseDense(config.embedding_units, name="embedding")(encoding(values))
        return [layers.Flatten(name="flatten")(embedded), *indicators]


def _predict(model: keras.Model, split: Split) -> tuple[Any, Any]:
    """Return the members' predictions for every example, and the targets."""
    import numpy as np

    members, truths = [], []
    for start in range(0, len(split), 1024):
        inputs, targets = split.take(np.arange(start, min(start + 1024, len(split))))
        batch = {tensor.name: inputs[tensor.name] for tensor in model.inputs}
        single = not isinstance(model.input, dict)
        outputs = model.predict_on_batch(next(iter(batch.values())) if single else batch)
        members.append(outputs["members"])
        truths.append(next(iter(targets.values())))
    return np.concatenate(members), np.concatenate(truths)


def replace_validation(dataset: Dataset, validation: Split) -> Dataset:
    """Return the dataset with another validation split."""
    return zoo.DatasetView(
        dataset, lambda name, split: validation if name == "validation" else split
    )


def split_validation(split: Split, *, selects: bool, needed: int) -> tuple[Split, Split]:
    """Return the part of a validation split to monitor, and the part for calibration.

    Args:
        split: The validation split.
        selects: Whether the monitored part selects an epoch. If not, both are the whole split;
            else every other example is for calibration, or more where a half is too few.
        needed: Number of examples that calibration takes. It gets fewer if there are fewer.
    """
    import numpy as np

    if not selects:
        return split, split
    count = len(split)
    size = min(max(count // 2, needed), count - 1)
    rows = np.arange(size) * count // max(size, 1)
    return zoo.Subset(split, np.setdiff1d(np.arange(count), rows)), zoo.Subset(split, rows)
