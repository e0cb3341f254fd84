"""Aircraft damage: datasets of drawn and photographed damage, and a report on photos.

A drawn image is a close-up of a fuselage in one of six colors, lit from one side, slightly turned
and zoomed, a little blurred and noisy. It has one damage: a crack, a jagged dark line with
branches, or a dent, a hollow whose side next to the light is dark and whose other side is bright.

The damage lies above, below, left of, right of, on or between things that are in the image: one
of two or three windows counted from the left, a door, a stripe, painted letters, a seam between
two sheets. 3 sizes x 18 places x 6 colors x 2 kinds are 648 combinations. Where a place names
the stripe, the letters or the seam, there is only one of it; the third window is named among
three.

In both classes alike there are seams with rivets, stripes, vents of dark slots, straight light
scratches, streaks of dirt, soft stains and reflections, and shadows with straight edges: how many
pixels are dark or bright says little about the class. Texts are in a closed language of 66 tokens,
which :func:`parse` reads.

    >>> from zoo_aircraft import draw, make_scene, truth_of
    >>> scene = make_scene(seed=0, split="train", index=0)
    >>> draw(scene, 96).shape
    (96, 96, 3)
    >>> truth_of(scene, 96).caption
    'a large dent below the letters of a white fuselage'
"""

from __future__ import annotations

from zoo_aircraft.captions import parse, truth_of
from zoo_aircraft.drawing import draw
from zoo_aircraft.report import damage_report
from zoo_aircraft.scene import make_scene

__all__ = ["damage_report", "draw", "make_scene", "parse", "truth_of"]
