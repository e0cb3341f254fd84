"""One file from one address: appended to what is here of it, and verified.

A transfer that breaks goes on where it stopped, unless the server says that its file is another by
now. An address may lead to another one, but not from https to what anybody on the way can read,
nor to anything but http and https.
"""

from __future__ import annotations

import http.client
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.files import sha256_file

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


__all__ = ["Broken", "Progress", "Wrong", "forget", "transfer", "version_of"]
