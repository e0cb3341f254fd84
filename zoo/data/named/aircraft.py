"""Pictures of aircraft damage with a name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zoo.data.info import DatasetInfo, Row
from zoo.data.options import ImageSize, SeedOptions
from zoo.spec import DataSpec, Task, TensorSpec

SIDE = 96
"""Pixels a side of a drawn picture, where nothing else is asked for."""

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
        description="'combinations': a sixth of the combinations of size, place and colour are "
        "in the test split alone, though any two values of each are trained on together.",
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


def _spec(name: str, size: tuple[int, int]) -> DataSpec:
    image = TensorSpec(name="image", shape=(*size, 3), dtype="uint8", range=(0, 255))
    label = TensorSpec(name="label", dtype="int64", labels=_LABELS)
    return DataSpec(id=name, task=Task.CLASSIFICATION, inputs=(image,), targets=(label,))


ROWS: tuple[Row, ...] = (
    (
        DatasetInfo(
            summary="drawn close-ups of an aircraft's skin with one crack or one dent each, and "
            "their captions",
            licence="Apache-2.0",
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
            summary="446 photos of cracks and dents in aircraft, in three given splits",
            licence="CC BY 4.0",
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

__all__ = ["ROWS", "SIDE", "AircraftOptions", "SyntheticOptions", "photo_spec", "synthetic_spec"]
