"""A model in two versions, each with weights, as a plugin for the zoo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

import zoo
from zoo import DataSpec, Recipe, TrainPlan

if TYPE_CHECKING:
    import keras


class DenseConfig(zoo.ModelConfig):
    """Configuration of the first version."""

    units: int = Field(16, ge=1, le=4_096, description="Units of the hidden layer.")


class DenseReader(zoo.Architecture[DenseConfig]):
    """A dense network on the pixels of an image: runs of this version are read by it."""

    info = zoo.ArchitectureInfo(
        name="small_reader",
        summary="Small dense network that reads a digit.",
        tasks=(zoo.Task.CLASSIFICATION,),
        references=("Rumelhart, Hinton & Williams 1986, Learning representations, Nature 323",),
        limits=("It reads one digit, in the middle of a small image.",),
    )
    Config = DenseConfig
    default_dataset = "digits"

    def default_config(self, data: DataSpec) -> Recipe[DenseConfig]:
        """Return the configuration and the plan to start from."""
        config = DenseConfig(optimizer=zoo.OptimizerConfig(learning_rate=1e-2))
        return Recipe(config, TrainPlan(epochs=20, batch_size=32))

    def build(self, config: DenseConfig, data: DataSpec) -> keras.Model:
        """Return a compiled model from raw pixels to class probabilities."""
        from keras import Input, Model, layers

        from zoo.layers import compile_classifier, scale_image

        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        x = layers.Flatten()(scale_image(image, spec))
        x = layers.Dense(config.units, "relu")(x)
        answer = layers.Dense(len(data.labels), "softmax", name="probabilities")(x)
        return compile_classifier(Model(image, answer), config.optimizer)


class ConvolutionalConfig(zoo.ModelConfig):
    """Configuration of the second version, which has fields of its own."""

    filters: int = Field(16, ge=1, le=512, description="Filters of the first convolution.")


class ConvolutionalReader(zoo.Architecture[ConvolutionalConfig]):
    """Two convolutions: another network, so another version, beside the first."""

    info = zoo.ArchitectureInfo(
        name="small_reader",
        version="2",
        summary="Small convolutional network that reads a digit.",
        tasks=(zoo.Task.CLASSIFICATION,),
        references=("LeCun et al. 1989, Backpropagation applied to handwritten zip codes",),
        limits=("It reads one digit, in the middle of a small image.",),
    )
    Config = ConvolutionalConfig
    default_dataset = "digits"

    def default_config(self, data: DataSpec) -> Recipe[ConvolutionalConfig]:
        """Return the configuration and the plan to start from."""
        config = ConvolutionalConfig(optimizer=zoo.OptimizerConfig(learning_rate=5e-3))
        return Recipe(config, TrainPlan(epochs=30, batch_size=32))

    def build(self, config: ConvolutionalConfig, data: DataSpec) -> keras.Model:
        """Return a compiled model from raw pixels to class probabilities."""
        from keras import Input, Model, layers

        from zoo.layers import compile_classifier, scale_image

        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        x = scale_image(image, spec)
        for filters in (config.filters, 2 * config.filters):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D()(x)
        x = layers.Flatten()(x)
        answer = layers.Dense(len(data.labels), "softmax", name="probabilities")(x)
        return compile_classifier(Model(image, answer), config.optimizer)
