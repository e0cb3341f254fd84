"""Artifacts whose files are damaged, replaced, or changed and signed again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hostile.files import picture
from tests.hostile.harness import Case, Outcome, call, case, cases, check_refusal, harmless
from zoo.errors import ArtifactError, Incompatible, ParityFailed, Tampered, ZooError
from zoo.files import sha256_json
from zoo.runtime.golden_vectors import Vector, pack_vectors, unpack_vectors

MODEL = Path(__file__).parents[2] / "exports" / "mlp_classifier"
Change = Callable[[Path], object]


def fault(change: Change, error: type[ZooError], says: str) -> Case:
    """Return a case: a change of an artifact, and the error of ``zoo verify``."""
    return case("verify", error, says, setup=change)


def signed(folder: Path, data: dict[str, Any]) -> None:
    """Write a manifest with the digest that fits it."""
    data.pop("sha256", None)
    text = json.dumps({**data, "sha256": sha256_json(data)}, indent=1, sort_keys=True)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def put(place: str, value: Any) -> Change:
    """Return a function that sets a field of the manifest, by its dotted place, and signs it."""

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
    """Return a function that takes a field out of the manifest, and signs it."""

    def change(folder: Path) -> None:
        data = json.loads((folder / "manifest.json").read_text())
        del data[name]
        signed(folder, data)

    return change


def text(content: str | bytes) -> Change:
    """Return a function that writes a manifest of its own."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / "manifest.json").write_bytes(raw)


def replaced(name: str, make: Callable[[bytes], bytes]) -> Change:
    """Return a function that changes a file, and enters its new size and digest in the manifest."""

    def change(folder: Path) -> None:
        raw = make((folder / name).read_bytes())
        (folder / name).write_bytes(raw)
        data = json.loads((folder / "manifest.json").read_text())
        for entry in data["files"]:
            if entry["name"] == name:
                entry.update(bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
        signed(folder, data)

    return change


def unsigned(name: str, make: Callable[[bytes], bytes]) -> Change:
    """Return a function that changes a file and nothing else."""
    return lambda folder: (folder / name).write_bytes(make((folder / name).read_bytes()))


def golden(make: Callable[[Vector], Vector]) -> Change:
    """Return a function that changes each golden vector."""

    def repack(raw: bytes) -> bytes:
        return pack_vectors({"predict": [make(one) for one in unpack_vectors(raw, "predict")]})

    return replaced("vectors.npz", repack)


def onnx(field: int, data: bytes) -> Change:
    """Return a function that appends a field of protobuf to the ONNX file."""
    head = bytes([field << 3 & 127 | 2 | (128 if field > 15 else 0)])
    head += bytes([field >> 4]) if field > 15 else b""
    return replaced("model.onnx", lambda raw: raw + head + bytes([len(data)]) + data)


def operators(folder: Path) -> None:
    replaced("model.onnx", lambda raw: raw.replace(b"Softmax", b"Sigmoid"))(folder)


def swap(name: str, make: Callable[[Path], object]) -> Change:
    """Return a function that puts something else in a file's place."""

    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


DEEP = "[" * 50_000
DIGEST = "0" * 64
MANIFEST = {
    "of no bytes": fault(text(b""), Incompatible, "not JSON"),
    "of blanks": fault(text("   \n"), Incompatible, "not JSON"),
    "that is half": fault(text('{"format_version": 1,'), Incompatible, "not JSON"),
    "in UTF-16": fault(text('{"format_version": 1}'.encode("utf-16")), Incompatible, "not JSON"),
    "in Latin-1": fault(text('{"a": "ä"}'.encode("latin-1")), Incompatible, "not JSON"),
    "behind a byte-order mark": fault(text(b"\xef\xbb\xbf{}"), Incompatible, "not JSON"),
    "with a NaN": fault(text('{"format_version": NaN}'), Incompatible, "NaN is not allowed"),
    "without end": fault(text(DEEP), Incompatible, "recursion"),
    "of a number of 5,000 digits": fault(text("9" * 5_000), Incompatible, "manifest"),
    "that is a list": fault(text("[]"), Incompatible, "an object with a format_version"),
    "that is null": fault(text("null"), Incompatible, "an object with a format_version"),
    "of version one and a half": fault(text('{"format_version": 1.5}'), Incompatible, "version"),
    "of version true": fault(text('{"format_version": true}'), Incompatible, "version"),
    "of version zero": fault(put("format_version", 0), Incompatible, "format_version"),
    "of version 2": fault(put("format_version", 2), Incompatible, "--upgrade"),
    "that nobody signed": fault(
        text('{"format_version": 1, "name": "a"}'), Tampered, "is not the text that was written"
    ),
    "with a field too many": fault(put("color", "red"), Incompatible, "color"),
    "without a name": fault(drop("name"), Incompatible, "name"),
    "without graphs": fault(put("graphs", []), Incompatible, "graphs"),
    "without files": fault(put("files", []), Incompatible, "files"),
    "with a path for a name": fault(put("name", "../up"), Incompatible, "name"),
    "with a very long name": fault(put("name", "a" * 65), Incompatible, "name"),
    "with a number for a name": fault(put("name", 7), Incompatible, "name"),
    "with another architecture": fault(put("architecture", "cnn"), Tampered, "architecture"),
    "with another license": fault(put("license", "MIT"), Tampered, "license"),
    "with another summary": fault(put("summary", "The best."), Tampered, "summary"),
    "with a task that is none": fault(put("task", "Magic!"), Incompatible, "task"),
    "with another task": fault(put("task", "magic"), Tampered, "task"),
    "with another configuration": fault(put("config", {"units": [9]}), Tampered, "config"),
    "with a configuration that is text": fault(put("config", "none"), Incompatible, "config"),
    "with a digest that is none": fault(put("config_sha256", "abc"), Incompatible, "config_sha"),
    "with figures of its own": fault(
        put("metrics", {"scores": {"accuracy": {"value": 1.0}}}), Tampered, "metrics"
    ),
    "with a file that is not there": fault(
        put("files.0.name", "other.md"), Tampered, "other.md is missing"
    ),
    "with a file outside": fault(put("files.0.name", "../card.md"), Incompatible, "files.0.name"),
    "with a file by its whole path": fault(
        put("files.0.name", "/etc/passwd"), Incompatible, "files.0.name"
    ),
    "with a file of less than nothing": fault(put("files.0.bytes", -1), Incompatible, "bytes"),
    "with a file of another size": fault(put("files.0.bytes", 1), Tampered, "card.md"),
    "with a file of another digest": fault(put("files.0.sha256", DIGEST), Tampered, "card.md"),
    "with a file twice": fault(put("files.1.name", "card.md"), Tampered, "list of files"),
    "with a graph of another file": fault(
        put("graphs.0.file", "card.md"), Incompatible, "graphs.0.file"
    ),
    "with a graph of a file outside": fault(
        put("graphs.0.file", "../model.onnx"), Incompatible, "graphs.0.file"
    ),
    "with a signature of its own": fault(put("graphs.0.signature", "dream"), Tampered, "metadata"),
    "with another opset": fault(put("graphs.0.opset", 17), Tampered, "opset"),
    "with another number of nodes": fault(put("graphs.0.nodes", 1), Tampered, "nodes"),
    "without inputs": fault(put("graphs.0.inputs", []), Incompatible, "inputs"),
    "with an input of another name": fault(
        put("graphs.0.inputs.0.name", "picture"), Tampered, "inputs"
    ),
    "with an input of another type": fault(
        put("graphs.0.inputs.0.dtype", "float32"), Tampered, "inputs"
    ),
    "with an input of a type that is none": fault(
        put("graphs.0.inputs.0.dtype", "uint128"), Incompatible, "dtype"
    ),
    "with an input of another shape": fault(
        put("graphs.0.inputs.0.shape", [9, 9, 1]), Tampered, "inputs"
    ),
    "with an input of negative size": fault(
        put("graphs.0.inputs.0.shape", [-1, 8, 1]), Incompatible, "no size is negative"
    ),
    "with an input without measure": fault(
        put("graphs.0.inputs.0.shape", [10**30]), ArtifactError, "input"
    ),
    "with labels that are numbers": fault(
        put("graphs.0.outputs.0.labels", [1, 2]), Incompatible, "labels"
    ),
    "with a label too few": fault(put("graphs.0.outputs.0.labels", ["a"]), Incompatible, "label"),
    "with a tolerance of everything": fault(
        put("graphs.0.tolerance.probabilities.relative", 1.0), Incompatible, "relative"
    ),
    "with a tolerance below nothing": fault(
        put("graphs.0.tolerance.probabilities.absolute", -1), Incompatible, "absolute"
    ),
    "with a tolerance of its own": fault(
        put("graphs.0.tolerance.probabilities.absolute", 0.5), Tampered, "tolerance"
    ),
    "with golden cases that are not there": fault(
        put("graphs.0.vectors", [1, 2, 3]), Tampered, "vectors.npz"
    ),
    "with golden cases of less than nothing": fault(
        put("graphs.0.vectors", [-1]), Tampered, "vectors.npz"
    ),
}

FILES = {
    "a model with a flipped bit": fault(
        unsigned("model.onnx", lambda raw: raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:]),
        *(Tampered, "model.onnx"),
    ),
    "a model without its last byte": fault(
        unsigned("model.onnx", lambda raw: raw[:-1]), Tampered, "model.onnx"
    ),
    "a model that is a link": fault(
        swap("model.onnx", lambda place: place.symlink_to(MODEL / "1" / "model.onnx")),
        *(Tampered, "symbolic link"),
    ),
    "a card that was edited": fault(
        unsigned("card.md", lambda raw: raw + b"It is 100 % accurate."), Tampered, "card.md"
    ),
    "a manifest that was edited": fault(
        unsigned("manifest.json", lambda raw: raw.replace(b"Apache-2.0", b"Proprietary")),
        *(Tampered, "manifest.json"),
    ),
    "a manifest that is not there": fault(
        lambda folder: (folder / "manifest.json").unlink(), Incompatible, "manifest.json"
    ),
    "vectors that are not there": fault(
        lambda folder: (folder / "vectors.npz").unlink(), Tampered, "vectors.npz"
    ),
    "a model of no bytes": fault(
        replaced("model.onnx", lambda _: b""), Incompatible, "it is empty"
    ),
    "a model that is half": fault(
        replaced("model.onnx", lambda raw: raw[: len(raw) // 2]), Incompatible, "truncated"
    ),
    "a model that is a text": fault(
        replaced("model.onnx", lambda _: b"I am no model"), Incompatible, "not an ONNX file"
    ),
    "a model that is a program": fault(
        replaced("model.onnx", lambda _: b"\x80\x04cos\nsystem\n"), Incompatible, "ONNX"
    ),
    "a model twice": fault(
        replaced("model.onnx", lambda raw: raw + raw), Incompatible, "model.onnx"
    ),
    "a model with functions": fault(onnx(25, b"\x0a\x01a"), Incompatible, "functions of its own"),
    "a model with training inside": fault(onnx(20, b"\x0a\x01a"), Incompatible, "training"),
    "a model with metadata of its own": fault(
        onnx(14, b"\x0a\x01a\x12\x01b"), Tampered, "a differs"
    ),
    "a model with an opset of tomorrow": fault(onnx(8, b"\x10\x63"), Incompatible, "opset"),
    "a model with foreign operators": fault(
        onnx(8, b"\x0a\x08com.evil\x10\x01"), Incompatible, "com.evil"
    ),
    "a model with data outside": fault(
        onnx(7, b"\x2a\x0c\x6a\x08\x0a\x06secret\x70\x01"), Incompatible, "external data"
    ),
    "a model that computes something else": fault(operators, ParityFailed, "not the recorded one"),
    "vectors of no bytes": fault(
        replaced("vectors.npz", lambda _: b""), Incompatible, "golden vectors"
    ),
    "vectors that are half": fault(
        replaced("vectors.npz", lambda raw: raw[:-100]), Incompatible, "golden vectors"
    ),
    "vectors of other inputs": fault(
        golden(lambda one: Vector({"other": one.inputs["image"]}, one.outputs)),
        *(Tampered, "vectors.npz"),
    ),
    "vectors of another shape": fault(
        golden(lambda one: Vector({"image": one.inputs["image"][:, :4]}, one.outputs)),
        *(Tampered, "vectors.npz"),
    ),
    "vectors without examples": fault(
        golden(lambda one: Vector({"image": one.inputs["image"][:0]}, one.outputs)),
        *(Tampered, "vectors.npz"),
    ),
    "vectors without answers": fault(
        golden(lambda one: Vector(one.inputs, {})), *(ParityFailed, "it is not expected")
    ),
    "vectors with other answers": fault(
        golden(lambda one: Vector(one.inputs, {k: np.roll(v, 1) for k, v in one.outputs.items()})),
        *(ParityFailed, "not the recorded one"),
    ),
    "vectors with answers that are no number": fault(
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
    "a card that is a link": fault(
        swap("card.md", lambda place: place.symlink_to("/etc/passwd")), Tampered, "symbolic link"
    ),
    "a card that is a pipe": fault(swap("card.md", os.mkfifo), Tampered, "is not a file"),
    "a card that is a folder": fault(swap("card.md", Path.mkdir), ArtifactError, "card.md"),
    "a card that is an endless device": fault(
        swap("card.md", lambda place: place.symlink_to("/dev/zero")), Tampered, "symbolic link"
    ),
    "a card with a second name": fault(
        lambda folder: (folder.parent / "second").hardlink_to(folder / "card.md"),
        *(Tampered, "hard link"),
    ),
    "a card that is not there": fault(
        lambda folder: (folder / "card.md").unlink(), Tampered, "card.md is missing"
    ),
    "a file too many": fault(
        lambda folder: (folder / "run.sh").touch(), Tampered, "run.sh is not in the manifest"
    ),
    "a hidden file": fault(
        lambda folder: (folder / ".hidden").touch(), Tampered, ".hidden is not in the manifest"
    ),
    "a folder too many": fault(
        lambda folder: (folder / "more").mkdir(), Tampered, "more is not in the manifest"
    ),
    "a manifest that is a pipe": fault(
        swap("manifest.json", os.mkfifo), Tampered, "manifest.json is not a file"
    ),
    "a manifest that is a link to itself": fault(
        swap("manifest.json", lambda place: place.symlink_to(place.name)),
        *(Incompatible, "is not an artifact"),
    ),
    "a manifest of 100 MB": fault(
        lambda folder: os.truncate(folder / "manifest.json", 10**8), Incompatible, "too large"
    ),
}

REPOSITORY = {
    "a configuration that is not there": fault(
        lambda model: (model / "config.pbtxt").unlink(), Tampered, "config.pbtxt is missing"
    ),
    "a configuration of another batch": fault(
        lambda model: (model / "config.pbtxt").write_text(
            (model / "config.pbtxt").read_text().replace("max_batch_size: 64", "max_batch_size: 9")
        ),
        *(Tampered, "config.pbtxt"),
    ),
    "a configuration of no bytes": fault(
        lambda model: (model / "config.pbtxt").write_text(""), Tampered, "config.pbtxt"
    ),
    "a configuration that is a pipe": fault(
        swap("config.pbtxt", os.mkfifo), Tampered, "config.pbtxt"
    ),
    "a configuration that is a folder": fault(
        swap("config.pbtxt", Path.mkdir), ArtifactError, "config.pbtxt"
    ),
    "a configuration of 100 MB": fault(
        lambda model: os.truncate(model / "config.pbtxt", 10**8), ArtifactError, "config.pbtxt"
    ),
    "labels in another order": fault(
        lambda model: (model / "label_labels.txt").write_text("1\n0\n"), Tampered, "label_labels"
    ),
    "labels that are not there": fault(
        lambda model: (model / "label_labels.txt").unlink(), Tampered, "label_labels.txt is missing"
    ),
    "a warm-up that is not there": fault(
        lambda model: (model / "warmup" / "golden_image").unlink(), Tampered, "golden_image"
    ),
    "a warm-up of another example": fault(
        lambda model: (model / "warmup" / "golden_image").write_bytes(bytes(64)),
        *(Tampered, "golden_image"),
    ),
    "something else beside the versions": fault(
        lambda model: (model / "notes.txt").touch(), Tampered, "notes.txt is not part"
    ),
    "a version that is a file": fault(lambda model: (model / "2").touch(), ArtifactError, "2"),
    "a version that is empty": fault(lambda model: (model / "2").mkdir(), ArtifactError, "2"),
    "a version that is a link": fault(
        lambda model: (model / "2").symlink_to("2"), ArtifactError, "2"
    ),
}


@pytest.fixture
def model(tmp_path) -> Path:
    """A copy of a model's folder, with one version, in the current folder."""
    shutil.copytree(MODEL, tmp_path / "exports" / "mlp_classifier")
    return tmp_path / "exports" / "mlp_classifier"


def check_verification(case: Case, path: str, folder: Path) -> None:
    """Verify a path, and check the report as if it were the message of another command."""
    with harmless(folder):
        outcome = call("verify", "--json", path)
    (found,) = (report for report in json.loads(outcome.out) if not report["ok"])
    message = "error: {what}\n  why: {why}\n  try: {fix}\n  ({code})".format(**found)
    check_refusal(Outcome(outcome.exit, "", message), case.errors, *case.says)


@cases(MANIFEST, FILES)
def test_an_artifact_that_is_wrong_is_refused(case: Case, model, tmp_path):
    case.setup(model / "1")
    check_verification(case, "exports/mlp_classifier/1", tmp_path)


@cases(REPOSITORY)
def test_a_repository_that_is_wrong_is_refused(case: Case, model, tmp_path):
    case.setup(model)
    check_verification(case, "exports/mlp_classifier", tmp_path)


def test_a_failed_verification_is_told_in_words(model):
    FILES["a model with a flipped bit"].setup(model / "1")
    outcome = call("verify", "exports/mlp_classifier/1")
    assert outcome.exit == Tampered.exit_code
    assert outcome.out.startswith("FAILED")
    assert "model.onnx" in outcome.err and "  why: " in outcome.err and "  try: " in outcome.err


@pytest.mark.parametrize("words", ["predict {it} digit.png", "diff {it} {good}"])
@cases(MANIFEST, FILES)
def test_no_other_command_breaks_on_it(case: Case, words: str, model, tmp_path):
    picture(tmp_path / "digit.png")
    case.setup(model / "1")
    with harmless(tmp_path):
        outcome = call(*words.format(it="exports/mlp_classifier/1", good=MODEL / "1").split())
    # A command reads what it needs, and refuses what is wrong with that.
    assert outcome.exit in ((0, 1, 5, 8) if words.startswith("diff") else (0, 5, 8)), outcome.err
    assert "Traceback" not in outcome.err and "internal error" not in outcome.err
    if outcome.exit > 1:
        assert "  why: " in outcome.err and "  try: " in outcome.err
