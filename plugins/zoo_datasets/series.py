"""Series and sequences: Mackey-Glass, daily minimum temperatures, and the adding problem."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from pydantic import Field

from zoo.data import (
    ArraySplit,
    NamedDataset,
    Remote,
    SeedOptions,
    Series,
    WindowOptions,
    read_series,
    read_table,
    series_spec,
    windows,
)
from zoo.files import sha256_file
from zoo.spec import Column, DataSpec, SeriesSpec, Split, Task, TensorSpec
from zoo_datasets import check_content, local_or_downloaded

TAU = 17
"""Delay of the Mackey-Glass equation, in time units."""
PER_UNIT = 10
"""Steps of the integration in a time unit."""
LEFT_OUT = 1_000
"""Time units until the start is forgotten."""

TEMPERATURES_REMOTE = Remote(
    name="daily-min-temperatures.csv",
    urls=(
        "https://raw.githubusercontent.com/jbrownlee/Datasets/master/daily-min-temperatures.csv",
    ),
    size=67_921,
    sha256="8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da",
)


class MackeyGlassOptions(WindowOptions):
    """Options of the Mackey-Glass series."""

    window: int = Field(
        64, ge=2, le=4_096, description="Time units of history that a forecast is made from."
    )
    horizon: int = Field(32, ge=1, le=512, description="Time units that are forecast.")
    length: int = Field(5_000, ge=300, le=200_000, description="Time units of the series.")


class TemperatureOptions(WindowOptions):
    """Options of the daily minimum temperatures."""

    window: int = Field(
        28, ge=2, le=4_096, description="Days of history that a forecast is made from."
    )
    horizon: int = Field(7, ge=1, le=512, description="Days that are forecast.")
    file: str | None = Field(
        None, description="A local daily-min-temperatures.csv instead of a download."
    )


class AddingOptions(SeedOptions):
    """Options of the adding problem."""

    length: int = Field(200, ge=2, le=5_000, description="Steps of a sequence.")
    examples: int = Field(
        20_000,
        ge=10,
        le=1_000_000,
        description="Sequences to train on; a tenth as many validate, and as many test.",
    )


def describe_mackey_glass(options: MackeyGlassOptions) -> DataSpec:
    """Return the spec of the windows with these options."""
    return series_spec(
        "mackey_glass",
        [Column(name="x", categories=None)],
        ["x"],
        window=options.window,
        series=SeriesSpec(horizon=options.horizon),
    )


def load_mackey_glass(options: MackeyGlassOptions) -> Mapping[str, Split]:
    """Integrate the equation and cut its windows."""
    values = mackey_glass(options.length, seed=options.split_seed)
    series = Series(
        ("x",), values.astype(np.float32)[:, None], np.zeros(len(values), bool), None, None
    )
    return windows(series, describe_mackey_glass(options), options)


def mackey_glass(length: int, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Return the Mackey-Glass series, one value per time unit.

        dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t)

    It is integrated by the classical Runge-Kutta method of order 4 in steps of a tenth of a time
    unit. Half-way between two steps the delayed value is that of the cubic through both values and
    slopes. The history before 0 is one constant, drawn between 0.5 and 1.5; the first 1,000 time
    units are left out. Powers are products, and all else is addition, multiplication and division,
    so that every machine computes the same bits: chaos would not forgive a last digit.

    Args:
        length: Number of values.
        seed: Seed of the constant history.
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


def describe_temperatures(options: TemperatureOptions) -> DataSpec:
    """Return the spec of the windows with these options."""
    return series_spec(
        "daily_min_temperatures",
        [Column(name="Temp", unit="°C", categories=None)],
        ["Temp"],
        window=options.window,
        calendar=("day_of_year",),
        series=SeriesSpec(date="Date", unit="day", horizon=options.horizon, gaps="interpolate"),
    )


def load_temperatures(options: TemperatureOptions) -> Mapping[str, Split]:
    """Read the file and cut its windows.

    The file has no row for 31 December of the two leap years; both are interpolated, and no
    forecast of them or from them is learned or measured.

    Raises:
        DatasetUnavailable: If it cannot be downloaded now.
        ChecksumMismatch: If the local copy is another file.
    """
    path = local_or_downloaded(options.file, TEMPERATURES_REMOTE)
    table = read_table(path)
    check_content(
        sha256_file(path),
        TEMPERATURES_REMOTE.sha256 or "",
        f"the bytes of the daily minimum temperatures in {path}",
        f"zoo train lstm --data {path} uses the file as your own series",
    )
    series = read_series(table, date="Date", channels=("Temp",), interpolate=True)
    return windows(series, describe_temperatures(options), options)


def load_adding(options: AddingOptions) -> Mapping[str, Split]:
    """Draw the sequences of each split."""
    held_out = max(1, options.examples // 10)
    splits = {}
    sizes = {"train": options.examples, "validation": held_out, "test": held_out}
    for number, (name, size) in enumerate(sizes.items()):
        sequence, total = adding(size, options.length, seed=options.split_seed, stream=number)
        splits[name] = ArraySplit({"sequence": sequence}, {"sum": total})
    return splits


def adding(
    count: int, length: int, *, seed: int = 0, stream: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return sequences of the adding problem and their sums.

    Every step has a value, uniform in 0..1, and a mark, 1 at two places and 0 at all others; one
    place is drawn from the first half, one from the second. The target is the sum of the two
    marked values. Always answering 1 has a mean squared error of 1/6.

    Args:
        count: Number of sequences.
        length: Steps of each, at least 2.
        seed: Seed of values and places.
        stream: Different streams of one seed share nothing.

    Shapes:
        ``[count, length, 2]`` and ``[count]``.
    """
    source = np.random.PCG64(np.random.SeedSequence([seed, stream, length]))
    raw = source.random_raw(count * (length + 2)).reshape(count, length + 2)
    drawn = (raw >> np.uint64(11)) * 2.0**-53
    half = length // 2
    rows = np.arange(count)
    first = (drawn[:, 0] * half).astype(np.int64)
    second = half + (drawn[:, 1] * (length - half)).astype(np.int64)
    values = drawn[:, 2:].astype(np.float32)
    marks = np.zeros((count, length), np.float32)
    marks[rows, first] = marks[rows, second] = 1.0
    return np.stack([values, marks], axis=-1), values[rows, first] + values[rows, second]


MACKEY_GLASS = NamedDataset(
    spec=describe_mackey_glass(MackeyGlassOptions()),
    summary="Chaos from one equation: the Mackey–Glass series with a delay of 17",
    size="5,000 steps",
    license="Apache-2.0",
    source="Mackey & Glass 1977, Oscillation and chaos in physiological control systems; computed "
    "here",
    offline=True,
    options=MackeyGlassOptions,
    load=load_mackey_glass,
    describe=describe_mackey_glass,
)
TEMPERATURES = NamedDataset(
    spec=describe_temperatures(TemperatureOptions()),
    summary="3,650 daily minimum temperatures in Melbourne, 1981 to 1990",
    size="3,650 steps, 68 kB",
    license="not stated",
    source="Hyndman, Time Series Data Library, citing the Australian Bureau of Meteorology; the "
    "file of github.com/jbrownlee/Datasets",
    offline=False,
    options=TemperatureOptions,
    load=load_temperatures,
    describe=describe_temperatures,
)
ADDING = NamedDataset(
    spec=DataSpec(
        id="adding",
        task=Task.REGRESSION,
        inputs=(
            TensorSpec(
                name="sequence",
                shape=("time", 2),
                range=(0, 1),
                columns=(
                    Column(name="value", categories=None),
                    Column(name="mark", categories=None),
                ),
            ),
        ),
        targets=(TensorSpec(name="sum", range=(0, 2)),),
    ),
    summary="The adding problem: the sum of two marked values of a long sequence",
    size="24,000 sequences",
    license="Apache-2.0",
    source="Hochreiter & Schmidhuber 1997, Long short-term memory, experiment 4, in the form of "
    "Martens & Sutskever 2011; drawn here",
    offline=True,
    options=AddingOptions,
    load=load_adding,
)
