"""The damage: the branching way of a crack, and the shading of a dent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zoo.data.aircraft.camera import Camera, Points
from zoo.data.aircraft.scene import SEVERITIES, Scene, Stream

if TYPE_CHECKING:
    import PIL.ImageDraw

_WIDTHS = (0.015, 0.019, 0.024)
_PROGRESS = 0.035
_LOBE = 0.55


def crack_lines(scene: Scene) -> list[Points]:
    """Return the trunk and the branches of a crack, each a jagged line on the fuselage."""
    stream = Stream(scene.grain, 1)
    steps = max(4, round(scene.length / _PROGRESS))
    along = np.linspace(-0.5, 0.5, steps + 1) * scene.length
    jag = min(0.022, 0.1 * scene.length)
    # The ends stay where they are, so that the length is what the scene says.
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


def draw_crack(
    scene: Scene, camera: Camera, pen: PIL.ImageDraw.ImageDraw, paint: tuple[int, int, int]
) -> None:
    """Draw a crack: a dark line, and the edge of it that catches the light."""
    # A short one that is as wide as a long one would be a hole.
    share = min(1.0, 0.6 + scene.length)
    width = share * _WIDTHS[SEVERITIES.index(scene.severity)] * camera.scale
    # As dark as panes, letters and vents are: how dark a pixel is must not tell the class.
    darkness = Stream(scene.grain, 5).between(0.22, 0.5)
    dark = tuple(int(level * darkness) for level in paint)
    bright = tuple(min(255, int(level * 1.15) + 6) for level in paint)
    lines = [camera.pixels(line) for line in crack_lines(scene)]
    shift = -0.55 * width * np.array([math.cos(scene.light), math.sin(scene.light)])
    for line in lines:
        _stroke(pen, line + shift, width * 0.7, bright)
    for number, line in enumerate(lines):
        _stroke(pen, line, width if number == 0 else 0.75 * width, dark)


def _stroke(pen: Any, line: Points, width: float, color: tuple[int, ...]) -> None:
    """Draw a line that becomes thinner towards its last point."""
    last = len(line) - 1
    for step in range(last):
        wide = width * (1 - 0.45 * step / last)
        pen.line([*line[step].tolist(), *line[step + 1].tolist()], color, max(1, round(wide)))


def dent_lobes(scene: Scene) -> list[tuple[float, float, float, float]]:
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


def dent_shade(scene: Scene, camera: Camera, side: int) -> npt.NDArray[np.float32]:
    """Return what a dent does to the brightness, a factor for every pixel.

    A hollow of the depth ``(1 - r²)²`` is lit by its slope: the side that is next to the light
    lies in shadow, and the one across catches it.
    """
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) + np.float32(0.5)
    angle = scene.angle + scene.turn
    c, s = math.cos(angle), math.sin(angle)
    to_light = math.cos(scene.light), math.sin(scene.light)
    change = np.zeros((side, side), np.float32)
    for share, (x, y, long, wide) in zip((1.0, 0.55), dent_lobes(scene), strict=True):
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
        return np.concatenate(crack_lines(scene))
    turn = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    c, s = math.cos(scene.angle), math.sin(scene.angle)
    rims = []
    for x, y, long, wide in dent_lobes(scene):
        u, v = long * np.cos(turn), wide * np.sin(turn)
        rims.append(np.stack([x + u * c - v * s, y + u * s + v * c], axis=1))
    return np.concatenate(rims)


__all__ = ["crack_lines", "damage_points", "dent_lobes", "dent_shade", "draw_crack"]
