"""Whether two scores differ by more than chance does."""

from __future__ import annotations

import math
from typing import Literal

Noise = Literal["within noise", "beyond noise", "unknown"]

Interval = tuple[float, float | None, float | None]
"""A value, and the ends of its 95 % interval where they are known."""


def noise(before: Interval | None, after: Interval | None) -> Noise:
    """Return whether the difference of two scores can be told from chance.

    It lies beyond the noise if it is larger than the halves of both intervals that face each
    other, added as independent errors are (in squares).
    """
    if before is None or after is None:
        return "unknown"
    (one, low_one, high_one), (two, low_two, high_two) = before, after
    if low_one is None or high_one is None or low_two is None or high_two is None:
        return "unknown"
    rises = two >= one
    facing = (high_one - one, two - low_two) if rises else (one - low_one, high_two - two)
    return "within noise" if abs(two - one) <= math.hypot(*facing) else "beyond noise"


__all__ = ["Interval", "Noise", "noise"]
