"""Dates of a time series: parsing, frequency, calendar features."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.spec import SeriesSpec, Unit

_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_SLASHES = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})", re.ASCII)
_SECONDS: dict[str, int] = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}

CALENDAR: dict[str, tuple[int, int]] = {
    "minute": (0, 59),
    "hour": (0, 23),
    "weekday": (0, 6),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "month": (1, 12),
}
"""Calendar features of a date, with their smallest and largest value; Monday is 0."""


def parse_date(cell: str) -> dt.datetime | None:
    """Parse the date of a cell; ``None`` if it is not a date.

    ISO 8601 (``1981-01-31``, ``1981-01-31 06:00``, ``1981-01-31T06:00:00+01:00``), a month
    (``1981-01``), or ``1981/1/31``. Day-first and month-first dates cannot be told apart, so
    neither is parsed. A date with a time zone is converted to UTC.
    """
    if match := _MONTH.fullmatch(cell):
        cell += "-01"
    elif match := _SLASHES.fullmatch(cell):
        cell = f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}"
    elif "-" not in cell:
        return None  # Python parses "19810131", which may be a number
    try:
        date = dt.datetime.fromisoformat(cell)
    except ValueError:
        return None
    return date.astimezone(dt.UTC).replace(tzinfo=None) if date.tzinfo else date


@dataclass(frozen=True)
class Step:
    """The time from one row of a series to the next: a fixed time, or calendar months."""

    every: int
    unit: Unit

    @classmethod
    def of(cls, series: SeriesSpec) -> Step:
        """Return the step of a spec."""
        return cls(series.every, series.unit)

    def __str__(self) -> str:
        return self.unit if self.every == 1 else f"{self.every} {self.unit}s"

    def advance(self, date: dt.datetime, steps: int) -> dt.datetime:
        """Return the date that many steps later; the end of a month leads to the end of one."""
        if self.unit != "month":
            return date + dt.timedelta(seconds=_SECONDS[self.unit] * self.every * steps)
        year, month = divmod(date.year * 12 + date.month - 1 + self.every * steps, 12)
        last = calendar.monthrange(year, month + 1)[1]
        day = last if _at_end(date) else min(date.day, last)
        return date.replace(year=year, month=month + 1, day=day)

    def between(self, earlier: dt.datetime, later: dt.datetime) -> int | None:
        """Return how many steps lie between two dates, or ``None`` if no whole number does."""
        if self.unit == "month":
            months = (later.year - earlier.year) * 12 + later.month - earlier.month
            count, rest = divmod(months, self.every)
            same = later.day == earlier.day or (_at_end(earlier) and _at_end(later))
            return count if not rest and same and later.time() == earlier.time() else None
        size = dt.timedelta(seconds=_SECONDS[self.unit] * self.every)
        count, remainder = divmod(later - earlier, size)
        return None if remainder else count


def infer_step(dates: Sequence[dt.datetime]) -> Step:
    """Return the most common step between dates; months where days of month agree.

    The dates must be rising.
    """
    differences = [later - earlier for earlier, later in itertools.pairwise(dates)]
    if _monthly(dates) and min(differences) >= dt.timedelta(days=28):
        months = Counter(
            (b.year - a.year) * 12 + b.month - a.month for a, b in itertools.pairwise(dates)
        )
        return Step(_most_common(months), "month")
    seconds = _most_common(Counter(max(1, round(d.total_seconds())) for d in differences))
    units: tuple[Unit, ...] = ("day", "hour", "minute", "second")
    unit = next(u for u in units if seconds % _SECONDS[u] == 0)
    return Step(seconds // _SECONDS[unit], unit)


def calendar_row(date: dt.datetime, features: Sequence[str]) -> list[int]:
    """Return calendar features of a date; see :data:`CALENDAR`."""
    features_of = {
        "minute": date.minute,
        "hour": date.hour,
        "weekday": date.weekday(),
        "day": date.day,
        "day_of_year": date.timetuple().tm_yday,
        "month": date.month,
    }
    return [features_of[feature] for feature in features]


def _monthly(dates: Sequence[dt.datetime]) -> bool:
    if len({date.time() for date in dates}) > 1:
        return False
    return len({date.day for date in dates}) == 1 or all(map(_at_end, dates))


def _at_end(date: dt.datetime) -> bool:
    """Return whether a date is the last day of its month."""
    return date.day == calendar.monthrange(date.year, date.month)[1]


def _most_common(counts: Counter[int]) -> int:
    """Return the most common value, the smallest of several."""
    most = max(counts.values())
    return min(value for value, count in counts.items() if count == most)
