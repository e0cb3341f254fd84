"""Dates of a series: how they are read, what beat they follow, what a calendar says of them."""

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
"""What a calendar can say of a date, and its smallest and largest value; Monday is 0."""


def read_moment(cell: str) -> dt.datetime | None:
    """Return the date of a cell, or ``None`` if it is none.

    ISO 8601 (``1981-01-31``, ``1981-01-31 06:00``, ``1981-01-31T06:00:00+01:00``), a month
    (``1981-01``), or ``1981/1/31``. Day-first and month-first dates are not told apart, so neither
    is read. With a zone it becomes UTC.
    """
    if match := _MONTH.fullmatch(cell):
        cell += "-01"
    elif match := _SLASHES.fullmatch(cell):
        cell = f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}"
    elif "-" not in cell:
        return None  # Python reads "19810131", which may as well be a number
    try:
        moment = dt.datetime.fromisoformat(cell)
    except ValueError:
        return None
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment


@dataclass(frozen=True)
class Step:
    """The time from one row of a series to the next: a fixed time, or calendar months."""

    every: int
    unit: Unit

    @classmethod
    def of(cls, series: SeriesSpec) -> Step:
        """Return the step that a spec declares."""
        return cls(series.every, series.unit)

    def __str__(self) -> str:
        return self.unit if self.every == 1 else f"{self.every} {self.unit}s"

    def advance(self, moment: dt.datetime, steps: int) -> dt.datetime:
        """Return the date that many steps later; the end of a month leads to the end of one."""
        if self.unit != "month":
            return moment + dt.timedelta(seconds=_SECONDS[self.unit] * self.every * steps)
        year, month = divmod(moment.year * 12 + moment.month - 1 + self.every * steps, 12)
        last = calendar.monthrange(year, month + 1)[1]
        day = last if _at_end(moment) else min(moment.day, last)
        return moment.replace(year=year, month=month + 1, day=day)

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


def find_step(moments: Sequence[dt.datetime]) -> Step:
    """Return the commonest time from one date to the next; months where days of month agree.

    Of dates that do not rise the step means nothing: look for those first.
    """
    differences = [later - earlier for earlier, later in itertools.pairwise(moments)]
    if _monthly(moments) and min(differences) >= dt.timedelta(days=28):
        months = Counter(
            (b.year - a.year) * 12 + b.month - a.month for a, b in itertools.pairwise(moments)
        )
        return Step(_commonest(months), "month")
    seconds = _commonest(Counter(max(1, round(d.total_seconds())) for d in differences))
    units: tuple[Unit, ...] = ("day", "hour", "minute", "second")
    unit = next(u for u in units if seconds % _SECONDS[u] == 0)
    return Step(seconds // _SECONDS[unit], unit)


def calendar_row(moment: dt.datetime, features: Sequence[str]) -> list[int]:
    """Return what a calendar says of a date, as whole numbers; see :data:`CALENDAR`."""
    said = {
        "minute": moment.minute,
        "hour": moment.hour,
        "weekday": moment.weekday(),
        "day": moment.day,
        "day_of_year": moment.timetuple().tm_yday,
        "month": moment.month,
    }
    return [said[feature] for feature in features]


def _monthly(moments: Sequence[dt.datetime]) -> bool:
    if len({moment.time() for moment in moments}) > 1:
        return False
    return len({moment.day for moment in moments}) == 1 or all(map(_at_end, moments))


def _at_end(moment: dt.datetime) -> bool:
    """Return whether a date is the last day of its month."""
    return moment.day == calendar.monthrange(moment.year, moment.month)[1]


def _commonest(counts: Counter[int]) -> int:
    """Return the commonest value, the smallest of several."""
    most = max(counts.values())
    return min(value for value, count in counts.items() if count == most)


__all__ = ["CALENDAR", "Step", "calendar_row", "find_step", "read_moment"]
