"""How far an architecture has come: each level asks for everything of those before it."""

from __future__ import annotations

from typing import Literal, get_args

from zoo.errors import ConfigError, Finding

Level = Literal["discoverable", "buildable", "trainable", "exportable", "documented", "gold"]

LEVELS: tuple[Level, ...] = get_args(Level)
"""From the first to the last."""


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


__all__ = ["LEVELS", "Level", "levels_up_to"]
