"""Artifacts whose files are not what they should be, each signed anew by whoever changed it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo.errors
from tests.hostile.matrix.harness import MEMORY, SECONDS, measured
from tests.hostile.support import call, listing, picture
from zoo.errors import ArtifactError, Incompatible, ParityFailed, Tampered, ZooError
from zoo.files import sha256_json
from zoo.runtime.golden_vectors import Vector, pack_vectors, unpack_vectors

MODEL = Path(__file__).parents[3] / "exports" / "mlp_classifier"
Change = Callable[[Path], object]


@dataclass(frozen=True)
class Fault:
    """A change of an artifact, and what ``zoo verify`` says of it."""

    change: Change
    error: type[ZooError]
    says: str


def signed(folder: Path, data: dict[str, Any]) -> None:
    """Write a manifest as the zoo would, with the digest that fits it."""
    data.pop("sha256", None)
    text = json.dumps({**data, "sha256": sha256_json(data)}, indent=1, sort_keys=True)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def put(place: str, value: Any) -> Change:
    """Return what sets a field of the manifest, by its dotted place, and signs it."""

    def change(folder: Path) -> None:
        data = json.loads((folder / "manifest.json").read_text())
        *way, last = [int(part) if part.isdecimal() else part for part in place.split(".")]
        inside: Any = data
        for part in way:
            inside = inside[part]
        inside[last] = value
        signed(folder, data)

    return change


def drop(name: str) -> Change:
    """Return what takes a field out of the manifest, and signs it."""

    def change(folder: Path) -> None:
        data = json.loads((folder / "manifest.json").read_text())
        del data[name]
        signed(folder, data)

    return change


def text(content: str | bytes) -> Change:
    """Return what writes a manifest of its own."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / "manifest.json").write_bytes(raw)


def replaced(name: str, make: Callable[[bytes], bytes]) -> Change:
    """Return what changes a file, and enters its new size and digest in the manifest."""

    def change(folder: Path) -> None:
        raw = make((folder / name).read_bytes())
        (folder / name).write_bytes(raw)
        data = json.loads((folder / "manifest.json").read_text())
        for entry in data["files"]:
            if entry["name"] == name:
                entry.update(bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
        signed(folder, data)

    return change


def golden(make: Callable[[Vector], Vector]) -> Change:
    """Return what changes each golden vector."""

    def repack(raw: bytes) -> bytes:
        return pack_vectors({"predict": [make(one) for one in unpack_vectors(raw, "predict")]})

    return replaced("vectors.npz", repack)


def onnx(field: int, data: bytes) -> Change:
    """Return what appends a field of protobuf to the ONNX file."""
    head = bytes([field << 3 & 127 | 2 | (128 if field > 15 else 0)])
    head += bytes([field >> 4]) if field > 15 else b""
    return replaced("model.onnx", lambda raw: raw + head + bytes([len(data)]) + data)


def operators(folder: Path) -> None:
    replaced("model.onnx", lambda raw: raw.replace(b"Softmax", b"Sigmoid"))(folder)


def swap(name: str, make: Callable[[Path], object]) -> Change:
    """Return what puts something else in a file's place."""

    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


DEEP = "[" * 50_000
DIGEST = "0" * 64
MANIFEST = {
    "of no bytes": Fault(text(b""), Incompatible, "no JSON"),
    "of blanks": Fault(text("   \n"), Incompatible, "no JSON"),
    "that is half": Fault(text('{"format_version": 1,'), Incompatible, "no JSON"),
    "in UTF-16": Fault(text('{"format_version": 1}'.encode("utf-16")), Incompatible, "no JSON"),
    "in Latin-1": Fault(text('{"a": "ä"}'.encode("latin-1")), Incompatible, "no JSON"),
    "behind a byte-order mark": Fault(text(b"\xef\xbb\xbf{}"), Incompatible, "no JSON"),
    "with a NaN": Fault(text('{"format_version": NaN}'), Incompatible, "NaN is not allowed"),
    "without end": Fault(text(DEEP), Incompatible, "recursion"),
    "of a number of 5,000 digits": Fault(text("9" * 5_000), Incompatible, "manifest"),
    "that is a list": Fault(text("[]"), Incompatible, "an object with a format_version"),
    "that is null": Fault(text("null"), Incompatible, "an object with a format_version"),
    "of version one and a half": Fault(text('{"format_version": 1.5}'), Incompatible, "version"),
    "of version true": Fault(text('{"format_version": true}'), Incompatible, "version"),
    "of version zero": Fault(put("format_version", 0), Incompatible, "format_version"),
    "of version 2": Fault(put("format_version", 2), Incompatible, "--upgrade"),
    "that nobody signed": Fault(
        text('{"format_version": 1, "name": "a"}'), Tampered, "is not the text that was written"
    ),
    "with a field too many": Fault(put("color", "red"), Incompatible, "color"),
    "without a name": Fault(drop("name"), Incompatible, "name"),
    "without graphs": Fault(put("graphs", []), Incompatible, "graphs"),
    "without files": Fault(put("files", []), Incompatible, "files"),
    "with a path for a name": Fault(put("name", "../up"), Incompatible, "name"),
    "with a very long name": Fault(put("name", "a" * 65), Incompatible, "name"),
    "with a number for a name": Fault(put("name", 7), Incompatible, "name"),
    "with another architecture": Fault(put("architecture", "cnn"), Tampered, "architecture"),
    "with another license": Fault(put("license", "MIT"), Tampered, "license"),
    "with another summary": Fault(put("summary", "The best."), Tampered, "summary"),
    "with a task that is none": Fault(put("task", "magic"), Incompatible, "task"),
    "with another configuration": Fault(put("config", {"units": [9]}), Tampered, "config"),
    "with a configuration that is text": Fault(put("config", "none"), Incompatible, "config"),
    "with a digest that is none": Fault(put("config_sha256", "abc"), Incompatible, "config_sha"),
    "with figures of its own": Fault(
        put("metrics", {"scores": {"accuracy": {"value": 1.0}}}), Tampered, "metrics"
    ),
    "with a file that is not there": Fault(
        put("files.0.name", "other.md"), Tampered, "other.md is missing"
    ),
    "with a file outside": Fault(put("files.0.name", "../card.md"), Incompatible, "files.0.name"),
    "with a file by its whole path": Fault(
        put("files.0.name", "/etc/passwd"), Incompatible, "files.0.name"
    ),
    "with a file of less than nothing": Fault(put("files.0.bytes", -1), Incompatible, "bytes"),
    "with a file of another size": Fault(put("files.0.bytes", 1), Tampered, "card.md"),
    "with a file of another digest": Fault(put("files.0.sha256", DIGEST), Tampered, "card.md"),
    "with a file twice": Fault(put("files.1.name", "card.md"), Tampered, "list of files"),
    "with a graph of another file": Fault(
        put("graphs.0.file", "card.md"), Incompatible, "graphs.0.file"
    ),
    "with a graph of a file outside": Fault(
        put("graphs.0.file", "../model.onnx"), Incompatible, "graphs.0.file"
    ),
    "with a signature of its own": Fault(put("graphs.0.signature", "dream"), Tampered, "metadata"),
    "with another opset": Fault(put("graphs.0.opset", 17), Tampered, "opset"),
    "with another number of nodes": Fault(put("graphs.0.nodes", 1), Tampered, "nodes"),
    "without inputs": Fault(put("graphs.0.inputs", []), Incompatible, "inputs"),
    "with an input of another name": Fault(
        put("graphs.0.inputs.0.name", "picture"), Tampered, "inputs"
    ),
    "with an input of another type": Fault(
        put("graphs.0.inputs.0.dtype", "float32"), Tampered, "inputs"
    ),
    "with an input of a type that is none": Fault(
        put("graphs.0.inputs.0.dtype", "uint128"), Incompatible, "dtype"
    ),
    "with an input of another shape": Fault(
        put("graphs.0.inputs.0.shape", [9, 9, 1]), Tampered, "inputs"
    ),
    "with an input of negative size": Fault(
        put("graphs.0.inputs.0.shape", [-1, 8, 1]), Incompatible, "no size is negative"
    ),
    "with an input without measure": Fault(
        put("graphs.0.inputs.0.shape", [10**30]), ArtifactError, "input"
    ),
    "with labels that are numbers": Fault(
        put("graphs.0.outputs.0.labels", [1, 2]), Incompatible, "labels"
    ),
    "with a label too few": Fault(put("graphs.0.outputs.0.labels", ["a"]), Tampered, "outputs"),
    "with a tolerance of everything": Fault(
        put("graphs.0.tolerance.probabilities.relative", 1.0), Incompatible, "relative"
    ),
    "with a tolerance below nothing": Fault(
        put("graphs.0.tolerance.probabilities.absolute", -1), Incompatible, "absolute"
    ),
    "with a tolerance of its own": Fault(
        put("graphs.0.tolerance.probabilities.absolute", 0.5), Tampered, "tolerance"
    ),
    "with golden cases that are not there": Fault(
        put("graphs.0.vectors", [1, 2, 3]), Tampered, "vectors.npz"
    ),
    "with golden cases of less than nothing": Fault(
        put("graphs.0.vectors", [-1]), Tampered, "vectors.npz"
    ),
}

FILES = {
    "a model of no bytes": Fault(replaced("model.onnx", lambda _: b""), Incompatible, "no bytes"),
    "a model that is half": Fault(
        replaced("model.onnx", lambda raw: raw[: len(raw) // 2]), Incompatible, "truncated"
    ),
    "a model that is a text": Fault(
        replaced("model.onnx", lambda _: b"I am no model"), Incompatible, "not an ONNX file"
    ),
    "a model that is a program": Fault(
        replaced("model.onnx", lambda _: b"\x80\x04cos\nsystem\n"), Incompatible, "ONNX"
    ),
    "a model twice": Fault(
        replaced("model.onnx", lambda raw: raw + raw), Incompatible, "model.onnx"
    ),
    "a model with functions": Fault(onnx(25, b"\x0a\x01a"), Incompatible, "functions of its own"),
    "a model with training inside": Fault(onnx(20, b"\x0a\x01a"), Incompatible, "training"),
    "a model with metadata of its own": Fault(
        onnx(14, b"\x0a\x01a\x12\x01b"), Tampered, "a differs"
    ),
    "a model with an opset of tomorrow": Fault(onnx(8, b"\x10\x63"), Incompatible, "opset"),
    "a model with foreign operators": Fault(
        onnx(8, b"\x0a\x08com.evil\x10\x01"), Incompatible, "com.evil"
    ),
    "a model with data outside": Fault(
        onnx(7, b"\x2a\x0c\x6a\x08\x0a\x06secret\x70\x01"), Incompatible, "external data"
    ),
    "a model that computes something else": Fault(operators, ParityFailed, "not the recorded one"),
    "vectors of no bytes": Fault(
        replaced("vectors.npz", lambda _: b""), Incompatible, "golden vectors"
    ),
    "vectors that are half": Fault(
        replaced("vectors.npz", lambda raw: raw[:-100]), Incompatible, "golden vectors"
    ),
    "vectors of other inputs": Fault(
        golden(lambda one: Vector({"other": one.inputs["image"]}, one.outputs)),
        *(Tampered, "vectors.npz"),
    ),
    "vectors of another shape": Fault(
        golden(lambda one: Vector({"image": one.inputs["image"][:, :4]}, one.outputs)),
        *(Tampered, "vectors.npz"),
    ),
    "vectors without examples": Fault(
        golden(lambda one: Vector({"image": one.inputs["image"][:0]}, one.outputs)),
        *(Tampered, "vectors.npz"),
    ),
    "vectors without answers": Fault(
        golden(lambda one: Vector(one.inputs, {})), *(ParityFailed, "it is not expected")
    ),
    "vectors with other answers": Fault(
        golden(lambda one: Vector(one.inputs, {k: np.roll(v, 1) for k, v in one.outputs.items()})),
        *(ParityFailed, "not the recorded one"),
    ),
    "vectors with answers that are no number": Fault(
        golden(
            lambda one: Vector(
                one.inputs,
                {
                    k: np.full_like(v, np.nan) if v.dtype.kind == "f" else v
                    for k, v in one.outputs.items()
                },
            )
        ),
        *(ParityFailed, "not the recorded one"),
    ),
    "a card that is a link": Fault(
        swap("card.md", lambda place: place.symlink_to("/etc/passwd")), Tampered, "symbolic link"
    ),
    "a card that is a pipe": Fault(swap("card.md", os.mkfifo), Tampered, "is not a file"),
    "a card that is a folder": Fault(swap("card.md", Path.mkdir), ArtifactError, "card.md"),
    "a card that is an endless device": Fault(
        swap("card.md", lambda place: place.symlink_to("/dev/zero")), Tampered, "symbolic link"
    ),
    "a card with a second name": Fault(
        lambda folder: (folder.parent / "second").hardlink_to(folder / "card.md"),
        *(Tampered, "hard link"),
    ),
    "a card that is not there": Fault(
        lambda folder: (folder / "card.md").unlink(), Tampered, "card.md is missing"
    ),
    "a file too many": Fault(
        lambda folder: (folder / "run.sh").touch(), Tampered, "run.sh is not in the manifest"
    ),
    "a hidden file": Fault(
        lambda folder: (folder / ".hidden").touch(), Tampered, ".hidden is not in the manifest"
    ),
    "a folder too many": Fault(
        lambda folder: (folder / "more").mkdir(), Tampered, "more is not in the manifest"
    ),
    "a manifest that is a pipe": Fault(
        swap("manifest.json", os.mkfifo), Tampered, "manifest.json is not a file"
    ),
    "a manifest that is a link to itself": Fault(
        swap("manifest.json", lambda place: place.symlink_to(place.name)),
        *(Tampered, "symbolic link"),
    ),
    "a manifest of 100 MB": Fault(
        lambda folder: os.truncate(folder / "manifest.json", 10**8), Incompatible, "at most"
    ),
}

REPOSITORY = {
    "a configuration that is not there": Fault(
        lambda model: (model / "config.pbtxt").unlink(), Tampered, "config.pbtxt is missing"
    ),
    "a configuration of another batch": Fault(
        lambda model: (model / "config.pbtxt").write_text(
            (model / "config.pbtxt").read_text().replace("max_batch_size: 64", "max_batch_size: 9")
        ),
        *(Tampered, "config.pbtxt"),
    ),
    "a configuration of no bytes": Fault(
        lambda model: (model / "config.pbtxt").write_text(""), Tampered, "config.pbtxt"
    ),
    "a configuration that is a pipe": Fault(
        swap("config.pbtxt", os.mkfifo), Tampered, "config.pbtxt"
    ),
    "a configuration that is a folder": Fault(
        swap("config.pbtxt", Path.mkdir), ArtifactError, "config.pbtxt"
    ),
    "a configuration of 1 GB": Fault(
        lambda model: os.truncate(model / "config.pbtxt", 2**30), ArtifactError, "config.pbtxt"
    ),
    "labels in another order": Fault(
        lambda model: (model / "label_labels.txt").write_text("1\n0\n"), Tampered, "label_labels"
    ),
    "labels that are not there": Fault(
        lambda model: (model / "label_labels.txt").unlink(), Tampered, "label_labels.txt is missing"
    ),
    "a warm-up that is not there": Fault(
        lambda model: (model / "warmup" / "golden_image").unlink(), Tampered, "golden_image"
    ),
    "a warm-up of another example": Fault(
        lambda model: (model / "warmup" / "golden_image").write_bytes(bytes(64)),
        *(Tampered, "golden_image"),
    ),
    "something else beside the versions": Fault(
        lambda model: (model / "notes.txt").touch(), Tampered, "notes.txt is no part"
    ),
    "a version that is a file": Fault(lambda model: (model / "2").touch(), ArtifactError, "2"),
    "a version that is empty": Fault(lambda model: (model / "2").mkdir(), ArtifactError, "2"),
    "a version that is a link": Fault(
        lambda model: (model / "2").symlink_to("2"), ArtifactError, "2"
    ),
}


@pytest.fixture
def model(tmp_path) -> Path:
    """A copy of a model's folder, with one version, in the current folder."""
    shutil.copytree(MODEL, tmp_path / "exports" / "mlp_classifier")
    return tmp_path / "exports" / "mlp_classifier"


def refused(words: tuple[str, ...], fault: Fault, folder: Path, capsys: Any) -> None:
    before = listing(folder)
    capsys.readouterr()
    with measured() as cost:
        exit_code = call("verify", "--json", *words).exit
    (found,) = json.loads(capsys.readouterr().out)
    kind = getattr(zoo.errors, found["error"])
    assert issubclass(kind, fault.error), found
    assert (exit_code, found["code"], found["ok"]) == (kind.exit_code, kind.code, False)
    assert fault.says in f"{found['what']}\n{found['why']}\n{found['fix']}"
    assert found["what"] and found["why"] and found["fix"], found
    assert listing(folder) == before
    assert cost.seconds < SECONDS
    assert cost.memory < MEMORY


@pytest.mark.parametrize("name", MANIFEST)
def test_a_manifest_that_is_wrong_is_refused(name: str, model, tmp_path, capsys):
    MANIFEST[name].change(model / "1")
    refused(("exports/mlp_classifier/1",), MANIFEST[name], tmp_path, capsys)


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_wrong_are_refused(name: str, model, tmp_path, capsys):
    FILES[name].change(model / "1")
    refused(("exports/mlp_classifier/1",), FILES[name], tmp_path, capsys)


@pytest.mark.parametrize("name", REPOSITORY)
def test_a_repository_that_is_wrong_is_refused(name: str, model, tmp_path, capsys):
    REPOSITORY[name].change(model)
    refused(("exports/mlp_classifier",), REPOSITORY[name], tmp_path, capsys)


@pytest.mark.parametrize(
    "words", ["predict {it} digit.png", "bench {it} --seconds .01", "diff {it} {good}"]
)
@pytest.mark.parametrize("name", [*MANIFEST, *FILES])
def test_no_other_command_breaks_on_it(name: str, words: str, model, tmp_path, capsys):
    fault = MANIFEST.get(name) or FILES[name]
    picture(tmp_path / "digit.png")
    fault.change(model / "1")
    before = listing(tmp_path)
    capsys.readouterr()
    with measured() as cost:
        exit_code = call(
            *words.format(it="exports/mlp_classifier/1", good=MODEL / "1").split()
        ).exit
    printed = capsys.readouterr()
    # What does not matter to a command is not looked at by it; what is looked at is refused.
    assert exit_code in (0, 8) or (exit_code == 1 and words.startswith("diff")) or exit_code == 5, (
        printed.err
    )
    assert "Traceback" not in printed.err and "internal error" not in printed.err
    if exit_code > 1:
        assert "  why: " in printed.err and "  try: " in printed.err
    assert listing(tmp_path) == before
    assert cost.seconds < SECONDS
    assert cost.memory < MEMORY
