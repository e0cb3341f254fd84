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

from zoo.data.images.files import ImageCache
from zoo.data.splits import Indices
from zoo.errors import BadRecord
from zoo.runtime.images import Image, fit_image, read_image

MAX_DISTANCE = 10
"""The most bits of 64 that differ between near images."""

MIN_CORRELATION = 0.95
"""The least correlation of the 256 gray levels of near images."""

MIN_SIDE = 32
"""The least height and width, in pixels, of an image that is compared."""

_BLOCK = 1_024

ImageHash = tuple[int, npt.NDArray[np.float32]]
"""The 64 bits of an image, and its 256 gray levels, of mean 0 and length 1."""

_MOST_HASHES = 20_000
_HASHES: dict[tuple[str, int, int], ImageHash | None] = {}
"""The hashes of this process by path, time of change and size."""


def image_hash(image: Image) -> ImageHash | None:
    """Return the perceptual hash of an image, or ``None`` if it is too small or plain.

    Args:
        image: uint8 ``[height, width, channels]``.
    """
    if min(image.shape[:2]) < MIN_SIDE:
        return None
    small = fit_image(image, 48, 48, 1)
    gray = fit_image(small, 16, 16, 1).astype(np.float32).ravel()
    gray -= gray.mean()
    if (length := float(np.sqrt(gray @ gray))) < 1.0:
        return None
    steps = fit_image(small, 8, 9, 1)[..., 0].astype(np.int16)
    darker = steps[:, :-1] > steps[:, 1:]
    return int.from_bytes(np.packbits(darker).tobytes(), "big"), gray / np.float32(length)


def near_groups(files: Sequence[Path], cache: ImageCache | None = None) -> Indices:
    """Return one group index per file, from 0: near images share it.

    Every image is decoded, once per process, and compared with every other. A file that cannot be
    decoded is a group of its own; reading its pixels reports it.

    Args:
        files: The image files.
        cache: Keeps the decoded images.

    Raises:
        BadRecord: If a file is gone.
    """
    hashes = [_hash_of(file, cache) for file in files]
    known = [place for place, found in enumerate(hashes) if found is not None]
    owner = list(range(len(files)))
    for left, right in near_pairs([found for found in hashes if found is not None]):
        one, other = _root(owner, known[left]), _root(owner, known[right])
        owner[max(one, other)] = min(one, other)
    roots = [_root(owner, place) for place in range(len(files))]
    _, groups = np.unique(np.array(roots, np.int64), return_inverse=True)
    return groups.astype(np.int64)


def near_pairs(hashes: Sequence[ImageHash]) -> Iterator[tuple[int, int]]:
    """Yield the positions of near images, the smaller first."""
    if not hashes:
        return
    bits = np.array([found[0] for found in hashes], np.uint64)
    grays = np.stack([found[1] for found in hashes])
    for start in range(0, len(bits), _BLOCK):
        rows = slice(start, start + _BLOCK)
        for other in range(start, len(bits), _BLOCK):
            columns = slice(other, other + _BLOCK)
            near = np.bitwise_count(bits[rows, None] ^ bits[None, columns]) <= MAX_DISTANCE
            near &= grays[rows] @ grays[columns].T >= MIN_CORRELATION
            for row, column in np.argwhere(near).tolist():
                if start + row < other + column:
                    yield start + row, other + column


def _hash_of(file: Path, cache: ImageCache | None) -> ImageHash | None:
    try:
        state = file.stat()
    except OSError as error:
        raise BadRecord(f"cannot be read: {error.strerror}", file=str(file)) from error
    key = str(file), state.st_mtime_ns, state.st_size
    if key not in _HASHES:
        if len(_HASHES) == _MOST_HASHES:
            _HASHES.clear()
        try:
            image = read_image(file)
        except BadRecord:
            _HASHES[key] = None
        else:
            _HASHES[key] = image_hash(image)
            if cache is not None:
                cache.put(file, image)
    return _HASHES[key]


def _root(owner: list[int], place: int) -> int:
    while owner[place] != place:
        owner[place] = owner[owner[place]]
        place = owner[place]
    return place
