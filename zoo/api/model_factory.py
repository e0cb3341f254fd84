"""Build models by name, with or without trained weights."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from zoo.api.catalog import registry
from zoo.api.datasets import DataSource, dataset_spec, shaped_spec
from zoo.architecture import Architecture, Blueprint
from zoo.config import BaseConfig, configure, validate
from zoo.errors import (
    ArtifactError,
    ConfigError,
    Finding,
    Incompatible,
    MissingExtra,
    PluginBroken,
    Tampered,
)
from zoo.files import is_file, sha256_file
from zoo.spec import DataSpec

if TYPE_CHECKING:
    import keras

    from zoo.registry.catalog import WeightsEntry

_LOAD_ERRORS = (ValueError, OSError, KeyError, TypeError, RuntimeError, UserWarning, BadZipFile)
"""Errors of keras and h5py for a file that is damaged, or of another model."""

BLUEPRINT_FILE = "blueprint.json"
"""Name of the blueprint among the assets of a ``.keras`` file."""


def build(
    name: str,
    weights: str | Path | None = None,
    data: DataSource = None,
    *,
    input_shape: Sequence[int] | None = None,
    classes: int | Sequence[str] | None = None,
    **config: Any,
) -> keras.Model:
    """Build an ordinary compiled Keras model.

    Args:
        name: A model of :func:`list_models`.
        weights: Trained weights: the id of published weights (``"digits"``: see :func:`info`), the
            folder of a run, a ``.weights.h5`` or ``.keras`` file, or a name that the architecture
            resolves itself; ``None`` for random initialization.
        data: What the model is made for: a dataset, its id, a path, or a ``DataSpec``. Sizes,
            channels and classes come from it. By default the model's own dataset, or the one that
            the weights were trained on.
        input_shape: In place of data: the shape of an image ``(height, width, channels)``, or the
            number of columns ``(columns,)``.
        classes: With ``input_shape``: the number of classes, or their names; ``None`` for a
            measurement, or for a model without a target.
        **config: Fields of the configuration; nested fields as a mapping, or dotted in
            ``**{"optimizer.learning_rate": 0.01}``.

    Raises:
        RegistryError: If there is no such model, or its plugin is broken.
        ConfigError: If a field is wrong.
        Incompatible: If the weights do not fit.
        MissingExtra: If keras is not installed.

    Example:
        >>> model = zoo.build("cnn", weights="digits")
        >>> model.count_params()
        66218
        >>> zoo.build("cnn", input_shape=(32, 32, 3), classes=5).output_shape
        (None, 5)
    """
    architecture = registry().get(name)
    found = _find_weights(name, architecture, weights)
    needs_keras(f"building {name}")
    source = found.data if data is None else data
    if input_shape is not None:
        if source is not None:
            wrong = Finding("input_shape", list(input_shape), "left out, or no data and no weights")
            raise ConfigError("the data says already what shape it has", findings=[wrong])
        source = shaped_spec(input_shape, classes)
    elif classes is not None:
        config["classes"] = classes  # a field of some models
    spec = dataset_spec(architecture.default_dataset if source is None else source)
    model = build_model(architecture, make_blueprint(name, spec, config, found.config))
    if found.file is None:
        architecture.load_pretrained(model)
    else:
        load_weights(model, found.file, of=name)
    return model


@dataclass(frozen=True)
class _Weights:
    """Trained weights, with the configuration and the data that they were trained with.

    Without a file the architecture loads them itself, if there are any.
    """

    config: BaseConfig | None = None
    data: DataSource = None
    file: Path | None = None


def _find_weights(
    name: str, architecture: Architecture[Any], weights: str | Path | None
) -> _Weights:
    """Find the weights that a name (``cnn:mnist``) or the caller asks for.

    Raises:
        ConfigError: If both ask, or there are none of that name.
        Tampered: If a published file is not the cataloged one.
    """
    found = registry().resolve(name)
    named, catalog = found.weights, found.entry
    if named and weights is not None:
        raise ConfigError(
            f"{name} already names its weights",
            findings=[Finding("weights", str(weights), "left out, or a name without weights")],
            fix=f"zoo info {name.removesuffix(f':{named}')}",
        )
    if not named and weights is None:
        return _Weights()
    identity = architecture.info.identity
    wanted = named or str(weights)
    if not named and is_file(Path(wanted) / "run.json"):
        from zoo.api.run import Run

        run = Run(Path(wanted))
        own = run.config if run.architecture == identity else None
        return _Weights(own, run.data_spec, run.folder.model_file)
    known = catalog.weights if catalog else ()
    for entry in known:
        if entry.id == wanted:
            base = validate(architecture.Config, entry.config, what=f"weights {wanted!r}")
            return _Weights(base, _published_data(entry), _published_file(identity, entry))
    if not named and is_file(wanted):
        return _Weights(file=Path(wanted))
    resolved = architecture.resolve_pretrained(wanted)
    if resolved is not None:
        return _Weights(*resolved)
    from zoo.api.model_info import no_such_weights

    model, more = (name.removesuffix(f":{named}"), "") if named else (name, ", or a file")
    raise no_such_weights(model, wanted, [entry.id for entry in known], more=more)


def refuse_weights(name: str) -> None:
    """Refuse a name with weights (``cnn:mnist``) where training starts from random ones.

    Raises:
        ConfigError: If it has weights.
    """
    named = registry().resolve(name).weights
    if named:
        model = name.removesuffix(f":{named}")
        raise ConfigError(
            "training starts from random weights",
            findings=[Finding("name", name, f"a model without weights: {model}")],
            fix=f"zoo train {model}",
        )


def published_weights(name: str, weights: str | Path | None) -> WeightsEntry | None:
    """Return the catalog's entry of a model's weights, or ``None`` if it has none of that id.

    The name may have the weights in it: ``cnn:mnist``.
    """
    found = registry().resolve(name)
    wanted = found.weights or str(weights)
    entries = found.entry.weights if found.entry else ()
    return next((entry for entry in entries if entry.id == wanted), None)


def default_weights(name: str) -> str | None:
    """Return the id of the weights that a model's name stands for.

    They are those for its default dataset, or else the first that are published; ``None`` if the
    name says which (``cnn:mnist``).

    Raises:
        RegistryError: If there is no such model.
        ConfigError: If it has no published weights.
    """
    found = registry().resolve(name)
    if found.weights:
        return None
    known = [entry.id for entry in found.entry.weights] if found.entry else []
    if not known:
        raise ConfigError(
            f"{name} has no published weights",
            findings=[Finding("weights", None, "a run, or a file of weights")],
            fix=f"zoo train {name}",
        )
    default = registry().get(name).default_dataset
    return default if default in known else known[0]


def _published_file(of: str, entry: WeightsEntry) -> Path:
    """Return the checked file of published weights: inside a package, or downloaded."""
    if entry.file is None:
        from zoo.data import Remote, fetch

        name = f"{of}-{entry.id}.weights.h5"
        return fetch(Remote(name=name, urls=entry.urls, size=entry.bytes, sha256=entry.sha256))
    return _packaged(entry.file, entry.sha256)


def _published_data(entry: WeightsEntry) -> DataSource:
    """Return the data that weights were trained on: its name, or the spec kept beside them."""
    if entry.spec is None:
        return entry.trained_on
    path = _packaged(entry.spec, entry.spec_sha256)
    return DataSpec.model_validate_json(path.read_bytes())


def _packaged(file: str, sha256: str | None) -> Path:
    """Return a cataloged file inside a package.

    Raises:
        Tampered: If it is not the cataloged one.
    """
    import importlib.resources

    package, _, inside = file.partition("/")
    path = Path(str(importlib.resources.files(package).joinpath(inside)))
    if not path.is_file() or sha256_file(path) != sha256:
        raise Tampered(
            f"{path} is not the file that the catalog describes",
            why=f"its SHA-256 is not {str(sha256)[:16]}…, or it is missing",
            fix="pip install --force-reinstall neural-zoo",
        )
    return path


def needs_keras(action: str) -> None:
    """Raise :class:`MissingExtra` if keras or tensorflow is not installed."""
    for package in ("keras", "tensorflow"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(action, "keras", package)


def build_model(architecture: Architecture[Any], blueprint: Blueprint) -> keras.Model:
    """Build the model of a blueprint, and attach the blueprint to it.

    Raises:
        ConfigError: If the architecture is not written for the running Keras backend.
        PluginBroken: If it returns anything but a model with named inputs.
    """
    _check_backend(architecture)
    model = architecture.build(blueprint.config, blueprint.data)
    _check_model(architecture, model)
    model.blueprint = blueprint
    _save_with_blueprint(model, blueprint)
    return model


def _save_with_blueprint(model: keras.Model, blueprint: Blueprint) -> None:
    """Let ``model.save`` store the blueprint among the assets, which Keras does not read itself."""
    own = getattr(model, "save_assets", None)

    def save_assets(folder: str) -> None:
        if own is not None:
            own(folder)
        record = {
            "architecture": blueprint.architecture,
            "distribution": blueprint.distribution,
            "config": blueprint.config.model_dump(mode="json"),
            "data": blueprint.data.model_dump(mode="json"),
        }
        text = json.dumps(record, ensure_ascii=False)
        Path(folder, BLUEPRINT_FILE).write_text(text, encoding="utf-8")

    model.save_assets = save_assets


def _check_backend(architecture: Architecture[Any]) -> None:
    import keras

    running, written = keras.backend.backend(), architecture.info.backends
    if written and running not in written:
        raise ConfigError(
            f"{architecture.info.name} does not run on Keras's backend {running!r}",
            why=f"it is written for {' and '.join(written)}",
            fix=f"KERAS_BACKEND={written[0]} zoo build {architecture.info.name}",
        )


def _check_model(architecture: Architecture[Any], model: Any) -> None:
    """Refuse a model without inputs of its own: a subclass is one that Keras has not seen called.

    A class derived from ``keras.Model`` is a model with inputs if it is made from them:
    ``MyModel(inputs, outputs)``.
    """
    import keras

    if isinstance(model, keras.Model) and getattr(model, "inputs", None):
        return
    raise PluginBroken(
        f"{architecture.info.name}.build returns no model with named inputs",
        why="a run and an artifact need them, and a subclass of keras.Model has none unless it is "
        f"made of inputs and outputs. Received: {type(model).__name__}",
        fix="return keras.Model(inputs, outputs), or a subclass that is made like this",
    )


def make_blueprint(
    name: str, data: DataSpec, overrides: Mapping[str, Any], base: BaseConfig | None = None
) -> Blueprint:
    """Complete a configuration: the default for the data, then the caller's overrides."""
    architecture = registry().get(name)
    start = architecture.default_config(data).config if base is None else base
    config = configure(
        start, overrides, what=f"{architecture.info.name} config", fix=f"zoo info {name}"
    )
    return Blueprint(
        architecture.info.identity, config, data, registry().resolve(name).distribution
    )


def architecture_of(blueprint: Blueprint) -> Architecture[Any]:
    """Return the architecture of a model: the same version, of the same distribution.

    Raises:
        RegistryError: If it is no longer there.
    """
    return registry().recall(blueprint.architecture, blueprint.distribution)


def blueprint_of(model: Any) -> Blueprint:
    """Return the blueprint that ``zoo.build`` attached to a model.

    Raises:
        ArtifactError: If the model did not come from the zoo.
    """
    blueprint = getattr(model, "blueprint", None)
    if not isinstance(blueprint, Blueprint):
        raise ArtifactError(
            "this model does not say where it came from",
            why=f"expected one from zoo.build or zoo.load. Received: {model!r:.200}",
            fix="model = zoo.build(NAME, ...); model.set_weights(yours.get_weights())",
        )
    return blueprint


def load_weights(model: keras.Model, file: Path, *, of: str) -> None:
    """Load the weights of a file into a model, executing nothing of it.

    Raises:
        Incompatible: If the file cannot be read, or does not fit the model.
    """
    import warnings

    try:
        with warnings.catch_warnings():
            # The optimizer's state of a run is in its checkpoints.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            # Keras would ignore layers that the file lacks.
            warnings.filterwarnings("error", "Skipping nested container")
            model.load_weights(file)
    except _LOAD_ERRORS as error:
        raise Incompatible(
            f"the weights in {file} do not fit this model",
            why=" ".join(str(error).split())[:400],
            fix=f"build {of} with the configuration and the data that they were trained with",
        ) from error
