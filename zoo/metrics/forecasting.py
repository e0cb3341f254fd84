"""Forecasting metrics: RMSE, MAE, skill and MASE in a rolling-origin backtest.

Baselines are those of :mod:`zoo.metrics.forecast_baselines`. Of several series each has baselines
of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ConfigError, DataError
from zoo.metrics.backtest import Backtest, Groups, Resamples, series_rows
from zoo.metrics.figures import Figure
from zoo.metrics.forecast_baselines import fit_baselines
from zoo.metrics.forecast_figures import consecutive_forecasts, forecast_figures, series_table
from zoo.metrics.intervals import percentiles
from zoo.metrics.outputs import checked_output, iterate_batches
from zoo.metrics.results import Evaluation, Score
from zoo.runtime.calendar import Step
from zoo.spec import Arrays, DataSpec, PredictFn, Split, Task


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

    Of several series ``rmse`` and ``mae`` are over all of them, ``mase`` is the mean of those of
    each series, as in the M4 competition, and ``skill`` is that of errors in mean changes of each
    series. Blocks are of the same origins in all series of one length.

    The origin rolls one step at a time, and nothing is refitted: the model and the baselines of
    :func:`fit_baselines` know the training split only.

    Args:
        predict_fn: Returns ``forecast``.
        split: Windows, the earliest of each series first; its ``series`` names that of each.
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
    raw = truth
    groups = series_rows(split)
    model = Backtest.of("model", forecasts, truth)
    draws = Resamples(groups, truth.shape[1])
    unit = data.targets[0].unit
    mae = percentiles((draws @ model.absolutes) / (draws @ model.counts))
    scores = {
        "rmse": model.rmse_score(draws, unit),
        "mae": Score.of(model.mae, mae, unit),
    }
    figures: tuple[Figure, ...] = ()
    if reference is not None:
        baselines, changes = _baselines(reference, data, history, truth, groups)
        mase = _mase(model, groups, changes, draws)
        relative, several = (model, *baselines), len(groups) > 1
        if several:
            # Series of any size count alike, as in the RMSSE of M5 (Makridakis et al. 2022).
            scale = _scale(groups, changes)
            truth, unit = truth / scale, "mean changes"
            relative = tuple(
                Backtest.of(one.name, one.forecasts / scale, truth) for one in relative
            )
        best = min(range(1, len(relative)), key=lambda place: relative[place].rmse)
        scores["skill"] = _skill(relative[0], relative[best], draws)
        scores |= mase
        series, rows = max(groups.items(), key=lambda one: relative[0].part(one[1]).rmse)
        figures = (
            consecutive_forecasts(
                model.part(rows), baselines[best - 1].part(rows), raw[rows], data, series
            ),
            *forecast_figures(relative, relative[best], truth, data, draws, unit),
        )
        if several:
            figures = (series_table(model, baselines, groups, changes), *figures)
    return Evaluation(task=Task.FORECASTING, examples=len(truth), scores=scores, figures=figures)


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
    reference: Split,
    data: DataSpec,
    history: NDArray[np.float64],
    truth: NDArray[np.float64],
    groups: Groups,
) -> tuple[list[Backtest], NDArray[np.float64]]:
    """Return the backtests of the baselines, and the mean change between training steps.

    Both are of each series alone. A series that was not trained on is measured by the baselines of
    all others.

    Returns:
        The backtests; the mean change, one per series.
    """
    seen, target = _windows(*reference.take(np.arange(len(reference))), data)
    channels, own = _channels(data), series_rows(reference)
    spec = data.inputs[0].series
    season = 1 if spec is None else Step.of(spec).season
    forecasts: list[NDArray[np.float64]] = []
    names: list[str] = []
    changes = np.zeros(len(groups))
    for number, (series, rows) in enumerate(groups.items()):
        known = own.get(series, np.arange(len(seen)))
        change = np.abs(np.diff(seen[known][:, :, channels], axis=1))
        changes[number] = np.nanmean(change) if change.size else 0.0
        fitted = fit_baselines(seen[known], target[known], channels, season)
        if not forecasts:
            forecasts = [np.empty_like(truth) for _ in fitted]
            names = list(fitted)
        for values, forecast in zip(forecasts, fitted.values(), strict=True):
            values[rows] = forecast(history[rows])
    if len(groups) > 1:
        names = [name.partition(" (order")[0] for name in names]
    backtests = [
        Backtest.of(name, values, truth) for name, values in zip(names, forecasts, strict=True)
    ]
    return backtests, changes


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


def _mase(
    model: Backtest, groups: Groups, changes: NDArray[np.float64], draws: Resamples
) -> dict[str, Score]:
    """Return the mean over the series of the MAE as a multiple of the mean change, if known."""
    kept = np.flatnonzero(changes > 0)
    if not len(kept):
        return {}
    errors = zip(draws.by_series(model.absolutes), draws.by_series(model.counts), strict=True)
    resampled = [total / np.maximum(count, 1) for total, count in errors]
    ends = percentiles(np.mean([resampled[at] / changes[at] for at in kept], axis=0))
    rows = list(groups.values())
    value = np.mean([model.part(rows[at]).mae / changes[at] for at in kept])
    return {"mase": Score.of(float(value), ends)}


def _skill(model: Backtest, best: Backtest, draws: Resamples) -> Score:
    if best.rmse == 0:
        return Score(value=0.0)
    squares: NDArray[Any] = np.maximum(draws @ best.squares, 1e-300)
    resampled = 1 - np.sqrt(draws @ model.squares / squares)
    return Score.of(1 - model.rmse / best.rmse, percentiles(resampled))


def _scale(groups: Groups, changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean change of the series of each window, 1 where there is none."""
    scale = np.ones((sum(map(len, groups.values())), 1, 1))
    for rows, change in zip(groups.values(), changes, strict=True):
        scale[rows] = change or 1.0
    return scale
