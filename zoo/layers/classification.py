"""Loss, compilation and exported signature of classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from zoo.architecture import Signature
from zoo.config import OptimizerConfig
from zoo.layers.optimizers import make_optimizer
from zoo.spec import DataSpec, TensorSpec

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy of integer labels with label smoothing and class weights.

    The target puts ``1 - smoothing`` on the label and spreads the rest evenly over all classes
    (Szegedy et al. 2016, arXiv:1512.00567, section 7). Keras smooths one-hot labels only.

    Args:
        smoothing: Label smoothing factor, from 0 to below 1.
        class_weights: Weight of each class in the loss; all 1 if empty.

    Call arguments:
        y_true: Integer labels, `(batch,)` or `(batch, 1)`.
        y_pred: Probabilities, `(batch, classes)`.

    Example:
        >>> loss = SmoothedCrossentropy(smoothing=0.1)
        >>> round(float(loss(np.array([0, 1]), np.full((2, 4), 0.25))), 3)
        1.386
    """

    def __init__(
        self,
        smoothing: float = 0.0,
        class_weights: Sequence[float] = (),
        name: str = "smoothed_crossentropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.smoothing, self.class_weights = smoothing, tuple(class_weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss per example."""
        classes = y_pred.shape[-1]
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        target = ops.one_hot(labels, classes, dtype=y_pred.dtype)
        losses = keras.losses.categorical_crossentropy(
            target, y_pred, label_smoothing=self.smoothing
        )
        if not self.class_weights:
            return losses
        weights = ops.convert_to_tensor(self.class_weights, losses.dtype)
        return losses * ops.take(weights, labels)

    def get_config(self) -> dict[str, Any]:
        """Return the loss's configuration."""
        own = {"smoothing": self.smoothing, "class_weights": self.class_weights}
        return {**super().get_config(), **own}


def compile_classifier(
    model: keras.Model,
    optimizer: OptimizerConfig,
    *,
    smoothing: float = 0.0,
    class_weights: Sequence[float] = (),
) -> keras.Model:
    """Compile a model whose only output is class probabilities, and return it.

    Args:
        model: The model.
        optimizer: Optimizer and learning-rate schedule.
        smoothing: Label smoothing factor.
        class_weights: Weight of each class in the loss; all 1 if empty.

    Example:
        >>> digits = zoo.dataset("digits").spec
        >>> image = keras.Input((8, 8, 1), name="image")
        >>> x = keras.layers.Flatten()(image)
        >>> outputs = {"probabilities": keras.layers.Dense(10, "softmax", name="probabilities")(x)}
        >>> model = compile_classifier(
        ...     keras.Model({"image": image}, outputs), zoo.OptimizerConfig(), smoothing=0.1
        ... )
    """
    loss: Any = "sparse_categorical_crossentropy"
    if smoothing or class_weights:
        loss = SmoothedCrossentropy(smoothing, class_weights)
    model.compile(optimizer=make_optimizer(optimizer), loss=loss, metrics=["accuracy"])
    return model


def classifier_signature(
    model: keras.Model, data: DataSpec, *, inside: Mapping[str, str] | None = None
) -> Signature:
    """Return the signature ``predict`` of a classifier: ``probabilities`` in the order of classes.

    The export adds ``label``, the index of the most likely class, inside the graph.

    Args:
        model: A model whose only output is class probabilities, of an example or of each of its
            pixels, along the last axis.
        data: The data it was built for.
        inside: Description of the preprocessing inside the graph, by input.

    Example:
        >>> classifier_signature(model, digits).outputs[0].labels[:3]
        ('0', '1', '2')
    """
    described = inside or {}
    input_specs = tuple(
        spec.model_copy(update={"inside": described.get(spec.name, spec.inside)})
        for spec in data.inputs
    )
    labels = data.labels
    output = TensorSpec(
        name="probabilities",
        shape=model.outputs[0].shape[1:],
        range=(0.0, 1.0),
        labels=labels,
        role="probabilities",
    )
    inputs = {tensor.name: tensor for tensor in model.inputs}
    graph = keras.Model(inputs, {output.name: model.output})
    return Signature("predict", graph, input_specs, (output,))
