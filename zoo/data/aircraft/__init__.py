"""Pictures of damage to the skin of an aircraft, drawn by rules from a seed.

A picture is a close-up of a fuselage in one of six colors, lit from one side, slightly turned
and zoomed, a little blurred and noisy. It has one damage: a crack, a jagged dark line with
branches, or a dent, a hollow whose side next to the light is dark and whose other side is bright.

The damage lies above, below, left of, right of, on or between things that are in the picture: one
of two or three windows counted from the left, a door, a stripe, painted letters, a seam between
two sheets. 3 sizes x 18 places x 6 colors x 2 kinds are 648 combinations. Where a place names
the stripe, the letters or the seam, there is only one of it; the third window is named among
three.

In both classes alike there are seams with rivets, stripes, vents of dark slots, straight light
scratches, streaks of dirt, soft stains and reflections, and shadows with straight edges: how many
pixels are dark or bright says little about the class. Pictures come in pairs of one size, place,
severity and color, one with a crack and one with a dent: see :mod:`zoo.data.aircraft.compose`.
What a picture shows is said in a closed language of 66 words and signs, which :func:`read` reads.

    >>> from zoo.data.aircraft import draw, make_scene, truth_of
    >>> scene = make_scene(seed=0, split="train", index=0)
    >>> draw(scene, 96).shape
    (96, 96, 3)
    >>> truth_of(scene, 96).caption
    'a large dent below the letters of a white fuselage'
"""

from __future__ import annotations

from zoo.data.aircraft.captions import CaptionedSceneSplit
from zoo.data.aircraft.compose import combinations, make_scene
from zoo.data.aircraft.drawing import SIDE, box_of, draw
from zoo.data.aircraft.load import SceneSplit
from zoo.data.aircraft.scene import Place, Scene
from zoo.data.aircraft.words import Truth, caption, read, summary, truth_of

__all__ = [
    "SIDE",
    "CaptionedSceneSplit",
    "Place",
    "Scene",
    "SceneSplit",
    "Truth",
    "box_of",
    "caption",
    "combinations",
    "draw",
    "make_scene",
    "read",
    "summary",
    "truth_of",
]
