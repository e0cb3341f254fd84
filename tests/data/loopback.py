"""A server on the loopback that has every fault a server can have, and what tests ask of it."""

from __future__ import annotations

import hashlib
import http.server
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.download import Remote

DATA = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()


class Server(http.server.ThreadingHTTPServer):
    """Files on the loopback, with faults on demand."""

    daemon_threads = True

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"/data.bin": DATA}
        self.requests: list[tuple[str, str | None]] = []
        self.cut: list[int] = []
        self.leads_to: dict[str, str] = {}
        self.announced: int | None = None
        self.behind = b""
        self.chunked = False
        self.drip: float | None = None
        self.ranges = True
        self.gate: Callable[[], object] = lambda: None
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the clients of these tests hang up on purpose."""

    def url(self, path: str = "/data.bin") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        if target := self.server.leads_to.get(self.path):
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = self.server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start = 0
        if wanted and self.server.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        body = data[start:]
        length = len(body) if self.server.announced is None else self.server.announced
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self._send(body)

    def _send(self, body: bytes) -> None:
        if self.server.chunked:
            for place in range(0, len(body), 50_000):
                block = body[place : place + 50_000]
                self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
            return
        if self.server.drip is not None:
            for byte in body[:200]:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(self.server.drip)
            return
        if self.server.cut:
            body = body[: self.server.cut.pop(0)]
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        self.server.gate()
        self.wfile.write(body[half:] + self.server.behind)


def remote(*urls: str, data: bytes = DATA, size: int | None = None) -> Remote:
    return Remote(
        name="data.bin",
        urls=urls,
        size=size or len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def names(cache: Path) -> set[str]:
    return {file.name for file in (cache / "datasets").iterdir()}
