"""What a regressor's last layers and its learning are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.architecture import Signature
from zoo.config import OptimizerConfig
from zoo.layers.optimization import make_optimizer
from zoo.spec import DataSpec, TensorSpec

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class RestoreTarget(keras.layers.Layer):
    """Turns standardized answers into the target's own unit: ``answer * scale + mean``.

    Call ``adapt`` with the targets of the training split, and with nothing else.

    Input shape:
        Any, floating point.

    Output shape:
        The same.
    """

    def build(self, input_shape: Any) -> None:
        """Create the statistics: mean 0 and scale 1 until ``adapt`` is called."""
        self.mean = self.add_weight(name="mean", shape=(), initializer="zeros", trainable=False)
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones", trainable=False)

    def adapt(self, targets: Any) -> None:
        """Measure the mean and the standard deviation of the targets."""
        values = np.asarray(targets, "float64")
        self.mean.assign(values.mean())
        self.scale.assign(values.std() or 1.0)

    def standardize(self, targets: Any) -> Any:
        """Return targets as the network should answer: mean 0, variance 1."""
        return (ops.cast(targets, self.compute_dtype) - self.mean) / self.scale

    def call(self, answers: Any) -> Any:
        """Restore a batch."""
        return answers * self.scale + self.mean

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConformalInterval(keras.layers.Layer):
    """An interval around a prediction that holds the truth as often as it was calibrated to.

    Split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al. 2018,
    arXiv:1604.04173): with ``n`` examples that the model has not learned from, the interval is as
    wide as the ``⌈(n + 1) level⌉``-th smallest of their errors. If new examples are exchangeable
    with those, it covers at least ``level`` of them, whatever the model and the data.

    The errors are measured in units of a width that each example has (Lei et al., section 5.2):
    the standard deviation of the members' answers, plus its mean over the training split. So the
    interval is wider where the members disagree, and never empty. One member alone always has
    the same width.

    Input shape:
        `(batch, members)`.

    Output shape:
        Three of `(batch,)`: the mean of the members, the lower end, the upper end.
    """

    def build(self, input_shape: Any) -> None:
        """Create the two numbers behind a width: 0 until ``calibrate`` is called."""
        self.least = self.add_weight(name="least", shape=(), initializer="zeros", trainable=False)
        self.slope = self.add_weight(name="slope", shape=(), initializer="zeros", trainable=False)

    def calibrate(
        self, learned: Any, members: Any, targets: Any, *, level: float, scaled: bool = True
    ) -> None:
        """Set the widths.

        Args:
            learned: Answers of the members on the training split, `(examples, members)`.
            members: Answers on examples that no training has used.
            targets: Their truth, `(examples,)`.
            level: Share of new examples to cover, above 0 and below 1.
            scaled: Whether the members' disagreement widens the interval.

        Raises:
            ValueError: If there are too few examples for the level: see :meth:`needed`.
        """
        members = np.asarray(members, "float64")
        errors = np.abs(members.mean(axis=1) - np.asarray(targets, "float64"))
        rank = math.ceil((len(errors) + 1) * level)
        if rank > len(errors):
            raise ValueError(
                f"expected at least {self.needed(level)} examples. Received: {len(errors)}"
            )
        spread = np.asarray(learned, "float64").std(axis=1).mean() if scaled else 0.0
        widths = members.std(axis=1) + spread if spread > 0 else np.ones_like(errors)
        factor = np.sort(errors / widths)[rank - 1]
        self.least.assign(factor * spread if spread > 0 else factor)
        self.slope.assign(factor if spread > 0 else 0.0)

    @staticmethod
    def needed(level: float) -> int:
        """Return how many examples a level takes: ``⌈(n + 1) level⌉`` must not exceed them."""
        return math.ceil(level / (1 - level) - 1e-9)

    def call(self, members: Any) -> Any:
        """Return predictions and intervals of a batch."""
        prediction = ops.mean(members, axis=-1)
        distance = ops.expand_dims(prediction, -1) - members
        spread = ops.sqrt(ops.mean(ops.square(distance), axis=-1))
        half = self.least + self.slope * spread
        return prediction, prediction - half, prediction + half

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return one number an example, three times."""
        return (tuple(input_shape[:-1]),) * 3


@keras.saving.register_keras_serializable(package=PACKAGE)
class EnsembleRegressor(keras.Model):
    """A functional model whose every member learns by its own squared error.

    Its outputs are ``prediction``, ``low``, ``high``, and ``members``, one answer a member, in the
    target's unit; it has one layer :class:`RestoreTarget`. The loss is the mean over members and
    examples of the squared error, in variances of the training targets: 1 is what the mean of the
    targets would give. ``rmse`` is that of the prediction, in the target's unit.
    """

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the mean of the members' losses, plus what layers add."""
        restore = next(layer for layer in self.layers if isinstance(layer, RestoreTarget))
        answers = restore.standardize(y_pred["members"])
        truth = ops.reshape(restore.standardize(y), (-1, 1))
        losses = ops.mean(ops.square(answers - truth), axis=-1)
        if sample_weight is not None:
            losses = losses * ops.reshape(ops.cast(sample_weight, losses.dtype), (-1,))
        loss = ops.mean(losses)
        for extra in self.losses:
            loss = loss + extra
        return loss

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Measure the prediction, which is the mean of the members."""
        measured: dict[str, Any] = super().compute_metrics(
            x, ops.reshape(y, (-1,)), y_pred["prediction"], sample_weight
        )
        return measured


def compile_regressor(model: EnsembleRegressor, optimizer: OptimizerConfig) -> EnsembleRegressor:
    """Compile a regressor and return it."""
    error = keras.metrics.RootMeanSquaredError(name="rmse")
    model.compile(optimizer=make_optimizer(optimizer), metrics=[error])
    return model


def regressor_signature(
    model: keras.Model, data: DataSpec, *, inside: Mapping[str, str] | None = None
) -> Signature:
    """Return what a deployed regressor is asked: ``prediction``, ``low`` and ``high``.

    Args:
        model: A model with outputs of these names, one number an example each.
        data: What it was built for.
        inside: By input, what the graph does to raw values first, in words.
    """
    said = inside or {}
    taken = tuple(
        spec.model_copy(update={"inside": said.get(spec.name, spec.inside)}) for spec in data.inputs
    )
    target = data.targets[0]
    names = ("prediction", "low", "high")
    outputs = tuple(TensorSpec(name=name, unit=target.unit) for name in names)
    asked = keras.Model(
        {tensor.name: tensor for tensor in model.inputs},
        {name: model.output[name] for name in names},
    )
    return Signature("predict", asked, taken, outputs)


__all__ = [
    "ConformalInterval",
    "EnsembleRegressor",
    "RestoreTarget",
    "compile_regressor",
    "regressor_signature",
]
