"""Captions and summaries of scenes, and the attributes that a text states."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.data import split_words
from zoo_aircraft.drawing import SIDE, box_of
from zoo_aircraft.scene import (
    COLORS,
    GLEAMS,
    KINDS,
    PLACES,
    SCRATCHES,
    SEVERITIES,
    SIZES,
    STAINS,
    STREAKS,
    VENTS,
    WINDOWS,
    Color,
    Kind,
    Place,
    Scene,
    Severity,
    Size,
)

ATTRIBUTES = ("kind", "size", "place", "color")
"""Attributes that a caption states and :func:`parse` finds."""

_NUMBERS = ("", "one", "two", "three")
_ORDINALS = ("", "first ", "second ", "third ")
_LENGTHS: dict[Size, str] = {"small": "short", "medium": "medium", "large": "long"}
_THINGS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("a vent", "{} vents", VENTS),
    ("a scratch", "{} scratches", SCRATCHES),
    ("a streak of dirt", "streaks of dirt", STREAKS),
    ("a stain", "{} stains", STAINS),
    ("a reflection", "{} reflections", GLEAMS),
    ("a shadow", "", (0, 1)),
)
"""Name of one of each, of several, and the numbers that there may be."""
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
    """Ground truth of one image.

    Attributes:
        kind: The class of the damage.
        size: Its size in a word: *short*, *medium*, *long* of a crack, *small*, *medium*,
            *large* of a dent.
        pixels: A crack's length from end to end, a dent's longest diameter.
        severity: How deep a dent is; how wide a crack is, and how many branches it has.
        place: Position relative to something in the image.
        box: Left, top, right, bottom, pixels; the latter two are the first outside.
        color: Color of the fuselage.
        caption: One sentence; the image shows every attribute of it.
        summary: Two sentences, with the severity and the other things in the image.
    """

    kind: Kind
    size: str
    pixels: float
    severity: Severity
    place: str
    box: tuple[int, int, int, int]
    color: str
    caption: str
    summary: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return dataclasses.asdict(self)


def truth_of(scene: Scene, size: int = SIDE) -> Truth:
    """Return the ground truth of an image.

    Args:
        scene: Scene of the image.
        size: Its pixels a side.
    """
    return Truth(
        kind=scene.kind,
        size=size_word(scene.kind, scene.size),
        pixels=round(scene.length * scene.zoom * size, 1),
        severity=scene.severity,
        place=place_words(scene.place),
        box=box_of(scene, size),
        color=scene.color,
        caption=caption(scene),
        summary=summary(scene),
    )


def caption(scene: Scene) -> str:
    """Return one sentence: the kind, the size, the place and the color.

    Example:
        >>> caption(make_scene(0, "train", 0))
        'a large dent below the letters of a white fuselage'
    """
    return _caption(scene.kind, scene.size, scene.place, scene.color)


def summary(scene: Scene) -> str:
    """Return two sentences: the caption with the severity, and the other things in the image.

    Example:
        >>> summary(make_scene(0, "train", 0))
        'A large dent below the letters of a white fuselage is severe and deep. Also seen: ...'
    """
    return _summary(caption(scene), scene.kind, scene.severity, _others(scene))


def size_word(kind: Kind, size: Size) -> str:
    """Return how the size of such a damage is called."""
    return _LENGTHS[size] if kind == "crack" else size


def place_words(place: Place) -> str:
    """Return a place in words: *below the second window*."""
    return f"{place.relation} the {_ORDINALS[place.number]}{place.thing}"


def vocabulary() -> tuple[str, ...]:
    """Return every token of all captions and summaries, in alphabetical order.

    They come from the rules that write the texts: no scene is drawn for them.
    """
    others = [_windows(number - 1) for number in WINDOWS] + [_stripe(color) for color in COLORS]
    for one, many, counts in _THINGS:
        others += [_counted(count, one, many) for count in counts if count]
    texts = [_listed(others)]
    for kind, size, place, color in itertools.product(KINDS, SIZES, PLACES, COLORS):
        said = _caption(kind, size, place, color)
        texts += [said, *(_summary(said, kind, severity, []) for severity in SEVERITIES)]
    return tuple(sorted({word for text in texts for word in split_words(text)}))


def parse(text: str) -> dict[str, str]:
    """Return the attributes that a caption or a summary states.

    A text that follows no rule is read all the same, each attribute by the first words that name
    one. The size is *small*, *medium* or *large*, of a crack as of a dent, so that a wrong kind is
    one mistake and not two.

    Returns:
        Of the keys ``kind``, ``size``, ``place`` and ``color`` those that are said; of a summary
        ``severity`` too.

    Example:
        >>> parse("a long crack on the door of a red fuselage")
        {'kind': 'crack', 'size': 'large', 'place': 'on the door', 'color': 'red'}
    """
    plain = " ".join(split_words(text)).lower()
    matches = {name: pattern.search(plain) for name, pattern in _patterns().items()}
    found = {name: match[1] for name, match in matches.items() if match}
    if "size" in found:
        found["size"] = _sizes()[found["size"]]
    return found


@functools.cache
def _sizes() -> Mapping[str, Size]:
    """Return the size that each word for one means."""
    return {size_word(kind, size): size for kind in KINDS for size in SIZES}


@functools.cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    """Return the pattern of each attribute."""
    return {
        "kind": _one_of(KINDS),
        # A dent "of medium depth" may be large: the size stands before the kind.
        "size": _one_of(_sizes(), f"(?= (?:{'|'.join(KINDS)})\\b)"),
        "place": _one_of(map(place_words, PLACES)),
        "color": _one_of(COLORS, r"(?= fuselage\b)"),
        "severity": _one_of(SEVERITIES),
    }


def _one_of(texts: Iterable[str], before: str = "") -> re.Pattern[str]:
    either = "|".join(sorted(map(re.escape, texts), key=len, reverse=True))
    return re.compile(rf"\b({either})\b{before}")


def _caption(kind: Kind, size: Size, place: Place, color: Color) -> str:
    return f"a {size_word(kind, size)} {kind} {place_words(place)} of a {color} fuselage"


def _summary(said: str, kind: Kind, severity: Severity, others: list[str]) -> str:
    first = f"{said.capitalize()} is {_DETAILS[kind][severity]}."
    return f"{first} Also seen: {_listed(others or ['nothing'])}."


def _listed(items: list[str]) -> str:
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last


def _others(scene: Scene) -> list[str]:
    """Return the things that the place does not name, then those on the paint."""
    thing = scene.place.thing
    found = [_windows(len(scene.windows) - 1)] if thing == "window" else []
    if scene.stripe and thing != "stripe":
        found.append(_stripe(scene.stripe[0]))
    counts = (
        scene.vents,
        scene.scratches,
        scene.streaks,
        scene.stains,
        scene.gleams,
        int(scene.shadow),
    )
    for count, (one, many, _) in zip(counts, _THINGS, strict=True):
        if count:
            found.append(_counted(count, one, many))
    return found


def _windows(others: int) -> str:
    return f"{_NUMBERS[others]} other window{'s' * (others > 1)}"


def _stripe(color: Color) -> str:
    return f"a {color} stripe"


def _counted(count: int, one: str, many: str) -> str:
    return one if count == 1 else many.format(_NUMBERS[count])
