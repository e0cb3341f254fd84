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
import http.client
import logging
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from zoo.config import Frozen
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


Progress = Callable[[int, int], None]
"""Called with the bytes that are there, and the bytes there will be."""

_BLOCK = 1 << 16
_TIMEOUT = 30.0
"""Seconds without a byte after which a server is given up, and in which so many must come:"""

_SLOWEST = 1 << 10
_LARGEST = 1 << 30
"""Bytes that a file of unknown size may have."""


class Broken(Exception):
    """One address did not deliver; the text says why."""


class Wrong(Exception):
    """One address delivered other bytes; the text says which."""


def transfer(
    url: str, part: Path, *, size: int | None, sha256: str | None, progress: Progress
) -> None:
    """Append to a part file what is missing of it, and verify the whole.

    Args:
        url: Where the file is.
        part: What is here of it; beside it stands which version of the address's file that is.
        size: The bytes of the whole; ``None`` takes those that the server says.
        sha256: The SHA-256 of the whole; ``None`` takes any.
        progress: Called as bytes arrive.

    Raises:
        Broken: If the address did not deliver. What came is kept.
        Wrong: If it delivered other bytes.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise Broken("only http and https addresses are used")
    done = part.stat().st_size if part.exists() else 0
    if size and done > size:
        forget(part)
        done = 0
    if done != size:
        _receive(url, part, done, size or 0, progress)
    found = sha256_file(part)
    if found != (sha256 or found):
        raise Wrong(f"the SHA-256 is {found}, expected {sha256}")


def _receive(url: str, part: Path, done: int, size: int, progress: Progress) -> None:
    headers = {"User-Agent": "neural-zoo", "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
        if version := _recorded_version(part, url):
            # A server whose file is another one by now sends the whole of it.
            headers["If-Range"] = version
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme is checked
    try:
        with _opener().open(request, timeout=_TIMEOUT) as response:
            wanted = f"bytes {done}-{size - 1}/{size}"
            if done and response.status != 206:
                done = 0
            elif done and response.headers.get("Content-Range") != wanted:
                raise Wrong(f"it has {response.headers.get('Content-Range')}, expected {wanted}")
            length = response.headers.get("Content-Length")
            size = size or _stated(length)
            if not done and length is not None and length.strip() != str(size):
                raise Wrong(f"it has {length} bytes, expected {size}")
            if not done:
                _record_version(part, url, response.headers.get("ETag"))
            pace = _Pace()
            with part.open("ab" if done else "wb") as stream:
                while block := _next(response):
                    pace.came(len(block))
                    done += len(block)
                    if done > size:
                        raise Wrong(f"it is longer than {size:,} bytes")
                    stream.write(block)
                    progress(done, size)
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


def _stated(length: str | None) -> int:
    """Return the size that a server gives a file of unknown size."""
    if length is None or not length.strip().isdecimal():
        raise Broken("it does not say how long it is, so that a cut off file could pass for whole")
    if not 0 < int(length) <= _LARGEST:
        raise Wrong(f"it has {length} bytes; up to {_LARGEST:,} are taken")
    return int(length)


def _next(response: http.client.HTTPResponse) -> bytes:
    """Read one block; what a broken connection still delivered is not thrown away."""
    try:
        return response.read1(_BLOCK)
    except http.client.IncompleteRead as error:
        return error.partial
    except (OSError, http.client.HTTPException) as error:
        raise Broken(f"the connection broke: {error}") from error


class _Pace:
    """Gives a server up that sends, but so slowly that nobody would wait for it."""

    def __init__(self) -> None:
        self._since, self._bytes = time.monotonic(), 0

    def came(self, count: int) -> None:
        self._bytes += count
        now = time.monotonic()
        if now - self._since < _TIMEOUT:
            return
        if self._bytes < _SLOWEST:
            raise Broken(f"only {self._bytes:,} bytes came in {now - self._since:.0f} seconds")
        self._since, self._bytes = now, 0


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows an address to another one that is no less safe."""

    max_redirections = 5

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        before, after = (urllib.parse.urlsplit(url).scheme for url in (req.full_url, newurl))
        if after not in ("http", "https") or (before, after) == ("https", "http"):
            fp.close()
            raise Broken(f"it leads to {newurl}, which is not followed from {before}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses of http and https, and of no other kind."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def version_of(part: Path) -> Path:
    """Return the file that says of which version of what address a part is."""
    return part.with_name(f"{part.name}.from")


def _record_version(part: Path, url: str, version: str | None) -> None:
    """Remember the version that a server gives the file that is about to come."""
    record = version_of(part)
    # A weak one promises the same meaning, not the same bytes.
    if version is None or not re.fullmatch(r'"[\x21\x23-\x7e]{1,200}"', version):
        record.unlink(missing_ok=True)
        return
    record.write_text(f"{url}\n{version}\n", "utf-8")


def _recorded_version(part: Path, url: str) -> str | None:
    """Return the version of what is here, if it came from that address."""
    try:
        lines = version_of(part).read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    return lines[1] if len(lines) == 2 and lines[0] == url else None


def forget(part: Path) -> None:
    """Throw away what came."""
    part.unlink(missing_ok=True)
    version_of(part).unlink(missing_ok=True)
