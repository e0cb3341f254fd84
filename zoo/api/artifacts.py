"""Evaluate, predict, export, verify: what is done with a model once it learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.api.blueprints import DataSource, blueprint_on, dataset, needs_keras
from zoo.api.catalog import hooks, registry
from zoo.api.models import build, published
from zoo.api.run import Run
from zoo.architecture import Architecture, Blueprint, Signature
from zoo.errors import ArtifactError, DataError, TrainError
from zoo.files import atomic_write, write_json
from zoo.metrics import Evaluation
from zoo.registry import WeightsEntry
from zoo.runtime import (
    BenchRow,
    DiffReport,
    ModelReport,
    Prediction,
    Session,
    VerifyReport,
    bench as bench_artifact,
    diff as diff_artifacts,
    is_model,
    load as load_artifact,
    verify as verify_artifact,
    verify_model,
)
from zoo.spec import Arrays, Dataset, DataSpec, Forward, Split

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


def load(path: str | Path) -> Run | Session:
    """Open the folder of a run, or of an artifact.

    Raises:
        ArtifactError: If it is neither.

    Example:
        >>> zoo.load("runs/cnn-1").model
        >>> zoo.load("exports/cnn/1").predict("seven.png").labels
        ['7']
    """
    folder = Path(path)
    if (folder / "run.json").is_file():
        return Run(folder)
    if (folder / "manifest.json").is_file():
        return load_artifact(folder)
    raise ArtifactError(
        f"{folder} is neither a run nor an artifact",
        why="it has no run.json and no manifest.json"
        if folder.is_dir()
        else "there is no such folder",
        fix="zoo train NAME makes a run, zoo export RUN an artifact",
    )


@dataclass(frozen=True)
class _Subject:
    """Something that can be asked: named inputs to named outputs, and what it was made for."""

    architecture: Architecture[Any]
    data: DataSpec
    forward: Forward
    run: Run | None = None

    def dataset(self, data: DataSource) -> Dataset:
        if isinstance(data, str | Path):
            return dataset(data)
        if isinstance(data, DataSpec):
            raise DataError(f"a DataSpec describes {data.id!r}, and holds no examples")
        if data is not None:
            return data
        return self.run.dataset() if self.run else dataset(self.data.id)


def evaluate(
    target: Run | keras.Model | Session | str | Path,
    data: DataSource = None,
    *,
    split: Literal["test", "validation", "train"] = "test",
) -> Evaluation:
    """Measure a model on examples it has not learned from, each counted once.

    Of a run, the test split's figures are also written to its ``metrics.json``, with the worst
    mistakes beside them for the report.

    Args:
        target: A run or its folder, a model of :func:`build`, an artifact or its folder.
        data: Other data with the same inputs and classes; by default what it was made for.
        split: Which part of the data.

    Raises:
        DataError: If the data does not fit the model, or has changed since the run.
        ArtifactError: If the target is none of these.

    Example:
        >>> zoo.evaluate("runs/cnn-1").scores["accuracy"].low
    """
    subject = _subject(target)
    source = subject.dataset(data)
    check_fit(subject.data, source.spec)
    part = source.split(split)
    evaluation = subject.architecture.evaluate(subject.forward, part, subject.data)
    if subject.run is not None and data is None and split == "test":
        write_json(subject.run.path / "metrics.json", evaluation.model_dump(mode="json"))
        _save_pictures(subject.run.path / "pictures.npz", evaluation, part)
    return evaluation


def predict(target: Run | keras.Model | Session | str | Path, inputs: Any) -> Prediction:
    """Answer for raw inputs: arrays, records, or files.

    Args:
        target: A run or its folder, a model of :func:`build`, an artifact or its folder.
        inputs: See :meth:`zoo.runtime.Session.predict`. An artifact answers without keras.

    Raises:
        DataError: If the inputs do not fit the model.
        ArtifactError: If the target is none of these.

    Example:
        >>> zoo.predict("exports/cnn/1", ["seven.png", "nine.png"]).labels
        ['7', '9']
    """
    if isinstance(target, str | Path):
        target = load(target)
    if isinstance(target, Session):
        return target.predict(inputs)
    from zoo.runtime.inputs import encode

    model = target.model if isinstance(target, Run) else target
    signature = _signatures(model)[0]
    outputs = _keras_forward(signature)(encode(inputs, signature.inputs))
    return Prediction(outputs, signature.outputs)


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
    by_name = isinstance(target, str | Path) and not (Path(target).exists() or _is_path(target))
    if isinstance(target, str | Path) and (weights is not None or by_name):
        architecture = registry().get(str(target))
        weights = architecture.default_dataset if weights is None else weights
        entry = published(architecture.info.name, weights)
        target = build(str(target), weights=weights)
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
    architecture = registry().get(blueprint.architecture)
    if isinstance(data, str | Path):
        data = dataset(data)
    elif data is None or isinstance(data, DataSpec):
        data = run.dataset() if run else dataset(blueprint.data.id)
    check_fit(blueprint.data, data.spec)
    name = blueprint.architecture if name is None else name
    hooks().call("zoo_before_export", name=name, target=Path(out) / name)
    metrics, origin = _record_of(run, entry)
    path = export_artifact(
        blueprint,
        architecture,
        _signatures(model),
        out=Path(out),
        name=name,
        version=version,
        samples=_samples(data),
        metrics=metrics,
        fingerprint=data.fingerprint,
        licence=architecture.info.licence,
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


def verify(path: str | Path) -> VerifyReport | ModelReport:
    """Prove an artifact again, with onnxruntime and numpy alone.

    Args:
        path: Its folder, or that of all versions of a model: then each is proven, and the
            configuration that servers read beside them.

    Raises:
        ArtifactError: If any file is not what was published.
        ParityFailed: If it no longer gives the recorded answers.
    """
    hooks().call("zoo_before_verify", path=Path(path))
    report: VerifyReport | ModelReport
    report = verify_model(path) if is_model(Path(path)) else verify_artifact(path)
    hooks().call("zoo_after_verify", path=Path(path), report=report.model_dump(mode="json"))
    return report


def diff(before: str | Path, after: str | Path) -> DiffReport:
    """Explain what changed between two artifacts: see :func:`zoo.runtime.diff`."""
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


def _is_path(target: str | Path) -> bool:
    return isinstance(target, Path) or len(Path(target).parts) > 1


def _subject(target: Run | keras.Model | Session | str | Path) -> _Subject:
    if isinstance(target, str | Path):
        target = load(target)
    if isinstance(target, Session):
        manifest = target.manifest
        architecture = registry().get(manifest.architecture)
        return _Subject(architecture, manifest.data, target.run)
    run = target if isinstance(target, Run) else None
    model = run.model if run else target
    blueprint: Blueprint = blueprint_on(model)
    forward = _keras_forward(_signatures(model)[0])
    return _Subject(registry().get(blueprint.architecture), blueprint.data, forward, run)


def _signatures(model: keras.Model) -> Sequence[Signature]:
    blueprint = blueprint_on(model)
    architecture = registry().get(blueprint.architecture)
    return architecture.signatures(model, blueprint.config, blueprint.data)


def _keras_forward(signature: Signature) -> Forward:
    """Return a function from named arrays to named arrays that asks a Keras model."""
    model = signature.model

    def forward(inputs: Arrays) -> Arrays:
        named = {tensor.name: inputs[tensor.name] for tensor in model.inputs}
        given: Any
        # Keras takes and gives what the model was made with: one tensor, some, or named ones.
        if isinstance(model.input, Mapping):
            given = named
        else:
            given = list(named.values())
            given = given if isinstance(model.input, Sequence) else given[0]
        outputs = model.predict_on_batch(given)
        if not isinstance(outputs, Mapping):
            values = outputs if isinstance(outputs, list | tuple) else [outputs]
            names = [tensor.name for tensor in signature.outputs]
            outputs = dict(zip(names, values, strict=True))
        return {name: np.asarray(value) for name, value in outputs.items()}

    return forward


def check_fit(model: DataSpec, data: DataSpec) -> None:
    """Refuse data that is not of the kind the model was made for."""
    for kind in ("inputs", "targets"):
        mine, theirs = getattr(model, kind), getattr(data, kind)
        own = [(tensor.name, tensor.shape, tensor.labels) for tensor in mine]
        other = [(tensor.name, tensor.shape, tensor.labels) for tensor in theirs]
        if own != other:
            raise DataError(
                f"the {kind} of {data.id} are not those that the model was made for",
                why=f"the model has {own}, the data {other}",
                fix="give data with the same shapes and the same classes in the same order",
            )


def _samples(data: Dataset) -> Arrays:
    """Return a few real examples for the parity check, never of the test split."""
    split = data.split("validation")
    indices = np.linspace(0, len(split) - 1, min(len(split), 64)).astype(int)
    return split.take(np.unique(indices))[0]


def _save_pictures(path: Path, evaluation: Evaluation, split: Split) -> None:
    worst = evaluation.tables.worst if evaluation.tables else ()
    if not worst:
        path.unlink(missing_ok=True)
        return
    inputs, _ = split.take(np.array([mistake.index for mistake in worst]))
    image = inputs.get("image")
    if image is not None:
        atomic_write(path, lambda stream: np.savez_compressed(stream, worst_image=image))


__all__ = [
    "Artifact",
    "bench",
    "diff",
    "evaluate",
    "export",
    "load",
    "predict",
    "verify",
]
