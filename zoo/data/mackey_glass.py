"""The Mackey–Glass series: chaos from one equation, so it is there without any file.

    dx/dt = 0.2 x(t − τ) / (1 + x(t − τ)^10) − 0.1 x(t),  τ = 17

(Mackey & Glass 1977, Oscillation and chaos in physiological control systems, Science 197). It is
integrated by the classical Runge–Kutta method of order 4 in steps of a tenth of a time unit. The
delay is 170 steps; half-way between two of them the delayed value is that of the cubic through
both values and slopes. The history before 0 is one constant, drawn between 0.5 and 1.5 from the
seed; the first 1,000 time units are left out, and then every tenth value is kept: one a time unit.

Powers are products, and all else is addition, multiplication and division, so that every machine
gets the same bits: what is chaotic would not forgive a last digit.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.data.named.series import MackeyGlassOptions
from zoo.data.series import series_spec, windows
from zoo.runtime.series import Series
from zoo.spec import Column, DataSpec, SeriesSpec, Split

TAU = 17
PER_UNIT = 10
"""Steps of the integration in a time unit."""
LEFT_OUT = 1_000
"""Time units until the start is forgotten."""


def describe(options: MackeyGlassOptions) -> DataSpec:
    """Return what the windows are with these options."""
    return series_spec(
        "mackey_glass",
        [Column(name="x", categories=None)],
        ["x"],
        window=options.window,
        series=SeriesSpec(horizon=options.horizon),
    )


def load(options: MackeyGlassOptions) -> Mapping[str, Split]:
    """Integrate the equation and cut its windows."""
    values = mackey_glass(options.length, seed=options.split_seed)
    series = Series(
        ("x",), values.astype(np.float32)[:, None], np.zeros(len(values), bool), None, None
    )
    return windows(series, describe(options), options)


def mackey_glass(length: int, *, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return that many values, one a time unit; the module says how.

    Args:
        length: How many.
        seed: Draws the constant history.
    """
    raw = int(np.random.PCG64(np.random.SeedSequence([seed, TAU])).random_raw())
    start = 0.5 + (raw >> 11) * 2.0**-53
    delay = TAU * PER_UNIT
    size = 1.0 / PER_UNIT
    x = [start] * (delay + 1)
    slope = [0.0] * (delay + 1)
    slope[-1] = _slope(start, start)
    for now in range(delay, delay + (LEFT_OUT + length) * PER_UNIT):
        before, after = x[now - delay], x[now - delay + 1]
        # At time 0 the constant history ends in a kink, and is flat on its own side of it.
        leaving = slope[now - delay + 1] if now + 1 != 2 * delay else 0.0
        middle = (before + after) / 2 + size / 8 * (slope[now - delay] - leaving)
        k1 = slope[now]
        k2 = _slope(x[now] + size / 2 * k1, middle)
        k3 = _slope(x[now] + size / 2 * k2, middle)
        k4 = _slope(x[now] + size * k3, after)
        x.append(x[now] + size / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
        slope.append(_slope(x[-1], after))
    kept = x[delay + LEFT_OUT * PER_UNIT :: PER_UNIT]
    return np.array(kept[:length])


def _slope(x: float, delayed: float) -> float:
    square = delayed * delayed
    fourth = square * square
    return 0.2 * delayed / (1.0 + fourth * fourth * square) - 0.1 * x


__all__ = ["LEFT_OUT", "PER_UNIT", "TAU", "describe", "load", "mackey_glass"]
