"""What keeps words and numbers of a drawing apart from each other and within its edges."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LARGE, _SMALL = 1e5, 1e-3
_SUFFIXES = {0: "", 3: "k", 6: "M"}
_MOST_DECIMALS = 6
_WIDEST, _WIDE = frozenset("MWmw@%"), re.compile(r"[A-Z&]")


def width(text: str) -> float:
    """Return about how many usual letters wide a text is."""
    return sum(map(_letter, text))


def _letter(letter: str) -> float:
    if letter in _WIDEST or unicodedata.east_asian_width(letter) in "WF":
        return 1.7
    return 1.2 if _WIDE.match(letter) else 1.0


def cut(text: str, most: float) -> str:
    """Return a text that is no wider than so many letters."""
    text = " ".join(text.split())
    if width(text) <= most:
        return text
    kept = text
    while kept and width(kept) > most - 1:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def numbers(values: Sequence[float]) -> list[str]:
    """Return the numbers of an axis, short, and different where they differ.

    Large ones are told in thousands and millions, beyond that and if small with an exponent.

    Example:
        >>> numbers([0, 250_000, 500_000])
        ['0', '250k', '500k']
    """
    most = max(map(abs, values), default=0.0)
    exponent = 0
    if most >= _LARGE:
        exponent = 3 * math.floor(math.log10(most) / 3 + 1e-9)
    elif 0 < most < _SMALL:
        exponent = math.floor(math.log10(most) + 1e-9)
    suffix = _SUFFIXES.get(exponent, f"e{exponent}")
    # One division of two integers: 10.0**-7 would be off by a bit that shows.
    scaled = [v / 10**exponent if exponent >= 0 else v * 10**-exponent for v in values]
    apart = min((b - a for a, b in pairwise(scaled) if b > a), default=1.0)
    decimals = 0
    while decimals < _MOST_DECIMALS and any(
        abs(round(v, decimals) - v) > 0.01 * apart for v in scaled
    ):
        decimals += 1
    return [f"{v:.{decimals}f}{suffix}".replace("-", "−") if abs(v) > 1e-9 else "0" for v in scaled]


def number_axes(axes: Axes, *, x: bool = True, y: bool = True) -> None:
    """Write an axis's numbers by :func:`numbers`."""
    from matplotlib.ticker import Formatter

    class Short(Formatter):
        def __call__(self, value: float, _: int | None = None) -> str:
            return numbers([value])[0]

        def format_ticks(self, values: list[float]) -> list[str]:
            return numbers(values)

    for axis, wanted in ((axes.xaxis, x), (axes.yaxis, y)):
        if wanted:
            axis.set_major_formatter(Short())


def natural(name: str) -> list[tuple[int, int | str]]:
    """Return what sorts ``10`` behind ``9``."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name)]


__all__ = ["cut", "natural", "number_axes", "numbers", "width"]
