"""Configuration for Triton and KServe: ``config.pbtxt``, labels and warm-up of a model repository.

::

    cnn/
    ├── config.pbtxt              the same for every version
    ├── probabilities_labels.txt  class names, one per line, for each output that has classes
    ├── warmup/golden_image       one golden example of each input, as raw bytes
    └── 1/                        an artifact

All of it follows from the manifests and golden vectors of the versions, so that an export can write
it and anybody can check it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import Incompatible
from zoo.runtime.golden_vectors import Vector, unpack_vectors
from zoo.runtime.manifest import Graph, Manifest
from zoo.spec import TensorSpec

CONFIG = "config.pbtxt"
WARMUP = "warmup"

_SERVED_TYPES = {
    "bool": "BOOL",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
}


def served_shape(spec: TensorSpec) -> tuple[int | str, ...]:
    """Return the shape in which servers take or give a tensor, the batch axis left out.

    Triton has no tensor with the batch axis alone: one number per example is a row of one.

    Example:
        >>> served_shape(session.inputs[0])
        (8, 8, 1)
    """
    return spec.shape or (1,)


def served_type(dtype: str) -> str:
    """Return the name that servers have for a type: ``FP32`` for ``float32``.

    Example:
        >>> served_type("float32")
        'FP32'
    """
    return _SERVED_TYPES[dtype]


def check_same_interface(new: Manifest, old: Manifest, *, where: Path, fix: str) -> None:
    """Check that two versions have the same interface, so that clients may use either.

    Raises:
        Incompatible: If a name, type, shape, class or column differs.
    """
    if new.graphs[0].signature != old.graphs[0].signature:
        raise Incompatible(
            f"{where} serves the signature {old.graphs[0].signature!r} first",
            why=f"the other version serves {new.graphs[0].signature!r}",
            fix=fix,
        )
    graphs = {graph.signature: graph for graph in old.graphs}
    for graph in new.graphs:
        before = graphs.get(graph.signature)
        if before is None:
            continue
        for kind in ("inputs", "outputs"):
            mine, theirs = getattr(graph, kind), getattr(before, kind)
            if _interface(mine) != _interface(theirs):
                raise Incompatible(
                    f"the {kind} of {graph.signature!r} are not those of the versions in {where}",
                    why=f"there: {_shown(theirs)}; here: {_shown(mine)}"
                    if _shown(theirs) != _shown(mine)
                    else "their classes or columns differ",
                    fix=fix,
                )


def _interface(specs: Iterable[TensorSpec]) -> list[Any]:
    return [(s.name, s.dtype, s.shape, s.labels, s.columns) for s in specs]


def _shown(specs: Iterable[TensorSpec]) -> str:
    return ", ".join(f"{s.name} {s.dtype}{list(s.shape)}" for s in specs)


def repository_files(manifest: Manifest, vectors: bytes) -> dict[str, bytes]:
    """Return the files beside the versions of a model, by relative path.

    Args:
        manifest: Manifest of any of its versions.
        vectors: Bytes of the golden vectors of that version.
    """
    graph = manifest.graphs[0]
    example = _example(graph, unpack_vectors(vectors, graph.signature))
    files = {CONFIG: _config(graph, example).encode()}
    for spec in graph.outputs:
        if _is_labeled(spec):
            # One class per line: a line break inside a name would shift all that follow.
            lines = [" ".join(label.splitlines()) for label in spec.labels or ()]
            files[_label_file(spec)] = ("\n".join(lines) + "\n").encode()
    for name, array in example.items():
        files[f"{WARMUP}/{_warmup_file(name)}"] = _little(array).tobytes()
    return files


def _is_labeled(spec: TensorSpec) -> bool:
    """Return whether an output has one class, or one value per class; servers name no others."""
    return spec.labels is not None and len(spec.shape) <= 1


def _label_file(spec: TensorSpec) -> str:
    return f"{spec.name}_labels.txt"


def _warmup_file(name: str) -> str:
    return f"golden_{name}"


def _little(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


def _example(graph: Graph, vectors: Sequence[Vector]) -> dict[str, np.ndarray[Any, Any]]:
    """Return one golden example of each input."""
    if not vectors:
        return {}
    single = [vector for vector, size in zip(vectors, graph.vectors, strict=False) if size == 1]
    chosen = (single or list(vectors))[-1]
    return {spec.name: chosen.inputs[spec.name][:1] for spec in graph.inputs}


def _config(graph: Graph, example: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """Return the text of ``config.pbtxt``: a ``ModelConfig`` message.

    It has no name: that of the folder counts, so the folder may be copied under another.
    """
    blocks = [
        "# Made by zoo export from the manifests beside it; zoo verify checks it.\n"
        'platform: "onnxruntime_onnx"\n'
        'backend: "onnxruntime"\n'
        f'default_model_filename: "{graph.file}"\n'
        # Every graph of the zoo has the batch as the first axis of each tensor; this is the
        # largest batch at which it was compared with its model.
        f"max_batch_size: {max(graph.parity.batches)}"
    ]
    blocks += [_tensor("input", spec) for spec in graph.inputs]
    blocks += [_tensor("output", spec) for spec in graph.outputs]
    blocks += [
        "dynamic_batching {\n}",
        "version_policy {\n  all {\n  }\n}",
        "instance_group {\n  kind: KIND_CPU\n  count: 1\n}",
    ]
    if example:
        blocks.append(_warmup(graph, example))
    return "\n".join(blocks) + "\n"


def _tensor(role: str, spec: TensorSpec) -> str:
    sizes = ", ".join("-1" if isinstance(size, str) else str(size) for size in served_shape(spec))
    lines = [
        f"{role} {{",
        f'  name: "{spec.name}"',
        f"  data_type: TYPE_{served_type(spec.dtype)}",
        f"  dims: [ {sizes} ]",
    ]
    if not spec.shape:
        lines.append("  reshape {\n    shape: [ ]\n  }")
    if role == "output" and _is_labeled(spec):
        lines.append(f'  label_filename: "{_label_file(spec)}"')
    return "\n".join([*lines, "}"])


def _warmup(graph: Graph, example: Mapping[str, np.ndarray[Any, Any]]) -> str:
    lines = ["model_warmup {", '  name: "golden"', "  batch_size: 1"]
    for spec in graph.inputs:
        sizes = ", ".join(map(str, example[spec.name].shape[1:] or (1,)))
        lines += [
            "  inputs {",
            f'    key: "{spec.name}"',
            "    value {",
            f"      data_type: TYPE_{served_type(spec.dtype)}",
            f"      dims: [ {sizes} ]",
            f'      input_data_file: "{_warmup_file(spec.name)}"',
            "    }",
            "  }",
        ]
    return "\n".join([*lines, "}"])
