"""What was measured of a model and its data, as plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ERRORS = frozenset(
    {"mean_squared_error", "mean_absolute_error", "huber", "log_cosh"}
    | {"mean_absolute_percentage_error", "mean_squared_logarithmic_error"}
)
"""Losses of numbers."""
ENTROPIES = frozenset(
    {"binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"}
)
"""Losses of classes."""


@dataclass(frozen=True)
class InputFacts:
    """One input array.

    Attributes:
        name: Its name.
        shape: Shape of one example.
        bad: Number of values that are not finite numbers.
        bad_at: Row and flat position of the first of them.
        constant: Positions of features with one value only, for rows of a table.
        features: Number of features of a row of a table; 0 for other inputs.
        leak: Position of a feature that is nearly the target, and what shows it.
        padded: Share of examples that end or begin with zeros, and those of them all.
    """

    name: str
    shape: tuple[int, ...]
    bad: int = 0
    bad_at: tuple[int, int] = (0, 0)
    constant: tuple[int, ...] = ()
    features: int = 0
    leak: tuple[int, float] | None = None
    padded: float = 0.0


@dataclass(frozen=True)
class HeadFacts:
    """One output with its loss and its target.

    Attributes:
        name: Name of the output.
        loss: Name of the loss in Keras, ``custom`` if it is of another kind; empty if none.
        from_logits: Whether the loss expects logits.
        units: Size of its last axis.
        shape: Shape of the predictions.
        target_shape: Shape of the targets, with the same number of examples.
        low: Smallest prediction.
        high: Largest prediction.
        sums_to_one: Whether the predictions of each example sum to 1 and none is negative.
        prediction_rms: Root mean square of the predictions before training.
        target_low: Smallest target.
        target_high: Largest target.
        target_mean: Mean of the targets.
        target_std: Standard deviation of the targets.
        whole: Whether all targets are whole numbers.
        one_hot: Whether each row of targets is one 1 and zeros.
        bad_targets: Number of targets that are not finite.
        classes: Number of different targets, if they are whole.
        chance: The loss of the best constant prediction, where it is known.
        ordered: Whether the targets come sorted.
    """

    name: str
    loss: str = ""
    from_logits: bool = False
    units: int = 1
    shape: tuple[int, ...] = ()
    target_shape: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 0.0
    sums_to_one: bool = False
    prediction_rms: float = 0.0
    target_low: float = 0.0
    target_high: float = 0.0
    target_mean: float = 0.0
    target_std: float = 0.0
    whole: bool = False
    one_hot: bool = False
    bad_targets: int = 0
    classes: int = 0
    chance: float | None = None
    ordered: bool = False


@dataclass(frozen=True)
class LayerFacts:
    """One layer that was called, and its weights.

    Attributes:
        path: Its name after those of the layers that it is part of.
        kind: Its class.
        activation: Its activation function; empty if it has none.
        kernel: Whether it has a matrix of weights, embeddings left out.
        parameters: Number of its own weights.
        frozen: Number of its weights that training never changes, without statistics.
        fresh: Whether frozen weights look as their initializer makes them.
        input_rms: Root mean square of its input.
        input_max: Largest absolute value of its input.
        mean: Mean of its output.
        std: Standard deviation of its output.
        dead: Share of units that give the same for every example.
        saturated: Share of outputs where the slope of the activation is nearly 0.
        finite: Whether the output is finite.
        gradient: Norm of the gradient of its weights at initialization; ``None`` without any.
        weight: Norm of its weights.
        update: Norm of the change of its weights in one step over their norm.
        identical: Whether all units of its kernel have the same weights after the trial.
        silent: Whether its gradient was exactly 0 before and after the trial.
        dead_after: As ``dead``, after the trial.
        outputs: Histogram of its output: edges and counts.
        gradients: Histogram of its gradients: edges and counts.
    """

    path: str
    kind: str
    activation: str = ""
    kernel: bool = False
    parameters: int = 0
    frozen: int = 0
    fresh: bool = False
    input_rms: float | None = None
    input_max: float = 0.0
    mean: float = 0.0
    std: float = 0.0
    dead: float = 0.0
    saturated: float = 0.0
    finite: bool = True
    gradient: float | None = None
    weight: float = 0.0
    update: float | None = None
    identical: bool = False
    silent: bool = False
    dead_after: float | None = None
    outputs: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    gradients: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())


@dataclass(frozen=True)
class TrialFacts:
    """Short trainings of the copy.

    Attributes:
        rate: Learning rate of the model's optimizer.
        first: Loss of several batches before the first step.
        losses: Loss of each step at that rate.
        baseline: Loss before the first step, on the batches of the last quarter of these steps.
        rates: Rates of the range test.
        range_losses: Smoothed loss at each of them.
        suggested: The rate that the range test suggests; ``None`` if at none the loss falls.
        suggested_losses: Loss of each step at the suggested rate.
        batch_losses: Loss of each step on one and the same batch.
        gradient_check: Relative difference of the gradient and of finite differences, by weight.
        steps: Number of steps taken in all.
    """

    rate: float
    first: float
    losses: tuple[float, ...] = ()
    baseline: float = 0.0
    rates: tuple[float, ...] = ()
    range_losses: tuple[float, ...] = ()
    suggested: float | None = None
    suggested_losses: tuple[float, ...] = ()
    batch_losses: tuple[float, ...] = ()
    gradient_check: Mapping[str, float] = field(default_factory=dict)
    steps: int = 0


@dataclass(frozen=True)
class RivalFacts:
    """Simple methods on the same examples, on the half that they did not see.

    Attributes:
        score: Accuracy, or the share of variance explained, of the best of them.
        chance: The same of the best constant.
        margin: How far chance alone can reach above that (2.6 standard errors).
        network_fit: The score of the network on the half that it was trained on; ``None`` if it was
            not trained for it.
        network_held_out: Its score on the other half.
    """

    score: float
    chance: float
    margin: float
    network_fit: float | None = None
    network_held_out: float | None = None


@dataclass(frozen=True)
class Evidence:
    """Everything that the checks look at.

    Attributes:
        name: Name of the model.
        source: What the data was, in words.
        examples: Number of examples that were looked at.
        batch_size: Number of examples of a step.
        shuffled: Whether the training shuffles the examples itself.
        inputs: The inputs.
        heads: The outputs.
        layers: The layers, in the order of their calls.
        trainable: Number of weights that training changes.
        linear: How far the model is from a linear map, from 0; ``None`` if it was not measured.
        padding_effect: Change of the loss if the padding's embedding changes, relative.
        bad_weights: First layer with a weight that is not finite.
        trial: Short trainings; ``None`` if not a single step was possible.
        failure: Why not.
        rivals: Simple methods; ``None`` where there are none.
    """

    name: str
    source: str
    examples: int
    batch_size: int
    shuffled: bool
    inputs: tuple[InputFacts, ...]
    heads: tuple[HeadFacts, ...]
    layers: tuple[LayerFacts, ...]
    trainable: int
    linear: float | None = None
    padding_effect: float | None = None
    bad_weights: str = ""
    trial: TrialFacts | None = None
    failure: str = ""
    rivals: RivalFacts | None = None

    @property
    def kernels(self) -> tuple[LayerFacts, ...]:
        """The layers with a matrix of weights."""
        return tuple(layer for layer in self.layers if layer.kernel)
