"""Figures of forecasts: consecutive forecasts, errors by horizon and by series, baselines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.backtest import Backtest, Groups, Resamples
from zoo.metrics.figures import MAX_POINTS, Bars, Figure, Lines, Series, Table
from zoo.spec import DataSpec

_SHOWN = 140
"""Steps of the plot of forecasts, or six horizons if that is more."""

_MAX_SERIES = 40
"""More series are shown by the worst and the best half of so many."""

SERIES_TABLE = "Accuracy by series"
"""Title of the table of several series."""


def consecutive_forecasts(
    model: Backtest, best: Backtest, truth: NDArray[np.float64], data: DataSpec, name: str = ""
) -> Lines:
    """Plot consecutive forecasts of one series, each from where the one before ends.

    Args:
        model: The model's forecasts of the series.
        best: Those of the best baseline.
        truth: `[origins, horizon, targets]`
        data: What is forecast.
        name: Name of the series, if there are several.
    """
    unit = f", {data.targets[0].unit}" if data.targets[0].unit else ""
    step = _step(data)
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
        caption=(f"The series {name}. " if name else "")
        + f"Every {horizon} steps a forecast of the next {horizon}. Here the RMSE of the "
        f"model is {rmse(model)}{unit[1:]}, that of {best.name} {rmse(best)}.",
        series=(
            line("truth", truth),
            line(best.name, best.forecasts),
            line(model.name, model.forecasts, emphasis=True),
        ),
        x_label=f"{step}s of the test split after its first window",
        y_label=f"{(data.targets[0].columns or ())[0].name}{unit}",
    )


def series_table(
    model: Backtest,
    baselines: Sequence[Backtest],
    groups: Groups,
    changes: NDArray[np.float64],
) -> Table:
    """Return the errors of each series, the worst first, beside its best baseline."""
    found = []
    for (name, rows), change in zip(groups.items(), changes, strict=True):
        mine = model.part(rows)
        best = min((one.part(rows) for one in baselines), key=lambda one: one.rmse)
        relative = mine.mae / (change or 1.0)
        found.append((relative, name, len(rows), mine.rmse, mine.mae, best.name, best.rmse))
    found.sort(reverse=True)
    won = sum(mine < theirs for _, _, _, mine, _, _, theirs in found)
    half = _MAX_SERIES // 2
    shown = found if len(found) <= _MAX_SERIES else [*found[:half], *found[-half:]]
    rest = "" if len(shown) == len(found) else f" The {half} worst and the {half} best are shown."
    return Table(
        title=SERIES_TABLE,
        caption="The worst first. The model has a smaller error than the best baseline in "
        f"{won} of the {len(found)} series.{rest}",
        header=("series", "forecasts", "RMSE", "MAE", "MASE", "best baseline", "its RMSE"),
        rows=tuple(
            (name, count, f"{mine:.4g}", f"{mae:.4g}", f"{relative:.3g}", best, f"{theirs:.4g}")
            for relative, name, count, mine, mae, best, theirs in shown
        ),
        marks=tuple("good" if one[3] < one[6] else "bad" for one in shown),
    )


def forecast_figures(
    every: Sequence[Backtest],
    best: Backtest,
    truth: NDArray[np.float64],
    data: DataSpec,
    draws: Resamples,
    unit: str | None,
) -> tuple[Figure, ...]:
    """Return the error by horizon, and the baselines."""
    step = _step(data)
    unit = f", {unit}" if unit else ""
    return (
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


def _comparison(every: Sequence[Backtest], best: Backtest, unit: str, draws: Resamples) -> Figure:
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


def _step(data: DataSpec) -> str:
    history = data.input("history")
    return history.series.step if history is not None and history.series is not None else "step"
