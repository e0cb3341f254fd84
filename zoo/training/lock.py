"""The lock of a run: held by the process that works on it, it says who that is."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import RunBusy, StorageError
from zoo.files import storage_errors

_ATTEMPTS = 4


@contextlib.contextmanager
def hold(path: Path, *, what: Path) -> Iterator[None]:
    """Hold a lock against other processes; the system lets go if this one dies.

    Args:
        path: The file that is locked.
        what: What it stands for, for messages.

    Raises:
        RunBusy: If another process holds it, with that process's id, its host, and since when.
        StorageError: If the file cannot be written, or its file system knows no locks.
    """
    with storage_errors(path, "locking"):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        _lock(handle, path, what)
        with storage_errors(path, "locking"):
            os.ftruncate(handle, 0)
            os.write(handle, _introduction())
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Return whether a process of this machine holds a lock now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    else:
        return False
    finally:
        os.close(handle)


def _lock(handle: int, path: Path, what: Path) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if attempt + 1 < _ATTEMPTS:
                # Somebody may only be looking whether it is held.
                time.sleep(0.02)
                continue
            raise RunBusy(
                f"{what} is in use",
                why=_holder(os.read(handle, 4096)),
                fix="wait for it to end, or choose another --run-dir",
            ) from error
        except OSError as error:
            raise StorageError(
                f"{path} cannot be locked",
                why=f"the file system says: {error.strerror}; without a lock two processes "
                "could write to one run",
                fix="choose a --run-dir on a local disk",
            ) from error
        return


def _introduction() -> bytes:
    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _holder(text: bytes) -> str:
    """Return who holds a lock, as its file says."""
    try:
        said = json.loads(text)
        return f"process {said['pid']} on {said['host']} holds it since {said['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process holds it"


__all__ = ["hold", "is_held"]
