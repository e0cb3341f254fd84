"""Quantization of artifacts: try all methods, publish the best variant or report why not."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from zoo.architecture import Architecture
from zoo.config import validate
from zoo.data.dataset import arrays_digest
from zoo.errors import ConfigError, DataError, Finding, QuantizationRejected
from zoo.exporting.publishing import (
    NO_FILES,
    next_version,
    package_versions,
    publish,
    to_json,
    write_artifact,
)
from zoo.exporting.quantization.candidate import Candidate, SourceArtifact, run_graph, try_candidate
from zoo.exporting.quantization.comparison import BATCHES, Comparer, measure_latency
from zoo.exporting.quantization.methods import METHODS, require
from zoo.exporting.quantization.selection import Criteria, QuantizationReport, make_row, select
from zoo.files import sha256_file
from zoo.runtime import verify
from zoo.runtime.manifest import MANIFEST, Calibration, Comparison, Manifest, Variant, read_manifest
from zoo.runtime.onnx_file import checked_graph
from zoo.runtime.session import open_session
from zoo.spec import Arrays, Dataset, Split

_CALIBRATION_EXAMPLES = 256
_SAMPLES = 64
_PACKAGES = ("onnx", "onnxruntime", "numpy")


def quantize_artifact(
    path: Path,
    architecture: Architecture[Any],
    data: Dataset,
    *,
    out: Path,
    criteria: Criteria | None = None,
    methods: Sequence[str] | None = None,
    metric: str | None = None,
    version: int | None = None,
    seconds: float = 0.5,
) -> QuantizationReport:
    """Quantize an artifact by several methods, and publish the best variant.

    The candidate is selected on the validation split; the test split is evaluated once, for the
    best.

    Args:
        path: The artifact's folder. It is verified first.
        architecture: The architecture, which evaluates the candidates.
        data: The data; its training split is used for calibration.
        out: The model repository: the variant becomes ``out/<name>_<label>/<version>``.
        criteria: The criteria of the selection.
        methods: Names of :data:`METHODS`; all by default.
        metric: The main metric; by default ``accuracy`` for a classifier, else the first.
        version: A positive number that is not taken; the next free one by default.
        seconds: Time to measure the latency of each candidate, per batch size.

    Returns:
        The report of all candidates, with the folder of the variant.

    Raises:
        MissingExtra: If ``onnx`` is not installed.
        ArtifactError: If the artifact does not verify.
        ConfigError: If a name is unknown, or the artifact is a variant already.
        QuantizationRejected: If no candidate is good enough. Nothing is published.
    """
    require()
    criteria = criteria or Criteria()
    names = check_options(methods, version, seconds)
    with open_source(path) as source, tempfile.TemporaryDirectory(prefix="zoo-") as scratch:
        calibration = take_examples(source, data.split("train"), _CALIBRATION_EXAMPLES)
        samples = take_examples(source, data.split("validation"), _SAMPLES)
        config = validate(
            architecture.Config, source.manifest.config, what=f"the configuration in {path}"
        )

        def comparer(split: Literal["validation", "test"], metric: str | None) -> Comparer:
            examples, spec = data.split(split), source.manifest.data
            outputs = source.manifest.graphs[0].outputs
            return Comparer(
                architecture, spec, examples, split, source.predict_fns, outputs, metric, config
            )

        validation = comparer("validation", metric)
        candidates = [
            try_candidate(
                METHODS[name], source, calibration, samples, validation, criteria, Path(scratch)
            )
            for name in names
        ]
        ranges = Calibration(
            method="minimum and maximum",
            examples=len(next(iter(calibration.values()))),
            sha256=arrays_digest(calibration),
            data_fingerprint=data.fingerprint,
        )
        calibrated = any(METHODS[name].calibrated for name in names)
        report = _report(
            source, candidates, criteria, ranges if calibrated else None, samples, seconds
        )
        row = select(report.candidates)
        if row is None:
            raise QuantizationRejected(
                f"no variant of {path} is good enough",
                report=report,
                why="\n       ".join(f"{row.method}: {row.reason}" for row in report.candidates),
                fix="keep the source artifact, or allow more: --max-loss, --prefer smallest",
            )
        best = candidates[report.candidates.index(row)]
        test, evaluation = comparer("test", validation.metric).compare(
            best.predict_fns(source.manifest)
        )
        scores = evaluation.model_dump(mode="json", include={"examples", "scores"})
        draft = _draft(source, best, candidates, criteria, ranges, test, scores)
        folder = out / draft.name
        target = publish(
            folder / str(version or next_version(folder)),
            lambda stage: write_artifact(stage, draft, best.verified),
        )
        return report.model_copy(
            update={"published": str(target), "best": best.method.name, "test": test}
        )


@contextlib.contextmanager
def open_source(path: Path) -> Iterator[SourceArtifact]:
    """Verify an artifact and open its graphs inside a block.

    Raises:
        ArtifactError: If it does not verify.
        ConfigError: If it is a variant itself.
    """
    verify(path)
    manifest = read_manifest(path)
    if manifest.variant is not None:
        raise ConfigError(
            f"{path} is a variant already",
            findings=[Finding("artifact", manifest.name, "an artifact of zoo export")],
            fix="quantize its source artifact: "
            f"{manifest.name.removesuffix(f'_{manifest.variant.label}')}",
        )
    with contextlib.ExitStack() as stack:
        files = {
            graph.signature: stack.enter_context(checked_graph(path, manifest, graph))
            for graph in manifest.graphs
        }
        sessions = {name: open_session(file, str(path)) for name, file in files.items()}
        yield SourceArtifact(path, manifest, files, sessions)


def take_examples(source: SourceArtifact, split: Split, count: int) -> Arrays:
    """Return evenly spaced examples with the outputs of the graphs.

    The output of one graph may be the input of another: the codes of an encoder and its decoder.
    """
    if not len(split):
        raise DataError("there are no examples to measure on", why="the split is empty")
    positions = np.unique(np.linspace(0, len(split) - 1, min(len(split), count)).astype(int))
    arrays = dict(split.take(positions)[0])
    for _ in source.manifest.graphs:
        for graph in source.manifest.graphs:
            if all(spec.name in arrays for spec in graph.inputs):
                outputs = run_graph(source.sessions[graph.signature], graph, arrays)
                arrays = {**outputs, **arrays}
    return arrays


def _report(
    source: SourceArtifact,
    candidates: Sequence[Candidate],
    criteria: Criteria,
    calibration: Calibration | None,
    samples: Arrays,
    seconds: float,
) -> QuantizationReport:
    """Measure the latency of the first graphs, and put all measurements into a report."""
    graph = source.manifest.graphs[0]
    sessions = {"source": open_session(source.files[graph.signature], "source", threads=1)}
    for candidate in candidates:
        if candidate.stored:
            name, file = candidate.method.name, candidate.stored[0].file
            sessions[name] = open_session(file, name, threads=1)
    largest = max(graph.parity.batches)  # a large model was not compared at larger ones
    times = measure_latency(
        sessions,
        {spec.name: samples[spec.name] for spec in graph.inputs},
        seconds=seconds,
        batches=sorted({min(batch, largest) for batch in BATCHES}),
    )
    size = source.bytes
    rows = tuple(
        make_row(
            candidate.result,
            criteria,
            source_bytes=size,
            latencies=times.get(candidate.method.name, {}),
        )
        for candidate in candidates
    )
    return QuantizationReport(
        source=str(source.path),
        criteria=criteria,
        source_bytes=size,
        source_ms={str(batch): latency.ms for batch, latency in times["source"].items()},
        calibration=calibration,
        candidates=rows,
    )


def _draft(
    source: SourceArtifact,
    best: Candidate,
    candidates: Sequence[Candidate],
    criteria: Criteria,
    calibration: Calibration,
    test: Comparison,
    scores: dict[str, Any],
) -> Manifest:
    """Return the manifest of a variant without its files."""
    manifest = source.manifest
    variant = Variant(
        method=best.method.name,
        label=best.method.label,
        source_weights_sha256=manifest.graphs[0].weights_sha256,
        source_manifest_sha256=sha256_file(source.path / MANIFEST),
        prefer=criteria.prefer,
        max_loss=criteria.max_loss,
        min_agreement=criteria.min_agreement,
        calibration=calibration if best.method.calibrated else None,
        candidates=tuple(candidate.result for candidate in candidates),
        test=test,
    )
    changed: dict[str, Any] = {
        "name": f"{manifest.name}_{variant.label}",
        "metrics": to_json(scores, "metrics"),
        # Keras and the converter are kept, since they made the source.
        "producer": {**manifest.producer, **package_versions(_PACKAGES)},
        "graphs": tuple(item.graph for item in best.verified),
        "files": NO_FILES,
        "variant": variant,
    }
    return manifest.model_copy(update=changed)


def check_options(methods: Sequence[str] | None, version: int | None, seconds: float) -> list[str]:
    """Check the options, and return the names of the methods."""
    names = list(METHODS) if methods is None else list(dict.fromkeys(methods))
    known = ", ".join(METHODS)
    findings = [
        Finding("methods", name, f"one of {known}") for name in names if name not in METHODS
    ]
    if not names:
        findings.append(Finding("methods", names, f"at least one of {known}"))
    if version is not None and (isinstance(version, bool) or not 1 <= version < 2**31):
        findings.append(Finding("version", version, "a positive whole number"))
    if not 0 < seconds <= 3600:
        findings.append(Finding("seconds", seconds, "more than 0, at most 3600"))
    if findings:
        raise ConfigError("the options of the quantization are wrong", findings=findings)
    return names
