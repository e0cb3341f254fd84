"""Export as a transaction: convert, check, prove, publish by one rename, or leave nothing."""

from __future__ import annotations

import errno
import hashlib
import importlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from zoo.architecture import Architecture, Blueprint, Signature
from zoo.errors import ConfigError, ExportError, Finding, ParityFailed, StorageError, ZooError
from zoo.exporting import convert as _convert
from zoo.exporting.canonical import add_label, canonical
from zoo.exporting.card import write_card
from zoo.exporting.divergence import first_divergence
from zoo.exporting.parity import Case, calibrate, make_cases, prove
from zoo.exporting.probes import check_samples
from zoo.exporting.repository import joining
from zoo.exporting.structure import check_structure
from zoo.files import sha256_json, staged_folder, storage_errors
from zoo.runtime.manifest import CARD, MANIFEST, VECTORS, FileEntry, Graph, Manifest
from zoo.runtime.tolerance import LABEL, PROBABILITIES
from zoo.runtime.vectors import Vector, pack_vectors
from zoo.runtime.verify import verify
from zoo.spec import NAME, Arrays, DataSpec, TensorSpec

if TYPE_CHECKING:
    import onnx

FIRST_FILE = "model.onnx"
REPORT = "failure.json"
"""What ``keep_failed`` finds beside the files of a failed export."""

_GOLDEN_BATCHES = (1, 7)
_PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "numpy")
_RESERVED = {"manifest", "vectors", "card", "model"}


def export_artifact(
    blueprint: Blueprint,
    architecture: Architecture[Any],
    signatures: Sequence[Signature],
    *,
    out: Path,
    name: str | None = None,
    version: int | None = None,
    samples: Arrays,
    metrics: Mapping[str, Any] | None = None,
    fingerprint: str = "",
    licence: str | None = None,
    origin: Mapping[str, Any] | None = None,
    keep_failed: Path | None = None,
) -> Path:
    """Turn a model into an artifact that proves itself, at ``out/<name>/<version>``.

    Args:
        blueprint: Where the model came from.
        architecture: What made it.
        signatures: What is exported, one ONNX file each; the first is ``model.onnx``.
        out: The model repository.
        name: What the model is called there; the architecture's name by default.
        version: A positive number that is not taken; the next free one by default.
        samples: A few real examples, by input name, for the comparison and the golden vectors.
        metrics: How good the model is, as plain data: an ``Evaluation`` or a mapping of numbers.
        fingerprint: SHA-256 of the data it was trained on; empty if it was not.
        licence: Of the weights; the architecture's by default.
        origin: Anything else worth recording about the training, as plain data.
        keep_failed: Where to keep a failed export, with ``failure.json``, instead of removing it.

    Returns:
        The folder that was published.

    Raises:
        MissingExtra: If Keras or the converter is not installed.
        Unsupported: If no ONNX form exists for the model.
        ParityFailed: If the graph and the model disagree. Nothing is published.
        ExportError: If earlier versions of that name take or give other things.
        StorageError: If the folder cannot be written, or the version is taken.
    """
    _convert.require()
    name = architecture.info.name if name is None else name
    _check(name, signatures, version)
    about = _About(
        summary=architecture.info.summary,
        licence=licence or architecture.info.licence,
        metrics=_plain(metrics or {}, "metrics"),
        origin=_plain(origin or {}, "origin"),
        fingerprint=fingerprint,
    )
    target = out / name / str(version or _next_version(out / name))
    try:
        with (
            joining(target.parent) as join,
            staged_folder(target, keep_failed=keep_failed) as stage,
        ):
            try:
                _fill(stage, name, blueprint, signatures, samples, about)
                verify(stage)
                join(stage)
            except Exception as error:
                if keep_failed is not None:
                    _write(stage / REPORT, _report(error))
                raise
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        raise StorageError(
            f"{target} appeared during the export",
            why="another export took the same version; nothing was overwritten",
            fix="export again",
        ) from error
    return target


@dataclass(frozen=True)
class _About:
    summary: str
    licence: str
    metrics: dict[str, Any]
    origin: dict[str, Any]
    fingerprint: str


@dataclass(frozen=True)
class _Proven:
    proto: onnx.ModelProto
    graph: Graph
    vectors: list[Vector]


def _fill(
    stage: Path,
    name: str,
    blueprint: Blueprint,
    signatures: Sequence[Signature],
    samples: Arrays,
    about: _About,
) -> None:
    proven = [
        _prove(
            stage,
            signature,
            FIRST_FILE if index == 0 else f"{signature.name}.onnx",
            name,
            blueprint.data,
            samples,
        )
        for index, signature in enumerate(signatures)
    ]
    config = _plain(blueprint.config.model_dump(mode="json"), "config")
    draft = Manifest(
        name=name,
        architecture=blueprint.architecture,
        summary=about.summary,
        task=blueprint.data.task,
        config=config,
        config_sha256=sha256_json(config),
        data=blueprint.data,
        data_fingerprint=about.fingerprint,
        licence=about.licence,
        origin=about.origin,
        metrics=about.metrics,
        producer=_versions(),
        graphs=tuple(item.graph for item in proven),
        files=(FileEntry(name=CARD, bytes=0, sha256="0" * 64),),
    )
    files = {
        CARD: write_card(draft).encode(),
        VECTORS: pack_vectors({item.graph.signature: item.vectors for item in proven}),
    }
    for item in proven:
        for key, value in draft.metadata(item.graph.signature).items():
            item.proto.metadata_props.add(key=key, value=value)
        files[item.graph.file] = item.proto.SerializeToString(deterministic=True)
    entries = tuple(
        FileEntry(name=file, bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
        for file, raw in sorted(files.items())
    )
    for file, raw in files.items():
        _write(stage / file, raw)
    _write(stage / MANIFEST, draft.model_copy(update={"files": entries}).to_bytes())


def _prove(
    stage: Path,
    signature: Signature,
    file: str,
    name: str,
    data: DataSpec,
    samples: Arrays,
) -> _Proven:
    """Convert one signature and compare it with its model."""
    traced = _convert.Traced(signature)
    check_samples(traced.inputs, samples)
    outputs = tuple(_named(spec, data) for spec in traced.outputs)
    names = {spec.name for spec in outputs}
    label = PROBABILITIES in names and LABEL not in names
    converted = _convert.convert(traced)
    proto = canonical(
        converted, f"{name}.{signature.name}", signature.inputs, outputs, traced.order
    )
    outputs = tuple(sorted(outputs, key=lambda spec: traced.order.index(spec.name)))
    if label:
        chances = next(spec for spec in outputs if spec.name == PROBABILITIES)
        outputs = (*outputs, add_label(proto, chances.labels))
    raw = check_structure(proto, file)
    # Kept for keep_failed: what is published is written over it, with its metadata.
    _write(stage / file, raw)
    cases = make_cases(traced, samples, label=label)
    try:
        tolerances = calibrate(proto, cases, file)
        parity = prove(raw, cases, tolerances, file)
    except (ParityFailed, ExportError) as error:
        found = first_divergence(traced, cases, _convert.convert)
        raise ParityFailed(error.what, why=f"{error.why}; {found}", fix=error.fix) from error
    graph = Graph(
        signature=signature.name,
        file=file,
        opset=_convert.OPSET,
        nodes=_count(proto.graph),
        inputs=signature.inputs,
        outputs=outputs,
        weights_sha256=_convert.weights_hash(signature.model),
        tolerance=tolerances,
        parity=parity,
        vectors=tuple(case.probe.batch for case in _golden(cases)),
    )
    vectors = [Vector(case.probe.inputs, case.reference) for case in _golden(cases)]
    return _Proven(proto, graph, vectors)


def _golden(cases: Sequence[Case]) -> list[Case]:
    """Return the cases that are shipped: every length, then one example, then a mixed batch."""
    own = cases[0].probe.lengths
    lengths = [case for case in cases if case.probe.lengths != own]
    return lengths + [
        next(case for case in cases if case.probe.batch == batch and case.probe.lengths == own)
        for batch in _GOLDEN_BATCHES
    ]


def _named(spec: TensorSpec, data: DataSpec) -> TensorSpec:
    """Give probabilities the class names of the data, where the plugin gave none."""
    if spec.name != PROBABILITIES or spec.labels is not None or not spec.shape:
        return spec
    for target in data.targets:
        if target.labels is not None and len(target.labels) == spec.shape[-1]:
            return spec.model_copy(
                update={"labels": target.labels, "range": spec.range or (0.0, 1.0)}
            )
    return spec


def _count(graph: onnx.GraphProto) -> int:
    total = 0
    for node in graph.node:
        total += 1
        for attribute in node.attribute:
            if attribute.HasField("g"):
                total += _count(attribute.g)
            total += sum(_count(inner) for inner in attribute.graphs)
    return total


def _check(name: str, signatures: Sequence[Signature], version: int | None) -> None:
    findings = []
    if not NAME.fullmatch(name) or len(name) > 64:
        findings.append(Finding("name", name, "lower case, digits and single underscores"))
    if version is not None and (isinstance(version, bool) or not 1 <= version < 2**31):
        findings.append(Finding("version", version, "a positive whole number"))
    names = [signature.name for signature in signatures]
    if not names or len(set(names)) != len(names):
        findings.append(Finding("signatures", names, "at least one, each with its own name"))
    for index, signature in enumerate(names):
        if not NAME.fullmatch(signature) or (index and signature in _RESERVED):
            findings.append(
                Finding("signatures", signature, "lower case, not the name of another file")
            )
    if findings:
        raise ConfigError("the export cannot be made as asked", findings=findings)


def _next_version(folder: Path) -> int:
    taken = [0]
    if folder.is_dir():
        with storage_errors(folder, "listing"):
            taken += [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()]
    return max(taken) + 1


def _versions() -> dict[str, str]:
    # Of the module: the distribution may bear another name, such as onnxruntime-gpu.
    versions = {name: str(importlib.import_module(name).__version__) for name in _PACKAGES}
    try:
        versions["zoo"] = importlib.metadata.version("neural-zoo")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        versions["zoo"] = "0"
    return versions


def _plain(value: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return plain JSON data, or say that it is not."""
    try:
        text = json.dumps(dict(value), allow_nan=False, sort_keys=True, default=_number)
    except (TypeError, ValueError) as error:
        raise ExportError(
            f"the {what} cannot be written down",
            why=str(error),
            fix="give plain data: text, finite numbers, lists and mappings",
        ) from error
    plain: dict[str, Any] = json.loads(text)
    return plain


def _number(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} is no plain data")


def _report(error: BaseException) -> bytes:
    facts = error.as_dict() if isinstance(error, ZooError) else {"error": repr(error)}
    return (json.dumps(facts, indent=1, sort_keys=True, default=str) + "\n").encode()


def _write(path: Path, raw: bytes) -> None:
    with storage_errors(path, "writing"):
        path.write_bytes(raw)


__all__ = ["FIRST_FILE", "REPORT", "export_artifact"]
