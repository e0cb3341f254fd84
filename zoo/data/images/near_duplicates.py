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
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zoo.data.images.files import ImageReader
from zoo.data.splits import Indices
from zoo.runtime.image_formats import Image, array_of

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

_PART_DISTANCE = MAX_DISTANCE // 4
"""The most bits that differ in one of the four parts of the hashes of near images."""

_FEW = 16_384
"""Fewer images are compared all with all."""

_MANY = 0.05
"""The share of pairs with a part in common from which on all are compared with all."""

_STEP = 1 << 20
"""About the most pairs that are looked at at once."""

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
        BadRecord: If an image cannot be decoded.
        ConfigError: If the images differ in size, and no size is given.
    """
    hashes = _hashes(files, reader)
    known = np.array([place for place, one in enumerate(hashes) if one is not None], np.int64)
    owner = np.arange(len(files))
    for left, right in near_pairs([one for one in hashes if one is not None]):
        _join(owner, known[left], known[right])
    return np.unique(owner, return_inverse=True)[1].astype(np.int64)


def near_pairs(hashes: Sequence[ImageHash]) -> Iterator[tuple[Indices, Indices]]:
    """Yield the positions of near images; a pair may come more than once."""
    if not hashes:
        return
    bits = np.array([found[0] for found in hashes], np.uint64)
    grays = np.stack([found[1] for found in hashes])
    parts = _parts(bits)
    some = parts[:: max(1, len(bits) // _BLOCK)]
    likely = (np.bitwise_count(some[:, None] ^ some[None]) <= _PART_DISTANCE).any(axis=-1).mean()
    if len(bits) < _FEW or likely > _MANY:
        yield from _pairs_in_blocks(bits, grays)
        return
    for pairs in _likely_pairs(parts):
        near = np.bitwise_count(bits[pairs[0]] ^ bits[pairs[1]]) <= MAX_DISTANCE
        left, right = pairs[0][near], pairs[1][near]
        alike = np.einsum("ij,ij->i", grays[left], grays[right]) >= MIN_CORRELATION
        if alike.any():
            yield left[alike], right[alike]


def _pairs_in_blocks(
    bits: npt.NDArray[np.uint64], grays: Grays
) -> Iterator[tuple[Indices, Indices]]:
    """Compare all with all."""
    for start in range(0, len(bits), _BLOCK):
        rows = slice(start, start + _BLOCK)
        for other in range(start, len(bits), _BLOCK):
            columns = slice(other, other + _BLOCK)
            near = np.bitwise_count(bits[rows, None] ^ bits[None, columns]) <= MAX_DISTANCE
            near = np.triu(near, 1) if other == start else near
            left, right = np.divmod(np.flatnonzero(near), near.shape[1])
            if len(left) > near.size // 64:
                alike = (grays[rows] @ grays[columns].T)[left, right]
            else:
                alike = np.einsum("ij,ij->i", grays[left + start], grays[right + other])
            kept = alike >= MIN_CORRELATION
            if kept.any():
                yield left[kept] + start, right[kept] + other


def _parts(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint16]:
    """Return four parts of each hash, every fourth bit in one."""
    each = np.unpackbits(bits.astype(">u8")[:, None].view(np.uint8), axis=1).reshape(-1, 16, 4)
    high, low = np.packbits(each, axis=1).astype(np.uint16).transpose(1, 0, 2)
    return np.asarray(high << 8 | low, np.uint16)


def _likely_pairs(parts: npt.NDArray[np.uint16]) -> Iterator[tuple[Indices, Indices]]:
    """Yield all pairs that differ in at most ``MAX_DISTANCE`` bits, and others.

    Multi-index hashing (Norouzi, Punjani & Fleet 2012, arXiv:1307.2982): of four parts, one
    differs in at most a quarter of those bits, so it is looked up with each two of its bits turned.
    """
    turns = [turn for turn in range(1 << 16) if turn.bit_count() <= _PART_DISTANCE]
    for keys in parts.T.astype(np.int64):
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = np.searchsorted(ordered, np.arange((1 << 16) + 1))
        for turn in turns:
            others = ordered ^ turn
            # Each pair once: from the smaller key, or the earlier of two equal ones, to the other.
            first = np.arange(1, len(keys) + 1) if turn == 0 else starts[others]
            count = np.where(others >= ordered, starts[others + 1] - first, 0)
            cuts = np.searchsorted(np.cumsum(count), np.arange(_STEP, count.sum(), _STEP)) + 1
            for low, high in pairwise([0, *cuts.tolist(), len(keys)]):
                some = count[low:high]
                left = np.repeat(np.arange(low, high), some)
                right = np.repeat(first[low:high] - np.cumsum(some) + some, some)
                yield order[left], order[right + np.arange(len(right))]


def _hashes(files: Sequence[Path], reader: ImageReader) -> list[ImageHash | None]:
    """Return the hashes of files; images of one shape that follow each other are hashed at once."""
    hashes: list[ImageHash | None] = []
    pending: list[Image] = []
    for file in files:
        image = reader.read(file)
        if not reader.keep(file, image):
            reader.shape(files)
        gray = array_of(image if image.mode == "L" else image.convert("L"))[..., 0]
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
