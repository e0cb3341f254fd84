"""Download files that are pinned by size and SHA-256, and verify them before they are read.

A file without a published SHA-256 can be trusted on first use: the SHA-256 of the first copy is
recorded in ``NAME.sha256`` beside it, with a warning, and only that file passes from then on.

A broken download resumes where it stopped, also in another process or after a kill. Processes that
want one file make one download, and those that wait say so. ``ZOO_CACHE`` moves the cache
(``~/.cache/zoo``), and ``ZOO_OFFLINE=1`` makes any use of the network an error. A file that was
placed in the cache by hand is used if it is the right one.
"""

from __future__ import annotations

import http.client
import logging
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from zoo.config import Frozen
from zoo.environment import cache_dir, is_offline
from zoo.errors import ChecksumMismatch, DatasetUnavailable
from zoo.files import atomic_write, file_lock, sha256_file, storage_errors, sync_folder

_ATTEMPTS = 3
_BLOCK = 1 << 16
_TIMEOUT = 30.0
"""Seconds without a byte, or with fewer than ``_SLOWEST`` bytes, after which a server is left."""
_SLOWEST = 1 << 10
_LARGEST = 1 << 30
"""The most bytes of a file of unknown size."""

_log = logging.getLogger(__name__)


class Remote(Frozen):
    """File to download, with its pinned size and SHA-256.

    Attributes:
        name: File name in the cache.
        urls: Mirrors; the first one with the right bytes is enough.
        size: Bytes; ``None`` if unknown.
        sha256: SHA-256; ``None`` if none is published. Then only the size is compared, and the
            caller compares the contents, or ``first_use`` holds.
        first_use: Whether the SHA-256 of the first copy is recorded, and required from then on.

    Example:
        >>> flowers = Remote(
        ...     name="flowers.npz", urls=("https://example.org/flowers.npz",), size=4,
        ...     sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ... )
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    urls: tuple[str, ...] = Field(min_length=1)
    size: int | None = Field(ge=1)
    sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    first_use: bool = False

    @model_validator(mode="after")
    def _check_first_use(self) -> Remote:
        if self.first_use and self.sha256:
            raise ValueError("a file with a published SHA-256 is not trusted on first use")
        if self.size is None and not self.first_use:
            raise ValueError("a file of unknown size must be trusted on first use")
        return self

    @property
    def amount(self) -> str:
        """Its bytes in words."""
        return f"{self.size:,} bytes" if self.size else "of unknown size"


def fetch(remote: Remote) -> Path:
    """Return a verified local copy of a file, in the cache; download it if there is none.

    Args:
        remote: The file.

    Raises:
        DatasetUnavailable: If no mirror delivers, or the network is switched off.
        ChecksumMismatch: If the local or the downloaded file is another one.
        StorageError: If the cache cannot be written.

    Example:
        >>> (cache_dir() / "datasets").mkdir(parents=True)   # or it is downloaded
        >>> _ = (cache_dir() / "datasets" / "flowers.npz").write_bytes(b"test")
        >>> fetch(flowers).read_bytes()
        b'test'
    """
    folder = cache_dir() / "datasets"
    path = folder / remote.name
    if path.exists():
        return _verified(path, remote)
    if is_offline():
        raise DatasetUnavailable(
            f"{remote.name} is not here, and ZOO_OFFLINE forbids to download it",
            why=f"it is {remote.amount}, at {remote.urls[0]}",
            fix=f"unset ZOO_OFFLINE, or place the file at {path} by hand",
        )

    def waiting(holder: str) -> None:
        _log.warning("waiting for the download of %s: %s", remote.name, holder)

    with storage_errors(path, "downloading"):
        folder.mkdir(parents=True, exist_ok=True)
        with file_lock(folder / f".{remote.name}.lock", on_wait=waiting):
            if not path.exists():
                part = folder / f".{remote.name}.part"
                _download(remote, part, path)
                part.replace(path)
                sync_folder(folder)
    return _verified(path, remote)


def _verified(path: Path, remote: Remote) -> Path:
    record = path.with_name(f"{path.name}.sha256")
    expected = remote.sha256
    if remote.first_use and record.exists():
        expected = _recorded_sha256(record)
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
            "no SHA-256 of %s is published: %s is trusted on first use. From now on only the "
            "SHA-256 %s passes, as recorded in %s.",
            remote.name,
            path,
            found,
            record,
        )
    return path


def _recorded_sha256(record: Path) -> str:
    """Read the SHA-256 of the first copy, in the format of ``sha256sum``."""
    text = record.read_text("utf-8", errors="replace")
    if not (match := re.match(r"[0-9a-f]{64}(?=\s)", text)):
        raise ChecksumMismatch(
            f"{record} holds no SHA-256",
            why="it records the file that is trusted since its first use, and was changed",
            fix=f"rm {record}   (the file beside it is then trusted anew)",
        )
    return match.group()


class Broken(Exception):
    """A mirror did not deliver; the message says why."""


class Wrong(Exception):
    """A mirror delivered other bytes; the message says which."""


def _download(remote: Remote, part: Path, path: Path) -> None:
    """Fill the partial file from the first mirror that delivers the right bytes."""
    failures: list[str] = []
    wrong = False
    for url in remote.urls:
        for _ in range(_ATTEMPTS):
            if remote.first_use:
                # Without a SHA-256 nothing tells whether the rest belongs to this beginning.
                part.unlink(missing_ok=True)
            before = part.stat().st_size if part.exists() else 0
            try:
                _transfer(url, part, remote)
                return
            except Wrong as error:
                part.unlink(missing_ok=True)
                failures.append(f"{url}: {error}")
                wrong = True
                if not before:  # Else the beginning may have been wrong: once more, from 0.
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


def _transfer(url: str, part: Path, remote: Remote) -> None:
    """Append the missing bytes to the partial file, and verify the whole.

    Raises:
        Broken: If the mirror did not deliver. What came is kept.
        Wrong: If it delivered other bytes.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise Broken("only http and https addresses are used")
    done = part.stat().st_size if part.exists() else 0
    if remote.size and done > remote.size:
        part.unlink(missing_ok=True)
        done = 0
    if done != remote.size:
        _receive(url, part, done, remote.size or 0)
    found = sha256_file(part)
    if found != (remote.sha256 or found):
        raise Wrong(f"the SHA-256 is {found}, expected {remote.sha256}")


def _receive(url: str, part: Path, done: int, size: int) -> None:
    """Append what a server has from ``done`` on; a size of 0 is unknown."""
    headers = {"User-Agent": "neural-zoo", "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme is checked
    try:
        with urllib.request.build_opener(_Redirects).open(request, timeout=_TIMEOUT) as response:
            wanted = f"bytes {done}-{size - 1}/{size}"
            if done and response.status != 206:
                done = 0
            elif done and response.headers.get("Content-Range") != wanted:
                raise Wrong(f"it has {response.headers.get('Content-Range')}, expected {wanted}")
            length = response.headers.get("Content-Length")
            size = size or _announced_size(length)
            if not done and length is not None and length.strip() != str(size):
                raise Wrong(f"it has {length} bytes, expected {size}")
            with part.open("ab" if done else "wb") as stream:
                for block in _blocks(response):
                    done += len(block)
                    if done > size:
                        raise Wrong(f"it is longer than {size:,} bytes")
                    stream.write(block)
                stream.flush()
                os.fsync(stream.fileno())
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            raise Wrong("it is shorter than what is here already") from error
        raise Broken(f"it answered {error.code} {error.reason}") from error
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        TimeoutError,
        ConnectionError,
    ) as error:
        raise Broken(str(getattr(error, "reason", error)) or type(error).__name__) from error
    if done < size:
        raise Broken(f"it ended after {done:,} of {size:,} bytes")


def _announced_size(length: str | None) -> int:
    """Return the size that a server announces for a file of unknown size."""
    if length is None or not length.strip().isdecimal():
        raise Broken("it does not say how long it is, so that a cut off file could pass for whole")
    if not 0 < int(length) <= _LARGEST:
        raise Wrong(f"it has {length} bytes; up to {_LARGEST:,} are taken")
    return int(length)


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield what a server sends, as long as it is not too slow."""
    since, count = time.monotonic(), 0
    while True:
        try:
            block = response.read1(_BLOCK)
        except http.client.IncompleteRead as error:
            block = error.partial
        except (OSError, http.client.HTTPException) as error:
            raise Broken(f"the connection broke: {error}") from error
        if not block:
            return
        count += len(block)
        if (took := time.monotonic() - since) >= _TIMEOUT:
            if count < _SLOWEST:
                raise Broken(f"only {count:,} bytes came in {took:.0f} seconds")
            since, count = time.monotonic(), 0
        yield block


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to http and https, but not from https to http."""

    max_redirections = 5

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        before, after = (urllib.parse.urlsplit(url).scheme for url in (req.full_url, newurl))
        if after not in ("http", "https") or (before, after) == ("https", "http"):
            fp.close()
            raise Broken(f"it leads to {newurl}, which is not followed from {before}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
