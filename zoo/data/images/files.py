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
from zoo.errors import BadRecord, ConfigError, Finding
from zoo.files import read_regular
from zoo.runtime.images import PADDED, Image, check_image, fit_image, probe_image, read_image
from zoo.spec import TensorSpec

MEMORY_BOUND = 1 << 30
"""The most bytes of decoded images that a split keeps in memory (1 GiB)."""

Shape = tuple[int, int, int]
"""Height, width, channels."""


class ImageCache:
    """Resized images that were decoded before their split was drawn, each handed out once.

    Args:
        shape: Height, width, channels of the resized images.
        padded: Whether their aspect ratio is kept, and the rest padded.
        bound: The most bytes to keep.
    """

    def __init__(self, shape: Shape, *, padded: bool, bound: int) -> None:
        self.shape, self._padded = shape, padded
        self._most = bound // math.prod(shape)
        self._images: dict[Path, Image] = {}

    def put(self, file: Path, image: Image) -> None:
        """Keep an image, if there is room."""
        if len(self._images) < self._most:
            self._images[file] = fit_image(image, *self.shape, padded=self._padded)

    def pop(self, file: Path) -> Image | None:
        """Return an image and forget it, or ``None`` if it is not here."""
        return self._images.pop(file, None)


class ImageFiles:
    """Images on disk, each resized to one shape.

    Up to ``bound`` bytes they are decoded once, at the first read, and kept; above it
    :meth:`take` decodes only the images it returns.

    Args:
        files: The image files.
        shape: Height, width, channels of the resized images.
        padded: Whether their aspect ratio is kept, and the rest padded.
        bound: The most bytes of decoded images to keep in memory.
        cache: Images of that shape that are decoded already.

    Attributes:
        files: The image files.
        fits: Whether all of them are kept in memory.
    """

    def __init__(
        self,
        files: Sequence[Path],
        shape: Shape,
        *,
        padded: bool = False,
        bound: int = MEMORY_BOUND,
        cache: ImageCache | None = None,
    ) -> None:
        self.files = tuple(files)
        self._shape, self._padded, self._cache = shape, padded, cache
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
        return [_digest(file) for file in self.files]

    def _decode(self, indices: npt.NDArray[Any]) -> Image:
        pixels = np.empty((len(indices), *self._shape), np.uint8)
        for place, index in enumerate(indices.tolist()):
            file = self.files[index]
            image = self._cache.pop(file) if self._cache is not None else None
            if image is None:
                image = fit_image(read_image(file), *self._shape, padded=self._padded)
            pixels[place] = image
        return pixels


def image_shape(files: Sequence[Path], options: ImageOptions, path: Path) -> Shape:
    """Return the shape to resize images to: that of the options, or that of the images.

    Args:
        files: The image files; their headers are read if an option is missing.
        options: Size and channels.
        path: Where they are, for the errors.

    Raises:
        BadRecord: If a file is no image.
        ConfigError: If the images differ in size and there is no option, or if they are too large.
    """
    size, depth = options.image_size, int(options.channels or 0)
    if size is None or not depth:
        shapes = {probe_image(file) for file in files}
        sizes = sorted({shape[:2] for shape in shapes})
        if size is None and len(sizes) > 1:
            small, large = (f"{height}x{width}" for height, width in (sizes[0], sizes[-1]))
            raise ConfigError(
                f"the images in {path} have {len(sizes)} sizes, from {small} to {large}",
                findings=[Finding("image_size", None, "the height x width that the model sees")],
                fix="choose one: image_size=64 stretches every image to 64 x 64, or keeps its "
                "aspect ratio, with image_fit=pad too",
            )
        size = size or sizes[0]
        depth = depth or max(shape[2] for shape in shapes)
    if max(size) > MAX_SIDE:
        raise ConfigError(
            f"the images in {path} are {size[0]} x {size[1]} pixels",
            findings=[Finding("image_size", None, f"at most {MAX_SIDE} pixels a side")],
            fix="image_size=224 makes them smaller",
        )
    return (*size, depth)


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


def _digest(file: Path) -> str:
    try:
        data = read_regular(file)
    except OSError as error:
        raise BadRecord(f"cannot be read: {error.strerror}", file=str(file)) from error
    check_image(file, data)
    return hashlib.sha256(data).hexdigest()
