"""Reading an artifact's files without trusting their folder."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from zoo.errors import Incompatible, Tampered

MAX_BYTES = 2 * 2**30
"""The largest ONNX file that is read unless the caller says otherwise: protobuf's own limit."""

_AGAIN = "copy the artifact anew, or export the model again"


def listing(folder: Path) -> list[str]:
    """Return the names in an artifact's folder, in order.

    Raises:
        Incompatible: If it is no folder, or cannot be read.
    """
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise Incompatible(
            f"{folder} is not an artifact",
            why=error.strerror or str(error),
            fix="give the folder that zoo export printed, e.g. exports/cnn/1",
        ) from error


@contextlib.contextmanager
def opened(folder: Path, name: str, *, limit: int) -> Iterator[tuple[BinaryIO, int]]:
    """Open one regular file: never through a link, never one of more than ``limit`` bytes.

    Yields:
        The file, and how many bytes it has.

    Raises:
        Incompatible: If it is missing or too large.
        Tampered: If it is a link, has a second name, or is no regular file.
    """
    path = folder / name
    try:
        # O_NONBLOCK, because opening a named pipe would otherwise wait for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if os.path.islink(path):  # noqa: PTH114 - pathlib raises for a name that is too long
            raise Tampered(
                f"{path} is a symbolic link", why="an artifact holds plain files", fix=_AGAIN
            ) from error
        raise Incompatible(
            f"{path} cannot be read",
            why=error.strerror or str(error),
            fix="give the folder that zoo export printed, e.g. exports/cnn/1",
        ) from error
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)  # of a folder there is no stream that could do it
        raise Tampered(f"{path} is not a file", why="an artifact holds plain files", fix=_AGAIN)
    with os.fdopen(handle, "rb") as stream:
        if status.st_nlink != 1:
            raise Tampered(
                f"{path} is a hard link",
                why="it has a second name elsewhere, through which it can change",
                fix=_AGAIN,
            )
        if status.st_size > limit:
            raise Incompatible(
                f"{path} has {status.st_size:,} bytes",
                why=f"at most {limit:,} are read",
                fix="raise max_bytes if you trust the file",
            )
        yield stream, status.st_size


def read_bytes(folder: Path, name: str, *, limit: int) -> bytes:
    """Read one regular file whole, as :func:`opened` opens it."""
    with opened(folder, name, limit=limit) as (stream, _):
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise Incompatible(
            f"{folder / name} grew while it was read", why=f"at most {limit:,} bytes are read"
        )
    return data


__all__ = ["MAX_BYTES", "listing", "opened", "read_bytes"]
