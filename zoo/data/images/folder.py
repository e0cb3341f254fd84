"""A user's pictures: a folder a class, in one set or already divided into splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.class_folders import Kind, divide
from zoo.data.dataset import Dataset
from zoo.data.images.files import MEMORY_BOUND, ImageFiles, Shape, image_shape, image_tensor
from zoo.data.images.near_duplicates import near_groups
from zoo.data.options import ImageOptions
from zoo.data.splits import Indices, stratified_groups
from zoo.files import sha256_json
from zoo.runtime.images import SUFFIXES
from zoo.spec import Arrays, DataSpec, Split, Task, TensorSpec

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
        shape: Shape,
        *,
        padded: bool = False,
        bound: int = MEMORY_BOUND,
    ) -> None:
        self._photos = ImageFiles(files, shape, padded=padded, bound=bound)
        self._labels = np.ascontiguousarray(labels)
        self._labels.flags.writeable = False

    def __len__(self) -> int:
        return len(self._photos)

    def take(self, indices: npt.NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the pictures and the classes at these positions.

        Raises:
            BadRecord: If a picture cannot be decoded.
        """
        chosen = np.asarray(indices)
        return {"image": self._photos.take(chosen)}, {"label": self._labels[chosen]}

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` above the bound.

        Raises:
            BadRecord: If a picture cannot be decoded.
        """
        if not self._photos.fits:
            return None
        return {"image": self._photos.all()}, {"label": self._labels}

    def digest(self) -> str:
        """Return the SHA-256 over the files' bytes and classes in their order.

        Raises:
            BadRecord: If a file is gone, empty, or a PNG whose checksums do not hold.
        """
        pairs = zip(self._photos.digests(), self._labels.tolist(), strict=True)
        return sha256_json([list(pair) for pair in pairs])


def open_folder(path: Path, options: ImageOptions, *, bound: int = MEMORY_BOUND) -> Dataset:
    """Read a folder with one folder of pictures a class.

    Above the class folders there may be ``train``, ``validation`` (or ``valid``, ``val``) and
    ``test``; what is missing of the latter two is drawn from ``train``, with near duplicates (see
    :mod:`zoo.data.images.near_duplicates`) on one side. Where nothing is drawn only headers are
    read. Names are taken in sorted order, whatever order the file system has.

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
    shape = image_shape(files, options, path)
    padded = options.image_fit == "pad"
    splits: dict[str, Split] = {
        split: ImageFolderSplit(group, divided.labels[split], shape, padded=padded, bound=bound)
        for split, group in divided.files.items()
    }
    image = image_tensor(shape, padded=padded)
    label = TensorSpec(name="label", dtype="int64", labels=divided.names)
    spec = DataSpec(
        id=path.resolve().name, task=Task.CLASSIFICATION, inputs=(image,), targets=(label,)
    )
    return Dataset(spec, lambda: splits)
