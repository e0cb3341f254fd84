"""A user's pictures: a folder a class, in one set or already divided into splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.class_folders import Kind, divide
from zoo.data.dataset import Dataset
from zoo.data.folds import stratified_groups
from zoo.data.near_duplicates import near_groups
from zoo.data.options import MAX_SIDE, ImageOptions
from zoo.data.splits import Indices
from zoo.errors import BadRecord, ConfigError, Finding
from zoo.files import sha256_json
from zoo.runtime.images import (
    PADDED,
    SUFFIXES,
    Image,
    check_image,
    fit_image,
    probe_image,
    read_image,
)
from zoo.spec import Arrays, DataSpec, Split, Task, TensorSpec

MEMORY_BOUND = 1 << 30
"""A split whose decoded pictures take more bytes (1 GiB) is decoded as it is used instead."""

_KIND = Kind("picture", "pictures", tuple(SUFFIXES))


class ImageFolderSplit:
    """Pictures on disk, with a class each.

    Up to ``bound`` bytes they are decoded once, when first asked for, and kept; above it
    ``take`` decodes just those that are asked for, and ``arrays`` returns ``None``.

    Args:
        files: The pictures.
        labels: A class index each.
        shape: Height, width, channels that every picture is brought to.
        padded: Whether their aspect is kept.
        bound: Bytes of decoded pictures that may be kept in memory.
    """

    def __init__(
        self,
        files: Sequence[Path],
        labels: npt.NDArray[np.int64],
        shape: tuple[int, int, int],
        *,
        padded: bool = False,
        bound: int = MEMORY_BOUND,
    ) -> None:
        self._files = list(files)
        self._labels = np.ascontiguousarray(labels)
        self._labels.flags.writeable = False
        self._shape, self._padded = shape, padded
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
            picture = read_image(self._files[index])
            pixels[place] = fit_image(picture, *self._shape, padded=self._padded)
        return pixels


def open_folder(path: Path, options: ImageOptions, *, bound: int = MEMORY_BOUND) -> Dataset:
    """Read a folder with one folder of pictures a class.

    Above the class folders there may be ``train``, ``validation`` (or ``valid``, ``val``) and
    ``test``; what is missing of the latter two is drawn from ``train``, with near duplicates (see
    :mod:`zoo.data.near_duplicates`) on one side. Where nothing is drawn only headers are read
    here. Names are taken in sorted order, whatever order the file system has.

    Args:
        path: The folder.
        options: Size, channels, shares, seed, and what happens to near duplicates.
        bound: See :class:`ImageFolderSplit`.

    Raises:
        BadRecord: If a file is no picture.
        DataError: If there are no classes, only one, or different ones in different splits.
        ConfigError: If the pictures differ in size, and no size is asked for.
    """

    def draw(
        files: Sequence[Path],
        labels: npt.NDArray[np.int64],
        names: tuple[str, ...],
        shares: Mapping[str, float],
    ) -> dict[str, Indices]:
        together = options.near_duplicates == "together" and any(shares.values())
        groups = near_groups(files) if together else np.arange(len(files))
        return stratified_groups(
            labels,
            groups,
            validation=shares["validation"],
            test=shares["test"],
            seed=options.split_seed,
            names=names,
        )

    divided = divide(path, options, _KIND, draw)
    files = [file for group in divided.files.values() for file in group]
    shape = _shape(files, options, path)
    padded = options.image_fit == "pad"
    splits: dict[str, Split] = {
        split: ImageFolderSplit(group, divided.labels[split], shape, padded=padded, bound=bound)
        for split, group in divided.files.items()
    }
    image = TensorSpec(
        name="image",
        shape=shape,
        dtype="uint8",
        range=(0, 255),
        outside=PADDED if padded else "",
    )
    label = TensorSpec(name="label", dtype="int64", labels=divided.names)
    spec = DataSpec(
        id=path.resolve().name, task=Task.CLASSIFICATION, inputs=(image,), targets=(label,)
    )
    return Dataset(spec, lambda: splits)


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
                fix="choose one: image_size=64 stretches every picture to 64 x 64, or keeps "
                "their aspect, with image_fit=pad too",
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
