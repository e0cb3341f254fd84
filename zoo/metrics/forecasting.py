"""Forecasting metrics: RMSE, MAE, skill and MASE in a rolling-origin backtest.

Baselines are persistence, the seasonal naive forecast and a linear autoregression.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ConfigError, DataError
from zoo.metrics.figures import MAX_POINTS, Bars, Figure, Lines, Series, Table
from zoo.metrics.intervals import percentiles
from zoo.metrics.outputs import checked_output, iterate_batches
from zoo.metrics.results import Evaluation, Score
from zoo.spec import Arrays, DataSpec, PredictFn, Split, Task

RESAMPLES = 1_000
_SEED = 1989
_MAX_WINDOWS = 4_000
"""More windows choose no better season."""

_SHOWN = 140
"""Steps of the plot of forecasts, or six horizons if that is more."""

_HELD_OUT = 5
"""The last one in so many training windows chooses the order."""

Forecast = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From `[windows, window, channels]` to `[windows, horizon, targets]`."""


@dataclass(frozen=True)
class Backtest:
    """Forecasts of one model at every origin, and their errors.

    Attributes:
        name: Name of the model.
        forecasts: `[origins, horizon, targets]`
        squares: `[origins]`, sum of squared errors.
        absolutes: `[origins]`, sum of absolute errors.
        counts: `[origins]`, number of known values.
    """

    name: str
    forecasts: NDArray[np.float64]
    squares: NDArray[np.float64]
    absolutes: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, name: str, forecasts: NDArray[np.float64], truth: NDArray[np.float64]) -> Backtest:
        """Compare forecasts with the truth; NaN in the truth counts nowhere."""
        known = np.isfinite(truth)
        error = np.where(known, forecasts - np.where(known, truth, 0.0), 0.0)
        squares, absolutes = np.square(error).sum(axis=(1, 2)), np.abs(error).sum(axis=(1, 2))
        return cls(name, forecasts, squares, absolutes, known.sum(axis=(1, 2)))

    @property
    def rmse(self) -> float:
        """Root mean squared error, in raw units."""
        return float((self.squares.sum() / self.counts.sum()) ** 0.5)

    @property
    def mae(self) -> float:
        """Mean absolute error, in raw units."""
        return float(self.absolutes.sum() / self.counts.sum())

    def rmse_score(self, draws: NDArray[np.int64], unit: str | None = None) -> Score:
        """Return the RMSE with its interval over resamples of origins."""
        resampled = np.sqrt(draws @ self.squares / (draws @ self.counts))
        return Score.of(self.rmse, percentiles(resampled), unit)


def evaluate_forecasting(
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Evaluate the ``forecast`` of a model from every origin of a split, in raw units.

    ``rmse`` and ``mae`` are over all origins, steps and targets. With a reference there are also
    ``skill``, 1 − RMSE / RMSE of the best baseline, and ``mase`` (Hyndman & Koehler 2006), the MAE
    as a multiple of the mean absolute change from step to step in the training windows. Errors of
    neighboring origins are correlated, so that intervals come from a circular block bootstrap
    (Politis & Romano 1992) with blocks of twice the horizon or the cube root of the origins,
    whichever is more. NaN in the truth counts nowhere.

    The origin rolls one step at a time, and nothing is refitted: the model and the baselines of
    :func:`fit_baselines` know the training split only.

    Args:
        predict_fn: Returns ``forecast``.
        split: Windows of one series, the earliest first.
        data: Its first target is the forecast, whose columns are among those of ``history``.
        reference: The training split.
        batch_size: Windows at a time.

    Shapes:
        forecast: ``[windows, horizon, targets]``

    Raises:
        ConfigError: If the data has no history, or the output does not fit the target.
        DataError: If the split is empty.
        Diverged: If a forecast is not finite.
    """
    history, truth, forecasts = _predict(predict_fn, split, data, batch_size)
    model = Backtest.of("model", forecasts, truth)
    draws = draw_blocks(len(truth), max(2 * truth.shape[1], round(len(truth) ** (1 / 3))))
    unit = data.targets[0].unit
    mae = percentiles(draws @ model.absolutes / (draws @ model.counts))
    scores = {
        "rmse": model.rmse_score(draws, unit),
        "mae": Score.of(model.mae, mae, unit),
    }
    figures: tuple[Figure, ...] = ()
    if reference is not None:
        baselines, change = _baselines(reference, data, history, truth)
        best = min(baselines, key=lambda baseline: baseline.rmse)
        scores["skill"] = _skill(model, best, draws)
        if change > 0:
            ends = (mae[0] / change, mae[1] / change) if mae else None
            scores["mase"] = Score.of(model.mae / change, ends)
        figures = _figures(model, baselines, best, truth, data, draws)
    return Evaluation(task=Task.FORECASTING, examples=len(truth), scores=scores, figures=figures)


def draw_blocks(origins: int, length: int) -> NDArray[np.int64]:
    """Return how often each origin occurs in each resample of a circular block bootstrap.

    Args:
        origins: Number of origins, in time order.
        length: Length of a block.

    Returns:
        Counts `[resamples, origins]`; each row sums to the number of origins.
    """
    length = min(length, origins)
    random = np.random.default_rng(_SEED)
    starts = random.integers(0, origins, size=(RESAMPLES, -(-origins // length)))
    counts = np.zeros((RESAMPLES, origins + 1), np.int64)
    rows = np.arange(RESAMPLES)[:, None]
    # A block is a step up where it begins and a step down after its end; one may wrap around.
    sizes = np.full(starts.shape, length)
    sizes[:, -1] = origins - length * (starts.shape[1] - 1)
    ends = starts + sizes
    np.add.at(counts, (rows, starts), 1)
    np.add.at(counts, (rows, np.minimum(ends, origins)), -1)
    wrapped = ends > origins
    np.add.at(counts, (np.broadcast_to(rows, ends.shape)[wrapped], 0), 1)
    np.add.at(counts, (np.broadcast_to(rows, ends.shape)[wrapped], ends[wrapped] - origins), -1)
    return counts.cumsum(axis=1)[:, :origins]


def fit_baselines(
    history: NDArray[Any], target: NDArray[Any], channels: Sequence[int]
) -> dict[str, Forecast]:
    """Fit persistence, the seasonal naive forecast and a linear autoregression.

    Persistence repeats the last value. The seasonal naive forecast repeats the values one season
    earlier; the season is the one, of those that fit into a window, with the smallest absolute
    error on the training windows. The autoregression has one least-squares fit for each step of the
    horizon, from the last p steps of every channel; p is the one with the smallest squared error
    on the last fifth of the training windows, fitted on those before, and then refitted on all.

    Args:
        history: Training windows, the earliest first.
        target: The values after them.
        channels: The channel of each target.

    Shapes:
        history: `[windows, window, channels]`; target: `[windows, horizon, targets]`

    Returns:
        The baselines by name, with the season and the order that were chosen.
    """
    seen, truth = np.asarray(history, np.float64), np.asarray(target, np.float64)
    known = np.isfinite(truth).all(axis=(1, 2)) & np.isfinite(seen).all(axis=(1, 2))
    seen, truth = seen[known], truth[known]
    horizon, targets = truth.shape[1], list(channels)

    def persistence(history: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(history[:, -1:, targets], horizon, axis=1)

    season, seasonal_naive = _seasonal_naive(seen, truth, targets)
    order, autoregression = _autoregression(seen, truth)
    return {
        "persistence": persistence,
        f"seasonal naive ({season} steps)": seasonal_naive,
        f"linear autoregression (order {order})": autoregression,
    }


def _predict(
    predict_fn: PredictFn, split: Split, data: DataSpec, batch_size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the history, the truth and the forecast of every window."""
    rows = []
    for positions, inputs, targets in iterate_batches(split, data, batch_size):
        seen, truth = _windows(inputs, targets, data)
        name, expected = data.targets[0].name, "windows, steps and targets"
        given = checked_output(predict_fn(inputs), name, data, positions, (truth.shape,), expected)
        rows.append((seen, truth, given))
    history, truth, forecasts = (np.concatenate(column) for column in zip(*rows, strict=True))
    if not np.isfinite(truth).any():
        raise DataError(f"no true value of {data.id!r} is known to compare a forecast with")
    return history, truth, forecasts


def _windows(
    inputs: Arrays, targets: Arrays, data: DataSpec
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    name = data.targets[0].name if data.targets else ""
    if data.input("history") is None or name not in targets or "history" not in inputs:
        raise ConfigError(
            f"the data {data.id!r} has no history to forecast from",
            why=f"its inputs are {', '.join(spec.name for spec in data.inputs)}, its targets "
            f"{', '.join(spec.name for spec in data.targets) or 'none'}",
            fix="describe windows of a series: an input 'history', one target 'forecast'",
        )
    return np.asarray(inputs["history"], np.float64), np.asarray(targets[name], np.float64)


def _baselines(
    reference: Split, data: DataSpec, history: NDArray[np.float64], truth: NDArray[np.float64]
) -> tuple[list[Backtest], float]:
    """Return the backtests of the baselines, and the mean change between two training steps."""
    seen, target = _windows(*reference.take(np.arange(len(reference))), data)
    channels = _channels(data)
    change = np.abs(np.diff(seen[:, :, channels], axis=1))
    backtests = [
        Backtest.of(name, forecast(history), truth)
        for name, forecast in fit_baselines(seen, target, channels).items()
    ]
    return backtests, float(np.nanmean(change)) if change.size else 0.0


def _channels(data: DataSpec) -> list[int]:
    """Return the channel of the history for each target."""
    history, target = data.input("history"), data.targets[0]
    names = [column.name for column in (history.columns if history else None) or ()]
    wanted = [column.name for column in target.columns or ()]
    if not wanted or not set(wanted) <= set(names):
        raise ConfigError(
            f"the columns of the forecast of {data.id!r} are not among those of its history",
            why=f"the history has {', '.join(names) or 'columns without names'}; the forecast has "
            f"{', '.join(wanted) or 'columns without names'}",
            fix="name the columns of both in the DataSpec",
        )
    return [names.index(name) for name in wanted]


def _skill(model: Backtest, best: Backtest, draws: NDArray[np.int64]) -> Score:
    if best.rmse == 0:
        return Score(value=0.0)
    squares: NDArray[Any] = np.maximum(draws @ best.squares, 1e-300)
    resampled = 1 - np.sqrt(draws @ model.squares / squares)
    return Score.of(1 - model.rmse / best.rmse, percentiles(resampled))


def _seasonal_naive(
    seen: NDArray[np.float64], truth: NDArray[np.float64], channels: list[int]
) -> tuple[int, Forecast]:
    """Return the season and the forecast."""
    window, horizon = seen.shape[1], truth.shape[1]
    spread = truth.std(axis=(0, 1))
    spread = np.where(spread > 0, spread, 1.0)
    few = slice(None, None, -(-len(seen) // _MAX_WINDOWS))

    def repeat(history: NDArray[np.float64], season: int) -> NDArray[np.float64]:
        steps = window - season + np.arange(horizon) % season
        return history[:, steps][:, :, channels]

    def error(season: int) -> float:
        return float((np.abs(repeat(seen[few], season) - truth[few]) / spread).mean())

    season = min(range(2, window + 1), key=error, default=1)
    return season, lambda history: repeat(history, season)


def _autoregression(seen: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[int, Forecast]:
    """Return the order and the forecast."""
    center, deviation = seen.mean(axis=(0, 1)), seen.std(axis=(0, 1))
    spread: NDArray[np.float64] = np.asarray(np.where(deviation > 0, deviation, 1.0), np.float64)
    shape = truth.shape[1:]

    def features(history: NDArray[np.float64], order: int) -> NDArray[np.float64]:
        scaled: NDArray[Any] = ((history[:, -order:] - center) / spread).reshape(len(history), -1)
        return np.concatenate([scaled, np.ones((len(history), 1))], axis=1)

    def fit(part: slice, order: int) -> NDArray[np.float64]:
        goal = truth[part].reshape(len(truth[part]), -1)
        return np.asarray(np.linalg.lstsq(features(seen[part], order), goal)[0], np.float64)

    border = len(seen) - max(1, len(seen) // _HELD_OUT)
    # No target of the windows for fitting overlaps those that choose the order.
    early, late = slice(0, max(1, border - shape[0])), slice(border, None)

    def error(order: int) -> float:
        forecasts = features(seen[late], order) @ fit(early, order)
        return float(np.square(forecasts - truth[late].reshape(len(forecasts), -1)).mean())

    order = min(_orders(seen.shape[1]), key=error)
    weights = fit(slice(None), order)
    return order, lambda history: (features(history, order) @ weights).reshape(-1, *shape)


def _orders(window: int) -> list[int]:
    """Return the orders to try: dense where they are small, and the whole window."""
    orders, order = [], 1
    while order < window:
        orders.append(order)
        order = max(order + 1, round(order * 1.3))
    return [*orders, window]


def _figures(
    model: Backtest,
    baselines: Sequence[Backtest],
    best: Backtest,
    truth: NDArray[np.float64],
    data: DataSpec,
    draws: NDArray[np.int64],
) -> tuple[Figure, ...]:
    """Return consecutive forecasts, the error by horizon, and the baselines."""
    every = [model, *baselines]
    history = data.input("history")
    step = history.series.step if history is not None and history.series is not None else "step"
    unit = f", {data.targets[0].unit}" if data.targets[0].unit else ""
    return (
        _forecasts(model, best, truth, data, step, unit),
        _by_horizon(every, truth, step, unit),
        _comparison(every, best, unit, draws),
        Table(
            title="Forecast accuracy",
            caption="Over every origin of the test split; baselines were fitted on the training "
            "split.",
            header=("forecast", f"RMSE{unit}", f"MAE{unit}"),
            rows=tuple((one.name, f"{one.rmse:.4g}", f"{one.mae:.4g}") for one in every),
        ),
    )


def _forecasts(
    model: Backtest,
    best: Backtest,
    truth: NDArray[np.float64],
    data: DataSpec,
    step: str,
    unit: str,
) -> Lines:
    """Plot consecutive forecasts, each from where the one before ends."""
    horizon = truth.shape[1]
    origins = np.arange(0, min(len(truth), max(_SHOWN, 6 * horizon)), horizon)
    x = (origins[:, None] + np.arange(horizon)).ravel()

    def line(name: str, values: NDArray[np.float64], *, emphasis: bool = False) -> Series:
        y = values[origins, :, 0].ravel()
        known = np.isfinite(y)
        return Series.of(name, x[known], y[known], emphasis=emphasis, most=MAX_POINTS)

    def rmse(backtest: Backtest) -> str:
        errors = np.square(backtest.forecasts[origins] - truth[origins])
        return f"{float(np.sqrt(np.nanmean(errors))):.3g}"

    return Lines(
        title="Forecasts",
        caption=f"Every {horizon} steps a forecast of the next {horizon}. Here the RMSE of the "
        f"model is {rmse(model)}{unit[1:]}, that of {best.name} {rmse(best)}.",
        series=(
            line("truth", truth),
            line(best.name, best.forecasts),
            line(model.name, model.forecasts, emphasis=True),
        ),
        x_label=f"{step}s of the test split after its first window",
        y_label=f"{(data.targets[0].columns or ())[0].name}{unit}",
    )


def _by_horizon(
    every: Sequence[Backtest], truth: NDArray[np.float64], step: str, unit: str
) -> Figure:
    steps = tuple(float(at) for at in range(1, truth.shape[1] + 1))
    curves = [np.sqrt(np.nanmean(np.square(one.forecasts - truth), axis=(0, 2))) for one in every]
    won = int((curves[0] < np.min(curves[1:], axis=0)).sum())
    return Lines(
        title="Error by forecast horizon",
        caption=f"The model has the smallest error at {won} of the {len(steps)} steps.",
        series=tuple(
            Series(name=one.name, x=steps, y=tuple(curve.tolist()), emphasis=one is every[0])
            for one, curve in zip(every, curves, strict=True)
        ),
        x_label=f"{step}s ahead",
        y_label=f"RMSE{unit}",
    )


def _comparison(
    every: Sequence[Backtest], best: Backtest, unit: str, draws: NDArray[np.int64]
) -> Figure:
    model = every[0]
    share = abs(1 - model.rmse / best.rmse) if best.rmse else 0.0
    side = "below" if model.rmse < best.rmse else "above"
    return Bars.of_scores(
        {one.name: one.rmse_score(draws) for one in every},
        title="Baselines",
        caption=f"The model's error is {share:.1%} {side} that of the best baseline, {best.name}. "
        "Lines are 95 % intervals.",
        label=f"RMSE{unit}",
        emphasis=(model.name,),
    )
