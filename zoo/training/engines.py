"""Two ways to run one epoch: Keras's own, and many steps in one graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import keras
import numpy as np

from zoo.config import TrainPlan
from zoo.errors import ConfigError, Finding
from zoo.spec import Split
from zoo.training.order import feed, targets

IN_MEMORY_LIMIT = 4 * 2**30
"""Bytes of training data above which a graph should not hold them."""

Advance = Callable[[int], None]


class Engine(Protocol):
    """Runs an epoch in a given order, and measures the validation split."""

    def train(self, order: np.ndarray, advance: Advance) -> dict[str, float]:
        """Take one step a batch, the last batch included, and return the epoch's metrics."""

    def validate(self) -> dict[str, float]:
        """Return the metrics over every validation example."""


class StockEngine:
    """``keras.Model.fit`` and ``evaluate``: any backend, any split, any overridden step."""

    def __init__(
        self, model: keras.Model, train: Split, validation: Split, plan: TrainPlan
    ) -> None:
        self._model, self._train = model, train
        self._size = plan.batch_size
        self._validation = _Batches(model, validation, np.arange(len(validation)), self._size)

    def train(self, order: np.ndarray, advance: Advance) -> dict[str, float]:
        """Fit one epoch."""
        batches = _Batches(self._model, self._train, order, self._size)
        callbacks = [
            keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: advance(1))
        ]
        history = self._model.fit(batches, shuffle=False, verbose=0, callbacks=callbacks)
        return {name: float(values[-1]) for name, values in history.history.items()}

    def validate(self) -> dict[str, float]:
        """Evaluate on the validation split."""
        logs = self._model.evaluate(self._validation, verbose=0, return_dict=True)
        return {name: float(value) for name, value in logs.items()}


class _Batches(keras.utils.PyDataset):
    """A split in a fixed order, as Keras reads batches."""

    def __init__(self, model: keras.Model, split: Split, order: np.ndarray, size: int) -> None:
        super().__init__()
        self._model, self._split, self._order, self._size = model, split, order, size

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = self._order[index * self._size : (index + 1) * self._size]
        inputs, outputs = self._split.take(rows)
        given, wanted = feed(self._model, inputs), targets(outputs)
        # Keras reads a None as a target of an unknown kind.
        return (given,) if wanted is None else (given, wanted)


def choose_engine(model: keras.Model, train: Split, validation: Split, plan: TrainPlan) -> Engine:
    """Return the engine that the plan names, or the fastest that can run this model and data.

    The graph engine wants TensorFlow, data in memory, and a model whose ``fit`` is Keras's own.

    Raises:
        ConfigError: If the plan demands the graph engine where it cannot run.
    """
    obstacle = _obstacle(model, train, validation)
    if plan.engine == "stock" or (plan.engine == "auto" and obstacle):
        return StockEngine(model, train, validation, plan)
    if obstacle:
        raise ConfigError(
            "the compiled engine cannot run this",
            findings=[Finding("plan.engine", "compiled", obstacle)],
            fix="leave the engine to 'auto'",
        )
    from zoo.training.compiled import CompiledEngine

    return CompiledEngine(model, train, validation, plan)


def _obstacle(model: keras.Model, train: Split, validation: Split) -> str:
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


__all__ = ["IN_MEMORY_LIMIT", "Engine", "StockEngine", "choose_engine"]
