"""A user's pictures: a folder a class, in one set or already divided into splits."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.dataset import Dataset
from zoo.data.npz import check_classes
from zoo.data.options import MAX_SIDE, ImageOptions
from zoo.data.splits import stratified_split
from zoo.errors import BadRecord, ConfigError, DataError, Finding
from zoo.files import sha256_json
from zoo.runtime.images import SUFFIXES, Image, check_image, fit_image, probe_image, read_image
from zoo.spec import Arrays, DataSpec, Split, Task, TensorSpec

MEMORY_BOUND = 1 << 30
"""A split whose decoded pictures take more bytes (1 GiB) is decoded as it is used instead."""

_ALIASES = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
_CLUTTER = {"thumbs.db", "desktop.ini"}


class ImageFolderSplit:
    """Pictures on disk, with a class each.

    Up to ``bound`` bytes they are decoded once, when first asked for, and kept; above it
    ``take`` decodes just those that are asked for, and ``arrays`` returns ``None``.

    Args:
        files: The pictures.
        labels: A class index each.
        shape: Height, width, channels that every picture is brought to.
        bound: Bytes of decoded pictures that may be kept in memory.
    """

    def __init__(
        self,
        files: Sequence[Path],
        labels: npt.NDArray[np.int64],
        shape: tuple[int, int, int],
        *,
        bound: int = MEMORY_BOUND,
    ) -> None:
        self._files = list(files)
        self._labels = np.ascontiguousarray(labels)
        self._labels.flags.writeable = False
        self._shape = shape
        self._fits = len(self._files) * shape[0] * shape[1] * shape[2] <= bound
        self._kept: Image | None = None

    def __len__(self) -> int:
        return len(self._files)

    def take(self, indices: npt.NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the pictures and the classes at these positions.

        Raises:
            BadRecord: If a picture cannot be decoded.
        """
        chosen = np.asarray(indices)
        pixels = self._all()[chosen] if self._fits else self._decode(chosen)
        return {"image": pixels}, {"label": self._labels[chosen]}

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` above the bound.

        Raises:
            BadRecord: If a picture cannot be decoded.
        """
        return ({"image": self._all()}, {"label": self._labels}) if self._fits else None

    def digest(self) -> str:
        """Return the SHA-256 over the files' bytes and classes in their order.

        Raises:
            BadRecord: If a file is gone, empty, or a PNG whose checksums do not hold.
        """
        seen = []
        for file, label in zip(self._files, self._labels.tolist(), strict=True):
            try:
                data = file.read_bytes()
            except OSError as error:
                raise BadRecord(f"cannot be read: {error.strerror}", file=str(file)) from error
            check_image(file, data)
            seen.append([hashlib.sha256(data).hexdigest(), label])
        return sha256_json(seen)

    def _all(self) -> Image:
        if self._kept is None:
            self._kept = self._decode(np.arange(len(self._files)))
            self._kept.flags.writeable = False
        return self._kept

    def _decode(self, indices: npt.NDArray[Any]) -> Image:
        pixels = np.empty((len(indices), *self._shape), np.uint8)
        for place, index in enumerate(indices.tolist()):
            pixels[place] = fit_image(read_image(self._files[index]), *self._shape)
        return pixels


def open_folder(path: Path, options: ImageOptions, *, bound: int = MEMORY_BOUND) -> Dataset:
    """Read a folder with one folder of pictures a class.

    Above the class folders there may be ``train``, ``validation`` (or ``valid``, ``val``) and
    ``test``; what is missing of the latter two is drawn from ``train``. Only headers are read
    here. Names are taken in sorted order, whatever order the file system has.

    Args:
        path: The folder.
        options: Size, channels, shares and seed.
        bound: See :class:`ImageFolderSplit`.

    Raises:
        BadRecord: If a file is no picture.
        DataError: If there are no classes, only one, or different ones in different splits.
        ConfigError: If the pictures differ in size, and no size is asked for.
    """
    found = _splits(path)
    classes = found["train"]
    names = tuple(classes)
    if len(names) < 2:
        raise DataError(
            f"{path} has only one class, {names[0]!r}" if names else f"{path} has no classes",
            why="a classifier needs at least two folders, one a class, to tell apart",
            fix="add a folder with pictures of another class",
        )
    for split, other in found.items():
        if unknown := sorted(set(other) - set(names)):
            raise DataError(
                f"{path}: the {split} split has the class {unknown[0]!r}, and train has not",
                why=f"train has {', '.join(names)}; what is never trained on cannot be told",
                fix=f"add a folder {unknown[0]!r} with pictures to train, or leave it out",
            )
    files = {s: [f for name in names for f in other.get(name, [])] for s, other in found.items()}
    labels = {
        split: np.repeat(np.arange(len(names)), [len(other.get(name, [])) for name in names])
        for split, other in found.items()
    }
    for split, present in labels.items():
        check_classes(present, names, split, str(path))
    drawn = stratified_split(
        labels["train"],
        validation=0 if "validation" in found else options.validation_share,
        test=0 if "test" in found else options.test_share,
        seed=options.split_seed,
        names=names,
    )
    shape = _shape([file for group in files.values() for file in group], options, path)
    splits: dict[str, Split] = {}
    for split in ("train", "validation", "test"):
        group = [files["train"][i] for i in drawn[split]] if split in drawn else files[split]
        codes = labels["train"][drawn[split]] if split in drawn else labels[split]
        splits[split] = ImageFolderSplit(group, codes, shape, bound=bound)
    image = TensorSpec(name="image", shape=shape, dtype="uint8", range=(0, 255))
    label = TensorSpec(name="label", dtype="int64", labels=names)
    spec = DataSpec(
        id=path.resolve().name, task=Task.CLASSIFICATION, inputs=(image,), targets=(label,)
    )
    return Dataset(spec, lambda: splits)


def _splits(path: Path) -> dict[str, dict[str, list[Path]]]:
    """Return the files by split and class, everything in sorted order."""
    inside = _entries(path)
    loose = [entry for entry in inside if not entry.is_dir()]
    folders = [entry for entry in inside if entry.is_dir()]
    if not folders:
        raise DataError(
            f"{path} has no folders of pictures in it",
            why="a folder a class is expected: the folder's name is the class",
            fix=f"mkdir {path}/NAME for every class, and move its pictures there",
        )
    divided = {
        entry: _ALIASES[entry.name.lower()] for entry in folders if entry.name.lower() in _ALIASES
    }
    if "train" not in divided.values():
        if loose:
            raise _stray(loose[0], "lies beside the folders of the classes")
        return {"train": _classes(path, folders)}
    if rest := [entry for entry in inside if entry not in divided]:
        raise _stray(rest[0], "lies beside the folders of the splits")
    result: dict[str, dict[str, list[Path]]] = {}
    for folder, split in divided.items():
        if split in result:
            raise DataError(
                f"{path} has two folders for the {split} split",
                why=", ".join(f.name for f, s in divided.items() if s == split) + " mean the same",
                fix="merge them into one",
            )
        content = _entries(folder)
        if stray := [entry for entry in content if not entry.is_dir()]:
            raise _stray(stray[0], "lies beside the folders of the classes")
        result[split] = _classes(folder, content)
    return result


def _classes(path: Path, folders: Sequence[Path]) -> dict[str, list[Path]]:
    classes: dict[str, list[Path]] = {}
    for folder in folders:
        name = _normal(folder.name)
        if name in classes:
            raise DataError(f"{path} has two folders that are both called {name!r}")
        files = _entries(folder)
        if not files:
            raise DataError(
                f"{folder} is empty",
                why="every class needs pictures",
                fix="add pictures to it, or remove the folder",
            )
        for file in files:
            if file.is_dir():
                raise _stray(file, "is a folder inside the folder of a class")
            if file.suffix.lower() not in SUFFIXES:
                raise _stray(file, "is not a picture")
        classes[name] = files
    return classes


def _entries(folder: Path) -> list[Path]:
    try:
        found = [e for e in folder.iterdir() if not e.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error
    return sorted(
        (entry for entry in found if entry.name.lower() not in _CLUTTER),
        key=lambda entry: _normal(entry.name),
    )


def _normal(name: str) -> str:
    """Make one spelling of accented names, which file systems store in two."""
    return unicodedata.normalize("NFC", name)


def _stray(entry: Path, what: str) -> BadRecord:
    return BadRecord(
        what,
        file=str(entry),
        why=f"class folders hold pictures ({', '.join(SUFFIXES)}) and nothing else",
        fix="move it elsewhere",
    )


def _shape(files: Sequence[Path], options: ImageOptions, path: Path) -> tuple[int, int, int]:
    size, channels = options.image_size, options.channels
    if size is None or channels is None:
        shapes = {probe_image(file) for file in files}
        sizes = sorted({shape[:2] for shape in shapes})
        if size is None and len(sizes) > 1:
            small, large = (f"{height}x{width}" for height, width in (sizes[0], sizes[-1]))
            raise ConfigError(
                f"the pictures in {path} have {len(sizes)} sizes, from {small} to {large}",
                findings=[Finding("image_size", None, "the height x width that the model sees")],
                fix="choose one: image_size=64 stretches every picture to 64 x 64",
            )
        size = size or sizes[0]
        depth = channels or max(shape[2] for shape in shapes)
    else:
        depth = channels
    if max(size) > MAX_SIDE:
        raise ConfigError(
            f"the pictures in {path} are {size[0]} x {size[1]} pixels",
            findings=[Finding("image_size", None, f"at most {MAX_SIDE} pixels a side")],
            fix="image_size=224 makes them smaller",
        )
    return (*size, depth)


__all__ = ["MEMORY_BOUND", "ImageFolderSplit", "open_folder"]
