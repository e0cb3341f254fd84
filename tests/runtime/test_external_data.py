"""External data: what runs is what was checked, and nothing else is read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings, strategies as st

from zoo.errors import Incompatible, StorageError, Tampered
from zoo.files import sha256_json
from zoo.runtime import Session, artifact_files, bench, diff, load, verify
from zoo.runtime.onnx_inspection import DataFile, Slice, inspect_graph
from zoo_serve import open_models

Copy = Callable[[], Path]

GRAPH, DATA = "model.onnx", "model.onnx.data"
ROWS = np.linspace(-1, 1, 20, dtype="float32").reshape(5, 4)


@pytest.fixture
def copied(parted_artifact: Path, tmp_path: Path) -> Copy:
    """Make a copy of the artifact that a test may spoil."""
    count = iter(range(1000))
    return lambda: Path(shutil.copytree(parted_artifact, tmp_path / f"copy{next(count)}"))


@pytest.fixture
def unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where onnxruntime is asked to open anything."""

    def opened(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("onnxruntime was asked to open it")

    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have temporary files in a folder of this test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def _listed(folder: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the list of files in the manifest as someone would who knows how it is made."""
    data = json.loads((folder / "manifest.json").read_text())
    data.pop("sha256")
    change(data["files"])
    data["sha256"] = sha256_json(data)
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=True) + "\n"
    (folder / "manifest.json").write_text(text)


def _replace(folder: Path, name: str, raw: bytes) -> None:
    """Replace a file and enter its new hash."""
    (folder / name).write_bytes(raw)
    changed = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    _listed(folder, lambda files: next(f for f in files if f["name"] == name).update(changed))


def _answers(session: Session) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = session.run({"x": ROWS})["probabilities"]
    return found


def test_predictions_equal_those_of_the_same_weights_in_one_file(
    parted_artifact: Path, whole_artifact: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scratch)  # where a runtime would look for a file that it knows by name
    parted, whole = load(parted_artifact), load(whole_artifact)
    assert not (whole_artifact / DATA).exists()
    np.testing.assert_array_equal(_answers(parted), _answers(whole))
    assert parted.predict(ROWS).labels == whole.predict(ROWS).labels
    assert list(scratch.iterdir()) == []


def test_such_an_artifact_verifies_and_is_measured_and_served(
    parted_artifact: Path, scratch: Path
) -> None:
    report = verify(parted_artifact)
    assert report.files == 5
    assert report.bytes > (parted_artifact / DATA).stat().st_size > 1_500_000
    assert bench(parted_artifact, batches=(3,), seconds=0.01)[0].batch == 3
    (model,) = open_models(parted_artifact.parent)
    np.testing.assert_array_equal(
        model.run({"x": ROWS})["probabilities"], _answers(load(parted_artifact))
    )
    assert list(scratch.iterdir()) == []


def test_weights_compare_equal_inside_and_outside_the_file(
    parted_artifact: Path, whole_artifact: Path
) -> None:
    found = diff(whole_artifact, parted_artifact)
    assert not (found.graphs or found.interface)
    assert {change.what for change in found.files} == {GRAPH, DATA}


def test_onnxruntime_maps_a_copy_that_is_private_and_gone_afterwards(
    copied: Copy, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, real, seen = copied(), onnxruntime.InferenceSession, []

    def opened(given: Any, *args: Any, **kwargs: Any) -> Any:
        place = Path(given).parent
        seen.append((place.parent, stat.S_IMODE(place.stat().st_mode)))
        # Whoever may write to the artifact's folder does so now.
        (folder / DATA).write_bytes(bytes((folder / DATA).stat().st_size))
        (folder / GRAPH).unlink()
        return real(given, *args, **kwargs)

    wanted = _answers(load(folder))
    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)
    np.testing.assert_array_equal(_answers(load(folder)), wanted)
    assert seen == [(scratch, 0o700)]
    assert list(scratch.iterdir()) == []


def _shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _other(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"\xff")


def _soft(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def _hard(path: Path) -> None:
    os.link(path, path.parent.parent / "second")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (Path.unlink, "cannot be read|is missing"),
        (_shorter, "the manifest says"),
        (_longer, "the manifest says"),
        (lambda path: path.write_bytes(b""), "the manifest says"),
        (_other, "SHA-256 differs"),
        (_soft, "symbolic link"),
        (_hard, "hard link"),
        (_pipe, "is not a file"),
        (_folder, "is not a file"),
    ],
)
def test_a_data_file_that_is_not_the_published_one_is_not_opened(
    copied: Copy, scratch: Path, unopened: None, spoil: Callable[[Path], object], says: str
) -> None:
    folder = copied()
    spoil(folder / DATA)
    for action in (load, verify):
        with pytest.raises((Tampered, Incompatible)) as caught:
            action(folder)
        assert DATA in caught.value.what
        assert re.search(says, f"{caught.value.what} {caught.value.why}")
        assert list(scratch.iterdir()) == []


def test_a_data_file_counts_only_if_it_is_listed_and_a_graphs_own(
    copied: Copy, unopened: None
) -> None:
    unlisted = copied()
    _listed(unlisted, lambda files: files.remove(next(f for f in files if f["name"] == DATA)))
    with pytest.raises(Incompatible, match=GRAPH) as caught:
        load(unlisted)
    assert "outside the file" in caught.value.why
    foreign = copied()
    (foreign / DATA).rename(foreign / "other.onnx.data")
    _listed(
        foreign,
        lambda files: next(f for f in files if f["name"] == DATA).update(name="other.onnx.data"),
    )
    with pytest.raises(Incompatible, match=GRAPH):
        load(foreign)
    with pytest.raises(Tampered, match="list of files"):
        verify(foreign)


def test_a_data_file_over_its_own_limit_is_not_read(
    copied: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied()
    heavy = (folder / DATA).stat().st_size
    monkeypatch.setattr(artifact_files, "MAX_DATA_BYTES", heavy - 1)
    with pytest.raises(Incompatible, match=DATA):
        load(folder)


def test_no_room_for_the_copy_is_said_before_anything_is_written(
    copied: Copy, scratch: Path, unopened: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(total=2**40, used=2**40 - 1000, free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(StorageError, match="has no room") as caught:
        load(copied())
    assert "TMPDIR" in caught.value.fix
    assert list(scratch.iterdir()) == []


# What a hostile graph says of where its constants lie.


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _field(number: int, payload: bytes | int) -> bytes:
    if isinstance(payload, int):
        return _varint(number << 3) + _varint(payload)
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _entry(key: str, value: str) -> bytes:
    return _field(13, _field(1, key.encode()) + _field(2, value.encode()))


def _tensor(
    location: str = DATA,
    offset: str = "0",
    length: str = "16",
    *,
    shape: tuple[int, ...] = (2, 2),
    kind: int = 1,
    name: bytes = b"w",
    more: bytes = b"",
) -> bytes:
    dims = b"".join(_field(1, size) for size in shape)
    place = _entry("location", location) + _entry("offset", offset) + _entry("length", length)
    return dims + _field(2, kind) + _field(8, name) + place + _field(14, 1) + more


_NODE = _field(1, _field(1, b"x") + _field(2, b"y") + _field(4, b"Relu"))


def _model(*graph: bytes) -> bytes:
    return _field(1, 8) + _field(7, b"".join((_NODE, *graph))) + _field(8, _field(2, 18))


def _constant(tensor: bytes) -> bytes:
    return _field(5, tensor)


BARE = _field(1, 4) + _field(2, 1) + _field(8, b"w")
HOSTILE = {
    "an absolute path": _constant(_tensor("/etc/passwd")),
    "a path upwards": _constant(_tensor(f"../{DATA}")),
    "a path that comes back": _constant(_tensor(f"./{DATA}")),
    "a folder": _constant(_tensor(f"weights/{DATA}")),
    "another file of the artifact": _constant(_tensor("card.md")),
    "the graph itself": _constant(_tensor(GRAPH)),
    "the data of another graph": _constant(_tensor("encode.onnx.data")),
    "no name": _constant(_tensor("")),
    "a name with a zero byte": _constant(_tensor(f"{DATA}\0")),
    "an address in memory": _constant(_tensor("*/_ORT_MEM_ADDR_/*", "140000000000000")),
    "behind the end": _constant(_tensor(offset="1000")),
    "over the end": _constant(_tensor(offset="992")),
    "a length over the end": _constant(_tensor(length="1008", shape=(252,))),
    "an offset that overflows": _constant(_tensor(offset=str(2**64 - 8))),
    "a length that overflows": _constant(_tensor(length=str(2**64 - 8))),
    "a negative offset": _constant(_tensor(offset="-16")),
    "an offset with a sign": _constant(_tensor(offset="+0")),
    "an offset in other digits": _constant(_tensor(offset="٠")),
    "a hexadecimal length": _constant(_tensor(length="0x10")),
    "a length with a blank": _constant(_tensor(length="16 ")),
    "no offset and length": _constant(BARE + _entry("location", DATA) + _field(14, 1)),
    "no place": _constant(BARE + _field(14, 1)),
    "a length of another shape": _constant(_tensor(length="12")),
    "a negative size": _constant(_tensor(shape=(2**64 - 2, 2**64 - 2))),
    "texts": _constant(_tensor(kind=8)),
    "numbers of four bits": _constant(_tensor(kind=22, length="2")),
    "no type": _constant(_tensor(kind=0)),
    "a second location": _constant(_tensor(more=_entry("location", "/etc/passwd"))),
    "a second length": _constant(_tensor(more=_entry("length", "64"))),
    "an unknown key": _constant(_tensor(more=_entry("basepath", "/etc"))),
    "elements of its own": _constant(_tensor(more=_field(9, bytes(16)))),
    "a second type": _constant(_tensor(more=_field(2, 11))),
    "a second name": _constant(_tensor(more=_field(8, b"v"))),
    "a second size": _constant(_tensor(more=_field(1, 7))),
    "data elsewhere, and not": _constant(_tensor(more=_field(14, 0))),
    "data elsewhere in another way": _constant(_tensor(more=_field(14, 2))),
    "a key that is said twice": _constant(
        _tensor(more=_field(13, _field(1, b"k") + _field(1, b"location") + _field(2, b"/etc")))
    ),
    "two that overlap": _constant(_tensor()) + _constant(_tensor(offset="8", name=b"v")),
    "an order of its own": _constant(_tensor(offset="64")) + _constant(_tensor(name=b"v")),
    "inside of a node": _constant(_tensor())
    + _field(1, _field(4, b"Constant") + _field(5, _field(1, b"value") + _field(5, _tensor()))),
    "inside of a body": _constant(_tensor())
    + _field(1, _field(4, b"If") + _field(5, _field(6, _NODE + _constant(_tensor())))),
    "a sparse one": _constant(_tensor()) + _field(15, _field(1, _tensor())),
    "nothing": _constant(BARE + _field(9, bytes(16))),
}


def test_the_same_graph_without_anything_hostile_is_accepted() -> None:
    graph = _model(_constant(_tensor()), _constant(_tensor(offset="64", name=b"v")))
    facts = inspect_graph(graph, GRAPH, data=DataFile(DATA, 1000))
    assert facts.external == [
        Slice("w", "float32", (2, 2), 0, 16),
        Slice("v", "float32", (2, 2), 64, 16),
    ]


@pytest.mark.parametrize("kind", HOSTILE)
def test_any_other_external_data_is_refused_before_onnxruntime_opens_it(
    copied: Copy, unopened: None, scratch: Path, kind: str
) -> None:
    folder = copied()
    _replace(folder, DATA, bytes(1000))
    _replace(folder, GRAPH, _model(HOSTILE[kind]))
    for action in (load, verify):
        with pytest.raises(Incompatible, match=GRAPH) as caught:
            action(folder)
        assert "was not opened" in caught.value.what
    assert list(scratch.iterdir()) == []


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_offset_and_length_is_refused_or_inside_the_file(data: st.DataObject) -> None:
    number = st.one_of(st.integers(-5, 2000), st.integers(0, 2**70)).map(str)
    raw = bytearray(
        _tensor(
            data.draw(st.sampled_from([DATA, DATA, DATA, "other", "/x"])),
            data.draw(number),
            data.draw(number),
            shape=tuple(data.draw(st.lists(st.integers(0, 2**40), max_size=3))),
            kind=data.draw(st.integers(0, 25)),
        )
    )
    for _ in range(data.draw(st.integers(0, 2))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(Incompatible):
        graph = _model(_constant(bytes(raw)))
        (found,) = inspect_graph(graph, GRAPH, data=DataFile(DATA, 1000)).external
        assert 0 <= found.offset <= found.offset + found.length <= 1000
        assert np.prod(found.shape) * np.dtype(found.dtype).itemsize == found.length


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10**9), flip=st.integers(1, 255))
def test_any_flipped_bit_of_the_weights_is_detected(
    place: int, flip: int, parted_artifact: Path
) -> None:
    with tempfile.TemporaryDirectory() as room:
        folder = Path(shutil.copytree(parted_artifact, Path(room) / "copy"))
        raw = bytearray((folder / DATA).read_bytes())
        raw[place % len(raw)] ^= flip
        (folder / DATA).write_bytes(bytes(raw))
        with pytest.raises(Tampered, match=DATA):
            load(folder)


def test_the_program_names_the_file_and_exits_with_the_code_of_an_artifact(copied: Copy) -> None:
    folder = copied()
    _other(folder / DATA)
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "verify", str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 8
    assert DATA in done.stderr
    assert "Traceback" not in done.stderr
