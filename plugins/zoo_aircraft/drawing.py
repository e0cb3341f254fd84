"""Draw a scene: its damage, its light, its dirt, and the noise of the camera."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from zoo_aircraft.scene import SEVERITIES, Scene, Stream
from zoo_aircraft.surface import Camera, Canvas, Points, draw_surface

Image = npt.NDArray[np.uint8]
"""``[height, width, channels]``."""
SIDE = 96
"""Pixels per side of a drawn image, by default."""

_DIRT = np.array([72, 60, 48], np.float32)


def draw(scene: Scene, size: int = SIDE) -> Image:
    """Draw a scene as an image.

    Shapes are drawn by Pillow at a multiple of the size and made smaller; light, dirt, shadows,
    dents, blur and noise are added there.

    Args:
        scene: The scene.
        size: Pixels a side.

    Returns:
        uint8 ``[size, size, 3]``. The same scene gives the same image; another release of
        Pillow may round some pixels to the next level.
    """
    import PIL.Image
    import PIL.ImageFilter

    fine = 4 if size <= 128 else 3 if size <= 192 else 2
    canvas = Canvas(scene, size * fine)
    draw_surface(scene, canvas)
    if scene.kind == "crack":
        _draw_crack(scene, canvas)
    stream = Stream(scene.grain, 3)
    pixels = _dirty(np.asarray(canvas.image.reduce(fine), np.float32), scene, stream)
    light = _lit(scene, size, stream)
    if scene.kind == "dent":
        light *= _dent_shade(scene, size)
    pixels *= light[..., None]
    lit = PIL.Image.fromarray(_levels(pixels))
    if (radius := scene.blur * size / SIDE) > 0.15:
        lit = lit.filter(PIL.ImageFilter.GaussianBlur(radius))
    return _levels(np.asarray(lit, np.float32) + _noise(scene, size))


def box_of(scene: Scene, size: int = SIDE) -> tuple[int, int, int, int]:
    """Return the bounding box of the damage in the image.

    Returns:
        Left, top, right and bottom in pixels; the latter two are the first outside.
    """
    points = Camera(scene, size).pixels(damage_points(scene))
    low = np.clip(np.floor(points.min(axis=0)), 0, size - 1).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)), low + 1, size).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _grid(size: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    axis = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    return axis[None, :], axis[:, None]


def _dirty(
    pixels: npt.NDArray[np.float32], scene: Scene, stream: Stream
) -> npt.NDArray[np.float32]:
    """Let dirt run down from somewhere, wider and fainter as it goes."""
    x, y = _grid(len(pixels))
    for _ in range(scene.streaks):
        at, top = stream.between(0.05, 0.95), stream.between(0.0, 0.6)
        long, wide = stream.between(0.25, 0.5), stream.between(0.012, 0.030)
        strength = stream.between(0.25, 0.5)
        below = (y - np.float32(top)) / np.float32(long)
        fade = np.where((below > 0) & (below < 1), 1 - below, 0)
        spread = np.float32(wide) * (1 + np.maximum(below, 0))
        side = np.maximum(0, 1 - np.abs(x - np.float32(at)) / spread)
        cover = (np.float32(strength) * fade * side)[..., None]
        pixels = pixels * (1 - cover) + _DIRT * cover
    return pixels.astype(np.float32)


def _lit(scene: Scene, size: int, stream: Stream) -> npt.NDArray[np.float32]:
    """Return the light on a curved skin, its reflections and shadows, as a factor per pixel."""
    x, y = _grid(size)
    strength = stream.between(0.05, 0.28)
    toward = math.cos(scene.light), math.sin(scene.light)
    light = 1 + np.float32(strength) * ((x - 0.5) * toward[0] + (y - 0.5) * toward[1])
    bend = np.float32(stream.between(0.05, 0.2))
    crest = np.float32(stream.between(0.3, 0.6))
    light = light * (1 - bend * (2 * (y - crest)) ** 2) * np.float32(scene.exposure)
    for number in range(scene.stains + scene.gleams):
        change = stream.between(-0.6, -0.3) if number < scene.stains else stream.between(0.25, 0.5)
        light = light * (1 + np.float32(change) * _spot(scene, x, y, stream))
    if scene.shadow:
        way = stream.between(0, 2 * math.pi)
        edge, soft = stream.between(0.05, 0.3), stream.between(0.03, 0.12)
        past = (x - 0.5) * np.float32(math.cos(way)) + (y - 0.5) * np.float32(math.sin(way))
        cover = np.clip((past - np.float32(edge)) / np.float32(soft) + 0.5, 0, 1)
        light = light * (1 - np.float32(stream.between(0.2, 0.38)) * cover)
    return light.astype(np.float32)


def _spot(
    scene: Scene, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], stream: Stream
) -> npt.NDArray[np.float32]:
    """Return a soft spot beside the damage, 1 in its middle, dark or bright unlike a dent."""
    half = stream.between(0.09, 0.2), stream.between(0.09, 0.2)
    for _ in range(8):
        at = stream.between(0.05, 0.95), stream.between(0.05, 0.95)
        if math.dist(at, scene.center) > max(half) + scene.length / 2:
            break
    across, down = (x - np.float32(at[0])) / half[0], (y - np.float32(at[1])) / half[1]
    spot: npt.NDArray[np.float32] = np.maximum(0, 1 - across * across - down * down) ** 2
    return spot


def _noise(scene: Scene, size: int) -> npt.NDArray[np.float32]:
    """Return the camera's noise: four bytes added up are close to a normal distribution."""
    count = size * size * 3
    raw = np.random.PCG64(np.random.SeedSequence([scene.grain, 4])).random_raw(-(-count // 2))
    parts = np.asarray(raw, np.uint64).view(np.uint32)[:count]
    # Two bytes at a time: a fifth of what a sum along an axis of four takes.
    pairs = (parts & 0x00FF00FF) + ((parts >> 8) & 0x00FF00FF)
    total = ((pairs & 0xFFFF) + (pairs >> 16)).astype(np.float32) - np.float32(510)
    # The sum of four bytes has a standard deviation of 147.8.
    noise: npt.NDArray[np.float32] = total * np.float32(scene.noise / 147.8)
    return noise.reshape(size, size, 3)


def _levels(pixels: npt.NDArray[np.float32]) -> Image:
    levels: Image = np.clip(pixels + np.float32(0.5), 0, 255).astype(np.uint8)
    return levels


_WIDTHS = (0.015, 0.019, 0.024)
_PROGRESS = 0.035
_LOBE = 0.55


def _crack_lines(scene: Scene) -> list[Points]:
    """Return the trunk and the branches of a crack, each a jagged line on the fuselage."""
    stream = Stream(scene.grain, 1)
    steps = max(4, round(scene.length / _PROGRESS))
    along = np.linspace(-0.5, 0.5, steps + 1) * scene.length
    jag = min(0.022, 0.1 * scene.length)
    # The ends stay in place, so that the length is that of the scene.
    off = np.array([0.0, *(stream.between(-jag, jag) for _ in range(steps - 1)), 0.0])
    c, s = math.cos(scene.angle), math.sin(scene.angle)
    trunk = np.stack([along * c - off * s, along * s + off * c], axis=1) + scene.center
    lines = [trunk]
    for number in range(scene.branches):
        # Spread over the trunk, and turned to its two sides by turns.
        share = (number + stream.between(0.3, 0.7)) / scene.branches
        root = trunk[min(steps - 1, max(1, round(share * steps)))]
        side = 1 if (number + scene.grain) % 2 else -1
        bend = scene.angle + side * stream.between(0.6, 1.1) + math.pi * stream.below(2)
        reach = scene.length * stream.between(0.16, 0.3)
        points = [root]
        for _ in range(max(2, round(reach / _PROGRESS))):
            way = bend + stream.between(-0.5, 0.5)
            step = min(_PROGRESS, reach / 2)
            points.append(points[-1] + step * np.array([math.cos(way), math.sin(way)]))
        lines.append(np.array(points))
    return lines


def _draw_crack(scene: Scene, canvas: Canvas) -> None:
    """Draw a crack: a dark line, and the edge of it that catches the light."""
    # A short one that is as wide as a long one would be a hole.
    share = min(1.0, 0.6 + scene.length)
    width = share * _WIDTHS[SEVERITIES.index(scene.severity)] * canvas.camera.scale
    # As dark as panes, letters and vents are: how dark a pixel is must not tell the class.
    darkness = Stream(scene.grain, 5).between(0.22, 0.5)
    bright = tuple(min(255, int(level * 1.15) + 6) for level in canvas.paint)
    lines = [canvas.camera.pixels(line) for line in _crack_lines(scene)]
    shift = -0.55 * width * np.array([math.cos(scene.light), math.sin(scene.light)])
    for line in lines:
        _stroke(canvas, line + shift, width * 0.7, bright)
    for number, line in enumerate(lines):
        _stroke(canvas, line, width if number == 0 else 0.75 * width, canvas.shade(darkness))


def _stroke(canvas: Canvas, line: Points, width: float, color: tuple[int, ...]) -> None:
    """Draw a line in pixels that becomes thinner towards its last point."""
    last = len(line) - 1
    for step in range(last):
        thick = max(1, round(width * (1 - 0.45 * step / last)))
        canvas.pen.line(line[step : step + 2].ravel().tolist(), color, thick)


def _dent_lobes(scene: Scene) -> list[tuple[float, float, float, float]]:
    """Return the two hollows that a dent is made of.

    Returns:
        Center x and y on the fuselage, half the length and half the width of each; the second is
        smaller and lies within the first, so that no dent is a perfect ellipse.
    """
    stream = Stream(scene.grain, 1)
    x, y = scene.center
    half = scene.length / 2
    away = stream.between(0.2, 0.4) * half
    way = stream.between(0, 2 * math.pi)
    small = _LOBE * half
    return [
        (x, y, half, half * scene.roundness),
        (x + away * math.cos(way), y + away * scene.roundness * math.sin(way), small, small * 0.8),
    ]


def _dent_shade(scene: Scene, side: int) -> npt.NDArray[np.float32]:
    """Return the shading of a dent, as a factor of the brightness per pixel.

    A hollow of the depth ``(1 - r²)²`` is lit by its slope: the side that is next to the light
    lies in shadow, and the one across catches it.
    """
    camera = Camera(scene, side)
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) + np.float32(0.5)
    angle = scene.angle + scene.turn
    c, s = math.cos(angle), math.sin(angle)
    to_light = math.cos(scene.light), math.sin(scene.light)
    change = np.zeros((side, side), np.float32)
    for share, (x, y, long, wide) in zip((1.0, 0.55), _dent_lobes(scene), strict=True):
        at = camera.pixels([[x, y]])[0]
        across, down = columns - np.float32(at[0]), rows - np.float32(at[1])
        u = (across * c + down * s) / np.float32(long * camera.scale)
        v = (down * c - across * s) / np.float32(wide * camera.scale)
        inside = np.maximum(0, 1 - u * u - v * v)
        slope = u * (c * to_light[0] + s * to_light[1]) + v * (c * to_light[1] - s * to_light[0])
        change -= np.float32(share * 4 * scene.depth) * inside * slope
    factor: npt.NDArray[np.float32] = 1 + change
    return factor


def damage_points(scene: Scene) -> Points:
    """Return points on the fuselage whose smallest box is that of the damage."""
    if scene.kind == "crack":
        return np.concatenate(_crack_lines(scene))
    turn = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    c, s = math.cos(scene.angle), math.sin(scene.angle)
    rims = []
    for x, y, long, wide in _dent_lobes(scene):
        u, v = long * np.cos(turn), wide * np.sin(turn)
        rims.append(np.stack([x + u * c - v * s, y + u * s + v * c], axis=1))
    return np.concatenate(rims)
