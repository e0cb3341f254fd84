"""Load a run, an artifact or a saved model, and predict with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.predict_fns import (
    keras_predict_fn,
    session_predict_fns,
    signatures,
)
from zoo.errors import ArtifactError, ConfigError, Finding, Incompatible
from zoo.files import exists, is_file, is_folder
from zoo.runtime import Prediction, Session, load as load_artifact
from zoo.runtime.decoding import Generator, text_generation

if TYPE_CHECKING:
    import keras

    from zoo.api.artifacts import Artifact
    from zoo.api.run import Run
    from zoo.spec import PredictFns, SignatureSpec

# An artifact must be quick to load, so what models and runs need is imported in functions.


def load(path: str | Path) -> Run | Session | keras.Model:
    """Load a run or an artifact from its folder, or a model from its ``.keras`` file.

    A ``.keras`` file is opened if ``model.save`` wrote it for a model of :func:`build` or of a run.
    The model is built again and gets the weights, and nothing of the file is executed.

    Raises:
        ArtifactError: If it is none of them.
        Incompatible: If the weights of a file do not fit: layers were added or removed.

    Example:
        >>> zoo.load("exports/cnn/1").predict("seven.png").labels
        ['7']
    """
    folder = Path(path)
    if folder.suffix == ".keras" and not is_folder(folder):
        from zoo.api.keras_files import load_keras_file

        return load_keras_file(folder)
    if is_file(folder / "run.json"):
        from zoo.api.run import Run

        return Run(folder)
    if is_file(folder / "manifest.json"):
        return load_artifact(folder)
    near = _near(folder)
    raise ArtifactError(
        f"{folder} is neither a run nor an artifact",
        why="it has no run.json and no manifest.json"
        if is_folder(folder)
        else "there is no such folder",
        fix=f"did you mean {near}?"
        if near
        else "zoo train NAME makes a run, zoo export RUN an artifact",
    )


def _near(folder: Path) -> Path | None:
    """Return the newest version of an artifact whose name was given, or a run in ``runs``."""
    manifests = folder.glob("*/manifest.json") if is_folder(folder) else ()
    versions = [one for one in manifests if one.parent.name.isdecimal()]
    if versions:
        return max(versions, key=lambda file: int(file.parent.name)).parent
    from zoo.training.run_folder import run_of_that_name

    return run_of_that_name(folder)


def predict(
    target: Run | keras.Model | Artifact | Session | str | Path,
    inputs: Any,
    *,
    signature: str | None = None,
    beams: int = 1,
    prompt: str = "",
    weights: str | Path | None = None,
) -> Prediction:
    """Predict for raw inputs: arrays, records, or files.

    Args:
        target: A run or its folder, a model of :func:`build` or its ``.keras`` file, an artifact
            or its folder; or the name of a model, which is built with trained weights.
        inputs: See :meth:`zoo.runtime.Session.predict`. An artifact needs no Keras.
        signature: The signature to run, e.g. ``encode``; by default the model's first. A model
            that generates text does so unless a signature is named.
        beams: Beam width of text generation.
        prompt: Prompt of text generation, which is not part of the output: the name of one of the
            model's prompts, or a text.
        weights: With the name of a model: its weights, as for :func:`build`; by default those
            published for its default data.

    Returns:
        The outputs, one per input.

    Raises:
        Incompatible: If there is no such signature.
        ConfigError: If ``beams`` is out of range, the model does not take the prompt or generates
            no text, or ``weights`` and the name of a model do not come together.
        DataError: If the inputs do not fit the model.
        ArtifactError: If the target is none of these.

    Example:
        >>> zoo.predict("exports/cnn/1", ["seven.png", "seven.png"]).labels
        ['7', '7']
    """
    predictor = open_predictor(target, weights=weights)
    return predictor.predict(inputs, signature=signature, beams=beams, prompt=prompt)


@dataclass(frozen=True)
class Predictor:
    """A model that is open for predictions.

    Attributes:
        name: Name of the model.
        source: Folder that it was read from; empty for a model in memory.
        license: License of its weights.
        limits: What it cannot do, one sentence each.
        signatures: By name, the specs of each signature: ``inputs`` and ``outputs``. The first is
            the default.
        prompts: Names of the prompts of a model that writes text token by token; ``None`` for any
            other model.
        predict_fns: By name, each signature as a function from named arrays to named arrays.
    """

    name: str
    source: str
    license: str
    limits: tuple[str, ...]
    signatures: Mapping[str, SignatureSpec]
    prompts: tuple[str, ...] | None
    predict_fns: PredictFns = field(repr=False)
    _session: Session | None = field(repr=False)

    def predict(
        self, inputs: Any, *, signature: str | None = None, beams: int = 1, prompt: str = ""
    ) -> Prediction:
        """Predict for raw inputs: see :func:`zoo.predict`."""
        first, *_ = self.signatures
        text = text_generation(self.signatures) if signature is None else None
        if text is not None:
            predict_fns = text.predict_fns(self.predict_fns)
            generator = Generator(predict_fns, self.signatures[text.encode].inputs, text.text)
            return generator.predict(inputs, beams=beams, prompt=prompt)
        _refuse_generation(beams, prompt)
        session = self._session
        if session is not None and signature in (None, session.graph.signature):
            return session.predict(inputs)
        from zoo.runtime.inputs import read_inputs

        name = first if signature is None else signature
        if name not in self.signatures:
            raise Incompatible(
                f"the model has no signature {name!r}",
                why=f"it has: {', '.join(self.signatures)}",
                fix=f"signature={first!r}",
            )
        specs = self.signatures[name].inputs
        read = read_inputs(inputs, specs)
        return Prediction.of(
            self.predict_fns[name](read.arrays), self.signatures[name].outputs, read
        )


def open_predictor(
    target: Run | keras.Model | Artifact | Session | str | Path,
    *,
    weights: str | Path | None = None,
) -> Predictor:
    """Open a model once, for several predictions. Artifacts need no Keras.

    Args:
        target: A run or its folder, a model of :func:`build`, its ``.keras`` file, or the name of
            one with weights, an artifact or its folder.
        weights: As for :func:`predict`.

    Raises:
        RegistryError: If there is no model of that name.
        ConfigError: If ``weights`` and the name of a model do not come together.
        ArtifactError: If a folder is neither a run nor an artifact, or a file is no model of the
            zoo.

    Example:
        >>> model: zoo.Predictor = zoo.open_predictor("exports/cnn/1")
        >>> model.predict("seven.png").labels
        ['7']
        >>> [*model.signatures]
        ['predict']
    """
    source = str(target) if isinstance(target, str | Path) else ""
    model: Any = _loaded(target, weights)
    session = model if isinstance(model, Session) else None
    card: Any
    specs: dict[str, SignatureSpec]
    if session is not None:
        card = session.manifest
        source = source or session.source
        specs = {graph.signature: graph for graph in card.graphs}
        predict_fns = session_predict_fns(session)
    else:
        from zoo.api.model_factory import architecture_of, blueprint_of
        from zoo.api.run import Run

        if isinstance(model, Run):
            source, model = source or str(model.path), model.model
        card = architecture_of(blueprint_of(model)).info
        graphs = signatures(model)
        specs = {graph.name: graph for graph in graphs}
        predict_fns = {graph.name: keras_predict_fn(graph) for graph in graphs}
    text = text_generation(specs)
    prompts = None if text is None else tuple(name for name, _ in text.text.prompts)
    return Predictor(
        card.name, source, card.license, tuple(card.limits), specs, prompts, predict_fns, session
    )


def _refuse_generation(beams: int, prompt: str) -> None:
    """Refuse options of text generation."""
    findings = []
    if beams != 1:
        findings.append(Finding("beams", beams, "1: no text is generated"))
    if prompt:
        findings.append(Finding("prompt", prompt, "none: no text is generated"))
    if findings:
        raise ConfigError("the model cannot be called like this", findings=findings)


def _loaded(
    target: Run | keras.Model | Artifact | Session | str | Path, weights: str | Path | None
) -> Run | keras.Model | Session:
    """Load a path, build a model by its name, or return the target itself."""
    if isinstance(target, str) and is_name(target):
        from zoo.api.model_factory import build, default_weights

        return build(target, weights=default_weights(target) if weights is None else weights)
    if weights is not None:
        wrong = Finding("weights", str(weights), "none: they belong to the name of a model")
        raise ConfigError("the model cannot be called like this", findings=[wrong])
    if isinstance(target, str | Path):
        return load(target)
    from zoo.api.artifacts import Artifact

    return target.load() if isinstance(target, Artifact) else target


def is_name(target: str | Path) -> bool:
    """Return whether a target was written as the name of a model, and not as a path."""
    # pathlib drops the dot of ./name, which means that path, and not a model.
    if isinstance(target, Path) or target in (os.curdir, os.pardir) or exists(target):
        return False
    if target.endswith(".keras"):
        return False
    return not any(separator in target for separator in (os.sep, os.altsep) if separator)
