"""Images of a backtest: what was forecast, how far off it was, and who was nearer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.metrics.backtest import MODEL, Backtest, rmse_score
from zoo.metrics.figures import Bars, Figure, Lines, Series, Texts, evenly_spaced
from zoo.spec import DataSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 140
"""Steps of the picture of forecasts, or six horizons if that is more."""


def forecast_figures(
    model: Backtest,
    rivals: Sequence[Backtest],
    best: Backtest,
    truth: NDArray[np.float64],
    data: DataSpec,
    draws: NDArray[np.int64],
) -> tuple[Figure, ...]:
    """Return what a report shows of a backtest.

    Args:
        model: The forecaster that is measured.
        rivals: The simple forecasts beside it.
        best: The one of them with the smallest error.
        truth: What came, ``[origins, horizon, targets]``; NaN where it is not known.
        data: Gives the names, the unit and the step.
        draws: Resamples by :func:`zoo.metrics.backtest.draw_blocks`.
    """
    everyone = [model, *rivals]
    history = data.input("history")
    step = history.series.step if history is not None and history.series is not None else "step"
    unit = f", {data.targets[0].unit}" if data.targets[0].unit else ""
    return (
        _picture(model, best, truth, data, step, unit),
        _by_step(everyone, truth, step, unit),
        _bars(everyone, best, unit, draws),
        _gain(model, best, unit),
        _table(everyone, unit),
    )


def _picture(
    model: Backtest,
    best: Backtest,
    truth: NDArray[np.float64],
    data: DataSpec,
    step: str,
    unit: str,
) -> Figure:
    """Forecast after forecast, each from where the one before ends."""
    import numpy as np

    horizon = truth.shape[1]
    origins = np.arange(0, min(len(truth), max(SHOWN, 6 * horizon)), horizon)
    x = tuple(float(at) for at in (origins[:, None] + np.arange(horizon)).ravel())
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

    def off(said: NDArray[np.float64]) -> float:
        return float(np.sqrt(np.nanmean(np.square(said[origins] - truth[origins]))))

    name = (data.targets[0].columns or ())[0].name
    return Lines(
        title="Forecasts and what came",
        caption=f"Every {horizon} steps a forecast of the next {horizon}, made without knowing "
        f"them. On this stretch the model is {off(model.said):.3g}{unit[1:]} off (RMSE), the "
        f"{best.name} {off(best.said):.3g}.",
        series=(
            line("truth", truth),
            line(best.name, best.said),
            line(MODEL, model.said, emphasis=True),
        ),
        x_label=f"{step}s of the test part behind its first window",
        y_label=f"{name}{unit}",
    )


def _by_step(
    everyone: Sequence[Backtest], truth: NDArray[np.float64], step: str, unit: str
) -> Figure:
    import numpy as np

    steps = tuple(float(at) for at in range(1, truth.shape[1] + 1))
    curves = {
        one.name: np.sqrt(np.nanmean(np.square(one.said - truth), axis=(0, 2))) for one in everyone
    }
    rivals = np.min([curve for name, curve in curves.items() if name != MODEL], axis=0)
    won = int((curves[MODEL] < rivals).sum())
    return Lines(
        title="Error by how far ahead",
        caption=f"The model is nearest at {won} of the {len(steps)} steps of the horizon.",
        series=tuple(
            Series(name=name, x=steps, y=tuple(map(float, curve)), emphasis=name == MODEL)
            for name, curve in curves.items()
        ),
        x_label=f"{step}s ahead",
        y_label=f"RMSE{unit}",
    )


def _bars(
    everyone: Sequence[Backtest], best: Backtest, unit: str, draws: NDArray[np.int64]
) -> Figure:
    scores = {one.name: rmse_score(one, draws) for one in everyone}
    model = scores[MODEL].value
    share = abs(1 - model / best.rmse) if best.rmse else 0.0
    side = "below" if model < best.rmse else "above"
    return Bars(
        title="Beside simple forecasts",
        caption=f"The model's error is {share:.1%} {side} that of the best of them, the "
        f"{best.name}. Lines are 95 % intervals.",
        names=tuple(scores),
        values=tuple(score.value for score in scores.values()),
        lows=tuple(_or(score.low, score.value) for score in scores.values()),
        highs=tuple(_or(score.high, score.value) for score in scores.values()),
        label=f"RMSE{unit}",
        emphasis=(MODEL,),
    )


def _gain(model: Backtest, best: Backtest, unit: str) -> Figure:
    """How the advantage over the best simple forecast grew from origin to origin."""
    import numpy as np

    gained = np.cumsum(best.squares - model.squares) / max(1, int(model.counts.max()))
    better = float((model.squares < best.squares).mean())
    keep = evenly_spaced(len(gained))
    return Lines(
        title=f"What is gained over the {best.name}",
        caption=f"Squared error saved since the first forecast: the line rises where the model is "
        f"nearer to the truth, as in {better:.0%} of the forecasts.",
        series=(
            Series(
                name=MODEL,
                x=tuple(float(at) for at in keep),
                y=tuple(float(gained[at]) for at in keep),
                emphasis=True,
            ),
        ),
        x_label="forecast, in time order",
        y_label=f"squared error saved{f'{unit}²' if unit else ''}",
    )


def _table(everyone: Sequence[Backtest], unit: str) -> Figure:
    return Texts(
        title="The forecasts compared",
        caption="From every origin of the test part; chosen was on the training part alone.",
        header=("forecast", "chosen", f"RMSE{unit}", f"MAE{unit}"),
        rows=tuple((one.name, one.chosen, f"{one.rmse:.4g}", f"{one.mae:.4g}") for one in everyone),
    )


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


__all__ = ["SHOWN", "forecast_figures"]
