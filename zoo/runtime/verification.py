"""Verify published artifacts with onnxruntime and numpy: hashes, structure, golden vectors."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError, Incompatible, ParityFailed, Tampered, ZooError
from zoo.files import exists, is_folder
from zoo.runtime.artifact_files import COPY_AGAIN, check_entry, list_files, read_bytes, read_entry
from zoo.runtime.golden_vectors import Vector, compare_all, unpack_vectors
from zoo.runtime.manifest import DATA_SUFFIX, MANIFEST, VECTORS, Graph, Manifest, read_manifest
from zoo.runtime.onnx_file import OnnxFile, checked_graph
from zoo.runtime.session import Session, check_interface, onnxruntime, open_session
from zoo.runtime.triton_config import CONFIG, WARMUP, check_same_interface, repository_files
from zoo.struct import Struct

_VERSION = re.compile(r"[1-9][0-9]{0,9}")


class SignatureReport(Struct):
    """Result of verifying one signature.

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
    """Result of :func:`verify`, which raises instead of returning a failure."""

    path: str
    architecture: str
    files: int
    bytes: int
    signatures: tuple[SignatureReport, ...]
    providers: tuple[str, ...]
    onnxruntime: str
    seconds: float


@dataclass(frozen=True)
class VerifyResult:
    """Result for one folder of :func:`verify_all`: a report, or an error.

    Attributes:
        path: Folder of an artifact; or of a model, if its artifacts are valid and what is beside
            them is not.
        report: The report, if it verified.
        error: Why it did not.
    """

    path: Path
    report: VerifyReport | None = None
    error: ZooError | None = None


def verify(path: str | Path) -> VerifyReport:
    """Verify an artifact: its files, its structure, its metadata, and its outputs.

    Every file is compared with its SHA-256 before anything parses it; no other file, folder or
    link may be beside them; each ONNX file is inspected before onnxruntime opens it, from memory,
    or beside a private copy of its weights; its own metadata must equal the manifest; and the
    golden vectors are run again at the recorded tolerance.

    Args:
        path: Folder of one version, e.g. ``exports/cnn/1``.

    Raises:
        Incompatible: If it is not an artifact, of a newer format, or cannot be opened.
        Tampered: If a file was changed, removed, added or linked, or contradicts the manifest.
        ParityFailed: If an output differs from the recorded one.
        StorageError: If there is no room for the copy of the weights.

    Example:
        >>> report: VerifyReport = verify("exports/cnn/1")
        >>> first: SignatureReport = report.signatures[0]
        >>> max(first.worst.values()) <= 1
        True
    """
    start = time.perf_counter()
    folder = Path(path)
    manifest, contents = _read_files(folder)
    reports: list[SignatureReport] = []
    providers: tuple[str, ...] = ()
    for graph in manifest.graphs:
        with checked_graph(folder, manifest, graph) as file:
            session = _open(folder, manifest, graph, file)
        providers = session.providers
        reports.append(_run(folder, session, unpack_vectors(contents[VECTORS], graph.signature)))
    return VerifyReport(
        path=str(folder),
        architecture=manifest.architecture,
        files=len(manifest.files) + 1,
        bytes=sum(entry.bytes for entry in manifest.files),
        signatures=tuple(reports),
        providers=providers,
        onnxruntime=onnxruntime().__version__,
        seconds=time.perf_counter() - start,
    )


def verify_all(path: str | Path) -> Iterator[VerifyResult]:
    """Verify every artifact in a folder, and the serving configuration beside the versions.

    Args:
        path: Folder of an artifact (``exports/cnn/1``), of a model (``exports/cnn``), or of a
            model repository (``exports``).

    Yields:
        One result per artifact, with a report or an error; an error for each model whose versions
        differ in their interface, or whose files for servers are wrong; and an error for the
        folder if there is nothing to verify in it.

    Example:
        >>> results: list[VerifyResult] = [*verify_all("exports/cnn")]
        >>> [result.path for result in results if result.error]
        []
    """
    folder = Path(path)
    if exists(folder / MANIFEST):
        yield _result(folder)
        return
    models = _models(folder)
    if not models:
        error: ZooError = Incompatible(
            f"{folder} is not an artifact, and has none in it",
            why="an artifact has a manifest.json; a model has folders with a number for a name",
            fix="give a folder that zoo export wrote: exports, exports/cnn or exports/cnn/1",
        )
        yield VerifyResult(folder, error=error)
    for model in models:
        results = [_result(version) for version in version_folders(model)]
        yield from results
        if all(result.error is None for result in results):
            try:
                check_model(model)
            except ZooError as error:
                yield VerifyResult(model, error=error)


def _result(folder: Path) -> VerifyResult:
    try:
        return VerifyResult(folder, verify(folder))
    except ZooError as error:
        return VerifyResult(folder, error=error)


def check_files(folder: Path) -> Manifest:
    """Compare every file of an artifact with its manifest, and run nothing.

    Raises:
        Incompatible: If it is not an artifact, or of a newer format.
        Tampered: If a file was changed, removed, added or linked.
    """
    manifest, contents = _read_files(folder)
    for entry in manifest.files:
        if entry.name not in contents:
            check_entry(folder, entry)
    return manifest


def _read_files(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Read the manifest and, compared with it, every file but the graphs; nothing is parsed."""
    names = list_files(folder)
    manifest = read_manifest(folder)
    graphs = {graph.file for graph in manifest.graphs}
    data = {graph.file + DATA_SUFFIX for graph in manifest.graphs}
    listed = [entry.name for entry in manifest.files]
    right = len(set(listed)) == len(listed) and MANIFEST not in listed
    right = right and {VECTORS, *graphs} <= set(listed)
    if not right or any(name.endswith(DATA_SUFFIX) and name not in data for name in listed):
        raise Tampered(
            f"the list of files in {folder / MANIFEST} is wrong",
            why=f"it names each file once, {VECTORS} and every graph's among them",
            fix=COPY_AGAIN,
        )
    if missing := set(listed) - set(names):
        raise _foreign(folder / min(missing), "is missing", COPY_AGAIN)
    if added := set(names) - set(listed) - {MANIFEST}:
        raise _foreign(folder / min(added), "is not in the manifest", "remove it")
    return manifest, {
        entry.name: read_entry(folder, entry)
        for entry in manifest.files
        if entry.name not in graphs | data
    }


def _foreign(path: Path, what: str, fix: str) -> Tampered:
    return Tampered(f"{path} {what}", why="a folder holds exactly what zoo export wrote", fix=fix)


def _open(folder: Path, manifest: Manifest, graph: Graph, file: OnnxFile) -> Session:
    name, facts = str(folder / graph.file), file.facts
    expected = manifest.metadata(graph.signature)
    wrong = sorted(
        key for key in {*facts.metadata, *expected} if facts.metadata.get(key) != expected.get(key)
    )
    if wrong:
        raise Tampered(
            f"the metadata inside {name} is not that of {MANIFEST}",
            why=f"{wrong[0]} differs",
            fix=COPY_AGAIN,
        )
    if (facts.opset, facts.nodes) != (graph.opset, graph.nodes):
        raise Tampered(
            f"the graph inside {name} is not that of {MANIFEST}",
            why=f"opset {facts.opset} and {facts.nodes} nodes instead of "
            f"{graph.opset} and {graph.nodes}",
            fix=COPY_AGAIN,
        )
    native = open_session(file, name)
    check_interface(native, graph, name)
    return Session(manifest, graph, native, threads=1, source=str(folder))


def _run(folder: Path, session: Session, vectors: list[Vector]) -> SignatureReport:
    """Run the golden vectors of one signature."""
    graph = session.graph
    sizes = tuple(_batch_size(vector.inputs) for vector in vectors)
    if not vectors or sizes != graph.vectors:
        raise Tampered(
            f"{folder / VECTORS} does not hold the cases of {graph.signature!r}",
            why=f"{list(sizes)} examples instead of {list(graph.vectors)}",
            fix=COPY_AGAIN,
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
                fix=COPY_AGAIN,
            ) from error
        for name, found in compare_all(
            actual, vector.outputs, graph.tolerance, graph.outputs
        ).items():
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


def _batch_size(arrays: Any) -> int:
    sizes = {np.shape(array)[0] if np.ndim(array) else -1 for array in arrays.values()}
    return int(sizes.pop()) if len(sizes) == 1 else -1


def version_folders(folder: Path) -> list[Path]:
    """Return the folders of a model's versions, oldest first."""
    if not is_folder(folder):
        return []
    names = [name for name in list_files(folder) if _VERSION.fullmatch(name)]
    return [folder / name for name in sorted(names, key=int)]


def find_artifacts(path: str | Path) -> list[tuple[str, str, Path]]:
    """Return the name, version and folder of every artifact in a folder, unverified.

    Args:
        path: Folder of an artifact, of a model, or of a model repository.

    Raises:
        Incompatible: If there is none.

    Example:
        >>> name, version, folder = find_artifacts("exports/cnn")[0]
        >>> name, version
        ('cnn', '1')
    """
    root = Path(path)
    if exists(root / MANIFEST):
        version = root.resolve().name
        return [(read_manifest(root).name, version if _VERSION.fullmatch(version) else "1", root)]
    found = [
        (model.resolve().name, folder.name, folder)
        for model in _models(root)
        for folder in version_folders(model)
    ]
    if not found:
        raise Incompatible(
            f"{root} holds no artifact",
            why="a repository holds folders NAME/VERSION"
            if is_folder(root)
            else "there is no such folder",
            fix="zoo export RUN makes one, in exports/",
        )
    return found


def _models(folder: Path) -> list[Path]:
    """Return a folder if it is one of a model, else the folders of models in it."""
    if _is_model(folder):
        return [folder]
    names = list_files(folder) if is_folder(folder) else []
    return [folder / name for name in names if _is_model(folder / name)]


def _is_model(folder: Path) -> bool:
    """Return whether a folder holds versions of a model, and is not itself an artifact."""
    if exists(folder / MANIFEST) or not is_folder(folder):
        return False
    return exists(folder / CONFIG) or bool(version_folders(folder))


def expected_files(folder: Path) -> list[dict[str, bytes]]:
    """Return the files that each version of a model expects beside it, oldest first.

    Raises:
        ArtifactError: If a version is not what was published.
    """
    expected = []
    for version in version_folders(folder):
        manifest = read_manifest(version)
        vectors = read_entry(version, manifest.file(VECTORS))
        expected.append(repository_files(manifest, vectors))
    return expected


def check_model(folder: Path) -> None:
    """Check that a model's versions have one interface, and the files beside them.

    Args:
        folder: Folder of the versions, each of which has been verified.

    Raises:
        Incompatible: If there is no version, or two differ in what they take or give.
        Tampered: If a file beside the versions is changed, missing or foreign.
    """
    versions = version_folders(folder)
    if not versions:
        raise Incompatible(
            f"{folder} has no version of a model",
            why="versions are folders with a number for a name",
            fix="give a folder such as exports/cnn, or export a model into it",
        )
    manifests = [read_manifest(version) for version in versions]
    for manifest in manifests[1:]:
        check_same_interface(
            manifest, manifests[0], where=folder, fix="move one of the versions to another folder"
        )
    expected = expected_files(folder)
    _check_names(folder, set(expected[-1]))
    for name, raw in expected[-1].items():
        # The warm-up may be the golden example of any version: it only has to fit.
        warmup = name.startswith(f"{WARMUP}/")
        allowed = [files[name] for files in expected] if warmup else [raw]
        path = folder / name
        status = path.lstat()
        # A file of another size is not read; links and pipes are refused by the reader.
        other_size = stat.S_ISREG(status.st_mode) and status.st_size not in map(len, allowed)
        if other_size or read_bytes(path.parent, path.name) not in allowed:
            raise Tampered(
                f"{path} is not what the manifests say",
                why="servers would read another model than the one that was verified",
                fix="remove it and export the next version, or copy the folder again",
            )


def _check_names(folder: Path, expected: set[str]) -> None:
    # An export that is under way has a hidden folder here.
    found = {
        name
        for name in list_files(folder)
        if not _VERSION.fullmatch(name) and not (name.startswith(".") and name.endswith(".tmp"))
    }
    if WARMUP in found and is_folder(folder / WARMUP):
        found |= {f"{WARMUP}/{name}" for name in list_files(folder / WARMUP)}
    expected = expected | {name.partition("/")[0] for name in expected}
    if missing := expected - found:
        fix = "export the next version: it writes what is missing"
        raise _foreign(folder / min(missing), "is missing", fix)
    if added := found - expected:
        raise _foreign(folder / min(added), "is not part of a model", "remove it")
