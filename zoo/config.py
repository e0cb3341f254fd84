"""Configuration as checked data: what a model is made of, and how it learns.

Frozen pydantic models whose every field has a default, a range and a description with its unit;
the command line, the JSON schema and the documentation are made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.errors import ConfigError, Finding
from zoo.names import nearest

_LIST = "a list is written in brackets, on a command line in quotes: '[8, 16]'"
_Validated = TypeVar("_Validated", bound=BaseModel)


class Frozen(BaseModel):
    """Plain data that cannot change after it was checked; an unknown key is an error.

    Example:
        >>> class Heads(Frozen):
        ...     count: int = Field(8, ge=1, description="Attention heads.")
        >>> Heads(count=4)
        Heads(count=4)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


ActivationName = Literal[
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "tanh",
    "sigmoid",
    "linear",
    "softmax",
    "step",
]
"""Activation functions of hidden layers. With ``linear`` all layers are one; ``softmax`` and
``step`` train badly or not at all, which is there to be seen."""


class OptimizerConfig(Frozen):
    """Optimizer and learning rate schedule.

    The learning rate rises linearly over ``warmup`` of all steps to ``learning_rate``, then
    follows ``schedule`` down (Loshchilov & Hutter 2017, arXiv:1608.03983, for the cosine).
    """

    name: Literal[
        "adam",
        "adamw",
        "sgd",
        "adadelta",
        "adafactor",
        "adagrad",
        "adamax",
        "ftrl",
        "lamb",
        "lion",
        "muon",
        "nadam",
        "rmsprop",
        "schedulefreeadamw",
    ] = Field(
        "adamw",
        description="One of Keras's optimizers, with its default options; SGD has Nesterov "
        "momentum 0.9.",
    )
    learning_rate: float = Field(
        1e-3, gt=0, le=10, description="Highest learning rate of the schedule."
    )
    weight_decay: float = Field(
        0.0, ge=0, le=1, description="Decoupled weight decay, times the learning rate."
    )
    schedule: Literal["constant", "cosine", "linear"] = Field(
        "cosine", description="Decay of the learning rate after the warmup."
    )
    warmup: float = Field(
        0.05, ge=0, lt=1, description="Fraction of all steps over which the rate rises from 0."
    )
    global_clipnorm: float | None = Field(
        None, gt=0, description="Gradients are clipped to this global norm; not if null."
    )
    serialized: dict[str, Any] | None = Field(
        None,
        description="Any other optimizer, as keras.optimizers.serialize returns it; it replaces "
        "all other fields.",
        exclude_if=lambda serialized: serialized is None,
    )


class AugmentationConfig(Frozen):
    """Random transformations of training images that keep their class; all zero means none."""

    rotation: float = Field(
        0.0, ge=0, le=180, description="Largest rotation in either direction, degrees."
    )
    shift: float = Field(0.0, ge=0, le=1, description="Largest shift, fraction of the side.")
    zoom: float = Field(0.0, ge=0, le=1, description="Largest zoom in or out, fraction.")
    shear: float = Field(0.0, ge=0, le=1, description="Largest shear, fraction of the height.")
    elastic: float = Field(
        0.0, ge=0, le=64, description="Standard deviation of an elastic deformation, pixels."
    )
    flip: bool = Field(False, description="Mirror half of the images left to right.")


class BaseConfig(Frozen):
    """Base class of every architecture's configuration.

    Every field has a default, a range and a description with its unit; the command line, the
    JSON schema and the documentation are made from them. Derive from it if the model has no
    optimizer that users choose, or several.

    Example:
        >>> class Forest(BaseConfig):
        ...     trees: int = Field(100, ge=1, le=10_000, description="Number of trees.")
        >>> Forest().trees
        100
    """


class ModelConfig(BaseConfig):
    """Configuration of an architecture with one optimizer: what most derive theirs from.

    Example:
        >>> class Settings(ModelConfig):
        ...     units: int = Field(64, ge=1, le=4_096, description="Hidden units.")
        >>> Settings(units=32).optimizer.name
        'adamw'
    """

    # A factory: for an instance, pydantic would build its validator when this is imported.
    optimizer: OptimizerConfig = Field(
        default_factory=OptimizerConfig,
        json_schema_extra=lambda schema: schema.update(
            default=OptimizerConfig().model_dump(mode="json")
        ),
    )


class TrainPlan(Frozen):
    """Training plan: epochs, batch size, early stopping, checkpoints, and the seed of it all."""

    epochs: int = Field(20, ge=1, le=100_000, description="Passes over the training split.")
    batch_size: int = Field(64, ge=1, le=65_536, description="Examples per step, over all devices.")
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of everything random.")
    patience: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Stop after this many epochs without improvement; never if null.",
    )
    monitor: str = Field(
        "val_loss",
        description="Column of the history that decides what an improvement is.",
    )
    mode: Literal["min", "max"] | None = Field(
        None,
        description="'min' if lower values of that column are better, 'max' if higher ones are; "
        "null takes the direction of the registered score of that name.",
    )
    restore_best_weights: bool = Field(
        True, description="Whether the model ends with the weights of its best epoch."
    )
    engine: Literal["auto", "graph", "fit"] = Field(
        "auto",
        description="'graph' runs many steps in one TensorFlow graph, 'fit' is keras.Model.fit; "
        "'auto' takes the first that is possible.",
    )
    checkpoint_every: int = Field(1, ge=1, le=100_000, description="Epochs between checkpoints.")
    checkpoint_steps: int | None = Field(
        None,
        ge=1,
        description="Steps between further checkpoints inside an epoch; none if null.",
        exclude_if=lambda steps: steps is None,
    )
    telemetry: bool = Field(
        False,
        description="Whether gradients, changes of weights and dead units of each layer are "
        "measured between epochs.",
        exclude_if=lambda telemetry: not telemetry,
    )


def configure(
    config: _Validated, overrides: Mapping[str, Any], *, what: str, fix: str = ""
) -> _Validated:
    """Return a configuration with some values replaced, checked as a whole.

    Args:
        config: What to start from.
        overrides: New values by field name; ``"optimizer.learning_rate"`` reaches inside.
        what: Whose configuration it is, for the message.
        fix: The next command, for the message.

    Raises:
        ConfigError: With one finding a wrong field.
    """
    data = config.model_dump()
    for dotted, value in overrides.items():
        place, *rest = dotted.split(".")
        target = data
        while rest and isinstance(target.get(place), dict):
            target, place, rest = target[place], rest[0], rest[1:]
        if isinstance(value, Mapping) and isinstance(target.get(place), dict):
            target[place] = {**target[place], **value}
        else:
            target[".".join((place, *rest))] = value
    return validate(type(config), data, what=what, fix=fix)


def validate(kind: type[_Validated], data: Any, *, what: str, fix: str = "") -> _Validated:
    """Check plain data against a pydantic model, and say every finding at once.

    Raises:
        ConfigError: Instead of pydantic's own error.

    Example:
        >>> validate(TrainPlan, {"epochs": 5}, what="the plan").epochs
        5
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        findings = [_finding(kind, detail) for detail in error.errors(include_url=False)]
        count = f"{len(findings)} wrong value{'s' if len(findings) > 1 else ''}"
        raise ConfigError(
            f"{what}: {count}",
            findings=findings,
            fix=fix,
        ) from error


def _finding(kind: type[BaseModel], detail: Any) -> Finding:
    where = ".".join(str(part) for part in detail["loc"]) or "(whole)"
    if detail["type"] in {"tuple_type", "list_type"}:
        return Finding(where, detail["input"], _LIST)
    if detail["type"] != "extra_forbidden":
        return Finding(where, detail["input"], detail["msg"])
    known = list(_fields(kind))
    near = nearest(where, known, count=1)
    siblings = [name for name in known if name.count(".") == where.count(".")]
    return Finding(
        where,
        detail["input"],
        f"no such field; there are {', '.join(sorted(siblings))}",
        near[0] if near else None,
    )


def _fields(kind: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, field in kind.model_fields.items():
        names.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += _fields(field.annotation, f"{prefix}{name}.")
    return names


__all__ = [
    "ActivationName",
    "AugmentationConfig",
    "BaseConfig",
    "Frozen",
    "ModelConfig",
    "OptimizerConfig",
    "TrainPlan",
    "validate",
]
