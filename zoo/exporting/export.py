"""Export of a Keras model to an artifact: convert, rewrite, check, compare, publish atomically."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.architecture import Architecture, Blueprint, Signature
from zoo.errors import ConfigError, ExportError, Finding, ParityFailed
from zoo.exporting import tf2onnx
from zoo.exporting.external_data import EXTERNAL_FROM, store
from zoo.exporting.graph_checks import check_graph, check_weights
from zoo.exporting.parity import first_differing_layer, make_cases
from zoo.exporting.parity_inputs import MAX_CALL_BYTES, cast_inputs, check_samples
from zoo.exporting.publishing import (
    FIRST_FILE,
    NO_FILES,
    VerifiedGraph,
    compare_graph,
    next_version,
    package_versions,
    publish,
    to_json,
    weights_sha256,
    write_artifact,
)
from zoo.exporting.rewrites import add_class_output, class_output, constant_shapes, normalize
from zoo.files import sha256_json
from zoo.names import name_fault
from zoo.runtime.decoding import text_generation
from zoo.runtime.manifest import Graph, Manifest
from zoo.spec import Arrays, DataSpec, PredictFn, TensorSpec

_PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "numpy")
_CLASS = "label"
"""Name of the output with the index of the largest probability, which the export adds."""

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
    largest_file: int = EXTERNAL_FROM,
) -> Path:
    """Export a model to a verified artifact in ``out/<name>/<version>``.

    Args:
        blueprint: The configuration and data of the model.
        architecture: The architecture of the model.
        signatures: The signatures, one ONNX file each; the first is ``model.onnx``.
        out: The model repository.
        name: The artifact's name; the architecture's name by default.
        version: A positive number that is not taken; the next free one by default.
        samples: A few real examples, by input name, for the comparison and the golden vectors.
        metrics: Scores of the model as plain data: an ``Evaluation`` or a mapping of numbers.
        fingerprint: SHA-256 of the training data; empty for an untrained model.
        license: License of the weights; the architecture's by default.
        origin: Further facts about the training, as plain data.
        keep_failed: A folder for the files of a failed export and its ``failure.json``; by
            default nothing is kept.
        largest_file: Size in bytes from which a graph has its large weights as external data,
            in ``model.onnx.data``; by default 256 MiB. An ONNX file has less than 2 GiB.

    Returns:
        The folder of the artifact.

    Raises:
        MissingExtra: If Keras or the converter is not installed.
        Unsupported: If the model cannot be converted to ONNX.
        ParityFailed: If the graph and the model differ. Nothing is published.
        ExportError: If earlier versions of that name have other inputs or outputs.
        StorageError: If the folder cannot be written, or the version is taken.
    """
    tf2onnx.require()
    name = architecture.info.name if name is None else name
    _check(name, signatures, version)
    tasks, task = architecture.info.tasks, blueprint.data.task
    config = to_json(blueprint.config.model_dump(mode="json"), "config")
    facts: dict[str, Any] = {
        "name": name,
        "architecture": blueprint.architecture,
        "summary": architecture.info.summary,
        "limits": architecture.info.limits,
        # The data's task is not the model's, where an autoencoder reconstructs labeled images.
        "task": task if task in tasks else tasks[0],
        "config": config,
        "config_sha256": sha256_json(config),
        "data": blueprint.data,
        "data_fingerprint": fingerprint,
        "license": license or architecture.info.license,
        "origin": to_json(origin or {}, "origin"),
        "metrics": to_json(metrics or {}, "metrics"),
        "producer": package_versions(_PACKAGES),
    }

    def fill(stage: Path) -> None:
        verified = _verified_graphs(stage, name, blueprint.data, signatures, samples, largest_file)
        graphs = tuple(item.graph for item in verified)
        write_artifact(stage, Manifest(**facts, graphs=graphs, files=NO_FILES), verified)

    target = out / name / str(version or next_version(out / name))
    return publish(target, fill, keep_failed=keep_failed)


def _verified_graphs(
    stage: Path,
    name: str,
    data: DataSpec,
    signatures: Sequence[Signature],
    samples: Arrays,
    largest_file: int,
) -> list[VerifiedGraph]:
    verified = []
    for index, signature in enumerate(signatures):
        file = FIRST_FILE if index == 0 else f"{signature.name}.onnx"
        model = tf2onnx.TracedModel(signature)
        verified.append(_verified_graph(stage, model, file, name, data, samples, largest_file))
        if index < len(signatures) - 1:
            samples = _with_outputs(model, samples)
    return verified


def _verified_graph(
    stage: Path,
    model: tf2onnx.TracedModel,
    file: str,
    name: str,
    data: DataSpec,
    samples: Arrays,
    largest_file: int,
) -> VerifiedGraph:
    """Convert one signature and compare it with its model."""
    signature = model.signature
    check_weights(signature.model, file)
    samples = cast_inputs(model.inputs, {**samples, **signature.samples})
    check_samples(model.inputs, samples)
    outputs = tuple(_with_labels(spec, data) for spec in model.outputs)
    classes = _class_outputs(signature.inputs, outputs)
    converted = tf2onnx.convert(model)
    constant_shapes(converted.proto)
    proto = normalize(
        converted.proto, f"{name}.{signature.name}", signature.inputs, outputs, model.order
    )
    weights = converted.weights
    del converted  # as large as the graph, if its weights are small
    outputs = tuple(sorted(outputs, key=lambda spec: model.order.index(spec.name)))
    for spec, axis in classes:
        add_class_output(proto, spec, axis)
    outputs = (*outputs, *(spec for spec, _ in classes))
    # Written before the checks, for keep_failed; the published file has metadata in addition.
    stored = store(proto, file, stage, weights=weights, largest=largest_file)
    del proto  # external data is not in the stored graph
    check_graph(stored, file)
    size = sum(w.value.dtype.size * int(np.prod(w.shape)) for w in signature.model.weights)
    cases = make_cases(model.inputs, _predict_fn(model, classes), samples, weights=size)
    try:
        fields, vectors = compare_graph(stored, cases, file, outputs)
    except ExportError as error:
        layer = first_differing_layer(model, cases)
        raise ParityFailed(error.what, why=f"{error.why}; {layer}", fix=error.fix) from error
    graph = Graph(
        signature=signature.name,
        file=file,
        opset=tf2onnx.OPSET,
        inputs=signature.inputs,
        outputs=outputs,
        decode=signature.decode,
        weights_sha256=weights_sha256(weight.numpy() for weight in signature.model.weights),
        **fields,
    )
    return VerifiedGraph(stored, graph, vectors)


def _with_outputs(model: tf2onnx.TracedModel, samples: Arrays) -> Arrays:
    """Add the outputs of a signature to the samples, since they may be inputs of another."""
    if any(spec.name not in samples for spec in model.inputs):
        return samples
    inputs = {spec.name: samples[spec.name] for spec in model.inputs}
    one = model({name: array[:1] for name, array in inputs.items()})
    size = sum(array.nbytes for array in one.values())
    count = max(1, MAX_CALL_BYTES // max(size, 1))
    outputs = model({name: array[:count] for name, array in inputs.items()})
    return {**outputs, **{name: array[:count] for name, array in samples.items()}}


def _predict_fn(model: tf2onnx.TracedModel, classes: Sequence[tuple[TensorSpec, int]]) -> PredictFn:
    """Return the Keras model as a function, with the outputs that the export adds."""

    def predict_fn(inputs: Arrays) -> Arrays:
        outputs = model(inputs)
        for spec, axis in classes:
            outputs[spec.name] = np.asarray(outputs[spec.of].argmax(axis))
        return outputs

    return predict_fn


def _class_outputs(
    inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> list[tuple[TensorSpec, int]]:
    """Return the specs of the class outputs that are added, each with its class axis."""
    known = {spec.of for spec in outputs if spec.role == "class"}
    missing = [s for s in outputs if s.role == "probabilities" and s.name not in known]
    taken = {spec.name for spec in (*inputs, *outputs)}
    found = []
    for spec in missing:
        name = _CLASS if len(missing) == 1 else f"{spec.name}_{_CLASS}"
        if name in taken:
            raise ConfigError(
                f"the name {name!r} is taken",
                why=f"the class with the largest of {spec.name!r} becomes an output of that name",
                fix=f"name the other differently, or say that it is this class: role='class', "
                f"of={spec.name!r}",
            )
        found.append((class_output(spec, name), spec.class_axis))
    return found


def _with_labels(spec: TensorSpec, data: DataSpec) -> TensorSpec:
    """Add the class names of the data to probabilities without labels."""
    if spec.role != "probabilities" or spec.labels is not None:
        return spec
    for target in data.targets:
        if target.labels is not None and len(target.labels) == spec.shape[spec.class_axis]:
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
    text_generation({signature.name: signature for signature in signatures})
    if findings:
        raise ConfigError("the options of the export are wrong", findings=findings)
