"""Picture files as pixels of one shape: decoded once and kept, or each time they are asked for."""

from __future__ import annotations

import hashlib
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
"""A split whose decoded pictures take more bytes (1 GiB) is decoded as it is used instead."""

Shape = tuple[int, int, int]
"""Height, width, channels."""


class ImageFiles:
    """Pictures on disk, each brought to one shape.

    Up to ``bound`` bytes they are decoded once, when first asked for, and kept; above it
    :meth:`take` decodes just those that are asked for.

    Args:
        files: The pictures.
        shape: Height, width, channels that every picture is brought to.
        padded: Whether their aspect is kept.
        bound: Bytes of decoded pictures that may be kept in memory.

    Attributes:
        files: As given.
        fits: Whether all of them may be kept in memory.
    """

    def __init__(
        self,
        files: Sequence[Path],
        shape: Shape,
        *,
        padded: bool = False,
        bound: int = MEMORY_BOUND,
    ) -> None:
        self.files = tuple(files)
        self._shape, self._padded = shape, padded
        self.fits = len(self.files) * shape[0] * shape[1] * shape[2] <= bound
        self._kept: Image | None = None

    def __len__(self) -> int:
        return len(self.files)

    def take(self, indices: npt.NDArray[Any]) -> Image:
        """Return the pictures at these positions.

        Raises:
            BadRecord: If a picture cannot be decoded.
        """
        chosen = np.asarray(indices)
        return self.all()[chosen] if self.fits else self._decode(chosen)

    def all(self) -> Image:
        """Return every picture, read-only; they are kept from then on.

        Raises:
            BadRecord: If a picture cannot be decoded.
        """
        if self._kept is None:
            self._kept = self._decode(np.arange(len(self.files)))
            self._kept.flags.writeable = False
        return self._kept

    def digests(self) -> list[str]:
        """Return the SHA-256 of each file's bytes.

        Raises:
            BadRecord: If a file is gone, empty, or a PNG whose checksums do not hold.
        """
        return [_digest(file) for file in self.files]

    def _decode(self, indices: npt.NDArray[Any]) -> Image:
        pixels = np.empty((len(indices), *self._shape), np.uint8)
        for place, index in enumerate(indices.tolist()):
            picture = read_image(self.files[index])
            pixels[place] = fit_image(picture, *self._shape, padded=self._padded)
        return pixels


def image_shape(files: Sequence[Path], options: ImageOptions, path: Path) -> Shape:
    """Return the shape that pictures are brought to: what is asked for, else what they have.

    Args:
        files: The pictures; their headers are read where something is not asked for.
        options: What is asked for.
        path: Where they are, for the errors.

    Raises:
        BadRecord: If a file is no picture.
        ConfigError: If the pictures differ in size, and no size is asked for; if it is too large.
    """
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


def image_tensor(shape: Shape, *, padded: bool) -> TensorSpec:
    """Return what pictures of that shape are to a model."""
    return TensorSpec(
        name="image",
        shape=shape,
        dtype="uint8",
        range=(0, 255),
        outside=PADDED if padded else "",
    )


def _digest(file: Path) -> str:
    try:
        data = read_regular(file)
    except OSError as error:
        raise BadRecord(f"cannot be read: {error.strerror}", file=str(file)) from error
    check_image(file, data)
    return hashlib.sha256(data).hexdigest()
