"""Writing files so that a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from zoo.errors import StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR),
    *(errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP),
}


def exists(path: str | Path) -> bool:
    """Return whether something stands at a path; what cannot be looked at does not.

    :meth:`pathlib.Path.exists` raises for a name that is too long, or a folder that is closed.
    """
    return os.path.exists(path)


def is_file(path: str | Path) -> bool:
    """Return whether a regular file, or a link to one, stands at a path."""
    return os.path.isfile(path)


def is_folder(path: str | Path) -> bool:
    """Return whether a folder, or a link to one, stands at a path."""
    return os.path.isdir(path)


def open_regular(path: Path, *, limit: int | None = None) -> io.BufferedReader:
    """Open a regular file to read: a pipe is not waited for, a device without an end not read.

    Args:
        path: The file, or a link to it.
        limit: The most bytes that it may have.

    Raises:
        OSError: If it cannot be read, is no regular file, or is longer; ``strerror`` says which.
    """
    # Without O_NONBLOCK the opening of a pipe waits for somebody who writes to it.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        if limit is not None and status.st_size > limit:
            raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes", str(path))
        return os.fdopen(handle, "rb")
    except OSError:
        os.close(handle)
        raise


def read_regular(path: Path, *, limit: int | None = None) -> bytes:
    """Read a regular file whole, as :func:`open_regular` opens it."""
    with open_regular(path, limit=limit) as stream:
        return stream.read()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file as 64 lower-case hexadecimal digits."""
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of plain data: sorted keys, no blanks."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def storage_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn the operating system's refusals to write into a :class:`StorageError`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageError(
                f"no space left while {doing} {path}",
                why="the disk or the quota is full; nothing was left half-written",
                fix="free some space, or choose another folder",
            ) from error
        if error.errno in _DENIED:
            raise StorageError(
                f"cannot write while {doing} {path}",
                why=error.strerror or str(error),
                fix="choose a folder that you may write to",
            ) from error
        raise


def atomic_write(path: Path, write: Callable[[IO[bytes]], object] | bytes) -> None:
    """Write a file so that it appears whole or not at all, also after a crash.

    The bytes go to a temporary name beside the target and are synced to the disk before a
    rename puts them in place; the folder is synced after it.

    Args:
        path: The file to write or replace. Its folder is made if it is missing.
        write: The bytes, or a function that writes them to an open binary file.

    Raises:
        StorageError: If the folder cannot be written or the disk is full. The old file, if
            there was one, is untouched.
    """
    with storage_errors(path, "writing"):
        _check_replaceable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                if isinstance(write, bytes):
                    stream.write(write)
                else:
                    write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        sync_folder(path.parent)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under another name beside it, then put it in place, or leave what was there.

    For libraries that write to a path of their own; :func:`atomic_write` is for bytes.

    Yields:
        Where to write, with the ending of the file.

    Raises:
        StorageError: If the folder cannot be written, or something other than a file is there.
    """
    with storage_errors(path, "saving"):
        _check_replaceable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
        try:
            yield temporary
            sync_file(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def _check_replaceable(path: Path) -> None:
    """Refuse to put a file where a pipe, a device or a folder is: it would be lost."""
    if path.exists() and not path.is_file():
        raise StorageError(
            f"{path} cannot be written: {'a folder' if path.is_dir() else 'no file'} is there",
            why="a file is written beside its place and renamed, which would take that away",
            fix="choose another name",
        )


def write_json(path: Path, value: Any) -> None:
    """Write plain data as readable JSON with sorted keys, atomically."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    atomic_write(path, (text + "\n").encode())


def sync_folder(path: Path) -> None:
    """Make the names inside a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def staged_folder(target: Path, *, keep_failed: Path | None = None) -> Iterator[Path]:
    """Fill a folder out of sight, then publish it by one rename, or leave nothing.

    Args:
        target: The folder that appears when the block ends without an error. It must not exist.
        keep_failed: Where to keep what was made when the block fails; ``None`` throws it away.

    Yields:
        An empty folder beside the target, on the same file system.

    Raises:
        StorageError: If the target exists, or its parent cannot be written.
    """
    if target.exists():
        raise StorageError(
            f"{target} exists already",
            why="what was published is never overwritten",
            fix="choose another version or folder",
        )
    with storage_errors(target, "publishing"):
        made = _make_parents(target.parent)
        stage = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
        try:
            yield stage
            for file in sorted(stage.rglob("*")):
                _publishable(file)
            sync_folder(stage)
            stage.chmod(0o755)
            stage.rename(target)
        except BaseException:
            if keep_failed is not None and stage.exists():
                shutil.copytree(stage, keep_failed, dirs_exist_ok=True)
            shutil.rmtree(stage, ignore_errors=True)
            for folder in reversed(made):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            raise
        sync_folder(target.parent)


def _make_parents(folder: Path) -> list[Path]:
    """Make a folder and its parents; return those that were not there before."""
    missing = [f for f in (folder, *folder.parents) if not f.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _publishable(path: Path) -> None:
    if path.is_file():
        path.chmod(0o644)
        sync_file(path)
    elif path.is_dir():
        sync_folder(path)


def sync_file(path: Path) -> None:
    """Make the bytes of a file durable."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


__all__ = [
    "atomic_write",
    "exists",
    "is_file",
    "is_folder",
    "open_regular",
    "read_regular",
    "replacing",
    "sha256_file",
    "sha256_json",
    "staged_folder",
    "storage_errors",
    "sync_file",
    "sync_folder",
    "write_json",
]
