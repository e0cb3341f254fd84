"""Draw the skin of a fuselage: paint, seams with rivets, windows, a door, vents, scratches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from zoo_aircraft.scene import DOOR, DOOR_WINDOW, LETTER, WINDOW, Color, Scene, Stream

if TYPE_CHECKING:
    import PIL.ImageDraw

Points = npt.NDArray[np.float64]
"""``[n, 2]``, x to the right and y down, as shares of a side or as pixels."""


class Camera:
    """A small rotation and zoom about the middle of the image.

    Args:
        scene: It says how far.
        side: Side of the image, pixels.

    Attributes:
        scale: Pixels of a length of 1 on the fuselage.
    """

    def __init__(self, scene: Scene, side: int) -> None:
        self.scale = scene.zoom * side
        c, s = math.cos(scene.turn), math.sin(scene.turn)
        self._turn = np.array([[c, s], [-s, c]]) * self.scale
        self._middle = side / 2

    def pixels(self, points: npt.ArrayLike) -> Points:
        """Return the pixels of points on the fuselage."""
        result: Points = (np.asarray(points, np.float64) - 0.5) @ self._turn + self._middle
        return result


Paint = tuple[int, int, int]

PAINTS: dict[Color, Paint] = {
    "white": (216, 218, 220),
    "gray": (134, 138, 144),
    "blue": (52, 92, 160),
    "red": (172, 48, 44),
    "green": (52, 122, 80),
    "yellow": (214, 174, 54),
}
"""Red, green and blue of the colors, before light and tint."""

_GLASS, _FRAME = (36, 42, 54), (178, 182, 188)
# Five columns of seven rows, the highest bit on the left.
_FONT = {
    "A": (14, 17, 17, 31, 17, 17, 17),
    "C": (14, 17, 16, 16, 16, 17, 14),
    "E": (31, 16, 16, 30, 16, 16, 31),
    "F": (31, 16, 16, 30, 16, 16, 16),
    "H": (17, 17, 17, 31, 17, 17, 17),
    "J": (7, 2, 2, 2, 2, 18, 12),
    "K": (17, 18, 20, 24, 20, 18, 17),
    "L": (16, 16, 16, 16, 16, 16, 31),
    "N": (17, 25, 21, 19, 17, 17, 17),
    "P": (30, 17, 17, 30, 16, 16, 16),
    "T": (31, 4, 4, 4, 4, 4, 4),
    "U": (17, 17, 17, 17, 17, 17, 14),
    "X": (17, 17, 10, 4, 10, 17, 17),
}


def paint_of(scene: Scene) -> Paint:
    """Return the red, green and blue of the fuselage, its tint included."""
    base = PAINTS[scene.color]
    return base[0] + scene.tint[0], base[1] + scene.tint[1], base[2] + scene.tint[2]


def draw_surface(scene: Scene, camera: Camera, pen: PIL.ImageDraw.ImageDraw) -> None:
    """Draw everything that is no damage, from the paint to the scratches."""
    paint = paint_of(scene)
    _draw_paint(scene, camera, pen, paint)
    stream = Stream(scene.grain, 2)
    glass = _times(_GLASS, stream.between(0.3, 1.3))
    for upright, where in scene.seams:
        _draw_seam(upright, where, camera, pen, paint)
    for _ in range(scene.vents):
        _draw_vent(scene, stream, camera, pen, paint)
    for center in scene.windows:
        _draw_window(center, WINDOW, camera, pen, glass)
    if scene.door:
        _draw_door(scene.door, camera, pen, paint, glass, left=bool(scene.grain % 2))
    for _ in range(scene.scratches):
        _draw_scratch(stream, camera, pen, paint)


def rectangle(center: tuple[float, float], half: tuple[float, float], corner: float) -> Points:
    """Return the outline of a rectangle with round corners.

    Args:
        center: Its middle.
        half: Half its width and height.
        corner: The radius of its corners.
    """
    turn = np.linspace(0, math.pi / 2, 6)
    arc = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    inner = np.array(half) - corner
    signs = ((1, 1, False), (-1, 1, True), (-1, -1, False), (1, -1, True))
    return np.concatenate(
        [
            (inner + corner * (arc[::-1] if backward else arc)) * (x, y) + center
            for x, y, backward in signs
        ]
    )


def _draw_paint(scene: Scene, camera: Camera, pen: PIL.ImageDraw.ImageDraw, paint: Paint) -> None:
    if scene.stripe:
        color, y, half = scene.stripe
        band = ((-0.5, y - half), (1.5, y - half), (1.5, y + half), (-0.5, y + half))
        _fill(pen, camera.pixels(band), PAINTS[color])
    if scene.letters:
        text, y = scene.letters
        ink = (26, 32, 52) if sum(paint) > 380 else (226, 228, 230)
        step = 2.6 * LETTER[0]
        start = 0.5 - step * (len(text) - 1) / 2
        cell = 2 * LETTER[0] / 5, 2 * LETTER[1] / 7
        for number, letter in enumerate(text):
            corner = start + number * step - LETTER[0], y - LETTER[1]
            for row, bits in enumerate(_FONT[letter]):
                for column in (c for c in range(5) if bits >> (4 - c) & 1):
                    x0, y0 = corner[0] + column * cell[0], corner[1] + row * cell[1]
                    x1, y1 = x0 + cell[0], y0 + cell[1]
                    _fill(pen, camera.pixels(((x0, y0), (x1, y0), (x1, y1), (x0, y1))), ink)


def _draw_seam(
    upright: bool,
    where: float,
    camera: Camera,
    pen: PIL.ImageDraw.ImageDraw,
    paint: Paint,
) -> None:
    """Draw a joint of two sheets, and the rivets along both."""
    run = np.linspace(-0.2, 1.2, 40)
    for offset, color, width in (
        (0.006, _times(paint, 1.14), 0.007),
        (0.0, _times(paint, 0.58), 0.009),
    ):
        ends = _along(upright, np.array([-0.5, 1.5]), where + offset)
        _line(pen, camera.pixels(ends), color, width * camera.scale)
    for side in (-0.028, 0.028):
        _draw_rivets(camera.pixels(_along(upright, run, where + side)), camera, pen, paint)


def _along(upright: bool, run: Points, where: float) -> Points:
    fixed = np.full(len(run), where)
    return np.stack([fixed, run] if upright else [run, fixed], axis=1)


def _draw_rivets(
    places: Points, camera: Camera, pen: PIL.ImageDraw.ImageDraw, paint: Paint
) -> None:
    radius = 0.0065 * camera.scale
    dark, bright = _times(paint, 0.7), _times(paint, 1.12)
    for x, y in places.tolist():
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), dark)
        head = (x - 0.85 * radius, y - 0.85 * radius, x + 0.15 * radius, y + 0.15 * radius)
        pen.ellipse(head, bright)


def _draw_window(
    center: tuple[float, float],
    half: tuple[float, float],
    camera: Camera,
    pen: PIL.ImageDraw.ImageDraw,
    glass: Paint,
) -> None:
    width, height = half
    _fill(pen, camera.pixels(rectangle(center, half, 0.8 * width)), (110, 114, 120))
    rim = (width - 0.006, height - 0.006)
    _fill(pen, camera.pixels(rectangle(center, rim, 0.8 * rim[0])), _FRAME)
    pane = (width - 0.02, height - 0.02)
    _fill(pen, camera.pixels(rectangle(center, pane, 0.8 * pane[0])), glass)
    x, y = center
    gleam = ((-0.6, 0.1), (0.5, -0.7), (0.5, -0.45), (-0.6, 0.4))
    shape = [(x + pane[0] * a, y + pane[1] * b) for a, b in gleam]
    _fill(pen, camera.pixels(shape), _times(glass, 1.9))


def _draw_door(
    center: tuple[float, float],
    camera: Camera,
    pen: PIL.ImageDraw.ImageDraw,
    paint: Paint,
    glass: Paint,
    *,
    left: bool,
) -> None:
    x, y = center
    outline = camera.pixels(rectangle(center, DOOR, 0.05))
    closed = np.concatenate([outline, outline[:1]])
    _line(pen, closed + 0.007 * camera.scale, _times(paint, 1.14), 0.008 * camera.scale)
    _line(pen, closed, _times(paint, 0.5), 0.013 * camera.scale)
    _draw_window((x, y - 0.26), DOOR_WINDOW, camera, pen, glass)
    handle = x + (-0.11 if left else 0.11), y - 0.02
    _fill(pen, camera.pixels(rectangle(handle, (0.036, 0.012), 0.005)), _times(paint, 0.45))
    _fill(pen, camera.pixels(rectangle(handle, (0.027, 0.005), 0.002)), _FRAME)


def _draw_vent(
    scene: Scene, stream: Stream, camera: Camera, pen: PIL.ImageDraw.ImageDraw, paint: Paint
) -> None:
    """Draw a few parallel slots, as dark as cracks are, beside the windows and the damage."""
    for _ in range(8):
        x, y = stream.between(0.08, 0.92), stream.between(0.08, 0.86)
        hidden = any(abs(x - u) < 0.12 and abs(y + 0.05 - v) < 0.18 for u, v in scene.windows)
        away = math.dist((x, y + 0.05), scene.center)
        if not hidden and away > scene.length / 2 + 0.08:
            break
    half = stream.between(0.02, 0.05), stream.between(0.006, 0.010)
    dark = _times(paint, stream.between(0.15, 0.45))
    for number in range(2 + stream.below(3)):
        slot = rectangle((x, y + 0.034 * number), half, 0.9 * half[1])
        _fill(pen, camera.pixels(slot), dark)


def _draw_scratch(
    stream: Stream, camera: Camera, pen: PIL.ImageDraw.ImageDraw, paint: Paint
) -> None:
    """Draw a straight light line, as something that brushed past leaves it."""
    way = stream.between(0, math.pi)
    half = stream.between(0.06, 0.2)
    middle = np.array([stream.between(0.1, 0.9), stream.between(0.1, 0.9)])
    reach = half * np.array([math.cos(way), math.sin(way)])
    pale = tuple(int(level + 0.45 * (250 - level)) for level in paint)
    _line(pen, camera.pixels([middle - reach, middle + reach]), pale, 0.008 * camera.scale)


def _times(paint: Paint, factor: float) -> Paint:
    red, green, blue = (min(255, int(level * factor)) for level in paint)
    return red, green, blue


def _fill(pen: PIL.ImageDraw.ImageDraw, points: Points, color: Paint) -> None:
    pen.polygon(points.ravel().tolist(), color)


def _line(
    pen: PIL.ImageDraw.ImageDraw, points: Points, color: tuple[int, ...], width: float
) -> None:
    pen.line(points.ravel().tolist(), color, max(1, round(width)), "curve")
