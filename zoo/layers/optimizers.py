"""Optimizers and learning-rate schedules, from their configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from inspect import getmembers, isclass
from typing import Any

import keras
from keras import ops

from zoo.config import OptimizerConfig
from zoo.errors import ConfigError, Finding

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

    Example:
        >>> schedule = WarmupSchedule(peak=0.1, curve="linear", steps=10)
        >>> round(float(schedule(5)), 3)
        0.05
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

    Raises:
        ConfigError: If ``config.serialized`` is no optimizer that Keras can make.

    Example:
        >>> optimizer = make_optimizer(zoo.OptimizerConfig(name="sgd", learning_rate=0.1))
        >>> optimizer.nesterov
        True
    """
    if config.serialized is not None:
        return _deserialized(config.serialized)
    rate = WarmupSchedule(config.learning_rate, config.schedule, config.warmup)
    options: dict[str, Any] = {"learning_rate": rate, "global_clipnorm": config.global_clipnorm}
    if config.weight_decay or config.name == "adamw":
        options["weight_decay"] = config.weight_decay
    if config.name == "sgd":
        options |= {"momentum": momentum, "nesterov": momentum > 0}
    classes = {name.lower(): kind for name, kind in getmembers(keras.optimizers, isclass)}
    optimizer: keras.optimizers.Optimizer = classes[config.name](**options)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", *undecayed])
    return optimizer


def _deserialized(config: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    try:
        found = keras.optimizers.deserialize(dict(config))
        if not isinstance(found, keras.optimizers.Optimizer):
            raise TypeError(f"expected an optimizer. Received: {type(found).__name__}")
        return found
    except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise ConfigError(
            "the serialized optimizer is none that Keras can make",
            why=" ".join(str(error).split())[:300],
            findings=[Finding("optimizer.serialized", config, "a dictionary of Keras")],
            fix="pass what keras.optimizers.serialize(optimizer) returns",
        ) from error
