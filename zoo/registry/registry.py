"""The registry: every plugin that can be asked for by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from zoo.errors import (
    CatalogInvalid,
    NameCollision,
    PluginBroken,
    PolicyDenied,
    RegistryError,
    UnknownModel,
    ZooError,
)
from zoo.names import Reference, natural_order, nearest, parse_reference, split_version
from zoo.registry.entrypoints import ARCHITECTURES, CATALOGS, Provider, normalize, scan
from zoo.registry.policy import Policy, read_policy
from zoo.registry.resolver import Resolved, Resolver

if TYPE_CHECKING:
    from zoo.architecture import Architecture
    from zoo.registry.catalog import Catalog

HERE = "(registered here)"
"""The distribution of an architecture that was defined in this process."""

Status = Literal["ready", "not installed", "broken", "collision", "denied"]


@dataclass(frozen=True)
class Listing:
    """One line of a listing: known without importing anything.

    Attributes:
        status: ``ready``; ``not installed`` (the catalog knows it); ``broken`` (it failed to load,
            or its name is not valid); ``collision`` (two distributions offer it); ``denied`` (by
            the policy).
        providers: The entry points that offer it.
        entry: Its catalog entry.
        problem: Why it is not ready, on one line.
        fix: What to do about it.
        versions: The versions of the architecture that are offered, the newest first.
        identity: The name without distribution and weights: ``cnn``, ``cnn@2``.
        weights: The weights that the name asks for; empty if none.
    """

    name: str
    status: Status
    providers: tuple[Provider, ...] = ()
    entry: Any = None
    problem: str = ""
    fix: str = ""
    versions: tuple[str, ...] = ()
    identity: str = ""
    weights: str = ""

    @property
    def distribution(self) -> str:
        """The distribution that provides it, or would."""
        if self.providers:
            return self.providers[0].distribution
        return self.entry.distribution if self.entry else ""


@dataclass
class Registry:
    """Every plugin that can be asked for by name.

    Args:
        policy: The user's rules; read from files and environment by default.
        found: Entry points; those of the installed distributions by default.
    """

    policy: Policy = field(default_factory=read_policy)
    found: list[Provider] | None = None
    _loaded: dict[Provider, Any] = field(default_factory=dict)
    _failed: dict[Provider, ZooError] = field(default_factory=dict)
    _local: dict[str, Architecture[Any]] = field(default_factory=dict)
    _resolved: dict[tuple[str, str], Resolved] = field(default_factory=dict)

    @cached_property
    def _scan(self) -> tuple[list[Provider], list[tuple[str, int]]]:
        return scan() if self.found is None else (self.found, [])

    @cached_property
    def catalog(self) -> Catalog:
        """Everything that is published about models, datasets and commands."""
        from zoo.registry.catalog import Catalog

        return Catalog(p for p in self._scan[0] if self.policy.refusal(p) is None)

    @cached_property
    def _resolver(self) -> Resolver:
        return Resolver(self._scan[0], self.catalog, self.policy)

    @property
    def catalog_problems(self) -> list[CatalogInvalid]:
        """Catalogs that could not be read, and entries that were not believed."""
        return self.catalog.problems

    @property
    def oversized(self) -> list[tuple[str, int]]:
        """Distributions whose entry points are too long to be read, with their length."""
        return self._scan[1]

    def providers(self, group: str | None = None) -> list[Provider]:
        """Return the entry points that the policy allows, importing nothing.

        Args:
            group: ``zoo.architectures``, ``zoo.datasets``, ``zoo.commands`` or ``zoo.hooks``;
                ``None`` for all of them.
        """
        return [
            provider
            for provider in self._scan[0]
            if (provider.group == group if group else provider.group != CATALOGS)
            and self.policy.refusal(provider) is None
        ]

    def announced(self) -> list[Provider]:
        """Return every entry point in the zoo's groups, allowed or not."""
        return self._scan[0]

    def names(self, group: str = ARCHITECTURES, *, hidden: bool = False) -> list[str]:
        """Return every name of a group in natural order: installed, registered or cataloged.

        Args:
            group: An entry-point group.
            hidden: Include the versions of a model that its plain name does not mean.
        """
        local = self._local if group == ARCHITECTURES else ()
        return sorted({*self._resolver.names(group, hidden=hidden), *local}, key=natural_order)

    def listings(
        self,
        pattern: str = "*",
        *,
        group: str = ARCHITECTURES,
        task: str | None = None,
        tags: Iterable[str] = (),
        installed: bool = False,
        hidden: bool = False,
    ) -> list[Listing]:
        """Return what is known of the names of a group that match, in natural order.

        Args:
            pattern: A glob.
            group: An entry-point group.
            task: Only models and datasets for this task.
            tags: Only models that have all of these.
            installed: Only those that are installed.
            hidden: Include other versions of models; a pattern without wildcards finds them too.

        Raises:
            RegistryError: If there is no such task.
        """
        reach = hidden or not set(pattern) & set("*?[")
        names = self.names(group, hidden=reach)
        found = [self.listing(name, group) for name in names if fnmatchcase(name, pattern)]
        wanted = set(tags)
        chosen = [
            listing
            for listing in found
            if not (installed and listing.status == "not installed")
            and (task is None or task in self._facets(listing)[0])
            and wanted <= self._facets(listing)[1]
        ]
        if task is not None and not chosen:
            _check_task(task)
        return chosen

    def listing(self, name: str, group: str = ARCHITECTURES) -> Listing:
        """Return what is known of a name, importing nothing.

        Raises:
            UnknownModel: If nothing is (``UnknownDataset`` for a dataset).
            NameCollision: If it can be read in two ways.
        """
        local = self._here(name) if group == ARCHITECTURES else None
        if local is not None:
            return Listing(name, "ready", identity=local.identity)
        reference = self._resolver.read(group, name)
        try:
            providers = tuple(self._resolver.offers(group, reference))
        except ZooError as error:
            for entry in self.catalog.named(group, reference.model):
                if reference.distribution in ("", normalize(entry.distribution)):
                    return Listing(
                        *(name, "not installed", (), entry, error.fix, error.fix),
                        weights=reference.weights,
                    )
            raise
        versions = tuple(self._resolver.versions(group, reference.model))
        try:
            resolved = self._resolver.pick(group, reference, providers)
            if resolved.provider in self._failed:
                raise self._failed[resolved.provider]
        except UnknownModel:
            raise
        except ZooError as error:
            entry = self.catalog.get(group, providers[0].distribution, providers[0].name)
            status: Status = "broken"
            if isinstance(error, (NameCollision, PolicyDenied)):
                status = "collision" if isinstance(error, NameCollision) else "denied"
            return Listing(name, status, providers, entry, error.why, error.fix, versions)
        return Listing(
            *(name, "ready", (resolved.provider,), resolved.entry),
            versions=versions,
            identity=resolved.identity,
            weights=resolved.weights,
        )

    def resolve(self, name: str, group: str = ARCHITECTURES) -> Resolved:
        """Return the plugin that a name means, importing nothing.

        Args:
            name: For a model ``cnn``; ``cnn@2``; ``distribution:cnn`` if two distributions offer
                it; ``cnn:mnist`` with weights. For other groups the name, or
                ``distribution:name``.
            group: An entry-point group.

        Raises:
            UnknownModel: If no plugin offers it (``UnknownDataset`` for a dataset).
            NameCollision: If two distributions offer it, or it can be read in two ways.
            PolicyDenied: If the policy refuses it.
            PluginBroken: If it needs another version of the zoo.
        """
        local = self._here(name) if group == ARCHITECTURES else None
        if local is not None:
            return local
        key = group, name
        if key not in self._resolved:
            self._resolved[key] = self._resolver.resolve(group, name)
        return self._resolved[key]

    def load(self, group: str, name: str | Resolved) -> Any:
        """Import the plugin that a name means, once, and return what its entry point names.

        Returns:
            For ``zoo.architectures`` an instance of the class.

        Raises:
            PluginBroken: If it cannot be imported, or is not what the group asks for.
            UnknownModel, NameCollision, PolicyDenied: As :meth:`resolve`.
        """
        resolved = name if isinstance(name, Resolved) else self.resolve(name, group)
        provider = resolved.provider
        if provider.distribution == HERE:
            return self._local[provider.name]
        if provider in self._failed:
            raise self._failed[provider]
        if provider not in self._loaded:
            from zoo.registry.loader import load

            try:
                self._loaded[provider] = load(provider)
            except (PluginBroken, PolicyDenied) as error:
                self._failed[provider] = error
                raise
        return self._loaded[provider]

    def get(self, name: str | Resolved) -> Architecture[Any]:
        """Return the architecture that a name means, importing its plugin if needed.

        Raises:
            UnknownModel, NameCollision, PluginBroken, PolicyDenied: As :meth:`load`.
        """
        found: Architecture[Any] = self.load(ARCHITECTURES, name)
        return found

    def recall(self, known_as: str, distribution: str = "") -> Architecture[Any]:
        """Return the architecture that made a run or an artifact.

        It has the recorded version, whatever a plain name means by now, and is of the recorded
        distribution, unless the policy pins the name to another.

        Args:
            known_as: The recorded identity: ``cnn`` is the first version.
            distribution: The recorded distribution, if it is known.

        Raises:
            UnknownModel, NameCollision, PluginBroken, PolicyDenied: As :meth:`load`.
        """
        model, version = split_version(known_as)
        if model in self._local or distribution == HERE or model in self.policy.pins:
            distribution = ""
        return self.get(str(Reference(model, distribution)) + f"@{version}")

    def provenance(self, name: str) -> tuple[str, str]:
        """Return the distribution and the version that a model is from."""
        provider = self.resolve(name).provider
        return provider.distribution, provider.version

    def weights_of(self, name: str) -> tuple[str, Any]:
        """Return the weights that a name asks for, if any, and the model's catalog entry."""
        resolved = self.resolve(name)
        return resolved.weights, resolved.entry

    def register(self, architecture: type[Architecture[Any]]) -> None:
        """Make an architecture that is defined in this process known by its name.

        Raises:
            PluginBroken: If it does not follow the contract.
            NameCollision: If an installed distribution offers the name.
        """
        from zoo.registry.loader import check_architecture

        info = getattr(architecture, "info", None)
        name = getattr(info, "name", repr(architecture))
        provider = Provider(getattr(info, "identity", name), "", ARCHITECTURES, HERE, "0", "")
        check_architecture(architecture, provider)
        offers = self._resolver.versions(ARCHITECTURES, name)
        if offers:
            raise NameCollision(
                f"{name!r} is taken",
                why=f"{self.listing(name).distribution} offers it",
                fix="choose another info.name",
            )
        self._local[name] = architecture()

    def _here(self, name: str) -> Resolved | None:
        """Return an architecture of this process by its name, with or without weights."""
        if not self._local:
            return None
        for reading in parse_reference(name):
            found = self._local.get(reading.model)
            if found is None or reading.distribution:
                continue
            if reading.version in ("", found.info.version):
                provider = Provider(reading.model, "", ARCHITECTURES, HERE, "0", "")
                return Resolved(provider, found.info.identity, None, reading.weights)
        return None

    def _facets(self, listing: Listing) -> tuple[set[str], set[str]]:
        """Return the tasks and the tags of a listing."""
        if listing.name in self._local:
            info = self._local[listing.name].info
            return set(info.tasks), set(info.tags)
        entry = listing.entry
        tasks = getattr(entry, "tasks", None) or (getattr(entry, "task", ""),)
        return set(tasks), set(getattr(entry, "tags", ()))


def _check_task(task: str) -> None:
    """Refuse a task that does not exist.

    Raises:
        RegistryError: With the nearest one.
    """
    from zoo.spec import Task

    if task in set(Task):
        return
    near = nearest(task, [one.value for one in Task], count=1) or [Task.CLASSIFICATION.value]
    raise RegistryError(
        f"there is no task {task!r}",
        why=f"tasks are {', '.join(Task)}",
        fix=f"zoo list --task {near[0]}",
    )
