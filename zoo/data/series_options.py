"""What may be said about a series: how far to look back and ahead, and what counts as known."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from zoo.data.options import SeedOptions

MAX_WINDOW = 4_096
"""The most steps a window may look back."""
MAX_HORIZON = 512
"""The most steps that are forecast."""

Feature = Literal["minute", "hour", "weekday", "day", "day_of_year", "month"]


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
_Features = Annotated[tuple[Feature, ...], BeforeValidator(_names)]


class WindowOptions(SeedOptions):
    """Options of every series: what a window sees, and how much of the end is held out."""

    window: int | None = Field(
        None,
        ge=2,
        le=MAX_WINDOW,
        description="Steps of history that a forecast is made from; null for four times the "
        "horizon.",
    )
    horizon: int | None = Field(
        None,
        ge=1,
        le=MAX_HORIZON,
        description="Steps that are forecast; null for a day of hours, a week of days, a year of "
        "months, 8 of anything else.",
    )
    validation_share: float = Field(
        0.2, gt=0, lt=0.9, description="Share of the steps, before the last part, to choose by."
    )
    test_share: float = Field(
        0.2,
        gt=0,
        lt=0.9,
        description="Share of the steps, the latest, that only an evaluation sees.",
    )

    @model_validator(mode="after")
    def _something_is_left(self) -> WindowOptions:
        if self.validation_share + self.test_share > 0.9:
            raise ValueError(
                "validation_share and test_share together must leave a tenth to train on"
            )
        return self


class SeriesOptions(WindowOptions):
    """Options of a CSV file of measurements in time order."""

    task: Literal["forecasting"] = Field("forecasting", description="What the file is read for.")
    date: str | None = Field(
        None, description="The column of dates; null for the first column that holds dates."
    )
    target: _Names = Field(
        (), description="Columns to forecast; none for every column of measurements."
    )
    drop: _Names = Field((), description="Columns to leave out.")
    calendar: _Features | None = Field(
        None,
        description="What is known of a date beforehand: minute, hour, weekday, day, day_of_year, "
        "month; null for what suits the step, an empty list for nothing.",
    )
    gaps: Literal["error", "interpolate"] = Field(
        "error",
        description="Missing rows and cells: an error, or a straight line between neighbors; a "
        "forecast of filled steps, or from one, is neither learned nor measured.",
    )


__all__ = ["MAX_HORIZON", "MAX_WINDOW", "Feature", "SeriesOptions", "WindowOptions"]
