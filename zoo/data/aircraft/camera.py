"""From places on the fuselage to pixels of the picture."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from zoo.data.aircraft.scene import Scene

Points = npt.NDArray[np.float64]
"""``[n, 2]``, x to the right and y down, as shares of a side or as pixels."""


class Camera:
    """A small turn and zoom about the middle of the picture.

    Args:
        scene: It says how far.
        side: Of the picture, pixels.

    Attributes:
        scale: Pixels of a length of 1 on the fuselage.
    """

    def __init__(self, scene: Scene, side: int) -> None:
        self.scale = scene.zoom * side
        c, s = math.cos(scene.turn), math.sin(scene.turn)
        self._turn = np.array([[c, s], [-s, c]]) * self.scale
        self._middle = side / 2

    def pixels(self, points: npt.ArrayLike) -> Points:
        """Return where points of the fuselage are in the picture."""
        result: Points = (np.asarray(points, np.float64) - 0.5) @ self._turn + self._middle
        return result


__all__ = ["Camera", "Points"]
