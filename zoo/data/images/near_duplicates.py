"""Find near duplicates among images: frames of one scene, copies that were saved again.

An image that was trained on, slightly changed, measures a model's memory. So images are compared by
a difference hash (Krawetz 2013, "Kind of like that"): gray, stretched to 48 x 48 and then to 8 rows
of 9, with one bit for each of the 64 pairs of neighbors that becomes darker to the right.
Brightness, contrast, size, noise and compression change few of these bits. Bits of plain areas say
little, so the gray images, stretched to 16 x 16, must also correlate.

Two images are near if at most ``MAX_DISTANCE`` bits differ and the correlation is at least
``MIN_CORRELATION``; a group is a connected component of near images, of any class. An image that is
plain, or has a side below ``MIN_SIDE`` pixels, is near to none: small images are mostly symbols,
which look alike without being copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zoo.data.images.files import ImageReader
from zoo.data.splits import Indices
from zoo.errors import BadRecord
from zoo.files import is_file
from zoo.runtime.image_formats import Image

MAX_DISTANCE = 10
"""The most bits of 64 that differ between near images."""

MIN_CORRELATION = 0.95
"""The least correlation of the 256 gray levels of near images."""

MIN_SIDE = 32
"""The least height and width, in pixels, of an image that is compared."""

_BLOCK = 1_024
"""The most images that are compared with as many others at once."""

_BATCH = 4 << 20
"""The most pixels of images of one shape that are hashed at once."""

_MANY = 0.02
"""The share of pairs of a block from which on all of its pairs are correlated."""

Grays = npt.NDArray[np.float32]
ImageHash = tuple[int, Grays]
"""The 64 bits of an image, and its 256 gray levels, of mean 0 and length 1."""


def image_hashes(images: Sequence[Image]) -> list[ImageHash | None]:
    """Return the perceptual hashes of images of one shape, ``None`` for too small or plain ones.

    Args:
        images: Gray images, uint8 ``[height, width]`` each.
    """
    if not images or min(images[0].shape) < MIN_SIDE:
        return [None] * len(images)
    small = _stretched(np.stack(images), 48, 48)
    gray = _stretched(small, 16, 16).reshape(len(images), -1).astype(np.float32)
    gray -= gray.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.einsum("ij,ij->i", gray, gray))
    steps = _stretched(small, 8, 9)
    darker = steps[:, :, :-1] > steps[:, :, 1:]
    bits = np.packbits(darker.reshape(len(images), -1), axis=1).view(">u8")[:, 0]
    gray /= np.maximum(lengths, 1.0)[:, None]
    return [
        (bit, row) if length >= 1.0 else None
        for bit, row, length in zip(bits.tolist(), gray, lengths.tolist(), strict=True)
    ]


def near_groups(files: Sequence[Path], reader: ImageReader) -> Indices:
    """Return one group index per file, from 0: near images share it.

    Every image is decoded, once, and compared with every other. A file that cannot be
    decoded is a group of its own; reading its pixels reports it.

    Args:
        files: The image files.
        reader: Decodes them, and keeps their pixels.

    Raises:
        BadRecord: If a file is gone.
        ConfigError: If the images differ in size, and no size is given.
    """
    hashes = _hashes(files, reader)
    known = np.array([place for place, one in enumerate(hashes) if one is not None], np.int64)
    owner = np.arange(len(files))
    for left, right in near_pairs([one for one in hashes if one is not None]):
        _join(owner, known[left], known[right])
    return np.unique(owner, return_inverse=True)[1].astype(np.int64)


def near_pairs(hashes: Sequence[ImageHash]) -> Iterator[tuple[Indices, Indices]]:
    """Yield the positions of near images, block by block.

    Bits are compared first; only where few differ are gray levels correlated.
    """
    if not hashes:
        return
    bits = np.array([found[0] for found in hashes], np.uint64)
    grays = np.stack([found[1] for found in hashes])
    for start in range(0, len(bits), _BLOCK):
        rows = slice(start, start + _BLOCK)
        for other in range(start, len(bits), _BLOCK):
            columns = slice(other, other + _BLOCK)
            near = np.bitwise_count(bits[rows, None] ^ bits[None, columns]) <= MAX_DISTANCE
            if other == start:
                near = np.triu(near, 1)
            if np.count_nonzero(near) > _MANY * near.size:
                near &= grays[rows] @ grays[columns].T >= MIN_CORRELATION
            left, right = np.divmod(np.flatnonzero(near), near.shape[1])
            left, right = left + start, right + other
            alike = np.einsum("ij,ij->i", grays[left], grays[right]) >= MIN_CORRELATION
            if alike.any():
                yield left[alike], right[alike]


def _hashes(files: Sequence[Path], reader: ImageReader) -> list[ImageHash | None]:
    """Return the hashes of files; images of one shape that follow each other are hashed at once."""
    hashes: list[ImageHash | None] = []
    pending: list[Image] = []
    for file in files:
        try:
            image = reader.read(file)
        except BadRecord:
            if not is_file(file):
                raise
            gray = np.zeros((1, 1), np.uint8)  # near to none
        else:
            if not reader.keep(file, image):
                reader.shape(files)
            gray = np.asarray(image if image.mode == "L" else image.convert("L"))
        if pending and (pending[0].shape != gray.shape or len(pending) * gray.size >= _BATCH):
            hashes += image_hashes(pending)
            pending = []
        pending.append(gray)
    return hashes + image_hashes(pending)


def _stretched(images: Image, height: int, width: int) -> Image:
    """Resize gray images, ``[images, height, width]``, as ``fit_image`` resizes each of them."""
    # Rows are resized one by one, so the rows of all images can be those of a single one.
    turned = _wide(images, width).transpose(0, 2, 1)
    return _wide(turned, height).transpose(0, 2, 1)


def _wide(images: Image, width: int) -> Image:
    import PIL.Image

    rows = np.ascontiguousarray(images).reshape(-1, images.shape[2])
    tall = PIL.Image.fromarray(rows).resize((width, len(rows)), PIL.Image.Resampling.BILINEAR)
    return np.asarray(tall).reshape(len(images), images.shape[1], width)


def _join(owner: Indices, left: Indices, right: Indices) -> None:
    """Merge the groups of pairs; ``owner`` holds the smallest position of each group."""
    while True:
        one, other = owner[left], owner[right]
        if (one == other).all():
            return
        np.minimum.at(owner, np.maximum(one, other), np.minimum(one, other))
        while (owner[owner] != owner).any():
            owner[:] = owner[owner]
