"""What forecasters said at every origin of a test part, and how sure their errors are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.metrics.intervals import percentiles
from zoo.metrics.results import Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL = "model"
"""What the forecaster that is measured is called beside the others."""

RESAMPLES = 1_000
_SEED = 1989


@dataclass(frozen=True)
class Backtest:
    """What one forecaster said at every origin.

    Attributes:
        name: Who it is.
        chosen: What was chosen for it, in words.
        said: `[origins, horizon, targets]`
        squares: `[origins]`, the sum of squared errors of each.
        sizes: `[origins]`, the sum of absolute errors of each.
        counts: `[origins]`, how many values each was compared with.
    """

    name: str
    chosen: str
    said: NDArray[np.float64]
    squares: NDArray[np.float64]
    sizes: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def rmse(self) -> float:
        """Root mean squared error, in raw units."""
        return float((self.squares.sum() / self.counts.sum()) ** 0.5)

    @property
    def mae(self) -> float:
        """Mean absolute error, in raw units."""
        return float(self.sizes.sum() / self.counts.sum())


def backtest(
    name: str, chosen: str, said: NDArray[np.float64], truth: NDArray[np.float64]
) -> Backtest:
    """Compare forecasts with what came; a truth of NaN counts nowhere."""
    import numpy as np

    known = np.isfinite(truth)
    error = np.where(known, said - np.where(known, truth, 0.0), 0.0)
    return Backtest(
        name,
        chosen,
        said,
        np.square(error).sum(axis=(1, 2)),
        np.abs(error).sum(axis=(1, 2)),
        known.sum(axis=(1, 2)),
    )


def draw_blocks(origins: int, length: int) -> NDArray[np.int64]:
    """Return how often each origin comes in each resample of a circular block bootstrap.

    Args:
        origins: How many there are, in time order.
        length: Of a block.

    Returns:
        Counts `[resamples, origins]`; each row sums to the number of origins.
    """
    import numpy as np

    length = min(length, origins)
    random = np.random.default_rng(_SEED)
    starts = random.integers(0, origins, size=(RESAMPLES, -(-origins // length)))
    counts = np.zeros((RESAMPLES, origins + 1), np.int64)
    rows = np.arange(RESAMPLES)[:, None]
    # A block is a step up where it begins and a step down behind its end; one may wrap around.
    sizes = np.full(starts.shape, length)
    sizes[:, -1] = origins - length * (starts.shape[1] - 1)
    ends = starts + sizes
    np.add.at(counts, (rows, starts), 1)
    np.add.at(counts, (rows, np.minimum(ends, origins)), -1)
    wrapped = ends > origins
    np.add.at(counts, (np.broadcast_to(rows, ends.shape)[wrapped], 0), 1)
    np.add.at(counts, (np.broadcast_to(rows, ends.shape)[wrapped], ends[wrapped] - origins), -1)
    return counts.cumsum(axis=1)[:, :origins]


def rmse_score(model: Backtest, draws: NDArray[np.int64]) -> Score:
    """Return the root mean squared error with its 95 % interval."""
    import numpy as np

    return resampled_score(model.rmse, np.sqrt(draws @ model.squares / (draws @ model.counts)))


def mae_score(model: Backtest, draws: NDArray[np.int64]) -> Score:
    """Return the mean absolute error with its 95 % interval."""
    return resampled_score(model.mae, draws @ model.sizes / (draws @ model.counts))


def resampled_score(value: float, resampled: NDArray[np.float64]) -> Score:
    """Return a value with the 2.5 % and the 97.5 % point of its resamples."""
    low, high = percentiles(resampled) or (None, None)
    return Score(value=value, low=low, high=high)


__all__ = [
    "MODEL",
    "RESAMPLES",
    "Backtest",
    "backtest",
    "draw_blocks",
    "mae_score",
    "resampled_score",
    "rmse_score",
]
