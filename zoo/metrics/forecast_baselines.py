"""Baselines of forecasts: persistence, the seasonal naive forecast and a linear autoregression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_WINDOWS = 4_000
"""More windows choose no better season."""

_HELD_OUT = 5
"""The last one in so many training windows chooses the order."""

Forecast = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From `[windows, window, channels]` to `[windows, horizon, targets]`."""


def fit_baselines(
    history: NDArray[Any], target: NDArray[Any], channels: Sequence[int], season: int = 1
) -> dict[str, Forecast]:
    """Fit persistence, the seasonal naive forecast and a linear autoregression.

    Persistence repeats the last value. The seasonal naive forecast repeats the values one season
    earlier; where the frequency has no season, or a longer one than the window, it is the number of
    steps with the smallest absolute error on the training windows. The autoregression has one
    least-squares fit for each step of the horizon, from the last p steps of every channel; p is the
    one with the smallest squared error on the last fifth of the training windows, fitted on those
    before, and then refitted on all.

    Args:
        history: Training windows, the earliest first.
        target: The values after them.
        channels: The channel of each target.
        season: Steps of a season of the frequency; 1 for none.

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

    season, seasonal_naive = _seasonal_naive(seen, truth, targets, season)
    order, autoregression = _autoregression(seen, truth)
    return {
        "persistence": persistence,
        f"seasonal naive ({season} steps)": seasonal_naive,
        f"linear autoregression (order {order})": autoregression,
    }


def _seasonal_naive(
    seen: NDArray[np.float64], truth: NDArray[np.float64], channels: list[int], season: int
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

    if not 1 < season <= window:
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
