"""How good a classifier is, from the probabilities it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, DataError, Diverged
from zoo.metrics.batches import batches
from zoo.metrics.intervals import bootstrap_macro_f1, bootstrap_means, wilson
from zoo.metrics.results import (
    CalibrationBin,
    ClassificationTables,
    ClassScore,
    Evaluation,
    Mistake,
    Score,
)
from zoo.metrics.text_figures import draw_texts
from zoo.spec import Arrays, DataSpec, PredictFn, Split, Task, TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OUTPUT = "probabilities"
"""The output that is measured: one probability a class, in the order of the labels."""

BINS = 15
"""Bins of the calibration error, as many as in Guo et al. (2017)."""

WORST = 48
"""How many mistakes are kept."""

SMALLEST = 2.0**-23
"""A probability below this counts as this in the log loss: the spacing of 32-bit floats at 1.

A model that gives the true class exactly 0 would otherwise have an infinite loss. So one example
costs at most 15.94 nats.
"""

_SUM_TOLERANCE = 1e-2


@dataclass(frozen=True)
class _Answers:
    """What is kept of every example: a few numbers, however many classes there are."""

    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64]
    given_true: NDArray[np.float64]
    brier: NDArray[np.float64]


def evaluate_classification(
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Measure a classifier's ``probabilities`` on a split.

    ``accuracy`` has the Wilson (1927) interval; ties go to the first class. ``macro_f1`` is the
    plain mean of the F1 of those classes that occur or were predicted. ``log_loss`` is in nats,
    with probabilities clipped at 2⁻²³. ``brier`` is the squared distance to the one-hot truth
    over all classes, from 0 to 2 (Brier 1950). These three have a seeded bootstrap interval
    (Efron 1979). ``calibration_error`` is the expected calibration error over 15 bins of equal
    width (Guo et al. 2017); it is biased upwards on few examples and has no interval.

    Shapes:
        probabilities: ``[examples, classes]``

    Raises:
        ConfigError: If the data has no classes or the output does not fit them.
        DataError: If the split is empty, or a label is not one of the classes.
        Diverged: If a probability is not a finite number.
    """
    import numpy as np

    labels = data.labels
    answers = _answers(predict_fn, split, data, batch_size)
    examples = len(answers.true)

    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (answers.true, answers.predicted), 1)
    losses = -np.log(np.maximum(answers.given_true, SMALLEST))
    classes = _classes(labels, confusion)
    bins = _calibration(answers)
    right = int(np.trace(confusion))
    intervals = bootstrap_means(np.stack([losses, answers.brier], axis=1))
    worst = _worst(labels, answers, losses)
    found = answers.predicted == answers.true

    return Evaluation(
        task=Task.CLASSIFICATION,
        examples=examples,
        scores={
            "accuracy": _score(right / examples, wilson(right, examples)),
            "macro_f1": _score(
                float(np.mean([row.f1 for row in classes if row.f1 is not None])),
                bootstrap_macro_f1(confusion),
            ),
            "log_loss": _score(float(losses.mean()), intervals[0]),
            "calibration_error": _score(_expected_gap(bins, examples), None),
            "brier": _score(float(answers.brier.mean()), intervals[1]),
        },
        tables=ClassificationTables(
            labels=labels,
            confusion=tuple(tuple(row) for row in confusion.tolist()),
            classes=classes,
            calibration=bins,
            worst=worst,
        ),
        figures=draw_texts(split, data, worst, found) if reference is not None else (),
    )


def _answers(predict_fn: PredictFn, split: Split, data: DataSpec, batch_size: int) -> _Answers:
    """Run every example once."""
    import numpy as np

    target = next(tensor for tensor in data.targets if tensor.labels is not None)
    rows = []
    for positions, inputs, targets in batches(split, data, batch_size):
        true = _labels(targets, target, data, positions)
        given = _probabilities(predict_fn(inputs), data, positions)
        given_true = given[np.arange(len(true)), true]
        predicted = given.argmax(axis=1)
        confidence = given[np.arange(len(true)), predicted]
        brier = np.square(given).sum(axis=1) - 2 * given_true + 1
        rows.append((true, predicted, confidence, given_true, np.maximum(brier, 0)))
    return _Answers(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def _labels(
    targets: Arrays, target: TensorSpec, data: DataSpec, positions: NDArray[Any]
) -> NDArray[np.int64]:
    """Return the true classes of a batch, checked."""
    import numpy as np

    if target.name not in targets:
        raise DataError(
            f"the data {data.id!r} gives no target {target.name!r}",
            why=f"its description names it; given were {', '.join(targets) or 'none'}",
            fix="make the description and the arrays agree",
        )
    true = np.asarray(targets[target.name])
    if true.size != len(positions) or true.dtype.kind not in "iub":
        raise DataError(
            f"the target {target.name!r} of {data.id!r} is not one class index an example",
            why=f"for {len(positions)} examples there came shape {true.shape}, dtype {true.dtype}",
            fix="give whole numbers that count the classes from 0",
        )
    true = true.reshape(-1)
    classes = len(data.labels)
    wrong = np.flatnonzero((true < 0) | (true >= classes))
    if len(wrong):
        raise DataError(
            f"example {positions[wrong[0]]} of {data.id!r} has the class {true[wrong[0]]}",
            why=f"there are {classes} classes, counted from 0 to {classes - 1}",
            fix="make the labels of the description and of the examples agree",
        )
    return true.astype(np.int64)


def _probabilities(outputs: Arrays, data: DataSpec, positions: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probabilities of a batch in double precision, checked."""
    import numpy as np

    if OUTPUT not in outputs:
        raise ConfigError(
            f"the model has no output {OUTPUT!r}",
            why=f"a classifier is measured on it; there are {', '.join(outputs) or 'none'}",
            fix=f"call the last layer {OUTPUT!r}, or override Architecture.evaluate",
        )
    given = np.asarray(outputs[OUTPUT]).astype(np.float64)
    expected = (len(positions), len(data.labels))
    if given.shape != expected:
        raise ConfigError(
            f"the output {OUTPUT!r} does not fit the data {data.id!r}",
            why=f"expected one row an example and one column a class: {expected}. "
            f"Received: shape={given.shape}",
            fix="evaluate on the data that the model was built for",
        )
    wrong = np.flatnonzero(~np.isfinite(given).all(axis=1))
    if len(wrong):
        raise Diverged(
            f"the model's answer to example {positions[wrong[0]]} of {data.id!r} "
            "is not a finite number",
            why="its weights or this input hold NaN or infinity",
            fix="train with a lower optimizer.learning_rate or with optimizer.clip_norm, "
            "and look at the input",
        )
    off = (given.min(axis=1) < -_SUM_TOLERANCE) | (abs(given.sum(axis=1) - 1) > _SUM_TOLERANCE)
    wrong = np.flatnonzero(off)
    if len(wrong):
        row = given[wrong[0]]
        raise ConfigError(
            f"the output {OUTPUT!r} does not hold probabilities",
            why=f"the answer to example {positions[wrong[0]]} has its smallest value at "
            f"{row.min():.4g} and sums to {row.sum():.4g}; expected 0 or more, and 1",
            fix="end the model with a softmax",
        )
    return np.clip(given, 0.0, 1.0)


def _classes(labels: tuple[str, ...], confusion: NDArray[np.int64]) -> tuple[ClassScore, ...]:
    support, predicted = confusion.sum(axis=1).tolist(), confusion.sum(axis=0).tolist()
    return tuple(
        ClassScore(
            label=label,
            support=there,
            predicted=said,
            precision=right / said if said else None,
            recall=right / there if there else None,
            f1=2 * right / (there + said) if there + said else None,
        )
        for label, right, there, said in zip(
            labels, confusion.diagonal().tolist(), support, predicted, strict=True
        )
    )


def _calibration(answers: _Answers) -> tuple[CalibrationBin, ...]:
    import numpy as np

    edges = np.linspace(0, 1, BINS + 1)
    place = np.maximum(np.searchsorted(edges, answers.confidence, side="left") - 1, 0)
    right = answers.predicted == answers.true
    bins = []
    for index in range(BINS):
        inside = place == index
        count = int(inside.sum())
        bins.append(
            CalibrationBin(
                low=float(edges[index]),
                high=float(edges[index + 1]),
                count=count,
                confidence=float(answers.confidence[inside].mean()) if count else None,
                accuracy=float(right[inside].mean()) if count else None,
            )
        )
    return tuple(bins)


def _expected_gap(bins: tuple[CalibrationBin, ...], examples: int) -> float:
    return sum(
        b.count / examples * abs(b.confidence - b.accuracy)
        for b in bins
        if b.confidence is not None and b.accuracy is not None
    )


def _worst(
    labels: tuple[str, ...], answers: _Answers, losses: NDArray[np.float64]
) -> tuple[Mistake, ...]:
    import numpy as np

    wrong = np.flatnonzero(answers.predicted != answers.true)
    order = wrong[np.argsort(-losses[wrong], kind="stable")][:WORST]
    return tuple(
        Mistake(
            index=int(index),
            true=labels[answers.true[index]],
            predicted=labels[answers.predicted[index]],
            probability=float(answers.confidence[index]),
            probability_true=float(answers.given_true[index]),
            loss=float(losses[index]),
        )
        for index in order
    )


def _score(value: float, interval: tuple[float, float] | None) -> Score:
    low, high = interval or (None, None)
    return Score(value=value, low=low, high=high)


__all__ = ["BINS", "OUTPUT", "SMALLEST", "WORST", "evaluate_classification"]
