"""Backtests: forecasts from every origin, their errors, and resamples of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.intervals import percentiles
from zoo.metrics.results import Score
from zoo.spec import Split

RESAMPLES = 1_000
_SEED = 1989

Groups = Mapping[str, NDArray[np.int64]]
"""The windows of each series by its name; of a single one under an empty name."""


def series_rows(split: Split) -> Groups:
    """Return the windows of each series of a split."""
    names = getattr(split, "series", None)
    if names is None:
        return {"": np.arange(len(split))}
    return {str(name): np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())}


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

    def part(self, rows: NDArray[np.int64]) -> Backtest:
        """Return the backtest of some origins."""
        return Backtest(
            self.name,
            self.forecasts[rows],
            self.squares[rows],
            self.absolutes[rows],
            self.counts[rows],
        )

    @property
    def rmse(self) -> float:
        """Root mean squared error, in raw units."""
        return float((self.squares.sum() / max(self.counts.sum(), 1)) ** 0.5)

    @property
    def mae(self) -> float:
        """Mean absolute error, in raw units."""
        return float(self.absolutes.sum() / max(self.counts.sum(), 1))

    def rmse_score(self, draws: Resamples, unit: str | None = None) -> Score:
        """Return the RMSE with its interval over resamples of origins."""
        resampled = np.sqrt((draws @ self.squares) / (draws @ self.counts))
        return Score.of(self.rmse, percentiles(resampled), unit)


class Resamples:
    """Resamples of the windows of every series, by a circular block bootstrap.

    Args:
        groups: The windows of each series.
        horizon: Steps of a forecast.
    """

    def __init__(self, groups: Groups, horizon: int) -> None:
        self._rows = list(groups.values())
        sizes = {len(rows) for rows in self._rows}
        self._draws = {
            size: draw_blocks(size, max(2 * horizon, round(size ** (1 / 3)))) for size in sizes
        }

    def by_series(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the sum of values in each resample, for every series."""
        return [self._draws[len(rows)] @ values[rows] for rows in self._rows]

    def __matmul__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the sum of values in each resample, over all series."""
        return np.asarray(np.sum(self.by_series(values), axis=0))


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
