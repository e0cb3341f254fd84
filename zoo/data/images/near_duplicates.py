"""Pictures that show nearly the same: frames of one scene, copies that were saved again.

A picture that was seen in training, slightly changed, measures a model's memory. So pictures are
compared by a difference hash (Krawetz 2013, "Kind of like that"): gray, stretched to 48 x 48 and
then to 8 rows of 9, a bit for each of the 64 neighbors in a row that becomes darker to the right.
Brightness, contrast, size, noise and compression change few of its bits. Bits of plain areas say
little, so what the hash finds is looked at again: the pictures, gray and stretched to 16 x 16,
must correlate.

Two pictures are near if at most ``MAX_DISTANCE`` of the bits differ and the correlation is at
least ``MIN_CORRELATION``; what is near to one of them belongs to the same group, whatever its
class. A picture that is plain, or less than ``MIN_SIDE`` pixels high or wide, is near to none:
small pictures are mostly symbols, which look alike without being copies.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zoo.data.splits import Indices
from zoo.errors import BadRecord
from zoo.runtime.images import Image, fit_image, read_image

MAX_DISTANCE = 10
"""Bits of 64 that may differ between pictures that are near."""

MIN_CORRELATION = 0.95
"""Of the 256 gray levels of pictures that are near."""

MIN_SIDE = 32
"""Pixels that a picture needs, in height and in width, to be compared."""

_BLOCK = 1_024

Print = tuple[int, npt.NDArray[np.float32]]
"""The 64 bits of a picture, and its gray levels: 256, of mean 0 and length 1."""


def fingerprint(picture: Image) -> Print | None:
    """Return what a picture is compared by, or ``None`` where nothing could be said.

    Args:
        picture: uint8 ``[height, width, channels]``.
    """
    if min(picture.shape[:2]) < MIN_SIDE:
        return None
    small = fit_image(picture, 48, 48, 1)
    gray = fit_image(small, 16, 16, 1).astype(np.float32).ravel()
    gray -= gray.mean()
    if (length := float(np.sqrt(gray @ gray))) < 1.0:
        return None
    steps = fit_image(small, 8, 9, 1)[..., 0].astype(np.int16)
    darker = steps[:, :-1] > steps[:, 1:]
    return int.from_bytes(np.packbits(darker).tobytes(), "big"), gray / np.float32(length)


def near_groups(files: Sequence[Path]) -> Indices:
    """Return one group index a file, counted from 0: near pictures share it.

    A file that cannot be decoded is alone: whoever reads it for its pixels names it. Every picture
    is decoded, once in a process, and compared with every other.

    Raises:
        BadRecord: If a file is gone.
        MissingExtra: If a format needs Pillow, and it is not installed.
    """
    prints = [_print_of(file) for file in files]
    known = [place for place, found in enumerate(prints) if found is not None]
    owner = list(range(len(files)))
    for left, right in near_pairs([found for found in prints if found is not None]):
        one, other = _root(owner, known[left]), _root(owner, known[right])
        owner[max(one, other)] = min(one, other)
    roots = [_root(owner, place) for place in range(len(files))]
    _, groups = np.unique(np.array(roots, np.int64), return_inverse=True)
    return groups.astype(np.int64)


def near_pairs(prints: Sequence[Print]) -> Iterator[tuple[int, int]]:
    """Yield the pairs that are near: their positions, the smaller first."""
    if not prints:
        return
    bits = np.array([found[0] for found in prints], np.uint64)
    grays = np.stack([found[1] for found in prints])
    for start in range(0, len(bits), _BLOCK):
        rows = slice(start, start + _BLOCK)
        for other in range(start, len(bits), _BLOCK):
            columns = slice(other, other + _BLOCK)
            near = np.bitwise_count(bits[rows, None] ^ bits[None, columns]) <= MAX_DISTANCE
            near &= grays[rows] @ grays[columns].T >= MIN_CORRELATION
            for row, column in np.argwhere(near).tolist():
                if start + row < other + column:
                    yield start + row, other + column


def _print_of(file: Path) -> Print | None:
    try:
        state = file.stat()
    except OSError as error:
        raise BadRecord(f"cannot be read: {error.strerror}", file=str(file)) from error
    return _decoded(str(file), state.st_mtime_ns, state.st_size)


@functools.lru_cache(20_000)
def _decoded(file: str, changed: int, size: int) -> Print | None:  # noqa: ARG001 - they are its key
    try:
        return fingerprint(read_image(file))
    except BadRecord:
        return None


def _root(owner: list[int], place: int) -> int:
    while owner[place] != place:
        owner[place] = owner[owner[place]]
        place = owner[place]
    return place
