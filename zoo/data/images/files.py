"""Image files as pixels of one shape: decoded once and kept, or whenever they are read."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.options import MAX_SIDE, ImageOptions
from zoo.errors import ConfigError, Finding
from zoo.runtime.image_formats import Image, PillowImage
from zoo.runtime.images import (
    PADDED,
    check_image,
    fit_image,
    open_image,
    probe_image,
    read_bytes,
)
from zoo.spec import TensorSpec

MEMORY_BOUND = 1 << 30
"""The most bytes of decoded images that a split keeps in memory (1 GiB)."""

Shape = tuple[int, int, int]
"""Height, width, channels."""


class ImageReader:
    """Image files, each read once: its digest, its size and, up to a bound, its pixels.

    Args:
        path: Where they are, for the errors.
        options: Size and channels.
        bound: The most bytes of pixels to keep.

    Attributes:
        digests: The SHA-256 of the files that were read.
        shapes: The shapes of the images that were decoded.
    """

    def __init__(self, path: Path, options: ImageOptions, *, bound: int) -> None:
        self._path, self._options, self._room = path, options, bound
        self._padded = options.image_fit == "pad"
        self._images: dict[Path, Image] = {}
        self.digests: dict[Path, str] = {}
        self.shapes: dict[Path, Shape] = {}

    def read(self, file: Path) -> PillowImage:
        """Decode an image.

        Raises:
            BadRecord: If it cannot be decoded.
        """
        data = read_bytes(file)
        image = open_image(data, file)
        self.digests[file] = hashlib.sha256(data).hexdigest()
        self.shapes[file] = (image.height, image.width, len(image.mode))
        return image

    def keep(self, file: Path, image: PillowImage) -> bool:
        """Keep the pixels of an image, resized, if there is room, for one :meth:`fitted`.

        Returns:
            Whether the model can see it: a size was asked for, or it is that of the first image.
        """
        size = self._options.image_size or next(iter(self.shapes.values()))[:2]
        shape = (*size, self._options.channels or len(image.mode))
        if self._options.image_size is None and (image.height, image.width) != size:
            return False
        if math.prod(shape) <= self._room:
            self._room -= math.prod(shape)
            self._images[file] = fit_image(image, *shape, padded=self._padded)
        return True

    def fitted(self, file: Path, shape: Shape) -> Image:
        """Return an image in a shape; pixels that were kept are given away.

        Raises:
            BadRecord: If it cannot be decoded.
        """
        kept = self._images.pop(file, None)
        if kept is None:
            return fit_image(self.read(file), *shape, padded=self._padded)
        self._room += kept.nbytes
        return fit_image(kept, *shape)  # Gray of a folder that has color too.

    def digest(self, file: Path) -> str:
        """Return the SHA-256 of a file's bytes.

        Raises:
            BadRecord: If it is gone, empty, or damaged.
        """
        if file not in self.digests:
            data = read_bytes(file)
            check_image(file, data)
            self.digests[file] = hashlib.sha256(data).hexdigest()
        return self.digests[file]

    def shape(self, files: Sequence[Path]) -> Shape:
        """Return the shape to resize images to: that of the options, or that of the images.

        Args:
            files: The image files; headers are read if an option is missing.

        Raises:
            BadRecord: If a file is no image.
            ConfigError: If the images differ in size and there is no option, or are too large.
        """
        size, depth = self._options.image_size, int(self._options.channels or 0)
        if size is None or not depth:
            shapes = {self.shapes.get(file) or probe_image(file) for file in files}
            sizes = sorted({shape[:2] for shape in shapes})
            if size is None and len(sizes) > 1:
                small, large = (f"{height}x{width}" for height, width in (sizes[0], sizes[-1]))
                raise ConfigError(
                    f"the images in {self._path} have {len(sizes)} sizes, from {small} to {large}",
                    findings=[
                        Finding("image_size", None, "the height x width that the model sees")
                    ],
                    fix="choose one: image_size=64 stretches every image to 64 x 64, or keeps its "
                    "aspect ratio, with image_fit=pad too",
                )
            size = size or sizes[0]
            depth = depth or max(shape[2] for shape in shapes)
        if max(size) > MAX_SIDE:
            raise ConfigError(
                f"the images in {self._path} are {size[0]} x {size[1]} pixels",
                findings=[Finding("image_size", None, f"at most {MAX_SIDE} pixels a side")],
                fix="image_size=224 makes them smaller",
            )
        return (*size, depth)


class ImageFiles:
    """Images on disk, each resized to one shape.

    Up to ``bound`` bytes they are decoded once, at the first read, and kept; above it
    :meth:`take` decodes only the images it returns.

    Args:
        files: The image files.
        shape: Height, width, channels of the resized images.
        reader: Reads them.
        bound: The most bytes of decoded images to keep in memory.

    Attributes:
        files: The image files.
        fits: Whether all of them are kept in memory.
    """

    def __init__(
        self,
        files: Sequence[Path],
        shape: Shape,
        reader: ImageReader,
        *,
        bound: int = MEMORY_BOUND,
    ) -> None:
        self.files = tuple(files)
        self._shape, self._reader = shape, reader
        self.fits = len(self.files) * math.prod(shape) <= bound
        self._kept: Image | None = None

    def __len__(self) -> int:
        return len(self.files)

    def take(self, indices: npt.NDArray[Any]) -> Image:
        """Return the images at these positions.

        Raises:
            BadRecord: If an image cannot be decoded.
        """
        chosen = np.asarray(indices)
        return self.all()[chosen] if self.fits else self._decode(chosen)

    def all(self) -> Image:
        """Return every image, read-only, and keep them.

        Raises:
            BadRecord: If an image cannot be decoded.
        """
        if self._kept is None:
            self._kept = self._decode(np.arange(len(self.files)))
            self._kept.flags.writeable = False
        return self._kept

    def digests(self) -> list[str]:
        """Return the SHA-256 of each file's bytes.

        Raises:
            BadRecord: If a file is gone, empty, or damaged.
        """
        return [self._reader.digest(file) for file in self.files]

    def _decode(self, indices: npt.NDArray[Any]) -> Image:
        pixels = np.empty((len(indices), *self._shape), np.uint8)
        for place, index in enumerate(indices.tolist()):
            pixels[place] = self._reader.fitted(self.files[index], self._shape)
        return pixels


def image_tensor(shape: Shape, *, padded: bool) -> TensorSpec:
    """Return the spec of images of that shape."""
    return TensorSpec(
        name="image",
        shape=shape,
        dtype="uint8",
        range=(0, 255),
        role="image",
        outside=PADDED if padded else "",
    )
