"""A model repository: the folder of a model's versions, as Triton and KServe read it.

::

    cnn/
    ├── config.pbtxt              the same for every version
    ├── probabilities_labels.txt  class names, one a line, for each output that has classes
    ├── warmup/golden_image       one golden example of each input, as raw bytes
    └── 1/                        an artifact

All of it but the versions follows from their manifests and golden vectors, so that it can be
written by an export and checked by anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import Incompatible, Tampered
from zoo.files import exists, is_folder
from zoo.runtime._folder import MAX_BYTES, listing, read_bytes
from zoo.runtime._onnx_file import read_checked
from zoo.runtime.manifest import MANIFEST, VECTORS, Graph, Manifest, read_manifest
from zoo.runtime.vectors import Vector, unpack_vectors
from zoo.runtime.verify import VerifyReport, verify
from zoo.spec import TensorSpec
from zoo.struct import Struct

CONFIG = "config.pbtxt"
WARMUP = "warmup"

_VERSION = re.compile(r"[1-9][0-9]{0,9}")
_LIMIT = 64 * 2**20
_KINDS = {
    "bool": "BOOL",
    "float16": "FP16",
    "float32": "FP32",
    "int32": "INT32",
    "int64": "INT64",
    "string": "STRING",
    "uint8": "UINT8",
}


class ModelReport(Struct):
    """What :func:`verify_model` checked. It raises instead of returning a failure.

    Attributes:
        path: The folder of the versions.
        name: Under which name servers offer it.
        files: Files beside the versions.
        versions: What was found about each, oldest first.
    """

    path: str
    name: str
    files: int
    versions: tuple[VerifyReport, ...]


def version_folders(folder: Path) -> list[Path]:
    """Return the folders of a model's versions, oldest first."""
    if not is_folder(folder):
        return []
    names = [name for name in listing(folder) if _VERSION.fullmatch(name)]
    return [folder / name for name in sorted(names, key=int)]


def is_model(folder: Path) -> bool:
    """Say whether a folder holds versions of a model, and is not itself an artifact."""
    if exists(folder / MANIFEST) or not is_folder(folder):
        return False
    return (folder / CONFIG).exists() or bool(version_folders(folder))


def served_shape(spec: TensorSpec) -> tuple[int | str, ...]:
    """Return the shape in which servers take or give a tensor, the batch axis left out.

    Triton has no tensor without sizes beside the batch: a number an example is a row of one.
    """
    return spec.shape or (1,)


def check_same_interface(new: Manifest, old: Manifest, *, where: Path, fix: str) -> None:
    """Compare what two versions take and give: a client must not notice which one answers.

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
                    why=f"there: {_words(theirs)}; here: {_words(mine)}"
                    if _words(theirs) != _words(mine)
                    else "their classes or columns are others",
                    fix=fix,
                )


def _interface(specs: Iterable[TensorSpec]) -> list[Any]:
    return [(s.name, s.dtype, s.shape, s.labels, s.columns) for s in specs]


def _words(specs: Iterable[TensorSpec]) -> str:
    return ", ".join(f"{s.name} {s.dtype}{list(s.shape)}" for s in specs)


def repository_files(manifest: Manifest, vectors: bytes) -> dict[str, bytes]:
    """Return everything that stands beside the versions of a model, by relative path.

    Args:
        manifest: That of any of its versions.
        vectors: The bytes of the golden vectors of that version.
    """
    graph = manifest.graphs[0]
    example = _example(graph, unpack_vectors(vectors, graph.signature))
    files = {CONFIG: _config(graph, example).encode()}
    for spec in graph.outputs:
        if spec.labels:
            # One class a line: a line break inside a name would shift all that follow.
            lines = [" ".join(label.splitlines()) for label in spec.labels]
            files[_label_file(spec)] = ("\n".join(lines) + "\n").encode()
    for name, array in example.items():
        files[f"{WARMUP}/{_warmup_file(name)}"] = _little(array).tobytes()
    return files


def _label_file(spec: TensorSpec) -> str:
    return f"{spec.name}_labels.txt"


def _warmup_file(name: str) -> str:
    return f"golden_{name}"


def _little(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


def _example(graph: Graph, vectors: Sequence[Vector]) -> dict[str, np.ndarray[Any, Any]]:
    """Return one golden example; nothing for text, of which no golden vectors are kept."""
    if not vectors or any(spec.dtype == "string" for spec in graph.inputs):
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
        f"  data_type: TYPE_{_KINDS[spec.dtype]}",
        f"  dims: [ {sizes} ]",
    ]
    if not spec.shape:
        lines.append("  reshape {\n    shape: [ ]\n  }")
    if role == "output" and spec.labels:
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
            f"      data_type: TYPE_{_KINDS[spec.dtype]}",
            f"      dims: [ {sizes} ]",
            f'      input_data_file: "{_warmup_file(spec.name)}"',
            "    }",
            "  }",
        ]
    return "\n".join([*lines, "}"])


def expected_files(folder: Path, *, max_bytes: int = MAX_BYTES) -> list[dict[str, bytes]]:
    """Return what each version of a model wants beside it, oldest first.

    Raises:
        ArtifactError: If a version is not what was published.
    """
    wanted = []
    for version in version_folders(folder):
        manifest = read_manifest(version)
        vectors = read_checked(version, manifest, VECTORS, max_bytes=max_bytes)
        wanted.append(repository_files(manifest, vectors))
    return wanted


def verify_model(path: str | Path, *, max_bytes: int = MAX_BYTES) -> ModelReport:
    """Prove every version of a model, and what stands beside them.

    Args:
        path: The folder of the versions, e.g. ``exports/cnn``.
        max_bytes: The largest file that is read.

    Raises:
        ArtifactError: If a version does not verify, two differ in what they take or give, or a
            file beside them is changed, missing or foreign.
    """
    folder = Path(path)
    versions = version_folders(folder)
    if not versions:
        raise Incompatible(
            f"{folder} holds no version of a model",
            why="versions are folders with a number for a name",
            fix="give a folder such as exports/cnn, or export a model into it",
        )
    reports = tuple(verify(version, max_bytes=max_bytes) for version in versions)
    manifests = [read_manifest(version) for version in versions]
    for manifest in manifests[1:]:
        check_same_interface(
            manifest, manifests[0], where=folder, fix="move one of the versions to another folder"
        )
    wanted = expected_files(folder, max_bytes=max_bytes)
    _check_names(folder, wanted[-1])
    for name, raw in wanted[-1].items():
        # The warm-up may be the golden example of any version: it only has to fit.
        allowed = [files[name] for files in wanted] if name.startswith(f"{WARMUP}/") else [raw]
        place = folder / name
        if read_bytes(place.parent, place.name, limit=_LIMIT) not in allowed:
            raise Tampered(
                f"{place} is not what the manifests say",
                why="servers would read another model than the one that was proven",
                fix="remove it and export the next version, or copy the folder anew",
            )
    return ModelReport(
        path=str(folder), name=folder.resolve().name, files=len(wanted[-1]), versions=reports
    )


def _check_names(folder: Path, wanted: Iterable[str]) -> None:
    top = {name.partition("/")[0] for name in wanted}
    inside = {name.partition("/")[2] for name in wanted if "/" in name}
    # An export that is under way has a hidden folder here.
    there = {
        name
        for name in listing(folder)
        if not _VERSION.fullmatch(name) and not (name.startswith(".") and name.endswith(".tmp"))
    }
    warm = set(listing(folder / WARMUP)) if inside and WARMUP in there else set()
    for kind, found in (
        ("missing", (top - there) | {f"{WARMUP}/{name}" for name in inside - warm}),
        ("no part of a model", (there - top) | {f"{WARMUP}/{name}" for name in warm - inside}),
    ):
        if found:
            raise Tampered(
                f"{folder / min(found)} is {kind}",
                why="beside the versions stands what zoo export wrote, and nothing else",
                fix="export the next version: it writes what is missing"
                if kind == "missing"
                else "remove it",
            )


__all__ = [
    "CONFIG",
    "WARMUP",
    "ModelReport",
    "check_same_interface",
    "expected_files",
    "is_model",
    "repository_files",
    "served_shape",
    "verify_model",
    "version_folders",
]
