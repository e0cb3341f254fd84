"""Softmax regression: the smallest classifier, as a plugin for the zoo."""

from pydantic import Field

import zoo


class SoftmaxConfig(zoo.ModelConfig):
    """Configuration of softmax regression."""

    bias: bool = Field(True, description="Whether each class has a bias.")


class Softmax(zoo.Architecture[SoftmaxConfig]):
    """One dense layer on the pixels of an image."""

    info = zoo.ArchitectureInfo(
        name="softmax",
        summary="Softmax regression on the pixels of an image.",
        tasks=(zoo.Task.CLASSIFICATION,),
    )
    Config = SoftmaxConfig
    default_dataset = "digits"

    def build(self, config, data):
        """Return a compiled model from raw pixels to class probabilities."""
        from keras import Input, Model, layers

        from zoo.layers import compile_classifier, scale_image

        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        pixels = layers.Flatten()(scale_image(image, spec))
        answer = layers.Dense(
            len(data.labels), "softmax", use_bias=config.bias, name="probabilities"
        )(pixels)
        return compile_classifier(Model(image, answer), config.optimizer)
