"""Datasets of aircraft damage: drawn images, drawn images with captions, and photos."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from zoo.data import (
    ImageOptions,
    ImageSize,
    NamedDataset,
    Remote,
    SeedOptions,
    caption_spec,
    encode_text,
    fetch,
    open_image_folder,
    split_words,
    unpack_tar,
)
from zoo.environment import cache_dir
from zoo.errors import BadRecord, DataError
from zoo.files import sha256_file, sha256_json
from zoo.spec import (
    SPECIAL_TOKENS,
    Arrays,
    DataSpec,
    Split,
    SplitName,
    Task,
    TensorSpec,
    TextSpec,
)
from zoo_aircraft.captions import Truth, caption, parse, summary, truth_of, vocabulary
from zoo_aircraft.drawing import SIDE, Image, draw
from zoo_aircraft.scene import KINDS, HoldOut, Scene, combinations, make_scene

MAX_LENGTH = 56
"""The most ids of a text: a summary of 50 tokens, its prompt, its start, its end."""
PROMPTS = (("summary", "a detailed photo of"),)
"""What a model goes on from where it shall write a summary; a caption needs no prompt."""
RULES = 1
"""Version of the rules that scenes, captions and images are drawn by: part of a fingerprint."""
MEMORY_BOUND = 1 << 30
"""A split whose images take more bytes (1 GiB) is drawn as it is used."""

# Neither its size nor its SHA-256 has been published.
PHOTOS_REMOTE = Remote(
    name="aircraft_damage_dataset_v1.tar",
    urls=(
        "https://cf-courses-data.s3.us.cloud-object-storage.appdomain.cloud/"
        "ZjXM4RKxlBK9__ZjHBLl5A/aircraft-damage-dataset-v1.tar",
    ),
    size=None,
    sha256=None,
    first_use=True,
)
_LARGEST_PHOTO = 32 << 20
_PHOTO_SPLITS = {"train", "valid", "test"}
_PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png"}


def _count(default: int, description: str, *, least: int = 2, most: int = 100_000) -> Any:
    return Field(default, ge=least, le=most, description=description)


class SyntheticOptions(SeedOptions):
    """Options of drawn aircraft damage; ``split_seed`` draws the scenes."""

    image_size: int = Field(SIDE, ge=48, le=512, description="Pixels per side.")
    examples: int = _count(2_000, "Images to train on.", most=1_000_000)
    validation_examples: int = _count(300, "Images of the validation split.")
    test_examples: int = _count(500, "Images of the test split.")
    hold_out: Literal["none", "combinations"] = Field(
        "none",
        description="'combinations': a sixth of the combinations of size, place and color are "
        "in the test split alone, though any two values of each are trained on together.",
    )


class SyntheticCaptionOptions(SyntheticOptions):
    """Options of drawn aircraft damage with captions."""

    examples: int = _count(36_000, "Images to train on.", most=1_000_000)
    validation_examples: int = _count(500, "Images of the validation split.")
    test_examples: int = _count(1_000, "Images of the test split.", least=4)
    hold_out: Literal["none", "combinations"] = Field(
        "combinations",
        description="'combinations': a sixth of the combinations of size, place and color are "
        "never trained on, though any two values of each are. Half of the test split shows them, "
        "and half what was trained on.",
    )


class PhotoOptions(SeedOptions):
    """Options of photographed aircraft damage. Its three splits are given."""

    image_size: ImageSize = Field(
        (224, 224), description="Pixels the model sees: 64, or '48x64' (height x width)."
    )
    file: str | None = Field(
        None, description="A local copy of the archive, or the folder it unpacks to."
    )


class SceneSplit:
    """Images that are drawn when they are first asked for.

    Up to ``bound`` bytes they are kept; above it ``take`` draws those that are asked for each
    time, and ``arrays`` returns ``None``.

    Args:
        data: Spec of the tensors; it has the size of the images, and the vocabulary of texts.
        seed: Seed of the scenes.
        split: Name of the split; each has scenes of its own.
        count: Number of images.
        hold_out: See :func:`zoo_aircraft.scene.combinations`.
        bound: Bytes of images that may be kept in memory.
    """

    def __init__(
        self,
        data: DataSpec,
        seed: int,
        split: SplitName,
        count: int,
        *,
        hold_out: HoldOut = "none",
        bound: int = MEMORY_BOUND,
    ) -> None:
        self.data = data
        self._seed, self._split, self._count = seed, split, count
        self._hold_out, self._bound = hold_out, bound
        self._size = int(data.inputs[0].shape[0])
        self._kept: dict[str, npt.NDArray[Any]] = {}
        self._known = np.zeros(count, bool)

    def __len__(self) -> int:
        return self._count

    def scene(self, index: int) -> Scene:
        """Return what the image at this position shows."""
        return make_scene(self._seed, self._split, index, self._hold_out)

    def truth(self, indices: npt.NDArray[Any]) -> list[Truth]:
        """Return the ground truth of the images at these positions."""
        return [truth_of(self.scene(index), self._size) for index in self._positions(indices)]

    def take(self, indices: npt.NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the images and the targets at these positions.

        Raises:
            MissingExtra: If Pillow is not installed.
        """
        chosen = self._positions(indices)
        if not self._fits:
            return {"image": self._images(chosen)}, self.targets(chosen)
        inputs, targets = self._keep(chosen)
        return (
            {name: array[chosen] for name, array in inputs.items()},
            {name: array[chosen] for name, array in targets.items()},
        )

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` above the bound.

        Raises:
            MissingExtra: If Pillow is not installed.
        """
        if not self._fits:
            return None
        found = self._keep(list(range(self._count)))
        for array in self._kept.values():
            array.flags.writeable = False
        return found

    def digest(self) -> str:
        """Return the SHA-256 of all that the images depend on; none is drawn for it."""
        return sha256_json(
            [RULES, self._seed, self._split, self._count, self._size, self._hold_out]
        )

    def targets(self, indices: Sequence[int]) -> Arrays:
        """Return the targets of images: the class of their damage."""
        kinds = [KINDS.index(self.scene(index).kind) for index in indices]
        return {"label": np.array(kinds, np.int64)}

    @property
    def _fits(self) -> bool:
        return self._count * self._size * self._size * 3 <= self._bound

    def _positions(self, indices: npt.NDArray[Any]) -> list[int]:
        return [int(place) for place in np.arange(self._count)[np.asarray(indices)]]

    def _images(self, indices: Sequence[int]) -> Image:
        images = np.empty((len(indices), self._size, self._size, 3), np.uint8)
        for place, index in enumerate(indices):
            images[place] = draw(self.scene(index), self._size)
        return images

    def _keep(self, indices: Sequence[int]) -> tuple[Arrays, Arrays]:
        """Return all inputs and targets that are kept, at least of these images."""
        missing = [index for index in dict.fromkeys(indices) if not self._known[index]]
        if missing or not self._kept:
            made = {"image": self._images(missing), **self.targets(missing)}
            for name, array in made.items():
                empty = np.zeros((self._count, *array.shape[1:]), array.dtype)
                self._kept.setdefault(name, empty)[missing] = array
            self._known[missing] = True
        targets = dict(self._kept)
        return {"image": targets.pop("image")}, targets


class CaptionedSceneSplit(SceneSplit):
    """Images with ``caption`` and ``summary`` as ids.

    Rows are as wide as the longest text that the spec allows. With ``hold_out="half"`` the test
    split shows by turns two images of a combination that is trained on and two of one that is
    not.
    """

    @functools.cached_property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """Captions and summaries as text."""
        return self._texts(range(self._count))

    def targets(self, indices: Sequence[int]) -> Arrays:
        """Return the captions and the summaries of images as ids.

        Raises:
            DataError: If one is longer than the spec allows.
        """
        texts = self._texts(indices)
        return {
            spec.name: encode_text(
                texts[spec.name], spec.text, special_tokens=True, width=spec.text.max_length
            )
            for spec in self.data.targets
            if spec.text is not None
        }

    def held_out(self, indices: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return which of the images show a combination that is never trained on."""
        trained = set(combinations(self._seed, "train", self._hold_out))
        scenes = [self.scene(index) for index in self._positions(indices)]
        return np.array([scene.combination not in trained for scene in scenes], bool)

    def parse(self, text: str) -> dict[str, str]:
        """Return the attributes that a text states: see :func:`zoo_aircraft.captions.parse`."""
        return parse(text)

    def encoded_by(self, data: DataSpec) -> CaptionedSceneSplit:
        """Return the same images with their texts in the vocabulary of another spec."""
        return CaptionedSceneSplit(
            data, self._seed, self._split, self._count, hold_out=self._hold_out, bound=self._bound
        )

    def _texts(self, indices: Sequence[int]) -> Mapping[str, tuple[str, ...]]:
        scenes = [self.scene(index) for index in indices]
        return {
            "caption": tuple(caption(scene) for scene in scenes),
            "summary": tuple(summary(scene) for scene in scenes),
        }


def describe_synthetic(options: SyntheticOptions) -> DataSpec:
    """Return the spec of the drawn images with these options."""
    return _labeled("aircraft_damage_synthetic", (options.image_size, options.image_size))


def load_synthetic(options: SyntheticOptions) -> Mapping[str, Split]:
    """Return the splits of the drawn images; nothing is drawn yet."""
    data = describe_synthetic(options)
    return {
        split: SceneSplit(data, options.split_seed, split, count, hold_out=options.hold_out)
        for split, count in _counts(options).items()
    }


def describe_captions(options: SyntheticCaptionOptions) -> DataSpec:
    """Return the spec of the captioned images; nothing is drawn for their vocabulary."""
    return _captioned(options.image_size, _vocabulary())


def load_captions(options: SyntheticCaptionOptions) -> Mapping[str, Split]:
    """Return the splits of the captioned images; nothing is drawn yet."""
    data = describe_captions(options)
    hold_out: HoldOut = "half" if options.hold_out == "combinations" else "none"
    return {
        split: CaptionedSceneSplit(data, options.split_seed, split, count, hold_out=hold_out)
        for split, count in _counts(options).items()
    }


def describe_photos(options: PhotoOptions) -> DataSpec:
    """Return the spec of the photos with these options."""
    return _labeled("aircraft_damage", options.image_size)


def load_photos(options: PhotoOptions) -> Mapping[str, Split]:
    """Load the photos in the three splits of a course.

    The archive holds ``aircraft_damage_dataset_v1/{train,valid,test}/{crack,dent}/*.jpg``. It is
    unpacked once, beside the downloaded files, into a folder named by the archive's SHA-256.

    Raises:
        DatasetUnavailable: If it cannot be downloaded now.
        ChecksumMismatch: If it is not the archive that was there first.
        UnsafeArchive: If it holds anything but files in folders.
        BadRecord: If a file is no image.
        DataError: If it has other splits or classes.
    """
    path = Path(options.file).expanduser() if options.file else fetch(PHOTOS_REMOTE)
    if not path.exists():
        raise BadRecord(
            "there is no such file or folder",
            file=str(path),
            fix="file names the archive, or the folder with train, valid and test",
        )
    folder = _split_folder(path if path.is_dir() else _unpacked(path))
    photos = open_image_folder(folder, ImageOptions(image_size=options.image_size, channels=3))
    if photos.spec.labels != KINDS:
        raise DataError(
            f"{folder} has the classes {', '.join(photos.spec.labels)}",
            why="the photos of aircraft damage are divided into crack and dent",
            fix=f"zoo train NAME --data {folder} uses the folder as your own data",
        )
    return {name: photos.split(name) for name in ("train", "validation", "test")}


def _unpacked(path: Path) -> Path:
    folder = cache_dir() / "datasets" / f"aircraft_damage-{sha256_file(path)[:16]}"
    return unpack_tar(path, folder, _is_photo, max_member=_LARGEST_PHOTO)


def _is_photo(name: str) -> bool:
    place = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in place.parts)
    return place.suffix.lower() in _PHOTO_SUFFIXES and not hidden


def _split_folder(path: Path) -> Path:
    """Return the folder of the splits: this one, or the only one in it."""
    for folder in (path, *sorted(entry for entry in path.iterdir() if entry.is_dir())):
        if all((folder / split).is_dir() for split in _PHOTO_SPLITS):
            return folder
    raise DataError(
        f"{path} does not have the folders train, valid and test",
        why="the archive of aircraft damage has them, with a folder for crack and for dent in each",
        fix=f"zoo train NAME --data {path} uses the folder as your own data",
    )


def _counts(options: SyntheticOptions) -> dict[SplitName, int]:
    return {
        "train": options.examples,
        "validation": options.validation_examples,
        "test": options.test_examples,
    }


def _pixels(size: tuple[int, int]) -> TensorSpec:
    return TensorSpec(name="image", shape=(*size, 3), dtype="uint8", range=(0, 255), role="image")


def _labeled(name: str, size: tuple[int, int]) -> DataSpec:
    label = TensorSpec(name="label", dtype="int64", labels=KINDS)
    return DataSpec(id=name, task=Task.CLASSIFICATION, inputs=(_pixels(size),), targets=(label,))


def _captioned(size: int, known: tuple[str, ...] = ()) -> DataSpec:
    text = TextSpec(split="words", vocabulary=known, max_length=MAX_LENGTH, prompts=PROMPTS)
    return caption_spec("aircraft_captions_synthetic", _pixels((size, size)), text, summary=True)


@functools.cache
def _vocabulary() -> tuple[str, ...]:
    known = vocabulary()
    prompted = sorted({word for _, prompt in PROMPTS for word in split_words(prompt)} - set(known))
    return (*SPECIAL_TOKENS, *known, *prompted)


SYNTHETIC = NamedDataset(
    spec=describe_synthetic(SyntheticOptions()),
    summary="drawn close-ups of an aircraft's skin with one crack or one dent each, and their "
    "captions",
    size="2,800 images",
    license="Apache-2.0",
    source="drawn by the rules of zoo_aircraft",
    offline=True,
    options=SyntheticOptions,
    describe=describe_synthetic,
    load=load_synthetic,
)
CAPTIONS = NamedDataset(
    spec=_captioned(SIDE),
    summary="drawn close-ups of an aircraft's skin, a caption of one sentence and a summary of two "
    "for each",
    size="37,500 images",
    license="Apache-2.0",
    source="drawn by the rules of zoo_aircraft",
    offline=True,
    options=SyntheticCaptionOptions,
    describe=describe_captions,
    load=load_captions,
)
PHOTOS = NamedDataset(
    spec=describe_photos(PhotoOptions()),
    summary="446 photos of cracks and dents in aircraft, in three given splits",
    size="446 images",
    license="CC BY 4.0",
    source="Aircraft Damage Detection by Youssef Donia (Roboflow Universe), as a course of IBM "
    "Skills Network divides it",
    offline=False,
    options=PhotoOptions,
    describe=describe_photos,
    load=load_photos,
)
