"""Activations by name: those of Keras, and the step function."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
def step(x: Any) -> Any:
    """Return 1 where ``x >= 0``, else 0: the unit of the perceptron (Rosenblatt 1958).

    Its gradient is 0 everywhere, so that nothing before it is trained.
    """
    # The product has a gradient, of 0; a comparison alone has none, which optimizers refuse.
    return ops.cast(x >= 0, x.dtype) + 0.0 * ops.cast(x, x.dtype)


def activation_layer(activation: str, name: str | None = None) -> keras.layers.Activation:
    """Return the layer of an activation.

    Args:
        activation: A name of :data:`zoo.config.ActivationName`.
        name: Name of the layer.

    Example:
        >>> float(activation_layer("step")(np.array([0.3])).numpy()[0])
        1.0
    """
    return keras.layers.Activation(step if activation == "step" else activation, name=name)
