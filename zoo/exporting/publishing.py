"""The transaction behind every artifact: fill a folder out of sight, prove it, rename it."""

from __future__ import annotations

import errno
import hashlib
import importlib
import importlib.metadata
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from zoo.errors import ExportError, StorageError, ZooError
from zoo.exporting.card import write_card
from zoo.exporting.external_data import Stored
from zoo.exporting.parity import Case
from zoo.exporting.triton_repository import joining
from zoo.files import staged_folder, storage_errors
from zoo.runtime.artifact_files import FileEntry
from zoo.runtime.golden_vectors import Vector, pack_vectors
from zoo.runtime.manifest import CARD, MANIFEST, VECTORS, Graph, Manifest
from zoo.runtime.verification import verify

if TYPE_CHECKING:
    import onnx

FIRST_FILE = "model.onnx"
REPORT = "failure.json"
"""What ``keep_failed`` finds beside the files of a failed export."""

UNLISTED = (FileEntry(name=CARD, bytes=0, sha256="0" * 64),)
"""The files of a draft, whose real ones are not yet written."""

_GOLDEN_BATCHES = (1, 7)
_GOLDEN_BYTES = 2**26
"""Of one graph: of large examples, the first few cases that fit are shipped, one in any case."""


@dataclass(frozen=True)
class Proven:
    """One graph that passed its comparison, and what is published of it."""

    stored: Stored
    graph: Graph
    vectors: list[Vector]


def publish(target: Path, fill: Callable[[Path], None], *, keep_failed: Path | None = None) -> Path:
    """Make an artifact appear whole at ``target``, or leave nothing.

    Args:
        target: The folder of the new version.
        fill: Writes every file into the folder it is given. The result is verified, and what
            servers read beside the versions is written with it.
        keep_failed: Where to keep a failed export, with ``failure.json``, instead of removing it.

    Returns:
        The target.

    Raises:
        ExportError: If earlier versions of that name take or give other things.
        StorageError: If the folder cannot be written, or the version is taken.
    """
    try:
        with (
            joining(target.parent) as join,
            staged_folder(target, keep_failed=keep_failed) as stage,
        ):
            try:
                fill(stage)
                verify(stage)
                join(stage)
            except Exception as error:
                if keep_failed is not None:
                    write(stage / REPORT, _report(error))
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


def write_artifact(stage: Path, draft: Manifest, proven: Sequence[Proven]) -> None:
    """Write graphs, golden vectors, card and manifest of an artifact into a folder.

    Args:
        stage: The folder.
        draft: The manifest but for its list of files.
        proven: Its graphs, in the manifest's order.
    """
    files = {
        CARD: write_card(draft).encode(),
        VECTORS: pack_vectors({item.graph.signature: item.vectors for item in proven}),
    }
    for item in proven:
        proto = item.stored.proto
        for key, value in draft.metadata(item.graph.signature).items():
            proto.metadata_props.add(key=key, value=value)
        files[item.graph.file] = proto.SerializeToString(deterministic=True)
    entries = [
        FileEntry(name=file, bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
        for file, raw in files.items()
    ]
    for file, raw in files.items():
        write(stage / file, raw)
    entries += [_place_data(stage, item.stored) for item in proven if item.stored.data is not None]
    listed = tuple(sorted(entries, key=lambda entry: entry.name))
    write(stage / MANIFEST, draft.model_copy(update={"files": listed}).to_bytes())


def _place_data(stage: Path, stored: Stored) -> FileEntry:
    """Put the data file of a graph into the folder, if it was not written there, and list it."""
    if stored.data is None or stored.file.path is None:
        raise ValueError("the graph has no data file")
    source, target = stored.file.path.with_name(stored.data.name), stage / stored.data.name
    if source != target:
        with storage_errors(target, "writing"):
            shutil.copyfile(source, target)
    return stored.data


def golden(cases: Sequence[Case]) -> list[Case]:
    """Return the cases that are shipped: every length, then one example, then a mixed batch."""
    own = cases[0].probe.lengths
    lengths = [case for case in cases if case.probe.lengths != own]
    usual = [case for case in cases if case.probe.lengths == own]
    batches = [
        next(case for case in usual if case.probe.batch == batch)
        for batch in _GOLDEN_BATCHES
        if any(case.probe.batch == batch for case in usual)
    ]
    kept, room = [batches[0]], _GOLDEN_BYTES - batches[0].bytes
    for case in (*batches[1:], *lengths):
        if case.bytes <= room:
            kept.append(case)
            room -= case.bytes
    return [case for case in (*lengths, *batches) if any(case is other for other in kept)]


def count_nodes(graph: onnx.GraphProto) -> int:
    """Return how many nodes a graph has, those of its subgraphs included."""
    return sum(count_operators(graph).values())


def count_operators(graph: onnx.GraphProto) -> dict[str, int]:
    """Return how often each operator is used, in subgraphs too, by name."""
    total: Counter[str] = Counter()
    for node in graph.node:
        total[node.op_type] += 1
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                total.update(count_operators(inner))
    return dict(sorted(total.items()))


def next_version(folder: Path) -> int:
    """Return one above the highest version in a model's folder."""
    taken = [0]
    if folder.is_dir():
        with storage_errors(folder, "listing"):
            taken += [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()]
    return max(taken) + 1


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of some packages and of the zoo."""
    # Of the module: the distribution may bear another name, such as onnxruntime-gpu.
    found = {name: str(importlib.import_module(name).__version__) for name in packages}
    try:
        found["zoo"] = importlib.metadata.version("neural-zoo")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        found["zoo"] = "0"
    return found


def plain(value: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return plain JSON data, or say that it is not.

    Raises:
        ExportError: If something of it has no place in JSON.
    """
    try:
        text = json.dumps(dict(value), allow_nan=False, sort_keys=True, default=_number)
    except (TypeError, ValueError) as error:
        raise ExportError(
            f"the {what} cannot be written down",
            why=str(error),
            fix="give plain data: text, finite numbers, lists and mappings",
        ) from error
    data: dict[str, Any] = json.loads(text)
    return data


def write(path: Path, raw: bytes) -> None:
    """Write one file of the folder that is being filled."""
    with storage_errors(path, "writing"):
        path.write_bytes(raw)


def _number(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} is no plain data")


def _report(error: BaseException) -> bytes:
    facts = error.as_dict() if isinstance(error, ZooError) else {"error": repr(error)}
    return (json.dumps(facts, indent=1, sort_keys=True, default=str) + "\n").encode()


__all__ = [
    "FIRST_FILE",
    "REPORT",
    "UNLISTED",
    "Proven",
    "count_nodes",
    "count_operators",
    "golden",
    "next_version",
    "plain",
    "publish",
    "versions",
    "write",
    "write_artifact",
]
