"""Draw the skin of a fuselage: paint, seams with rivets, windows, a door, vents, scratches."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from zoo_aircraft.scene import DOOR, DOOR_WINDOW, LETTER, WINDOW, Color, Scene, Stream

Points = npt.NDArray[np.float64]
"""``[n, 2]``, x to the right and y down, as shares of a side or as pixels."""

Paint = tuple[int, int, int]
"""Red, green and blue."""

PAINTS: dict[Color, Paint] = {
    "white": (216, 218, 220),
    "gray": (134, 138, 144),
    "blue": (52, 92, 160),
    "red": (172, 48, 44),
    "green": (52, 122, 80),
    "yellow": (214, 174, 54),
}
"""The colors before light and tint."""

_GLASS, _RIM, _FRAME = (36, 42, 54), (110, 114, 120), (178, 182, 188)
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


class Canvas:
    """An image in the paint of a fuselage, drawn on in places of the fuselage.

    Args:
        scene: The scene, for its camera and its paint.
        side: Side of the image, pixels.

    Attributes:
        paint: Color of the fuselage, its tint included.
        camera: The camera.
        image: The image.
        pen: Pillow's pen, for shapes in pixels.
    """

    def __init__(self, scene: Scene, side: int) -> None:
        import PIL.Image
        import PIL.ImageDraw

        red, green, blue = np.add(PAINTS[scene.color], scene.tint).tolist()
        self.paint: Paint = (red, green, blue)
        self.camera = Camera(scene, side)
        self.image = PIL.Image.new("RGB", (side, side), self.paint)
        self.pen = PIL.ImageDraw.Draw(self.image)

    def fill(self, points: npt.ArrayLike, color: Paint) -> None:
        """Fill a polygon."""
        self.pen.polygon(self.camera.pixels(points).ravel().tolist(), color)

    def line(
        self, points: npt.ArrayLike, color: tuple[int, ...], width: float, offset: float = 0.0
    ) -> None:
        """Draw a line, moved to the lower right by an offset in the image."""
        places = self.camera.pixels(points) + offset * self.camera.scale
        thick = max(1, round(width * self.camera.scale))
        self.pen.line(places.ravel().tolist(), color, thick, "curve")

    def shade(self, factor: float) -> Paint:
        """Return the paint, darker or brighter by a factor."""
        return _times(self.paint, factor)


def draw_surface(scene: Scene, canvas: Canvas) -> None:
    """Draw everything that is no damage, from the stripe to the scratches."""
    if scene.stripe:
        color, y, half = scene.stripe
        band = ((-0.5, y - half), (1.5, y - half), (1.5, y + half), (-0.5, y + half))
        canvas.fill(band, PAINTS[color])
    if scene.letters:
        _draw_letters(*scene.letters, canvas)
    stream = Stream(scene.grain, 2)
    glass = _times(_GLASS, stream.between(0.3, 1.3))
    for upright, where in scene.seams:
        _draw_seam(upright, where, canvas)
    for _ in range(scene.vents):
        _draw_vent(scene, stream, canvas)
    for center in scene.windows:
        _draw_window(center, WINDOW, canvas, glass)
    if scene.door:
        _draw_door(scene.door, canvas, glass, left=bool(scene.grain % 2))
    for _ in range(scene.scratches):
        _draw_scratch(stream, canvas)


def _rectangle(center: tuple[float, float], half: tuple[float, float], corner: float) -> Points:
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


def _draw_letters(text: str, y: float, canvas: Canvas) -> None:
    ink = (26, 32, 52) if sum(canvas.paint) > 380 else (226, 228, 230)
    step = 2.6 * LETTER[0]
    start = 0.5 - step * (len(text) - 1) / 2
    width, height = 2 * LETTER[0] / 5, 2 * LETTER[1] / 7
    for number, letter in enumerate(text):
        left, top = start + number * step - LETTER[0], y - LETTER[1]
        for row, bits in enumerate(_FONT[letter]):
            for column in range(5):
                if bits >> (4 - column) & 1:
                    x0, y0 = left + column * width, top + row * height
                    x1, y1 = x0 + width, y0 + height
                    canvas.fill(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), ink)


def _draw_seam(upright: bool, where: float, canvas: Canvas) -> None:
    """Draw a joint of two sheets, and the rivets along both."""
    ends, run = np.array([-0.5, 1.5]), np.linspace(-0.2, 1.2, 40)
    canvas.line(_along(upright, ends, where + 0.006), canvas.shade(1.14), 0.007)
    canvas.line(_along(upright, ends, where), canvas.shade(0.58), 0.009)
    radius = 0.0065 * canvas.camera.scale
    for side in (-0.028, 0.028):
        for x, y in canvas.camera.pixels(_along(upright, run, where + side)).tolist():
            rim = (x - radius, y - radius, x + radius, y + radius)
            head = (x - 0.85 * radius, y - 0.85 * radius, x + 0.15 * radius, y + 0.15 * radius)
            canvas.pen.ellipse(rim, canvas.shade(0.7))
            canvas.pen.ellipse(head, canvas.shade(1.12))


def _along(upright: bool, run: Points, where: float) -> Points:
    fixed = np.full(len(run), where)
    return np.stack([fixed, run] if upright else [run, fixed], axis=1)


def _draw_window(
    center: tuple[float, float], half: tuple[float, float], canvas: Canvas, glass: Paint
) -> None:
    for border, color in ((0.0, _RIM), (0.006, _FRAME), (0.02, glass)):
        width, height = half[0] - border, half[1] - border
        canvas.fill(_rectangle(center, (width, height), 0.8 * width), color)
    x, y = center
    gleam = ((-0.6, 0.1), (0.5, -0.7), (0.5, -0.45), (-0.6, 0.4))
    canvas.fill([(x + width * a, y + height * b) for a, b in gleam], _times(glass, 1.9))


def _draw_door(center: tuple[float, float], canvas: Canvas, glass: Paint, *, left: bool) -> None:
    x, y = center
    outline = _rectangle(center, DOOR, 0.05)
    closed = np.concatenate([outline, outline[:1]])
    canvas.line(closed, canvas.shade(1.14), 0.008, offset=0.007)
    canvas.line(closed, canvas.shade(0.5), 0.013)
    _draw_window((x, y - 0.26), DOOR_WINDOW, canvas, glass)
    handle = x + (-0.11 if left else 0.11), y - 0.02
    canvas.fill(_rectangle(handle, (0.036, 0.012), 0.005), canvas.shade(0.45))
    canvas.fill(_rectangle(handle, (0.027, 0.005), 0.002), _FRAME)


def _draw_vent(scene: Scene, stream: Stream, canvas: Canvas) -> None:
    """Draw a few parallel slots, as dark as cracks are, beside the windows and the damage."""
    for _ in range(8):
        x, y = stream.between(0.08, 0.92), stream.between(0.08, 0.86)
        hidden = any(abs(x - u) < 0.12 and abs(y + 0.05 - v) < 0.18 for u, v in scene.windows)
        away = math.dist((x, y + 0.05), scene.center)
        if not hidden and away > scene.length / 2 + 0.08:
            break
    half = stream.between(0.02, 0.05), stream.between(0.006, 0.010)
    dark = canvas.shade(stream.between(0.15, 0.45))
    for number in range(2 + stream.below(3)):
        canvas.fill(_rectangle((x, y + 0.034 * number), half, 0.9 * half[1]), dark)


def _draw_scratch(stream: Stream, canvas: Canvas) -> None:
    """Draw a straight light line, as something that brushed past leaves it."""
    way = stream.between(0, math.pi)
    half = stream.between(0.06, 0.2)
    middle = np.array([stream.between(0.1, 0.9), stream.between(0.1, 0.9)])
    reach = half * np.array([math.cos(way), math.sin(way)])
    pale = tuple(int(level + 0.45 * (250 - level)) for level in canvas.paint)
    canvas.line([middle - reach, middle + reach], pale, 0.008)


def _times(paint: Paint, factor: float) -> Paint:
    red, green, blue = (min(255, int(level * factor)) for level in paint)
    return red, green, blue
