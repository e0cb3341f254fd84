"""What a scene says in words, and as plain data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from zoo.data.aircraft.drawing import SIDE, box_of
from zoo.data.aircraft.scene import Kind, Place, Scene, Severity, Size

_NUMBERS = ("no", "one", "two", "three", "four")
_ORDINALS = ("", "first ", "second ", "third ")
_LENGTHS: dict[Size, str] = {"small": "short", "medium": "medium", "large": "long"}
_DETAILS: dict[Kind, dict[Severity, str]] = {
    "crack": {
        "minor": "minor, with one branch",
        "moderate": "moderate, with a few branches",
        "severe": "severe, with many branches",
    },
    "dent": {
        "minor": "minor and shallow",
        "moderate": "moderate and of medium depth",
        "severe": "severe and deep",
    },
}


@dataclass(frozen=True)
class Truth:
    """What is known of one picture.

    Attributes:
        kind: The class of the damage.
        size: Its size in a word: *short*, *medium*, *long* of a crack, *small*, *medium*,
            *large* of a dent.
        pixels: A crack's length from end to end, a dent's longest diameter.
        severity: How deep a dent is; how wide a crack is, and how many branches it has.
        place: Where it is, relative to something in the picture.
        box: Left, top, right, bottom, pixels; the latter two are the first outside.
        colour: Of the fuselage.
        caption: One sentence; the picture shows every attribute of it.
        summary: Two sentences, with the severity and what else there is to see.
    """

    kind: Kind
    size: str
    pixels: float
    severity: Severity
    place: str
    box: tuple[int, int, int, int]
    colour: str
    caption: str
    summary: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return dataclasses.asdict(self)


def truth_of(scene: Scene, size: int = SIDE) -> Truth:
    """Return what is true of the picture of a scene.

    Args:
        scene: What the picture shows.
        size: Its pixels a side.
    """
    return Truth(
        kind=scene.kind,
        size=size_word(scene.kind, scene.size),
        pixels=round(scene.length * scene.zoom * size, 1),
        severity=scene.severity,
        place=place_words(scene.place),
        box=box_of(scene, size),
        colour=scene.colour,
        caption=caption(scene),
        summary=summary(scene),
    )


def caption(scene: Scene) -> str:
    """Return one sentence: the kind, the size, the place and the colour.

    Example:
        >>> caption(make_scene(0, "train", 0))
        'a large dent below the letters of a white fuselage'
    """
    word = size_word(scene.kind, scene.size)
    return f"a {word} {scene.kind} {place_words(scene.place)} of a {scene.colour} fuselage"


def summary(scene: Scene) -> str:
    """Return two sentences: the caption with the severity, and what else there is to see.

    Example:
        >>> summary(make_scene(0, "train", 0))
        'A large dent below the letters of a white fuselage is severe and deep. Also seen: ...'
    """
    first = f"{caption(scene).capitalize()} is {_DETAILS[scene.kind][scene.severity]}."
    *most, last = _others(scene) or ["nothing"]
    listed = f"{', '.join(most)} and {last}" if most else last
    return f"{first} Also seen: {listed}."


def size_word(kind: Kind, size: Size) -> str:
    """Return how the size of such a damage is called."""
    return _LENGTHS[size] if kind == "crack" else size


def place_words(place: Place) -> str:
    """Return a place in words: *below the second window*."""
    return f"{place.relation} the {_ORDINALS[place.number]}{place.thing}"


def _others(scene: Scene) -> list[str]:
    """Name what the place does not: first the things, then what lies on the paint."""
    thing = scene.place.thing
    found = []
    if thing == "window":
        others = len(scene.windows) - 1
        found.append(f"{_NUMBERS[others]} other window{'s' * (others > 1)}")
    if scene.stripe and thing != "stripe":
        found.append(f"a {scene.stripe[0]} stripe")
    for count, one, many in (
        (scene.vents, "a vent", f"{_NUMBERS[scene.vents]} vents"),
        (scene.scratches, "a scratch", f"{_NUMBERS[scene.scratches]} scratches"),
        (scene.streaks, "a streak of dirt", "streaks of dirt"),
        (scene.stains, "a stain", f"{_NUMBERS[scene.stains]} stains"),
        (scene.gleams, "a reflection", f"{_NUMBERS[scene.gleams]} reflections"),
        (int(scene.shadow), "a shadow", ""),
    ):
        if count:
            found.append(one if count == 1 else many)
    return found


__all__ = ["Truth", "caption", "place_words", "size_word", "summary", "truth_of"]
