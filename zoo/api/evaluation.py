"""Evaluate a model, and write the report of a run."""

from __future__ import annotations

import contextlib
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.api.catalog import registry
from zoo.api.datasets import DataSource, dataset, open_dataset
from zoo.api.model_factory import architecture_of, blueprint_of
from zoo.api.prediction import load, open_predictor
from zoo.api.run import Run
from zoo.architecture import Blueprint
from zoo.config import validate
from zoo.errors import ConfigError, DataError, ZooError, ZooWarning
from zoo.files import atomic_write
from zoo.metrics import Evaluation
from zoo.metrics.figures import dump_figures
from zoo.runtime import Session
from zoo.spec import Dataset, DataSpec, Split
from zoo.training.run_folder import FIGURES, RunFolder

if TYPE_CHECKING:
    import keras


def evaluate(
    target: Run | keras.Model | Session | str | Path,
    data: DataSource = None,
    *,
    split: Literal["test", "validation", "train"] = "test",
) -> Evaluation:
    """Evaluate a model on a split, each example counted once.

    For the test split of a run, the scores are also written to its ``metrics.json``, with the
    figures and the worst examples that the report shows.

    Args:
        target: A run or its folder, a model of :func:`build`, an artifact or its folder.
        data: Other data with the same inputs and classes, or the new path of the same data; by
            default what the model was made for. Texts are encoded with the model's vocabulary; a
            path is read with the options of the run.
        split: The split to evaluate on. Of other data that came without a test split, such as a
            table, a folder or arrays, every example is measured.

    Returns:
        The scores, with 95 % intervals and the scores of simple baselines.

    Raises:
        DataError: If the data does not fit the model, or has changed since the run.
        ArtifactError: If the target is none of these.

    Example:
        >>> zoo.evaluate("runs/mlp_classifier-1").scores["accuracy"].low > 0.5
        True
    """
    if isinstance(target, str | Path):
        target = load(target)
    run = target if isinstance(target, Run) else None
    blueprint = _blueprint(target)
    spec = blueprint.data
    if run is not None:
        trained_on = str(run.record["data"]["fingerprint"])
    else:
        trained_on = target.manifest.data_fingerprint if isinstance(target, Session) else ""
    source = _measured_dataset(data, spec, run, trained_on)
    part = source.split(split)
    evaluation = architecture_of(blueprint).evaluate(
        open_predictor(target).predict_fns,
        part,
        spec,
        config=blueprint.config,
        reference=source.split("train"),
    )
    if run is not None and split == "test" and source.fingerprint == trained_on:
        _save(run.path, evaluation, part)
    return evaluation


def write_report(run_dir: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of a run: one HTML file that needs nothing beside it.

    Args:
        run_dir: The run's folder.
        out: The file to write; by default ``report.html`` in the run's folder.

    Returns:
        The file that was written.

    Raises:
        MissingExtra: If jinja2 or matplotlib is not installed.
        TrainError: If the folder holds no readable ``run.json``.
        StorageError: If the file cannot be written; an old one is untouched.
    """
    from zoo.report import write_run_report

    # A plugin describes its own scores when it is loaded. Without it their names must do.
    with contextlib.suppress(ZooError, KeyError, TypeError):
        made_by = RunFolder(Path(run_dir)).read_record()["architecture"]
        registry().recall(made_by["name"], made_by["distribution"])
    return write_run_report(Path(run_dir), None if out is None else Path(out))


def _blueprint(target: Run | keras.Model | Session) -> Blueprint:
    """Return the architecture, configuration and data of a model in any form."""
    if isinstance(target, Run):
        return target.blueprint
    if not isinstance(target, Session):
        return blueprint_of(target)
    manifest = target.manifest
    kind = registry().recall(manifest.architecture).Config
    config = validate(kind, manifest.config, what=f"the configuration in {target.source}")
    return Blueprint(manifest.architecture, config, manifest.data, "")


def matching_dataset(data: DataSource, spec: DataSpec, run: Run | None = None) -> Dataset:
    """Open data for a model, with its texts encoded by the model's vocabulary.

    Args:
        data: The data; ``None`` for what the model was made for.
        spec: The spec of the data that the model was made for.
        run: The run of the model, whose options data of the same kind is read with.

    Raises:
        DataError: If it cannot be opened, or does not fit the model.
    """
    if data is None:
        found = run.dataset() if run else dataset(spec.id)
    else:
        found = open_dataset(data) if run is None else run.other_dataset(data)
    encode = getattr(found, "encoded_by", None)
    if encode is not None:
        found = encode(spec)
    _check_fit(spec, found.spec)
    return found


def _measured_dataset(
    data: DataSource, spec: DataSpec, run: Run | None, trained_on: str
) -> Dataset:
    """Open the data that a model is measured on.

    The data that the model was trained on has its splits, and so has data that came with a test
    split. Of anything else no example was trained on, and all of them are every split.

    Args:
        data: The data; ``None`` for what the model was made for.
        spec: The spec of the data that the model was made for.
        run: The run of the model.
        trained_on: Fingerprint of the data that the model was trained on; empty if it is not
            known: then data of the same spec counts as the same.
    """
    from zoo.data.dataset import Dataset as Examples
    from zoo.data.mapped import Concatenation
    from zoo.data.memory import whole_split
    from zoo.data.splits import SPLITS

    failure: ZooError | None = None
    try:
        found = matching_dataset(data, spec, run)
    except (ConfigError, DataError) as error:
        failure = error
    else:
        same = found.fingerprint == trained_on if trained_on else found.spec == spec
        # A path is opened with the run's options: a test file among them is that of the run.
        borrowed = isinstance(data, str | Path) and getattr(found, "options", {}).get("test")
        if data is None or same or not (getattr(found, "drawn", False) or borrowed):
            return found
    given: dict[str, Any] = {"options": {}, "source": ""} if run is None else run.record["data"]
    test: Split | None = whole_split(data, spec, given["options"], given["source"])
    if test is None:
        if failure is not None:
            raise failure
        test = Concatenation([found.split(name) for name in SPLITS])
    train = test
    if run is not None:
        # Simple rivals learn from what the model has learned from.
        with contextlib.suppress(ZooError):
            train = run.dataset().split("train")
    return Examples(spec, lambda: {"train": train, "validation": test, "test": test})


def _check_fit(model: DataSpec, data: DataSpec) -> None:
    """Refuse data whose inputs or targets are not those of the model."""
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
        for one, two in zip(mine, theirs, strict=True):
            if one.is_image and one.outside != two.outside:
                warnings.warn(
                    f"the images of {data.id} are resized in another way than those that "
                    f"the model was made for: {two.outside or 'stretched'!r} instead of "
                    f"{one.outside or 'stretched'!r}. The data option image_fit says how",
                    ZooWarning,
                    stacklevel=3,
                )
            for what in ("text", "columns"):
                if getattr(one, what) != getattr(two, what):
                    words = {"text": "vocabulary", "columns": "columns or categories"}[what]
                    raise DataError(
                        f"the {words} of {one.name!r} in {data.id} are not the model's",
                        why="tokens and categories are encoded as numbers, which would mean others",
                        fix="zoo predict takes raw texts and records",
                    )


def _save(folder: Path, evaluation: Evaluation, part: Split) -> None:
    """Write an evaluation on the test split into the folder of its run."""
    if not os.access(folder, os.W_OK):
        warnings.warn(
            f"{folder} cannot be written: the evaluation is not saved there", ZooWarning, 3
        )
        return
    # Not by write_json, which sorts: the first score is the headline.
    atomic_write(folder / "metrics.json", evaluation.model_dump_json(indent=2).encode())
    _save_mistakes(folder / "mistakes.npz", evaluation, part)
    _save_figures(folder / FIGURES, evaluation)


def _save_figures(path: Path, evaluation: Evaluation) -> None:
    if evaluation.figures:
        atomic_write(path, dump_figures(evaluation.figures))
    else:
        path.unlink(missing_ok=True)


def _save_mistakes(path: Path, evaluation: Evaluation, split: Split) -> None:
    worst = evaluation.tables.worst if evaluation.tables else ()
    if not worst:
        path.unlink(missing_ok=True)
        return
    inputs, _ = split.take(np.array([mistake.index for mistake in worst]))
    image = inputs.get("image")
    if image is not None:
        atomic_write(path, lambda stream: np.savez_compressed(stream, image=image))
