"""How good a forecaster is, beside the simple forecasts that it must beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, DataError, Diverged
from zoo.metrics.backtest import (
    MODEL,
    Backtest,
    backtest,
    draw_blocks,
    mae_score,
    resampled_score,
    rmse_score,
)
from zoo.metrics.batches import batches
from zoo.metrics.figures import Figure
from zoo.metrics.forecast_figures import forecast_figures
from zoo.metrics.forecasters import Forecaster, simple_forecasters
from zoo.metrics.results import Evaluation, Score
from zoo.metrics.scores import ScoreInfo, register_score
from zoo.spec import Arrays, DataSpec, PredictFn, Split, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


for _info in (
    ScoreInfo(
        "skill",
        "Skill",
        "How much smaller its root mean squared error is than that of the best of persistence, "
        "seasonal naive and linear autoregression.",
        True,
        low=None,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "mase",
        "Mean absolute scaled error",
        "Its absolute error as a multiple of how much the series changes from one step to the "
        "next in the training part.",
    ),
):
    register_score(_info)


def evaluate_forecasting(
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Measure forecasts from every origin of a split, in raw units.

    ``rmse`` and ``mae`` are over all origins, steps and targets. With a reference there are also
    ``skill``, 1 − RMSE / RMSE of the best simple forecast, and ``mase`` (Hyndman & Koehler 2006),
    the MAE as a multiple of the mean absolute change from step to step in the training windows.
    Errors of neighboring origins hang together, so that intervals come from a circular block
    bootstrap (Politis & Romano 1992) with blocks of twice the horizon or the cube root of the
    origins, whichever is more. A truth of NaN counts nowhere.

    The backtest rolls the origin one step at a time, and nobody is fitted again: the model and
    the simple forecasts of :func:`simple_forecasters` know the training part only.

    Args:
        predict_fn: Gives ``forecast``.
        split: Windows of one series, the earliest first.
        data: Its first target is the forecast, whose columns are among those of ``history``.
        reference: The training split.
        batch_size: Windows at a time.

    Shapes:
        forecast: ``[windows, horizon, targets]``

    Raises:
        ConfigError: If the data has no history, or the output does not fit the target.
        DataError: If the split is empty.
        Diverged: If a forecast is not a finite number.
    """
    history, truth, said = _answers(predict_fn, split, data, batch_size)
    model = backtest(MODEL, "", said, truth)
    draws = draw_blocks(len(truth), max(2 * truth.shape[1], round(len(truth) ** (1 / 3))))
    unit = {"unit": data.targets[0].unit}
    scores = {
        "rmse": rmse_score(model, draws).model_copy(update=unit),
        "mae": mae_score(model, draws).model_copy(update=unit),
    }
    figures: tuple[Figure, ...] = ()
    if reference is not None:
        rivals, change = _rivals(reference, data, history, truth)
        best = min(rivals, key=lambda rival: rival.rmse)
        scores["skill"] = _skill(model, best, draws)
        if change > 0:
            scores["mase"] = _scaled(scores["mae"], 1 / change)
        figures = forecast_figures(model, rivals, best, truth, data, draws)
    return Evaluation(task=Task.FORECASTING, examples=len(truth), scores=scores, figures=figures)


def _answers(
    predict_fn: PredictFn, split: Split, data: DataSpec, batch_size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return what was seen, what came, and what was said, of every window."""
    import numpy as np

    rows = []
    for positions, inputs, targets in batches(split, data, batch_size):
        seen, came = _windows(inputs, targets, data)
        rows.append((seen, came, _forecasts(predict_fn(inputs), came.shape, data, positions)))
    seen, came, said = (np.concatenate(column) for column in zip(*rows, strict=True))
    if not np.isfinite(came).any():
        raise DataError(f"no value of {data.id!r} is known that a forecast could be compared with")
    return seen, came, said


def _windows(
    inputs: Arrays, targets: Arrays, data: DataSpec
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import numpy as np

    name = data.targets[0].name if data.targets else ""
    if data.input("history") is None or name not in targets or "history" not in inputs:
        raise ConfigError(
            f"the data {data.id!r} has no history to forecast from",
            why=f"its inputs are {', '.join(spec.name for spec in data.inputs)}, its targets "
            f"{', '.join(spec.name for spec in data.targets) or 'none'}",
            fix="describe windows of a series: inputs 'history', one target 'forecast'",
        )
    return np.asarray(inputs["history"], np.float64), np.asarray(targets[name], np.float64)


def _forecasts(
    outputs: Arrays, shape: tuple[int, ...], data: DataSpec, positions: NDArray[Any]
) -> NDArray[np.float64]:
    import numpy as np

    name = data.targets[0].name
    if name not in outputs:
        raise ConfigError(
            f"the model has no output {name!r}",
            why=f"a forecaster is measured on it; there are {', '.join(outputs) or 'none'}",
            fix=f"call the output {name!r}, or override Architecture.evaluate",
        )
    said = np.asarray(outputs[name]).astype(np.float64)
    if said.shape != shape:
        raise ConfigError(
            f"the output {name!r} does not fit the data {data.id!r}",
            why=f"expected windows, steps and targets: {shape}. Received: shape={said.shape}",
            fix="evaluate on the data that the model was built for",
        )
    wrong = np.flatnonzero(~np.isfinite(said).all(axis=(1, 2)))
    if len(wrong):
        raise Diverged(
            f"the forecast for window {positions[wrong[0]]} of {data.id!r} is not a finite number",
            why="the model's weights or this window hold NaN or infinity",
            fix="train with a lower optimizer.learning_rate or with optimizer.clip_norm",
        )
    return said


def _rivals(
    reference: Split, data: DataSpec, history: NDArray[np.float64], truth: NDArray[np.float64]
) -> tuple[list[Backtest], float]:
    """Return the backtests of the simple forecasts, and the mean change between two steps."""
    import numpy as np

    seen, came = _windows(*reference.take(np.arange(len(reference))), data)
    places = _places(data)
    change = np.abs(np.diff(seen[:, :, places], axis=1))
    made: Sequence[Forecaster] = simple_forecasters(seen, came, places)
    rivals = [backtest(f.name, f.chosen, f.forecast(history), truth) for f in made]
    return rivals, float(np.nanmean(change)) if change.size else 0.0


def _places(data: DataSpec) -> list[int]:
    """Return which channel of the history each target is."""
    history, target = data.input("history"), data.targets[0]
    names = [column.name for column in (history.columns if history else None) or ()]
    wanted = [column.name for column in target.columns or ()]
    if not wanted or not set(wanted) <= set(names):
        raise ConfigError(
            f"the forecast of {data.id!r} is not of what its history shows",
            why=f"the history has the columns {', '.join(names) or 'without names'}; forecast are "
            f"{', '.join(wanted) or 'columns without names'}",
            fix="name the columns of both in the DataSpec",
        )
    return [names.index(name) for name in wanted]


def _skill(model: Backtest, best: Backtest, draws: NDArray[np.int64]) -> Score:
    import numpy as np

    if best.rmse == 0:
        return Score(value=0.0)
    rival = np.maximum(draws @ best.squares, 1e-300)
    return resampled_score(1 - model.rmse / best.rmse, 1 - np.sqrt(draws @ model.squares / rival))


def _scaled(score: Score, by: float) -> Score:
    low = None if score.low is None else score.low * by
    high = None if score.high is None else score.high * by
    return Score(value=score.value * by, low=low, high=high)


__all__ = ["evaluate_forecasting"]
