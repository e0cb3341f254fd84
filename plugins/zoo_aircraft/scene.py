"""Scenes: the content of each image as plain data, and the order of their combinations.

Lengths are shares of the image's side, from its upper left corner, before the camera is turned.

A scene is drawn from the seed, the split and its index alone: how many others there are changes
nothing. Images come in pairs, at 2k and 2k + 1, that share the size, the place, the severity
and the color; one has a crack and the other a dent, and everything else is drawn anew for each.
So nothing that a caption says besides the kind tells the kind. Pairs go through all combinations
of size, place and color in an order that the seed shuffles, each once before any comes again.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from zoo.data import shuffled
from zoo.spec import SplitName

_SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

Kind = Literal["crack", "dent"]
Size = Literal["small", "medium", "large"]
Severity = Literal["minor", "moderate", "severe"]
Color = Literal["white", "gray", "blue", "red", "green", "yellow"]
HoldOut = Literal["none", "combinations", "half"]
"""Combinations of the test split: those of all splits, held-out ones, or both by turns."""
Thing = Literal["window", "windows", "door", "stripe", "letters", "seam"]
Relation = Literal["above", "below", "left of", "right of", "on", "between"]

KINDS: tuple[Kind, ...] = ("crack", "dent")
SIZES: tuple[Size, ...] = ("small", "medium", "large")
SEVERITIES: tuple[Severity, ...] = ("minor", "moderate", "severe")
COLORS: tuple[Color, ...] = ("white", "gray", "blue", "red", "green", "yellow")

VENTS = (0, 0, 1, 1, 2)
"""Numbers of vents, of which one is drawn; the constants below likewise."""
SCRATCHES = (0, 0, 1, 2)
STREAKS = (0, 0, 1, 2, 3)
STAINS = (0, 0, 1, 1, 2)
GLEAMS = (0, 1)
WINDOWS = (2, 3)
"""Numbers of windows in an image whose damage is above or below one."""


@dataclass(frozen=True)
class Place:
    """Position of the damage relative to a thing in the image.

    Attributes:
        number: Number of the window from the left, starting at 1; 0 for other things.
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
"""Attributes that a caption states besides the kind."""

WINDOW = (0.06, 0.105)
"""Half the width and height of a window; :data:`DOOR`, :data:`LETTER` and stripes likewise."""
DOOR = (0.17, 0.38)
DOOR_WINDOW = (0.055, 0.075)
LETTER = (0.065, 0.10)

_Item = TypeVar("_Item")


class Stream:
    """Random numbers from the raw output of PCG64, which numpy promises never to change.

    Args:
        keys: Seed.
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
        """Return true with this probability."""
        return self.between(0, 1) < share

    def pick(self, items: Sequence[_Item]) -> _Item:
        """Return one of the items."""
        return items[self.below(len(items))]


@dataclass(frozen=True)
class Scene:
    """All attributes of one image.

    Attributes:
        kind: Class of the damage.
        windows: Their centers, from left to right.
        door: Its center, if there is one.
        stripe: Its color, height of its middle, and half its width, if there is one.
        letters: Painted letters and the height of their middle, if there are any.
        seams: Whether each stands upright, and where.
        center: Center of the damage.
        length: Length of a crack from end to end; the longest diameter of a dent.
        angle: Direction of the length, radians from the right towards below.
        roundness: Shortest diameter of a dent as a share of the longest.
        depth: Shading of the sides of a dent, as a share of the brightness.
        branches: Number of branches of a crack.
        vents: Number of vents: dark openings of some parallel slots.
        scratches: Number of scratches: light straight lines in the paint.
        streaks: Number of streaks of dirt, running down.
        stains: Number of soft dark stains of oil.
        gleams: Number of soft bright reflections of the sky.
        shadow: Whether there is a shadow.
        light: Direction the light comes from, radians from the right towards below.
        exposure: Factor of the brightness.
        turn: Rotation of the camera, radians.
        zoom: Zoom of the camera.
        blur: Radius of the blur, pixels of an image of 96.
        noise: Standard deviation of the noise, levels of 256.
        tint: Added to the paint's red, green and blue, levels.
        grain: Seed of the details: the path of a crack, rivets, scratches, noise.
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
        """Attributes that its caption states besides the kind."""
        return self.size, self.place, self.color


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_LENGTHS: dict[Kind, tuple[tuple[float, float], ...]] = {
    "crack": ((0.16, 0.20), (0.28, 0.33), (0.42, 0.48)),
    "dent": ((0.16, 0.19), (0.24, 0.27), (0.32, 0.345)),
}
_DEPTHS = ((0.19, 0.22), (0.27, 0.31), (0.36, 0.41))
_BRANCHES = ((1, 1), (2, 3), (4, 6))
_LETTERS = "ACEFHJKLNPTUX"
_EDGE = 0.05


@functools.cache
def combinations(
    seed: int = 0, split: SplitName = "train", hold_out: HoldOut = "none"
) -> tuple[Combination, ...]:
    """Return the combinations that a split shows.

    With ``hold_out="combinations"`` a sixth of them is for ``test`` alone, and the others are for
    ``train`` and ``validation``. They are chosen as in a Latin square, which the seed shuffles:
    any two values of a combination are seen together in training, never the three. With
    ``hold_out="half"`` it is the same, and ``test`` shows all: the held-out ones and the others
    by turns, a pair of images each, so that half of its images show what was trained on.
    """
    everything = tuple(itertools.product(SIZES, PLACES, COLORS))
    if hold_out == "none" or (hold_out == "half" and split == "test"):
        return everything
    rank: dict[object, int] = {}
    for stream, values in enumerate((SIZES, PLACES, COLORS)):
        order = shuffled(np.arange(len(values)), seed, stream).tolist()
        rank |= {value: order[place] for place, value in enumerate(values)}
    held = {c for c in everything if sum(rank[value] for value in c) % len(COLORS) == 0}
    return tuple(c for c in everything if (c in held) == (split == "test"))


def _combination(seed: int, split: SplitName, pair: int, hold_out: HoldOut) -> Combination:
    """Return the combination of a pair of images."""
    known = combinations(seed, split, hold_out)
    if hold_out == "half" and split == "test":
        pair, held = divmod(pair, 2)
        known = combinations(seed, "test" if held else "train", "combinations")
    block, place = divmod(pair, len(known))
    return known[_order(seed, split, len(known), block)[place]]


@functools.lru_cache(64)
def _order(seed: int, split: SplitName, count: int, block: int) -> tuple[int, ...]:
    stream = 10 + 3 * block + _SPLITS.index(split)
    return tuple(shuffled(np.arange(count), seed, stream).tolist())


def make_scene(seed: int, split: SplitName, index: int, hold_out: HoldOut = "none") -> Scene:
    """Draw the scene of one image.

    Args:
        seed: With the split and the index it decides everything.
        split: Each has scenes of its own.
        index: From 0; there is no last one.
        hold_out: See :func:`combinations`.

    Example:
        >>> make_scene(0, "train", 7).kind
        'crack'
    """
    pair, second = divmod(index, 2)
    size, place, color = _combination(seed, split, pair, hold_out)
    shared = Stream(seed, _SPLITS.index(split), pair, 0)
    severity = shared.pick(SEVERITIES)
    kind = KINDS[(shared.below(2) + second) % 2]
    stream = Stream(seed, _SPLITS.index(split), index, 1)
    windows, door, room = _arrange(place, stream)
    stripe, letters, seams, room = _paint(place, color, room, stream)
    level = SIZES.index(size)
    length = stream.between(*_LENGTHS[kind][level])
    roundness = stream.between(0.72, 1.0)
    thickness = length * roundness if kind == "dent" else 0.4 * length
    # Damage below a window must not be half-way to the next.
    sway = 0.06 if place.thing == "window" else 1.0
    angle, center = _fit(length, thickness, room, sway, stream)
    grade = SEVERITIES.index(severity)
    low, high = _BRANCHES[grade]
    return Scene(
        kind=kind,
        size=size,
        severity=severity,
        place=place,
        color=color,
        windows=windows,
        door=door,
        stripe=stripe,
        letters=letters,
        seams=seams,
        center=center,
        length=length,
        angle=angle,
        roundness=roundness,
        depth=stream.between(*_DEPTHS[grade]),
        branches=low + stream.below(high - low + 1),
        vents=stream.pick(VENTS),
        scratches=stream.pick(SCRATCHES),
        streaks=stream.pick(STREAKS),
        stains=stream.pick(STAINS),
        gleams=stream.pick(GLEAMS),
        shadow=stream.chance(0.35),
        light=stream.between(-2.8, -0.34),
        exposure=stream.between(0.86, 1.08),
        turn=stream.between(-0.07, 0.07),
        zoom=stream.between(0.95, 1.05),
        blur=stream.between(0.0, 0.6),
        noise=stream.between(1.5, 4.0),
        tint=(stream.below(17) - 8, stream.below(17) - 8, stream.below(17) - 8),
        grain=stream.below(2**62),
    )


def _arrange(
    place: Place, stream: Stream
) -> tuple[tuple[tuple[float, float], ...], tuple[float, float] | None, Box]:
    """Return the windows, the door, and the room for the damage."""
    free = (_EDGE, _EDGE, 1 - _EDGE, 1 - _EDGE)
    if place.thing == "window":
        above = place.relation == "above"
        y = stream.between(0.68, 0.74) if above else stream.between(0.26, 0.32)
        count = 3 if place.number == 3 else stream.pick(WINDOWS)
        first = stream.between(0.20, 0.22)
        windows = tuple((first + 0.29 * n, y) for n in range(count))
        x = windows[place.number - 1][0]
        gap = WINDOW[1] + 0.03
        rows = (_EDGE, y - gap) if above else (y + gap, 1 - _EDGE)
        return windows, None, (max(0.04, x - 0.175), rows[0], min(0.96, x + 0.175), rows[1])
    if place.thing == "windows":
        y = stream.between(0.44, 0.56)
        ends = stream.between(0.15, 0.18), stream.between(0.82, 0.85)
        gap = WINDOW[0] + 0.03
        return (
            ((ends[0], y), (ends[1], y)),
            None,
            (ends[0] + gap, y - 0.24, ends[1] - gap, y + 0.24),
        )
    if place.thing == "door":
        y = stream.between(0.50, 0.54)
        if place.relation == "on":
            x = stream.between(0.46, 0.54)
            inner = DOOR[0] + 0.005
            return (), (x, y), (x - inner, y - 0.15, x + inner, y + DOOR[1] - 0.03)
        left = place.relation == "left of"
        x = stream.between(0.76, 0.80) if left else stream.between(0.20, 0.24)
        gap = DOOR[0] + 0.03
        columns = (_EDGE, x - gap) if left else (x + gap, 1 - _EDGE)
        return (), (x, y), (columns[0], 0.15, columns[1], 0.85)
    return (), None, free


def _paint(
    place: Place, color: Color, room: Box, stream: Stream
) -> tuple[
    tuple[Color, float, float] | None,
    tuple[str, float] | None,
    tuple[tuple[bool, float], ...],
    Box,
]:
    """Return the stripe, the letters, the seams, and the room that they leave."""
    before = place.relation in {"above", "left of"}
    there = stream.between(0.72, 0.78) if before else stream.between(0.22, 0.28)
    half = stream.between(0.04, 0.06)
    other = stream.pick([name for name in COLORS if name != color])
    stripe = letters = None
    seams: tuple[tuple[bool, float], ...] = ()
    gap = 0.0
    if place.thing == "stripe":
        stripe, gap = (other, there, half), half + 0.025
    elif stream.chance(0.4) and place.thing != "letters":
        stripe = (other, stream.between(0.1, 0.9), half)
    text = "".join(stream.pick(_LETTERS) for _ in range(3 + stream.below(2)))
    if place.thing == "letters":
        letters, gap = (text, there), LETTER[1] + 0.025
    if place.thing == "seam":
        seams, gap = ((place.relation in {"left of", "right of"}, there),), 0.05
    else:
        found = [(upright, stream.between(0.06, 0.94)) for upright in (True, False)]
        seams = tuple(seam for seam in found if stream.chance(0.6))
    if gap:
        left, top, right, bottom = room
        if place.relation in {"above", "below"}:
            top, bottom = (top, there - gap) if before else (there + gap, bottom)
        else:
            left, right = (left, there - gap) if before else (there + gap, right)
        room = left, top, right, bottom
    return stripe, letters, seams, room


def _fit(
    length: float, thickness: float, room: Box, sway: float, stream: Stream
) -> tuple[float, tuple[float, float]]:
    """Return an angle and a center with which the damage lies in its room.

    The center is at most ``sway`` left or right of the middle.
    """
    left, top, right, bottom = room
    width, height = right - left, bottom - top
    # The last resort is the way along which there is most room.
    angles = [stream.between(0, np.pi) for _ in range(6)] + [np.pi / 2 if height > width else 0.0]
    for angle in angles:
        c, s = abs(float(np.cos(angle))), abs(float(np.sin(angle)))
        across = float(np.hypot(length * c, thickness * s))
        down = float(np.hypot(length * s, thickness * c))
        if across <= width and down <= height:
            break
    beside = min(sway, max(0.0, (width - across) / 2))
    above = max(0.0, (height - down) / 2)
    x = left + width / 2 + stream.between(-beside, beside)
    return angle, (x, top + height / 2 + stream.between(-above, above))
