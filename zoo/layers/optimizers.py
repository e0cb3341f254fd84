"""Optimizers and learning-rate schedules, from their configuration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.config import OptimizerConfig

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warmup, then constant, linear or cosine decay.

    The number of steps is known when training starts, not when a model is compiled: see
    ``set_steps``. Until then the learning rate is constant, as a plain ``model.fit`` expects.

    Args:
        peak: Peak learning rate.
        curve: ``constant``, ``linear``, or ``cosine`` (Loshchilov & Hutter 2017,
            arXiv:1608.03983, equation 5, one period).
        warmup: Share of all steps for warmup.
        steps: Total number of steps; ``None`` while unknown.
    """

    def __init__(
        self, peak: float, curve: str = "cosine", warmup: float = 0.0, steps: int | None = None
    ) -> None:
        super().__init__()
        self.peak, self.curve, self.warmup, self.steps = peak, curve, warmup, steps

    def set_steps(self, steps: int) -> None:
        """Set the total number of steps, before the first of them."""
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        if self.steps is None:
            return ops.ones_like(step) * self.peak
        warmup_steps = round(self.warmup * self.steps)
        rise = (step + 1.0) / (warmup_steps + 1.0)
        share = ops.clip((step - warmup_steps) / max(self.steps - warmup_steps, 1), 0.0, 1.0)
        if self.curve == "cosine":
            fall = 0.5 * (1.0 + ops.cos(math.pi * share))
        elif self.curve == "linear":
            fall = 1.0 - share
        else:
            fall = ops.ones_like(share)
        return self.peak * ops.where(step < warmup_steps, rise, fall)

    def get_config(self) -> dict[str, Any]:
        """Return the schedule's configuration."""
        return {
            "peak": self.peak,
            "curve": self.curve,
            "warmup": self.warmup,
            "steps": self.steps,
        }


def make_optimizer(
    config: OptimizerConfig, *, momentum: float = 0.9, undecayed: Sequence[str] = ()
) -> keras.optimizers.Optimizer:
    """Create the optimizer of a configuration.

    Biases and the scales and offsets of normalization layers have no weight decay: shrinking them
    limits a layer without making it simpler.

    Args:
        config: Optimizer and learning-rate schedule.
        momentum: Nesterov momentum of SGD.
        undecayed: Names of further weights without weight decay.
    """
    rate = WarmupSchedule(config.learning_rate, config.schedule, config.warmup)
    common: dict[str, Any] = {"global_clipnorm": config.global_clipnorm}
    if config.name == "adam":
        return keras.optimizers.Adam(rate, **common)
    if config.name == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, **common)
    else:
        optimizer = keras.optimizers.SGD(
            rate,
            momentum=momentum,
            nesterov=momentum > 0,
            weight_decay=config.weight_decay or None,
            **common,
        )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", *undecayed])
    return optimizer
