"""An epoch as one graph: the data lies in tensors, and a loop inside the graph takes the steps.

Of a small network's epoch, ``fit`` spends most in Python between two steps. Here a step is the
model's own ``train_step``, on the same batch in the same order, so the weights agree with
``fit``'s to float noise. This is one of the few modules that name TensorFlow.
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
from zoo.training.order import feed, targets

BREATH = 0.2
"""Seconds a call into the graph should last: long enough to cost nothing, short enough to watch."""


class CompiledEngine:
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
        # Variables must exist before the graph is traced; a test step makes them, and learns
        # nothing.
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.test_step(_rows(data, tf.range(min(2, len(train)))))
        model.reset_metrics()
        self._learn = self._looped(model.train_step, data)
        self._measure = self._looped(model.test_step, held_out)
        self._chunk = 1

    def train(
        self,
        order: np.ndarray,
        advance: Callable[[int], None],
        *,
        first: int = 0,
        every: int | None = None,
    ) -> dict[str, float]:
        """Take one step a batch, the last batch included, and return the epoch's metrics."""
        if not first:
            self._model.reset_metrics()
        rows = tf.constant(order)
        whole, rest = divmod(len(order), self._size)
        done = first
        while done < whole:
            upto = min(done + self._chunk, whole, _next_multiple(done, every))
            started = time.perf_counter()
            self._learn(rows, done, upto)
            elapsed = time.perf_counter() - started
            steps, done = upto - done, upto
            if elapsed < BREATH and steps == self._chunk:
                self._chunk *= 2
            advance(steps)
        if rest:
            self._learn.tail(rows[whole * self._size :])
            advance(1)
        return self._metrics()

    def loss(self) -> float | None:
        """Return the mean loss of the epoch so far, if the model keeps one under that name."""
        found = next((metric for metric in self._model.metrics if metric.name == "loss"), None)
        return None if found is None else float(found.result())

    def validate(self) -> dict[str, float]:
        """Return the metrics over every validation example."""
        self._model.reset_metrics()
        rows = self._validation_order
        whole = len(rows) // self._size
        self._measure(rows, 0, whole)
        if len(rows) % self._size:
            self._measure.tail(rows[whole * self._size :])
        return self._metrics()

    def _metrics(self) -> dict[str, float]:
        return {name: float(value) for name, value in self._model.get_metrics_result().items()}

    def _looped(self, step: Callable[[Any], Any], data: Any) -> _Loop:
        return _Loop(step, data, self._size)


class _Loop:
    """One kind of step, traced twice: in a loop over whole batches, and on the smaller last one."""

    def __init__(self, step: Callable[[Any], Any], data: Any, size: int) -> None:
        @tf.function(autograph=False, reduce_retracing=True)
        def loop(rows: Any, first: Any, last: Any) -> None:
            def body(index: Any) -> Any:
                step(_rows(data, tf.slice(rows, [index * size], [size])))
                return index + 1

            tf.while_loop(lambda index: index < last, body, [first], parallel_iterations=1)

        @tf.function(autograph=False, reduce_retracing=True)
        def tail(rows: Any) -> None:
            step(_rows(data, rows))

        self._loop, self.tail = loop, tail

    def __call__(self, rows: Any, first: int, last: int) -> None:
        self._loop(rows, tf.constant(first, "int32"), tf.constant(last, "int32"))


def _next_multiple(done: int, every: int | None) -> int:
    return sys.maxsize if every is None else (done // every + 1) * every


def _tensors(model: keras.Model, split: Split) -> Any:
    arrays = split.arrays()
    if arrays is None:
        raise ValueError("expected a split in memory. Received: one that is read on demand")
    inputs, outputs = arrays
    # A model that learns from examples alone has no targets: None stays None.
    return _each(tf.constant, (feed(model, inputs), targets(outputs)))


def _rows(data: Any, rows: Any) -> Any:
    return _each(lambda tensor: tf.gather(tensor, rows), data)


def _each(change: Callable[[Any], Any], data: Any) -> Any:
    return tf.nest.map_structure(lambda leaf: None if leaf is None else change(leaf), data)


__all__ = ["CompiledEngine"]
