"""Figures of a regressor: residuals, baselines and permutation importance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.figures import Bars, Figure, Histogram, Scatter, evenly_spaced
from zoo.metrics.intervals import Z95, bootstrap_function
from zoo.metrics.regression import OUTPUT, Predictions
from zoo.metrics.results import Score
from zoo.spec import Arrays, DataSpec, PredictFn, Split

MODEL = "this model"

_REPEATS = 5
_MAX_ROWS = 2_000
_MAX_REFERENCE_ROWS = 100_000
_MAX_BARS = 20
_MAX_COLUMNS = 200
_SEED = 2001


def regression_figures(
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
    figures: list[Figure] = [_predicted(found, data), _residuals(found, data)]
    figures += [_histogram(found, data), _baselines(found, split, data, reference)]
    if importance := _importance(predict_fn, split, data, batch_size):
        figures.append(importance)
    return tuple(figures)


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
    caption = "Error by predicted value."
    if len(residuals) >= 30:
        order = np.argsort(found.predicted, kind="stable")
        thirds = np.array_split(residuals[order], 3)
        low, _, high = (float(np.sqrt((part**2).mean())) for part in thirds)
        caption += (
            f" The RMSE is {low:.3g} in the lowest third of the predictions and {high:.3g} in the "
            "highest."
        )
    return Scatter(
        title="Residuals",
        caption=caption,
        x=_floats(found.predicted[shown]),
        y=_floats(residuals[shown]),
        x_label=_axis("predicted", data),
        y_label=_axis("true − predicted", data),
    )


def _histogram(found: Predictions, data: DataSpec) -> Histogram:
    residuals = found.true - found.predicted
    counts, edges = np.histogram(residuals, bins=min(40, max(5, round(len(residuals) ** 0.5))))
    mean = float(residuals.mean())
    half = Z95 * float(residuals.std()) / len(residuals) ** 0.5
    bias = "no significant bias" if abs(mean) <= half else "a significant bias"
    return Histogram(
        title="Residual distribution",
        caption=f"The mean is {mean:.3g} ± {half:.2g} (95 %): {bias}.",
        edges=_floats(edges),
        counts=(_floats(counts.astype(float)),),
        label=_axis("true − predicted", data),
    )


def _baselines(found: Predictions, split: Split, data: DataSpec, reference: Split) -> Bars:
    """Compare the error with those of the training mean and of linear least squares."""
    train, target = _arrays(reference, data)
    test, _ = _arrays(split, data)
    predictions = {MODEL: found.predicted}
    design, measured = _design(train, data, train), _design(test, data, train)
    if design is not None and measured is not None:
        predictions["least squares"] = measured @ np.linalg.lstsq(design, target, rcond=None)[0]
    predictions["training mean"] = np.full(len(found.true), target.mean())
    scores = {}
    for name, predicted in predictions.items():
        squares = (predicted - found.true) ** 2
        interval = bootstrap_function(squares[:, None], lambda means: np.sqrt(means[:, 0]))
        scores[name] = Score.of(np.sqrt(squares.mean()), interval)
    fitted = "Least squares and the mean were" if len(scores) == 3 else "The mean was"
    return Bars.of_scores(
        scores,
        title="Baselines",
        caption=f"{fitted} fitted on the training split.",
        label=_axis("root mean squared error", data, named=False),
        emphasis=(MODEL,),
    )


def _importance(
    predict_fn: PredictFn, split: Split, data: DataSpec, batch_size: int
) -> Bars | None:
    columns = [
        (spec.name, place, column.name)
        for spec in data.inputs
        if spec.columns is not None and len(spec.shape) == 1
        for place, column in enumerate(spec.columns)
    ]
    if not columns or len(columns) > _MAX_COLUMNS or len(split) < 2:
        return None
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
    return Bars.of_scores(
        dict(found[:_MAX_BARS]),
        title="Permutation importance",
        caption="Growth of the root mean squared error where a column is shuffled among the "
        f"examples; largest for {found[0][0]}. Correlated columns share their importance.",
        label=_axis("growth of the error", data, named=False),
    )


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
