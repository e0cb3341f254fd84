"""What data is: names, shapes, types, ranges, classes. It ties data to model to artifact.

Known without loading anything: this module imports neither keras nor numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from msgspec import Meta

from zoo.errors import ConfigError
from zoo.names import NAME
from zoo.struct import Finite, Struct

if TYPE_CHECKING:
    import numpy as np

Arrays = Mapping[str, "np.ndarray"]
"""Named arrays that share their first axis, the examples."""

PredictFn = Callable[[Arrays], Arrays]
"""Named inputs to named outputs: a Keras model and an ONNX session look the same through it."""

PredictFns = Mapping[str, PredictFn]
"""One forward a signature, by its name; the first is what ``predict`` asks."""

SplitName = Literal["train", "validation", "test"]


class Task(StrEnum):
    """What a model is for. It decides how it is evaluated and what its report shows."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    FORECASTING = "forecasting"
    SEQUENCE_TO_SEQUENCE = "sequence-to-sequence"
    RECONSTRUCTION = "reconstruction"
    DENSITY = "density-estimation"
    CAPTIONING = "captioning"


class Column(Struct):
    """One column of a table, as it enters a model.

    Attributes:
        categories: Categories of a categorical column: code ``i + 1`` stands for
            ``categories[i]``, 0 for any other value.
    """

    name: str
    unit: str | None = None
    categories: tuple[str, ...] | None = None


SPECIAL_TOKENS = ("[pad]", "[unknown]", "[start]", "[end]")
"""The first four pieces of a vocabulary that the zoo makes; their places are their ids."""


class TextSpec(Struct):
    """How text becomes a sequence of ids, and ids text. It travels with every artifact.

    Four pieces are signs: padding, an unknown piece, the start and the end of a text; in a
    vocabulary that the zoo makes, the first four. Ids are padded on the right.

    Attributes:
        split: Where text is cut: at blanks and punctuation, at every character, or into subwords,
            the longest known piece first (WordPiece; Schuster & Nakajima 2012; Wu et al. 2016,
            arXiv:1609.08144), which keep their blanks; or into BERT's word pieces (Devlin et al.
            2019, arXiv:1810.04805), of which those inside a word begin with ``##``.
        vocabulary: The tokens; the index of a token is its id. Empty while it is not known yet.
        lowercase: Whether upper and lower case are one.
        max_length: The most ids a text may have, signs included.
        prompts: Beginnings that a model has learned to go on from, each behind the name of what
            it writes then: ``("summary", "a detailed photo of")``.
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


class SeriesSpec(Struct):
    """How a window of history is cut from measurements in time order. It travels with an artifact.

    Attributes:
        date: Name of the column of dates; ``None`` if there is none and rows are evenly spaced.
        every: Units from one row to the next.
        unit: What is counted: a fixed time, calendar months, or nothing known (``step``).
        horizon: Steps behind the window that are forecast.
        gaps: What happens to rows and cells that are not there: an error, or a straight line
            between their neighbors.
    """

    date: str | None = None
    every: Annotated[int, Meta(ge=1)] = 1
    unit: Unit = "step"
    horizon: Annotated[int, Meta(ge=1, le=100_000)]
    gaps: Literal["error", "interpolate"] = "error"

    @property
    def step(self) -> str:
        """The time from one row to the next, in words: ``day``, ``3 hours``."""
        return self.unit if self.every == 1 else f"{self.every} {self.unit}s"


MAX_ELEMENTS = 2**31
"""Elements of one example: more than any machine learns from at once."""


class TensorSpec(Struct):
    """One named input, target or output of a model, the batch axis left out.

    Attributes:
        shape: Sizes without the batch axis; a name (``"time"``) stands for a dynamic one.
        range: Smallest and largest raw value that is meant.
        labels: Of class indices or of a last axis of probabilities: the class names, in order.
        columns: Of tabular inputs: what each element of the last axis is.
        text: Of a sequence of ids: how text becomes it.
        series: Of a window of history: how it is cut from a table in time order.
        missing: Whether NaN stands for a missing value and is accepted.
        outside: What must happen before the graph, in words: empty where raw values go in.
        inside: What happens inside the graph, in words.
    """

    name: Annotated[str, Meta(pattern=rf"^{NAME.pattern}\Z")]
    shape: tuple[int | str, ...] = ()
    dtype: Literal["uint8", "int32", "int64", "float16", "float32", "bool", "string"] = "float32"
    range: tuple[Finite, Finite] | None = None
    unit: str | None = None
    labels: tuple[str, ...] | None = None
    columns: tuple[Column, ...] | None = None
    text: TextSpec | None = None
    series: SeriesSpec | None = None
    missing: bool = False
    outside: str = ""
    inside: str = ""

    def _check(self) -> None:
        sizes = [size for size in self.shape if isinstance(size, int)]
        # None is a size: a cache may begin empty.
        if any(size < 0 for size in sizes) or math.prod(sizes) > MAX_ELEMENTS:
            raise ValueError(
                f"no size is negative, and an example has at most {MAX_ELEMENTS:,} elements. "
                f"Received: shape={list(self.shape)}"
            )

    @property
    def is_image(self) -> bool:
        """Whether this is a picture: height, width, channels (1 or 3)."""
        return len(self.shape) == 3 and self.shape[-1] in (1, 3) and self.columns is None


class DataSpec(Struct):
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
            ConfigError: If the data has no labeled target.
        """
        for tensor in self.targets:
            if tensor.labels is not None:
                return tensor.labels
        raise ConfigError(
            f"the data {self.id!r} has no classes",
            why=f"its task is {self.task.value}, and a classifier needs labeled examples",
            fix="zoo info NAME shows the data that a model is made for",
        )


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

    def split(self, name: SplitName) -> Split:
        """Return one split. Only ``evaluate`` asks for ``test``."""


__all__ = [
    "SPECIAL_TOKENS",
    "Arrays",
    "Column",
    "DataSpec",
    "Dataset",
    "PredictFn",
    "PredictFns",
    "SeriesSpec",
    "Split",
    "SplitName",
    "Task",
    "TensorSpec",
    "TextSpec",
    "Unit",
]
