"""What an evaluation says, as plain data."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from zoo.config import Frozen
from zoo.metrics.figures import Figure
from zoo.spec import Task


class Score(Frozen):
    """One number, with the interval it would fall into 95 times out of 100.

    Attributes:
        value: The score on these examples.
        low: Lower end of the 95 % interval, or ``None`` where no honest one is known.
        high: Upper end, ``None`` together with ``low``.
        unit: Of all three; ``None`` for a number without one.
    """

    value: float
    low: float | None = None
    high: float | None = None
    unit: str | None = None


class ClassScore(Frozen):
    """How one class fares.

    Attributes:
        label: Its name.
        support: Examples that are of this class.
        predicted: Examples that were said to be.
        precision: Of those said to be, the share that is; ``None`` if there were none.
        recall: Of those that are, the share that was found; ``None`` if there are none.
        f1: Harmonic mean of both; ``None`` if the class neither occurs nor was predicted.
    """

    label: str
    support: int = Field(ge=0)
    predicted: int = Field(ge=0)
    precision: float | None
    recall: float | None
    f1: float | None


class CalibrationBin(Frozen):
    """The examples whose confidence lies in ``(low, high]``.

    Attributes:
        low: Lower end of the bin, not included.
        high: Upper end, included.
        count: Examples in it.
        confidence: Their mean confidence; ``None`` if there are none.
        accuracy: The share of them that is right; ``None`` if there are none.
    """

    low: float
    high: float
    count: int = Field(ge=0)
    confidence: float | None
    accuracy: float | None


class Mistake(Frozen):
    """One example that was given the wrong class.

    Attributes:
        index: Its position in the split.
        true: The name of its class.
        predicted: The name of the class it was given.
        probability: What the model gave to the predicted class.
        probability_true: What the model gave to the true class.
        loss: Its log loss, in nats.
    """

    index: int = Field(ge=0)
    true: str
    predicted: str
    probability: float
    probability_true: float
    loss: float


class ClassificationTables(Frozen):
    """What stands behind the scores of a classifier.

    Attributes:
        labels: The class names, in the order of their indices.
        confusion: Counts; the row is the true class, the column the predicted one.
        classes: One row a class, in the order of ``labels``.
        calibration: Bins of equal width over the confidence, lowest first.
        worst: The mistakes with the highest loss, highest first.
    """

    kind: Literal["classification"] = "classification"
    labels: tuple[str, ...] = Field(min_length=1)
    confusion: tuple[tuple[NonNegativeInt, ...], ...]
    classes: tuple[ClassScore, ...]
    calibration: tuple[CalibrationBin, ...]
    worst: tuple[Mistake, ...]

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        sizes = {len(self.confusion), len(self.classes), *map(len, self.confusion)}
        if sizes != {len(self.labels)}:
            raise ValueError("labels, confusion and classes differ in their number of classes")
        return self


class Evaluation(Frozen):
    """How good a model is on one split: every example counted once.

    Attributes:
        task: What was measured.
        examples: How many examples.
        scores: By name, the headline first. A classifier has ``accuracy``, ``macro_f1``,
            ``log_loss``, ``calibration_error`` and ``brier``.
        tables: What stands behind the scores, if the task has such tables.
        figures: What a report shows besides. They are no part of the dump: a run keeps them in a
            file of their own.

    Example:
        >>> evaluation = Evaluation.model_validate_json(path.read_text())
        >>> evaluation.scores["accuracy"].value
    """

    task: Task
    examples: int = Field(ge=1)
    scores: dict[str, Score]
    tables: ClassificationTables | None = None
    figures: tuple[Figure, ...] = Field((), exclude=True)

    @property
    def headline(self) -> str:
        """The name of the score that stands for all."""
        return next(iter(self.scores))


__all__ = [
    "CalibrationBin",
    "ClassScore",
    "ClassificationTables",
    "Evaluation",
    "Mistake",
    "Score",
]
