"""Files from the network: pinned by size and SHA-256, and verified before anything reads them.

A file whose SHA-256 nobody has published is trusted on first use: what comes first is recorded in
``NAME.sha256`` beside it, which is said, and nothing else passes for that file from then on.

A transfer that breaks goes on where it stopped, also in another process and after a kill; two
processes that want one file make one transfer, and the one that waits says for whom. ``ZOO_CACHE``
moves the cache (``~/.cache/zoo``), and ``ZOO_OFFLINE=1`` makes any use of the network an error. A
file that was placed in the cache by hand is used, if it is the right one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, model_validator

from zoo.config import Frozen
from zoo.data.resumable_download import Broken, Progress, Wrong, forget, transfer, version_of
from zoo.environment import cache_dir, is_offline
from zoo.errors import ChecksumMismatch, DatasetUnavailable
from zoo.files import atomic_write, sha256_file, storage_errors, sync_folder

_ATTEMPTS = 3
_log = logging.getLogger(__name__)


class Remote(Frozen):
    """A file to download, and how to know it.

    Attributes:
        name: Its name in the cache.
        urls: Where it is; the first that answers with the right bytes is enough.
        size: Its bytes; ``None`` if nobody has published them either.
        sha256: Their SHA-256; ``None`` if nobody has published it. Then the size is compared, and
            the caller compares what is inside, or ``first_use`` holds.
        first_use: Whether the SHA-256 of what comes first is recorded, and demanded from then on.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    urls: tuple[str, ...] = Field(min_length=1)
    size: int | None = Field(ge=1)
    sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    first_use: bool = False

    @model_validator(mode="after")
    def _can_be_known(self) -> Remote:
        if self.first_use and self.sha256:
            raise ValueError("a file with a published SHA-256 is not trusted on first use")
        if self.size is None and not self.first_use:
            raise ValueError("a file of unknown size must be trusted on first use")
        return self

    @property
    def amount(self) -> str:
        """Its bytes in words."""
        return f"{self.size:,} bytes" if self.size else "of unknown size"


def fetch(remote: Remote, *, cache: Path | None = None, progress: Progress | None = None) -> Path:
    """Return a verified local copy of a file, and download it if there is none.

    Of a file that is trusted on first use, the SHA-256 is logged as a warning when it is recorded.

    Args:
        remote: The file.
        cache: Folder to keep it in; ``None`` for :func:`cache_dir`.
        progress: Called as bytes arrive.

    Raises:
        DatasetUnavailable: If no address delivers, or the network is switched off.
        ChecksumMismatch: If what is there, or what came, is another file.
        StorageError: If the cache cannot be written.
    """
    folder = (cache or cache_dir()) / "datasets"
    path = folder / remote.name
    if path.exists():
        return _checked(path, remote)
    if is_offline():
        raise DatasetUnavailable(
            f"{remote.name} is not here, and ZOO_OFFLINE forbids to download it",
            why=f"it is {remote.amount}, at {remote.urls[0]}",
            fix=f"unset ZOO_OFFLINE, or place the file at {path} by hand",
        )
    with storage_errors(path, "downloading"):
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f".{remote.name}.lock", remote.name):
            if not path.exists():
                part = folder / f".{remote.name}.part"
                _download(remote, part, progress or (lambda done, total: None), path)
                part.replace(path)
                version_of(part).unlink(missing_ok=True)
                sync_folder(folder)
    return _checked(path, remote)


def _checked(path: Path, remote: Remote) -> Path:
    record = path.with_name(f"{path.name}.sha256")
    expected = remote.sha256
    if remote.first_use and record.exists():
        expected = _recorded(record)
    size = path.stat().st_size
    right_size = size == (remote.size or size)
    found = sha256_file(path) if right_size else "not computed"
    if not right_size or found != (expected or found):
        raise ChecksumMismatch(
            f"{path} is not the file {remote.name} that is meant",
            why=f"{size:,} bytes with SHA-256 {found}; expected {remote.amount} with "
            f"{expected or 'any'}",
            fix=f"rm {path}   (it is downloaded again)",
        )
    if remote.first_use and not record.exists():
        atomic_write(record, f"{found}  {path.name}\n".encode())
        _log.warning(
            "nobody has published a SHA-256 of %s: %s is trusted on first use. From now on only "
            "%s passes, as %s says.",
            remote.name,
            path,
            found,
            record,
        )
    return path


def _recorded(record: Path) -> str:
    """Read what was recorded at the first use, in the format of ``sha256sum``."""
    text = record.read_text("utf-8", errors="replace")
    if not (match := re.match(r"[0-9a-f]{64}(?=\s)", text)):
        raise ChecksumMismatch(
            f"{record} holds no SHA-256",
            why="it says which file is trusted since its first use, and was changed",
            fix=f"rm {record}   (the file beside it is then trusted anew)",
        )
    return match.group()


def _download(remote: Remote, part: Path, progress: Progress, path: Path) -> None:
    """Fill the part file from the first address that delivers the right bytes."""
    failures: list[str] = []
    wrong = False
    for url in remote.urls:
        for _ in range(_ATTEMPTS):
            if remote.first_use:
                # No SHA-256 would tell whether a rest belongs to the beginning that is here.
                forget(part)
            resumed = part.exists() and part.stat().st_size > 0
            before = part.stat().st_size if resumed else 0
            try:
                transfer(url, part, size=remote.size, sha256=remote.sha256, progress=progress)
                return
            except Wrong as error:
                forget(part)
                failures.append(f"{url}: {error}")
                wrong = True
                if not resumed:  # A resumed one may have had a wrong beginning: once more, from 0.
                    break
            except Broken as error:
                failures.append(f"{url}: {error}")
                if not part.exists() or part.stat().st_size <= before:
                    break
    reasons = "\n       ".join(failures)
    by_hand = f"place the file at {path} by hand, or try again later: what came is kept"
    if wrong:
        raise ChecksumMismatch(
            f"no address has the file {remote.name} that is meant", why=reasons, fix=by_hand
        )
    raise DatasetUnavailable(f"{remote.name} could not be downloaded", why=reasons, fix=by_hand)


@contextlib.contextmanager
def _locked(path: Path, name: str) -> Iterator[None]:
    """Hold a lock among processes; the system lets go of it if this one dies."""
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            _log.warning("waiting for process %s, which downloads %s", holder, name)
            fcntl.flock(handle, fcntl.LOCK_EX)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


__all__ = ["Progress", "Remote", "fetch"]
