"""Figures of a backtest: forecasts, error by horizon, baselines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.figures import Bars, Figure, Lines, Series, Texts, evenly_spaced
from zoo.metrics.forecasting import Backtest
from zoo.spec import DataSpec

SHOWN = 140
"""Steps of the plot of forecasts, or six horizons if that is more."""


def forecast_figures(
    model: Backtest,
    baselines: Sequence[Backtest],
    best: Backtest,
    truth: NDArray[np.float64],
    data: DataSpec,
    draws: NDArray[np.int64],
) -> tuple[Figure, ...]:
    """Return the figures of a backtest.

    Args:
        model: Backtest of the evaluated model.
        baselines: Backtests of the baselines.
        best: The baseline with the smallest error.
        truth: True values, ``[origins, horizon, targets]``; NaN where unknown.
        data: Spec with the names, the unit and the time step.
        draws: Resamples by :func:`zoo.metrics.forecasting.draw_blocks`.
    """
    every = [model, *baselines]
    history = data.input("history")
    step = history.series.step if history is not None and history.series is not None else "step"
    unit = f", {data.targets[0].unit}" if data.targets[0].unit else ""
    return (
        _forecasts(model, best, truth, data, step, unit),
        _by_horizon(every, truth, step, unit),
        _comparison(every, best, unit, draws),
        _cumulative(model, best, unit),
        _table(every, unit),
    )


def _forecasts(
    model: Backtest,
    best: Backtest,
    truth: NDArray[np.float64],
    data: DataSpec,
    step: str,
    unit: str,
) -> Figure:
    """Plot consecutive forecasts, each from where the one before ends."""
    horizon = truth.shape[1]
    origins = np.arange(0, min(len(truth), max(SHOWN, 6 * horizon)), horizon)
    x = [float(at) for at in (origins[:, None] + np.arange(horizon)).ravel()]
    keep = evenly_spaced(len(x))

    def line(name: str, values: NDArray[np.float64], *, emphasis: bool = False) -> Series:
        drawn = values[origins, :, 0].ravel()
        kept = [at for at in keep if np.isfinite(drawn[at])]
        return Series(
            name=name,
            x=tuple(x[at] for at in kept),
            y=tuple(float(drawn[at]) for at in kept),
            emphasis=emphasis,
        )

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


def _cumulative(model: Backtest, best: Backtest, unit: str) -> Figure:
    saved = np.cumsum(best.squares - model.squares) / max(1, int(model.counts.max()))
    better = float((model.squares < best.squares).mean())
    keep = evenly_spaced(len(saved))
    return Lines(
        title=f"Cumulative squared error saved vs. {best.name}",
        caption=f"The line rises where the model has the smaller error: in {better:.0%} of the "
        "forecasts.",
        series=(
            Series(
                name=model.name,
                x=tuple(float(at) for at in keep),
                y=tuple(saved[keep].tolist()),
                emphasis=True,
            ),
        ),
        x_label="forecast, in time order",
        y_label=f"squared error saved{f'{unit}²' if unit else ''}",
    )


def _table(every: Sequence[Backtest], unit: str) -> Figure:
    return Texts(
        title="Forecast accuracy",
        caption="Over every origin of the test split; baselines were fitted on the training split.",
        header=("forecast", "chosen", f"RMSE{unit}", f"MAE{unit}"),
        rows=tuple((one.name, one.chosen, f"{one.rmse:.4g}", f"{one.mae:.4g}") for one in every),
    )
