"""Export a model, and what is done with an artifact afterwards: verify, compare, time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.api.catalog import hooks, registry
from zoo.api.datasets import dataset
from zoo.api.model_factory import (
    DataSource,
    architecture_of,
    blueprint_on,
    needs_keras,
)
from zoo.api.models import build, published
from zoo.api.prediction import check_fit, in_words_of, is_path, signatures
from zoo.api.run import Run
from zoo.errors import TrainError, ZooError
from zoo.files import exists
from zoo.registry import WeightsEntry
from zoo.runtime import (
    BenchRow,
    DiffReport,
    Session,
    VerifyReport,
    VerifyResult,
    bench as bench_artifact,
    diff as diff_artifacts,
    load as load_artifact,
    verify as verify_artifact,
    verify_all as verify_everything,
)
from zoo.spec import Arrays, Dataset, DataSpec

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Artifact:
    """A published artifact: where it lies, and its manifest as plain data."""

    path: Path
    manifest: Mapping[str, Any]

    def load(self, **options: Any) -> Session:
        """Open it with onnxruntime: see :func:`zoo.runtime.load`."""
        return load_artifact(self.path, **options)


def export(
    target: Run | keras.Model | str | Path,
    out: str | Path = "exports",
    *,
    weights: str | Path | None = None,
    data: DataSource = None,
    name: str | None = None,
    version: int | None = None,
    keep_failed: str | Path | None = None,
) -> Artifact:
    """Turn a model into an ONNX artifact, published only if it proves equal to the model.

    Args:
        target: A run or its folder, a model of :func:`build`, or a model's name.
        weights: With a name: which weights, as :func:`build` takes them; by default those
            published for its default data. Of published ones the artifact has the figures.
        data: Where the real examples of the comparison come from; by default what the model was
            made for.
        out: The model repository: the artifact becomes ``out/<name>/<version>/``.
        name: What the artifact is called; by default as its architecture. Versions of one name
            take and give the same things, so a model for other data needs another.
        version: A positive number; by default one above the highest there is.
        keep_failed: Where to keep what was made if a check fails; by default nothing stays.

    Raises:
        ExportError: If it cannot be converted, or does not agree. Nothing is published then.
        TrainError: If the run did not finish.
        StorageError: If the folder cannot be written, or the version exists.

    Example:
        >>> zoo.export("runs/cnn-1").path
        PosixPath('exports/cnn/1')
    """
    needs_keras("exporting")
    from zoo.exporting import export_artifact

    entry = None
    # A name has no folder in it; a path that does not exist is refused as a path.
    by_name = isinstance(target, str | Path) and not (exists(target) or is_path(target))
    if isinstance(target, str | Path) and (weights is not None or by_name):
        model_name = str(target)
        named, _ = registry().weights_of(model_name)
        if weights is None and not named:
            weights = registry().get(model_name).default_dataset
        entry = published(model_name, named or weights)
        target = build(model_name, weights=weights)
    elif isinstance(target, str | Path):
        target = Run(target)
    run = target if isinstance(target, Run) else None
    if run is not None and run.status != "finished":
        raise TrainError(
            f"{run.path} is {run.status}, and has no trained model",
            why=str(run.record.get("stopped_because") or "it did not end"),
            fix=f"zoo train {run.architecture} --resume {run.path}",
        )
    model = run.model if run else target
    blueprint = blueprint_on(model)
    architecture = architecture_of(blueprint)
    if isinstance(data, str | Path):
        data = run.other_dataset(data) if run else dataset(data)
    elif data is None or isinstance(data, DataSpec):
        data = run.dataset() if run else dataset(blueprint.data.id)
    data = in_words_of(blueprint.data, data)
    check_fit(blueprint.data, data.spec)
    name = architecture.info.name if name is None else name
    hooks().call("zoo_before_export", name=name, target=Path(out) / name)
    metrics, origin = _record_of(run, entry)
    path = export_artifact(
        blueprint,
        architecture,
        signatures(model),
        out=Path(out),
        name=name,
        version=version,
        samples=_samples(data),
        metrics=metrics,
        fingerprint=data.fingerprint,
        license=architecture.info.license,
        origin=origin,
        keep_failed=Path(keep_failed) if keep_failed else None,
    )
    artifact = Artifact(path, load_artifact(path).manifest.model_dump(mode="json"))
    hooks().call("zoo_after_export", name=name, path=path, manifest=artifact.manifest)
    return artifact


def _record_of(
    run: Run | None, entry: WeightsEntry | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metrics and the origin of a model: of its run, or of its published weights.

    Nothing of a folder or a day is in them: the same training gives the same bytes.
    """
    if run is not None:
        told = run.metrics
        origin = {key: run.record[key] for key in ("plan", "best_epoch")}
        kept = {"examples", "scores"}
        return told.model_dump(mode="json", include=kept) if told else {}, origin
    if entry is None:
        return {}, {}
    origin = {"weights": entry.id, "weights_file_sha256": entry.sha256}
    if entry.measured is None:
        return {}, origin
    measured = entry.measured.model_dump(mode="json", include={"examples", "seeds", "split"})
    scores = {name: score.model_dump() for name, score in entry.measured.metrics.items()}
    return {**measured, "scores": scores}, {**origin, "measured_by": entry.measured.command}


def verify(path: str | Path) -> VerifyReport:
    """Prove an artifact again, with onnxruntime and numpy alone.

    Args:
        path: The folder of one version, e.g. ``exports/cnn/1``.

    Raises:
        ArtifactError: If any file is not what was published.
        ParityFailed: If it no longer gives the recorded answers.

    Example:
        >>> zoo.verify("exports/cnn/1").signatures[0].worst
    """
    hooks().call("zoo_before_verify", path=Path(path))
    report = verify_artifact(path)
    hooks().call("zoo_after_verify", path=Path(path), report=report.model_dump(mode="json"))
    return report


def verify_all(path: str | Path) -> Iterator[VerifyResult]:
    """Verify every artifact in a folder: of a model repository, a model, or one version.

    Args:
        path: The folder, e.g. ``exports`` or ``exports/cnn``.

    Yields:
        One result per artifact, with a report or an error; and an error for each model whose
        versions differ in their interface, or whose files for servers are wrong.

    Example:
        >>> [result.path for result in zoo.verify_all("exports") if result.error]
        []
    """
    try:
        hooks().call("zoo_before_verify", path=Path(path))
    except ZooError as error:
        yield VerifyResult(Path(path), error=error)
        return
    for result in verify_everything(path):
        try:
            if result.report is not None:
                report = result.report.model_dump(mode="json")
                hooks().call("zoo_after_verify", path=result.path, report=report)
            yield result
        except ZooError as error:
            yield VerifyResult(result.path, error=error)


def diff(before: str | Path, after: str | Path) -> DiffReport:
    """Explain what changed between two artifacts, from their files alone.

    Args:
        before: The folder of one artifact.
        after: That of the other.

    Raises:
        ArtifactError: If one is no artifact, or not what was published.

    Example:
        >>> zoo.diff("exports/cnn/1", "exports/cnn/2").metrics[0].noise
    """
    return diff_artifacts(before, after)


def bench(path: str | Path, **options: Any) -> Sequence[BenchRow]:
    """Measure how fast an artifact answers, on its own golden inputs.

    Args:
        path: The folder of the artifact.
        **options: ``batches``, ``threads``, ``seconds`` and more: see :func:`zoo.runtime.bench`.

    Raises:
        ArtifactError: If it cannot be opened.
        ConfigError: If an option is out of range.

    Example:
        >>> zoo.bench("exports/cnn/1", batches=(1, 64))[0].median_ms
    """
    return bench_artifact(Path(path), **options)


def _samples(data: Dataset) -> Arrays:
    """Return a few real examples for the parity check, never of the test split."""
    split = data.split("validation")
    indices = np.linspace(0, len(split) - 1, min(len(split), 64)).astype(int)
    return split.take(np.unique(indices))[0]


__all__ = ["Artifact", "bench", "diff", "export", "verify", "verify_all"]
