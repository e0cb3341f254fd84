"""What ``registry.yaml`` says of models, as checked data.

The zoo's own file and those of third parties follow one schema.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from zoo.config import Frozen
from zoo.errors import CatalogInvalid
from zoo.files import read_regular
from zoo.names import FIRST_VERSION, NAME, VERSION, identity, valid_name
from zoo.spec import Task

MAX_BYTES = 4 * 2**20
"""A catalog larger than this is refused before it is parsed."""

SCHEMA_VERSION = 1
"""What this zoo reads."""


def _packaged(text: str) -> str:
    package, slash, inside = text.partition("/")
    parts = inside.split("/")
    if not all(part.isidentifier() for part in package.split(".")) or not slash:
        raise ValueError("expected a package, a slash, and the path inside it")
    if "\\" in inside or {"", ".", ".."} & set(parts):
        raise ValueError("the path may not lead out of the package")
    return text


_Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$"), AfterValidator(valid_name)]
_Packaged = Annotated[str, AfterValidator(_packaged)]

# Files that are written by programs keep their bytes where there is nothing new to say.
_unsaid: Callable[[Any], bool] = lambda value: not value  # noqa: E731


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
    file: _Packaged | None = Field(None, description="A package, a slash, the path inside it.")
    urls: tuple[str, ...] = ()
    bytes: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    spec: _Packaged | None = None
    spec_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    measured: Measurement | None = None


class ArtifactEntry(Frozen):
    """A published artifact."""

    path: str
    bytes: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    opset: int
    worst_error: float = Field(ge=0)


class Deprecated(Frozen):
    """That a name should no longer be used, since when, and what to use instead."""

    since: str = Field(description="The version of the distribution that first said so.")
    successor: _Name | None = Field(None, description="The model to use instead.")
    removed_in: str | None = Field(None, description="The version that will be without it.")
    reason: str = Field("", max_length=500)

    def sentence(self, name: str) -> str:
        """Say it of a name."""
        text = f"{name!r} is deprecated since {self.since}"
        text += f" and goes with {self.removed_in}" if self.removed_in else ""
        text += f": {self.reason.rstrip('.')}" if self.reason else ""
        return f"{text}. Use {self.successor!r} instead" if self.successor else text


class ModelEntry(Frozen):
    """What is known of one model without importing it.

    Attributes:
        version: Which version of the architecture this is about.
        aliases: Other names that it answers to.
        api_version: The version of the plugin interface that it is written for.
        receipt: What ``zoo check`` wrote: a package, a slash, the path inside it.
    """

    name: _Name
    version: str = Field(
        FIRST_VERSION,
        pattern=f"^{VERSION.pattern}$",
        coerce_numbers_to_str=True,
        exclude_if=lambda version: version == FIRST_VERSION,
    )
    distribution: str
    summary: str
    tasks: tuple[Task, ...]
    tags: tuple[str, ...] = ()
    license: str = "unknown"
    default_dataset: str | None = None
    parameters: int | None = Field(None, ge=0)
    aliases: tuple[_Name, ...] = Field((), exclude_if=_unsaid)
    deprecated: Deprecated | None = Field(None, exclude_if=_unsaid)
    api_version: int | None = Field(None, ge=1, exclude_if=_unsaid)
    receipt: str | None = Field(None, pattern=r"^[\w.]+(/[\w.-]+)+$", exclude_if=_unsaid)
    weights: tuple[WeightsEntry, ...] = ()
    artifacts: tuple[ArtifactEntry, ...] = ()

    @property
    def identity(self) -> str:
        """What it is called: ``cnn``, ``cnn@2``."""
        return identity(self.name, self.version)


class DatasetEntry(Frozen):
    """A dataset, described without importing the plugin that brings it.

    Attributes:
        size: The number of examples, or another measure of size, in words.
        offline: Whether it loads without a network.
    """

    name: str
    distribution: str
    summary: str
    task: str
    size: str = ""
    license: str = "unknown"
    offline: bool = True


class CommandEntry(Frozen):
    """A command of the ``zoo`` program, described without importing its plugin."""

    name: str
    distribution: str
    summary: str


class _File(Frozen):
    schema_version: Literal[1]
    models: tuple[ModelEntry, ...] = ()
    datasets: tuple[DatasetEntry, ...] = ()
    commands: tuple[CommandEntry, ...] = ()


def parse_catalog(text: str, *, source: str) -> tuple[ModelEntry, ...]:
    """Check the text of a ``registry.yaml`` and return its models."""
    return parse_file(text, source=source).models


def parse_file(text: str, *, source: str) -> _File:
    """Check the text of a ``registry.yaml`` and return all of it.

    Args:
        text: YAML, schema version 1, at most 4 MiB, without anchors.
        source: Where it came from, for the message.

    Raises:
        CatalogInvalid: With the place of every fault.
    """

    def invalid(why: str, error: Exception | None = None) -> CatalogInvalid:
        refusal = CatalogInvalid(
            f"{source} is not a valid catalog",
            why=why,
            fix="compare it with the zoo's own registry.yaml",
        )
        refusal.__cause__ = error
        return refusal

    if len(text) > MAX_BYTES:
        raise invalid(f"it has {len(text)} characters; at most {MAX_BYTES} are read")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Nested aliases expand exponentially, and a catalog has no use for them.
        if "*" in text and any(
            isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=loader)
        ):
            raise invalid("it uses YAML aliases, which a catalog may not")
        data = yaml.load(text, Loader=loader)  # noqa: S506 - both candidates are safe loaders
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise invalid(" ".join(str(error).split()), error) from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(version, int) and not isinstance(version, bool) and version > SCHEMA_VERSION:
        raise CatalogInvalid(
            f"{source} is written for a newer zoo",
            why=f"its schema_version is {version}, and this zoo reads {SCHEMA_VERSION}",
            fix="pip install --upgrade neural-zoo",
        )
    try:
        file = _File.model_validate(data)
        models = file.models
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, e['loc'])) or 'the whole'}: {e['msg']}"
            for e in error.errors(include_url=False)
        ]
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
        raise invalid("; ".join(faults[:5]) + more, error) from error
    names = [model.identity for model in models]
    names += {alias for model in models for alias in model.aliases} & {m.name for m in models}
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise invalid(f"{', '.join(twice)} stands in it twice")
    return file


def own_catalog_path() -> Path:
    """Return the zoo's own ``registry.yaml``: inside the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "registry.yaml"
    return inside if inside.exists() else package.parent / "registry.yaml"


def read_catalog(path: Path) -> tuple[ModelEntry, ...]:
    """Read and check one file and return its models."""
    return read_file(path).models


def read_file(path: Path) -> _File:
    """Read and check one file.

    Raises:
        CatalogInvalid: If it cannot be read or does not follow the schema.
    """
    try:
        text = read_regular(path, limit=MAX_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogInvalid(
            f"{path} cannot be read", why=str(error), fix="reinstall its distribution"
        ) from error
    return parse_file(text, source=str(path))


__all__ = [
    "ArtifactEntry",
    "CommandEntry",
    "DatasetEntry",
    "Deprecated",
    "Measured",
    "Measurement",
    "ModelEntry",
    "WeightsEntry",
    "own_catalog_path",
    "parse_catalog",
    "parse_file",
    "read_catalog",
    "read_file",
]
