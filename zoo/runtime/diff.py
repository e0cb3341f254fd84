"""What changed between two artifacts, told from their files alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.runtime._folder import MAX_BYTES
from zoo.runtime._onnx_file import checked_graph
from zoo.runtime._tensors import Constant, Contents, read_contents
from zoo.runtime.manifest import Graph, Manifest, read_manifest
from zoo.runtime.significance import Interval, Noise, noise
from zoo.struct import Struct


class Change(Struct):
    """One value that differs; ``None`` where a side does not have it."""

    what: str
    before: Any
    after: Any


class WeightChange(Struct):
    """One constant of a graph that differs.

    Attributes:
        largest: The largest difference of an element; ``None`` where elements cannot be compared.
        changed: The share of the elements that differ.
    """

    signature: str
    name: str
    before: str
    after: str
    largest: float | None
    changed: float | None


class GraphChange(Struct):
    """How the operators of one signature differ.

    Attributes:
        added: Operators that are used more often than before, and how much more often.
        removed: Those that are used less often.
        rewired: Whether the nodes are set or joined in another way.
    """

    signature: str
    added: dict[str, int]
    removed: dict[str, int]
    rewired: bool


class MetricChange(Struct):
    """One metric that differs.

    Attributes:
        noise: Whether the difference can be told from chance: it lies beyond the noise if it is
            larger than the root of the summed squares of the two 95 % intervals' halves that
            face each other. Unknown without intervals.
    """

    name: str
    before: float | None
    after: float | None
    difference: float | None
    noise: Noise


class DiffReport(Struct):
    """What :func:`diff` found, by where it lies; all empty if the artifacts are the same."""

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


def diff(before: str | Path, after: str | Path, *, max_bytes: int = MAX_BYTES) -> DiffReport:
    """Explain what changed between two artifacts.

    Both ONNX files are compared with their manifests first, and no library opens them.

    Args:
        before: The folder of one artifact.
        after: That of the other.
        max_bytes: The largest file that is read.

    Raises:
        Incompatible: If one is no artifact, or of a newer format.
        Tampered: If a file is not the one that was published.

    Example:
        >>> diff("exports/cnn/1", "exports/cnn/2").metrics[0].noise
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
            checked_graph(folders[0], old, one, max_bytes=max_bytes) as first,
            checked_graph(folders[1], new, two, max_bytes=max_bytes) as second,
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


__all__ = ["Change", "DiffReport", "GraphChange", "MetricChange", "WeightChange", "diff"]
