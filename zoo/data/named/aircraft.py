"""Pictures of aircraft damage with a name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zoo.data.info import DatasetInfo, Row
from zoo.data.options import PROMPTS, ImageSize, SeedOptions
from zoo.data.text.specs import caption_spec
from zoo.spec import DataSpec, Task, TensorSpec, TextSpec

SIDE = 96
"""Pixels a side of a drawn picture, where nothing else is asked for."""

LENGTH = 56
"""The most ids of a text: a summary of 50 words and signs, its prompt, its start, its end."""

_LABELS = ("crack", "dent")


class SyntheticOptions(SeedOptions):
    """Options of drawn aircraft damage; ``split_seed`` draws the scenes."""

    image_size: int = Field(SIDE, ge=48, le=512, description="Pixels a side.")
    examples: int = Field(2_000, ge=2, le=1_000_000, description="Pictures to train on.")
    validation_examples: int = Field(
        300, ge=2, le=100_000, description="Pictures of the validation split."
    )
    test_examples: int = Field(500, ge=2, le=100_000, description="Pictures of the test split.")
    hold_out: Literal["none", "combinations"] = Field(
        "none",
        description="'combinations': a sixth of the combinations of size, place and color are "
        "in the test split alone, though any two values of each are trained on together.",
    )


class SyntheticCaptionOptions(SyntheticOptions):
    """Options of drawn aircraft damage with captions."""

    examples: int = Field(36_000, ge=2, le=1_000_000, description="Pictures to train on.")
    validation_examples: int = Field(
        500, ge=2, le=100_000, description="Pictures of the validation split."
    )
    test_examples: int = Field(1_000, ge=4, le=100_000, description="Pictures of the test split.")
    hold_out: Literal["none", "combinations"] = Field(
        "combinations",
        description="'combinations': a sixth of the combinations of size, place and color are "
        "never trained on, though any two values of each are. Half of the test split shows them, "
        "and half what was trained on.",
    )


class AircraftOptions(SeedOptions):
    """Options of photographed aircraft damage. Its three splits are given."""

    image_size: ImageSize = Field(
        (224, 224), description="Pixels the model sees: 64, or '48x64' (height x width)."
    )
    file: str | None = Field(
        None, description="A local copy of the archive, or the folder it unpacks to."
    )


def synthetic_spec(size: int) -> DataSpec:
    """Return what drawn pictures of that many pixels a side are."""
    return _spec("aircraft_damage_synthetic", (size, size))


def photo_spec(size: tuple[int, int]) -> DataSpec:
    """Return what photos of that height and width are."""
    return _spec("aircraft_damage", size)


def captioned_spec(size: int, words: tuple[str, ...] = ()) -> DataSpec:
    """Return what drawn pictures with captions are.

    Args:
        size: Pixels a side.
        words: The vocabulary, its signs included; empty while it is not known.
    """
    text = TextSpec(split="words", vocabulary=words, max_length=LENGTH, prompts=PROMPTS)
    image = _image((size, size))
    return caption_spec("aircraft_captions_synthetic", image, text, summary=True)


def _image(size: tuple[int, int]) -> TensorSpec:
    return TensorSpec(name="image", shape=(*size, 3), dtype="uint8", range=(0, 255))


def _spec(name: str, size: tuple[int, int]) -> DataSpec:
    label = TensorSpec(name="label", dtype="int64", labels=_LABELS)
    return DataSpec(id=name, task=Task.CLASSIFICATION, inputs=(_image(size),), targets=(label,))


ROWS: tuple[Row, ...] = (
    (
        DatasetInfo(
            summary="drawn close-ups of an aircraft's skin with one crack or one dent each, and "
            "their captions",
            license="Apache-2.0",
            source="computed: 2,800 pictures of 96 x 96 pixels, by the rules of zoo.data.aircraft",
            offline=True,
            spec=synthetic_spec(SIDE),
            options=SyntheticOptions,
            describe="zoo.data.aircraft.load:describe",
        ),
        "zoo.data.aircraft.load:load",
    ),
    (
        DatasetInfo(
            summary="drawn close-ups of an aircraft's skin, a caption of one sentence and a "
            "summary of two for each",
            license="Apache-2.0",
            source="computed: 37,500 pictures of 96 x 96 pixels, by the rules of zoo.data.aircraft",
            offline=True,
            spec=captioned_spec(SIDE),
            options=SyntheticCaptionOptions,
            describe="zoo.data.aircraft.captions:describe",
        ),
        "zoo.data.aircraft.captions:load",
    ),
    (
        DatasetInfo(
            summary="446 photos of cracks and dents in aircraft, in three given splits",
            license="CC BY 4.0",
            source="Aircraft Damage Detection by Youssef Donia (Roboflow Universe), as a course "
            "of IBM Skills Network divides it",
            offline=False,
            spec=photo_spec((224, 224)),
            options=AircraftOptions,
            describe="zoo.data.aircraft_photos:describe",
        ),
        "zoo.data.aircraft_photos:load",
    ),
)

__all__ = [
    "LENGTH",
    "ROWS",
    "SIDE",
    "AircraftOptions",
    "SyntheticCaptionOptions",
    "SyntheticOptions",
    "captioned_spec",
    "photo_spec",
    "synthetic_spec",
]
