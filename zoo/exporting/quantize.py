"""Smaller or faster variants of an artifact: tried, measured, and published or refused."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.architecture import Architecture
from zoo.config import validate
from zoo.errors import ConfigError, Finding, QuantizationRejected
from zoo.exporting.candidate import Trial, try_candidate
from zoo.exporting.candidates import CANDIDATES, require
from zoo.exporting.fidelity import Yardstick
from zoo.exporting.latency import BATCHES, Latency, interleaved
from zoo.exporting.policy import CandidateRow, Policy, QuantizationReport, choose, judge
from zoo.exporting.publishing import (
    UNLISTED,
    Proven,
    next_version,
    plain,
    publish,
    versions,
    write_artifact,
)
from zoo.exporting.source_artifact import Original, open_original, take_examples
from zoo.files import sha256_file
from zoo.runtime.manifest import MANIFEST, Calibration, Manifest, Variant
from zoo.runtime.session import open_session
from zoo.spec import Arrays, Dataset

CALIBRATION_EXAMPLES = 256
"""How many examples of the training split the static ranges are measured on, evenly spaced."""

_SAMPLES = 64
_PACKAGES = ("onnx", "onnxruntime", "numpy")


def quantize_artifact(
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
) -> QuantizationReport:
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
        QuantizationRejected: If no candidate is good enough. Nothing is published.
    """
    require()
    policy = policy or Policy()
    names = _check(candidates, version, calibration_examples, seconds, threads)
    with open_original(path) as original, tempfile.TemporaryDirectory(prefix="zoo-") as scratch:
        calibration = take_examples(original, data.split("train"), calibration_examples)
        samples = take_examples(original, data.split("validation"), _SAMPLES)
        config = validate(
            architecture.Config, original.manifest.config, what=f"the configuration in {path}"
        )
        yardstick = Yardstick(
            architecture,
            original.manifest.data,
            data.split("validation"),
            "validation",
            original.predict_fns,
            metric,
            config,
        )
        trials = [
            try_candidate(
                CANDIDATES[name], original, calibration, samples, yardstick, policy, Path(scratch)
            )
            for name in names
        ]
        times = _time(original, trials, samples, seconds, threads)
        rows = [_row(trial, times, policy, original.bytes) for trial in trials]
        used = (
            _calibration(calibration, data.fingerprint)
            if any(trial.candidate.calibrated for trial in trials)
            else None
        )
        report = QuantizationReport(
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
            raise QuantizationRejected(
                f"no variant of {path} is good enough",
                report=report,
                why="\n       ".join(f"{row.candidate}: {row.reason}" for row in rows),
                fix="keep the original, or say what may be lost: --max-loss, --policy smallest",
            )
        winner = next(trial for trial in trials if trial.candidate.name == best.candidate)
        ruler = Yardstick(
            architecture,
            original.manifest.data,
            data.split("test"),
            "test",
            original.predict_fns,
            yardstick.metric,
            config,
        )
        test, evaluation = ruler.compare(winner.predict_fns(original.manifest))
        scores = evaluation.model_dump(mode="json", include={"examples", "scores"})
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
        "name": f"{original.name}_{variant.label}",
        "metrics": metrics,
        "producer": {**original.producer, **versions(_PACKAGES)},
        "graphs": tuple(item.graph for item in proven),
        "files": UNLISTED,
        "variant": variant,
    }
    return original.model_copy(update=changed)


def _time(
    original: Original, trials: Sequence[Trial], samples: Arrays, seconds: float, threads: int
) -> dict[str, dict[int, Latency]]:
    """Time the first graph of the original, under the name "", and of every candidate."""
    graph = original.manifest.graphs[0]
    sessions = {"": open_session(original.files[graph.signature], "original", threads=threads)}
    for trial in trials:
        if trial.stored:
            name = trial.candidate.name
            sessions[name] = open_session(trial.stored[0].file, name, threads=threads)
    most = max(graph.parity.batches)  # of a large model, no more were proven in one call
    return interleaved(
        sessions,
        {s.name: samples[s.name] for s in graph.inputs},
        seconds=seconds,
        batches=sorted({min(batch, most) for batch in BATCHES}),
    )


def _row(
    trial: Trial, times: Mapping[str, Mapping[int, Latency]], policy: Policy, original_bytes: int
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
        raise ConfigError("the quantization cannot be made as asked", findings=findings)
    return names


__all__ = ["CALIBRATION_EXAMPLES", "quantize_artifact"]
