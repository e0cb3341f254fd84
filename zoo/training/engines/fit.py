"""Engine that calls ``keras.Model.fit`` for each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from zoo.config import TrainPlan
from zoo.spec import Split
from zoo.training.checkpoints import Values, get_values, set_values
from zoo.training.engines import OnSteps, loss_arguments, model_inputs


class FitEngine:
    """``keras.Model.fit`` and ``evaluate``: any backend, any split, any custom train step."""

    def __init__(
        self, model: keras.Model, train: Split, validation: Split, plan: TrainPlan
    ) -> None:
        self._model, self._train = model, train
        self._size = plan.batch_size
        self._callback: _StepCallback | None = None
        self._validation = _Batches(model, validation, np.arange(len(validation)), self._size)

    def run_epoch(
        self, order: np.ndarray, on_steps: OnSteps, *, first: int = 0, every: int | None = None
    ) -> dict[str, float]:
        """Fit one epoch, or the rest of it."""
        batches = _Batches(self._model, self._train, order[first * self._size :], self._size)
        metrics = get_values(self._model.metrics_variables) if first else None
        self._callback = _StepCallback(on_steps, metrics)
        history = self._model.fit(batches, shuffle=False, verbose=0, callbacks=[self._callback])
        return {name: float(values[-1]) for name, values in history.history.items()}

    def running_loss(self, name: str) -> float | None:
        """Return the loss that ``fit`` reported after its last step."""
        return None if self._callback is None else self._callback.logs.get(name)

    def validate(self) -> dict[str, float]:
        """Evaluate on the validation split."""
        logs = self._model.evaluate(self._validation, verbose=0, return_dict=True)
        return {name: float(value) for name, value in logs.items()}


class _StepCallback(keras.callbacks.Callback):
    """Reports every step, and restores the metrics that ``fit`` resets at the start."""

    def __init__(self, on_steps: OnSteps, metrics: Values | None) -> None:
        super().__init__()
        self._on_steps, self._metrics = on_steps, metrics
        self.logs: Mapping[str, Any] = {}

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._metrics is not None:
            set_values(self.model.metrics_variables, self._metrics)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.logs = logs or {}
        self._on_steps(1)


class _Batches(keras.utils.PyDataset):
    """A split in a fixed order, as Keras reads batches."""

    def __init__(self, model: keras.Model, split: Split, order: np.ndarray, size: int) -> None:
        super().__init__()
        self._model, self._split, self._order, self._size = model, split, order, size

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = self._order[index * self._size : (index + 1) * self._size]
        inputs, targets = self._split.take(rows)
        x, (y, weights) = model_inputs(self._model, inputs), loss_arguments(targets)
        # Keras takes None for a target of an unknown kind.
        if weights is not None:
            return x, y, weights
        return (x,) if y is None else (x, y)
