"""Copies of models that can be trained and thrown away."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.errors import DataError, ZooError

Array = np.ndarray[Any, Any]


def copy_model(model: keras.Model, batch: Any) -> keras.Model:
    """Return a model of the same layers, weights and frozen layers, that shares none of them.

    Args:
        model: A model, functional, sequential or subclassed.
        batch: Inputs of a few examples: a subclass is built by its first call.

    Raises:
        DataError: If it cannot be copied.
    """
    try:
        kind = type(model)
        if kind in (keras.Sequential, keras.Model, _functional()) and _is_graph(model):
            # Not the model itself: Keras would compile its clone from a configuration, which
            # functions without a name do not survive.
            inputs, outputs = model.inputs, model.outputs
            if kind is not keras.Sequential:
                inputs, outputs = model.input, model.output  # with the names of a dictionary
            source = keras.Model(inputs, outputs, name=model.name)
            copied = keras.models.clone_model(source, clone_function=_clone_layer)
        elif kind is keras.Sequential:
            source = model
            copied = keras.Sequential([_clone_layer(layer) for layer in model.layers])
        else:
            source, copied = model, _from_config(model)
        if not copied.built or not copied.weights:
            copied(batch, training=False)
        if source.weights:
            copied.set_weights(source.get_weights())
        # Layers inside of others lose it on the way through their configurations.
        for ours, theirs in zip(parts(copied), parts(source), strict=True):
            ours.trainable = theirs.trainable
            if isinstance(ours, keras.layers.Normalization) and ours.built:
                ours.finalize_state()  # it computes with copies of its weights
    except ZooError:
        raise
    except Exception as error:  # whatever a layer's own from_config raises
        raise DataError(
            f"{model.name} cannot be copied",
            why=" ".join(f"{type(error).__name__}: {error}".split())[:300],
            fix="give its class and its own layers a get_config, as keras.saving needs it",
        ) from error
    return copied


def _is_graph(model: keras.Model) -> bool:
    """Whether a model has symbolic inputs: a Sequential without them is built by its first call."""
    try:
        return bool(model.inputs and model.outputs)
    except (AttributeError, ValueError):
        return False


def _from_config(model: keras.Model) -> keras.Model:
    """Make a model of a class of its own again, from the arguments that its class takes."""
    kind, config = type(model), model.get_config()
    try:
        return kind.from_config(config)
    except TypeError:
        taken = inspect.signature(kind.__init__).parameters
        return kind(**{key: value for key, value in config.items() if key in taken})


def _clone_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    if not isinstance(layer, keras.layers.Lambda):
        return layer.__class__.from_config(layer.get_config())
    # Its configuration has only the name of a function, or bytecode that Keras refuses.
    return keras.layers.Lambda(
        layer.function,
        output_shape=layer._output_shape,  # noqa: SLF001 - Keras has no public name for it
        mask=layer.mask,
        arguments=layer.arguments,
        name=layer.name,
        dtype=layer.dtype_policy,
    )


def parts(model: keras.Model) -> list[keras.layers.Layer]:
    """Return all layers of a model, those inside of others too."""
    return list(model._flatten_layers(include_self=False))  # noqa: SLF001 - model.layers has no nested layers


def _functional() -> type[keras.Model]:
    tensor = keras.Input((1,))
    return type(keras.Model(tensor, tensor))


def recording_optimizer(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return a new optimizer of the same kind that also keeps the gradients of its last step.

    They are in its attribute ``gradients``, one variable per trainable weight, before any clipping.
    Its learning rate is a number that can be set, also where the original has a schedule.

    Raises:
        DataError: If the optimizer cannot be made again from its configuration.
    """
    kind: Any = type(optimizer)

    class Recording(kind):
        gradients: Sequence[Any] = ()

        def build(self, variables: Sequence[Any]) -> None:
            super().build(variables)
            self.gradients = [
                self.add_variable_from_reference(variable, "recorded") for variable in variables
            ]

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            grads = list(grads)
            variables = self._trainable_variables  # of a built optimizer, in the order of grads
            if trainable_variables is not None:
                variables = list(trainable_variables)
                if not self.built:
                    self.build(variables)
            for gradient, variable in zip(grads, variables, strict=True):
                if gradient is not None:
                    slot = self.gradients[self._get_variable_index(variable)]
                    slot.assign(ops.cast(ops.convert_to_tensor(gradient), slot.dtype))
            return super().apply(grads, trainable_variables)

    try:
        made = Recording.from_config({**optimizer.get_config(), "learning_rate": 0.0})
    except Exception as error:  # whatever its own class raises
        raise DataError(
            f"the optimizer {optimizer.name} cannot be copied",
            why=" ".join(f"{type(error).__name__}: {error}".split())[:300],
            fix="compile the model with an optimizer of Keras",
        ) from error
    return made


def learning_rate_of(optimizer: keras.optimizers.Optimizer) -> float:
    """Return the learning rate of an optimizer; the largest of a schedule."""
    schedule: Any = getattr(optimizer, "_learning_rate", None)  # Keras has no public name for it
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return float(ops.convert_to_numpy(optimizer.learning_rate))
    steps = np.unique(np.geomspace(1, 10_000, 40).astype(int))
    return max(float(ops.convert_to_numpy(schedule(int(step)))) for step in (0, *steps))


def get_state(variables: Sequence[Any]) -> list[Array]:
    """Return the values of variables."""
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def set_state(variables: Sequence[Any], values: Sequence[Array]) -> None:
    """Set the values of variables."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
