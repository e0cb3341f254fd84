"""Regression metrics: RMSE, MAE, R², and coverage and width of prediction intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DataError
from zoo.metrics.figures import Figure
from zoo.metrics.intervals import bootstrap_function, bootstrap_means, wilson
from zoo.metrics.outputs import checked_output, checked_target, iterate_batches
from zoo.metrics.results import Evaluation, Score
from zoo.spec import Arrays, DataSpec, PredictFn, Split, Task

OUTPUT = "prediction"
"""The output that is evaluated: one number per example, in the target's unit."""

LOW, HIGH = "low", "high"
"""Outputs with the ends of a prediction interval, if the model has them."""


@dataclass(frozen=True)
class Predictions:
    """Predictions and targets of a split.

    Attributes:
        true: The targets.
        predicted: The predictions.
        low: Lower ends of the prediction intervals, or ``None``.
        high: Upper ends, ``None`` together with ``low``.
    """

    true: NDArray[np.float64]
    predicted: NDArray[np.float64]
    low: NDArray[np.float64] | None
    high: NDArray[np.float64] | None

    @property
    def squares(self) -> NDArray[np.float64]:
        """The squared errors."""
        return (self.predicted - self.true) ** 2

    @property
    def inside(self) -> NDArray[np.bool_] | None:
        """Whether each target lies inside its prediction interval; ``None`` without intervals."""
        if self.low is None or self.high is None:
            return None
        return (self.low <= self.true) & (self.true <= self.high)


def evaluate_regression(
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Evaluate the ``prediction`` of a regressor, and ``low`` and ``high`` if it has them.

    ``rmse`` and ``mae`` are in the target's unit. ``r2`` is 1 minus the squared error over that of
    always predicting the mean of these very examples; it is left out where all targets are equal.
    All have a seeded bootstrap interval (Efron 1979). ``interval_coverage`` is the share of targets
    inside their prediction interval, ends included, with the Wilson (1927) interval;
    ``interval_width`` is the mean width.

    Shapes:
        prediction, low, high: ``[examples]`` or ``[examples, 1]``

    Raises:
        ConfigError: If the outputs do not fit the data.
        DataError: If the split is empty, or a target is not a finite number.
        Diverged: If an output is not finite.
    """
    found = _predict(predict_fn, split, data, batch_size)
    unit = data.targets[0].unit
    squares, absolute = found.squares, np.abs(found.predicted - found.true)
    rmse_interval = bootstrap_function(squares[:, None], lambda means: np.sqrt(means[:, 0]))
    scores = {
        "rmse": Score.of(np.sqrt(squares.mean()), rmse_interval, unit),
        "mae": Score.of(absolute.mean(), bootstrap_means(absolute[:, None])[0], unit),
    }
    centered = found.true - found.true.mean()
    if np.ptp(found.true) > 0:
        columns = np.stack([squares, centered, centered**2], axis=1)
        scores["r2"] = Score.of(
            1 - squares.mean() / (centered**2).mean(), bootstrap_function(columns, _r2)
        )
    if found.low is not None and found.high is not None and found.inside is not None:
        count, width = int(found.inside.sum()), found.high - found.low
        examples = len(found.true)
        scores["interval_coverage"] = Score.of(count / examples, wilson(count, examples))
        scores["interval_width"] = Score.of(width.mean(), bootstrap_means(width[:, None])[0], unit)
    figures: tuple[Figure, ...] = ()
    if reference is not None:
        from zoo.metrics.regression_figures import regression_figures

        figures = regression_figures(found, predict_fn, split, data, reference, batch_size)
    return Evaluation(
        task=Task.REGRESSION, examples=len(found.true), scores=scores, figures=figures
    )


def _predict(predict_fn: PredictFn, split: Split, data: DataSpec, batch_size: int) -> Predictions:
    rows = []
    for positions, inputs, targets in iterate_batches(split, data, batch_size):
        outputs = predict_fn(inputs)
        names = [OUTPUT, *(name for name in (LOW, HIGH) if {LOW, HIGH} <= set(outputs))]
        shapes = ((len(positions),), (len(positions), 1))
        expected = "one number per example"
        rows.append(
            [_target(targets, data, positions)]
            + [
                checked_output(outputs, name, data, positions, shapes, expected).reshape(-1)
                for name in names
            ]
        )
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
    low, high = columns[2:] if len(columns) == 4 else (None, None)
    return Predictions(columns[0], columns[1], low, high)


def _target(targets: Arrays, data: DataSpec, positions: NDArray[Any]) -> NDArray[np.float64]:
    name = data.targets[0].name if data.targets else "target"
    true = checked_target(targets, name, data, positions, "iuf", "number").astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(true))
    if len(wrong):
        raise DataError(
            f"example {positions[wrong[0]]} of {data.id!r} has the target {true[wrong[0]]}",
            why="an example without a finite target cannot be evaluated",
            fix="fill it in, or leave the example out",
        )
    return true


def _r2(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R² from the means of squared errors, centered targets, and their squares."""
    variance = means[:, 2] - means[:, 1] ** 2
    # A resample of equal targets has no variance to explain: it says nothing, and is passed over.
    known = variance > 1e-12 * means[:, 2].max()
    explained: NDArray[np.float64] = 1 - means[known, 0] / variance[known]
    return explained if len(explained) else np.zeros(1)
