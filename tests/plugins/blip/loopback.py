"""A hub on the loopback: enough of the protocol for the package huggingface_hub."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "fedcba9876543210fedcba9876543210fedcba98"


class Hub(http.server.ThreadingHTTPServer):
    """Repositories of files.

    Attributes:
        files: By ``OWNER/NAME``, revision and file: the bytes.
        commits: Of branches and tags.
        requests: What was asked, as method and path.
        status: What is answered instead, if not 0.
        cut: How many bytes of a weights' file are sent, if not all.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.commits = {"main": COMMIT, "refs/pr/50": OTHER}
        self.requests: list[tuple[str, str]] = []
        self.status = 0
        self.cut: int | None = None
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients hang up on purpose."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def fetched(self) -> list[str]:
        """The files that were sent; the client also asks for lists of its own."""
        asked = [path for method, path in self.requests if method == "GET" and "/resolve/" in path]
        return [path.rpartition("/")[2] for path in asked]

    def publish(self, name: str, folder: Path, revision: str = "main", *only: str) -> None:
        commit = self.commits.get(revision, revision)
        for file in folder.iterdir():
            if not only or file.name in only:
                self.files[name, commit, file.name] = file.read_bytes()


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    server: Hub

    def log_message(self, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        self.server.requests.append((self.command, self.path))
        repository, slash, rest = self.path.removeprefix("/").partition("/resolve/")
        revision, _, file = rest.replace("%2F", "/").rpartition("/")
        commit = self.server.commits.get(revision, revision)
        known = any(name == repository for name, *_ in self.server.files)
        data = self.server.files.get((repository, commit, file))
        if self.server.status:
            self.refuse(self.server.status, "")
        elif not slash or not known:
            self.refuse(404, "RepoNotFound")
        elif data is None:
            there = any(key[:2] == (repository, commit) for key in self.server.files)
            self.refuse(404, "EntryNotFound" if there else "RevisionNotFound", commit)
        else:
            self.give(data, commit, body=body, large=file.endswith(".safetensors"))

    def refuse(self, status: int, code: str, commit: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def give(self, data: bytes, commit: str, *, body: bool, large: bool) -> None:
        start = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("X-Repo-Commit", commit)
        tag = hashlib.sha256(data).hexdigest()
        self.send_header("ETag", f'"{tag[:40]}"')
        if large:
            self.send_header("X-Linked-Etag", f'"{tag}"')
            self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if body:
            end = self.server.cut if large and self.server.cut is not None else len(data)
            self.wfile.write(data[start:end])


@contextmanager
def running() -> Iterator[Hub]:
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield hub
    hub.shutdown()
    hub.server_close()
    thread.join()


__all__ = ["COMMIT", "OTHER", "Hub", "running"]
