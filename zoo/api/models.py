"""Build a model by name, with or without trained weights."""

from __future__ import annotations

import importlib.resources
import importlib.util
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from zoo.api.catalog import registry
from zoo.architecture import Architecture, Blueprint
from zoo.config import ModelConfig, configure, validate
from zoo.errors import ArtifactError, ConfigError, Finding, Incompatible, MissingExtra, Tampered
from zoo.files import sha256_file
from zoo.registry import WeightsEntry
from zoo.spec import Dataset, DataSpec

if TYPE_CHECKING:
    import keras

DataSource = str | Path | DataSpec | Dataset | None


def needs_keras(doing: str) -> None:
    """Raise :class:`MissingExtra` if the packages that models need are not installed."""
    for package in ("keras", "tensorflow"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(doing, "keras", package)


def dataset(source: str | Path, **options: Any) -> Dataset:
    """Return a dataset: one that the zoo knows by name, or your own files.

    Args:
        source: An id (``digits``, ``mnist``), or the path of a folder with one folder a class, of
            a ``.npz``, or of a ``.csv`` file.
        **options: What the source takes, e.g. ``target="species"`` for a CSV file, or
            ``image_size=64`` for a folder.

    Raises:
        DataError: If it is unknown, unavailable or wrong; the message names file, row, column.
        ConfigError: If an option is.

    Example:
        >>> flowers = zoo.dataset("flowers.csv", target="species")
        >>> flowers.spec.labels
        ('setosa', 'versicolor', 'virginica')
    """
    from zoo import data

    return data.resolve(source, options=options)


def data_of(source: DataSource, default: str) -> DataSpec:
    """Return the description behind whatever names some data."""
    if source is None:
        source = default
    if isinstance(source, DataSpec):
        return source
    if isinstance(source, str | Path):
        return dataset(source).spec
    return source.spec


@dataclass(frozen=True)
class Plan:
    """Everything that is decided about a model before it is built."""

    architecture: Architecture[Any]
    blueprint: Blueprint

    def build(self) -> keras.Model:
        """Build the model and leave the blueprint on it."""
        model = self.architecture.build(self.blueprint.config, self.blueprint.data)
        model.blueprint = self.blueprint
        return model


def blueprint_of(
    name: str, data: DataSpec, overrides: Mapping[str, Any], base: ModelConfig | None = None
) -> Plan:
    """Decide a model's configuration: the recipe for the data, then what the caller says."""
    architecture = registry().get(name)
    start = architecture.recipe(data).config if base is None else base
    config = configure(start, overrides, what=f"{architecture.info.name} config")
    return Plan(architecture, Blueprint(architecture.info.name, config, data))


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
            a ``.weights.h5`` or ``.keras`` file; ``None`` for fresh random weights.
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
    entry = _published(architecture.info.name, weights)
    if isinstance(weights, str | Path) and (Path(weights) / "run.json").is_file():
        from zoo.api.runs import Run

        run = Run(Path(weights))
        base: ModelConfig | None = (
            run.config if run.architecture == architecture.info.name else None
        )
        source: DataSource = run.data_spec if data is None else data
        file = run.folder.model_file
    elif entry is not None:
        base = validate(architecture.Config, entry.config, what=f"weights {entry.id!r}")
        source = entry.trained_on if data is None else data
        file = _published_file(architecture.info.name, entry)
    else:
        base, source = None, data
        file = Path(weights) if weights is not None else Path()
    needs_keras(f"building {name}")
    plan = blueprint_of(name, data_of(source, architecture.default_dataset), config, base)
    model = plan.build()
    if weights is not None:
        load_weights(model, file, of=name)
    return model


def load_weights(model: keras.Model, file: Path, *, of: str) -> None:
    """Put the weights of a file into a model. Nothing of the file is executed.

    Raises:
        ConfigError: If there is no such file and no such published weights.
        Incompatible: If they do not fit the model.
    """
    if not file.is_file():
        known = [entry.id for entry in _entries(of)]
        raise ConfigError(
            f"{of} has no weights {str(file)!r}",
            findings=[
                Finding("weights", str(file), f"one of {', '.join(known) or '(none)'}, or a file")
            ],
            fix=f"zoo info {of}",
        )
    try:
        with warnings.catch_warnings():
            # A run keeps its optimizer's state in its checkpoints; here only weights are meant.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            # Keras goes on without the layers that it does not find in the file.
            warnings.filterwarnings("error", "Skipping nested container")
            model.load_weights(file)
    except (ValueError, OSError, KeyError, TypeError, UserWarning, BadZipFile) as error:
        raise Incompatible(
            f"the weights in {file} do not fit this model",
            why=" ".join(str(error).split())[:400],
            fix=f"build {of} with the configuration and the data that they were trained with",
        ) from error


def _entries(name: str) -> tuple[WeightsEntry, ...]:
    entry = registry().catalogue.get(name.rpartition(":")[2])
    return entry.weights if entry else ()


def _published(name: str, weights: str | Path | None) -> WeightsEntry | None:
    return next((entry for entry in _entries(name) if entry.id == str(weights)), None)


def _published_file(of: str, entry: WeightsEntry) -> Path:
    """Return the checked file of published weights: inside a package, or downloaded.

    Raises:
        Tampered: If a packaged file is not the catalogued one.
    """
    if entry.file is None:
        from zoo.data import Remote, fetch

        name = f"{of}-{entry.id}.weights.h5"
        return fetch(Remote(name=name, urls=entry.urls, size=entry.bytes, sha256=entry.sha256))
    package, _, inside = entry.file.partition("/")
    path = Path(str(importlib.resources.files(package).joinpath(inside)))
    if not path.is_file() or sha256_file(path) != entry.sha256:
        raise Tampered(
            f"{path} is not the file that the catalogue describes",
            why=f"its SHA-256 is not {entry.sha256[:16]}…, or it is missing",
            fix="pip install --force-reinstall neural-zoo",
        )
    return path


def blueprint_on(model: Any) -> Blueprint:
    """Return the blueprint that ``zoo.build`` left on a model.

    Raises:
        ArtifactError: If the model did not come from the zoo.
    """
    blueprint = getattr(model, "blueprint", None)
    if not isinstance(blueprint, Blueprint):
        raise ArtifactError(
            "this model does not say where it came from",
            why=f"expected one from zoo.build or zoo.load. Received: {model!r}",
            fix="model = zoo.build(NAME, ...); model.set_weights(yours.get_weights())",
        )
    return blueprint


__all__ = [
    "DataSource",
    "Plan",
    "blueprint_of",
    "blueprint_on",
    "build",
    "data_of",
    "dataset",
    "load_weights",
    "needs_keras",
]
