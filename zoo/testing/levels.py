"""Levels: each asks for everything of those before it."""

from __future__ import annotations

from zoo.errors import ConfigError, Finding
from zoo.receipts import LEVELS, Level


def levels_up_to(level: str) -> tuple[Level, ...]:
    """Return a level and all before it.

    Raises:
        ConfigError: If there is no such level.
    """
    if level not in LEVELS:
        raise ConfigError(
            f"there is no level {level!r}",
            findings=[Finding("level", level, f"one of {', '.join(LEVELS)}")],
            fix="zoo check --list",
        )
    return LEVELS[: LEVELS.index(level) + 1]


__all__ = ["levels_up_to"]
