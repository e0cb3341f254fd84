"""Verification: every change is found, and hostile files are not opened."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from zoo.errors import Incompatible, ParityFailed, Tampered, ZooError
from zoo.files import sha256_json
from zoo.runtime import load, read_manifest, verify

Copy = Callable[[], Path]


def _rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest as someone would who knows how it is made."""
    data = json.loads((folder / "manifest.json").read_text())
    data.pop("sha256")
    change(data)
    data["sha256"] = sha256_json(data)
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=True) + "\n"
    (folder / "manifest.json").write_text(text)


def _replace(folder: Path, name: str, raw: bytes) -> None:
    """Replace a file and enter its new hash."""
    (folder / name).write_bytes(raw)

    def enter(data: dict[str, Any]) -> None:
        for entry in data["files"]:
            if entry["name"] == name:
                entry.update(bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())

    _rewrite(folder, enter)


def _field(number: int, payload: bytes | int) -> bytes:
    """Write one protobuf field."""
    if isinstance(payload, int):
        return _varint(number << 3) + _varint(payload)
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def test_a_published_artifact_verifies(image_artifact: Path, table_artifact: Path) -> None:
    for path in (image_artifact, table_artifact):
        report = verify(path)
        assert report.files == 4
        assert report.providers == ("CPUExecutionProvider",)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_flipped_bit_in_any_file_is_detected(
    data: st.DataObject, image_artifact: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "flipped"
    if not folder.exists():
        shutil.copytree(image_artifact, folder)
    name = data.draw(st.sampled_from(sorted(p.name for p in folder.iterdir())))
    good = (folder / name).read_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    spoiled = bytearray(good)
    spoiled[place] ^= data.draw(st.integers(1, 255))
    (folder / name).write_bytes(bytes(spoiled))
    try:
        with pytest.raises((Tampered, Incompatible)):
            verify(folder)
    finally:
        (folder / name).write_bytes(good)


def test_every_single_byte_of_the_manifest_counts(copy: Copy) -> None:
    folder = copy()
    good = (folder / "manifest.json").read_bytes()
    for place in range(0, len(good), 3):
        spoiled = bytearray(good)
        spoiled[place] ^= 1 << place % 8
        (folder / "manifest.json").write_bytes(bytes(spoiled))
        with pytest.raises((Tampered, Incompatible)):
            read_manifest(folder)


@pytest.mark.parametrize("name", ["model.onnx", "vectors.npz", "card.md", "manifest.json"])
def test_a_missing_empty_or_truncated_file_is_named(copy: Copy, name: str) -> None:
    for change in ("missing", "empty", "truncated", "longer"):
        folder = copy()
        raw = (folder / name).read_bytes()
        if change == "missing":
            (folder / name).unlink()
        else:
            new = {"empty": b"", "truncated": raw[:-1], "longer": raw + b"\n"}[change]
            (folder / name).write_bytes(new)
        with pytest.raises((Tampered, Incompatible), match=name):
            verify(folder)


def test_an_added_file_or_folder_is_refused(copy: Copy) -> None:
    folder = copy()
    (folder / ".hidden").write_text("")
    with pytest.raises(Tampered, match="hidden is not in the manifest"):
        verify(folder)
    (folder / ".hidden").unlink()
    (folder / "more").mkdir()
    with pytest.raises(Tampered, match="more is not in the manifest"):
        verify(folder)


def test_links_are_refused(copy: Copy, tmp_path: Path) -> None:
    for name in ("model.onnx", "manifest.json", "card.md"):
        soft, hard = copy(), copy()
        (soft / name).rename(tmp_path / "elsewhere")
        (soft / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(Tampered, match="symbolic link"):
            verify(soft)
        os.link(hard / name, tmp_path / f"second-{name}")
        with pytest.raises(Tampered, match="hard link"):
            verify(hard)
        (tmp_path / "elsewhere").unlink()


def test_a_named_pipe_does_not_hang(copy: Copy) -> None:
    folder = copy()
    (folder / "card.md").unlink()
    os.mkfifo(folder / "card.md")
    with pytest.raises(Tampered, match="is not a file"):
        verify(folder)


def test_a_file_over_the_size_limit_is_not_read(copy: Copy) -> None:
    folder = copy()
    with (folder / "manifest.json").open("r+b") as stream:
        stream.truncate(2**33)  # sparse: takes no room
    with pytest.raises(Incompatible, match="more than"):
        verify(folder)


def test_a_folder_without_a_manifest_is_not_an_artifact(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(Incompatible):
            verify(path)
        with pytest.raises(Incompatible):
            load(path)


def test_a_newer_format_asks_for_an_upgrade(copy: Copy) -> None:
    folder = copy()
    _rewrite(folder, lambda data: data.update(format_version=2, novelty=True))
    with pytest.raises(Incompatible, match="format version 2"):
        verify(folder)


@pytest.mark.parametrize(
    "path", ["../model.onnx", "/etc/passwd", "a/b.onnx", "model.onnx\0", ".onnx", "MODEL.onnx", ""]
)
def test_a_hostile_path_in_the_manifest_is_refused(copy: Copy, path: str) -> None:
    folder = copy()
    _rewrite(folder, lambda data: data["graphs"][0].update(file=path))
    with pytest.raises(Incompatible, match=r"graphs.0.file"):
        load(folder)
    folder = copy()
    _rewrite(folder, lambda data: data["files"][0].update(name=path))
    with pytest.raises(Incompatible, match=r"files.0.name"):
        verify(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format_version": ' + "9" * 5000 + "}", "null"])
def test_hostile_json_is_refused(copy: Copy, text: str) -> None:
    folder = copy()
    (folder / "manifest.json").write_text(text)
    with pytest.raises(Incompatible):
        verify(folder)


def test_metadata_that_contradicts_the_manifest_is_refused(copy: Copy) -> None:
    folder = copy()
    _rewrite(folder, lambda data: data.update(license="All rights reserved"))
    with pytest.raises(Tampered, match="metadata") as caught:
        verify(folder)
    assert "zoo.license" in caught.value.why


def test_a_changed_weight_with_a_matching_hash_fails_the_golden_vectors(copy: Copy) -> None:
    folder = copy()
    raw = bytearray((folder / "model.onnx").read_bytes())
    place = max(_floats(bytes(raw)), key=lambda item: abs(item[1]))[0]
    raw[place : place + 4] = struct.pack("<f", 0.0)
    _replace(folder, "model.onnx", bytes(raw))
    with pytest.raises(ParityFailed, match="is not the recorded one"):
        verify(folder)


def _floats(raw: bytes) -> list[tuple[int, float]]:
    """Return the elements of the last layer's kernel, a constant of shape [5, 4], in place."""
    head = _field(1, 5) + _field(1, 4) + _field(2, 1)
    start = raw.index(head)
    data = raw.index(_varint(9 << 3 | 2) + _varint(80), start) + 2
    return [(data + 4 * i, struct.unpack_from("<f", raw, data + 4 * i)[0]) for i in range(20)]


def _tensor(**extra: bytes | int) -> bytes:
    fields = {
        "13": _field(13, _field(1, b"location") + _field(2, b"../../secret")),
        "14": _field(14, 1),
    }
    return _field(1, 1) + _field(2, 1) + _field(8, b"w") + b"".join(fields[key] for key in extra)


def _model(*graph: bytes, opset: int = 18, domain: bytes = b"", rest: bytes = b"") -> bytes:
    opsets = _field(8, _field(1, domain) + _field(2, opset))
    return _field(1, 8) + _field(7, b"".join(graph)) + opsets + rest


_NODE = _field(1, _field(1, b"x") + _field(2, b"y") + _field(4, b"Relu"))
_EXTERNAL = _tensor(**{"13": 1, "14": 1})


def _nested(depth: int) -> bytes:
    graph = _NODE
    for _ in range(depth):
        graph = _field(1, _field(4, b"If") + _field(5, _field(6, graph)))
    return graph


HOSTILE = {
    "zero bytes": b"",
    "text": b"not an ONNX file, but long enough to be one",
    "no graph": _field(1, 8) + _field(8, _field(2, 18)),
    "two graphs": _model(_NODE) + _field(7, _NODE),
    "empty graph": _model(b""),
    "truncated": _model(_NODE)[:-3],
    "announces more than it has": _field(1, 8) + b"\x3a\xff\xff\xff\xff\x0f",
    "endless number": b"\x08" + b"\xff" * 40,
    "external data": _model(_NODE, _field(5, _EXTERNAL)),
    "external location alone": _model(_NODE, _field(5, _tensor(**{"14": 1}))),
    "external data in a constant node": _model(
        _field(1, _field(4, b"Constant") + _field(5, _field(1, b"value") + _field(5, _EXTERNAL)))
    ),
    "external data in a subgraph": _model(
        _field(1, _field(4, b"If") + _field(5, _field(6, _NODE + _field(5, _EXTERNAL))))
    ),
    "external data in a sparse constant": _model(_NODE, _field(15, _field(1, _EXTERNAL))),
    "future opset": _model(_NODE, opset=99),
    "huge opset": _model(_NODE, opset=2**64 - 1),
    "foreign opset import": _model(_NODE, domain=b"com.evil"),
    "foreign operator": _model(_field(1, _field(4, b"Run") + _field(7, b"com.evil"))),
    "own functions": _model(_NODE, rest=_field(25, _field(1, b"f"))),
    "training information": _model(_NODE, rest=_field(20, b"")),
    "metadata twice": _model(_NODE, rest=_field(14, _field(1, b"a")) * 2),
    "deep nesting": _model(_nested(200)),
    "text that is none": _model(_field(1, _field(4, b"\xff\xfe"))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_before_onnxruntime_opens_it(
    copy: Copy, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    def opened(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("onnxruntime was asked to open it")

    folder = copy()
    _replace(folder, "model.onnx", HOSTILE[kind])
    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)
    for action in (load, verify):
        with pytest.raises(Incompatible, match=r"model.onnx"):
            action(folder)


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=300))
def test_inspecting_any_bytes_raises_typed_errors_only(raw: bytes) -> None:
    from zoo.runtime.onnx_inspection import inspect_graph

    with contextlib.suppress(Incompatible):
        inspect_graph(raw, "some bytes")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_golden_vectors_of_any_bytes_are_refused_or_read(
    data: st.DataObject, image_artifact: Path
) -> None:
    from zoo.runtime.golden_vectors import unpack_vectors

    raw = bytearray((image_artifact / "vectors.npz").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ZooError):
        unpack_vectors(bytes(raw), "predict")


def test_golden_vectors_with_fewer_bytes_than_their_headers_need_are_refused(copy: Copy) -> None:
    folder = copy()
    raw = (folder / "vectors.npz").read_bytes()
    bomb = raw.replace(b"(7, 6, 6, 1)", b"(7,6,6,10**9)"[:12].ljust(12))
    _replace(folder, "vectors.npz", bomb)
    with pytest.raises(Incompatible):
        verify(folder)
    _replace(folder, "vectors.npz", b"PK\x05\x06" + b"\0" * 18)
    with pytest.raises(Tampered, match="does not hold the cases"):
        verify(folder)
