"""Read one value of a table: a cell, a field of a record, an element of a frame.

Training and prediction read by these rules, wherever a value comes from. Blanks around a cell do
not count. A cell is *missing* if it is empty or one of pandas' marks (``NA``, ``None``, ``#N/A``)
in any case, or ``?``. A cell is *a number* if it is decimal (``-1.5``, ``.5``, ``3e8``) without
leading zeros: ``007`` is a code. A :class:`zoo.spec.Reading` says so if numbers are written in
another way.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from zoo.spec import Reading

_PANDAS = "#n/a,#n/a n/a,#na,-1.#ind,-1.#qnan,-nan,1.#ind,1.#qnan,<na>,n/a,na,nan,none,null"
MISSING = frozenset(["", "?", "nat", *_PANDAS.split(",")])
"""Cells, in lower case, that stand for a missing value."""

_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SIGNS = re.compile(r"[$€£¥₹%\s\u00a0]|\b(USD|EUR|GBP|CHF|JPY|INR)\b")
_GROUPED = r"[+-]?\d{{1,3}}({0}\d{{3}})+(?!\d)"

READINGS = (
    Reading(),
    Reading(decimal=","),
    Reading(thousands=","),
    Reading(thousands="."),
    Reading(decimal=",", thousands="."),
    Reading(thousands=" "),
    Reading(thousands="'"),
    Reading(signs=True),
    Reading(signs=True, decimal=","),
    Reading(signs=True, thousands=","),
    Reading(signs=True, decimal=",", thousands="."),
)
"""Ways to write numbers, the simplest first."""


def is_missing(cell: str, reading: Reading | None = None) -> bool:
    """Return whether a stripped cell stands for a missing value."""
    return cell.lower() in MISSING or (reading is not None and cell in reading.missing)


def is_number(cell: str) -> bool:
    """Return whether a stripped cell is a decimal number: ``-1.5``, ``.5``, ``3e8``."""
    return _NUMBER.fullmatch(cell) is not None


def parse_number(cell: str, reading: Reading | None = None) -> float | None:
    """Return the number that a stripped cell holds: NaN if it is missing, ``None`` if it is text.

    Example:
        >>> parse_number("1.234,5 €", Reading(decimal=",", thousands=".", signs=True))
        1234.5
    """
    if is_missing(cell, reading):
        return math.nan
    if reading is not None:
        cell = _SIGNS.sub("", cell) if reading.signs else cell
        if reading.thousands and reading.thousands in cell:
            if not re.match(_GROUPED.format(re.escape(reading.thousands)), cell, re.ASCII):
                return None
            cell = cell.replace(reading.thousands, "")
        if reading.decimal != ".":
            cell = "text" if "." in cell else cell.replace(reading.decimal, ".")
    return float(cell) if is_number(cell) else None


def likely_readings(
    cells: Iterable[str], share: float, given: Reading | None = None
) -> list[Reading]:
    """Return the ways to write numbers that read that share of the cells that are no numbers yet.

    Two of them mean that the cells do not tell: ``1,234`` is one and a bit, or over a thousand.

    Args:
        cells: The different cells.
        share: The least share of the cells that are not numbers by ``given``.
        given: How they are read so far; further ways are tried with its rules and without.
    """
    start = given or Reading()
    odd = [cell for cell in cells if parse_number(cell, start) is None]
    found: list[Reading] = []
    for way in READINGS:
        own = way.model_dump(exclude_defaults=True)
        for reading in (
            way.model_copy(update={"missing": start.missing}),
            start.model_copy(update=own),
        ):
            known = sum(parse_number(cell, reading) is not None for cell in odd)
            # A further rule must not only repeat what a simpler one reads.
            if (
                reading != start
                and reading.decimal != reading.thousands
                and known >= share * len(odd) > 0
                and not any(_covers(one, reading) for one in found)
            ):
                found.append(reading)
    return found


def _covers(simpler: Reading, other: Reading) -> bool:
    """Return whether a reading has every rule of a simpler one."""
    return (
        (simpler.decimal in (".", other.decimal))
        and (simpler.thousands in ("", other.thousands))
        and simpler.signs <= other.signs
    )


def written(value: Any) -> str:
    """Return the text of a value: a whole float without its point, nothing for a missing value.

    Example:
        >>> written(3.0), written(True), written(float("nan")), written("007")
        ('3', 'True', '', '007')
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return ""
    if isinstance(value, float | np.floating):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 2**63 else str(value)
    text = str(value).strip()
    if text in ("<NA>", "NaT"):
        return ""
    if isinstance(value, dt.datetime | np.datetime64):
        # A day has no time of day, and a time no more digits than it needs.
        text = re.sub(r"\.0+$", "", text.replace("T", " ")).removesuffix(" 00:00:00")
    return text


def alias(text: str) -> str | None:
    """Return what a number or a truth value has in common with other ways to write it."""
    if is_number(text):
        return str(Decimal(text).normalize())
    lower = text.lower()
    return lower if lower in ("true", "false") else None


class Categories:
    """The categories of a column, found by a value's text.

    A text is found as it is written; else a number by its value (``3.0`` is ``3``, but ``007`` is
    a code), and a truth value in any case (``TRUE`` is ``true``), where only one category fits.

    Args:
        names: The categories.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._codes = {name: code for code, name in enumerate(names, 1)}
        self._aliases: dict[str, int] = {}
        for name, code in self._codes.items():
            if (key := alias(name)) is not None:
                self._aliases[key] = 0 if key in self._aliases else code

    def code(self, text: str) -> int:
        """Return the code of a category, from 1; 0 for a text that is none."""
        found = self._codes.get(text)
        if found is None:
            key = alias(text)
            found = self._aliases.get(key, 0) if key is not None else 0
        return found
