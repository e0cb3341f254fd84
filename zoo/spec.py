"""The contract of a plugin: what an architecture declares, and what it implements.

A plugin is a class that derives from :class:`Architecture` and is announced by an entry point in
the group ``zoo.architectures``. This module imports neither keras nor numpy, and a plugin's module
should import keras inside its methods only, so that finding a model costs next to nothing.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from pydantic import Field

from zoo.config import Frozen, ModelConfig, OptimizerConfig, TrainPlan, configure, validate
from zoo.errors import ConfigError

if TYPE_CHECKING:
    import keras
    import numpy as np

    from zoo.metrics import Evaluation

API_VERSION = 1
"""The version of this contract. A plugin that declares a newer one is listed, and not loaded."""

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Names become folders, metadata keys and server routes: lower case, digits, underscores."""

Arrays = Mapping[str, "np.ndarray"]
"""Named arrays that share their first axis, the examples."""

Forward = Callable[[Arrays], Arrays]
"""Named inputs to named outputs: a Keras model and an ONNX session look the same through it."""


class Task(StrEnum):
    """What a model is for. It decides how it is evaluated and what its report shows."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    FORECASTING = "forecasting"
    SEQUENCE_TO_SEQUENCE = "sequence-to-sequence"
    RECONSTRUCTION = "reconstruction"
    DENSITY = "density-estimation"
    CAPTIONING = "captioning"


class Column(Frozen):
    """One column of a table, as it enters a model."""

    name: str
    unit: str | None = None
    categories: tuple[str, ...] | None = Field(
        None,
        description="Of a categorical column: code i + 1 stands for categories[i], 0 for none of them.",
    )


class TensorSpec(Frozen):
    """One named input, target or output of a model, the batch axis left out.

    Attributes:
        shape: Sizes without the batch axis; a name (``"time"``) stands for a dynamic one.
        range: Smallest and largest raw value that is meant.
        labels: Of class indices or of a last axis of probabilities: the class names, in order.
        columns: Of tabular inputs: what each element of the last axis is.
        missing: Whether NaN stands for a missing value and is accepted.
        outside: What must happen before the graph, in words: empty where raw values go in.
        inside: What happens inside the graph, in words.
    """

    name: str = Field(pattern=NAME.pattern)
    shape: tuple[int | str, ...] = ()
    dtype: Literal["uint8", "int32", "int64", "float16", "float32", "bool", "string"] = "float32"
    range: tuple[float, float] | None = None
    unit: str | None = None
    labels: tuple[str, ...] | None = None
    columns: tuple[Column, ...] | None = None
    missing: bool = False
    outside: str = ""
    inside: str = ""

    @property
    def is_image(self) -> bool:
        """Whether this is a picture: height, width, channels (1 or 3)."""
        return len(self.shape) == 3 and self.shape[-1] in (1, 3) and self.columns is None


class DataSpec(Frozen):
    """What ties data to model to artifact, known without loading the data.

    Attributes:
        id: The dataset this describes, e.g. ``digits``.
        inputs: What a model receives, raw: preprocessing belongs in the model.
        targets: What a model learns to give.
    """

    id: str
    task: Task
    inputs: tuple[TensorSpec, ...]
    targets: tuple[TensorSpec, ...] = ()

    def input(self, name: str) -> TensorSpec | None:
        """Return the input of that name, or ``None``."""
        return next((tensor for tensor in self.inputs if tensor.name == name), None)

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names of a classification, in the order of their indices.

        Raises:
            ConfigError: If the data has no labelled target.
        """
        for tensor in self.targets:
            if tensor.labels is not None:
                return tensor.labels
        raise ConfigError(
            f"the data {self.id!r} has no classes",
            why=f"its task is {self.task.value}, and a classifier needs labelled examples",
            fix="zoo info NAME shows the data that a model is made for",
        )


class ArchitectureInfo(Frozen):
    """Who an architecture is."""

    name: str = Field(pattern=f"^{NAME.pattern}$", max_length=64)
    summary: str = Field(min_length=8, max_length=200)
    tasks: tuple[Task, ...] = Field(min_length=1)
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = Field((), description="Papers and books, as text.")
    licence: str = "Apache-2.0"
    api_version: int = API_VERSION


ConfigT = TypeVar("ConfigT", bound=ModelConfig)


@dataclass(frozen=True)
class Recipe(Generic[ConfigT]):
    """A configuration and a plan that suit some data."""

    config: ConfigT
    plan: TrainPlan


@dataclass(frozen=True)
class Signature:
    """One thing an exported model can be asked: a name, a functional model, and its tensors.

    Attributes:
        name: ``predict``, or what this graph does (``encode``).
        model: A functional ``keras.Model`` from raw inputs to a dictionary of outputs.
        inputs: One spec an input of the model, by name.
        outputs: One spec an output of the model, by name.
    """

    name: str
    model: keras.Model
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True)
class Blueprint:
    """Where a model came from: enough to build it again. ``zoo.build`` leaves it on the model."""

    architecture: str
    config: ModelConfig
    data: DataSpec


class Split(Protocol):
    """Some examples of a dataset, in a fixed order."""

    def __len__(self) -> int:
        """Return the number of examples."""

    def take(self, indices: np.ndarray) -> tuple[Arrays, Arrays]:
        """Return the inputs and the targets at these positions."""

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` if it is not meant to be held in memory."""


class Dataset(Protocol):
    """A description, and splits that are loaded when they are first asked for."""

    @property
    def spec(self) -> DataSpec:
        """What the data is, known without loading it."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides the examples and their splits."""

    def split(self, name: Literal["train", "validation", "test"]) -> Split:
        """Return one split. Only ``evaluate`` asks for ``test``."""


class TrainLoop(Protocol):
    """The zoo's training loop, as an architecture's ``train`` receives it."""

    plan: TrainPlan

    def fit(self, model: keras.Model, dataset: Dataset) -> None:
        """Train to the end of the plan, with checkpoints, early stopping and history."""


class Architecture(ABC, Generic[ConfigT]):
    """One family of models. Derive, declare ``info`` and ``Config``, implement ``build``.

    The rest has defaults that suit a model with one output for one target.
    """

    info: ClassVar[ArchitectureInfo]
    Config: ClassVar[type[ModelConfig]]
    default_dataset: ClassVar[str]
    """The id of a dataset that works offline."""

    @abstractmethod
    def build(self, config: ConfigT, data: DataSpec) -> keras.Model:
        """Return a compiled model that takes the data's raw inputs."""

    def recipe(self, data: DataSpec) -> Recipe[ConfigT]:
        """Return the configuration and the plan to start from on this data."""
        return Recipe(self.Config(), TrainPlan())  # type: ignore[arg-type]  # Config is type[ConfigT]

    def adapt(self, model: keras.Model, inputs: Arrays) -> None:
        """Fit statistics that live in the model (a normalisation) on the training split."""

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train the model. Override where learning is more than one call of ``loop.fit``."""
        loop.fit(model, dataset)

    def evaluate(self, forward: Forward, split: Split, data: DataSpec) -> Evaluation:
        """Measure named outputs on a split, the same for a Keras model and for an artifact."""
        from zoo.metrics import evaluate

        return evaluate(forward, split, data)

    def signatures(
        self, model: keras.Model, config: ConfigT, data: DataSpec
    ) -> Sequence[Signature]:
        """Return what is exported, one ONNX graph each; the first is what ``predict`` asks."""
        outputs = tuple(
            TensorSpec(name=name, shape=tuple(tensor.shape[1:]), dtype=tensor.dtype)
            for name, tensor in zip(model.output_names, model.outputs, strict=True)
        )
        return (Signature("predict", model, data.inputs, outputs),)


__all__ = [
    "API_VERSION",
    "NAME",
    "Architecture",
    "ArchitectureInfo",
    "Arrays",
    "Blueprint",
    "Column",
    "ConfigT",
    "DataSpec",
    "Dataset",
    "Forward",
    "Frozen",
    "ModelConfig",
    "OptimizerConfig",
    "Recipe",
    "Signature",
    "Split",
    "Task",
    "TensorSpec",
    "TrainLoop",
    "TrainPlan",
    "configure",
    "validate",
]
