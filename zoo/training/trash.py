"""Remove a folder so that a kill leaves no half of it in its place."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import StorageError
from zoo.files import sync_folder

TRASH = ".zoo-trash-"
"""What the name of a folder begins with that is being removed."""


def discard(target: Path, beside: Path) -> None:
    """Remove a folder by way of a name that nobody takes for anything.

    Args:
        target: The folder, or a link, which is removed without what it leads to.
        beside: A folder on the same file system.

    Raises:
        StorageError: If it cannot be removed.
    """
    with _removing(target):
        trash = Path(tempfile.mkdtemp(prefix=TRASH, dir=beside))
        try:
            target.rename(trash / "removed")
            sync_folder(beside)
        finally:
            empty_trash(trash)


def empty_trash(folder: Path) -> None:
    """Remove what a removal has put aside.

    Raises:
        StorageError: If it cannot be removed.
    """
    with _removing(folder):
        removed = folder / "removed"
        if removed.is_symlink():
            removed.unlink()
        # Another process may be emptying it too.
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)


@contextlib.contextmanager
def _removing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be removed",
            why=error.strerror or str(error),
            fix="look at who may write there, and whether something is mounted inside",
        ) from error


def size_of(folder: Path) -> int:
    """Return the bytes of the files below a folder; what a link leads to is not counted."""
    total = 0
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return 0
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            total += size_of(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            with contextlib.suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


__all__ = ["TRASH", "discard", "empty_trash", "size_of"]
