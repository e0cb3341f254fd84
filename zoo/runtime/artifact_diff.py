"""Compare two artifacts by their files: weights, graph, interface, configuration, metrics."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from zoo.errors import Incompatible
from zoo.runtime.manifest import Graph, Manifest, read_manifest
from zoo.runtime.onnx_file import OnnxFile, checked_graph
from zoo.runtime.onnx_reader import TYPES, fields, numbers, text
from zoo.struct import Struct

Noise = Literal["within noise", "beyond noise", "unknown"]

Interval = tuple[float, float | None, float | None]
"""A value, and the ends of its 95 % interval if they are known."""


def noise(before: Interval | None, after: Interval | None) -> Noise:
    """Return whether the difference of two scores is larger than chance explains.

    It is beyond noise if it exceeds the root of the summed squares of the two half intervals that
    face each other.
    """
    if before is None or after is None:
        return "unknown"
    (one, low_one, high_one), (two, low_two, high_two) = before, after
    if low_one is None or high_one is None or low_two is None or high_two is None:
        return "unknown"
    rises = two >= one
    facing = (high_one - one, two - low_two) if rises else (one - low_one, high_two - two)
    return "within noise" if abs(two - one) <= math.hypot(*facing) else "beyond noise"


@dataclass(frozen=True)
class Constant:
    """One constant of a graph.

    Attributes:
        array: Its elements; ``None`` for a type that numpy does not have.
        sha256: Hash of everything in the file about it but its name.
    """

    dtype: str
    shape: tuple[int, ...]
    array: np.ndarray[Any, Any] | None
    sha256: str


@dataclass
class Contents:
    """Constants and operators of an ONNX file.

    Attributes:
        constants: Constants by name; inside of a loop's body after the names of its nodes.
        operators: Number of uses of each operator.
        wiring: SHA-256 of the nodes with their attributes and edges.
    """

    constants: dict[str, Constant] = field(default_factory=dict)
    operators: Counter[str] = field(default_factory=Counter)
    wiring: str = ""


_External = Mapping[str, np.ndarray[Any, Any]]


def read_contents(file: bytes | OnnxFile, name: str) -> Contents:
    """Read the constants and the operators of an inspected file.

    A constant has the same hash whether its elements are in the file or are external data.

    Raises:
        Incompatible: If a constant does not hold what it announces.
    """
    file = OnnxFile(file) if isinstance(file, bytes) else file
    contents, digest = Contents(), hashlib.sha256()
    external = {item.name: file.array(item) for item in file.facts.external}
    try:
        for entry in fields(memoryview(file.raw)):
            if entry.number == 7:
                _graph(entry.data, contents, digest, "", external)
    except (ValueError, IndexError) as error:
        raise Incompatible(
            f"{name} cannot be compared", why=str(error), fix="export the model again"
        ) from error
    contents.wiring = digest.hexdigest()
    return contents


def _graph(
    data: memoryview, contents: Contents, digest: Any, prefix: str, external: _External
) -> None:
    for entry in fields(data):
        if entry.number == 5:
            name, constant = _constant(entry.data, external)
            contents.constants[prefix + name] = constant
        elif entry.number == 1:
            _node(entry.data, contents, digest, prefix)


def _node(data: memoryview, contents: Contents, digest: Any, prefix: str) -> None:
    name = next((text(entry.data) for entry in fields(data) if entry.number == 3), "")
    for entry in fields(data):
        if entry.number == 4:
            contents.operators[text(entry.data)] += 1
        if entry.number != 5:
            digest.update(b"%d:%d:" % (entry.number, len(entry.data)) + bytes(entry.data))
            continue
        attribute = next((text(p.data) for p in fields(entry.data) if p.number == 1), "")
        for part in fields(entry.data):
            inside = f"{prefix}{name}.{attribute}"
            if part.number in (6, 11):
                _graph(part.data, contents, digest, f"{inside}/", {})
            elif part.number in (5, 10):
                contents.constants[inside] = _constant(part.data, {})[1]
            else:
                head = b"%d:%d:%d:" % (part.number, part.value, len(part.data))
                digest.update(head + bytes(part.data))


def _constant(data: memoryview, external: _External) -> tuple[str, Constant]:
    name, kind, shape = "", 0, []
    raw: memoryview | None = None
    digest = hashlib.sha256()
    for entry in fields(data):
        if entry.number == 8:
            name = text(entry.data)
            continue
        if entry.number in (13, 14):  # the place of its elements
            continue
        digest.update(b"%d:%d:%d:" % (entry.number, entry.value, len(entry.data)))
        digest.update(entry.data)
        if entry.number == 1:
            shape += numbers(entry)
        elif entry.number == 2:
            kind = entry.value
        elif entry.number == 9:
            raw = entry.data
    array = external.get(name) if raw is None else None
    if array is not None:
        # Hash external elements as if they were in the file.
        digest.update(b"%d:%d:%d:" % (9, 0, array.nbytes))
        digest.update(array.data.cast("B"))
    if raw is not None and kind in TYPES:
        dtype = np.dtype(TYPES[kind]).newbyteorder("<")
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise ValueError(f"{name} has {len(raw)} bytes for the shape {shape}")
        array = np.frombuffer(raw, dtype).reshape(shape)
    return name, Constant(TYPES.get(kind, f"type {kind}"), tuple(shape), array, digest.hexdigest())


class Change(Struct):
    """A value that differs; ``None`` where one side does not have it."""

    what: str
    before: Any
    after: Any


class WeightChange(Struct):
    """A constant of a graph that differs.

    Attributes:
        largest: Largest difference of an element; ``None`` if they cannot be compared.
        changed: Share of the elements that differ.
    """

    signature: str
    name: str
    before: str
    after: str
    largest: float | None
    changed: float | None


class GraphChange(Struct):
    """Differences of the operators of one signature.

    Attributes:
        added: Operators that are used more often, and by how much.
        removed: Operators that are used less often, and by how much.
        rewired: Whether operators are the same, and their attributes or edges differ.
    """

    signature: str
    added: dict[str, int]
    removed: dict[str, int]
    rewired: bool


class MetricChange(Struct):
    """A metric that differs.

    Attributes:
        noise: Whether the difference is larger than chance explains: see :func:`noise`; unknown
            without intervals.
    """

    name: str
    before: float | None
    after: float | None
    difference: float | None
    noise: Noise


class DiffReport(Struct):
    """Result of :func:`diff`; every part is empty if the artifacts are the same."""

    before: str
    after: str
    same: bool
    weights: tuple[WeightChange, ...]
    graph: tuple[GraphChange, ...]
    interface: tuple[Change, ...]
    config: tuple[Change, ...]
    data: tuple[Change, ...]
    metrics: tuple[MetricChange, ...]
    metadata: tuple[Change, ...]
    proof: tuple[Change, ...]
    files: tuple[Change, ...]


def diff(before: str | Path, after: str | Path) -> DiffReport:
    """Compare two artifacts by their files.

    Both ONNX files are compared with their manifests first, and no library opens them.

    Args:
        before: Folder of the first artifact.
        after: Folder of the second artifact.

    Raises:
        Incompatible: If one is not an artifact, or of a newer format.
        Tampered: If a file was changed after publishing.

    Example:
        >>> zoo.diff("exports/cnn/1", "exports/cnn/2").metrics[0].noise
        'within noise'
    """
    folders = Path(before), Path(after)
    old, new = (read_manifest(folder) for folder in folders)
    signatures = dict.fromkeys(graph.signature for graph in (*old.graphs, *new.graphs))
    pairs = [(_find(old, name), _find(new, name)) for name in signatures]
    found: dict[str, Any] = {
        "weights": [],
        "graph": [],
        "interface": [change for one, two in pairs for change in _interface(one, two)],
        "config": list(_changes(old.config, new.config)),
        "data": list(_changes(_data(old), _data(new))),
        "metrics": list(_metrics(old, new)),
        "metadata": list(_changes(_metadata(old), _metadata(new))),
        "proof": [],
        "files": list(_changes(_files(old), _files(new))),
    }
    for one, two in pairs:
        if one is None or two is None:
            continue
        with (
            checked_graph(folders[0], old, one) as first,
            checked_graph(folders[1], new, two) as second,
        ):
            contents = (
                read_contents(first, str(folders[0] / one.file)),
                read_contents(second, str(folders[1] / two.file)),
            )
            found["weights"] += _weights(one.signature, *contents)
            found["graph"] += _operators(one.signature, *contents)
        found["proof"] += _proof(one, two)
    return DiffReport(
        before=str(before), after=str(after), same=old.to_bytes() == new.to_bytes(), **found
    )


def _find(manifest: Manifest, signature: str) -> Graph | None:
    return next((graph for graph in manifest.graphs if graph.signature == signature), None)


def _weights(signature: str, old: Contents, new: Contents) -> Iterator[WeightChange]:
    for name in sorted({*old.constants, *new.constants}, key=_natural):
        one, two = old.constants.get(name), new.constants.get(name)
        if one is not None and two is not None and one.sha256 == two.sha256:
            continue
        largest, changed = _apart(one, two)
        yield WeightChange(
            signature=signature,
            name=name,
            before=_shape(one),
            after=_shape(two),
            largest=largest,
            changed=changed,
        )


def _natural(name: str) -> tuple[str, int, str]:
    head, _, number = name.rpartition("_")
    return (head, int(number), "") if number.isdecimal() else (name, -1, name)


def _shape(constant: Constant | None) -> str:
    return f"{constant.dtype}{list(constant.shape)}" if constant else ""


def _apart(old: Constant | None, new: Constant | None) -> tuple[float | None, float | None]:
    """Return the largest difference and the share of elements that differ."""
    if old is None or new is None or old.array is None or new.array is None:
        return None, None
    if (old.dtype, old.shape) != (new.dtype, new.shape) or not old.array.size:
        return None, None
    one, two = old.array.astype(np.float64), new.array.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(one - two)
    largest = float(np.nanmax(apart)) if not np.isnan(apart).all() else math.nan
    return (largest if math.isfinite(largest) else None), float((old.array != new.array).mean())


def _operators(signature: str, old: Contents, new: Contents) -> Iterator[GraphChange]:
    if old.wiring != new.wiring:
        yield GraphChange(
            signature=signature,
            added=dict(sorted((new.operators - old.operators).items())),
            removed=dict(sorted((old.operators - new.operators).items())),
            rewired=old.operators == new.operators,
        )


def _interface(old: Graph | None, new: Graph | None) -> Iterator[Change]:
    if old is None or new is None:
        for graph, before in ((old, True), (new, False)):
            if graph is not None:
                yield Change(
                    what=f"signature {graph.signature}",
                    before=graph.file if before else None,
                    after=None if before else graph.file,
                )
        return
    for kind in ("inputs", "outputs"):
        one, two = (
            {spec.name: spec.model_dump(mode="json") for spec in getattr(graph, kind)}
            for graph in (old, new)
        )
        yield from _changes(one, two, f"{old.signature}.{kind}.")
        if list(one) != list(two) and sorted(one) == sorted(two):
            yield Change(what=f"{old.signature}.{kind} order", before=list(one), after=list(two))


def _data(manifest: Manifest) -> dict[str, Any]:
    return {
        "id": manifest.data.id,
        "fingerprint": manifest.data_fingerprint,
        "spec": manifest.data.model_dump(mode="json", exclude={"id"}),
    }


def _metadata(manifest: Manifest) -> dict[str, Any]:
    known = {"config", "config_sha256", "data", "data_fingerprint", "files", "graphs", "metrics"}
    return manifest.model_dump(mode="json", exclude=known)


def _files(manifest: Manifest) -> dict[str, str]:
    return {entry.name: entry.sha256 for entry in manifest.files}


def _proof(old: Graph, new: Graph) -> Iterator[Change]:
    fields = {"opset", "nodes", "weights_sha256", "tolerance", "parity", "vectors"}
    yield from _changes(
        old.model_dump(mode="json", include=fields),
        new.model_dump(mode="json", include=fields),
        f"{old.signature}.",
    )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[Change]:
    """Yield the leaves that differ; mappings are followed, lists are compared whole."""
    for key in sorted({*old, *new}):
        one, two = old.get(key), new.get(key)
        if isinstance(one, Mapping) and isinstance(two, Mapping):
            yield from _changes(one, two, f"{prefix}{key}.")
        elif one != two or (key in old) != (key in new):
            yield Change(what=f"{prefix}{key}", before=one, after=two)


def _metrics(old: Manifest, new: Manifest) -> Iterator[MetricChange]:
    one, two = _scores(old), _scores(new)
    for name in sorted({*one, *two}):
        before, after = one.get(name), two.get(name)
        if before == after:
            continue
        difference = after[0] - before[0] if before and after else None
        yield MetricChange(
            name=name,
            before=before[0] if before else None,
            after=after[0] if after else None,
            difference=difference,
            noise=noise(before, after),
        )


def _scores(manifest: Manifest) -> dict[str, Interval]:
    """Return value, low and high of each metric, whether it has an interval or not."""
    scores = manifest.metrics.get("scores", manifest.metrics)
    found: dict[str, Interval] = {}
    for name, score in scores.items() if isinstance(scores, Mapping) else ():
        parts = score if isinstance(score, Mapping) else {"value": score}
        value, low, high = (_number(parts.get(key)) for key in ("value", "low", "high"))
        if value is not None:
            found[name] = (value, low, high)
    return found


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
