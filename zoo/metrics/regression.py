"""Regression metrics: RMSE, MAE, R², coverage and width of prediction intervals.

With a reference also baselines (training mean, least squares), residuals, permutation importance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DataError
from zoo.metrics.figures import Bars, Figure, Scatter, evenly_spaced
from zoo.metrics.intervals import Z95, bootstrap_function
from zoo.metrics.outputs import checked_output, checked_target, iterate_batches
from zoo.metrics.results import Evaluation, Score
from zoo.spec import Arrays, DataSpec, PredictFn, Split, Task

OUTPUT = "prediction"
"""The output that is evaluated: one number per example, in the target's unit."""

LOW, HIGH = "low", "high"
"""Outputs with the ends of a prediction interval, if the model has them."""

_MODEL = "this model"

_REPEATS = 5
_MAX_ROWS = 2_000
_MAX_REFERENCE_ROWS = 100_000
_MAX_BARS = 20
_MAX_COLUMNS = 200
_SEED = 2001


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
    squares = (found.predicted - found.true) ** 2
    scores = {
        "rmse": _rmse(squares, unit),
        "mae": Score.of_mean(np.abs(found.predicted - found.true), unit),
    }
    centered = found.true - found.true.mean()
    if np.ptp(found.true) > 0:
        columns = np.stack([squares, centered, centered**2], axis=1)
        scores["r2"] = Score.of(
            1 - squares.mean() / (centered**2).mean(), bootstrap_function(columns, _r2)
        )
    if found.low is not None and found.high is not None and found.inside is not None:
        scores["interval_coverage"] = Score.of_share(found.inside, better=None)
        scores["interval_width"] = Score.of_mean(found.high - found.low, unit)
    figures: tuple[Figure, ...] = ()
    if reference is not None:
        figures = _figures(found, predict_fn, split, data, reference, batch_size)
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


def _rmse(squares: NDArray[np.float64], unit: str | None = None) -> Score:
    interval = bootstrap_function(squares[:, None], lambda means: np.sqrt(means[:, 0]))
    return Score.of(np.sqrt(squares.mean()), interval, unit)


def _r2(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R² from the means of squared errors, centered targets, and their squares."""
    variance = means[:, 2] - means[:, 1] ** 2
    # A resample of equal targets has no variance to explain: it says nothing, and is passed over.
    known = variance > 1e-12 * means[:, 2].max()
    explained: NDArray[np.float64] = 1 - means[known, 0] / variance[known]
    return explained if len(explained) else np.zeros(1)


def _figures(
    found: Predictions,
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    reference: Split,
    batch_size: int,
) -> tuple[Figure, ...]:
    """Return predicted vs. true values, residuals, baselines and permutation importance.

    Baselines are fitted on ``reference``. Permutation importance (Breiman 2001; Fisher, Rudin &
    Dominici 2019, arXiv:1801.01489) is the growth of the error where a column is shuffled among the
    examples, the mean of five shuffles, with a bootstrap interval over the examples.
    """
    return (
        _predicted(found, data),
        _residuals(found, data),
        _baselines(found, split, data, reference),
        *_importance(predict_fn, split, data, batch_size),
    )


def _predicted(found: Predictions, data: DataSpec) -> Scatter:
    shown = evenly_spaced(len(found.true))
    groups: tuple[str, ...] = ()
    caption = "A point on the line is a perfect prediction."
    if (inside := found.inside) is not None:
        names = ("outside its interval", "inside its interval")
        groups = tuple(names[int(inside[place])] for place in shown)
        caption += f" {int(inside.sum()):,} of {len(inside):,} targets lie inside their interval."
    return Scatter(
        title="Predicted vs. true",
        caption=caption,
        x=_floats(found.true[shown]),
        y=_floats(found.predicted[shown]),
        x_label=_axis("true", data),
        y_label=_axis("predicted", data),
        diagonal=True,
        groups=groups,
    )


def _residuals(found: Predictions, data: DataSpec) -> Scatter:
    shown = evenly_spaced(len(found.true))
    residuals = found.true - found.predicted
    mean = float(residuals.mean())
    half = Z95 * float(residuals.std()) / len(residuals) ** 0.5
    bias = "no significant bias" if abs(mean) <= half else "a significant bias"
    return Scatter(
        title="Residuals",
        caption=f"Error by predicted value. The mean is {mean:.3g} ± {half:.2g} (95 %): {bias}.",
        x=_floats(found.predicted[shown]),
        y=_floats(residuals[shown]),
        x_label=_axis("predicted", data),
        y_label=_axis("true − predicted", data),
    )


def _baselines(found: Predictions, split: Split, data: DataSpec, reference: Split) -> Bars:
    """Compare the error with those of the training mean and of linear least squares."""
    train, target = _arrays(reference, data)
    test, _ = _arrays(split, data)
    predictions = {_MODEL: found.predicted}
    design, measured = _design(train, data, train), _design(test, data, train)
    if design is not None and measured is not None:
        predictions["least squares"] = measured @ np.linalg.lstsq(design, target, rcond=None)[0]
    predictions["training mean"] = np.full(len(found.true), target.mean())
    scores = {name: _rmse((predicted - found.true) ** 2) for name, predicted in predictions.items()}
    fitted = "Least squares and the mean were" if len(scores) == 3 else "The mean was"
    return Bars.of_scores(
        scores,
        title="Baselines",
        caption=f"{fitted} fitted on the training split.",
        label=_axis("root mean squared error", data, named=False),
        emphasis=(_MODEL,),
    )


def _importance(
    predict_fn: PredictFn, split: Split, data: DataSpec, batch_size: int
) -> tuple[Bars, ...]:
    columns = [
        (spec.name, place, column.name)
        for spec in data.inputs
        if spec.columns is not None and len(spec.shape) == 1
        for place, column in enumerate(spec.columns)
    ]
    if not columns or len(columns) > _MAX_COLUMNS or len(split) < 2:
        return ()
    rows = np.array(evenly_spaced(len(split), _MAX_ROWS))
    inputs, targets = split.take(rows)
    true = np.asarray(targets[data.targets[0].name], np.float64).reshape(-1)
    before = _squares(predict_fn, inputs, true, batch_size)
    generator = np.random.default_rng(_SEED)
    found = []
    for name, place, column in columns:
        after = np.zeros(len(rows))
        for _ in range(_REPEATS):
            table = np.array(inputs[name])
            table[:, place] = table[generator.permutation(len(rows)), place]
            after += _squares(predict_fn, {**inputs, name: table}, true, batch_size) / _REPEATS
        growth = _growth(np.array([[before.mean(), after.mean()]]))[0]
        interval = bootstrap_function(np.stack([before, after], axis=1), _growth)
        found.append((column, Score.of(growth, interval)))
    found.sort(key=lambda pair: -pair[1].value)
    figure = Bars.of_scores(
        dict(found[:_MAX_BARS]),
        title="Permutation importance",
        caption="Growth of the root mean squared error where a column is shuffled among the "
        f"examples; largest for {found[0][0]}. Correlated columns share their importance.",
        label=_axis("growth of the error", data, named=False),
    )
    return (figure,)


def _growth(means: NDArray[np.float64]) -> NDArray[np.float64]:
    grown: NDArray[np.float64] = np.sqrt(means[:, 1]) - np.sqrt(means[:, 0])
    return grown


def _squares(
    predict_fn: PredictFn, inputs: Arrays, true: NDArray[np.float64], batch_size: int
) -> NDArray[np.float64]:
    predicted = [
        np.asarray(
            predict_fn({n: a[start : start + batch_size] for n, a in inputs.items()})[OUTPUT],
            np.float64,
        ).reshape(-1)
        for start in range(0, len(true), batch_size)
    ]
    squares: NDArray[np.float64] = (np.concatenate(predicted) - true) ** 2
    return squares


def _arrays(split: Split, data: DataSpec) -> tuple[Arrays, NDArray[np.float64]]:
    rows = evenly_spaced(len(split), _MAX_REFERENCE_ROWS)
    inputs, targets = split.arrays() or split.take(np.array(rows))
    return inputs, np.asarray(targets[data.targets[0].name], np.float64).reshape(-1)


def _design(inputs: Arrays, data: DataSpec, train: Arrays) -> NDArray[np.float64] | None:
    """Return a design matrix: standardized numbers, one-hot categories, an intercept."""
    parts: list[NDArray[Any]] = []
    for spec in data.inputs:
        if spec.columns is None or len(spec.shape) != 1:
            return None
        values, fitted = np.asarray(inputs[spec.name]), np.asarray(train[spec.name])
        for place, column in enumerate(spec.columns):
            value, seen = values[:, place], fitted[:, place]
            if column.categories is not None:
                codes = np.arange(len(column.categories) + 1)
                parts.append((value[:, None] == codes).astype(np.float64))
                continue
            known = seen[np.isfinite(seen)].astype(np.float64)
            mean, scale = (known.mean(), known.std() or 1.0) if len(known) else (0.0, 1.0)
            missing = ~np.isfinite(value)
            scaled = np.where(missing, 0.0, (value.astype(np.float64) - mean) / scale)
            parts.append(np.stack([scaled, missing], axis=1))
    return np.concatenate([*parts, np.ones((len(values), 1))], axis=1)


def _floats(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(values.tolist())


def _axis(what: str, data: DataSpec, *, named: bool = True) -> str:
    """Return the title of an axis: the quantity, the target's name, its unit."""
    target = data.targets[0]
    name = target.columns[0].name if target.columns else target.name
    title = f"{what} {name}" if named and name != "target" else what
    return f"{title}, {target.unit}" if target.unit else title
