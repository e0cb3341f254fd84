"""Simple forecasts that every model of a series must beat, made from training windows alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_WINDOWS = 4_000
"""More windows choose no better season."""

_HELD = 5
"""Of the training windows, the last one in so many chooses the order."""


@dataclass(frozen=True)
class Forecaster:
    """A simple forecast.

    Attributes:
        name: What it is called.
        chosen: What was chosen for it on the training part, in words; empty if nothing was.
        forecast: From `[windows, window, channels]` to `[windows, horizon, targets]`.
    """

    name: str
    chosen: str
    forecast: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def simple_forecasters(
    history: NDArray[Any], truth: NDArray[Any], places: Sequence[int]
) -> tuple[Forecaster, ...]:
    """Return persistence, the seasonal naive forecast and a linear autoregression.

    Persistence repeats the last value. The seasonal naive forecast repeats the values one season
    earlier; the season is the one, of those that fit into a window, with the smallest absolute
    error on the training windows. The autoregression has one least-squares fit a step of the
    horizon, from the last p steps of every channel; p is the one with the smallest squared error
    on the last fifth of the training windows, fitted on those before, and all windows are used
    then.

    Args:
        history: The training windows, the earliest first.
        truth: What came after them.
        places: Which channel each target is.

    Shapes:
        history: `[windows, window, channels]`; truth: `[windows, horizon, targets]`
    """
    import numpy as np

    seen, came = np.asarray(history, np.float64), np.asarray(truth, np.float64)
    known = np.isfinite(came).all(axis=(1, 2)) & np.isfinite(seen).all(axis=(1, 2))
    seen, came = seen[known], came[known]
    return _persistence(came, places), _seasonal(seen, came, places), _linear(seen, came)


def _persistence(came: NDArray[np.float64], places: Sequence[int]) -> Forecaster:
    import numpy as np

    horizon = came.shape[1]

    def forecast(history: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(history[:, -1:, list(places)], horizon, axis=1)

    return Forecaster("persistence", "", forecast)


def _seasonal(
    seen: NDArray[np.float64], came: NDArray[np.float64], places: Sequence[int]
) -> Forecaster:
    import numpy as np

    window, horizon = seen.shape[1], came.shape[1]
    spread = came.std(axis=(0, 1))
    spread = np.where(spread > 0, spread, 1.0)
    few = slice(None, None, -(-len(seen) // _MOST_WINDOWS))

    def repeat(history: NDArray[np.float64], season: int) -> NDArray[np.float64]:
        steps = window - season + np.arange(horizon) % season
        return history[:, steps][:, :, list(places)]

    def error(season: int) -> float:
        return float((np.abs(repeat(seen[few], season) - came[few]) / spread).mean())

    season = min(range(2, window + 1), key=error, default=1)
    return Forecaster(
        "seasonal naive", f"season of {season} steps", lambda history: repeat(history, season)
    )


def _linear(seen: NDArray[np.float64], came: NDArray[np.float64]) -> Forecaster:
    import numpy as np

    center, deviation = seen.mean(axis=(0, 1)), seen.std(axis=(0, 1))
    spread: NDArray[np.float64] = np.asarray(np.where(deviation > 0, deviation, 1.0), np.float64)
    shape = came.shape[1:]

    def features(history: NDArray[np.float64], order: int) -> NDArray[np.float64]:
        scaled: NDArray[Any] = ((history[:, -order:] - center) / spread).reshape(len(history), -1)
        return np.concatenate([scaled, np.ones((len(history), 1))], axis=1)

    def fit(part: slice, order: int) -> NDArray[np.float64]:
        goal = came[part].reshape(len(came[part]), -1)
        return np.asarray(np.linalg.lstsq(features(seen[part], order), goal)[0], np.float64)

    border = len(seen) - max(1, len(seen) // _HELD)
    # No forecast that is fitted reaches into those that choose.
    early, late = slice(0, max(1, border - shape[0])), slice(border, None)

    def error(order: int) -> float:
        said = features(seen[late], order) @ fit(early, order)
        return float(np.square(said - came[late].reshape(len(said), -1)).mean())

    order = min(_orders(seen.shape[1]), key=error)
    weights = fit(slice(None), order)
    return Forecaster(
        "linear autoregression",
        f"order {order}",
        lambda history: (features(history, order) @ weights).reshape(-1, *shape),
    )


def _orders(window: int) -> list[int]:
    """Return the orders to try: dense where they are small, and the whole window."""
    orders, order = [], 1
    while order < window:
        orders.append(order)
        order = max(order + 1, round(order * 1.3))
    return [*orders, window]


__all__ = ["Forecaster", "simple_forecasters"]
