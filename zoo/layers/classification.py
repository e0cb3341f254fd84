"""What every classifier shares: its last layer, its loss, and what it is asked once exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from zoo.architecture import Signature
from zoo.config import OptimizerConfig
from zoo.layers.optimization import make_optimizer
from zoo.spec import DataSpec, TensorSpec

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy of integer labels, with smoothing, and with a weight for each class.

    The target puts ``1 - smoothing`` on the label and spreads the rest evenly over all classes
    (Szegedy et al. 2016, arXiv:1512.00567, section 7). Keras smooths one-hot labels only.

    Args:
        smoothing: Share of the target that is spread, from 0 to below 1.
        weights: What an example of each class counts; one each if empty.

    Call arguments:
        y_true: Integer labels, `(batch,)` or `(batch, 1)`.
        y_pred: Probabilities, `(batch, classes)`.
    """

    def __init__(
        self,
        smoothing: float = 0.0,
        weights: Sequence[float] = (),
        name: str = "smoothed_crossentropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.smoothing, self.weights = smoothing, tuple(weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss an example."""
        classes = y_pred.shape[-1]
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        target = ops.one_hot(labels, classes, dtype=y_pred.dtype)
        losses = keras.losses.categorical_crossentropy(
            target, y_pred, label_smoothing=self.smoothing
        )
        if not self.weights:
            return losses
        return losses * ops.take(ops.convert_to_tensor(self.weights, losses.dtype), labels)

    def get_config(self) -> dict[str, Any]:
        """Return what the loss is made from."""
        own = {"smoothing": self.smoothing, "weights": self.weights}
        return {**super().get_config(), **own}


def compile_classifier(
    model: keras.Model,
    optimizer: OptimizerConfig,
    *,
    smoothing: float = 0.0,
    weights: Sequence[float] = (),
) -> keras.Model:
    """Compile a model whose one output is class probabilities, and return it.

    Args:
        model: The model.
        optimizer: How its weights follow their gradients.
        smoothing: Share of each target that is spread over all classes.
        weights: What an example of each class counts in the loss; one each if empty.
    """
    loss: Any = "sparse_categorical_crossentropy"
    if smoothing or weights:
        loss = SmoothedCrossentropy(smoothing, weights)
    model.compile(optimizer=make_optimizer(optimizer), loss=loss, metrics=["accuracy"])
    return model


def classifier_signature(
    model: keras.Model, data: DataSpec, *, inside: Mapping[str, str] | None = None
) -> Signature:
    """Return what a deployed classifier is asked: its ``probabilities``, in the classes' order.

    The export adds ``label``, the index of the largest one, inside the graph.

    Args:
        model: A model whose one output is class probabilities.
        data: What it was built for.
        inside: By input, what the graph does to raw values first, in words.
    """
    said = inside or {}
    taken = tuple(
        spec.model_copy(update={"inside": said.get(spec.name, spec.inside)}) for spec in data.inputs
    )
    labels = data.labels
    output = TensorSpec(name="probabilities", shape=(len(labels),), range=(0.0, 1.0), labels=labels)
    inputs = {tensor.name: tensor for tensor in model.inputs}
    asked = keras.Model(inputs, {output.name: model.output})
    return Signature("predict", asked, taken, (output,))


__all__ = ["SmoothedCrossentropy", "classifier_signature", "compile_classifier"]
