"""Labeled images in class folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.class_folders import ClassFiles, FileKind, list_class_folders
from zoo.data.dataset import Dataset
from zoo.data.images.files import MEMORY_BOUND, ImageFiles, ImageReader, Shape, image_tensor
from zoo.data.images.near_duplicates import near_groups
from zoo.data.options import ImageOptions
from zoo.data.splits import stratified_groups
from zoo.files import sha256_json
from zoo.runtime.image_formats import SUFFIXES
from zoo.spec import Arrays, DataSpec, Split, Task, TensorSpec

_KIND = FileKind("an image", "images", tuple(SUFFIXES))


class ImageFolderSplit:
    """Labeled images on disk, kept in memory up to a bound: see :class:`ImageFiles`.

    Args:
        files: The image files.
        labels: One class index per image.
        shape: Height, width, channels of the resized images.
        reader: Reads them.
        bound: The most bytes of decoded images to keep in memory.
    """

    def __init__(
        self,
        files: Sequence[Path],
        labels: npt.NDArray[np.int64],
        shape: Shape,
        reader: ImageReader,
        *,
        bound: int = MEMORY_BOUND,
    ) -> None:
        self._images = ImageFiles(files, shape, reader, bound=bound)
        self._labels = np.ascontiguousarray(labels)
        self._labels.flags.writeable = False

    def __len__(self) -> int:
        return len(self._images)

    def take(self, indices: npt.NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the images and the classes at these positions.

        Raises:
            BadRecord: If an image cannot be decoded.
        """
        chosen = np.asarray(indices)
        return {"image": self._images.take(chosen)}, {"label": self._labels[chosen]}

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` above the bound.

        Raises:
            BadRecord: If an image cannot be decoded.
        """
        if not self._images.fits:
            return None
        return {"image": self._images.all()}, {"label": self._labels}

    def targets(self) -> Arrays:
        """Return the classes, without decoding an image."""
        return {"label": self._labels}

    def digest(self) -> str:
        """Return the SHA-256 over the files' bytes and classes in their order.

        Raises:
            BadRecord: If a file is gone, empty, or damaged.
        """
        pairs = zip(self._images.digests(), self._labels.tolist(), strict=True)
        return sha256_json([list(pair) for pair in pairs])


def open_image_folder(path: Path, options: ImageOptions, *, bound: int = MEMORY_BOUND) -> Dataset:
    """Read a folder with one folder of images per class.

    Missing splits are drawn from ``train``, with near duplicates in one split (see
    :mod:`zoo.data.images.near_duplicates`). If none is drawn only headers are read here.

    Args:
        path: The folder.
        options: Size, channels, shares, seed, treatment of near duplicates.
        bound: See :class:`ImageFolderSplit`.

    Raises:
        BadRecord: If a file is no image.
        DataError: If there are no classes, only one, or different ones in different splits.
        ConfigError: If the images differ in size, and no size is given.

    Example:
        >>> for name in ("cat", "dog"):
        ...     Path("pets", name).mkdir(parents=True)
        ...     for number in range(4):
        ...         gray = np.full((8, 8), 20 * number + 7 * len(name), np.uint8)
        ...         Image.fromarray(gray).save(Path("pets", name, f"{number}.png"))
        >>> pets = open_image_folder(Path("pets"), ImageOptions(near_duplicates="ignore"))
        >>> pets.spec.labels, pets.sizes()["train"]
        (('cat', 'dog'), 4)
    """
    found = list_class_folders(path, _KIND)
    return images_dataset(found, path.resolve().name, path, options, bound=bound)


def images_dataset(
    found: ClassFiles, name: str, path: Path, options: ImageOptions, *, bound: int = MEMORY_BOUND
) -> Dataset:
    """Return the dataset of image files with a class each, as :func:`open_image_folder` does.

    Args:
        found: The files and classes of each split; missing splits are drawn from ``train``.
        name: Id of the data.
        path: Where they are, for the errors.
        options: Size, channels, shares, seed, treatment of near duplicates.
        bound: See :class:`ImageFolderSplit`.
    """
    drawn = "test" not in found.files
    train = found.files["train"]
    shares = options.shares(given=found.files)
    groups = np.arange(len(train))
    reader = ImageReader(path, options, bound=bound)
    if options.near_duplicates == "together" and any(shares.values()):
        groups = near_groups(train, reader)
    parts = stratified_groups(
        found.labels["train"], groups, **shares, seed=options.split_seed, names=found.names
    )
    found = found.divide_train(parts)
    shape = reader.shape([file for part in found.files.values() for file in part])
    splits: dict[str, Split] = {
        split: ImageFolderSplit(files, found.labels[split], shape, reader, bound=bound)
        for split, files in found.files.items()
    }
    label = TensorSpec(name="label", dtype="int64", labels=found.names)
    spec = DataSpec(
        id=name,
        task=Task.CLASSIFICATION,
        inputs=(image_tensor(shape, padded=options.image_fit == "pad"),),
        targets=(label,),
    )
    dataset = Dataset(spec, lambda: splits)
    dataset.drawn = drawn
    if near := len(groups) - len(np.unique(groups)):
        dataset.notes = (
            f"{near} of {len(groups)} images are near duplicates of another: those that look alike "
            "stay in one split (near_duplicates=ignore turns this off)",
        )
    return dataset
