"""Report sections of a classifier: confusion matrix, scores by class, calibration, mistakes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from zoo.metrics import CalibrationBin, ClassificationTables, ClassScore, Evaluation, Mistake
from zoo.metrics.figures import encode_image
from zoo.report.charts import contrast, reliability_diagram
from zoo.report.formatting import percent

MAX_CLASSES = 60
"""Classes of which the whole confusion matrix is shown."""

SHOWN_CLASSES = 40
"""Classes to show otherwise: those with the most mistakes."""

MAX_SIDE = 192
"""Pixels along the longer side of an image in a report."""

_MAX_NUMBERS = 24
_MIN_SCALE = 0.25
_TINY = 64
_CONFUSIONS = 6
_MISTAKES = 24
_ROWS = 15
_LONG_LABEL = 10
_UNCERTAIN = 0.15


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix.

    Attributes:
        share: Share of the true class.
        strength: Opacity of its color.
    """

    label: str
    count: int
    share: float
    strength: float
    right: bool

    @property
    def contrast(self) -> str:
        """CSS class for readable text on the color."""
        return contrast(self.strength)


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix as a table; a cell without examples is ``None``."""

    labels: tuple[str, ...]
    rows: tuple[tuple[Cell | None, ...], ...]
    left_out: int

    @property
    def has_numbers(self) -> bool:
        """Whether there is room for numbers in the cells."""
        return len(self.labels) <= _MAX_NUMBERS

    @property
    def is_vertical(self) -> bool:
        """Whether the labels of the columns need to be vertical."""
        return not self.has_numbers or max(map(len, self.labels)) > 3


@dataclass(frozen=True)
class Confusion:
    """A pair of confused classes."""

    true: str
    predicted: str
    count: int
    support: int


@dataclass(frozen=True)
class ClassifierSections:
    """Data of the sections about a classifier."""

    matrix: Matrix
    confusions: Sequence[Confusion]
    wrong: int
    classes: Sequence[ClassScore]
    more_classes: Sequence[ClassScore]
    calibration: Markup
    bins: Sequence[CalibrationBin]
    confidence: str
    mistakes: Sequence[Mistake]
    images: Sequence[tuple[Mistake, str]]
    long_labels: bool


def describe(
    evaluation: Evaluation, tables: ClassificationTables, images: np.ndarray | None
) -> ClassifierSections:
    """Return the data of the sections about a classifier.

    Args:
        evaluation: The evaluation.
        tables: Its tables.
        images: Images of the worst mistakes, if the inputs are images.
    """
    rows = sorted(tables.classes, key=lambda row: (row.f1 is None, row.f1 or 0.0))
    shown = _ROWS if len(rows) > _ROWS + 3 else len(rows)
    mistakes = tables.worst[:_MISTAKES]
    return ClassifierSections(
        matrix=confusion_matrix(tables),
        confusions=confusions(tables)[:_CONFUSIONS],
        wrong=evaluation.examples - sum(row[i] for i, row in enumerate(tables.confusion)),
        classes=rows[:shown],
        more_classes=rows[shown:],
        calibration=reliability_diagram("calibration", tables.calibration),
        bins=[b for b in tables.calibration if b.count],
        confidence=_calibration_note(evaluation, tables),
        mistakes=mistakes,
        images=[(m, thumbnail(a)) for m, a in zip(mistakes, images, strict=False)]
        if images is not None
        else [],
        long_labels=max(map(len, tables.labels)) > _LONG_LABEL,
    )


def confusion_matrix(tables: ClassificationTables) -> Matrix:
    """Return the confusion matrix of all classes, or of those with the most mistakes."""
    labels, counts = tables.labels, tables.confusion
    shown = list(range(len(labels)))
    if len(labels) > MAX_CLASSES:
        shown = sorted(sorted(shown, key=lambda i: -_mistakes(counts, i))[:SHOWN_CLASSES])
    largest = max((pair.count / pair.support for pair in confusions(tables)), default=1.0)
    scale = max(largest, _MIN_SCALE)

    def cell(i: int, j: int) -> Cell | None:
        if not counts[i][j]:
            return None
        share = counts[i][j] / sum(counts[i])
        strength = share if i == j else max(0.18, 0.9 * (share / scale) ** 0.7)
        return Cell(labels[j], counts[i][j], share, round(strength, 3), i == j)

    return Matrix(
        labels=tuple(labels[i] for i in shown),
        rows=tuple(tuple(cell(i, j) for j in shown) for i in shown),
        left_out=len(labels) - len(shown),
    )


def confusions(tables: ClassificationTables) -> list[Confusion]:
    """Return the pairs of confused classes, the most frequent first."""
    found = [
        Confusion(tables.labels[i], tables.labels[j], count, sum(row))
        for i, row in enumerate(tables.confusion)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(found, key=lambda pair: (-pair.count, -pair.count / pair.support))


def thumbnail(array: np.ndarray) -> str:
    """Encode an image as base64 text of a PNG, reduced if it is large.

    Args:
        array: Raw values: integers from 0 to 255; anything else is stretched from black to white.

    Shapes:
        array: ``[height, width, channels]``
    """
    if array.dtype != np.uint8:
        values: Any = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        if array.dtype.kind in "iu" and values.min() >= 0 and values.max() <= 255:
            array = values.astype(np.uint8)
        else:
            array = (values - values.min()) / (np.ptp(values) or 1.0)
    return encode_image(array, MAX_SIDE)


def is_tiny(image: str) -> bool:
    """Return whether an encoded image is so small that its pixels should be seen as squares."""
    # The PNG header holds width and height in bytes 16 to 24.
    head = base64.b64decode(image[:32])
    return max(int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) <= _TINY


def _mistakes(counts: Sequence[Sequence[int]], i: int) -> int:
    return sum(counts[i]) + sum(row[i] for row in counts) - 2 * counts[i][i]


def _calibration_note(evaluation: Evaluation, tables: ClassificationTables) -> str:
    """Return whether the confidence agrees with the accuracy."""
    confidence = sum(b.count * b.confidence for b in tables.calibration if b.confidence is not None)
    confidence /= max(1, sum(b.count for b in tables.calibration))
    score = evaluation.scores.get("accuracy")
    if score is None or score.low is None or score.high is None:
        return ""
    verdict = "the model is well calibrated, as far as this many examples can tell"
    if confidence > score.high:
        verdict = "the model is overconfident"
    elif confidence < score.low:
        verdict = "the model is underconfident"
    elif score.high - score.low > _UNCERTAIN:
        verdict = "these are too few examples to tell whether the model is calibrated"
    return (
        f"The mean confidence is {percent(confidence)} and the accuracy {percent(score.value)}: "
        f"{verdict}."
    )
