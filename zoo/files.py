"""Crash-safe files on every system: atomic writes, staged folders, locks, hashes, removal.

Modules that only a writer needs are imported where they are used: a reader starts faster.

Weaker on Windows, and said where it matters: names are not forced to the disk (there is no sync of
a folder), a link is looked for before a file is opened and not while it is, and a file that another
program holds open is replaced as soon as that lets go, or not at all.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import hashlib
import io
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from zoo.errors import StorageError

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}
_DENIED = {
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR),
    *(errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP),
}

# Without O_NONBLOCK the opening of a pipe waits for a writer. Without O_BINARY Windows changes line
# ends. A flag that a system lacks is one that it does not need, but for O_NOFOLLOW.
_READ = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
    _READ |= getattr(os, _flag, 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)

_ATTEMPTS = 25
"""Number of attempts at a rename that Windows refuses while another program reads the file."""


def exists(path: str | Path) -> bool:
    """Return whether a path exists; one that cannot be looked at does not.

    :meth:`pathlib.Path.exists` raises for a name that is too long, or in a closed folder.

    Example:
        >>> exists("a" * 9_999), is_file("."), is_folder(".")
        (False, False, True)
    """
    return os.path.exists(path)


def is_file(path: str | Path) -> bool:
    """Return whether a path is a regular file, or a link to one."""
    return os.path.isfile(path)


def is_folder(path: str | Path) -> bool:
    """Return whether a path is a folder, or a link to one."""
    return os.path.isdir(path)


def open_regular(
    path: Path, *, limit: int | None = None, follow_links: bool = True
) -> io.BufferedReader:
    """Open a regular file to read, without waiting for a pipe or reading an endless device.

    Args:
        path: The file, or a link to it.
        limit: Largest allowed size, bytes.
        follow_links: Whether the path itself may be a link.

    Raises:
        OSError: If it cannot be read, is not a regular file, or is longer; ``strerror`` says which.
    """
    handle, _ = _open_regular(path, limit, follow_links=follow_links)
    return os.fdopen(handle, "rb")


def read_regular(path: Path | str, *, limit: int | None = None) -> bytes:
    """Read a whole regular file, opened as :func:`open_regular` opens it."""
    handle, size = _open_regular(path, limit)
    try:
        # Without a stream object: it would take longer than a small file.
        parts = [os.read(handle, size + 1)]
        while parts[-1]:
            parts.append(os.read(handle, 1 << 20))
        return b"".join(parts)
    finally:
        os.close(handle)


def _open_regular(
    path: Path | str, limit: int | None, *, follow_links: bool = True
) -> tuple[int, int]:
    """Return the descriptor of an open regular file, and its size."""
    if not follow_links and os.path.islink(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    handle = os.open(path, _READ if follow_links else _READ | _NO_FOLLOW)
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        if limit is not None and status.st_size > limit:
            raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes", str(path))
    except OSError:
        os.close(handle)
        raise
    return handle, status.st_size


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file as 64 lower-case hexadecimal digits.

    Example:
        >>> sha256_file(Path("notes.txt"))[:12]
        'bf07049f24b6'
    """
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of plain data: sorted keys, no blanks.

    Example:
        >>> sha256_json({"b": 1, "a": 2}) == sha256_json({"a": 2, "b": 1})
        True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def storage_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn the operating system's refusals to write into a :class:`StorageError`.

    Example:
        >>> with storage_errors(Path("notes.txt"), "reading"):
        ...     text = Path("notes.txt").read_text()
    """
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
    """Write a file so that it appears complete or not at all, also after a crash.

    Args:
        path: The file to write or replace. Its folder is made if it is missing.
        write: The bytes, or a function that writes them to an open binary file.

    Raises:
        StorageError: If the folder cannot be written or the disk is full. The old file, if
            there was one, is untouched.

    Example:
        >>> atomic_write(Path("notes.txt"), b"whole or not at all")
    """
    with _replacing(path, f".{path.name}.", ".tmp") as temporary, temporary.open("wb") as stream:
        if isinstance(write, bytes):
            stream.write(write)
        else:
            write(stream)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under another name beside it, then put it in place, or leave what was there.

    For libraries that write to a path of their own; :func:`atomic_write` is for bytes.

    Yields:
        Where to write, with the ending of the file.

    Raises:
        StorageError: If the folder cannot be written, or something other than a file is there.
    """
    with _replacing(path, f".{path.stem}.", f".tmp{path.suffix}") as temporary:
        yield temporary


@contextlib.contextmanager
def _replacing(path: Path, prefix: str, suffix: str) -> Iterator[Path]:
    """Yield an empty file beside a path, and rename it once its bytes are on the disk."""
    import tempfile

    with storage_errors(path, "writing"):
        _check_replaceable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix, prefix, path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            sync_file(temporary)
            temporary.chmod(0o644)
            _rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def _rename(source: Path, target: Path) -> None:
    """Rename a file or a folder; wait up to a second for another program on Windows."""
    for attempt in range(_ATTEMPTS):
        try:
            os.replace(source, target)
        except PermissionError:
            # Elsewhere than on Windows it means that the folder may not be written.
            if os.name != "nt" or attempt + 1 == _ATTEMPTS:
                raise
            time.sleep(0.04)
        else:
            return


def _check_replaceable(path: Path) -> None:
    """Refuse to put a file where a pipe, a device or a folder is: it would be lost."""
    if path.exists() and not path.is_file():
        raise StorageError(
            f"{path} cannot be written: {'a folder' if path.is_dir() else 'no file'} is there",
            why="a file is written beside its place and renamed, which would take that away",
            fix="choose another name",
        )


def write_json(path: Path, value: Any) -> None:
    """Write plain data as readable JSON with sorted keys, atomically.

    Example:
        >>> write_json(Path("counts.json"), {"runs": 3})
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    atomic_write(path, (text + "\n").encode())


def sync_file(path: Path) -> None:
    """Make the bytes of a file durable."""
    # Windows syncs only what is open for writing.
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())


def sync_folder(path: Path) -> None:
    """Make the names inside a folder durable, where the system can (not on Windows)."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def staged_folder(target: Path, *, keep_failed: Path | None = None) -> Iterator[Path]:
    """Fill a temporary folder, then publish it by one rename, or leave nothing.

    Args:
        target: The folder that appears when the block ends without an error. It must not exist.
        keep_failed: Where to keep what was made when the block fails; ``None`` throws it away.

    Yields:
        An empty folder beside the target, on the same file system.

    Raises:
        StorageError: If the target exists, or its parent cannot be written.

    Example:
        >>> with staged_folder(Path("release")) as stage:
        ...     write_json(stage / "counts.json", {"runs": 3})
        >>> [path.name for path in Path("release").iterdir()]
        ['counts.json']
    """
    if target.exists():
        raise StorageError(
            f"{target} exists already",
            why="what was published is never overwritten",
            fix="choose another version or folder",
        )
    import shutil
    import tempfile

    with storage_errors(target, "publishing"):
        made = _make_parents(target.parent)
        stage = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
        try:
            yield stage
            for file in sorted(stage.rglob("*")):
                if file.is_file():
                    file.chmod(0o644)
                    sync_file(file)
                elif file.is_dir():
                    sync_folder(file)
            sync_folder(stage)
            stage.chmod(0o755)
            _rename(stage, target)
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


class LockHeld(Exception):
    """Another process holds a lock; the message says which one."""


@contextlib.contextmanager
def file_lock(path: Path, *, on_wait: Callable[[str], object] | None = None) -> Iterator[None]:
    """Hold a lock against other processes; the system releases it if this one dies.

    Args:
        path: The lock file, which stays. While it is held, ``<name>.json`` beside it says by whom.
        on_wait: Called with the holder, once, before the lock is waited for; ``None`` does not
            wait.

    Raises:
        LockHeld: If another process holds it and nobody waits.
        StorageError: If the file cannot be written, or its file system has no locks.
    """
    import socket

    import filelock

    with storage_errors(path, "locking"):
        os.stat(path.parent)  # the library would make it
    holder = path.with_name(f"{path.name}.json")
    # A soft lock would outlive a process that is killed.
    lock = filelock.FileLock(path, mode=0o644, fallback_to_soft=False)
    try:
        # A short wait, because another process may only be looking whether it is held.
        lock.acquire(timeout=0.5, poll_interval=0.01)
    except filelock.Timeout as error:
        if on_wait is None:
            raise LockHeld(_holder(holder)) from error
        on_wait(_holder(holder))
        lock.acquire()
    except OSError as error:
        if error.errno in _DENIED | _FULL:
            with storage_errors(path, "locking"):
                raise
        raise StorageError(
            f"{path} cannot be locked",
            why=f"the file system says: {error.strerror}; without a lock two processes could "
            "write here",
            fix="choose a folder on a local disk",
        ) from error
    try:
        since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        write_json(holder, {"pid": os.getpid(), "host": socket.gethostname(), "since": since})
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def is_locked(path: Path) -> bool:
    """Return whether a process of this machine holds a lock now."""
    if not is_file(path):
        return False
    import filelock

    lock = filelock.FileLock(path, mode=0o644, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0.05, poll_interval=0.01)  # somebody else may be looking too
    except filelock.Timeout:
        return True
    except OSError:  # not ours to lock, or a file system without locks
        return False
    lock.release()
    return False


def _holder(path: Path) -> str:
    """Return who holds a lock, as the file beside it says."""
    try:
        said = json.loads(read_regular(path, limit=4096))
        return f"process {said['pid']} on {said['host']} holds it since {said['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process holds it"


TRASH = ".zoo-trash-"
"""Beginning of the name of what is being removed."""


def remove_folder(target: Path, beside: Path) -> None:
    """Remove a folder so that a kill leaves it there, or nothing under its name.

    Args:
        target: The folder, or a link, which is removed without what it leads to.
        beside: A folder on the same file system.

    Raises:
        StorageError: If it cannot be removed.
    """
    import uuid

    trash = beside / f"{TRASH}{uuid.uuid4().hex}"
    with _removing(target):
        _rename(target, trash)
        sync_folder(beside)
    empty_trash(trash)


def empty_trash(trash: Path) -> None:
    """Remove what an interrupted removal has left.

    Raises:
        StorageError: If it cannot be removed.
    """
    import shutil

    # Another process may be emptying it too.
    with _removing(trash), contextlib.suppress(FileNotFoundError):
        if trash.is_dir() and not trash.is_symlink():
            shutil.rmtree(trash)
        else:
            trash.unlink()


@contextlib.contextmanager
def _removing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be removed",
            why=error.strerror or str(error),
            fix="check its permissions, and whether something is mounted or open inside",
        ) from error


def folder_size(folder: Path) -> int:
    """Return the bytes of the files below a folder; links are not followed."""
    total = 0
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return 0
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            total += folder_size(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            with contextlib.suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


__all__ = [
    "atomic_write",
    "exists",
    "is_file",
    "is_folder",
    "sha256_file",
    "sha256_json",
    "staged_folder",
    "storage_errors",
    "write_json",
]
