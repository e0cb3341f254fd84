"""From a scene to its pixels."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from zoo.data.aircraft.camera import Camera
from zoo.data.aircraft.damage import damage_points, dent_shade, draw_crack
from zoo.data.aircraft.scene import Scene, Stream
from zoo.data.aircraft.surface import draw_surface, paint_of
from zoo.data.named.aircraft import SIDE
from zoo.runtime.images import Image

_DIRT = np.array([72, 60, 48], np.float32)


def draw(scene: Scene, size: int = SIDE) -> Image:
    """Draw a picture.

    Shapes are drawn by Pillow at a multiple of the size and made smaller; light, dirt, shadows,
    dents, blur and noise are added there.

    Args:
        scene: What it shows.
        size: Pixels a side.

    Returns:
        uint8 ``[size, size, 3]``. The same scene gives the same picture; another release of
        Pillow may round some pixels to the next level.
    """
    import PIL.Image
    import PIL.ImageDraw
    import PIL.ImageFilter

    fine = 4 if size <= 128 else 3 if size <= 192 else 2
    canvas = PIL.Image.new("RGB", (size * fine, size * fine), paint_of(scene))
    pen = PIL.ImageDraw.Draw(canvas)
    camera = Camera(scene, size * fine)
    draw_surface(scene, camera, pen)
    if scene.kind == "crack":
        draw_crack(scene, camera, pen, paint_of(scene))
    small = canvas.reduce(fine)
    pixels = np.asarray(small, np.float32)
    stream = Stream(scene.grain, 3)
    pixels = _dirty(pixels, scene, stream)
    shade = _lit(scene, size, stream)
    if scene.kind == "dent":
        shade *= dent_shade(scene, Camera(scene, size), size)
    pixels *= shade[..., None]
    lit = PIL.Image.fromarray(_levels(pixels))
    if (radius := scene.blur * size / SIDE) > 0.15:
        lit = lit.filter(PIL.ImageFilter.GaussianBlur(radius))
    return _levels(np.asarray(lit, np.float32) + _noise(scene, size))


def box_of(scene: Scene, size: int = SIDE) -> tuple[int, int, int, int]:
    """Return the smallest box around the damage that lies in the picture.

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
    """Return the light on a curved skin, a factor for every pixel, with what shines or shades."""
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
    """Return a soft spot beside the damage, 1 in its middle: as a dent has it, but of one sign."""
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


__all__ = ["SIDE", "box_of", "draw"]
