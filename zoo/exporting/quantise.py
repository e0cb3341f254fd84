"""Smaller or faster variants of an artifact: tried, measured, and published or refused."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.architecture import Architecture
from zoo.errors import ConfigError, DataError, Finding, QuantisationRejected, Unsupported, ZooError
from zoo.exporting import candidates as _candidates
from zoo.exporting.candidates import CANDIDATES, Candidate, Made, Source
from zoo.exporting.canonical import canonical
from zoo.exporting.fidelity import Yardstick
from zoo.exporting.latency import Latency, interleaved
from zoo.exporting.parity import calibrate, make_cases, prove
from zoo.exporting.policy import CandidateRow, Policy, QuantisationReport, choose, judge
from zoo.exporting.publishing import (
    UNLISTED,
    Proven,
    count_nodes,
    golden,
    next_version,
    plain,
    publish,
    versions,
    write_artifact,
)
from zoo.exporting.structure import check_structure
from zoo.files import sha256_file
from zoo.runtime import MAX_BYTES, verify
from zoo.runtime.manifest import MANIFEST, Graph, Manifest, read_manifest
from zoo.runtime.session import check_interface, open_session, read_checked
from zoo.runtime.variant import Calibration, Variant, Verdict
from zoo.runtime.vectors import Vector
from zoo.spec import Arrays, Dataset, Forward, Split

if TYPE_CHECKING:
    import onnx

CALIBRATION_EXAMPLES = 256
"""How many examples of the training split the static ranges are measured on, evenly spaced."""

_SAMPLES = 64
_PACKAGES = ("onnx", "onnxruntime", "numpy")


@dataclass(frozen=True)
class _Original:
    """The artifact that variants are made of, opened."""

    path: Path
    manifest: Manifest
    raw: Mapping[str, bytes]
    protos: Mapping[str, onnx.ModelProto]
    sessions: Mapping[str, Any]

    @property
    def bytes(self) -> int:
        """The size of the graphs without their metadata, which a candidate has not yet."""
        import onnx

        total = 0
        for proto in self.protos.values():
            bare = onnx.ModelProto()
            bare.CopyFrom(proto)
            bare.ClearField("metadata_props")
            total += bare.ByteSize()
        return total


@dataclass(frozen=True)
class _Trial:
    """One candidate, made and measured; what failed on the way is its verdict's reason."""

    candidate: Candidate
    verdict: Verdict
    raw: bytes = b""
    proven: tuple[Proven, ...] = ()


def quantise_artifact(
    path: Path,
    architecture: Architecture[Any],
    data: Dataset,
    *,
    out: Path,
    policy: Policy | None = None,
    candidates: Sequence[str] | None = None,
    metric: str | None = None,
    version: int | None = None,
    calibration_examples: int = CALIBRATION_EXAMPLES,
    seconds: float = 0.5,
    threads: int = 1,
    keep_failed: Path | None = None,
) -> QuantisationReport:
    """Try smaller and faster forms of an artifact, and publish the best of the good ones.

    The validation split decides what is lost; the test split is asked once, for the winner.

    Args:
        path: The artifact's folder. It is verified first.
        architecture: Measures answers.
        data: Examples: its training split calibrates.
        out: The model repository: the variant becomes ``out/<name>_<label>/<version>``.
        policy: What is wanted and what it may cost.
        candidates: Names of :data:`CANDIDATES`; all by default.
        metric: The main metric; by default ``accuracy`` of a classifier, the first of others.
        version: A positive number that is not taken; the next free one by default.
        calibration_examples: How many examples measure the static ranges.
        seconds: How long the latency of a candidate is measured at each batch size.
        threads: How many threads a call may use while it is timed.
        keep_failed: Where to keep a failed publication, with ``failure.json``.

    Returns:
        Everything that was tried, with the folder that was published.

    Raises:
        MissingExtra: If ``onnx`` is not installed.
        ArtifactError: If the artifact is not what was published.
        ConfigError: If a name is unknown, or it is a variant already.
        QuantisationRejected: If no candidate is good enough. Nothing is published.
    """
    _candidates.require()
    policy = policy or Policy()
    names = _check(candidates, version, calibration_examples, seconds, threads)
    original = _open(path)
    calibration = _examples(original, data.split("train"), calibration_examples)
    samples = _examples(original, data.split("validation"), _SAMPLES)
    forward = _forward(original.sessions[original.manifest.graphs[0].signature], original.manifest)
    spec = original.manifest.data
    yardstick = Yardstick(
        architecture, spec, data.split("validation"), "validation", forward, metric
    )
    trials = [
        _try(CANDIDATES[name], original, calibration, samples, yardstick, policy) for name in names
    ]
    times = _time(original, trials, samples, seconds, threads)
    rows = [_row(trial, times, policy, original.bytes) for trial in trials]
    used = (
        _calibration(calibration, data.fingerprint)
        if any(trial.candidate.calibrated for trial in trials)
        else None
    )
    report = QuantisationReport(
        source=str(path),
        policy=policy,
        threads=threads,
        original_bytes=original.bytes,
        original_ms={str(batch): found.ms for batch, found in times[""].items()},
        calibration=used,
        candidates=tuple(rows),
    )
    best = choose(rows)
    if best is None:
        raise QuantisationRejected(
            f"no variant of {path} is good enough",
            report=report,
            why="\n       ".join(f"{row.candidate}: {row.reason}" for row in rows),
            fix="keep the original, or say what may be lost: --max-loss, --policy smallest",
        )
    winner = next(trial for trial in trials if trial.candidate.name == best.candidate)
    ruler = Yardstick(architecture, spec, data.split("test"), "test", forward, yardstick.metric)
    chosen = open_session(winner.raw, winner.candidate.name)
    test, evaluation = ruler.compare(_forward(chosen, original.manifest))
    variant = Variant(
        kind=winner.candidate.name,
        label=winner.candidate.label,
        of_weights_sha256=original.manifest.graphs[0].weights_sha256,
        of_manifest_sha256=sha256_file(path / MANIFEST),
        policy=policy.preference,
        max_loss=policy.max_loss,
        min_agreement=policy.min_agreement,
        calibration=used if winner.candidate.calibrated else None,
        verdicts=tuple(trial.verdict for trial in trials),
        test=test,
    )
    scores = evaluation.model_dump(mode="json", include={"examples", "scores"})
    draft = _draft(original.manifest, variant, winner.proven, plain(scores, "metrics"))
    folder = out / draft.name
    target = publish(
        folder / str(version or next_version(folder)),
        lambda stage: write_artifact(stage, draft, winner.proven),
        keep_failed=keep_failed,
    )
    return report.model_copy(
        update={"published": str(target), "winner": variant.kind, "test": test}
    )


def _draft(
    original: Manifest, variant: Variant, proven: Sequence[Proven], metrics: dict[str, Any]
) -> Manifest:
    # Keras and the converter made the original, and are part of how this came to be.
    changed: dict[str, Any] = {
        "metrics": metrics,
        "producer": {**original.producer, **versions(_PACKAGES)},
        "graphs": tuple(item.graph for item in proven),
        "files": UNLISTED,
        "variant": variant,
    }
    return original.model_copy(update=changed)


def _open(path: Path) -> _Original:
    import onnx

    verify(path)
    manifest = read_manifest(path)
    if manifest.variant is not None:
        raise ConfigError(
            f"{path} is a variant already",
            findings=[Finding("artifact", manifest.name, "an artifact that zoo export made")],
            fix=f"quantise the original: {manifest.architecture}",
        )
    raw = {
        g.signature: read_checked(path, manifest, g.file, max_bytes=MAX_BYTES)
        for g in manifest.graphs
    }
    return _Original(
        path,
        manifest,
        raw,
        {name: onnx.load_from_string(data) for name, data in raw.items()},
        {name: open_session(data, str(path)) for name, data in raw.items()},
    )


def _examples(original: _Original, split: Split, count: int) -> Arrays:
    """Return evenly spaced examples, and what the graphs make of them.

    One graph's output may be another's input: the codes of an encoder feed its decoder.
    """
    if not len(split):
        raise DataError("there are no examples to measure on", why="the split is empty")
    positions = np.unique(np.linspace(0, len(split) - 1, min(len(split), count)).astype(int))
    arrays = dict(split.take(positions)[0])
    for _ in original.manifest.graphs:
        for graph in original.manifest.graphs:
            if all(spec.name in arrays for spec in graph.inputs):
                found = _ask(original.sessions[graph.signature], graph, arrays)
                arrays = {**found, **arrays}
    return arrays


def _ask(session: Any, graph: Graph, arrays: Arrays) -> dict[str, np.ndarray[Any, Any]]:
    names = [spec.name for spec in graph.outputs]
    values = session.run(names, {spec.name: arrays[spec.name] for spec in graph.inputs})
    return dict(zip(names, values, strict=True))


def _forward(session: Any, manifest: Manifest) -> Forward:
    """Return what an evaluation asks: the first graph."""
    return lambda inputs: _ask(session, manifest.graphs[0], inputs)


def _try(
    candidate: Candidate,
    original: _Original,
    calibration: Arrays,
    samples: Arrays,
    yardstick: Yardstick,
    policy: Policy,
) -> _Trial:
    """Make a candidate and measure it; a failure is a verdict, and ends nothing."""
    verdict = Verdict(candidate=candidate.name, method=candidate.method, faithful=False)
    manifest = original.manifest
    trial = _Trial(candidate, verdict)
    try:
        forms = [_form(candidate, original, graph, calibration) for graph in manifest.graphs]
        raws = [
            check_structure(form.proto, graph.file)
            for form, graph in zip(forms, manifest.graphs, strict=True)
        ]
        verdict = verdict.model_copy(update={"bytes": sum(map(len, raws))})
        session = open_session(raws[0], candidate.name)
        trial = replace(trial, raw=raws[0], verdict=verdict)
        comparison, _ = yardstick.compare(_forward(session, manifest))
        verdict = verdict.model_copy(update={"comparison": comparison})
        if reason := policy.refusal(comparison):
            return replace(trial, verdict=verdict.model_copy(update={"reason": reason}))
        proven = tuple(
            _prove(form, raw, graph, samples)
            for form, raw, graph in zip(forms, raws, manifest.graphs, strict=True)
        )
    except ZooError as error:
        reason = f"{error.what}: {error.why}" if error.why else error.what
        return replace(trial, verdict=verdict.model_copy(update={"reason": reason}))
    verdict = verdict.model_copy(update={"faithful": True})
    return replace(trial, verdict=verdict, proven=proven)


def _form(candidate: Candidate, original: _Original, graph: Graph, calibration: Arrays) -> Made:
    """Make one graph of a candidate, in canonical form."""
    inputs = [spec.name for spec in graph.inputs]
    known = all(name in calibration for name in inputs)
    examples = {name: calibration[name] for name in inputs} if known else None
    made = candidate.make(Source(original.protos[graph.signature], examples))
    foreign = sorted({n.op_type for n in made.proto.graph.node if n.domain not in ("", "ai.onnx")})
    if foreign:
        raise Unsupported(
            f"it needs operators outside standard ONNX ({', '.join(foreign)})",
            why="only one runtime has them, and an artifact is for all",
        )
    name = f"{original.manifest.architecture}_{candidate.label}.{graph.signature}"
    order = [spec.name for spec in graph.outputs]

    def normal(proto: onnx.ModelProto) -> onnx.ModelProto:
        by_name = {spec.name: spec for spec in graph.outputs}
        outputs = [by_name[value.name] for value in proto.graph.output]
        return canonical(proto, name, graph.inputs, outputs, order)

    return Made(normal(made.proto), normal(made.exact) if made.exact is not None else None)


def _prove(form: Made, raw: bytes, graph: Graph, samples: Arrays) -> Proven:
    """Compare a graph with itself over every batch size and optimisation level."""
    native = open_session(raw, graph.file)
    check_interface(native, graph, graph.file)
    given = {spec.name: samples[spec.name] for spec in graph.inputs if spec.name in samples}
    cases = make_cases(graph.inputs, lambda inputs: _ask(native, graph, inputs), given)
    tolerance = calibrate(form.exact or form.proto, cases, graph.file)
    parity = prove(raw, cases, tolerance, graph.file)
    own = graph.model_copy(
        update={
            "nodes": count_nodes(form.proto.graph),
            "weights_sha256": _weights_hash(form.proto),
            "tolerance": tolerance,
            "parity": parity,
            "vectors": tuple(case.probe.batch for case in golden(cases)),
        }
    )
    vectors = [Vector(case.probe.inputs, case.reference) for case in golden(cases)]
    return Proven(form.proto, own, vectors)


def _weights_hash(proto: onnx.ModelProto) -> str:
    from onnx import numpy_helper

    digest = hashlib.sha256()
    for tensor in proto.graph.initializer:
        array = np.ascontiguousarray(numpy_helper.to_array(tensor))
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _time(
    original: _Original, trials: Sequence[_Trial], samples: Arrays, seconds: float, threads: int
) -> dict[str, dict[int, Latency]]:
    """Time the first graph of the original, under the name "", and of every candidate."""
    graph = original.manifest.graphs[0]
    sessions = {"": open_session(original.raw[graph.signature], "original", threads=threads)}
    for trial in trials:
        if trial.raw:
            name = trial.candidate.name
            sessions[name] = open_session(trial.raw, name, threads=threads)
    return interleaved(sessions, {s.name: samples[s.name] for s in graph.inputs}, seconds=seconds)


def _row(
    trial: _Trial, times: Mapping[str, Mapping[int, Latency]], policy: Policy, original_bytes: int
) -> CandidateRow:
    found = times.get(trial.candidate.name, {})
    return judge(
        trial.verdict,
        policy,
        original_bytes=original_bytes,
        latency_ms={str(batch): latency.ms for batch, latency in found.items()},
        latency_ratio={str(batch): latency.ratio for batch, latency in found.items()},
    )


def _calibration(arrays: Arrays, fingerprint: str) -> Calibration:
    from zoo.data.dataset import arrays_digest

    return Calibration(
        method="minimum and maximum",
        examples=len(next(iter(arrays.values()))),
        sha256=arrays_digest(arrays),
        data_fingerprint=fingerprint,
    )


def _check(
    candidates: Sequence[str] | None,
    version: int | None,
    calibration_examples: int,
    seconds: float,
    threads: int,
) -> list[str]:
    names = list(CANDIDATES) if candidates is None else list(dict.fromkeys(candidates))
    known = ", ".join(CANDIDATES)
    findings = [
        Finding("candidates", name, f"one of {known}") for name in names if name not in CANDIDATES
    ]
    if not names:
        findings.append(Finding("candidates", names, f"at least one of {known}"))
    if version is not None and (isinstance(version, bool) or not 1 <= version < 2**31):
        findings.append(Finding("version", version, "a positive whole number"))
    if calibration_examples < 1:
        findings.append(Finding("calibration_examples", calibration_examples, "at least 1"))
    if not 0 < seconds <= 3600:
        findings.append(Finding("seconds", seconds, "more than 0, at most 3600"))
    if threads < 1:
        findings.append(Finding("threads", threads, "at least 1"))
    if findings:
        raise ConfigError("the quantisation cannot be made as asked", findings=findings)
    return names


__all__ = ["CALIBRATION_EXAMPLES", "quantise_artifact"]
