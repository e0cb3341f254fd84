"""Gray and color images: drawn aircraft, and a reader of people's own photos."""

from typing import Literal

import numpy as np
from PIL import Image
from pydantic import Field

import zoo
from zoo import DataSpec, NamedDataset, TensorSpec
from zoo.data import (
    ArraySplit,
    Dataset,
    FileReader,
    ImageSize,
    SeedOptions,
    SplitOptions,
    stratified_split,
)
from zoo.errors import DataError
from zoo.runtime import encode
from zoo_colorizer.chroma import TO_CHROMA, luma_of

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


class AircraftOptions(SeedOptions):
    """Options of the drawn aircraft; `split_seed` draws them."""

    image_size: int = Field(64, ge=48, le=512, description="Pixels per side.")
    examples: int = Field(2_000, ge=8, le=100_000, description="Images to draw for training.")
    fuselages: Literal["distinct", "all"] = Field(
        "distinct",
        description="'distinct': only white, gray, blue and yellow fuselages, about two thirds of "
        "the drawn images. Red and green have the luma of blue; nobody can tell the three apart "
        "in gray.",
    )


class PhotoOptions(SplitOptions):
    """Options of a folder of photos."""

    image_size: ImageSize = Field(
        (64, 64), description="Pixels the model sees: 64, or '48x64' (height x width)."
    )


def spec_of(name, height, width):
    """Return the spec of gray images, and of the same in color."""
    shared = {"dtype": "uint8", "range": (0, 255), "role": "image"}
    image = TensorSpec(name="image", shape=(height, width, 1), **shared)
    color = TensorSpec(name="color", shape=(height, width, 3), **shared)
    return DataSpec(id=name, task="colorization", inputs=(image,), targets=(color,))


def pair(color):
    """Return the inputs and the targets of images in color: their luma, and they themselves."""
    return {"image": luma_of(color)}, {"color": color}


def describe_aircraft(options):
    """Return the spec of the drawn aircraft with these options."""
    return spec_of("aircraft_colors", options.image_size, options.image_size)


def load_aircraft(options):
    """Return the splits of the aircraft that the zoo draws."""
    asked = options.model_dump(exclude={"fuselages"})
    asked |= {"validation_examples": 200, "test_examples": 300}
    drawn, splits = zoo.dataset("aircraft_damage_synthetic", **asked), {}
    for name in ("train", "validation", "test"):
        whole = drawn.split(name)
        color = whole.take(np.arange(len(whole)))[0]["image"]
        if options.fuselages == "distinct":
            # Most pixels are of the fuselage. Red and green differ from gray in Cr above all.
            cb, cr = np.abs(np.median(color @ TO_CHROMA, axis=(1, 2))).T
            color = color[cr < cb + 6]
        splits[name] = ArraySplit(*pair(color))
    return splits


def photos_in(path):
    """Return the image files of a folder and of the folders in it, by their names alone."""
    files = path.rglob("*") if path.is_dir() else ()
    return sorted(file for file in files if file.suffix.lower() in SUFFIXES)


def open_photos(path, options):
    """Open a folder of photos in color; each is resized to one size."""
    files, spec = photos_in(path), spec_of(path.name, *options.image_size)
    shares = {"validation": options.validation_split, "test": options.test_split}
    parts = stratified_split([0] * len(files), seed=options.split_seed, **shares)
    color = encode(files, spec.targets)["color"]
    colorless = np.ptp(color, axis=-1).max(axis=(1, 2)) == 0
    if colorless.any():
        raise DataError(
            f"{files[colorless.argmax()]} has no color",
            why=f"a gray image teaches that everything is gray, and {colorless.sum()} of "
            f"{len(files)} files are gray",
            fix="move gray images out of the folder",
        )
    splits = {name: ArraySplit(*pair(color[rows])) for name, rows in parts.items()}
    return Dataset(spec, lambda: splits)


def write_example(folder):
    """Write a folder of drawn photos that can be opened."""
    drawn = zoo.dataset("aircraft_damage_synthetic", image_size=64, examples=12)
    images = drawn.split("train").take(np.arange(12))[0]["image"]
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:02}.png")
    return folder


AIRCRAFT = NamedDataset(
    spec=describe_aircraft(AircraftOptions()),
    summary="Drawn close-ups of aircraft, in gray and in color.",
    size="1,646 images, generated",
    license="Apache-2.0",
    source="Drawn by the dataset aircraft_damage_synthetic of the zoo.",
    offline=True,
    options=AircraftOptions,
    describe=describe_aircraft,
    load=load_aircraft,
)
PHOTOS = FileReader(
    summary="A folder of photos in color; the gray images are their luma (ITU-R BT.601)",
    accepts=lambda path: bool(photos_in(path)),
    open=open_photos,
    options=PhotoOptions,
    example=write_example,
)
