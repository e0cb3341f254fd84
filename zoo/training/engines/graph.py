"""Engine that runs many steps of an epoch inside one TensorFlow graph.

``fit`` spends most of a small network's epoch in Python between two steps. Here a step is the
model's own ``train_step`` on the same batch in the same order, so the weights agree with those of
``fit`` to float noise. One of the few modules that name TensorFlow.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.config import TrainPlan
from zoo.spec import Split
from zoo.training.engines import OnSteps, loss_targets, model_inputs

CALL_SECONDS = 0.2
"""How long one call into the graph should last: its overhead is small, progress stays visible."""


class GraphEngine:
    """Runs many steps of a model in one call of a graph.

    Args:
        model: A compiled Keras model on TensorFlow.
        train: The training split, in memory.
        validation: The validation split, in memory.
        plan: Gives the batch size.
    """

    def __init__(
        self, model: keras.Model, train: Split, validation: Split, plan: TrainPlan
    ) -> None:
        self._model, self._size = model, plan.batch_size
        self._validation_order = tf.range(len(validation), dtype="int32")
        data, held_out = _tensors(model, train), _tensors(model, validation)
        # Variables must exist before the graph is traced. A test step creates them without
        # training.
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.test_step(_rows(data, tf.range(min(2, len(train)))))
        model.reset_metrics()
        self._train = _StepLoop(model.train_step, data, self._size)
        self._test = _StepLoop(model.test_step, held_out, self._size)
        self._chunk = 1

    def run_epoch(
        self, order: np.ndarray, on_steps: OnSteps, *, first: int = 0, every: int | None = None
    ) -> dict[str, float]:
        """Run one epoch, or the rest of it, in calls of several steps."""
        if not first:
            self._model.reset_metrics()
        rows = tf.constant(order)
        full, rest = divmod(len(order), self._size)
        done = first
        while done < full:
            end = min(done + self._chunk, full, _next_multiple(done, every))
            started = time.perf_counter()
            self._train(rows, done, end)
            elapsed = time.perf_counter() - started
            steps, done = end - done, end
            if elapsed < CALL_SECONDS and steps == self._chunk:
                self._chunk *= 2
            on_steps(steps)
        if rest:
            self._train.partial(rows[full * self._size :])
            on_steps(1)
        return self._metrics()

    def running_loss(self) -> float | None:
        """Return the mean loss of the epoch so far, if the model has a metric of that name."""
        found = next((metric for metric in self._model.metrics if metric.name == "loss"), None)
        return None if found is None else float(found.result())

    def validate(self) -> dict[str, float]:
        """Return the metrics over all validation examples."""
        self._model.reset_metrics()
        rows = self._validation_order
        full = len(rows) // self._size
        self._test(rows, 0, full)
        if len(rows) % self._size:
            self._test.partial(rows[full * self._size :])
        return self._metrics()

    def _metrics(self) -> dict[str, float]:
        return {name: float(value) for name, value in self._model.get_metrics_result().items()}


class _StepLoop:
    """A step traced twice: in a loop over full batches, and on the partial last batch."""

    def __init__(self, step: Callable[[Any], Any], data: Any, size: int) -> None:
        @tf.function(autograph=False, reduce_retracing=True)
        def loop(rows: Any, first: Any, last: Any) -> None:
            def body(index: Any) -> Any:
                step(_rows(data, tf.slice(rows, [index * size], [size])))
                return index + 1

            tf.while_loop(lambda index: index < last, body, [first], parallel_iterations=1)

        @tf.function(autograph=False, reduce_retracing=True)
        def partial(rows: Any) -> None:
            step(_rows(data, rows))

        self._loop, self.partial = loop, partial

    def __call__(self, rows: Any, first: int, last: int) -> None:
        self._loop(rows, tf.constant(first, "int32"), tf.constant(last, "int32"))


def _next_multiple(done: int, every: int | None) -> int:
    return sys.maxsize if every is None else (done // every + 1) * every


def _tensors(model: keras.Model, split: Split) -> Any:
    arrays = split.arrays()
    if arrays is None:
        raise ValueError("expected a split in memory. Received: one that is read on demand")
    inputs, targets = arrays
    # A model that learns from inputs alone has no targets: None stays None.
    return _map(tf.constant, (model_inputs(model, inputs), loss_targets(targets)))


def _rows(data: Any, rows: Any) -> Any:
    return _map(lambda tensor: tf.gather(tensor, rows), data)


def _map(change: Callable[[Any], Any], data: Any) -> Any:
    return tf.nest.map_structure(lambda leaf: None if leaf is None else change(leaf), data)
