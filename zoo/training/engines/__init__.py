"""Engines: interchangeable ways to run one epoch.

``fit`` is :meth:`keras.Model.fit` and works everywhere; ``graph`` runs many steps inside one
TensorFlow graph, which is faster for small networks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import keras
import numpy as np

from zoo.config import TrainPlan
from zoo.errors import ConfigError, Finding
from zoo.spec import SAMPLE_WEIGHT, Split

IN_MEMORY_LIMIT = 4 * 2**30
"""Bytes of training data above which the graph engine is not used."""

OnSteps = Callable[[int], None]
"""Called between two steps with the number of new ones. It may read the model, and may raise."""


class Engine(Protocol):
    """Runs an epoch in a given order, and evaluates the validation split."""

    def run_epoch(
        self, order: np.ndarray, on_steps: OnSteps, *, first: int = 0, every: int | None = None
    ) -> dict[str, float]:
        """Take one step per batch, the last partial batch included.

        Args:
            order: Positions of the examples, in the order of this epoch.
            on_steps: Called after every step, or after several at once.
            first: Number of steps of this epoch that a resumed run has taken before. They are in
                the model's variables and in those of its metrics.
            every: ``on_steps`` is called at every multiple of this number of steps.

        Returns:
            The metrics of the epoch.
        """

    def running_loss(self, name: str) -> float | None:
        """Return the mean of the epoch so far of the loss of that name, if the model keeps one."""

    def validate(self) -> dict[str, float]:
        """Return the metrics over all validation examples."""


def choose_engine(model: keras.Model, train: Split, validation: Split, plan: TrainPlan) -> Engine:
    """Return the engine that the plan names, or the fastest one that fits the model and the data.

    The graph engine needs TensorFlow, data in memory, and a model with Keras's own ``fit``.

    Raises:
        ConfigError: If the plan demands the graph engine where it cannot run, or a loss would not
            count the weights of the examples.
    """
    _check_weights(model, train)
    obstacle = _graph_obstacle(model, train, validation)
    if plan.engine == "fit" or (plan.engine == "auto" and obstacle):
        from zoo.training.engines.fit import FitEngine

        return FitEngine(model, train, validation, plan)
    if obstacle:
        raise ConfigError(
            "the graph engine cannot run this",
            findings=[Finding("plan.engine", "graph", obstacle)],
            fix="leave the engine to 'auto'",
        )
    from zoo.training.engines.graph import GraphEngine

    return GraphEngine(model, train, validation, plan)


def _check_weights(model: keras.Model, train: Split) -> None:
    """Refuse weights of examples where a loss is one mean over all examples.

    Keras's losses take the mean over the last axis. Of an output of shape ``(batch,)`` that is the
    axis of the examples, and a weighted mean of one number is that number.
    """
    _, targets = train.take(np.arange(1))
    if SAMPLE_WEIGHT not in targets or type(model).compute_loss is not keras.Model.compute_loss:
        return
    outputs, losses = getattr(model, "output", None), model.loss
    pairs: list[tuple[Any, Any]] = []
    if not isinstance(losses, Mapping):
        pairs = [
            *zip(
                keras.tree.flatten(outputs),
                itertools.cycle(keras.tree.flatten(losses)),
                strict=False,
            )
        ]
    elif isinstance(outputs, Mapping):
        pairs = [(outputs[name], loss) for name, loss in losses.items() if name in outputs]
    for output, loss in pairs:
        function = keras.losses.get(loss)
        if function is None or output is None or len(output.shape) > 1:
            continue
        function = function.call if isinstance(function, keras.losses.Loss) else function
        if not keras.ops.shape(function(keras.ops.zeros(2), keras.ops.ones(2))):
            raise ConfigError(
                "the weights of the examples would have no effect",
                why="an output has the shape (batch,), of which its loss is one mean",
                fix="give the output the shape (batch, 1), without a Reshape(()) after its layer",
            )


def _graph_obstacle(model: keras.Model, train: Split, validation: Split) -> str:
    """Return why the graph engine cannot run, or an empty string."""
    if keras.backend.backend() != "tensorflow":
        return f"it is written for TensorFlow, and Keras runs on {keras.backend.backend()}"
    if model.run_eagerly:
        return "the model was compiled with run_eagerly=True"
    if type(model).make_train_function is not keras.Model.make_train_function:
        return "the model makes its own train function"
    size = 0
    for split in (train, validation):
        arrays = split.arrays()
        if arrays is None:
            return "the data is not held in memory"
        size += sum(array.nbytes for part in arrays for array in part.values())
    if size > IN_MEMORY_LIMIT:
        return f"the data takes {size / 2**30:.1f} GiB, over {IN_MEMORY_LIMIT / 2**30:.0f} GiB"
    return ""


def model_inputs(model: keras.Model, arrays: Any) -> Any:
    """Return named arrays as a model takes them: a single one alone, several by name."""
    names = [tensor.name for tensor in model.inputs]
    if len(names) == 1:
        return arrays[names[0]]
    return {name: arrays[name] for name in names}


def loss_arguments(targets: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return named targets as a loss takes them, and the weights of the examples, if any.

    A single target stands alone, and none is ``None``.
    """
    named = dict(targets)
    weights = named.pop(SAMPLE_WEIGHT, None)
    if len(named) <= 1:
        return next(iter(named.values()), None), weights
    return named, weights
