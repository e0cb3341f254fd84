"""The registry: every plugin that can be asked for by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoo.errors import NameCollision, PluginBroken, PolicyDenied, RegistryError, ZooError
from zoo.names import Reference, natural_order, nearest, parse_reference, split_version
from zoo.registry.entrypoints import ARCHITECTURES, CATALOGS, Provider, scan
from zoo.registry.policy import Policy, read_policy
from zoo.registry.resolver import Listing, Resolver

if TYPE_CHECKING:
    from zoo.architecture import Architecture
    from zoo.registry.catalog import Catalog

HERE = "(registered here)"
"""The distribution of an architecture that was defined in this process."""


@dataclass
class Registry:
    """Every plugin that can be asked for by name.

    Args:
        policy: The user's rules; read from files and environment by default.
        found: Entry points; those of the installed distributions by default.

    Attributes:
        oversized: Distributions whose entry points are too long to be read, with their length.
    """

    policy: Policy = field(default_factory=read_policy)
    found: list[Provider] | None = None
    oversized: list[tuple[str, int]] = field(default_factory=list)
    _loaded: dict[Provider, Any] = field(default_factory=dict)
    _failed: dict[Provider, ZooError] = field(default_factory=dict)
    _local: dict[str, Architecture[Any]] = field(default_factory=dict)
    _known: dict[tuple[str, str], Listing] = field(default_factory=dict)

    @cached_property
    def announced(self) -> list[Provider]:
        """Every entry point in the zoo's groups, allowed or not."""
        if self.found is not None:
            return self.found
        found, self.oversized = scan()
        return found

    @cached_property
    def catalog(self) -> Catalog:
        """Everything that is published about models, datasets and commands."""
        from zoo.registry.catalog import Catalog

        return Catalog(one for one in self.announced if self.policy.refusal(one) is None)

    @cached_property
    def _resolver(self) -> Resolver:
        return Resolver(self.announced, self.catalog, self.policy)

    def providers(self, group: str | None = None) -> list[Provider]:
        """Return the entry points that the policy allows, importing nothing.

        Args:
            group: ``zoo.architectures``, ``zoo.datasets``, ``zoo.commands`` or ``zoo.hooks``;
                ``None`` for all of them.
        """
        return [
            one
            for one in self.announced
            if (one.group == group if group else one.group != CATALOGS)
            and self.policy.refusal(one) is None
        ]

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
        names = self.names(group, hidden=hidden or not set(pattern) & set("*?["))
        wanted = set(tags)
        chosen = []
        for listing in (self.listing(name, group) for name in names if fnmatchcase(name, pattern)):
            local = self._local.get(listing.name)
            about: Any = local.info if local else listing.entry
            tasks = getattr(about, "tasks", None) or (getattr(about, "task", ""),)
            if (
                not (installed and listing.status == "not installed")
                and (task is None or task in tasks)
                and wanted <= set(getattr(about, "tags", ()))
            ):
                chosen.append(listing)
        if task is not None and not chosen:
            _check_task(task)
        return chosen

    def listing(self, name: str, group: str = ARCHITECTURES) -> Listing:
        """Return what is known of a name, importing nothing.

        Raises:
            UnknownModel: If nothing is (``UnknownDataset`` for a dataset).
        """
        found = self._here(name) if self._local and group == ARCHITECTURES else None
        if found is None:
            if (group, name) not in self._known:
                self._known[group, name] = self._resolver.look_up(group, name)
            found = self._known[group, name]
        failed = self._failed.get(found.providers[0]) if found.error is None else None
        if failed is None:
            return found
        denied = isinstance(failed, PolicyDenied)
        return replace(found, status="denied" if denied else "broken", error=failed)

    def resolve(self, name: str, group: str = ARCHITECTURES) -> Listing:
        """Return the one plugin that a name means, importing nothing.

        Args:
            name: For a model ``cnn``; ``cnn@2``; ``distribution:cnn`` if two distributions offer
                it; ``cnn:mnist`` with weights. For other groups the name, or
                ``distribution:name``.
            group: An entry-point group.

        Raises:
            UnknownModel: If no plugin offers it (``UnknownDataset`` for a dataset).
            NameCollision: If two distributions offer it.
            PolicyDenied: If the policy refuses it.
            PluginBroken: If it failed before, or needs another version of the zoo.
        """
        found = self.listing(name, group)
        if found.error is not None:
            raise found.error
        return found

    def load(self, group: str, name: str | Listing) -> Any:
        """Import the plugin that a name means, once, and return what its entry point names.

        Returns:
            For ``zoo.architectures`` an instance of the class.

        Raises:
            PluginBroken: If it cannot be imported, or is not what the group asks for.
            UnknownModel, NameCollision, PolicyDenied: As :meth:`resolve`.
        """
        provider = (self.resolve(name, group) if isinstance(name, str) else name).provider
        if provider.distribution == HERE:
            return self._local[provider.name]
        if provider not in self._loaded:
            from zoo.registry.loader import load

            try:
                self._loaded[provider] = load(provider)
            except (PluginBroken, PolicyDenied) as error:
                self._failed[provider] = error
                raise
        return self._loaded[provider]

    def get(self, name: str | Listing) -> Architecture[Any]:
        """Return the architecture that a name means, as :meth:`load` does."""
        found: Architecture[Any] = self.load(ARCHITECTURES, name)
        return found

    def recall(self, known_as: str, distribution: str = "") -> Architecture[Any]:
        """Return the architecture that made a run or an artifact.

        It has the recorded version, whatever a plain name means by now, and is of the recorded
        distribution, unless the policy pins the name to another.

        Args:
            known_as: The recorded identity: ``cnn`` is the first version.
            distribution: The recorded distribution, if it is known.
        """
        model, version = split_version(known_as)
        if model in self._local or distribution == HERE or model in self.policy.pins:
            distribution = ""
        return self.get(f"{Reference(model, distribution)}@{version}")

    def register(self, architecture: type[Architecture[Any]]) -> None:
        """Make an architecture that is defined in this process known by its name.

        Raises:
            PluginBroken: If it does not follow the contract.
            NameCollision: If an installed distribution offers the name.
        """
        from zoo.registry.loader import check_architecture

        info = getattr(architecture, "info", None)
        name = getattr(info, "name", repr(architecture))
        known_as = getattr(info, "identity", name)
        check_architecture(architecture, Provider(known_as, "", ARCHITECTURES, HERE, "0", ""))
        if self._resolver.versions(ARCHITECTURES, name):
            why = f"{self.listing(name).distribution} offers it"
            raise NameCollision(f"{name!r} is taken", why=why, fix="choose another info.name")
        self._local[name] = architecture()

    def _here(self, name: str) -> Listing | None:
        """Return an architecture of this process by its name, with or without weights."""
        for reading in parse_reference(name):
            found = self._local.get(reading.model)
            if found is None or reading.distribution:
                continue
            if reading.version in ("", found.info.version):
                provider = Provider(reading.model, "", ARCHITECTURES, HERE, "0", "")
                known_as, weights = found.info.identity, reading.weights
                return Listing(name, providers=(provider,), identity=known_as, weights=weights)
        return None


def _check_task(task: str) -> None:
    from zoo.spec import Task

    if task in set(Task):
        return
    near = nearest(task, [one.value for one in Task], count=1) or [Task.CLASSIFICATION.value]
    raise RegistryError(
        f"there is no task {task!r}",
        why=f"tasks are {', '.join(Task)}",
        fix=f"zoo list --task {near[0]}",
    )
