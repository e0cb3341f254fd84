"""Measure a model and ask it, whatever form it has: a run, a Keras model, an artifact."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.api.catalog import registry
from zoo.api.datasets import dataset
from zoo.api.model_factory import DataSource, architecture_of, blueprint_on
from zoo.api.models import build, own_weights
from zoo.api.predict_fns import another_session, keras_predict_fn, session_predict_fn
from zoo.api.run import Run
from zoo.architecture import Architecture, Blueprint, Signature
from zoo.config import ModelConfig, validate
from zoo.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    Finding,
    Incompatible,
    ZooWarning,
)
from zoo.files import atomic_write, exists, is_file, is_folder
from zoo.metrics import Evaluation
from zoo.metrics.figures import dump_figures
from zoo.runtime import (
    Prediction,
    Session,
    load as load_artifact,
)
from zoo.runtime.decoding import Generator, generated_text
from zoo.spec import Dataset, DataSpec, PredictFns, Split
from zoo.training.run_folder import FIGURES

if TYPE_CHECKING:
    import keras


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
    if is_file(folder / "run.json"):
        return Run(folder)
    if is_file(folder / "manifest.json"):
        return load_artifact(folder)
    raise ArtifactError(
        f"{folder} is neither a run nor an artifact",
        why="it has no run.json and no manifest.json"
        if is_folder(folder)
        else "there is no such folder",
        fix="zoo train NAME makes a run, zoo export RUN an artifact",
    )


@dataclass(frozen=True)
class _Subject:
    """Something that can be asked: named inputs to named outputs, and what it was made for."""

    architecture: Architecture[Any]
    data: DataSpec
    predict_fns: PredictFns
    config: ModelConfig
    run: Run | None = None

    def dataset(self, data: DataSource) -> Dataset:
        if isinstance(data, str | Path):
            return self.run.other_dataset(data) if self.run else dataset(data)
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

    Of a run, the test split's figures are also written to its ``metrics.json``, with what the
    report shows beside them.

    Args:
        target: A run or its folder, a model of :func:`build`, an artifact or its folder.
        data: Other data with the same inputs and classes, or where the same data lies now; by
            default what it was made for. Texts are read by the model's own vocabulary; a path is
            read with the options of the run.
        split: Which part of the data.

    Raises:
        DataError: If the data does not fit the model, or has changed since the run.
        ArtifactError: If the target is none of these.

    Example:
        >>> zoo.evaluate("runs/cnn-1").scores["accuracy"].low
    """
    subject = _subject(target)
    source = in_words_of(subject.data, subject.dataset(data))
    check_fit(subject.data, source.spec)
    part = source.split(split)
    evaluation = subject.architecture.evaluate(
        subject.predict_fns,
        part,
        subject.data,
        config=subject.config,
        reference=source.split("train"),
    )
    if subject.run is not None and split == "test" and (data is None or subject.run.is_own(source)):
        _keep(subject.run.path, evaluation, part)
    return evaluation


def predict(
    target: Run | keras.Model | Session | str | Path,
    inputs: Any,
    *,
    signature: str | None = None,
    beams: int = 1,
    prompt: str = "",
    weights: str | Path | None = None,
) -> Prediction:
    """Answer for raw inputs: arrays, records, or files.

    Args:
        target: A run or its folder, a model of :func:`build`, an artifact or its folder; or the
            name of a model, which answers with trained weights.
        inputs: See :meth:`zoo.runtime.Session.predict`. An artifact answers without keras.
        signature: What to ask, e.g. ``encode``; by default the first thing that it answers. A
            model that writes texts writes one for each input, unless a signature is named.
        beams: Of a model that writes: how many beginnings of a text its search keeps.
        prompt: Of a model that writes: what its text begins with, which is not in the answer. The
            name of one of its prompts, or words.
        weights: With the name of a model: which weights, as :func:`build` takes them; by default
            the first that the zoo has of it.

    Raises:
        Incompatible: If there is no such signature.
        ConfigError: If there are fewer beams than one, or too many, if the model cannot begin with
            the prompt, if there are such options and nothing is written, or weights and no
            name, or a name without weights.
        DataError: If the inputs do not fit the model.
        ArtifactError: If the target is none of these.

    Example:
        >>> zoo.predict("exports/cnn/1", ["seven.png", "nine.png"]).labels
        ['7', '9']
    """
    target = opened(target, weights=weights)
    if isinstance(target, Session):
        graphs = target.manifest.graphs
        text = generated_text({graph.signature: (graph.inputs, graph.outputs) for graph in graphs})
        if signature is None and text is not None:
            writer = Generator(_sessions(target), graphs[0].inputs, text)
            return writer.predict(inputs, beams=beams, prompt=prompt)
        _nothing_is_written(beams, prompt)
        return another_session(target, signature).predict(inputs)
    from zoo.runtime.inputs import encode
    from zoo.runtime.series import forecast_dates

    model = target.model if isinstance(target, Run) else target
    found = signatures(model)
    text = generated_text({graph.name: (graph.inputs, graph.outputs) for graph in found})
    if signature is None and text is not None:
        asked_by = {graph.name: keras_predict_fn(graph) for graph in found}
        writer = Generator(asked_by, found[0].inputs, text)
        return writer.predict(inputs, beams=beams, prompt=prompt)
    _nothing_is_written(beams, prompt)
    asked = _choose(found, signature)
    outputs = keras_predict_fn(asked)(encode(inputs, asked.inputs))
    return Prediction(outputs, asked.outputs, forecast_dates(inputs, asked.inputs))


def _nothing_is_written(beams: int, prompt: str) -> None:
    """Refuse options of a text where a model is asked that writes none."""
    findings = []
    if beams != 1:
        findings.append(Finding("beams", beams, "1: nothing is written here"))
    if prompt:
        findings.append(Finding("prompt", prompt, "none: nothing is written here"))
    if findings:
        raise ConfigError("the model cannot be asked like this", findings=findings)


def opened(
    target: Run | keras.Model | Session | str | Path, *, weights: str | Path | None = None
) -> Run | keras.Model | Session:
    """Return what a folder holds, what a name stands for, or the target itself.

    Raises:
        ConfigError: If there are weights and no name, or a name without weights.
        RegistryError: If there is no model of that name.
        ArtifactError: If a folder is neither a run nor an artifact.
    """
    if isinstance(target, str) and is_name(target):
        named, _ = registry().weights_of(target)
        if weights is None and not named:
            weights = own_weights(target)
        return build(target, weights=weights)
    if weights is not None:
        wrong = Finding("weights", str(weights), "none: they go with the name of a model")
        raise ConfigError("the model cannot be asked like this", findings=[wrong])
    return load(target) if isinstance(target, str | Path) else target


def is_name(target: str) -> bool:
    """Return whether something is the name of a model, and no folder."""
    return not is_path(target) and not exists(target)


def is_path(target: str | Path) -> bool:
    """Return whether something was written as a path, and not as a name."""
    written = os.fspath(target)
    # pathlib forgets the dot of ./name, which says that no model of that name is meant.
    separated = os.sep in written or (os.altsep is not None and os.altsep in written)
    return isinstance(target, Path) or separated or written in (os.curdir, os.pardir)


def _subject(target: Run | keras.Model | Session | str | Path) -> _Subject:
    if isinstance(target, str | Path):
        target = load(target)
    if isinstance(target, Session):
        manifest = target.manifest
        architecture = registry().recall(manifest.architecture)
        opened = {
            graph.signature: session_predict_fn(target, graph.signature)
            for graph in manifest.graphs
        }
        config = validate(
            architecture.Config, manifest.config, what=f"the configuration in {target.source}"
        )
        return _Subject(architecture, manifest.data, opened, config)
    run = target if isinstance(target, Run) else None
    model = run.model if run else target
    blueprint: Blueprint = blueprint_on(model)
    predict_fns = {asked.name: keras_predict_fn(asked) for asked in signatures(model)}
    architecture = architecture_of(blueprint)
    return _Subject(architecture, blueprint.data, predict_fns, blueprint.config, run)


def _sessions(session: Session) -> PredictFns:
    """Return every graph of an artifact; each is opened when it is first asked."""
    names = [graph.signature for graph in session.manifest.graphs]
    return {name: session_predict_fn(session, name) for name in names}


def _choose(found: Sequence[Signature], name: str | None) -> Signature:
    if name is None:
        return found[0]
    for signature in found:
        if signature.name == name:
            return signature
    raise Incompatible(
        f"the model has no signature {name!r}",
        why=f"it has: {', '.join(signature.name for signature in found)}",
        fix=f"ask for {found[0].name!r}",
    )


def signatures(model: keras.Model) -> Sequence[Signature]:
    """Return what a model of the zoo is asked once it is exported."""
    blueprint = blueprint_on(model)
    architecture = architecture_of(blueprint)
    return architecture.signatures(model, blueprint.config, blueprint.data)


def in_words_of(model: DataSpec, data: Dataset) -> Dataset:
    """Return texts as ids of the vocabulary that a model has learned with; other data as it is."""
    again = getattr(data, "encoded_by", None)
    return again(model) if again is not None else data


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
        for one, two in zip(mine, theirs, strict=True):
            if one.is_image and one.outside != two.outside:
                warnings.warn(
                    f"the pictures of {data.id} come to their size in another way than those that "
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
                        why="numbers stand for pieces of text and for categories, and here they "
                        "would stand for others",
                        fix="zoo predict answers for texts and records by the model's own words",
                    )


def _keep(folder: Path, evaluation: Evaluation, part: Split) -> None:
    """Write what was measured on the test split into the folder of its run."""
    if not os.access(folder, os.W_OK):
        warnings.warn(
            f"{folder} cannot be written: what was measured is not kept there", ZooWarning, 3
        )
        return
    # Not by write_json, which sorts: the first score is the one that stands for all.
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


__all__ = [
    "check_fit",
    "evaluate",
    "in_words_of",
    "is_name",
    "is_path",
    "load",
    "opened",
    "predict",
    "signatures",
]
