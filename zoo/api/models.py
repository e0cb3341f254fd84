"""Build a model by name, with or without trained weights."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.catalog import no_such_weights, registry
from zoo.api.model_factory import DataSource, data_of, load_weights, needs_keras, prepare
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
    given, weights = weights, _chosen_weights(name, weights)
    by_name = given is None and weights is not None
    entry = published(name, weights)
    if not by_name and weights is not None and is_file(Path(weights) / "run.json"):
        run = Run(Path(weights))
        base: ModelConfig | None = (
            run.config if run.architecture == architecture.info.identity else None
        )
        source: DataSource = run.data_spec if data is None else data
        file = run.folder.model_file
    elif entry is not None:
        base = validate(architecture.Config, entry.config, what=f"weights {entry.id!r}")
        source = _published_data(entry) if data is None else data
        file = _published_file(architecture.info.identity, entry)
    else:
        foreign = None
        if weights is not None and (by_name or not is_file(weights)):
            foreign = architecture.resolve_pretrained(str(weights))
        if foreign is not None:
            base, source = foreign[0], foreign[1] if data is None else data
            weights, file = None, Path()
        else:
            base, source = None, data
            file = Path() if weights is None else _own_file(weights, of=name, by_name=by_name)
    needs_keras(f"building {name}")
    plan = prepare(name, data_of(source, architecture.default_dataset), config, base)
    model = plan.build()
    if weights is not None:
        load_weights(model, file, of=name)
    else:
        architecture.load_pretrained(model)
    return model


def _own_file(weights: str | Path, *, of: str, by_name: bool) -> Path:
    """Return a file of the user's, which the name of a model cannot mean.

    Raises:
        ConfigError: If there is no such file, and no published weights of that name.
    """
    file = Path(weights)
    if by_name or not is_file(file):
        known = [entry.id for entry in _entries(of)]
        model = of.removesuffix(f":{weights}") if by_name else of
        raise no_such_weights(model, str(file), known, more="" if by_name else ", or a file")
    return file


def _entries(name: str) -> tuple[WeightsEntry, ...]:
    _, entry = registry().weights_of(name)
    return entry.weights if entry else ()


def _chosen_weights(name: str, weights: str | Path | None) -> str | Path | None:
    """Return which weights are asked for: by the name itself (``cnn:mnist``), or beside it.

    Raises:
        RegistryError: If there is no such model.
        ConfigError: If by both.
    """
    named, _ = registry().weights_of(name)
    if named and weights is not None:
        raise ConfigError(
            f"{name} already names its weights",
            findings=[Finding("weights", str(weights), "left out, or a name without weights")],
            fix=f"zoo info {name.removesuffix(f':{named}')}",
        )
    return named or weights


def fresh_weights(name: str) -> None:
    """Refuse a name that asks for trained weights where a training starts from fresh ones.

    Raises:
        ConfigError: If it does.
    """
    named, _ = registry().weights_of(name)
    if named:
        model = name.removesuffix(f":{named}")
        raise ConfigError(
            "a training starts from fresh weights",
            findings=[Finding("name", name, f"a model without weights: {model}")],
            fix=f"zoo train {model}",
        )


def published(name: str, weights: str | Path | None) -> WeightsEntry | None:
    """Return what the catalog says of trained weights, or ``None`` if it has none of that id."""
    return next((entry for entry in _entries(name) if entry.id == str(weights)), None)


def own_weights(name: str) -> str:
    """Return the id of the first trained weights that the catalog has of a model.

    Raises:
        RegistryError: If there is no such model.
        ConfigError: If it has none.
    """
    found = _entries(name)
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
        Tampered: If a packaged file is not the cataloged one.
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
    """Return a cataloged file inside a package.

    Raises:
        Tampered: If it is not the cataloged one.
    """
    package, _, inside = file.partition("/")
    path = Path(str(importlib.resources.files(package).joinpath(inside)))
    if not path.is_file() or sha256_file(path) != sha256:
        raise Tampered(
            f"{path} is not the file that the catalog describes",
            why=f"its SHA-256 is not {str(sha256)[:16]}…, or it is missing",
            fix="pip install --force-reinstall neural-zoo",
        )
    return path


__all__ = ["build", "fresh_weights", "own_weights", "published"]
