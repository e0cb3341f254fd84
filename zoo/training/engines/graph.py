"""Engine that runs many steps of an epoch inside one TensorFlow graph.

``fit`` spends most of a small network's epoch in Python between two steps. Here a step is the
model's own ``train_step`` on the same batch in the same order, so the weights agree with those of
``fit`` to float noise. One of the few modules that name TensorFlow.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.config import TrainPlan
from zoo.spec import Split
from zoo.training.engines import OnSteps, loss_arguments, model_inputs

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
        if model.optimizer is not None and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.test_step(_rows(data, tf.range(min(2, len(train)))))
        model.reset_metrics()
        static = any(isinstance(layer, keras.layers.RNN) for layer in model._flatten_layers())  # noqa: SLF001 - model.layers has no nested layers
        self._train = _StepLoop(model.train_step, data, self._size, static)
        self._test = _StepLoop(model.test_step, held_out, self._size, static)
        self._chunk = 1

    def run_epoch(
        self, order: np.ndarray, on_steps: OnSteps, *, first: int = 0, every: int | None = None
    ) -> dict[str, float]:
        """Run one epoch, or the rest of it, in calls of several steps."""
        if not first:
            self._model.reset_metrics()
        rows = tf.constant(order, "int32")
        done, steps = first, math.ceil(len(order) / self._size)
        while done < steps:
            end = min(done + self._chunk, steps, _next_multiple(done, every))
            started = time.perf_counter()
            self._train(rows, done, end)
            elapsed = time.perf_counter() - started
            if elapsed < CALL_SECONDS and end - done == self._chunk:
                self._chunk *= 2
            on_steps(end - done)
            done = end
        return self._metrics()

    def running_loss(self, name: str) -> float | None:
        """Return the mean loss of the epoch so far, if the model has a metric of that name."""
        found = next((metric for metric in self._model.metrics if metric.name == name), None)
        return None if found is None else float(found.result())

    def validate(self) -> dict[str, float]:
        """Return the metrics over all validation examples."""
        self._model.reset_metrics()
        rows = self._validation_order
        self._test(rows, 0, math.ceil(len(rows) / self._size))
        return self._metrics()

    def _metrics(self) -> dict[str, float]:
        return {name: float(value) for name, value in self._model.get_metrics_result().items()}


class _StepLoop:
    """A step in a loop over batches, traced once for all of them.

    Args:
        step: Step of a model on one batch.
        data: The examples.
        size: Number of examples in a batch; the last one may have fewer.
        static: Trace whole batches and the last one apart. A recurrent layer is faster if it knows
            the size of its batch; for any other model, a second trace only takes time.
    """

    def __init__(self, step: Callable[[Any], Any], data: Any, size: int, static: bool) -> None:
        @tf.function(autograph=False, reduce_retracing=True)
        def loop(rows: Any, first: Any, last: Any) -> None:
            def body(index: Any) -> Any:
                begin = index * size
                count = size if static else tf.minimum(size, tf.size(rows) - begin)
                step(_rows(data, tf.slice(rows, [begin], [count])))
                return index + 1

            tf.while_loop(lambda index: index < last, body, [first], parallel_iterations=1)

        @tf.function(autograph=False, reduce_retracing=True)
        def rest(rows: Any) -> None:
            step(_rows(data, rows))

        self._loop, self._rest, self._size, self._static = loop, rest, size, static

    def __call__(self, rows: Any, first: int, last: int) -> None:
        """Take the steps from the first to the last, which is excluded, over these rows."""
        whole = min(last, len(rows) // self._size) if self._static else last
        if first < whole:
            self._loop(rows, tf.constant(first, "int32"), tf.constant(whole, "int32"))
        if whole < last:
            self._rest(rows[whole * self._size :])


def _next_multiple(done: int, every: int | None) -> int:
    return sys.maxsize if every is None else (done // every + 1) * every


def _tensors(model: keras.Model, split: Split) -> Any:
    arrays = split.arrays()
    if arrays is None:
        raise ValueError("expected a split in memory. Received: one that is read on demand")
    inputs, targets = arrays
    x, (y, weights) = model_inputs(model, inputs), loss_arguments(targets)
    data = (x, y) if weights is None else (x, y, weights)
    # A model that learns from inputs alone has no targets: None stays None.
    return _map(tf.constant, data)


def _rows(data: Any, rows: Any) -> Any:
    return _map(lambda tensor: tf.gather(tensor, rows), data)


def _map(change: Callable[[Any], Any], data: Any) -> Any:
    return tf.nest.map_structure(lambda leaf: None if leaf is None else change(leaf), data)
