"""Texts with a name."""

from __future__ import annotations

from zoo.data.info import Row

ROWS: tuple[Row, ...] = ()

__all__ = ["ROWS"]
