"""Series with a name, and sequences whose length is what makes them hard."""

from __future__ import annotations

from pydantic import Field

from zoo.data.info import DatasetInfo, Row
from zoo.data.options import MAX_HORIZON, MAX_WINDOW, SeedOptions, WindowOptions
from zoo.spec import Column, DataSpec, SeriesSpec, Task, TensorSpec


class MackeyGlassOptions(WindowOptions):
    """Options of the Mackey–Glass series."""

    window: int = Field(
        64, ge=2, le=MAX_WINDOW, description="Time units of history that a forecast is made from."
    )
    horizon: int = Field(32, ge=1, le=MAX_HORIZON, description="Time units that are forecast.")
    length: int = Field(5_000, ge=300, le=200_000, description="Time units of the series.")


class TemperatureOptions(WindowOptions):
    """Options of the daily minimum temperatures."""

    window: int = Field(
        28, ge=2, le=MAX_WINDOW, description="Days of history that a forecast is made from."
    )
    horizon: int = Field(7, ge=1, le=MAX_HORIZON, description="Days that are forecast.")
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


_MACKEY_GLASS = DataSpec(
    id="mackey_glass",
    task=Task.FORECASTING,
    inputs=(
        TensorSpec(
            name="history",
            shape=(64, 1),
            columns=(Column(name="x", categories=None),),
            series=SeriesSpec(horizon=32),
        ),
    ),
    targets=(
        TensorSpec(name="forecast", shape=(32, 1), columns=(Column(name="x", categories=None),)),
    ),
)
_TEMPERATURE = (Column(name="Temp", unit="°C", categories=None),)
_TEMPERATURES = DataSpec(
    id="daily_min_temperatures",
    task=Task.FORECASTING,
    inputs=(
        TensorSpec(
            name="history",
            shape=(28, 1),
            columns=_TEMPERATURE,
            series=SeriesSpec(date="Date", unit="day", horizon=7, gaps="interpolate"),
        ),
        TensorSpec(
            name="calendar",
            shape=(35, 1),
            dtype="int32",
            columns=(Column(name="day_of_year", unit="1 to 366", categories=None),),
        ),
    ),
    targets=(TensorSpec(name="forecast", shape=(7, 1), columns=_TEMPERATURE, unit="°C"),),
)
_ADDING = DataSpec(
    id="adding",
    task=Task.REGRESSION,
    inputs=(
        TensorSpec(
            name="sequence",
            shape=("time", 2),
            range=(0, 1),
            columns=(Column(name="value", categories=None), Column(name="mark", categories=None)),
        ),
    ),
    targets=(TensorSpec(name="sum", range=(0, 2)),),
)

ROWS: tuple[Row, ...] = (
    (
        DatasetInfo(
            summary="Chaos from one equation: the Mackey–Glass series with a delay of 17",
            license="Apache-2.0",
            source="Mackey & Glass 1977, Oscillation and chaos in physiological control systems; "
            "computed here",
            offline=True,
            spec=_MACKEY_GLASS,
            options=MackeyGlassOptions,
            describe="zoo.data.mackey_glass:describe",
        ),
        "zoo.data.mackey_glass:load",
    ),
    (
        DatasetInfo(
            summary="The adding problem: the sum of two marked values of a long sequence",
            license="Apache-2.0",
            source="Hochreiter & Schmidhuber 1997, Long short-term memory, experiment 4; drawn "
            "here",
            offline=True,
            spec=_ADDING,
            options=AddingOptions,
        ),
        "zoo.data.adding:load",
    ),
    (
        DatasetInfo(
            summary="3,650 daily minimum temperatures in Melbourne, 1981 to 1990",
            license="not stated; Time Series Data Library, citing the Australian Bureau of "
            "Meteorology",
            source="Hyndman, Time Series Data Library; the file of github.com/jbrownlee/Datasets",
            bytes=67_921,
            offline=False,
            spec=_TEMPERATURES,
            options=TemperatureOptions,
            describe="zoo.data.daily_min_temperatures:describe",
        ),
        "zoo.data.daily_min_temperatures:load",
    ),
)

__all__ = ["ROWS", "AddingOptions", "MackeyGlassOptions", "TemperatureOptions"]
