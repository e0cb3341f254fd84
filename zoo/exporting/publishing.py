"""Atomic publication of artifacts: write a hidden folder, verify it, rename it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib
import importlib.metadata
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from zoo.errors import ExportError, Incompatible, StorageError, ZooError
from zoo.exporting.card import write_card
from zoo.exporting.external_data import StoredGraph
from zoo.exporting.graph_checks import count_operators
from zoo.exporting.parity import Case, calibrate, check_parity
from zoo.files import atomic_write, staged_folder, storage_errors
from zoo.runtime.artifact_files import FileEntry
from zoo.runtime.golden_vectors import Vector, pack_vectors
from zoo.runtime.manifest import CARD, MANIFEST, VECTORS, Graph, Manifest, read_manifest
from zoo.runtime.triton_config import WARMUP, check_same_interface, repository_files
from zoo.runtime.verification import expected_files, verify, version_folders
from zoo.spec import TensorSpec

FIRST_FILE = "model.onnx"
FAILURE = "failure.json"
"""Name of the error report that ``keep_failed`` adds to the files."""

NO_FILES = (FileEntry(name=CARD, bytes=0, sha256="0" * 64),)
"""Placeholder for the files of a draft manifest."""

_GOLDEN_BATCHES = (1, 7)
_GOLDEN_BYTES = 2**26
"""Largest size of the golden vectors of a graph, except for the first, which is always kept."""


@dataclass(frozen=True)
class VerifiedGraph:
    """A graph that passed its comparison, with its golden vectors."""

    stored: StoredGraph
    graph: Graph
    vectors: list[Vector]


def compare_graph(
    stored: StoredGraph,
    cases: Sequence[Case],
    name: str,
    outputs: Sequence[TensorSpec],
    *,
    exact: StoredGraph | None = None,
) -> tuple[dict[str, Any], list[Vector]]:
    """Compare a graph with its reference; return the fields of its manifest and golden vectors.

    Args:
        stored: The graph.
        cases: Calls of the reference.
        name: Name of the file, for messages.
        outputs: Specs of the outputs.
        exact: The graph whose float noise gives the tolerance; by default the graph itself.

    Raises:
        ParityFailed: At the first difference beyond the tolerance.
    """
    tolerance = calibrate(exact or stored, cases, name)
    parity = check_parity(stored.file, cases, tolerance, name, outputs)
    operators, vectors = count_operators(stored.proto.graph), golden_vectors(cases)
    fields = {
        "nodes": sum(operators.values()),
        "operators": operators,
        "tolerance": tolerance,
        "parity": parity,
        "vectors": tuple(len(next(iter(vector.inputs.values()))) for vector in vectors),
    }
    return fields, vectors


def publish(target: Path, fill: Callable[[Path], None], *, keep_failed: Path | None = None) -> Path:
    """Publish an artifact completely, or leave nothing.

    Args:
        target: The folder of the new version.
        fill: Writes all files to the folder that it is given. The result is verified, and the
            server configuration of the model is updated with it.
        keep_failed: A folder for the files of a failed export and its ``failure.json``.

    Returns:
        The target.

    Raises:
        ExportError: If earlier versions of that name have other inputs or outputs.
        StorageError: If the folder cannot be written, or the version is taken.
    """
    try:
        with (
            _server_files(target.parent) as update,
            staged_folder(target, keep_failed=keep_failed) as stage,
        ):
            try:
                fill(stage)
                verify(stage)
                update(stage)
            except Exception as error:
                if keep_failed is not None:
                    _write(stage / FAILURE, _report(error))
                raise
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        raise StorageError(
            f"{target} was created during the export",
            why="another export took the same version; nothing was overwritten",
            fix="export again",
        ) from error
    return target


def write_artifact(stage: Path, draft: Manifest, graphs: Sequence[VerifiedGraph]) -> None:
    """Write the graphs, golden vectors, card and manifest of an artifact to a folder.

    Args:
        stage: The folder.
        draft: The manifest without its list of files.
        graphs: Its graphs, in the order of the manifest.
    """
    files = {
        CARD: write_card(draft).encode(),
        VECTORS: pack_vectors({item.graph.signature: item.vectors for item in graphs}),
    }
    for item in graphs:
        proto = item.stored.proto
        for key, value in draft.metadata(item.graph.signature).items():
            proto.metadata_props.add(key=key, value=value)
        files[item.graph.file] = proto.SerializeToString(deterministic=True)
    entries = [
        FileEntry(name=file, bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
        for file, raw in files.items()
    ]
    for file, raw in files.items():
        _write(stage / file, raw)
    entries += [_copy_data(stage, item.stored) for item in graphs if item.stored.data is not None]
    listed = tuple(sorted(entries, key=lambda entry: entry.name))
    _write(stage / MANIFEST, draft.model_copy(update={"files": listed}).to_bytes())


def _copy_data(stage: Path, stored: StoredGraph) -> FileEntry:
    """Copy the data file of a graph to the folder, unless it is there; return its entry."""
    if stored.data is None or stored.file.path is None:
        raise ValueError("the graph has no data file")
    source, target = stored.file.path.with_name(stored.data.name), stage / stored.data.name
    if source != target:
        with storage_errors(target, "writing"):
            shutil.copyfile(source, target)
    return stored.data


def golden_vectors(cases: Sequence[Case]) -> list[Vector]:
    """Select the golden vectors: every length, then one example, then a batch of all kinds."""
    own = cases[0].lengths
    lengths = [case for case in cases if case.lengths != own]
    by_batch = {case.batch: case for case in reversed(cases) if case.lengths == own}
    batches = [by_batch[batch] for batch in _GOLDEN_BATCHES if batch in by_batch]
    kept, room = [batches[0]], _GOLDEN_BYTES - batches[0].bytes
    for case in (*batches[1:], *lengths):
        if case.bytes <= room:
            kept.append(case)
            room -= case.bytes
    return [
        Vector(case.inputs, case.reference)
        for case in (*lengths, *batches)
        if any(case is other for other in kept)
    ]


def weights_sha256(weights: Iterable[np.ndarray[Any, Any]]) -> str:
    """Return the SHA-256 over the dtypes, shapes and values of weights, in their order."""
    digest = hashlib.sha256()
    for given in weights:
        array = np.ascontiguousarray(given)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def next_version(folder: Path) -> int:
    """Return one above the highest version in a model's folder."""
    taken = [0]
    if folder.is_dir():
        with storage_errors(folder, "listing"):
            taken += [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()]
    return max(taken) + 1


def package_versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of some packages and of the zoo."""
    # From the module, since the distribution may have another name, such as onnxruntime-gpu.
    found = {name: str(importlib.import_module(name).__version__) for name in packages}
    try:
        found["zoo"] = importlib.metadata.version("neural-zoo")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        found["zoo"] = "0"
    return found


def to_json(value: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Convert a mapping to plain JSON data.

    Raises:
        ExportError: If a value has no JSON form.
    """
    try:
        text = json.dumps(dict(value), allow_nan=False, sort_keys=True, default=_number)
    except (TypeError, ValueError) as error:
        raise ExportError(
            f"the {what} cannot be written as JSON",
            why=str(error),
            fix="give plain data: text, finite numbers, lists and mappings",
        ) from error
    data: dict[str, Any] = json.loads(text)
    return data


def _write(path: Path, raw: bytes) -> None:
    with storage_errors(path, "writing"):
        path.write_bytes(raw)


def _number(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _report(error: BaseException) -> bytes:
    facts = error.as_dict() if isinstance(error, ZooError) else {"error": repr(error)}
    return (json.dumps(facts, indent=1, sort_keys=True, default=str) + "\n").encode()


@contextlib.contextmanager
def _server_files(folder: Path) -> Iterator[Callable[[Path], None]]:
    """Update the server configuration of a model for a new version; restore it on failure.

    The configuration holds for all versions and is written before the new one is published. A
    server that looks in between finds the old versions with a configuration that fits.

    Args:
        folder: The folder of the versions; it may not exist yet.

    Yields:
        A function that takes the folder of the new version. It raises :class:`ExportError` if the
        inputs and outputs differ from those of earlier versions.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    undo: list[tuple[Path, bytes | None]] = []
    try:
        yield lambda stage: _update_server_files(folder, stage, undo)
    except BaseException:
        with contextlib.suppress(OSError):
            _restore(undo)
        for parent in (folder / WARMUP, *made):
            with contextlib.suppress(OSError):
                parent.rmdir()
        raise


def _update_server_files(folder: Path, stage: Path, undo: list[tuple[Path, bytes | None]]) -> None:
    manifest = read_manifest(stage)
    versions = [path for path in version_folders(folder) if (path / MANIFEST).is_file()]
    for version in versions[-1:]:
        try:
            check_same_interface(
                manifest, read_manifest(version), where=folder, fix="export it --as another name"
            )
        except Incompatible as error:
            raise ExportError(
                error.what,
                why=error.why,
                fix=f"zoo export RUN --as {manifest.name}_2, or any other name",
            ) from error
    vectors = (stage / VECTORS).read_bytes()
    before = expected_files(folder) if len(versions) == len(version_folders(folder)) else []
    for name, raw in repository_files(manifest, vectors).items():
        path = folder / name
        with storage_errors(path, "reading"):
            old = path.read_bytes() if path.exists() else None
        fitting = [files.get(name) for files in before] if name.startswith(f"{WARMUP}/") else []
        if old is not None and old in (raw, *fitting):
            continue
        undo.append((path, old))
        atomic_write(path, raw)


def _restore(undo: list[tuple[Path, bytes | None]]) -> None:
    for path, old in reversed(undo):
        if old is None:
            path.unlink(missing_ok=True)
        else:
            atomic_write(path, old)
