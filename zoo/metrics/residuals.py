"""What a report shows of a regressor: where it is off, by what it decides, what is simpler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.metrics.figures import Bars, Figure, Histogram, Scatter, evenly_spaced
from zoo.metrics.intervals import bootstrap_function
from zoo.spec import Arrays, DataSpec, PredictFn, Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.metrics.regression_outputs import Answers

_REPEATS = 5
_MOST_ROWS = 2_000
_MOST_BARS = 20
_MOST_COLUMNS = 200
_SEED = 2001


def regression_figures(
    answers: Answers,
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    *,
    reference: Split,
    batch_size: int,
) -> tuple[Figure, ...]:
    """Return the pictures of a regressor.

    Predictions against truths, residuals against predictions, the residuals' histogram, simple
    references that learned from ``reference``, and permutation importance (Breiman 2001; Fisher,
    Rudin & Dominici 2019, arXiv:1801.01489): how much the error grows where a column is shuffled
    among the examples, the mean of five shuffles, with a bootstrap interval over the examples.
    """
    figures: list[Figure] = [_agreement(answers, data), _residuals(answers, data)]
    figures.append(_histogram(answers, data))
    if simpler := _references(answers, split, data, reference):
        figures.append(simpler)
    if importance := _importance(predict_fn, split, data, batch_size):
        figures.append(importance)
    return tuple(figures)


def _agreement(answers: Answers, data: DataSpec) -> Scatter:
    shown = evenly_spaced(len(answers.true))
    groups: tuple[str, ...] = ()
    caption = "A point on the line is a perfect prediction."
    if answers.low is not None and answers.high is not None:
        inside = (answers.low <= answers.true) & (answers.true <= answers.high)
        names = ("outside of its interval", "inside of its interval")
        groups = tuple(names[int(inside[place])] for place in shown)
        caption += f" {int(inside.sum()):,} of {len(inside):,} truths lie inside of their interval."
    return Scatter(
        title="Predicted against true",
        caption=caption,
        x=_floats(answers.true, shown),
        y=_floats(answers.predicted, shown),
        x_label=_axis("true", data),
        y_label=_axis("predicted", data),
        diagonal=True,
        groups=groups,
    )


def _residuals(answers: Answers, data: DataSpec) -> Scatter:
    import numpy as np

    shown = evenly_spaced(len(answers.true))
    residuals = answers.true - answers.predicted
    caption = "What is left to explain, over what was predicted."
    order = np.argsort(answers.predicted, kind="stable")
    thirds = np.array_split(residuals[order], 3)
    if len(residuals) >= 30:
        low, _, high = (float(np.sqrt((part**2).mean())) for part in thirds)
        caption += (
            f" The typical error is {low:.3g} in the lowest third of the predictions and "
            f"{high:.3g} in the highest."
        )
    return Scatter(
        title="Residuals",
        caption=caption,
        x=_floats(answers.predicted, shown),
        y=_floats(residuals, shown),
        x_label=_axis("predicted", data),
        y_label=_axis("true − predicted", data),
    )


def _histogram(answers: Answers, data: DataSpec) -> Histogram:
    import numpy as np

    residuals = answers.true - answers.predicted
    counts, edges = np.histogram(residuals, bins=min(40, max(5, round(len(residuals) ** 0.5))))
    mean = float(residuals.mean())
    half = 1.96 * float(residuals.std()) / len(residuals) ** 0.5
    verdict = "so it shows no bias" if abs(mean) <= half else "so it is biased"
    return Histogram(
        title="How large the errors are",
        caption=f"Their mean is {mean:.3g} ± {half:.2g} (95 %), {verdict}.",
        edges=tuple(edges.tolist()),
        counts=(tuple(counts.astype(float).tolist()),),
        label=_axis("true − predicted", data),
    )


def _references(answers: Answers, split: Split, data: DataSpec, reference: Split) -> Bars | None:
    """Return the error beside those of the training mean and of linear least squares."""
    import numpy as np

    learned, target = _everything(reference, data)
    asked, _ = _everything(split, data)
    rows = {"this model": answers.predicted}
    design = _design(learned, data, learned)
    if design is not None:
        weights = np.linalg.lstsq(design, target, rcond=None)[0]
        measured = _design(asked, data, learned)
        assert measured is not None  # noqa: S101 - the columns are the same
        rows["least squares"] = measured @ weights
    rows["training mean"] = np.full(len(answers.true), target.mean())
    values, lows, highs = [], [], []
    for predicted in rows.values():
        squares = (predicted - answers.true) ** 2
        value = float(np.sqrt(squares.mean()))
        interval = bootstrap_function(squares[:, None], lambda means: np.sqrt(means[:, 0]))
        values.append(value)
        lows.append(interval[0] if interval else value)
        highs.append(interval[1] if interval else value)
    return Bars(
        title="Beside simpler ones",
        caption="Least squares and the mean learned from the same training split."
        if len(rows) == 3
        else "The mean is that of the training split.",
        names=tuple(rows),
        values=tuple(values),
        lows=tuple(lows),
        highs=tuple(highs),
        label=_axis("root mean squared error", data, named=False),
        emphasis=("this model",),
    )


def _importance(
    predict_fn: PredictFn, split: Split, data: DataSpec, batch_size: int
) -> Bars | None:
    import numpy as np

    columns = [
        (spec.name, place, column.name)
        for spec in data.inputs
        if spec.columns is not None and len(spec.shape) == 1
        for place, column in enumerate(spec.columns)
    ]
    if not columns or len(columns) > _MOST_COLUMNS or len(split) < 2:
        return None
    rows = np.array(evenly_spaced(len(split), _MOST_ROWS))
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
        interval = bootstrap_function(np.stack([before, after], axis=1), _growth)
        value = float(_growth(np.array([[before.mean(), after.mean()]]))[0])
        found.append((value, interval or (value, value), column))
    found.sort(key=lambda row: -row[0])
    shown = found[:_MOST_BARS]
    best = shown[0]
    return Bars(
        title="Which columns matter",
        caption=f"How much the root mean squared error grows where a column is shuffled among the "
        f"examples; most for {best[2]}. Columns that say the same share what they are worth.",
        names=tuple(column for _, _, column in shown),
        values=tuple(value for value, _, _ in shown),
        lows=tuple(interval[0] for _, interval, _ in shown),
        highs=tuple(interval[1] for _, interval, _ in shown),
        label=_axis("growth of the error", data, named=False),
    )


def _growth(means: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    grown: NDArray[np.float64] = np.sqrt(means[:, 1]) - np.sqrt(means[:, 0])
    return grown


def _squares(
    predict_fn: PredictFn, inputs: Arrays, true: NDArray[np.float64], batch_size: int
) -> NDArray[np.float64]:
    import numpy as np

    answers = [
        np.asarray(
            predict_fn({n: a[start : start + batch_size] for n, a in inputs.items()})["prediction"],
            np.float64,
        ).reshape(-1)
        for start in range(0, len(true), batch_size)
    ]
    squares: NDArray[np.float64] = (np.concatenate(answers) - true) ** 2
    return squares


def _everything(split: Split, data: DataSpec) -> tuple[Arrays, NDArray[np.float64]]:
    import numpy as np

    arrays = split.arrays() or split.take(np.array(evenly_spaced(len(split), 100_000)))
    inputs, targets = arrays
    return inputs, np.asarray(targets[data.targets[0].name], np.float64).reshape(-1)


def _design(inputs: Arrays, data: DataSpec, learned: Arrays) -> NDArray[np.float64] | None:
    """Return the columns of a linear model: numbers by ``learned``'s scale, indicators, a one."""
    import numpy as np

    parts: list[NDArray[Any]] = []
    for spec in data.inputs:
        if spec.columns is None or len(spec.shape) != 1:
            return None
        values, before = np.asarray(inputs[spec.name]), np.asarray(learned[spec.name])
        for place, column in enumerate(spec.columns):
            now, then = values[:, place], before[:, place]
            if column.categories is not None:
                codes = np.arange(len(column.categories) + 1)
                parts.append((now[:, None] == codes).astype(np.float64))
                continue
            known = then[np.isfinite(then)].astype(np.float64)
            mean, scale = (known.mean(), known.std() or 1.0) if len(known) else (0.0, 1.0)
            missing = ~np.isfinite(now)
            scaled = np.where(missing, 0.0, (now.astype(np.float64) - mean) / scale)
            parts.append(np.stack([scaled, missing], axis=1))
    return np.concatenate([*parts, np.ones((len(values), 1))], axis=1)


def _floats(values: NDArray[np.float64], shown: list[int]) -> tuple[float, ...]:
    return tuple(values[shown].tolist())


def _axis(what: str, data: DataSpec, *, named: bool = True) -> str:
    """Return an axis's label: what it is, of which target, in which unit."""
    target = data.targets[0]
    name = target.columns[0].name if target.columns else target.name
    words = f"{what} {name}" if named and name != "target" else what
    return f"{words}, {target.unit}" if target.unit else words


__all__ = ["regression_figures"]
