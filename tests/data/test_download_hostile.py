"""Downloads from servers that change their file, stall, lie, lead elsewhere; and a full disk."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.data.loopback import DATA, Server, names, remote
from zoo.data.download import Remote, fetch
from zoo.environment import is_offline, without_network
from zoo.errors import ChecksumMismatch, DatasetUnavailable, StorageError

OTHER = DATA[::-1]


@pytest.fixture(autouse=True)
def _network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.data.download._TIMEOUT", 0.3)


def test_a_file_that_has_changed_meanwhile_is_downloaded_again(
    server: Server, tmp_path: Path
) -> None:
    server.files["/data.bin"] = OTHER
    server.cut = [100_000, 0, 0, 0]
    with pytest.raises(DatasetUnavailable):
        fetch(remote(server.url()))
    assert names(tmp_path) == {".data.bin.lock", ".data.bin.part"}
    server.files["/data.bin"] = DATA
    server.cut = []
    assert fetch(remote(server.url())).read_bytes() == DATA


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stalls_is_given_up_and_the_next_is_asked(
    server: Server, tmp_path: Path
) -> None:
    release = threading.Event()
    asked = iter([lambda: release.wait(30)])

    def stall_once() -> None:
        next(asked, lambda: None)()

    server.gate = stall_once
    server.files["/copy"] = DATA
    started = time.monotonic()
    try:
        found = fetch(remote(server.url(), server.url("/copy")))
    finally:
        release.set()
    assert found.read_bytes() == DATA
    assert time.monotonic() - started < 10
    assert server.requests[1][1] is not None  # what came was not thrown away


@pytest.mark.usefixtures("impatient")
def test_a_server_that_only_drips_is_given_up(server: Server, tmp_path: Path) -> None:
    server.drip = 0.02
    started = time.monotonic()
    with pytest.raises(DatasetUnavailable) as caught:
        fetch(remote(server.url()))
    assert "bytes came in" in caught.value.why
    assert time.monotonic() - started < 10


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("announced", [len(DATA) - 1, len(DATA) + 1, 10**15, 0, -5])
def test_a_length_that_is_a_lie_leaves_nothing_that_passes(
    announced: int, server: Server, tmp_path: Path
) -> None:
    server.announced = announced
    with pytest.raises((ChecksumMismatch, DatasetUnavailable)) as caught:
        fetch(remote(server.url()))
    assert server.url() in caught.value.why
    assert names(tmp_path) == {".data.bin.lock"}


def test_more_than_was_announced_is_not_taken(server: Server, tmp_path: Path) -> None:
    server.behind = b"x" * 100_000
    assert fetch(remote(server.url())).read_bytes() == DATA


def test_a_stream_without_a_length_is_taken_up_to_the_pinned_size(
    server: Server, tmp_path: Path
) -> None:
    server.chunked = True
    handler = server.RequestHandlerClass
    handler.protocol_version = "HTTP/1.1"  # type: ignore[attr-defined]
    try:
        assert fetch(remote(server.url())).read_bytes() == DATA
        (tmp_path / "datasets" / "data.bin").unlink()
        server.files["/data.bin"] = DATA * 3
        with pytest.raises(ChecksumMismatch) as caught:
            fetch(remote(server.url()))
        assert "longer than 300,000 bytes" in caught.value.why
        assert names(tmp_path) == {".data.bin.lock"}
    finally:
        handler.protocol_version = "HTTP/1.0"  # type: ignore[attr-defined]


def test_an_address_may_lead_to_another_one(server: Server, tmp_path: Path) -> None:
    server.leads_to = {"/old": "/older", "/older": server.url()}
    assert fetch(remote(server.url("/old"))).read_bytes() == DATA


@pytest.mark.parametrize(
    "target",
    ["file://{secret}", "ftp://127.0.0.1/x", "data:text/plain,x", "//", "gopher://127.0.0.1/x"],
)
def test_an_address_does_not_lead_out_of_the_web(
    target: str, server: Server, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(DATA)
    server.leads_to = {"/data.bin": target.format(secret=secret)}
    with pytest.raises(DatasetUnavailable) as caught:
        fetch(remote(server.url()))
    assert server.url() in caught.value.why
    assert names(tmp_path) == {".data.bin.lock"}


def test_an_address_that_leads_to_itself_ends(server: Server, tmp_path: Path) -> None:
    server.leads_to = {"/data.bin": "/data.bin"}
    with pytest.raises(DatasetUnavailable):
        fetch(remote(server.url()))
    assert len(server.requests) < 15


def test_what_was_safe_on_the_way_stays_so() -> None:
    import io
    import urllib.request

    from zoo.data.download import Broken, _Redirects

    asked = urllib.request.Request("https://127.0.0.1/x")
    rules = _Redirects()
    with pytest.raises(Broken, match="not followed from https"):
        rules.redirect_request(asked, io.BytesIO(), 302, "", {}, "http://127.0.0.1/x")
    assert rules.redirect_request(asked, io.BytesIO(), 302, "", {}, "https://127.0.0.1/y")


def test_mirrors_that_fail_are_named_in_their_order(server: Server, tmp_path: Path) -> None:
    server.files["/short"], server.files["/wrong"] = DATA[:10], OTHER
    urls = [server.url("/gone"), server.url("/short"), server.url("/wrong")]
    with pytest.raises(ChecksumMismatch) as caught:
        fetch(remote(*urls))
    lines = caught.value.why.splitlines()
    assert [line.strip().partition(": ")[0] for line in lines] == urls
    assert "404" in lines[0]
    assert "10 bytes" in lines[1]
    assert hashlib.sha256(OTHER).hexdigest() in lines[2]


def _fetch(url: str, said: Any) -> None:
    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.put((os.getpid(), record.getMessage()))

    logging.getLogger("zoo.data.download").addHandler(Said())
    fetch(remote(url))
    said.put((os.getpid(), "done"))


def test_two_processes_make_one_transfer_and_the_one_that_waits_says_so(
    server: Server, tmp_path: Path
) -> None:
    halfway, release = threading.Event(), threading.Event()
    server.gate = lambda: (halfway.set(), release.wait(60))
    context = multiprocessing.get_context("spawn")
    said = context.Queue()
    arguments = (server.url(), said)
    first, second = (context.Process(target=_fetch, args=arguments) for _ in range(2))
    first.start()
    assert halfway.wait(60)
    second.start()
    who, message = said.get(timeout=60)
    assert who == second.pid
    assert message.startswith(f"waiting for the download of data.bin: process {first.pid} ")
    release.set()
    assert sorted(said.get(timeout=60) for _ in range(2)) == sorted(
        [(first.pid, "done"), (second.pid, "done")]
    )
    for process in (first, second):
        process.join()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("ranges", "changed"), [(True, True), (False, False)], ids=["changed file", "no ranges"]
)
def test_a_download_that_is_killed_ends_in_the_right_bytes(
    ranges: bool, changed: bool, server: Server, tmp_path: Path
) -> None:
    halfway, release = threading.Event(), threading.Event()
    server.gate = lambda: (halfway.set(), release.wait(60))
    server.files["/data.bin"] = OTHER if changed else DATA
    script = (
        "import sys; from zoo.data.download import Remote, fetch\n"
        "fetch(Remote.model_validate_json(sys.argv[1]))"
    )
    pinned = remote(server.url())
    process = subprocess.Popen(
        [sys.executable, "-c", script, pinned.model_dump_json()],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    part = tmp_path / "datasets" / ".data.bin.part"
    assert halfway.wait(60)
    while not (part.exists() and part.stat().st_size > 100_000):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    release.set()
    server.gate = lambda: None
    server.ranges = ranges
    if changed:
        server.files["/data.bin"] = DATA
    assert fetch(pinned).read_bytes() == DATA
    assert names(tmp_path) == {"data.bin", ".data.bin.lock"}


def test_a_full_disk_keeps_what_came_and_says_so(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setenv("ZOO_CACHE", str(disk))
    words = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("this process may not mount a small file system")
    try:
        with pytest.raises(StorageError, match="no space left"):
            fetch(remote(server.url()))
        assert "data.bin" not in names(disk)
        subprocess.run(["mount", "-o", "remount,size=2m", str(disk)], check=True)
        assert fetch(remote(server.url())).read_bytes() == DATA
        assert server.requests[-1][1] is not None
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_lock_that_is_a_link_is_not_written_through(server: Server, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / ".data.bin.lock").symlink_to(precious)
    with pytest.raises(StorageError):
        fetch(remote(server.url()))
    assert precious.read_text() == "mine"
    assert server.requests == []


def test_the_network_can_be_forbidden_for_a_while(server: Server, tmp_path: Path) -> None:
    with without_network():
        assert is_offline()
        with pytest.raises(DatasetUnavailable):
            fetch(remote(server.url()))
    assert not is_offline()
    assert server.requests == []
    assert fetch(remote(server.url())).read_bytes() == DATA


def test_the_name_of_a_file_is_no_path() -> None:
    for name in ("../x", "a/b", ".hidden", "", "a\0b", "a b"):
        with pytest.raises(ValueError, match="name"):
            Remote(name=name, urls=("http://127.0.0.1/x",), size=1, sha256="0" * 64)
