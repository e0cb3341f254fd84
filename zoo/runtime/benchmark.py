"""Benchmark an artifact: latency and throughput by batch size and threads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ConfigError, Finding, Tampered
from zoo.runtime.artifact_files import COPY_AGAIN, read_entry
from zoo.runtime.golden_vectors import Vector, unpack_vectors
from zoo.runtime.manifest import VECTORS, read_manifest
from zoo.runtime.session import MAX_THREADS, Session, load
from zoo.spec import Arrays
from zoo.struct import Struct

_WARM_UP = 3
MAX_BATCH = 65_536
"""The largest batch, as in training."""


class BenchRow(Struct):
    """One measurement.

    Attributes:
        calls: Number of timed calls.
        median_ms: Median latency, milliseconds.
        p95_ms: 95th percentile of the latency, milliseconds.
        per_second: Throughput, examples per second.
    """

    path: str
    signature: str
    batch: int
    threads: int
    provider: str
    calls: int
    median_ms: float
    p95_ms: float
    per_second: float


def bench(
    path: str | Path,
    batches: Sequence[int] = (1, 64),
    threads: Sequence[int] = (1,),
    seconds: float = 1.0,
    *,
    signature: str | None = None,
    providers: Sequence[str] | None = None,
) -> list[BenchRow]:
    """Benchmark an artifact on its own golden inputs, repeated to each batch size.

    Args:
        path: The artifact's folder.
        batches: Examples per call.
        threads: Threads per call, one session each.
        seconds: Duration of each measurement, after a warm-up.
        signature: Name of the signature; all of them by default.
        providers: onnxruntime's execution providers; the CPU by default.

    Raises:
        ConfigError: If a number is out of range.
        Tampered: If the artifact has no golden inputs.

    Example:
        >>> row: BenchRow = zoo.bench("exports/cnn/1", batches=(1,), seconds=0.01)[0]
        >>> row.median_ms > 0
        True
    """
    findings = [
        Finding(name, value, f"from 1 to {most:,}")
        for name, values, most in (
            ("batches", batches, MAX_BATCH),
            ("threads", threads, MAX_THREADS),
        )
        for value in values
        if not 1 <= value <= most
    ]
    if not 0 < seconds <= 3600:
        findings.append(Finding("seconds", seconds, "more than 0, at most 3600"))
    if findings:
        raise ConfigError("the benchmark cannot run with these options", findings=findings)
    graphs = read_manifest(Path(path)).graphs
    chosen = [graph.signature for graph in graphs] if signature is None else [signature]
    rows = []
    for name in chosen:
        for count in threads:
            session = load(path, signature=name, threads=count, providers=providers)
            raw = read_entry(Path(path), session.manifest.file(VECTORS))
            golden = _golden(unpack_vectors(raw, name), Path(path) / VECTORS, name)
            rows += [_row(session, str(path), golden, batch, seconds) for batch in batches]
    return rows


def _golden(vectors: Sequence[Vector], file: Path, signature: str) -> Arrays:
    """Return the inputs of the last golden case.

    Raises:
        Tampered: If there is none, or it has no examples.
    """
    last = vectors[-1].inputs if vectors else {}
    if not last or not all(array.ndim and len(array) for array in last.values()):
        raise Tampered(
            f"{file} has no examples for {signature!r}",
            why="an artifact is benchmarked on its own golden inputs",
            fix=COPY_AGAIN,
        )
    return last


def _row(session: Session, path: str, golden: Arrays, batch: int, seconds: float) -> BenchRow:
    """Time calls with one batch size."""
    feed = {name: _repeat(array, batch) for name, array in golden.items()}
    for _ in range(_WARM_UP):
        session.run(feed)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        start = time.perf_counter()
        session.run(feed)
        taken.append(time.perf_counter() - start)
    median, tail = np.percentile(taken, (50, 95))
    return BenchRow(
        path=path,
        signature=session.graph.signature,
        batch=batch,
        threads=session.threads,
        provider=session.providers[0],
        calls=len(taken),
        median_ms=float(median) * 1e3,
        p95_ms=float(tail) * 1e3,
        per_second=batch * len(taken) / sum(taken),
    )


def _repeat(array: np.ndarray[Any, Any], batch: int) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(array[np.arange(batch) % len(array)])
