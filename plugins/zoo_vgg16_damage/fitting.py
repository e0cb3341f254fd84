"""How a picture of any shape is fitted into the square that a backbone sees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a picture lies inside its square, in pixels."""

    top: int
    left: int
    height: int
    width: int


def place(height: int, width: int, side: int) -> Place:
    """Return where a picture lies: its longer side fills the square, its middle is the middle.

    Args:
        height: Of the picture, pixels.
        width: Likewise.
        side: Of the square, pixels.

    Example:
        >>> place(50, 100, 224)
        Place(top=56, left=0, height=112, width=224)
    """
    longer = max(height, width)
    tall = max(1, round(height * side / longer))
    wide = max(1, round(width * side / longer))
    return Place((side - tall) // 2, (side - wide) // 2, tall, wide)


__all__ = ["Place", "place"]
