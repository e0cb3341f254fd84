"""Dates of a time series: parsing, frequency, calendar features."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from zoo.spec import EVERY_DAY, SeriesSpec, Unit, step_name

_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_QUARTER = re.compile(r"(\d{4})-?Q([1-4])", re.ASCII)
YEAR = re.compile(r"\d{4}", re.ASCII)
_ZONE = re.compile(r"\d{2}:\d{2}.*(Z|[+-]\d{2}(:?\d{2})?)$")
_SLASHES = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})", re.ASCII)
_SECONDS: dict[str, int] = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_DAY = _SECONDS["day"]

CALENDAR: dict[str, tuple[int, int]] = {
    "minute": (0, 59),
    "hour": (0, 23),
    "weekday": (0, 6),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "month": (1, 12),
}
"""Calendar features of a date, with their smallest and largest value; Monday is 0."""


def parse_date(cell: str, *, years: bool = False) -> dt.datetime | None:
    """Parse the date of a cell; ``None`` if it is not a date.

    ISO 8601 (``1981-01-31``, ``1981-01-31 06:00``, ``1981-01-31T06:00:00+01:00``, ``1981-W05``), a
    month (``1981-01``), a quarter (``1981Q1``), or ``1981/1/31``. Day-first and month-first dates
    cannot be told apart, so neither is parsed. A date with a time zone is converted to UTC.

    Args:
        cell: The text.
        years: Whether ``1981`` is a year: in a column that is known to hold dates.
    """
    if match := _MONTH.fullmatch(cell):
        cell += "-01"
    elif match := _QUARTER.fullmatch(cell):
        cell = f"{match[1]}-{3 * int(match[2]) - 2:02}-01"
    elif years and YEAR.fullmatch(cell):
        cell += "-01-01"
    elif match := _SLASHES.fullmatch(cell):
        cell = f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}"
    elif "-" not in cell:
        return None  # Python parses "19810131", which may be a number
    try:
        date = dt.datetime.fromisoformat(cell)
    except ValueError:
        return None
    return date.astimezone(dt.UTC).replace(tzinfo=None) if date.tzinfo else date


def has_zone(cell: str) -> bool:
    """Return whether a date is written with a time zone, so that :func:`parse_date` moves it."""
    return bool(_ZONE.search(cell)) and parse_date(cell) is not None


@dataclass(frozen=True)
class Step:
    """The time from one row of a series to the next: a fixed time, calendar months, or weekdays.

    Attributes:
        every: Number of units.
        unit: The unit; months and years are counted on the calendar.
        weekmask: The weekdays of a daily series, as in :func:`numpy.busday_count`.
        day: Day of the month of monthly dates, as far as a month has it; 0 for that of the date
            that is counted from.
    """

    every: int
    unit: Unit
    weekmask: str = EVERY_DAY
    day: int = field(default=0, compare=False)

    @classmethod
    def of(cls, series: SeriesSpec) -> Step:
        """Return the step of a spec."""
        return cls(series.every, series.unit, series.weekmask)

    def on(self, dates: Sequence[dt.datetime]) -> Step:
        """Return the step of a series with these dates: February 28 may be the end of a month."""
        return replace(self, day=max(date.day for date in dates))

    def __str__(self) -> str:
        return step_name(self.every, self.unit, self.weekmask)

    @property
    def frequency(self) -> str:
        """The frequency in words: ``daily``, ``business daily (Monday to Friday)``, ``monthly``."""
        word = str(self)
        if self.weekmask != EVERY_DAY:
            named = zip(calendar.day_name, self.weekmask, strict=True)
            names = [name for name, kept in named if kept == "1"]
            if "1" * len(names) in self.weekmask:
                return f"business daily ({names[0]} to {names[-1]})"
            return f"business daily ({', '.join(names)})"
        if word in ("day", "hour", "week", "month", "quarter", "year"):
            return "daily" if word == "day" else f"{word}ly"
        return f"every {word}"

    @property
    def season(self) -> int:
        """Steps of a season: a day, a week or a year, whichever is the next longer; 1 for none.

        24 hours, 7 days (or 5 business days), 52 weeks, 12 months, 4 quarters. Below an hour it is
        a day if that has at most 288 steps (5 minutes each), else an hour.
        """
        if self.weekmask != EVERY_DAY:
            return self.weekmask.count("1")
        if self.unit == "step":
            return 1
        if self.unit == "month":
            return _whole(12, self.every)
        seconds = _SECONDS[self.unit] * self.every
        if seconds % (7 * _DAY) == 0:
            return _whole(52, seconds // (7 * _DAY))
        if seconds >= _DAY:
            return _whole(7 * _DAY, seconds)
        return _whole(_DAY if 288 * seconds >= _DAY else 3_600, seconds)

    def advance(self, date: dt.datetime, steps: int) -> dt.datetime:
        """Return the date that many steps later; the end of a month leads to the end of one."""
        if self.weekmask != EVERY_DAY:
            day = np.busday_offset(date.date(), steps, weekmask=self.weekmask).astype(dt.date)
            return dt.datetime.combine(day, date.time())
        if self.unit != "month":
            return date + dt.timedelta(seconds=_SECONDS[self.unit] * self.every * steps)
        year, month = divmod(date.year * 12 + date.month - 1 + self.every * steps, 12)
        last = calendar.monthrange(year, month + 1)[1]
        day = min(self.day or (31 if _at_end(date) else date.day), last)
        return date.replace(year=year, month=month + 1, day=day)

    def between(self, earlier: dt.datetime, later: dt.datetime) -> int | None:
        """Return how many steps lie between two dates, or ``None`` if no whole number does."""
        if self.weekmask != EVERY_DAY:
            kept = all(self.weekmask[date.weekday()] == "1" for date in (earlier, later))
            if not kept or earlier.time() != later.time():
                return None
            return int(np.busday_count(earlier.date(), later.date(), weekmask=self.weekmask))
        if self.unit == "month":
            months = (later.year - earlier.year) * 12 + later.month - earlier.month
            count, rest = divmod(months, self.every)
            same = later.day == earlier.day or (_at_end(earlier) and _at_end(later))
            return count if not rest and same and later.time() == earlier.time() else None
        size = dt.timedelta(seconds=_SECONDS[self.unit] * self.every)
        count, remainder = divmod(later - earlier, size)
        return None if remainder else count


def _whole(season: int, step: int) -> int:
    """Return how many steps a season has; 1 if that is no whole number."""
    return 1 if season % step else season // step


def infer_step(dates: Sequence[dt.datetime]) -> Step:
    """Return the most common step between dates; months where days of month agree.

    A daily series of three weeks or more that never has a row on some weekdays is a series of the
    other weekdays: of business days, as a rule.

    Args:
        dates: Two or more dates, rising.
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
    step = Step(seconds // _SECONDS[unit], unit)
    if step == Step(1, "day") and dates[-1] - dates[0] >= dt.timedelta(weeks=3):
        seen = {date.weekday() for date in dates}
        return Step(1, "day", "".join("01"[day in seen] for day in range(7)))
    return step


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
