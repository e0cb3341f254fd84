"""Export as a transaction: convert, check, prove, publish by one rename, or leave nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.architecture import Architecture, Blueprint, Signature
from zoo.errors import ConfigError, ExportError, Finding, ParityFailed
from zoo.exporting import convert as _convert
from zoo.exporting.divergence import first_divergence
from zoo.exporting.external_data import BESIDE_FROM, store
from zoo.exporting.normalize import add_label, canonical
from zoo.exporting.parity import calibrate, make_cases, prove
from zoo.exporting.parity_inputs import MOST_BYTES, as_taken, check_samples
from zoo.exporting.publishing import (
    FIRST_FILE,
    REPORT,
    UNLISTED,
    Proven,
    count_nodes,
    count_operators,
    golden,
    next_version,
    plain,
    publish,
    versions,
    write_artifact,
)
from zoo.exporting.simplify import constant_shapes
from zoo.exporting.structure import check_structure
from zoo.files import sha256_json
from zoo.names import name_fault
from zoo.runtime.golden_vectors import Vector
from zoo.runtime.manifest import Graph, Manifest
from zoo.runtime.prediction import LABEL, PROBABILITIES
from zoo.spec import Arrays, DataSpec, PredictFn, Task, TensorSpec

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
    license: str | None = None,
    origin: Mapping[str, Any] | None = None,
    keep_failed: Path | None = None,
    largest_file: int = BESIDE_FROM,
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
        license: Of the weights; the architecture's by default.
        origin: Anything else worth recording about the training, as plain data.
        keep_failed: Where to keep a failed export, with ``failure.json``, instead of removing it.
        largest_file: Bytes from which a graph has its large weights in a file beside it, such as
            ``model.onnx.data``; by default 256 MiB. No ONNX file can have 2 GiB.

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
    tasks, task = architecture.info.tasks, blueprint.data.task
    about = _About(
        # Classified images may be reconstructed: what a model is for is said by the model.
        task=task if task in tasks else tasks[0],
        summary=architecture.info.summary,
        limits=architecture.info.limits,
        license=license or architecture.info.license,
        metrics=plain(metrics or {}, "metrics"),
        origin=plain(origin or {}, "origin"),
        fingerprint=fingerprint,
    )
    target = out / name / str(version or next_version(out / name))
    return publish(
        target,
        lambda stage: _fill(stage, name, blueprint, signatures, samples, about, largest_file),
        keep_failed=keep_failed,
    )


@dataclass(frozen=True)
class _About:
    task: Task
    summary: str
    limits: tuple[str, ...]
    license: str
    metrics: dict[str, Any]
    origin: dict[str, Any]
    fingerprint: str


def _fill(
    stage: Path,
    name: str,
    blueprint: Blueprint,
    signatures: Sequence[Signature],
    samples: Arrays,
    about: _About,
    largest_file: int,
) -> None:
    proven = []
    for index, signature in enumerate(signatures):
        file = FIRST_FILE if index == 0 else f"{signature.name}.onnx"
        traced = _convert.Traced(signature)
        proven.append(_prove(stage, traced, file, name, blueprint.data, samples, largest_file))
        if index < len(signatures) - 1:
            samples = _extended(traced, samples)
    config = plain(blueprint.config.model_dump(mode="json"), "config")
    draft = Manifest(
        name=name,
        architecture=blueprint.architecture,
        summary=about.summary,
        limits=about.limits,
        task=about.task,
        config=config,
        config_sha256=sha256_json(config),
        data=blueprint.data,
        data_fingerprint=about.fingerprint,
        license=about.license,
        origin=about.origin,
        metrics=about.metrics,
        producer=versions(_PACKAGES),
        graphs=tuple(item.graph for item in proven),
        files=UNLISTED,
    )
    write_artifact(stage, draft, proven)


def _prove(
    stage: Path,
    traced: _convert.Traced,
    file: str,
    name: str,
    data: DataSpec,
    samples: Arrays,
    largest_file: int,
) -> Proven:
    """Convert one signature and compare it with its model."""
    signature = traced.signature
    samples = as_taken(traced.inputs, samples)
    check_samples(traced.inputs, samples)
    outputs = tuple(_named(spec, data) for spec in traced.outputs)
    names = {spec.name for spec in outputs}
    label = PROBABILITIES in names and LABEL not in names
    converted = _convert.convert(traced)
    constant_shapes(converted.proto)
    proto = canonical(
        converted.proto, f"{name}.{signature.name}", signature.inputs, outputs, traced.order
    )
    left_out = converted.weights
    del converted  # as large as the graph, where its weights are small
    outputs = tuple(sorted(outputs, key=lambda spec: traced.order.index(spec.name)))
    if label:
        chances = next(spec for spec in outputs if spec.name == PROBABILITIES)
        outputs = (*outputs, add_label(proto, chances.labels))
    # Written already for keep_failed, too: what is published is this, with its metadata.
    stored = store(proto, file, stage, weights=left_out, largest=largest_file)
    del proto  # of a large graph, what is stored is without its weights
    check_structure(stored, file)
    answer, weights = _answer(traced, label=label), _convert.weights_bytes(signature.model)
    cases = make_cases(traced.inputs, answer, samples, weights=weights)
    try:
        tolerances = calibrate(stored, cases, file)
        parity = prove(stored.file, cases, tolerances, file)
    except (ParityFailed, ExportError) as error:
        found = first_divergence(traced, cases, _convert.convert)
        raise ParityFailed(error.what, why=f"{error.why}; {found}", fix=error.fix) from error
    graph = Graph(
        signature=signature.name,
        file=file,
        opset=_convert.OPSET,
        nodes=count_nodes(stored.proto.graph),
        operators=count_operators(stored.proto.graph),
        inputs=signature.inputs,
        outputs=outputs,
        weights_sha256=_convert.weights_hash(signature.model),
        tolerance=tolerances,
        parity=parity,
        vectors=tuple(case.probe.batch for case in golden(cases)),
    )
    vectors = [Vector(case.probe.inputs, case.reference) for case in golden(cases)]
    return Proven(stored, graph, vectors)


def _extended(traced: _convert.Traced, samples: Arrays) -> Arrays:
    """Add what a signature makes of the samples: one's output may be another's input."""
    if any(spec.name not in samples for spec in traced.inputs):
        return samples
    given = {spec.name: samples[spec.name] for spec in traced.inputs}
    one = traced({name: array[:1] for name, array in given.items()})
    size = sum(array.nbytes for array in one.values())
    few = max(1, MOST_BYTES // max(size, 1))
    found = traced({name: array[:few] for name, array in given.items()})
    return {**found, **{name: array[:few] for name, array in samples.items()}}


def _answer(traced: _convert.Traced, *, label: bool) -> PredictFn:
    """Return the Keras model's answer, with the label that the export adds to the graph."""

    def answer(inputs: Arrays) -> Arrays:
        outputs = traced(inputs)
        if label:
            outputs[LABEL] = np.asarray(outputs[PROBABILITIES].argmax(-1))
        return outputs

    return answer


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


def _check(name: str, signatures: Sequence[Signature], version: int | None) -> None:
    findings = []
    if fault := name_fault(name):
        findings.append(Finding("name", name, fault))
    if version is not None and (isinstance(version, bool) or not 1 <= version < 2**31):
        findings.append(Finding("version", version, "a positive whole number"))
    names = [signature.name for signature in signatures]
    if not names or len(set(names)) != len(names):
        findings.append(Finding("signatures", names, "at least one, each with its own name"))
    for index, signature in enumerate(names):
        fault = name_fault(signature)
        if not fault and index and signature in _RESERVED:
            fault = "it is the name of another file of the artifact"
        if fault:
            findings.append(Finding("signatures", signature, fault))
    if findings:
        raise ConfigError("the export cannot be made as asked", findings=findings)


__all__ = ["FIRST_FILE", "REPORT", "export_artifact"]
