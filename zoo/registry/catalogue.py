"""Read ``registry.yaml``: what is published about models, as data.

The zoo's own file and those of third parties follow one schema; the catalogue is their union.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from zoo.config import Frozen
from zoo.errors import CatalogueInvalid
from zoo.files import read_regular
from zoo.registry.entrypoints import Provider
from zoo.spec import NAME, Task

MAX_BYTES = 4 * 2**20
"""A catalogue larger than this is refused before it is parsed."""


class Measured(Frozen):
    """One number and how sure it is.

    Attributes:
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        unit: Of all three.
    """

    value: float
    low: float | None = None
    high: float | None = None
    unit: str | None = None


class Measurement(Frozen):
    """What a command measured about trained weights."""

    metrics: dict[str, Measured]
    split: str
    examples: int = Field(ge=1)
    seeds: int = Field(1, ge=1, description="Independent runs that the metrics are over.")
    cpu_seconds: float | None = Field(None, ge=0, description="Of training, all cores, one run.")
    command: str


class WeightsEntry(Frozen):
    """Trained weights: where they are, what they are, how good they are.

    Attributes:
        spec: Where the data's spec lies as JSON, as ``file`` says it, if it was learned from the
            data (a vocabulary): the weights mean nothing with another one.
    """

    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]*$", description="What build(weights=...) asks for."
    )
    trained_on: str
    config: dict[str, Any] = {}
    parameters: int = Field(ge=0)
    file: str | None = Field(None, description="A package, a slash, the path inside it.")
    urls: tuple[str, ...] = ()
    bytes: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    spec: str | None = None
    spec_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    measured: Measurement | None = None


class ArtifactEntry(Frozen):
    """A published artifact."""

    path: str
    bytes: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    opset: int
    worst_error: float = Field(ge=0)


class ModelEntry(Frozen):
    """What is known of one model without importing it."""

    name: str = Field(pattern=f"^{NAME.pattern}$")
    distribution: str
    summary: str
    tasks: tuple[Task, ...]
    tags: tuple[str, ...] = ()
    licence: str = "unknown"
    default_dataset: str | None = None
    parameters: int | None = Field(None, ge=0)
    weights: tuple[WeightsEntry, ...] = ()
    artifacts: tuple[ArtifactEntry, ...] = ()


class _File(Frozen):
    schema_version: Literal[1]
    models: tuple[ModelEntry, ...] = ()


def parse_catalogue(text: str, *, source: str) -> tuple[ModelEntry, ...]:
    """Check the text of a ``registry.yaml`` and return its models.

    Args:
        text: YAML, schema version 1, at most 4 MiB, without anchors.
        source: Where it came from, for the message.

    Raises:
        CatalogueInvalid: With the place of every fault.
    """

    def invalid(why: str, error: Exception | None = None) -> CatalogueInvalid:
        refusal = CatalogueInvalid(
            f"{source} is not a valid catalogue",
            why=why,
            fix="compare it with the zoo's own registry.yaml",
        )
        refusal.__cause__ = error
        return refusal

    if len(text) > MAX_BYTES:
        raise invalid(f"it has {len(text)} characters; at most {MAX_BYTES} are read")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Nested aliases expand exponentially, and a catalogue has no use for them.
        if "*" in text and any(
            isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=loader)
        ):
            raise invalid("it uses YAML aliases, which a catalogue may not")
        data = yaml.load(text, Loader=loader)  # noqa: S506 - both candidates are safe loaders
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise invalid(" ".join(str(error).split()), error) from error
    try:
        models = _File.model_validate(data).models
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, e['loc'])) or 'the whole'}: {e['msg']}"
            for e in error.errors(include_url=False)
        ]
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
        raise invalid("; ".join(faults[:5]) + more, error) from error
    names = [model.name for model in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise invalid(f"{', '.join(twice)} stands in it twice")
    return models


def own_catalogue_path() -> Path:
    """Return the zoo's own ``registry.yaml``: inside the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "registry.yaml"
    return inside if inside.exists() else package.parent / "registry.yaml"


def read_catalogue(path: Path) -> tuple[ModelEntry, ...]:
    """Read and check one file.

    Raises:
        CatalogueInvalid: If it cannot be read or does not follow the schema.
    """
    try:
        text = read_regular(path).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueInvalid(
            f"{path} cannot be read", why=str(error), fix="reinstall its distribution"
        ) from error
    return parse_catalogue(text, source=str(path))


def fragment_path(provider: Provider) -> Path:
    """Return the ``registry.yaml`` of a third party's package, without importing the package.

    Raises:
        CatalogueInvalid: If there is no such top-level package.
    """
    package = provider.value.partition(":")[0].partition(".")[0]
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        return Path(folder) / "registry.yaml"
    raise CatalogueInvalid(
        f"{provider.label} announces a catalogue in {package!r}, and there is no such package",
        fix=f"pip install --force-reinstall {provider.distribution}",
    )


def merge(fragments: Iterable[tuple[str, Iterable[ModelEntry]]]) -> dict[str, ModelEntry]:
    """Join catalogues; the first to describe a model of a distribution is believed."""
    entries: dict[str, ModelEntry] = {}
    for _, models in fragments:
        for model in models:
            entries.setdefault(model.name, model)
    return entries


__all__ = [
    "ArtifactEntry",
    "Measured",
    "Measurement",
    "ModelEntry",
    "WeightsEntry",
    "fragment_path",
    "merge",
    "own_catalogue_path",
    "parse_catalogue",
    "read_catalogue",
]
