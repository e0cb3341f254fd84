"""The photos of aircraft damage: from their archive, from a server, from a folder."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.data import Remote
from zoo.errors import (
    BadRecord,
    ChecksumMismatch,
    ConfigError,
    DataError,
    DatasetUnavailable,
    UnsafeArchive,
)
from zoo_aircraft.datasets import PhotoOptions, load_photos

PIL_Image = pytest.importorskip("PIL.Image", reason="the photos of these tests are made by Pillow")

TOP = "aircraft_damage_dataset_v1"
COUNTS = {"train": 3, "valid": 2, "test": 1}


def photo(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8)
    stream = io.BytesIO()
    PIL_Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def members(top: str = f"{TOP}/", kinds: tuple[str, str] = ("crack", "dent")) -> dict[str, bytes]:
    found = {f"{top}README.roboflow.txt": b"about", f"{top}train/crack/._0.jpg": b"clutter"}
    for number, (split, count) in enumerate(COUNTS.items()):
        for kind in kinds:
            for index in range(count):
                seed = 100 * number + 10 * kinds.index(kind) + index
                found[f"{top}{split}/{kind}/{index}.jpg"] = photo(seed)
    return found


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    return tmp_path / "cache" / "datasets"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answer everything with one body."""

    body = b""

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[http.server.HTTPServer]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(Handler, "body", archive(members()))
    running = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def test_the_spec_is_known_before_anything_is_loaded(cache: Path) -> None:
    spec = zoo.dataset("aircraft_damage").spec
    assert spec.labels == ("crack", "dent")
    assert spec.inputs[0].shape == (224, 224, 3)
    assert zoo.dataset("aircraft_damage", image_size="48x64").spec.inputs[0].shape == (48, 64, 3)
    with pytest.raises(ConfigError):
        zoo.dataset("aircraft_damage", image_size=0)


def test_the_archive_is_downloaded_trusted_once_and_unpacked(
    server: http.server.HTTPServer,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("ZOO_OFFLINE")
    url = f"http://127.0.0.1:{server.server_address[1]}/a.tar"
    remote = Remote(name="a.tar", urls=(url,), size=None, sha256=None, first_use=True)
    monkeypatch.setattr("zoo_aircraft.datasets.PHOTOS_REMOTE", remote)
    options = PhotoOptions(image_size=32)
    for _ in range(2):
        splits = load_photos(options)
        sizes = {name: len(split) for name, split in splits.items()}
        assert sizes == {"train": 6, "validation": 4, "test": 2}
    digest = hashlib.sha256(Handler.body).hexdigest()
    assert caplog.text.count("trusted on first use") == 1 and digest in caplog.text
    assert (cache / f"aircraft_damage-{digest[:16]}" / TOP / "train" / "dent").is_dir()
    images, labels = splits["train"].take(np.arange(6))
    assert images["image"].shape == (6, 32, 32, 3)
    assert labels["label"].tolist() == [0, 0, 0, 1, 1, 1]
    (cache / "a.tar").write_bytes(archive(members(top="other/")))
    with pytest.raises(ChecksumMismatch):
        load_photos(options)


def test_a_local_archive_or_folder_will_do(cache: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.tar"
    copy.write_bytes(archive(members()))
    data = zoo.dataset("aircraft_damage", file=str(copy))
    assert data.sizes() == {"train": 6, "validation": 4, "test": 2}
    unpacked = next(cache.glob("aircraft_damage-*"))
    for folder in (unpacked, unpacked / TOP):
        again = zoo.dataset("aircraft_damage", file=str(folder))
        assert again.fingerprint == data.fingerprint
    flat = tmp_path / "flat.tar"
    flat.write_bytes(archive(members(top="./")))
    assert zoo.dataset("aircraft_damage", file=str(flat)).fingerprint == data.fingerprint


def test_without_it_and_offline_it_is_said_where_to_put_it(cache: Path) -> None:
    with pytest.raises(DatasetUnavailable, match="aircraft_damage_dataset_v1.tar") as caught:
        zoo.dataset("aircraft_damage").sizes()
    assert str(cache / "aircraft_damage_dataset_v1.tar") in caught.value.fix


def without(files: dict[str, bytes], part: str) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if part not in name}


BAD: dict[str, tuple[dict[str, bytes], type[Exception], str]] = {
    "a split missing": (without(members(), "/valid/"), DataError, "train, valid and test"),
    "a class missing": (without(members(), "/dent/"), DataError, "only one class, 'crack'"),
    "other classes": (members(kinds=("crack", "scratch")), DataError, "crack, scratch"),
    "no images": ({"readme.txt": b"hello"}, BadRecord, "none of the expected"),
    "a path that leaves": (members() | {"../x.jpg": b""}, UnsafeArchive, "is not read"),
    "a broken photo": (
        members() | {f"{TOP}/test/dent/9.jpg": photo(1)[:300]},
        BadRecord,
        r"test/dent/9\.jpg",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_another_archive_is_refused(cache: Path, tmp_path: Path, case: str) -> None:
    files, error, says = BAD[case]
    path = tmp_path / "a.tar"
    path.write_bytes(archive(files))
    data = zoo.dataset("aircraft_damage", file=str(path), image_size=32)
    with pytest.raises(error, match=says):
        data.split("test").arrays()


def test_what_is_no_archive_or_not_there_is_named(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"this is no archive")
    for name in ("a.tar", "gone.tar"):
        with pytest.raises(BadRecord, match=name.replace(".", r"\.")):
            zoo.dataset("aircraft_damage", file=str(tmp_path / name)).sizes()
