"""What one picture shows: plain data, before a pixel of it is drawn.

Lengths are shares of the picture's side, from its left upper corner, before the camera is turned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

Kind = Literal["crack", "dent"]
Size = Literal["small", "medium", "large"]
Severity = Literal["minor", "moderate", "severe"]
Color = Literal["white", "gray", "blue", "red", "green", "yellow"]
HoldOut = Literal["none", "combinations", "half"]
"""What ``test`` shows: what all splits do, what it alone has, or both by turns."""
Thing = Literal["window", "windows", "door", "stripe", "letters", "seam"]
Relation = Literal["above", "below", "left of", "right of", "on", "between"]

KINDS: tuple[Kind, ...] = ("crack", "dent")
SIZES: tuple[Size, ...] = ("small", "medium", "large")
SEVERITIES: tuple[Severity, ...] = ("minor", "moderate", "severe")
COLORS: tuple[Color, ...] = ("white", "gray", "blue", "red", "green", "yellow")

VENTS = (0, 0, 1, 1, 2)
"""How many there may be, each as likely as it stands here; the others likewise."""
SCRATCHES = (0, 0, 1, 2)
STREAKS = (0, 0, 1, 2, 3)
STAINS = (0, 0, 1, 1, 2)
GLEAMS = (0, 1)
WINDOWS = (2, 3)
"""Where the damage is beside one of them."""


@dataclass(frozen=True)
class Place:
    """Where the damage is, relative to a thing in the picture.

    Attributes:
        number: Which window it is, counted from the left and from 1; 0 for other things.
    """

    relation: Relation
    thing: Thing
    number: int = 0


PLACES: tuple[Place, ...] = (
    *(Place(side, "window", n) for n in (1, 2, 3) for side in ("above", "below")),
    Place("between", "windows"),
    Place("left of", "door"),
    Place("right of", "door"),
    Place("on", "door"),
    Place("above", "stripe"),
    Place("below", "stripe"),
    Place("above", "letters"),
    Place("below", "letters"),
    Place("left of", "seam"),
    Place("right of", "seam"),
    Place("above", "seam"),
    Place("below", "seam"),
)

Combination = tuple[Size, Place, Color]
"""What a caption says besides the kind."""

WINDOW = (0.06, 0.105)
"""Half the width and height of a window; :data:`DOOR`, :data:`LETTER` and stripes likewise."""
DOOR = (0.17, 0.38)
DOOR_WINDOW = (0.055, 0.075)
LETTER = (0.065, 0.10)

_Item = TypeVar("_Item")


class Stream:
    """Numbers from the raw output of PCG64, which numpy promises never to change.

    Args:
        keys: What decides them.
    """

    def __init__(self, *keys: int) -> None:
        self._generator = np.random.PCG64(np.random.SeedSequence(keys))

    def between(self, low: float, high: float) -> float:
        """Return a number from low, included, to high."""
        return low + (high - low) * (int(self._generator.random_raw()) >> 11) * 2.0**-53

    def below(self, count: int) -> int:
        """Return a whole number from 0 to ``count - 1``."""
        return int(self._generator.random_raw()) % count

    def chance(self, share: float) -> bool:
        """Return true that often."""
        return self.between(0, 1) < share

    def pick(self, items: Sequence[_Item]) -> _Item:
        """Return one of the items."""
        return items[self.below(len(items))]


@dataclass(frozen=True)
class Scene:
    """Every attribute of one picture.

    Attributes:
        kind: The damage: its class.
        windows: Left to right, their centers.
        door: Its center, if there is one.
        stripe: Its color, height of its middle, and half its width, if there is one.
        letters: What is painted there, if anything, and the height of its middle.
        seams: Whether each stands upright, and where.
        center: Of the damage.
        length: Of a crack from end to end; of a dent the longest diameter.
        angle: Of that length, radians from the right towards below.
        roundness: Of a dent, its shortest diameter as a share of the longest.
        depth: Of a dent, how far its sides are shaded, as a share of the brightness.
        branches: Of a crack.
        vents: Dark openings in the skin, each of some parallel slots.
        scratches: Light straight lines in the paint.
        streaks: Of dirt, running down.
        stains: Dark and soft, of oil.
        gleams: Bright and soft, where the skin mirrors the sky.
        shadow: Whether something throws one.
        light: Direction the light comes from, radians from the right towards below.
        exposure: Factor of the brightness.
        turn: Of the camera, radians.
        zoom: Of the camera.
        blur: Radius, pixels of a picture of 96.
        noise: Standard deviation, levels of 256.
        tint: Added to the paint's red, green and blue, levels.
        grain: Seeds what no word describes: the way of a crack, rivets, scratches, noise.
    """

    kind: Kind
    size: Size
    severity: Severity
    place: Place
    color: Color
    windows: tuple[tuple[float, float], ...]
    door: tuple[float, float] | None
    stripe: tuple[Color, float, float] | None
    letters: tuple[str, float] | None
    seams: tuple[tuple[bool, float], ...]
    center: tuple[float, float]
    length: float
    angle: float
    roundness: float
    depth: float
    branches: int
    vents: int
    scratches: int
    streaks: int
    stains: int
    gleams: int
    shadow: bool
    light: float
    exposure: float
    turn: float
    zoom: float
    blur: float
    noise: float
    tint: tuple[int, int, int]
    grain: int

    @property
    def combination(self) -> Combination:
        """What its caption says besides the kind."""
        return self.size, self.place, self.color


__all__ = [
    "COLORS",
    "DOOR",
    "DOOR_WINDOW",
    "GLEAMS",
    "KINDS",
    "LETTER",
    "PLACES",
    "SCRATCHES",
    "SEVERITIES",
    "SIZES",
    "STAINS",
    "STREAKS",
    "VENTS",
    "WINDOW",
    "WINDOWS",
    "Color",
    "Combination",
    "HoldOut",
    "Kind",
    "Place",
    "Scene",
    "Severity",
    "Size",
    "Stream",
]
