"""Short trainings of a copy: losses, gradients, updates, a learning-rate range test."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from zoo_inspect.diagnostics.copying import (
    get_state,
    learning_rate_of,
    recording_optimizer,
    set_state,
)
from zoo_inspect.diagnostics.problem import OFF_GRADIENT
from zoo_inspect.diagnostics.subject import MAX_BATCH, Subject

Array = np.ndarray[Any, Any]

_LOWEST, _HIGHEST = 1e-6, 10.0
_SMOOTHING = 0.7
_DIVERGED = 4.0
_CHECKED = 6
_CHECKED_HEAVY = 3
_HEAVY = 2_000_000
"""Numbers that the layers give for one example, above which steps are few and batches small."""


class Trial:
    """A copy of a model that is trained, and set back, as often as needed.

    Args:
        subject: The model and its data.
        copied: A copy of the model.
        activity: Numbers that its layers give for one example: how much work a step is.
    """

    full_length = 30

    def __init__(self, subject: Subject, copied: keras.Model, activity: int) -> None:
        self.model, self._subject = copied, subject
        self.rate = learning_rate_of(subject.model.optimizer)
        self.batch = min(subject.batch_size, MAX_BATCH, subject.count)
        self.length = self.full_length
        if activity * self.batch > _HEAVY:
            self.batch = min(self.batch, max(8, _HEAVY // activity))
            self.length = 16
        self.steps = 0
        config = subject.model.get_compile_config() or {}
        copied.compile(
            optimizer=recording_optimizer(subject.model.optimizer),
            loss=subject.model.loss,
            loss_weights=config.get("loss_weights"),
            jit_compile=False,
        )
        copied.optimizer.build(copied.trainable_variables)
        if keras.backend.backend() == "tensorflow":
            # A step that creates the variables of losses and metrics would be traced twice.
            copied.test_step(subject.rows(np.arange(min(2, subject.count))))
            copied.reset_metrics()
        self._start = get_state(self._variables)

    @property
    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def reset(self) -> None:
        """Set weights, statistics, random states and the optimizer back to their start."""
        set_state(self._variables, self._start)

    def order(self, seed: int = 0) -> list[Array]:
        """Return batches of positions: all examples once, shuffled."""
        order = np.random.default_rng(seed).permutation(self._subject.count)
        whole = len(order) // self.batch * self.batch
        return [np.sort(rows) for rows in order[:whole].reshape(-1, self.batch)]

    def step(self, rows: Array, rate: float) -> float:
        """Take one step, and return the loss before it."""
        x, y, weights = self._subject.rows(rows)
        self.model.optimizer.learning_rate = rate
        self.steps += 1
        logs = self.model.train_on_batch(x, y, weights, return_dict=True)
        return float(logs["loss"])

    def gradients(self) -> dict[int, Array]:
        """Return the gradients of the last step by ``id`` of the weight."""
        slots = self.model.optimizer.gradients
        variables = self.model.trainable_variables
        return {
            id(variable): np.asarray(keras.ops.convert_to_numpy(slot))
            for variable, slot in zip(variables, slots, strict=True)
        }

    def start(self, batches: int = 4) -> tuple[float, dict[int, Array], dict[int, float]]:
        """Return the loss, the gradients and the first update of the weights at the start.

        Losses and gradients are means over a few batches.
        """
        losses: list[float] = []
        sums: dict[int, Array] = {}
        rows = self.order()[:batches]
        for each in rows:
            losses.append(self.step(each, 0.0))
            for key, gradient in self.gradients().items():
                sums[key] = sums.get(key, 0) + gradient / len(rows)
        self.reset()
        before = get_state(self.model.trainable_variables)
        self.step(rows[0], self.rate)
        after = get_state(self.model.trainable_variables)
        updates = {
            id(variable): float(np.linalg.norm((new - old).astype("float64")))
            for variable, old, new in zip(
                self.model.trainable_variables, before, after, strict=True
            )
        }
        self.reset()
        return float(np.mean(losses)), sums, updates

    def run(self, rate: float, steps: int) -> tuple[float, ...]:
        """Train at one rate until the loss is not finite, and return it before each step."""
        losses: list[float] = []
        order: list[Array] = []
        while len(losses) < steps:
            order = order or self.order(len(losses))
            losses.append(self.step(order.pop(), rate))
            if not math.isfinite(losses[-1]):
                break
        return tuple(losses)

    def baseline(self, steps: int) -> float:
        """Return the loss at the start, on the batches of the last quarter of a run."""
        order: list[Array] = []
        rows = []
        for at in range(steps):
            order = order or self.order(at)
            rows.append(order.pop())
        losses = [self.step(each, 0.0) for each in rows[-max(1, steps // 4) :]]
        self.reset()
        return float(np.mean(losses))

    def range_test(self) -> tuple[tuple[float, ...], tuple[float, ...], float | None]:
        """Raise the rate from step to step, and suggest one.

        Returns:
            The rates, the smoothed loss at each, and the suggestion: a tenth of the rate at which
            the loss is lowest, or ``None`` if it never falls (Smith 2015, arXiv:1506.01186).
        """
        count = 36 if self.length == self.full_length else 22
        rates = np.geomspace(_LOWEST, _HIGHEST, count)
        smoothed: list[float] = []
        mean = 0.0
        order: list[Array] = []
        for at, rate in enumerate(rates):
            order = order or self.order(at)
            loss = self.step(order.pop(), float(rate))
            if not math.isfinite(loss):
                break
            mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
            smoothed.append(mean / (1 - _SMOOTHING ** (at + 1)))
            if at > 3 and smoothed[-1] > _DIVERGED * max(min(smoothed), 1e-12):
                break
        self.reset()
        used = tuple(rates[: len(smoothed)].tolist())
        if len(smoothed) < 3:
            return used, tuple(smoothed), None
        best = int(np.argmin(smoothed))
        if best == 0 or smoothed[best] > 0.99 * smoothed[0]:
            return used, tuple(smoothed), None
        return used, tuple(smoothed), float(f"{used[best] / 10:.1g}")

    def overfit(self, rate: float) -> tuple[float, ...]:
        """Train on one batch alone, and return the loss before each step."""
        rows = self.order()[0][:16]
        rows = np.resize(rows, self.batch)  # the same size as before: no new trace
        losses: list[float] = []
        for _ in range(2 * self.length if self.length == self.full_length else self.length):
            losses.append(self.step(rows, rate))
            if not math.isfinite(losses[-1]):
                break
        self.reset()
        return tuple(losses)

    def check_gradients(self) -> dict[str, float]:
        """Compare gradients with central differences of the loss, along the gradient itself.

        One direction per weight, for a few weights. Random states are set back before each loss, so
        that dropout is the same.

        Returns:
            The relative difference by weight. Kinks and float32 leave a few percent. A weight is
            left out where the loss has no slope that differences could show.
        """
        rows = self.order()[0]
        loss = self.step(rows, 0.0)
        gradients = self.gradients()
        self.reset()
        again = self.step(rows, 0.0)
        self.reset()
        if abs(again - loss) > 1e-5 * abs(loss):
            return {}  # dropout of PyTorch draws from a generator that belongs to the process
        found: dict[str, float] = {}
        variables = [v for v in self.model.trainable_variables if np.any(gradients[id(v)])]
        count = _CHECKED if self.length == self.full_length else _CHECKED_HEAVY
        places = np.unique(np.linspace(0, len(variables) - 1, count).astype(int))
        for variable in [variables[at] for at in places] if variables else []:
            gradient = gradients[id(variable)].astype("float64")
            norm = float(np.linalg.norm(gradient))
            value = np.asarray(keras.ops.convert_to_numpy(variable)).astype("float64")
            # A change of a hundredth of the loss: far above its float noise, near enough.
            size = 0.005 * max(abs(loss), 1e-3) / norm
            size = min(size, 0.05 * max(float(np.linalg.norm(value)), 1e-2))
            noise = 4e-7 * abs(loss) / size
            if noise >= 0.05 * norm or size < 1e-6 * float(np.linalg.norm(value)):
                continue  # float32 does not hold such a change of the loss, or of the weight
            slope = self._slope(rows, variable, value, gradient / norm, size)
            off = abs(slope - norm) / norm
            if off > OFF_GRADIENT:
                # A loss that has no slope at this scale, as that of a chaotic recurrence has none.
                nearer = self._slope(rows, variable, value, gradient / norm, size / 3)
                if abs(nearer - slope) > 0.5 * off * norm:
                    continue
            found[variable.path] = off
        return found

    def _slope(
        self, rows: Array, variable: Any, value: Array, direction: Array, size: float
    ) -> float:
        """Return a central difference of the loss along a direction of one weight."""
        ends = []
        for sign in (1, -1):
            variable.assign((value + sign * size * direction).astype("float32"))
            ends.append(self.step(rows, 0.0))
            self.reset()
        return (ends[0] - ends[1]) / (2 * size)
