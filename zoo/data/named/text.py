"""Texts with a name."""

from __future__ import annotations

from pydantic import Field

from zoo.data import numbers
from zoo.data.info import DatasetInfo, Row
from zoo.data.options import SeedOptions


class NumbersOptions(SeedOptions):
    """Options of the numbers in words."""

    examples: int = Field(30_000, ge=3_000, le=50_000, description="Numbers in the training split.")


ROWS: tuple[Row, ...] = (
    (
        DatasetInfo(
            summary="Numbers from 0 to 999,999 in English words and in Spanish ones",
            licence="CC0-1.0",
            source="made by the rules of both languages: zoo/data/numbers.py",
            offline=True,
            spec=numbers.SPEC,
            options=NumbersOptions,
        ),
        "zoo.data.numbers:load",
    ),
)

__all__ = ["ROWS", "NumbersOptions"]
