"""Downloads: only the pinned bytes, whatever the network, another process or a kill does."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.data.loopback import DATA, Handler, Server, names, remote
from zoo.data.dataset import arrays_digest
from zoo.data.download import Remote, fetch
from zoo.environment import cache_dir, is_offline
from zoo.errors import ChecksumMismatch, DatasetUnavailable, StorageError


@pytest.fixture(autouse=True)
def _network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "*")


def test_a_file_is_downloaded_once_and_kept(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        path = fetch(remote(server.url()))
        assert path == tmp_path / "datasets" / "data.bin"
        assert path.read_bytes() == DATA
    assert server.requests == [("/data.bin", None)]
    assert names(tmp_path) == {"data.bin", ".data.bin.lock"}


def test_a_transfer_that_breaks_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.cut = [100_000, 50_000]
    assert fetch(remote(server.url())).read_bytes() == DATA
    assert [wanted for _, wanted in server.requests] == [None, "bytes=100000-", "bytes=150000-"]


def test_what_came_is_kept_for_a_later_call(server: Server, tmp_path: Path) -> None:
    server.cut = [1_000, 1_000, 1_000]
    with pytest.raises(DatasetUnavailable, match="could not be downloaded") as caught:
        fetch(remote(server.url()))
    assert "ended after 3,000 of 300,000 bytes" in caught.value.why
    assert "data.bin" not in names(tmp_path)
    assert fetch(remote(server.url())).read_bytes() == DATA
    assert server.requests[-1][1] == "bytes=3000-"


def test_a_server_without_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    server.ranges, server.cut = False, [100_000]
    assert fetch(remote(server.url())).read_bytes() == DATA


def test_a_part_with_a_wrong_beginning_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    part = tmp_path / "datasets" / ".data.bin.part"
    for wrong in (b"x" * 1_000, b"x" * len(DATA), b"x" * (len(DATA) + 1)):
        part.write_bytes(wrong)
        path = fetch(remote(server.url()))
        assert path.read_bytes() == DATA
        path.unlink()


def test_a_wrong_hash_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.files["/data.bin"] = DATA[:-1] + b"?"
    with pytest.raises(ChecksumMismatch, match="no address has") as caught:
        fetch(remote(server.url()))
    assert hashlib.sha256(DATA).hexdigest() in caught.value.why
    assert names(tmp_path) == {".data.bin.lock"}


@pytest.mark.parametrize("length", [1, 299_999, 300_001, 900_000])
def test_a_wrong_size_leaves_nothing(server: Server, tmp_path: Path, length: int) -> None:
    server.files["/data.bin"] = (DATA * 3)[:length]
    with pytest.raises(ChecksumMismatch, match="no address has"):
        fetch(remote(server.url()))
    assert names(tmp_path) == {".data.bin.lock"}


def test_mirrors_are_tried_in_order(server: Server, tmp_path: Path) -> None:
    server.files["/bad"] = b"<html>not found</html>"
    urls = [server.url(path) for path in ("/gone", "/bad", "/data.bin")]
    dead = "http://127.0.0.1:9/data.bin"
    assert fetch(remote(dead, "ftp://127.0.0.1/x", *urls)).read_bytes() == DATA
    assert [path for path, _ in server.requests] == ["/gone", "/bad", "/data.bin"]


def test_one_mirror_goes_on_where_another_stopped(server: Server, tmp_path: Path) -> None:
    server.files["/copy"] = DATA
    server.cut = [10, 10, 10]
    assert fetch(remote(server.url(), server.url("/copy"))).read_bytes() == DATA
    assert server.requests[-1] == ("/copy", "bytes=30-")


def test_every_failure_is_listed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailable) as caught:
        fetch(remote(server.url("/gone"), "http://127.0.0.1:9/x"))
    assert "404" in caught.value.why and "127.0.0.1:9" in caught.value.why
    assert str(tmp_path / "datasets" / "data.bin") in caught.value.fix


def test_offline_nothing_is_asked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert is_offline()
    with pytest.raises(DatasetUnavailable, match="ZOO_OFFLINE"):
        fetch(remote(server.url()))
    assert server.requests == []
    assert not (tmp_path / "datasets").exists()
    monkeypatch.setenv("ZOO_OFFLINE", "0")
    assert not is_offline()


def test_a_file_placed_by_hand_is_used_if_it_is_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    (tmp_path / "datasets").mkdir()
    placed = tmp_path / "datasets" / "data.bin"
    placed.write_bytes(DATA)
    assert fetch(remote("http://127.0.0.1:9/x")) == placed
    for wrong in (b"", DATA + b"?", b"?" + DATA[1:]):
        placed.write_bytes(wrong)
        with pytest.raises(ChecksumMismatch, match="is not the file"):
            fetch(remote("http://127.0.0.1:9/x"))
        assert placed.read_bytes() == wrong


def test_a_cache_that_cannot_be_written_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "datasets").write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        fetch(remote(server.url()))


def test_a_download_that_is_killed_goes_on_later(server: Server, tmp_path: Path) -> None:
    halfway, release = threading.Event(), threading.Event()
    server.gate = lambda: (halfway.set(), release.wait(60))
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
    assert names(tmp_path) == {".data.bin.lock", ".data.bin.lock.json", ".data.bin.part"}
    kept = part.stat().st_size
    assert fetch(pinned).read_bytes() == DATA
    assert server.requests[-1][1] == f"bytes={kept}-"


def test_mnist_comes_through_its_pins(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo_datasets.images import MnistOptions, load_mnist

    rng = np.random.default_rng(1)
    arrays = {
        "x_train": rng.integers(0, 256, (6_000, 28, 28), np.uint8),
        "y_train": np.repeat(np.arange(10, dtype=np.uint8), 600),
        "x_test": rng.integers(0, 256, (100, 28, 28), np.uint8),
        "y_test": np.repeat(np.arange(10, dtype=np.uint8), 10),
    }
    np.savez(tmp_path / "copy.npz", **arrays)
    data = (tmp_path / "copy.npz").read_bytes()
    server.files["/mnist.npz"] = data
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    pinned = remote(server.url("/mnist.npz"), data=data)
    monkeypatch.setattr("zoo_datasets.images.MNIST_REMOTE", pinned)
    with pytest.raises(ChecksumMismatch, match="MNIST"):
        load_mnist(MnistOptions())
    monkeypatch.setattr("zoo_datasets.images.MNIST_SHA256", arrays_digest(arrays))
    splits = load_mnist(MnistOptions())
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 1_000,
        "validation": 5_000,
        "test": 100,
    }


def unpublished(*urls: str) -> Remote:
    return Remote(name="data.bin", urls=urls, size=None, sha256=None, first_use=True)


def test_what_comes_first_is_recorded_and_said_once(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        path = fetch(unpublished(server.url()))
        assert path.read_bytes() == DATA
    digest = hashlib.sha256(DATA).hexdigest()
    assert (tmp_path / "datasets" / "data.bin.sha256").read_text() == f"{digest}  data.bin\n"
    assert len(server.requests) == 1
    assert len(caplog.messages) == 1
    assert all(word in caplog.text for word in ("data.bin", "trusted on first use", digest))


def test_after_the_first_use_nothing_else_passes(server: Server, tmp_path: Path) -> None:
    path = fetch(unpublished(server.url()))
    digest = hashlib.sha256(DATA).hexdigest()
    path.write_bytes(DATA[::-1])
    with pytest.raises(ChecksumMismatch, match="is not the file data.bin") as caught:
        fetch(unpublished(server.url()))
    assert digest in caught.value.why
    path.unlink()
    server.files["/data.bin"] = b"another file"
    with pytest.raises(ChecksumMismatch) as caught:
        fetch(unpublished(server.url()))
    assert digest in caught.value.why
    path.unlink(missing_ok=True)
    server.files["/data.bin"] = DATA
    assert fetch(unpublished(server.url())).read_bytes() == DATA


def test_a_file_placed_by_hand_is_the_first_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(DatasetUnavailable, match="ZOO_OFFLINE") as caught:
        fetch(unpublished("http://127.0.0.1:9/x"))
    assert "of unknown size" in caught.value.why
    (tmp_path / "datasets").mkdir()
    placed = tmp_path / "datasets" / "data.bin"
    placed.write_bytes(b"mine")
    assert fetch(unpublished("http://127.0.0.1:9/x")) == placed
    assert hashlib.sha256(b"mine").hexdigest() in caplog.text
    placed.write_bytes(b"not mine")
    with pytest.raises(ChecksumMismatch):
        fetch(unpublished("http://127.0.0.1:9/x"))


def test_a_record_that_was_changed_is_refused(server: Server, tmp_path: Path) -> None:
    fetch(unpublished(server.url()))
    for text in ("", "no hash", "f" * 63 + "\n", "F" * 64 + "\n"):
        (tmp_path / "datasets" / "data.bin.sha256").write_text(text)
        with pytest.raises(ChecksumMismatch, match=r"data\.bin\.sha256 holds no SHA-256"):
            fetch(unpublished(server.url()))
    (tmp_path / "datasets" / "data.bin.sha256").write_text("f" * 64 + "  data.bin\n")
    with pytest.raises(ChecksumMismatch, match="is not the file"):
        fetch(unpublished(server.url()))


def test_without_a_hash_a_broken_transfer_starts_over(server: Server, tmp_path: Path) -> None:
    server.cut = [100_000, 50_000]
    assert fetch(unpublished(server.url())).read_bytes() == DATA
    assert [wanted for _, wanted in server.requests] == [None, None, None]


def test_a_file_of_unknown_size_must_say_how_long_it_is(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.data.download._LARGEST", len(DATA) - 1)
    with pytest.raises(ChecksumMismatch) as caught:
        fetch(unpublished(server.url()))
    assert "299,999 are taken" in caught.value.why
    monkeypatch.setattr(Handler, "send_header", lambda *_: None)
    with pytest.raises(DatasetUnavailable) as caught:
        fetch(unpublished(server.url()))
    assert "does not say how long it is" in caught.value.why
    assert names(tmp_path) == {".data.bin.lock"}


def test_only_a_file_without_a_hash_is_trusted_on_first_use() -> None:
    for size, sha256, first_use in ((1, "0" * 64, True), (None, None, False), (None, "0" * 64, 0)):
        with pytest.raises(ValueError, match="first use"):
            Remote(name="a", urls=("http://a",), size=size, sha256=sha256, first_use=first_use)
