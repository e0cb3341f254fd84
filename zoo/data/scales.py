"""Whether float32, in which networks reckon, can hold what a column says."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zoo.runtime.csv import Table

LARGEST = 1e18
"""Squares of larger numbers, and of deviations smaller than its inverse, leave float32."""

_COARSE = 0.1


def check_scale(
    table: Table, name: str, values: npt.NDArray[np.float64], *, predicted: bool = False
) -> None:
    """Refuse a column whose square, or whose differences, float32 cannot hold.

    Args:
        table: Where it stands, for the error.
        name: The column.
        values: Its values as they are written, NaN where one is missing.
        predicted: Whether it is to be predicted: its differences must then be told apart, for
            rounding would make a constant of it, and every error 0.

    Raises:
        BadRecord: As said.
    """
    known = values[~np.isnan(values)]
    if not len(known) or known.min() == known.max() == 0:
        return
    largest, deviation = float(np.abs(known).max()), float(known.std())
    if largest > LARGEST or 0 < deviation < 1 / LARGEST:
        size = f"up to {largest:.3g}" if largest > LARGEST else f"only {deviation:.3g} apart"
        raise table.bad(
            f"the numbers are {size}",
            column=name,
            why="their squares are out of the range of float32, in which networks reckon",
            fix="give them in another unit",
        )
    if (
        predicted
        and known.min() < known.max()
        and np.spacing(np.float32(largest)) > (_COARSE * deviation)
    ):
        raise table.bad(
            f"the numbers are up to {largest:.10g} and only {deviation:.3g} apart",
            column=name,
            why="float32, in which networks reckon, has 24 bits: it would round the differences "
            "away, and every model would look perfect",
            fix=f"subtract {known.min():.10g} from all of them",
        )


__all__ = ["LARGEST", "check_scale"]
