"""Compare two artifacts by their manifests: metrics, interface, configuration, data, graphs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from zoo.runtime.manifest import Manifest
from zoo.runtime.verification import check_files
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


class Change(Struct):
    """A value that differs; ``None`` where one side does not have it."""

    what: str
    before: Any
    after: Any


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
    """Result of :func:`diff`; every part is empty if the artifacts are the same.

    Attributes:
        graphs: Differences of weights (by their SHA-256), operators and comparisons with Keras.
    """

    before: str
    after: str
    same: bool
    metrics: tuple[MetricChange, ...]
    interface: tuple[Change, ...]
    config: tuple[Change, ...]
    data: tuple[Change, ...]
    graphs: tuple[Change, ...]
    metadata: tuple[Change, ...]
    files: tuple[Change, ...]


def diff(before: str | Path, after: str | Path) -> DiffReport:
    """Compare two artifacts by their manifests.

    All files are compared with the manifests first, and no library opens them.

    Args:
        before: Folder of the first artifact.
        after: Folder of the second artifact.

    Raises:
        Incompatible: If one is not an artifact, or of a newer format.
        Tampered: If a file was changed after publishing.

    Example:
        >>> report: DiffReport = zoo.diff("exports/cnn/1", "exports/cnn/1")
        >>> report.same
        True
    """
    old, new = check_files(Path(before)), check_files(Path(after))
    return DiffReport(
        before=str(before),
        after=str(after),
        same=old.to_bytes() == new.to_bytes(),
        metrics=tuple(_metrics(old, new)),
        interface=tuple(_changes(_interface(old), _interface(new))),
        config=tuple(_changes(old.config, new.config)),
        data=tuple(_changes(_data(old), _data(new))),
        graphs=tuple(_changes(_graphs(old), _graphs(new))),
        metadata=tuple(_changes(_metadata(old), _metadata(new))),
        files=tuple(_changes(_files(old), _files(new))),
    )


def _interface(manifest: Manifest) -> dict[str, Any]:
    return {
        graph.signature: {
            "inputs": {spec.name: spec.model_dump(mode="json") for spec in graph.inputs},
            "outputs": {spec.name: spec.model_dump(mode="json") for spec in graph.outputs},
        }
        for graph in manifest.graphs
    }


def _graphs(manifest: Manifest) -> dict[str, Any]:
    known = {"signature", "file", "inputs", "outputs"}
    return {
        graph.signature: graph.model_dump(mode="json", exclude=known) for graph in manifest.graphs
    }


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
