"""Data specifications: names, shapes, dtypes, ranges and classes of inputs and targets.

A specification ties data to model to artifact, and is known without loading the data. This module
imports neither keras nor numpy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol

from msgspec import Meta

from zoo.errors import ConfigError
from zoo.names import NAME
from zoo.struct import Finite, Struct

if TYPE_CHECKING:
    import numpy as np

Arrays = Mapping[str, "np.ndarray"]
"""Named arrays that share their first axis, the batch."""

PredictFn = Callable[[Arrays], Arrays]
"""Function from named inputs to named outputs: a Keras model or an ONNX session."""

PredictFns = Mapping[str, PredictFn]
"""One function per signature, by its name; the first is ``predict``."""

SplitName = Literal["train", "validation", "test"]
"""Names of the splits of every dataset."""

TASK = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
"""Names of tasks: lower case, digits, single hyphens or underscores."""

TaskName = Annotated[str, Meta(pattern=rf"^{TASK.pattern}\Z")]
"""The name of a task, checked."""


class Task:
    """Names of the tasks of the zoo's own models. A plugin may use any other name.

    The task of the data decides the metrics of an evaluation: those of
    :func:`zoo.metrics.register_metrics`, unless the architecture has an ``evaluate`` of its own.
    """

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    FORECASTING = "forecasting"
    SEQUENCE_TO_SEQUENCE = "sequence-to-sequence"
    RECONSTRUCTION = "reconstruction"
    DENSITY = "density-estimation"
    CAPTIONING = "captioning"


IN_MEMORY = "in_memory"
"""Id and source of data that is in Python."""


class Reading(Struct):
    """How numbers are written in the text cells of a column, where that is not the usual way.

    Attributes:
        decimal: Decimal mark, ``.`` or ``,``.
        thousands: Mark between groups of three digits; empty for none.
        missing: Further cells that stand for a missing value.
        signs: Whether percent signs and currencies are left out.
    """

    decimal: str = "."
    thousands: str = ""
    missing: tuple[str, ...] = ()
    signs: bool = False


class Column(Struct):
    """Column of a table, as a model receives it.

    Attributes:
        categories: Categories of a categorical column: code ``i + 1`` stands for
            ``categories[i]``, 0 for any other value.
        reading: How its cells are read, if numbers are written in another way than usual.

    Example:
        >>> size = Column(name="size", categories=("small", "large"))
        >>> area = Column(name="area", unit="m²")
    """

    name: str
    unit: str | None = None
    categories: tuple[str, ...] | None = None
    reading: Reading | None = None

    _dumped_if_given: ClassVar[tuple[str, ...]] = ("reading",)


SPECIAL_TOKENS = ("[pad]", "[unknown]", "[start]", "[end]")
"""Special tokens, the first four of every vocabulary that the zoo makes: their ids are 0 to 3."""


class TextSpec(Struct):
    """Tokenization of a text. It travels with every artifact.

    Ids are padded on the right.

    Attributes:
        split: Tokens: words and punctuation, characters, or subwords that keep their blanks, the
            longest match first (WordPiece; Schuster & Nakajima 2012; Wu et al. 2016,
            arXiv:1609.08144); or BERT's WordPiece (Devlin et al. 2019, arXiv:1810.04805), whose
            tokens inside a word start with ``##``.
        vocabulary: The tokens; the index of a token is its id. Empty while it is not known yet.
        lowercase: Whether the text is lowercased.
        max_length: Largest number of ids, special tokens included.
        pad: Id of the padding token.
        unk: Id of the token for unknown words.
        start: Id of the start token.
        end: Id of the end token.
        prompts: Decoder prefixes that a model was trained with, each after its name:
            ``("summary", "a detailed photo of")``.

    Example:
        >>> TextSpec(split="words", vocabulary=(*SPECIAL_TOKENS, "seven"), max_length=8).start
        2
    """

    split: Literal["words", "characters", "subwords", "wordpiece"]
    vocabulary: tuple[str, ...] = ()
    lowercase: bool = False
    max_length: Annotated[int, Meta(ge=2, le=100_000)]
    pad: int = 0
    unk: int = 1
    start: int = 2
    end: int = 3
    prompts: tuple[tuple[str, str], ...] = ()


Unit = Literal["step", "second", "minute", "hour", "day", "month"]
"""Units of time between two rows of a series; ``step`` if unknown."""


EVERY_DAY = "1111111"
"""The weekdays of a series that has all of them."""

_STEPS = {(7, "day"): "week", (3, "month"): "quarter", (12, "month"): "year"}


def step_name(every: int, unit: Unit, weekmask: str = EVERY_DAY) -> str:
    """Return the time from one row of a series to the next, in words."""
    if weekmask != EVERY_DAY:
        return "business day"
    return _STEPS.get((every, unit)) or (unit if every == 1 else f"{every} {unit}s")


class SeriesSpec(Struct):
    """Frequency and forecast horizon of a time series. It travels with every artifact.

    Attributes:
        date: Name of the column of dates; ``None`` if there is none and rows are evenly spaced.
        every: Units from one row to the next.
        unit: Unit of time: a fixed time, calendar months, or ``step`` if unknown.
        horizon: Number of steps after the window that are forecast.
        gaps: Treatment of missing rows and cells: an error, or linear interpolation.
        weekmask: The weekdays of a daily series, from Monday, 1 for those that it has.
        group_by: Columns whose values name a series, if the table holds several.
        training_steps: Steps of the training split, over all series; ``None`` if unknown.

    Example:
        >>> SeriesSpec(date="day", every=7, unit="day", horizon=4).step
        'week'
    """

    date: str | None = None
    every: Annotated[int, Meta(ge=1)] = 1
    unit: Unit = "step"
    horizon: Annotated[int, Meta(ge=1, le=100_000)]
    gaps: Literal["error", "interpolate"] = "error"
    weekmask: Annotated[str, Meta(pattern="^[01]{7}$")] = EVERY_DAY
    group_by: tuple[str, ...] = ()
    training_steps: Annotated[int, Meta(ge=1)] | None = None

    _dumped_if_given: ClassVar[tuple[str, ...]] = ("group_by", "weekmask", "training_steps")

    @property
    def step(self) -> str:
        """Time from one row to the next, in words: ``day``, ``3 hours``, ``quarter``."""
        return step_name(self.every, self.unit, self.weekmask)


SAMPLE_WEIGHT = "sample_weight"
"""Name of the target that holds the weight of each example in the loss, by convention."""

DType = Literal[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
]
"""Types of numbers: those that ONNX and numpy both have."""

MAX_ELEMENTS = 2**31
"""Largest number of elements of one example."""

Role = Literal[
    "image",
    "mask",
    "boxes",
    "probabilities",
    "class",
    "prediction",
    "interval",
    "score",
    "count",
    "noise",
    "state",
]
"""Meanings of a tensor, which its name alone never implies:

* ``image``: height, width and any number of channels;
* ``mask``: one value per pixel of an image, from 0 for outside to 1 for inside;
* ``boxes``: left, top, right and bottom of rectangles along the last axis, in pixels;
* ``probabilities``: one value per class along the class axis, with the sum 1;
* ``class``: index of a class; if ``of`` names probabilities, that of the largest;
* ``prediction``: estimate of a target;
* ``interval``: one end of the interval around the prediction in ``of``;
* ``score``: confidence, the higher the surer, in what ``of`` names;
* ``count``: number of valid rows;
* ``noise``: random input of every call, drawn as ``draw`` says;
* ``state``: what one call hands on to the next, and no more than that.

An output whose ``of`` is the name of an input replaces this input in the next call.
"""

Draw = Literal["normal", "uniform", "logistic", "gumbel", "binary", "one-hot", "zeros"]
"""Distributions of an input without examples: standard normal, uniform over its range or 0 to 1,
standard logistic, standard Gumbel, either end of its range, one of its labels, or zeros."""


class TensorSpec(Struct):
    """Named input, target or output of a model, without the batch axis.

    Attributes:
        shape: Sizes without the batch axis; a name (``"time"``) stands for a dynamic one.
        range: Smallest and largest raw value.
        unit: Unit of the values.
        labels: Class names in order, for class indices or for a last axis of probabilities. In a
            target with a class for every word or pixel, -1 stands for none: that of padding.
        columns: Columns of a tabular input, in the order of the last axis.
        text: Tokenization, for a sequence of ids.
        series: Frequency and horizon, for a window of a time series.
        missing: Whether NaN is accepted for a missing value.
        role: Meaning of the values, if it is one of :data:`Role`.
        of: Name of the tensor that this one belongs to: see :data:`Role`.
        class_axis: Axis of the classes, for probabilities, counted from the end: -1 is the last.
        rows: Name of the output with the number of valid rows, which come first along the first
            axis of each example; the others are padding. All are valid by default.
        draw: Distribution of an input that no dataset has examples of.
        outside: Preprocessing that is required before the graph; empty where raw values go in.
        inside: Preprocessing or computation inside the graph, in words.

    Example:
        >>> image = TensorSpec(name="image", shape=(28, 28, 1), range=(0, 255), role="image")
        >>> image.is_image, image.fits((28, 28, 1))
        (True, True)
        >>> tokens = TensorSpec(name="tokens", shape=("time",), dtype="int32")
    """

    name: Annotated[str, Meta(pattern=rf"^{NAME.pattern}\Z")]
    shape: tuple[int | str, ...] = ()
    dtype: DType = "float32"
    range: tuple[Finite, Finite] | None = None
    unit: str | None = None
    labels: tuple[str, ...] | None = None
    columns: tuple[Column, ...] | None = None
    text: TextSpec | None = None
    series: SeriesSpec | None = None
    missing: bool = False
    role: Role | None = None
    of: str = ""
    class_axis: int = -1
    rows: str = ""
    draw: Draw | None = None
    outside: str = ""
    inside: str = ""

    def _check(self) -> None:
        sizes = [size for size in self.shape if isinstance(size, int)]
        # 0 is a size: a cache may start empty.
        if any(size < 0 for size in sizes) or math.prod(sizes) > MAX_ELEMENTS:
            raise ValueError(
                f"no size is negative, and an example has at most {MAX_ELEMENTS:,} elements. "
                f"Received: shape={list(self.shape)}"
            )
        if fault := self._role_fault():
            raise ValueError(f"{fault}. Received: {self.name}, shape={list(self.shape)}")

    def _role_fault(self) -> str:
        """Return what the role requires and is not there."""
        axes = len(self.shape)
        if self.role == "image" and axes != 3:
            return "an image has the shape [height, width, channels]"
        if self.role == "boxes" and (not axes or self.shape[-1] != 4):
            return "boxes have a last axis of 4: left, top, right, bottom"
        if self.role == "noise" and self.draw is None:
            return "noise needs draw, its distribution"
        if self.draw == "one-hot" and not axes:
            return "a one-hot vector has an axis of classes"
        if self.role == "probabilities":
            if not -axes <= self.class_axis <= -1:
                return f"the class axis is counted from the end, and {self.class_axis} is none"
            classes = self.shape[self.class_axis]
            if self.labels is not None and len(self.labels) != classes:
                return f"one label per class is needed, and there are {len(self.labels)}"
        return ""

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Return whether an example of this tensor can have a shape."""
        return len(shape) == len(self.shape) and all(
            isinstance(size, str) or size == given
            for size, given in zip(self.shape, shape, strict=True)
        )

    @property
    def is_image(self) -> bool:
        """Whether this is an image."""
        return self.role == "image"


class SignatureSpec(Protocol):
    """Specs of a signature: of a model's, or of an artifact's."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Specs of the inputs."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Specs of the outputs."""

    @property
    def decode(self) -> str:
        """Name of the signature that generates text from the outputs; empty if none does."""


class DataSpec(Struct):
    """Inputs, targets and task of a dataset, known without loading it.

    Attributes:
        id: Name of the dataset, e.g. ``digits``.
        task: Task that the data is for: a name of :class:`Task`, or any other.
        inputs: Raw inputs of a model: preprocessing belongs in the model.
        targets: Targets that a model is trained on. One called ``sample_weight`` is the weight of
            each example in the loss.

    Example:
        >>> pets = DataSpec(
        ...     id="pets",
        ...     task=Task.CLASSIFICATION,
        ...     inputs=(TensorSpec(name="image", shape=(64, 64, 3), dtype="uint8", role="image"),),
        ...     targets=(TensorSpec(name="label", dtype="int64", labels=("cat", "dog")),),
        ... )
        >>> pets.labels
        ('cat', 'dog')
    """

    id: str
    task: TaskName
    inputs: tuple[TensorSpec, ...]
    targets: tuple[TensorSpec, ...] = ()

    def input(self, name: str) -> TensorSpec | None:
        """Return the input of that name, or ``None``."""
        return next((tensor for tensor in self.inputs if tensor.name == name), None)

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names of a classification, in the order of their indices.

        Raises:
            ConfigError: If the data has no labeled target.
        """
        for tensor in self.targets:
            if tensor.labels is not None:
                return tensor.labels
        raise ConfigError(
            f"the data {self.id!r} has no classes",
            why=f"its task is {self.task}, and a classifier needs labeled examples",
            fix="zoo info NAME shows the data that a model is made for",
        )


class Split(Protocol):
    """Examples of a dataset in a fixed order, e.g. its training split."""

    def __len__(self) -> int:
        """Return the number of examples."""

    def take(self, indices: np.ndarray) -> tuple[Arrays, Arrays]:
        """Return the inputs and the targets at these positions."""

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return all examples at once, or ``None`` if they are not held in memory."""


class Dataset(Protocol):
    """A specification and splits that are loaded when they are first used."""

    @property
    def spec(self) -> DataSpec:
        """Specification of the data, known without loading it."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the examples and their splits."""

    def split(self, name: SplitName) -> Split:
        """Return one split. Only ``evaluate`` uses ``test``."""


__all__ = [
    "SAMPLE_WEIGHT",
    "SPECIAL_TOKENS",
    "Arrays",
    "Column",
    "DType",
    "DataSpec",
    "Dataset",
    "Draw",
    "PredictFn",
    "PredictFns",
    "Role",
    "SeriesSpec",
    "SignatureSpec",
    "Split",
    "SplitName",
    "Task",
    "TensorSpec",
    "TextSpec",
    "Unit",
]
