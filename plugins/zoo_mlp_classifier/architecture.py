"""Multilayer perceptron (MLP) for classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

import zoo
from zoo import Arrays, DataSpec, Recipe, Signature, TrainPlan
from zoo.config import ActivationName

if TYPE_CHECKING:
    import keras

Width = Annotated[int, Field(ge=1, le=16_384)]


PREPROCESSING = {
    "image": "scaled to 0..1, flattened",
    "numeric": "normalized by the training split's mean and variance; missing values are imputed "
    "with the mean, and marked by an indicator if the training data has any",
    "categorical": "one-hot encoded, with an indicator for missing or unknown categories",
}
"""Preprocessing inside the graph, by input."""


class MLPClassifierConfig(zoo.ModelConfig):
    """Configuration of a multilayer perceptron."""

    units: tuple[Width, ...] = Field(
        (256, 128),
        max_length=64,
        description="Units of each hidden layer; empty for softmax regression.",
    )
    activation: ActivationName = Field(
        "relu",
        description="Activation of the hidden layers. With linear they are one layer; softmax and "
        "step are there to see how training fails.",
    )
    normalization: Literal["batch", "layer", "none"] = Field(
        "batch", description="Normalization before the activation of each hidden layer."
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout rate after each hidden layer.")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing factor.")
    augmentation: zoo.AugmentationConfig = Field(
        zoo.AugmentationConfig(), description="Random augmentation of images in training."
    )


class MLPClassifier(zoo.Architecture[MLPClassifierConfig]):
    """Dense network on the pixels of an image or the columns of a table."""

    info = zoo.ArchitectureInfo(
        name="mlp_classifier",
        summary="Multilayer perceptron for classification of small images or tabular data.",
        tasks=(zoo.Task.CLASSIFICATION,),
        tags=("dense", "image", "tabular"),
        references=(
            "Rumelhart, Hinton & Williams 1986, Learning representations by "
            "back-propagating errors",
            "Ciresan et al. 2010, Deep big simple neural nets excel on handwritten digit "
            "recognition, arXiv:1003.0358",
            "Ioffe & Szegedy 2015, Batch normalization, arXiv:1502.03167",
        ),
        limits=(
            "It ignores the spatial structure of images: a convolutional network is more accurate "
            "on images larger than a few dozen pixels.",
            "One class per example: no rejection of examples of other classes.",
        ),
    )
    Config = MLPClassifierConfig
    default_dataset = "digits"

    def default_config(self, data: DataSpec) -> Recipe[MLPClassifierConfig]:
        """Return a wide network with augmentation for images, a small one for tables."""
        image = data.input("image")
        if image is None:
            config = MLPClassifierConfig(
                units=(128, 64),
                dropout=0.1,
                optimizer=zoo.OptimizerConfig(learning_rate=2e-3, weight_decay=1e-2),
            )
            return Recipe(config, TrainPlan(epochs=60, batch_size=64, patience=15))
        if min(int(size) for size in image.shape[:2]) < 16:
            config = MLPClassifierConfig(
                units=(256, 128),
                augmentation=zoo.AugmentationConfig(rotation=10, shift=0.05, zoom=0.05, shear=0.1),
                optimizer=zoo.OptimizerConfig(learning_rate=3e-3, weight_decay=0.05, warmup=0.1),
            )
            return Recipe(config, TrainPlan(epochs=60, batch_size=32, restore_best_weights=False))
        config = MLPClassifierConfig(
            units=(384, 256),
            activation="gelu",
            augmentation=zoo.AugmentationConfig(
                rotation=12, shift=0.08, zoom=0.12, shear=0.12, elastic=1.2
            ),
            optimizer=zoo.OptimizerConfig(learning_rate=3e-3, weight_decay=1e-4, warmup=0.1),
        )
        return Recipe(config, TrainPlan(epochs=60, batch_size=128))

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[MLPClassifierConfig]]:
        """Return two tiny configurations: a hidden layer with dropout, and softmax regression."""
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2, weight_decay=0.01, warmup=0.1)
        hidden = MLPClassifierConfig(units=(32,), dropout=0.1, optimizer=optimizer)
        plan = TrainPlan(epochs=6, batch_size=32)
        return Recipe(hidden, plan), Recipe(MLPClassifierConfig(units=()), plan)

    def build(self, config: MLPClassifierConfig, data: DataSpec) -> keras.Model:
        """Build a compiled model from raw inputs to class probabilities.

        Shapes:
            In: `image` `(batch, height, width, channels)`, or `numeric` `(batch, columns)` and
            `categorical` `(batch, columns)`, as the data has them.
            Out: `(batch, classes)`.
        """
        import keras
        from keras import layers

        from zoo.layers import activation_layer, compile_classifier

        inputs, x = self._features(config, data)
        for number, width in enumerate(config.units, start=1):
            normalized = config.normalization != "none"
            x = layers.Dense(
                width,
                use_bias=not normalized,
                kernel_initializer="he_normal",
                name=f"dense_{number}",
            )(x)
            if config.normalization == "batch":
                x = layers.BatchNormalization(momentum=0.9, name=f"norm_{number}")(x)
            elif config.normalization == "layer":
                x = layers.LayerNormalization(name=f"norm_{number}")(x)
            x = activation_layer(config.activation, f"{config.activation}_{number}")(x)
            if config.dropout:
                x = layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
        outputs = layers.Dense(len(data.labels), activation="softmax", name="probabilities")(x)
        model = keras.Model(inputs, outputs, name=self.info.name)
        return compile_classifier(model, config.optimizer, smoothing=config.label_smoothing)

    def adapt(self, model: keras.Model, inputs: Arrays, targets: Arrays) -> None:
        """Compute the normalization statistics of the numeric columns."""
        if "numeric" in inputs:
            layer: Any = model.get_layer("normalization")
            layer.adapt(inputs["numeric"])

    def signatures(
        self, model: keras.Model, config: MLPClassifierConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``predict``: class probabilities."""
        from zoo.layers import classifier_signature

        return (classifier_signature(model, data, inside=PREPROCESSING),)

    def _features(self, config: MLPClassifierConfig, data: DataSpec) -> tuple[Any, Any]:
        """Return the inputs and the preprocessed features, one vector per example."""
        import keras
        from keras import layers

        from zoo.layers import Normalization, OneHotEncoding, augment, scale_image

        inputs, parts = {}, []
        for spec in data.inputs:
            if not (spec.is_image or spec.name in ("categorical", "numeric")):
                raise zoo.errors.ConfigError(
                    f"mlp_classifier does not support the input {spec.name!r} of {data.id}",
                    why="it takes an image, or numeric and categorical columns",
                    fix=f"zoo list --task {data.task}",
                )
            x = inputs[spec.name] = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
            if spec.is_image:
                x = augment(scale_image(x, spec), config.augmentation)
                parts.append(layers.Flatten(name="flatten")(x))
            elif spec.name == "categorical":
                sizes = [len(column.categories or ()) for column in spec.columns or ()]
                parts.append(OneHotEncoding(sizes, name="one_hot")(x))
            else:
                normalization = Normalization(spec.missing, name="normalization")
                parts.append(normalization(x))
        features = parts[0] if len(parts) == 1 else layers.Concatenate(name="features")(parts)
        # A single input is passed itself, several by name, as Keras models are called.
        return (next(iter(inputs.values())) if len(inputs) == 1 else inputs), features
