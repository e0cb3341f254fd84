"""Proving a published artifact again, anywhere, with onnxruntime and numpy alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError, ParityFailed, Tampered
from zoo.runtime._external import SUFFIX
from zoo.runtime._folder import MAX_BYTES, listing
from zoo.runtime._onnx_file import (
    DATA_FACTOR,
    OnnxFile,
    check_file,
    checked_graph,
    read_checked,
)
from zoo.runtime.manifest import MANIFEST, PREFIX, VECTORS, Graph, Manifest, read_manifest
from zoo.runtime.session import Session, check_interface, open_session
from zoo.runtime.tolerance import compare_all
from zoo.runtime.vectors import Vector, unpack_vectors
from zoo.struct import Struct

_AGAIN = "copy the artifact anew, or export the model again"


class SignatureReport(Struct):
    """What was found about one graph.

    Attributes:
        examples: How many golden examples were run.
        worst: By output, the largest difference as a share of the tolerance.
        worst_absolute: By output, the largest difference.
    """

    signature: str
    file: str
    opset: int
    examples: int
    worst: dict[str, float]
    worst_absolute: dict[str, float]


class VerifyReport(Struct):
    """What :func:`verify` checked. It raises instead of returning a failure."""

    path: str
    architecture: str
    files: int
    bytes: int
    signatures: tuple[SignatureReport, ...]
    providers: tuple[str, ...]
    onnxruntime: str
    seconds: float


def verify(path: str | Path, *, max_bytes: int = MAX_BYTES) -> VerifyReport:
    """Prove an artifact: its files, its structure, its metadata, and its answers.

    Every file is compared with its SHA-256 before anything parses it; no other file, folder or
    link may stand beside them; each ONNX file is inspected before onnxruntime opens it, from
    memory, or beside a private copy of its weights; its own metadata must equal the manifest; and
    the golden vectors are run again at the recorded tolerance.

    Args:
        path: The artifact's folder.
        max_bytes: The largest file that is read; weights beside a graph may have 32 times as many.

    Raises:
        Incompatible: If it is no artifact, of a newer format, or must not or cannot be opened.
        Tampered: If a file is changed, missing, added or a link, or contradicts the manifest.
        ParityFailed: If an answer is not the recorded one.
        StorageError: If there is no room for the copy of the weights.

    Example:
        >>> verify("exports/cnn/1").signatures[0].worst
        {'label': 0.0, 'probabilities': 0.11}
    """
    import onnxruntime

    start = time.perf_counter()
    folder = Path(path)
    manifest, whole = read_files(folder, max_bytes=max_bytes)
    reports: list[SignatureReport] = []
    providers: tuple[str, ...] = ()
    for graph in manifest.graphs:
        with checked_graph(folder, manifest, graph, max_bytes=max_bytes) as file:
            session = _open(folder, manifest, graph, file)
        providers = session.providers
        reports.append(_run(folder, session, unpack_vectors(whole[VECTORS], graph.signature)))
    return VerifyReport(
        path=str(folder),
        architecture=manifest.architecture,
        files=len(manifest.files) + 1,
        bytes=sum(entry.bytes for entry in manifest.files),
        signatures=tuple(reports),
        providers=providers,
        onnxruntime=onnxruntime.__version__,
        seconds=time.perf_counter() - start,
    )


def read_files(folder: Path, *, max_bytes: int = MAX_BYTES) -> tuple[Manifest, Mapping[str, bytes]]:
    """Read all of an artifact but its graphs, compared with the manifest; nothing is parsed.

    Args:
        folder: The artifact's.
        max_bytes: The largest file that is read.

    Raises:
        Incompatible: If it is no artifact, or of a newer format.
        Tampered: If a file is changed, missing, added or a link; of graphs, if one is missing.
    """
    names = listing(folder)
    manifest = read_manifest(folder)
    _check_names(folder, names, manifest)
    apart = {name for graph in manifest.graphs for name in _files(manifest, graph)}
    return manifest, {
        entry.name: read_checked(folder, manifest, entry.name, max_bytes=max_bytes)
        for entry in manifest.files
        if entry.name not in apart
    }


def check_files(folder: Path, *, max_bytes: int = MAX_BYTES) -> Manifest:
    """Compare every file of an artifact with its manifest, and return that; nothing is run.

    Raises:
        Incompatible: If it is no artifact, or of a newer format.
        Tampered: If a file is changed, missing, added or a link.
    """
    manifest, read = read_files(folder, max_bytes=max_bytes)
    for entry in manifest.files:
        if entry.name not in read:
            check_file(folder, entry, limit=DATA_FACTOR * max_bytes)
    return manifest


def _check_names(folder: Path, names: list[str], manifest: Manifest) -> None:
    listed = [entry.name for entry in manifest.files]
    needed = {VECTORS, *(graph.file for graph in manifest.graphs)}
    known = {name for graph in manifest.graphs for name in _files(manifest, graph)}
    alone = {name for name in listed if name.endswith(SUFFIX)} - known
    right = len(set(listed)) == len(listed) and MANIFEST not in listed and needed <= set(listed)
    if alone or not right:
        raise Tampered(
            f"the list of files in {folder / MANIFEST} is wrong",
            why=f"it names each file once, {VECTORS} and every graph's among them",
            fix=_AGAIN,
        )
    for kind, found in (
        ("missing", set(listed) - set(names)),
        ("not in the manifest", set(names) - set(listed) - {MANIFEST}),
    ):
        if found:
            raise Tampered(
                f"{folder / min(found)} is {kind}",
                why="an artifact holds the files that were published, and no other",
                fix=_AGAIN if kind == "missing" else "remove it, or copy the artifact anew",
            )


def _files(manifest: Manifest, graph: Graph) -> list[str]:
    data = manifest.data_file(graph)
    return [graph.file, *([data.name] if data is not None else [])]


def _open(folder: Path, manifest: Manifest, graph: Graph, file: OnnxFile) -> Session:
    name, facts = str(folder / graph.file), file.facts
    expected = manifest.metadata(graph.signature)
    found = {key: value for key, value in facts.metadata.items() if key.startswith(PREFIX)}
    if facts.metadata != expected:
        wrong = sorted(
            key
            for key in {*facts.metadata, *expected}
            if facts.metadata.get(key) != expected.get(key)
        )
        raise Tampered(
            f"the metadata inside {name} is not that of {MANIFEST}",
            why=f"{wrong[0]} differs" if found else "it has none",
            fix=_AGAIN,
        )
    if (facts.opset, facts.nodes) != (graph.opset, graph.nodes):
        raise Tampered(
            f"the graph inside {name} is not that of {MANIFEST}",
            why=f"opset {facts.opset} and {facts.nodes} nodes instead of "
            f"{graph.opset} and {graph.nodes}",
            fix=_AGAIN,
        )
    native = open_session(file, name)
    check_interface(native, graph, name)
    return Session(manifest, graph, native, threads=1, source=str(folder))


def _run(folder: Path, session: Session, vectors: list[Vector]) -> SignatureReport:
    graph = session.graph
    sizes = tuple(_count(vector.inputs) for vector in vectors)
    if not vectors or sizes != graph.vectors:
        raise Tampered(
            f"{folder / VECTORS} does not hold the cases of {graph.signature!r}",
            why=f"{list(sizes)} examples instead of {list(graph.vectors)}",
            fix=_AGAIN,
        )
    worst: dict[str, float] = {}
    absolute: dict[str, float] = {}
    for index, vector in enumerate(vectors):
        try:
            actual = session.run(vector.inputs)
        except DataError as error:
            raise Tampered(
                f"{folder / VECTORS} does not fit the graph of {graph.signature!r}",
                why=error.why,
                fix=_AGAIN,
            ) from error
        for name, found in compare_all(actual, vector.outputs, graph.tolerance).items():
            if not found.share <= 1:
                raise ParityFailed(
                    f"{folder}: output {name!r} of {graph.signature!r} is not the recorded one",
                    why=f"golden case {index}, element {list(found.where)}: "
                    f"{found.why or f'{found.absolute:.3g} apart, {found.share:.1f} x allowed'}",
                    fix="export the model again; report the onnxruntime version if it was upgraded",
                )
            worst[name] = max(worst.get(name, 0.0), found.share)
            absolute[name] = max(absolute.get(name, 0.0), found.absolute)
    return SignatureReport(
        signature=graph.signature,
        file=graph.file,
        opset=graph.opset,
        examples=sum(sizes),
        worst=worst,
        worst_absolute=absolute,
    )


def _count(arrays: Any) -> int:
    sizes = {np.shape(array)[0] if np.ndim(array) else -1 for array in arrays.values()}
    return int(sizes.pop()) if len(sizes) == 1 else -1


__all__ = ["SignatureReport", "VerifyReport", "check_files", "verify"]
