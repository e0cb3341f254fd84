"""Read the files of an artifact without trusting its folder: no links, sizes and hashes checked."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

from msgspec import Meta

from zoo.errors import Incompatible, Tampered
from zoo.files import open_regular
from zoo.struct import Struct

MAX_BYTES = 2 * 2**30
"""The largest file that is read whole: protobuf's own limit for an ONNX file."""

MAX_DATA_BYTES = 32 * MAX_BYTES
"""The largest file of external data."""

COPY_AGAIN = "copy the artifact again, or export the model again"

_NOT_AN_ARTIFACT = "give the folder that zoo export printed, e.g. exports/cnn/1"
_BLOCK = 2**20


class FileEntry(Struct):
    """One file of an artifact: its name, size and SHA-256."""

    name: Annotated[
        str, Meta(pattern=r"^[a-z][a-z0-9_]{0,79}\.(onnx|onnx\.data|npz|md|txt|json)\Z")
    ]
    bytes: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


def list_files(folder: Path) -> list[str]:
    """Return the names in an artifact's folder, in order.

    Raises:
        Incompatible: If it is not a folder, or cannot be read.
    """
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise Incompatible(
            f"{folder} is not an artifact",
            why=error.strerror or str(error),
            fix=_NOT_AN_ARTIFACT,
        ) from error


@contextlib.contextmanager
def open_file(folder: Path, name: str, *, limit: int) -> Iterator[tuple[BinaryIO, int]]:
    """Open a regular file: never through a link, never one of more than ``limit`` bytes.

    Yields:
        The file, and its size in bytes.

    Raises:
        Incompatible: If it is missing or too large.
        Tampered: If it is a symbolic or hard link, or not a regular file.
    """
    path = folder / name
    try:
        stream = open_regular(path, follow_links=False, limit=limit)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise Incompatible(
                f"{path} is too large", why=error.strerror or "", fix="export a smaller model"
            ) from error
        if os.path.islink(path):  # noqa: PTH114 - pathlib raises for a name that is too long
            raise _not_plain(path, "is a symbolic link") from error
        if error.errno in {errno.EISDIR, errno.EINVAL}:
            raise _not_plain(path, "is not a file") from error
        raise Incompatible(
            f"{path} cannot be read", why=error.strerror or str(error), fix=_NOT_AN_ARTIFACT
        ) from error
    with stream:
        status = os.fstat(stream.fileno())
        if status.st_nlink != 1:
            # Through its second name it could change after it was checked.
            raise _not_plain(path, "is a hard link")
        yield stream, status.st_size


def _not_plain(path: Path, what: str) -> Tampered:
    return Tampered(f"{path} {what}", why="an artifact holds plain files", fix=COPY_AGAIN)


def read_bytes(folder: Path, name: str, *, limit: int = MAX_BYTES) -> bytes:
    """Read a regular file whole, as :func:`open_file` opens it."""
    with open_file(folder, name, limit=limit) as (stream, _):
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise Incompatible(
            f"{folder / name} grew while it was read", why=f"at most {limit:,} bytes are read"
        )
    return data


def read_entry(folder: Path, entry: FileEntry) -> bytes:
    """Read a file whole and compare it with its entry in the manifest.

    Raises:
        Tampered: If its size or SHA-256 differs.
    """
    raw = read_bytes(folder, entry.name)
    if len(raw) != entry.bytes or hashlib.sha256(raw).hexdigest() != entry.sha256:
        raise _changed(folder, entry, len(raw))
    return raw


def check_entry(
    folder: Path, entry: FileEntry, *, write: Callable[[bytes], object] = lambda block: None
) -> None:
    """Compare a file of any size with its entry in the manifest, block by block.

    Args:
        folder: The artifact's folder.
        entry: The file's entry.
        write: Receives every block.

    Raises:
        Tampered: If its size or SHA-256 differs.
    """
    digest, count = hashlib.sha256(), 0
    with open_file(folder, entry.name, limit=MAX_DATA_BYTES) as (source, size):
        if size != entry.bytes:
            raise _changed(folder, entry, size)
        while block := source.read(_BLOCK):
            count += len(block)
            if count > size:
                break
            digest.update(block)
            write(block)
    if count != size or digest.hexdigest() != entry.sha256:
        raise _changed(folder, entry, count)


def _changed(folder: Path, entry: FileEntry, size: int) -> Tampered:
    why = (
        f"its SHA-256 differs from the manifest's ({size:,} bytes)"
        if size == entry.bytes
        else f"it has {size:,} bytes, and the manifest says {entry.bytes:,}"
    )
    return Tampered(f"{folder / entry.name} was changed after publishing", why=why, fix=COPY_AGAIN)
