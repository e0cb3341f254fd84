"""Conformal intervals, ensemble training and exported signature of regressors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.architecture import Signature
from zoo.config import OptimizerConfig
from zoo.layers.normalization import Denormalization
from zoo.layers.optimizers import make_optimizer
from zoo.spec import DataSpec, TensorSpec

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConformalInterval(keras.layers.Layer):
    """Split conformal prediction interval around the mean of an ensemble.

    Split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al. 2018,
    arXiv:1604.04173): with ``n`` calibration examples that were not trained on, the half-width of
    the interval is the ``⌈(n + 1) level⌉``-th smallest of their errors. If new examples are
    exchangeable with those, it covers at least ``level`` of them, whatever the model and the data.

    The errors are normalized by a scale per example (Lei et al., section 5.2): the standard
    deviation of the members' predictions, plus its mean over the training split. So the interval
    is wider where the members disagree, and never empty. With one member its width is constant.

    Input shape:
        `(batch, members)`.

    Output shape:
        Three of `(batch,)`: the mean of the members, the lower and the upper bound.

    Example:
        >>> prediction, low, high = ConformalInterval()(members)
        >>> ConformalInterval.min_examples(0.9)
        9
    """

    def build(self, input_shape: Any) -> None:
        """Create the constant and the slope of the half-width, 0 until ``calibrate``."""
        self.constant = self.add_weight(
            name="constant", shape=(), initializer="zeros", trainable=False
        )
        self.slope = self.add_weight(name="slope", shape=(), initializer="zeros", trainable=False)

    def calibrate(
        self, training: Any, members: Any, targets: Any, *, level: float, scaled: bool = True
    ) -> None:
        """Calibrate the half-width on held-out examples.

        Args:
            training: Predictions of the members on the training split, `(examples, members)`.
            members: Predictions on calibration examples, likewise.
            targets: Targets of the calibration examples, `(examples,)`.
            level: Coverage, above 0 and below 1.
            scaled: Whether the members' disagreement widens the interval.

        Raises:
            ValueError: If there are too few examples for the level: see :meth:`min_examples`.
        """
        members = np.asarray(members, "float64")
        errors = np.abs(members.mean(axis=1) - np.asarray(targets, "float64"))
        rank = math.ceil((len(errors) + 1) * level)
        if rank > len(errors):
            raise ValueError(
                f"expected at least {self.min_examples(level)} examples. Received: {len(errors)}"
            )
        spread = np.asarray(training, "float64").std(axis=1).mean() if scaled else 0.0
        widths = members.std(axis=1) + spread if spread > 0 else np.ones_like(errors)
        factor = np.sort(errors / widths)[rank - 1]
        self.constant.assign(factor * spread if spread > 0 else factor)
        self.slope.assign(factor if spread > 0 else 0.0)

    @staticmethod
    def min_examples(level: float) -> int:
        """Return the least number of calibration examples, so that ``⌈(n + 1) level⌉ ≤ n``."""
        return math.ceil(level / (1 - level) - 1e-9)

    def call(self, members: Any) -> Any:
        """Return predictions and interval bounds."""
        prediction = ops.mean(members, axis=-1)
        distance = ops.expand_dims(prediction, -1) - members
        spread = ops.sqrt(ops.mean(ops.square(distance), axis=-1))
        half = self.constant + self.slope * spread
        return prediction, prediction - half, prediction + half

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shapes."""
        return (tuple(input_shape[:-1]),) * 3


@keras.saving.register_keras_serializable(package=PACKAGE)
class EnsembleRegressor(keras.Model):
    """Functional model that trains each ensemble member with its own squared error.

    Its outputs are ``prediction``, ``low``, ``high``, and ``members``, one prediction per member,
    in the target's unit; it has one layer :class:`Denormalization`. The loss is the mean squared
    error over members and examples, in variances of the training targets: predicting their mean
    gives 1. ``rmse`` is that of the prediction, in the target's unit.

    Example:
        >>> outputs = {"prediction": prediction, "low": low, "high": high, "members": members}
        >>> model = EnsembleRegressor({"numeric": inputs}, outputs)
    """

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the mean of the members' losses, plus the layers' losses."""
        scale = next(layer for layer in self.layers if isinstance(layer, Denormalization))
        members = scale.normalize(y_pred["members"])
        targets = ops.reshape(scale.normalize(y), (-1, 1))
        losses = ops.mean(ops.square(members - targets), axis=-1)
        if sample_weight is not None:
            losses = losses * ops.reshape(ops.cast(sample_weight, losses.dtype), (-1,))
        loss = ops.mean(losses)
        for extra in self.losses:
            loss = loss + extra
        return loss

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Update the metrics with the prediction, the mean of the members."""
        measured: dict[str, Any] = super().compute_metrics(
            x, ops.reshape(y, (-1,)), y_pred["prediction"], sample_weight
        )
        return measured


def compile_regressor(model: EnsembleRegressor, optimizer: OptimizerConfig) -> EnsembleRegressor:
    """Compile a regressor and return it.

    Example:
        >>> model = compile_regressor(model, zoo.OptimizerConfig())
    """
    error = keras.metrics.RootMeanSquaredError(name="rmse")
    model.compile(optimizer=make_optimizer(optimizer), metrics=[error])
    return model


def regressor_signature(
    model: keras.Model, data: DataSpec, *, inside: Mapping[str, str] | None = None
) -> Signature:
    """Return the signature ``predict`` of a regressor: ``prediction``, ``low`` and ``high``.

    Args:
        model: A model with outputs of these names, one number per example each.
        data: The data it was built for.
        inside: Description of the preprocessing inside the graph, by input.

    Example:
        >>> spec = DataSpec(
        ...     id="houses", task=Task.REGRESSION, inputs=(TensorSpec(name="numeric", shape=(3,)),),
        ...     targets=(TensorSpec(name="price"),))
        >>> [output.name for output in regressor_signature(model, spec).outputs]
        ['prediction', 'low', 'high']
    """
    described = inside or {}
    input_specs = tuple(
        spec.model_copy(update={"inside": described.get(spec.name, spec.inside)})
        for spec in data.inputs
    )
    target = data.targets[0]
    names = ("prediction", "low", "high")
    prediction = TensorSpec(name=names[0], unit=target.unit, role="prediction")
    interval = [
        TensorSpec(name=name, unit=target.unit, role="interval", of=names[0]) for name in names[1:]
    ]
    graph = keras.Model(
        {tensor.name: tensor for tensor in model.inputs},
        {name: model.output[name] for name in names},
    )
    return Signature("predict", graph, input_specs, (prediction, *interval))
