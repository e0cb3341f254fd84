"""Read ``registry.yaml``: published models, weights, artifacts, datasets and commands.

The zoo's own file and those of third-party packages follow one schema.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from zoo.errors import CatalogInvalid
from zoo.files import read_regular
from zoo.names import FIRST_VERSION, identity
from zoo.registry.entrypoints import (
    ARCHITECTURES,
    CATALOGS,
    COMMANDS,
    DATASETS,
    Provider,
    fault_of,
    normalize,
    own_catalog_path,
)
from zoo.spec import TaskName
from zoo.struct import Finite, NonNegative, Struct, StructError

FILE = "registry.yaml"

MAX_BYTES = 4 * 2**20
"""A larger catalog is refused before it is parsed."""

_Count = Annotated[int, Meta(ge=0)]
_Positive = Annotated[int, Meta(ge=1)]
_Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Module = Annotated[str, Meta(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*\Z")]
_Packaged = Annotated[
    str, Meta(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*(/(?!\.{1,2}(/|\Z))[^/\\]+)+\Z")
]
"""A package, a slash, and a path that does not lead out of the package."""


class Measured(Struct):
    """One number, its 95 % interval, and the unit of all three."""

    value: Finite
    low: Finite | None = None
    high: Finite | None = None
    unit: str | None = None


class Measurement(Struct):
    """Scores of trained weights, and the command that measured them.

    Attributes:
        seeds: Independent runs that the scores are over.
        cpu_seconds: CPU time of one training.
    """

    metrics: dict[str, Measured]
    split: str
    examples: _Positive
    seeds: _Positive = 1
    cpu_seconds: NonNegative | None = None
    command: str


class WeightsEntry(Struct):
    """Trained weights: their file, their configuration, their scores.

    Attributes:
        id: The name to use in ``build(weights=...)``.
        file: A package, a slash, the path inside it.
        spec: The data's spec as JSON, given like ``file``, if it was learned from the data (a
            vocabulary): the weights are useless without it.
    """

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*\Z")]
    trained_on: str
    config: dict[str, Any] = {}
    parameters: _Count
    file: _Packaged | None = None
    urls: tuple[str, ...] = ()
    bytes: _Positive
    sha256: _Sha256
    spec: _Packaged | None = None
    spec_sha256: _Sha256 | None = None
    measured: Measurement | None = None


class ArtifactEntry(Struct):
    """A published artifact."""

    path: str
    bytes: _Positive
    sha256: _Sha256
    opset: int
    worst_error: NonNegative


class Entry(Struct):
    """Base of catalog entries."""

    group: ClassVar[str]
    name: str
    distribution: str
    summary: str

    @property
    def identity(self) -> str:
        """Its name, with its version if that is not the first."""
        return self.name

    def _check(self) -> None:
        fault = fault_of(self.group, self.identity)
        if "@" in self.name:
            fault = "the version has a field of its own"
        if fault:
            raise StructError("name", f"{fault}. Received: {self.name!r:.80}")


class ModelEntry(Entry):
    """A model, described without importing its plugin.

    Attributes:
        receipt: What ``zoo check`` wrote.
        custom_objects: By the name that a class of its own is registered with in Keras, the module
            that registers it.
    """

    group: ClassVar[str] = ARCHITECTURES
    version: str | int = FIRST_VERSION
    tasks: tuple[TaskName, ...]
    tags: tuple[str, ...] = ()
    license: str = "unknown"
    default_dataset: str | None = None
    parameters: _Count | None = None
    receipt: _Packaged | None = None
    custom_objects: dict[str, _Module] = {}
    weights: tuple[WeightsEntry, ...] = ()
    artifacts: tuple[ArtifactEntry, ...] = ()

    @property
    def identity(self) -> str:
        """Its name, with its version if that is not the first: ``cnn``, ``cnn@2``."""
        return identity(self.name, str(self.version))  # YAML reads an unquoted 2 as a number


class DatasetEntry(Entry):
    """A dataset, described without importing its plugin.

    Attributes:
        size: The number of examples, or another measure, in words.
        offline: Whether it loads without a network.
    """

    group: ClassVar[str] = DATASETS
    task: TaskName
    size: str = ""
    license: str = "unknown"
    offline: bool = True


class CommandEntry(Entry):
    """A command of the ``zoo`` program, described without importing its plugin."""

    group: ClassVar[str] = COMMANDS


class CatalogFile(Struct):
    """The content of one ``registry.yaml``."""

    schema_version: Literal[1]
    models: tuple[ModelEntry, ...] = ()
    datasets: tuple[DatasetEntry, ...] = ()
    commands: tuple[CommandEntry, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Models, datasets and commands."""
        return (*self.models, *self.datasets, *self.commands)

    def _check(self) -> None:
        counts = Counter((entry.group, entry.identity) for entry in self.entries)
        for (_, name), count in counts.items():
            if count > 1:
                raise StructError("", f"{name} is listed twice")


def parse_catalog(text: str, *, source: str) -> CatalogFile:
    """Check the text of a ``registry.yaml``; ``source`` names it in messages.

    Raises:
        CatalogInvalid: With the place of the fault.
    """

    def invalid(why: str) -> CatalogInvalid:
        fix = "compare it with the zoo's own registry.yaml"
        return CatalogInvalid(f"{source} is not a valid catalog", why=why, fix=fix)

    if len(text) > MAX_BYTES:
        raise invalid(f"it has {len(text)} characters; at most {MAX_BYTES} are read")
    import yaml  # what asks for no published weights needs no YAML

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Nested aliases expand exponentially, and a catalog has no use for them.
        if "*" in text and any(
            isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=loader)
        ):
            raise invalid("it uses YAML aliases, which a catalog may not")
        data = yaml.load(text, Loader=loader)  # noqa: S506 - both candidates are safe loaders
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise invalid(" ".join(str(error).split())) from error
    try:
        return CatalogFile.model_validate(data)
    except StructError as error:
        raise invalid(str(error)) from error


def read_catalog(path: Path) -> CatalogFile:
    """Read and check one ``registry.yaml``.

    Raises:
        CatalogInvalid: If it cannot be read or does not follow the schema.
    """
    try:
        text = read_regular(path, limit=MAX_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fix = "reinstall its distribution"
        raise CatalogInvalid(f"{path} cannot be read", why=str(error), fix=fix) from error
    return parse_catalog(text, source=str(path))


class Catalog:
    """All catalogs together: the zoo's own and those of third-party packages.

    A package with a ``registry.yaml`` announces itself in the group ``zoo.catalogs``. Its file is
    read without importing the package, and believed about its own distribution only.

    Args:
        providers: The entry points that the policy allows; those of catalogs are used.
    """

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._providers = [one for one in providers if one.group == CATALOGS and not one.is_own]
        self._problems: list[CatalogInvalid] = []

    @cached_property
    def _entries(self) -> dict[tuple[str, str], dict[tuple[str, str], Entry]]:
        """Entries by group and name, then by distribution and identity, the zoo's own first."""
        found: dict[tuple[str, str], dict[tuple[str, str], Entry]] = {}
        path = own_catalog_path()
        sources: list[Provider | None] = [None] if path.exists() else []
        for provider in (*sources, *self._providers):
            try:
                folder = provider.package_folder(provider.module) if provider else path.parent
                file = read_catalog(folder / FILE)
            except CatalogInvalid as error:
                if provider is None:
                    raise
                self._problems.append(error)
                continue
            for entry in file.entries:
                key = normalize(entry.distribution), entry.identity
                if provider and key[0] != provider.distribution:
                    problem = CatalogInvalid(
                        f"the catalog of {provider.label} describes {entry.name!r} of {key[0]}",
                        why="a distribution describes its own plugins only; the entry is left out",
                        fix=f"ask the authors of {provider.distribution}, or pip uninstall it",
                    )
                    self._problems.append(problem)
                    continue
                # A distribution knows itself better than the zoo's own file does.
                found.setdefault((entry.group, entry.name), {})[key] = entry
        return found

    @property
    def problems(self) -> list[CatalogInvalid]:
        """Files that could not be read, and entries that were not believed."""
        return self._problems if self._entries else []

    def entry(self, provider: Provider) -> Any:
        """Return what the catalog says of an entry point, or ``None`` if it says nothing."""
        found = self._entries.get((provider.group, provider.plain_name), {})
        return found.get((provider.distribution, provider.identity))

    def named(self, group: str, name: str) -> list[Any]:
        """Return the entries of a group with that name, from every distribution."""
        return list(self._entries.get((group, name), {}).values())

    def names(self, group: str) -> list[str]:
        """Return every name that a group has entries for."""
        return [name for found, name in self._entries if found == group]
