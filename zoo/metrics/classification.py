"""Classification metrics: accuracy, macro F1, log loss, calibration error and Brier score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ConfigError, DataError
from zoo.metrics.figures import Figure, Table
from zoo.metrics.intervals import bootstrap_macro_f1, bootstrap_means
from zoo.metrics.outputs import checked_output, checked_target, iterate_batches
from zoo.metrics.results import (
    CalibrationBin,
    ClassificationTables,
    ClassScore,
    Evaluation,
    Mistake,
    Score,
)
from zoo.spec import Arrays, DataSpec, PredictFn, Split, Task, TensorSpec

OUTPUT = "probabilities"
"""The output that is evaluated: one probability per class, in the order of the labels."""

BINS = 15
"""Bins of the calibration error, as many as in Guo et al. (2017)."""

WORST = 48
"""Mistakes to keep."""

SMALLEST = 2.0**-23
"""Lower bound of probabilities in the log loss: the spacing of 32-bit floats at 1.

A model that gives the true class exactly 0 would otherwise have an infinite loss. So one example
costs at most 15.94 nats.
"""

_SUM_TOLERANCE = 1e-2
_SHOWN_TEXTS = 20
_MAX_LETTERS = 400


@dataclass(frozen=True)
class _Predictions:
    """A few numbers for every example, however many classes there are."""

    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64]
    given_true: NDArray[np.float64]
    brier: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        return np.equal(self.predicted, self.true)


def evaluate_classification(
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Evaluate the ``probabilities`` of a classifier on a split.

    ``accuracy`` has the Wilson (1927) interval; ties go to the first class. ``macro_f1`` is the
    mean F1 of the classes that occur or were predicted. ``log_loss`` is in nats, with probabilities
    clipped at 2⁻²³. ``brier`` is the squared distance to the one-hot label over all classes, from 0
    to 2 (Brier 1950). These three have a seeded bootstrap interval (Efron 1979).
    ``calibration_error`` is the expected calibration error over 15 bins of equal width (Guo et al.
    2017); it is biased upwards on few examples and has no interval.

    Shapes:
        probabilities: ``[examples, classes]``

    Raises:
        ConfigError: If the data has no classes or the output does not fit them.
        DataError: If the split is empty, or a label is not one of the classes.
        Diverged: If a probability is not finite.
    """
    labels = data.labels
    found = _predict(predict_fn, split, data, batch_size)
    examples = len(found.true)
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (found.true, found.predicted), 1)
    losses = -np.log(np.maximum(found.given_true, SMALLEST))
    classes = _classes(labels, confusion)
    bins = _calibration(found)
    loss_interval, brier_interval = bootstrap_means(np.stack([losses, found.brier], axis=1))
    worst = _worst(labels, found, losses)
    f1 = np.mean([row.f1 for row in classes if row.f1 is not None])
    figures: tuple[Figure, ...] = ()
    if reference is not None:
        figures = _misclassified_texts(split, data, worst[:_SHOWN_TEXTS])
    return Evaluation(
        task=Task.CLASSIFICATION,
        examples=examples,
        scores={
            "accuracy": Score.of_share(found.right),
            "macro_f1": Score.of(float(f1), bootstrap_macro_f1(confusion)),
            "log_loss": Score.of(losses.mean(), loss_interval),
            "calibration_error": Score.of(_calibration_error(bins, examples), None),
            "brier": Score.of(found.brier.mean(), brier_interval),
        },
        tables=ClassificationTables(
            labels=labels,
            confusion=tuple(tuple(row) for row in confusion.tolist()),
            classes=classes,
            calibration=bins,
            worst=worst,
        ),
        figures=figures,
    )


def _predict(predict_fn: PredictFn, split: Split, data: DataSpec, batch_size: int) -> _Predictions:
    target = next(tensor for tensor in data.targets if tensor.labels is not None)
    rows = []
    for positions, inputs, targets in iterate_batches(split, data, batch_size):
        true = _labels(targets, target, data, positions)
        given = _probabilities(predict_fn(inputs), data, positions)
        given_true = given[np.arange(len(true)), true]
        predicted = given.argmax(axis=1)
        confidence = given[np.arange(len(true)), predicted]
        brier = np.square(given).sum(axis=1) - 2 * given_true + 1
        rows.append((true, predicted, confidence, given_true, np.maximum(brier, 0)))
    return _Predictions(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def _labels(
    targets: Arrays, target: TensorSpec, data: DataSpec, positions: NDArray[Any]
) -> NDArray[np.int64]:
    """Return the true classes of a batch, checked."""
    true = checked_target(targets, target.name, data, positions, "iub", "class index")
    classes = len(data.labels)
    wrong = np.flatnonzero((true < 0) | (true >= classes))
    if len(wrong):
        raise DataError(
            f"example {positions[wrong[0]]} of {data.id!r} has the class {true[wrong[0]]}",
            why=f"there are {classes} classes, counted from 0 to {classes - 1}",
            fix="make the labels of the spec and of the examples agree",
        )
    return true.astype(np.int64)


def _probabilities(outputs: Arrays, data: DataSpec, positions: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probabilities of a batch, checked."""
    shape = (len(positions), len(data.labels))
    expected = "one row per example and one column per class"
    given = checked_output(outputs, OUTPUT, data, positions, (shape,), expected)
    off = (given.min(axis=1) < -_SUM_TOLERANCE) | (abs(given.sum(axis=1) - 1) > _SUM_TOLERANCE)
    wrong = np.flatnonzero(off)
    if len(wrong):
        row = given[wrong[0]]
        raise ConfigError(
            f"the output {OUTPUT!r} does not hold probabilities",
            why=f"for example {positions[wrong[0]]} the smallest is {row.min():.4g} and the sum "
            f"{row.sum():.4g}; expected 0 or more, and 1",
            fix="end the model with a softmax",
        )
    return np.clip(given, 0.0, 1.0)


def _classes(labels: tuple[str, ...], confusion: NDArray[np.int64]) -> tuple[ClassScore, ...]:
    support, predicted = confusion.sum(axis=1).tolist(), confusion.sum(axis=0).tolist()
    return tuple(
        ClassScore(
            label=label,
            support=true,
            predicted=given,
            precision=right / given if given else None,
            recall=right / true if true else None,
            f1=2 * right / (true + given) if true + given else None,
        )
        for label, right, true, given in zip(
            labels, confusion.diagonal().tolist(), support, predicted, strict=True
        )
    )


def _calibration(found: _Predictions) -> tuple[CalibrationBin, ...]:
    edges = np.linspace(0, 1, BINS + 1)
    place = np.maximum(np.searchsorted(edges, found.confidence, side="left") - 1, 0)
    bins = []
    for index in range(BINS):
        inside = place == index
        count = int(inside.sum())
        bins.append(
            CalibrationBin(
                low=float(edges[index]),
                high=float(edges[index + 1]),
                count=count,
                confidence=float(found.confidence[inside].mean()) if count else None,
                accuracy=float(found.right[inside].mean()) if count else None,
            )
        )
    return tuple(bins)


def _calibration_error(bins: tuple[CalibrationBin, ...], examples: int) -> float:
    return sum(
        b.count / examples * abs(b.confidence - b.accuracy)
        for b in bins
        if b.confidence is not None and b.accuracy is not None
    )


def _worst(
    labels: tuple[str, ...], found: _Predictions, losses: NDArray[np.float64]
) -> tuple[Mistake, ...]:
    wrong = np.flatnonzero(~found.right)
    order = wrong[np.argsort(-losses[wrong], kind="stable")][:WORST]
    return tuple(
        Mistake(
            index=int(index),
            true=labels[found.true[index]],
            predicted=labels[found.predicted[index]],
            probability=float(found.confidence[index]),
            probability_true=float(found.given_true[index]),
            loss=float(losses[index]),
        )
        for index in order
    )


def _misclassified_texts(
    split: Split, data: DataSpec, worst: Sequence[Mistake]
) -> tuple[Table, ...]:
    """Return a table of the worst mistakes; nothing for data without texts."""
    spec = next((tensor for tensor in data.inputs if tensor.text is not None), None)
    if spec is None or not worst:
        return ()
    texts = _texts(split, spec, [mistake.index for mistake in worst])
    rows = [
        (
            text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS].rstrip()} …",
            mistake.true,
            f"{mistake.predicted} {mistake.probability:.3f}",
        )
        for text, mistake in zip(texts, worst, strict=True)
    ]
    figure = Table(
        title="Misclassified texts",
        caption="The mistakes with the highest loss. Some are mislabeled, or ironic.",
        header=("text", "true class", "predicted"),
        rows=tuple(rows),
    )
    return (figure,)


def _texts(split: Split, spec: TensorSpec, indices: list[int]) -> list[str]:
    """Return the original texts if the split has kept them, else the decoded ids."""
    original: Any = getattr(split, "texts", {}).get(spec.name)
    if original is not None:
        return [" ".join(str(original[index]).split()) for index in indices]
    from zoo.runtime.text import decode_text

    inputs, _ = split.take(np.array(indices))
    assert spec.text is not None  # noqa: S101 - the caller looked
    return decode_text(inputs[spec.name], spec.text)
