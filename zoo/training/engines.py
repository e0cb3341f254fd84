"""Two ways to run one epoch: Keras's own, and many steps in one graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import keras
import numpy as np

from zoo.config import TrainPlan
from zoo.errors import ConfigError, Finding
from zoo.spec import Split
from zoo.training.order import feed, targets
from zoo.training.snapshots import Snapshot, restore_snapshot, take_snapshot

IN_MEMORY_LIMIT = 4 * 2**30
"""Bytes of training data above which a graph should not hold them."""

Advance = Callable[[int], None]
"""Told between two steps how many more are done. It may look at the model, and may raise."""


class Engine(Protocol):
    """Runs an epoch in a given order, and measures the validation split."""

    def train(
        self, order: np.ndarray, advance: Advance, *, first: int = 0, every: int | None = None
    ) -> dict[str, float]:
        """Take one step a batch, the last batch included, and return the epoch's metrics.

        Args:
            order: Which example comes when.
            advance: Told of every step, or of several at once.
            first: Steps of this epoch that were taken before, and are in the model's variables and
                in those of its metrics.
            every: ``advance`` is told wherever so many steps of the epoch are done.
        """

    def loss(self) -> float | None:
        """Return the mean loss of the epoch so far, if the model keeps one."""

    def validate(self) -> dict[str, float]:
        """Return the metrics over every validation example."""


class StockEngine:
    """``keras.Model.fit`` and ``evaluate``: any backend, any split, any overridden step."""

    def __init__(
        self, model: keras.Model, train: Split, validation: Split, plan: TrainPlan
    ) -> None:
        self._model, self._train = model, train
        self._size = plan.batch_size
        self._between: _Between | None = None
        self._validation = _Batches(model, validation, np.arange(len(validation)), self._size)

    def train(
        self, order: np.ndarray, advance: Advance, *, first: int = 0, every: int | None = None
    ) -> dict[str, float]:
        """Fit one epoch, or the rest of it."""
        batches = _Batches(self._model, self._train, order[first * self._size :], self._size)
        sums = take_snapshot(self._model.metrics_variables) if first else None
        self._between = _Between(advance, sums)
        history = self._model.fit(batches, shuffle=False, verbose=0, callbacks=[self._between])
        return {name: float(values[-1]) for name, values in history.history.items()}

    def loss(self) -> float | None:
        """Return what ``fit`` said behind its last step."""
        return None if self._between is None else self._between.loss

    def validate(self) -> dict[str, float]:
        """Evaluate on the validation split."""
        logs = self._model.evaluate(self._validation, verbose=0, return_dict=True)
        return {name: float(value) for name, value in logs.items()}


class _Between(keras.callbacks.Callback):
    """Tells of every step, and has the metrics go on where they stood before ``fit`` reset them."""

    def __init__(self, advance: Advance, sums: Snapshot | None) -> None:
        super().__init__()
        self._advance, self._sums = advance, sums
        self.loss: float | None = None

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._sums is not None:
            restore_snapshot(self.model.metrics_variables, self._sums)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.loss = (logs or {}).get("loss")
        self._advance(1)


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


__all__ = ["IN_MEMORY_LIMIT", "Advance", "Engine", "StockEngine", "choose_engine"]
