"""Export a model to an ONNX artifact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.api.artifacts import Artifact
from zoo.api.catalog import hooks
from zoo.api.datasets import DataSource
from zoo.api.evaluation import matching_dataset
from zoo.api.model_factory import (
    architecture_of,
    blueprint_of,
    build,
    default_weights,
    needs_keras,
    published_weights,
)
from zoo.api.predict_fns import signatures
from zoo.api.prediction import is_name
from zoo.api.run import Run
from zoo.errors import TrainError
from zoo.runtime import load as load_artifact
from zoo.spec import Arrays, Dataset

if TYPE_CHECKING:
    import keras

    from zoo.registry.catalog import WeightsEntry


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
    """Export a model to an ONNX artifact, published only if it agrees with the model.

    Args:
        target: A run or its folder, a model of :func:`build`, or a model's name.
        out: The model repository: the artifact becomes ``out/<name>/<version>/``.
        weights: With a name: its weights, as for :func:`build`; by default those published for
            its default data. The scores of published weights are copied to the artifact.
        data: Real examples for the comparison; by default from the model's own data.
        name: The artifact's name; by default that of its architecture. All versions of a name
            have the same inputs and outputs, so a model for other data needs another.
        version: A positive number; by default one above the highest that exists.
        keep_failed: A folder for the files of a failed export; by default nothing is kept.

    Raises:
        ExportError: If it cannot be converted, or does not agree. Nothing is published then.
        TrainError: If the run did not finish.
        StorageError: If the folder cannot be written, or the version exists.

    Example:
        >>> artifact: zoo.Artifact = zoo.export("runs/mlp_classifier-1", "exported")
        >>> artifact.path
        PosixPath('exported/mlp_classifier/1')
    """
    needs_keras("exporting")
    from zoo.exporting.export import export_artifact

    entry = None
    if isinstance(target, str | Path) and (weights is not None or is_name(target)):
        model_name = str(target)
        weights = default_weights(model_name) if weights is None else weights
        entry = published_weights(model_name, weights)
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
    blueprint = blueprint_of(model)
    architecture = architecture_of(blueprint)
    examples = matching_dataset(data, blueprint.data, run)
    name = architecture.info.name if name is None else name
    hooks().call("zoo_before_export", name=name, target=Path(out) / name)
    metrics, origin = _origin(run, entry)
    path = export_artifact(
        blueprint,
        architecture,
        signatures(model),
        out=Path(out),
        name=name,
        version=version,
        samples=_samples(examples),
        metrics=metrics,
        fingerprint=examples.fingerprint,
        license=architecture.info.license,
        origin=origin,
        keep_failed=Path(keep_failed) if keep_failed else None,
    )
    artifact = Artifact(path, load_artifact(path).manifest.model_dump(mode="json"))
    hooks().call("zoo_after_export", name=name, path=path, manifest=artifact.manifest)
    return artifact


def _origin(run: Run | None, entry: WeightsEntry | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metrics and the origin of a model: its run, or its published weights."""
    # No path and no date: the same training gives the same bytes.
    if run is not None:
        evaluation = run.metrics
        origin = {key: run.record[key] for key in ("plan", "best_epoch")}
        kept = {"examples", "scores"}
        scores = evaluation.model_dump(mode="json", include=kept) if evaluation else {}
        return scores, origin
    if entry is None:
        return {}, {}
    origin = {"weights": entry.id, "weights_file_sha256": entry.sha256}
    if entry.measured is None:
        return {}, origin
    measured = entry.measured.model_dump(mode="json", include={"examples", "seeds", "split"})
    scores = {name: score.model_dump() for name, score in entry.measured.metrics.items()}
    return {**measured, "scores": scores}, {**origin, "measured_by": entry.measured.command}


def _samples(data: Dataset) -> Arrays:
    """Return a few real examples for the parity check, never from the test split."""
    split = data.split("validation")
    indices = np.linspace(0, len(split) - 1, min(len(split), 64)).astype(int)
    return split.take(np.unique(indices))[0]
