"""Build a model by name, with or without trained weights."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.blueprints import DataSource, data_of, load_weights, needs_keras, prepare
from zoo.api.catalog import registry
from zoo.api.run import Run
from zoo.config import ModelConfig, validate
from zoo.errors import ConfigError, Finding, Tampered
from zoo.files import is_file, sha256_file
from zoo.registry import WeightsEntry
from zoo.spec import DataSpec

if TYPE_CHECKING:
    import keras


def build(
    name: str,
    weights: str | Path | None = None,
    data: DataSource = None,
    **config: Any,
) -> keras.Model:
    """Return an ordinary compiled Keras model.

    Args:
        name: A model of :func:`list_models`.
        weights: What it was trained on (``"digits"``: see :func:`info`), the folder of a run, or
            a ``.weights.h5`` or ``.keras`` file, or what others have published, where the
            architecture knows it by name; ``None`` for fresh random weights.
        data: What the model is made for: a dataset, its id, a path, or a ``DataSpec``. Sizes,
            channels and classes come from it. By default the model's own, or the one that the
            weights were trained on.
        **config: Fields of the configuration; those of nested groups as a mapping or dotted in
            ``**{"optimizer.learning_rate": 0.01}``.

    Raises:
        RegistryError: If there is no such model, or its plugin is broken.
        ConfigError: If a field is wrong.
        Incompatible: If the weights do not fit.
        MissingExtra: If keras is not installed.

    Example:
        >>> model = zoo.build("cnn", weights="mnist")
        >>> model.predict(images)
    """
    architecture = registry().get(name)
    entry = published(architecture.info.name, weights)
    if isinstance(weights, str | Path) and is_file(Path(weights) / "run.json"):
        run = Run(Path(weights))
        base: ModelConfig | None = (
            run.config if run.architecture == architecture.info.name else None
        )
        source: DataSource = run.data_spec if data is None else data
        file = run.folder.model_file
    elif entry is not None:
        base = validate(architecture.Config, entry.config, what=f"weights {entry.id!r}")
        source = _published_data(entry) if data is None else data
        file = _published_file(architecture.info.name, entry)
    else:
        foreign = None
        if weights is not None and not is_file(weights):
            foreign = architecture.elsewhere(str(weights))
        if foreign is not None:
            base, source = foreign[0], foreign[1] if data is None else data
            weights, file = None, Path()
        else:
            base, source = None, data
            file = _own_file(weights, of=name) if weights is not None else Path()
    needs_keras(f"building {name}")
    plan = prepare(name, data_of(source, architecture.default_dataset), config, base)
    model = plan.build()
    if weights is not None:
        load_weights(model, file, of=name)
    else:
        architecture.initialise(model)
    return model


def _own_file(weights: str | Path, *, of: str) -> Path:
    """Return a file of the user's.

    Raises:
        ConfigError: If there is no such file, and no published weights of that name.
    """
    file = Path(weights)
    if not is_file(file):
        known = [entry.id for entry in _entries(of)]
        raise ConfigError(
            f"{of} has no weights {str(file)!r}",
            findings=[
                Finding("weights", str(file), f"one of {', '.join(known) or '(none)'}, or a file")
            ],
            fix=f"zoo info {of}",
        )
    return file


def _entries(name: str) -> tuple[WeightsEntry, ...]:
    entry = registry().catalogue.get(name.rpartition(":")[2])
    return entry.weights if entry else ()


def published(name: str, weights: str | Path | None) -> WeightsEntry | None:
    """Return what the catalogue says of trained weights, or ``None`` if it has none of that id."""
    return next((entry for entry in _entries(name) if entry.id == str(weights)), None)


def own_weights(name: str) -> str:
    """Return the id of the first trained weights that the catalogue has of a model.

    Raises:
        RegistryError: If there is no such model.
        ConfigError: If it has none.
    """
    known = registry().get(name).info.name
    found = _entries(known)
    if not found:
        raise ConfigError(
            f"{name} comes without trained weights",
            findings=[Finding("weights", None, "a run, or a file of weights")],
            fix=f"zoo train {name}",
        )
    return found[0].id


def _published_file(of: str, entry: WeightsEntry) -> Path:
    """Return the checked file of published weights: inside a package, or downloaded.

    Raises:
        Tampered: If a packaged file is not the catalogued one.
    """
    if entry.file is None:
        from zoo.data import Remote, fetch

        name = f"{of}-{entry.id}.weights.h5"
        return fetch(Remote(name=name, urls=entry.urls, size=entry.bytes, sha256=entry.sha256))
    return _packaged(entry.file, entry.sha256)


def _published_data(entry: WeightsEntry) -> DataSource:
    """Return what published weights were trained on: its name, or the spec kept beside them."""
    if entry.spec is None:
        return entry.trained_on
    path = _packaged(entry.spec, entry.spec_sha256)
    return DataSpec.model_validate_json(path.read_bytes())


def _packaged(file: str, sha256: str | None) -> Path:
    """Return a catalogued file inside a package.

    Raises:
        Tampered: If it is not the catalogued one.
    """
    package, _, inside = file.partition("/")
    path = Path(str(importlib.resources.files(package).joinpath(inside)))
    if not path.is_file() or sha256_file(path) != sha256:
        raise Tampered(
            f"{path} is not the file that the catalogue describes",
            why=f"its SHA-256 is not {str(sha256)[:16]}…, or it is missing",
            fix="pip install --force-reinstall neural-zoo",
        )
    return path


__all__ = ["build", "own_weights", "published"]
