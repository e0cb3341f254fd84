"""What is decided about a model before it is built, and how its weights come into it."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from zoo.api.catalog import registry
from zoo.api.datasets import dataset
from zoo.architecture import Architecture, Blueprint
from zoo.config import ModelConfig, configure
from zoo.errors import ArtifactError, Incompatible, MissingExtra
from zoo.spec import Dataset, DataSpec

if TYPE_CHECKING:
    import keras

_UNFIT = (ValueError, OSError, KeyError, TypeError, RuntimeError, UserWarning, BadZipFile)
"""What keras and h5py raise on files of weights that are damaged, or another model's."""

DataSource = str | Path | DataSpec | Dataset | None


def needs_keras(doing: str) -> None:
    """Raise :class:`MissingExtra` if the packages that models need are not installed."""
    for package in ("keras", "tensorflow"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(doing, "keras", package)


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
class Prepared:
    """Everything that is decided about a model before it is built."""

    architecture: Architecture[Any]
    blueprint: Blueprint

    def build(self) -> keras.Model:
        """Build the model and leave the blueprint on it."""
        model = self.architecture.build(self.blueprint.config, self.blueprint.data)
        model.blueprint = self.blueprint
        return model


def prepare(
    name: str, data: DataSpec, overrides: Mapping[str, Any], base: ModelConfig | None = None
) -> Prepared:
    """Decide a model's configuration: the recipe for the data, then what the caller says."""
    architecture = registry().get(name)
    distribution, _ = registry().provenance(name)
    start = architecture.default_config(data).config if base is None else base
    config = configure(
        start, overrides, what=f"{architecture.info.name} config", fix=f"zoo info {name}"
    )
    blueprint = Blueprint(architecture.info.identity, config, data, distribution)
    return Prepared(architecture, blueprint)


def architecture_of(blueprint: Blueprint) -> Architecture[Any]:
    """Return the architecture that a model came from: that version, of that distribution.

    Raises:
        RegistryError: If it is no longer there.
    """
    return registry().recall(blueprint.architecture, blueprint.distribution)


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


def load_weights(model: keras.Model, file: Path, *, of: str) -> None:
    """Put the weights of a file into a model. Nothing of the file is executed.

    Raises:
        Incompatible: If the file cannot be read, or does not fit the model.
    """
    try:
        with warnings.catch_warnings():
            # A run keeps its optimizer's state in its checkpoints; here only weights are meant.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            # Keras goes on without the layers that it does not find in the file.
            warnings.filterwarnings("error", "Skipping nested container")
            model.load_weights(file)
    except _UNFIT as error:
        raise Incompatible(
            f"the weights in {file} do not fit this model",
            why=" ".join(str(error).split())[:400],
            fix=f"build {of} with the configuration and the data that they were trained with",
        ) from error


__all__ = [
    "DataSource",
    "Prepared",
    "architecture_of",
    "blueprint_on",
    "data_of",
    "load_weights",
    "needs_keras",
    "prepare",
]
