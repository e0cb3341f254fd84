"""Results of an evaluation as plain data: scores, tables, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, NonNegativeInt, field_validator, model_validator

from zoo.config import Frozen
from zoo.metrics.figures import Figure
from zoo.metrics.scores import Better, describe_score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Score(Frozen):
    """A score with its 95 % interval.

    Attributes:
        value: The score on these examples.
        low: Lower end of the interval; ``None`` where no honest one is known.
        high: Upper end, ``None`` together with ``low``.
        unit: Unit of all three; ``None`` for a number without one.
        better: Whether a higher or a lower value is better; ``None`` if neither is. An
            :class:`Evaluation` takes it from the registered score of that name.
        share: Whether it is a share, shown in percent; likewise.

    Example:
        >>> Score.of_share(np.array([True, True, False, True])).value
        0.75
        >>> Score(value=0.71, better="higher").ends
        (0.71, 0.71)
    """

    value: float
    low: float | None = None
    high: float | None = None
    unit: str | None = None
    better: Better | None = None
    share: bool = False

    @classmethod
    def of(
        cls,
        value: float,
        interval: tuple[float, float] | None,
        unit: str | None = None,
        better: Better | None = None,
    ) -> Score:
        """Return a score from its value and its interval, if there is one."""
        low, high = interval or (None, None)
        return cls(value=float(value), low=low, high=high, unit=unit, better=better)

    @classmethod
    def of_share(cls, right: NDArray[np.bool_], better: Better | None = "higher") -> Score:
        """Return the share of true values, with the Wilson (1927) interval."""
        from zoo.metrics.intervals import wilson

        count, total = int(right.sum()), len(right)
        low, high = wilson(count, total)
        return cls(value=count / total, low=low, high=high, better=better, share=True)

    @classmethod
    def of_mean(
        cls,
        values: NDArray[np.float64],
        unit: str | None = None,
        better: Better | None = None,
    ) -> Score:
        """Return the mean of one value per example, with its bootstrap interval (Efron 1979)."""
        from zoo.metrics.intervals import bootstrap_means

        return cls.of(values.mean(), bootstrap_means(values[:, None])[0], unit, better)

    @property
    def ends(self) -> tuple[float, float]:
        """Ends of the interval; the value twice if there is no interval."""
        if self.low is None or self.high is None:
            return self.value, self.value
        return self.low, self.high


class ClassScore(Frozen):
    """Precision, recall and F1 of one class.

    Attributes:
        label: Name of the class.
        support: Examples of this class.
        predicted: Examples predicted as this class.
        precision: Share of correct ones among the predicted; ``None`` if there are none.
        recall: Share of correct ones among the support; ``None`` if there are none.
        f1: Harmonic mean of both; ``None`` if the class neither occurs nor was predicted.

    Example:
        >>> cat = ClassScore(label="cat", support=3, predicted=2, precision=1, recall=2 / 3, f1=0.8)
    """

    label: str
    support: int = Field(ge=0)
    predicted: int = Field(ge=0)
    precision: float | None
    recall: float | None
    f1: float | None


class CalibrationBin(Frozen):
    """A bin of a reliability diagram: examples whose confidence lies in ``(low, high]``.

    Attributes:
        low: Lower end, excluded.
        high: Upper end, included.
        count: Number of examples.
        confidence: Mean confidence; ``None`` for an empty bin.
        accuracy: Accuracy; ``None`` for an empty bin.

    Example:
        >>> sure = CalibrationBin(low=0.9, high=1.0, count=3, confidence=0.95, accuracy=1.0)
    """

    low: float
    high: float
    count: int = Field(ge=0)
    confidence: float | None
    accuracy: float | None


class Mistake(Frozen):
    """A misclassified example.

    Attributes:
        index: Position in the split.
        true: Name of the true class.
        predicted: Name of the predicted class.
        probability: Probability of the predicted class.
        probability_true: Probability of the true class.
        loss: Log loss, in nats.

    Example:
        >>> worst = Mistake(
        ...     index=2, true="cat", predicted="dog", probability=0.6,
        ...     probability_true=0.4, loss=0.92
        ... )
    """

    index: int = Field(ge=0)
    true: str
    predicted: str
    probability: float
    probability_true: float
    loss: float


class ClassificationTables(Frozen):
    """Tables behind the scores of a classifier.

    Attributes:
        labels: Class names, in the order of their indices.
        confusion: Confusion matrix: counts by true class (row) and predicted class (column).
        classes: Scores by class, in the order of ``labels``.
        calibration: Bins of equal width over the confidence, lowest first.
        worst: Mistakes with the highest loss, highest first.

    Example:
        >>> tables = ClassificationTables(
        ...     labels=("cat",), confusion=((2,),), classes=(cat,), calibration=(sure,),
        ...     worst=(worst,))
        >>> tables.classes[0].f1
        0.8
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
    """Result of evaluating a model on one split.

    Attributes:
        task: The task.
        examples: Number of examples, each counted once.
        scores: Scores by name, the headline first. A classifier has ``accuracy``, ``macro_f1``,
            ``log_loss``, ``calibration_error`` and ``brier``.
        tables: Tables behind the scores, if the task has any.
        figures: Figures for a report. They are not part of the dump: a run keeps them in a file of
            their own.

    Example:
        >>> scores = {"mean_iou": Score(value=0.71)}
        >>> found = Evaluation(task="segmentation", examples=20, scores=scores)
        >>> found.headline, found.scores["mean_iou"].better
        ('mean_iou', 'higher')
    """

    task: str
    examples: int = Field(ge=1)
    scores: dict[str, Score]
    tables: ClassificationTables | None = None
    figures: tuple[Figure, ...] = Field((), exclude=True)

    @field_validator("scores")
    @classmethod
    def _complete(cls, scores: dict[str, Score]) -> dict[str, Score]:
        return {name: _completed(name, score) for name, score in scores.items()}

    @property
    def headline(self) -> str:
        """Name of the score that is shown where there is room for one."""
        return next(iter(self.scores))

    def _repr_html_(self) -> str:
        from zoo.html_views import evaluation_html

        return evaluation_html(self)


def _completed(name: str, score: Score) -> Score:
    """Return a score with the direction and the form that are registered for its name.

    Raises:
        ValueError: If it says another direction.
    """
    known = describe_score(name)
    if None not in (known.better, score.better) and known.better != score.better:
        raise ValueError(f"expected {known.better} values of {name!r} to be better, as registered")
    better, share = score.better or known.better, score.share or known.share
    return score.model_copy(update={"better": better, "share": share})
