"""Every model that can be asked for by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture
from zoo.errors import (
    CatalogInvalid,
    ModelDeprecated,
    NameCollision,
    PluginBroken,
    PolicyDenied,
    RegistryError,
    UnknownDataset,
    UnknownModel,
)
from zoo.names import (
    Reference,
    identity,
    is_stable,
    natural_order,
    nearest,
    parse_reference,
    split_version,
)
from zoo.registry.catalog import (
    CommandEntry,
    DatasetEntry,
    ModelEntry,
    own_catalog_path,
    read_file,
)
from zoo.registry.contract import contract_faults
from zoo.registry.entrypoints import ARCHITECTURES, DATASETS, HOOKS, Provider, normalize, scan
from zoo.registry.fragments import Catalog
from zoo.registry.interface import mismatch, warn_of_deprecations
from zoo.registry.listing import Listing, Status
from zoo.registry.policy import Policy
from zoo.registry.provenance import verify
from zoo.registry.resolver import Choice, Chooser
from zoo.registry.selection import Selection
from zoo.registry.settings import read_policy

if TYPE_CHECKING:
    from zoo.registry.quarantine import Quarantine

HERE = "(registered here)"
"""Where an architecture comes from that was defined in this process."""


@dataclass
class Registry:
    """Every model that can be asked for by name.

    Args:
        policy: What may run.
        found: What is announced, by group; ``None`` asks the installed distributions.
        records: What is known of strangers' plugins; ``None`` reads the surroundings.
    """

    policy: Policy = field(default_factory=read_policy)
    found: dict[str, list[Provider]] | None = None
    records: Quarantine | None = None
    _loaded: dict[tuple[str, str], Architecture[Any]] = field(default_factory=dict)
    _plugins: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    _quarantine: dict[tuple[str, str], PluginBroken] = field(default_factory=dict)
    _local: dict[str, Architecture[Any]] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    @cached_property
    def _found(self) -> dict[str, list[Provider]]:
        return scan() if self.found is None else self.found

    @property
    def announced(self) -> Mapping[str, Sequence[Provider]]:
        """Everything that installed distributions announce, by group."""
        return self._found

    @cached_property
    def _catalog(self) -> Catalog:
        return Catalog(self._found, self.policy)

    @cached_property
    def _chooser(self) -> Chooser:
        return Chooser(self._found, self._catalog, self.policy)

    @property
    def catalog(self) -> dict[str, ModelEntry]:
        """The union of all catalogs, by identity; of two that describe one, the zoo's own."""
        entries: dict[str, ModelEntry] = {}
        for entry in self._catalog.entries.values():
            entries.setdefault(entry.identity, entry)
        return entries

    @property
    def catalog_problems(self) -> list[CatalogInvalid]:
        """What was not believed: fragments that could not be read, entries about others."""
        return self._catalog.problems if self._catalog.entries else []

    @property
    def quarantine(self) -> list[PluginBroken]:
        """The plugins that failed to load in this process."""
        return list(self._quarantine.values())

    def providers(self, group: str) -> list[Provider]:
        """Return the entry points of a group that policy allows, importing nothing.

        Args:
            group: ``zoo.architectures``, ``zoo.datasets``, ``zoo.commands`` or ``zoo.hooks``.
        """
        return [p for p in self._found.get(group, ()) if self._refusal(p) is None]

    def entries(self, group: str) -> list[DatasetEntry | CommandEntry]:
        """Return what the catalog says of a group, importing nothing.

        Args:
            group: ``zoo.datasets`` or ``zoo.commands``.
        """
        file = read_file(own_catalog_path())
        return list(file.datasets if group == DATASETS else file.commands)

    def provider(self, group: str, name: str) -> Provider:
        """Return the one entry point that a name of a group means, importing nothing.

        Args:
            group: As for :meth:`providers`.
            name: The entry point's name, or ``distribution:name``.

        Raises:
            RegistryError: If no installed distribution offers the name; of a dataset
                ``UnknownDataset``.
            NameCollision: If two distributions offer it.
            PolicyDenied: If policy refuses every one.
        """
        wanted, _, plain = name.rpartition(":")
        offered = [p for p in self._found.get(group, ()) if p.name == plain]
        if wanted:
            offered = [p for p in offered if p.distribution == normalize(wanted)]
        kind = group.removeprefix("zoo.").removesuffix("s")
        if not offered:
            known = sorted({p.name for p in self._found.get(group, ())})
            near = nearest(plain, known)
            entry = next((e for e in self.entries(group) if e.name == plain), None)
            error = UnknownDataset if group == DATASETS else RegistryError
            raise error(
                f"there is no {kind} {name!r}",
                why=f"did you mean {' or '.join(near)}?" if near else "no plugin offers it",
                fix=f"pip install {entry.distribution}" if entry else "zoo plugins",
            )
        allowed = [p for p in offered if self._refusal(p) is None]
        if not allowed:
            raise PolicyDenied(
                f"the {kind} {name!r} may not run",
                why="; ".join(filter(None, map(self._refusal, offered))),
                fix="change the rule that is named: ZOO_ALLOW, ZOO_BLOCK, or a zoo.toml",
            )
        pin = None if wanted else self.policy.pinned(plain)
        allowed = [p for p in allowed if pin in (None, p.distribution)] or allowed
        if len(allowed) > 1:
            first = allowed[0].distribution
            raise NameCollision(
                f"the {kind} {name!r} is offered by {len(allowed)} distributions",
                why=", ".join(p.label for p in allowed),
                fix=f"say {first}:{plain}, or export ZOO_PIN={plain}={first}",
            )
        return allowed[0]

    def load(self, group: str, name: str) -> Any:
        """Import the plugin of that name and return the object that its entry point names.

        Raises:
            PluginBroken: If it cannot be imported.
            RegistryError, NameCollision, PolicyDenied: As :meth:`provider`.
        """
        from zoo.registry.loading import load_plugin

        if group == ARCHITECTURES:
            return self.get(name)
        provider = self.provider(group, name)
        key = (group, *provider.key)
        if key not in self._plugins:
            self._plugins[key] = load_plugin(provider, group, self.isolation)
        return self._plugins[key]

    @cached_property
    def isolation(self) -> Quarantine:
        """What is known of strangers' plugins, from this process and from others."""
        from zoo.registry.quarantine import Quarantine

        return self.records or Quarantine.from_environment()

    def announcements(self) -> list[tuple[Provider, str]]:
        """Return every plugin of another distribution that may run, and its group.

        One whose name is none, or that needs another zoo, is left out: it cannot be asked for.
        """
        return [
            (provider, group)
            for group in (ARCHITECTURES, HOOKS)
            for provider in self._found.get(group, ())
            if not provider.is_own
            and self._refusal(provider) is None
            and (group == HOOKS or self._fits(provider))
        ]

    def _fits(self, provider: Provider) -> bool:
        """Return whether a model's name is one, and nothing says that it needs another zoo."""
        if provider.name in self._chooser.misnamed:
            return False
        known_as = identity(*split_version(provider.name))
        return mismatch(provider, self._catalog.of(provider.distribution, known_as)) is None

    def is_ours(self, name: str) -> bool:
        """Return whether the code behind a name is the zoo's or this process's own.

        Raises:
            UnknownModel, NameCollision, PluginBroken, PolicyDenied: See :mod:`zoo.errors`.
        """
        return self._here(name) is not None or self.choose(name).provider.is_own

    def forget(self) -> None:
        """Forget what is known of plugins that do not work, here and from earlier processes."""
        self._quarantine.clear()
        self.isolation.ledger.forget()

    def hook_providers(self) -> list[Provider]:
        """Return the announced hook packages that policy allows."""
        return [p for p in self._found.get(HOOKS, ()) if self._refusal(p) is None]

    def names(self, *, hidden: bool = False) -> list[str]:
        """Return every known name in natural order: installed, registered or cataloged.

        Args:
            hidden: With those of other versions than the one that a plain name means.
        """
        known = {*self._chooser.names(), *self._local}
        if hidden:
            for model in self._chooser.offers:
                _, *others = self._chooser.versions(model)
                known |= {f"{model}@{version}" for version in others}
                known |= {o.identity for o in self._chooser.offers[model] if model not in known}
        return sorted(known, key=natural_order)

    def listing(self, name: str) -> Listing:
        """Say what is known of a name, importing nothing.

        Raises:
            UnknownModel: If nothing is.
            NameCollision: If it can be read in two ways.
            PluginBroken: If policy is strict, and the plugin is known to be broken.
        """
        here = self._here(name)
        if here is not None:
            return Listing(name, "ready", identity=here.info.identity)
        if name in self._chooser.misnamed:
            error = self._chooser.misfit(name)
            status: Status = "denied" if isinstance(error, PolicyDenied) else "broken"
            providers = tuple(self._chooser.misnamed[name])
            return Listing(name, status, providers, problem=error.why, fix=error.fix)
        listing = self._described(name, self._chooser.read(name))
        if self.policy.strict and listing.status == "broken":
            failed = self._failure(listing.providers[0])
            if failed is not None:
                raise failed
        return listing

    def listing_of(self, provider: Provider) -> Listing:
        """Say what is known of one announcement of a model, importing nothing."""
        if provider.name in self._chooser.misnamed:
            return self.listing(provider.name)
        model, version = split_version(provider.name)
        own = Reference(model, provider.distribution, version)
        asked = Reference(model, version="" if is_stable(version) else version)
        for reference in (own, asked):
            listing = self._described(provider.name, reference)
            if listing.status in {"broken", "contested"}:
                break
        return listing

    def _described(self, name: str, reference: Reference) -> Listing:
        try:
            offers = self._chooser.candidates(reference)
        except UnknownModel as error:
            return self._not_installed(name, reference, error)
        versions = tuple(self._chooser.versions(offers[0].model))
        try:
            choice = self._chooser.pick(reference, offers)
        except (PolicyDenied, NameCollision, PluginBroken) as error:
            kinds: dict[type[RegistryError], Status] = {
                PolicyDenied: "denied",
                NameCollision: "contested",
                PluginBroken: "broken",
            }
            providers = tuple(offer.provider for offer in offers)
            entry = self._catalog.of(offers[0].distribution, offers[0].identity)
            return Listing(
                name, kinds[type(error)], providers, entry, error.why, error.fix, versions
            )
        failed = self._failure(choice.provider)
        return Listing(
            name,
            "ready" if failed is None else "broken",
            (choice.provider,),
            choice.entry,
            problem=failed.why if failed is not None else "",
            fix=failed.fix if failed is not None else "",
            versions=versions,
            notice=choice.notice,
            identity=choice.offer.identity,
            weights=choice.weights,
        )

    def _not_installed(self, name: str, reference: Reference, error: UnknownModel) -> Listing:
        for entry in self._catalog.named(reference.model):
            if reference.distribution not in ("", normalize(entry.distribution)):
                continue
            notice = entry.deprecated.sentence(entry.name) if entry.deprecated else ""
            return Listing(
                name,
                "not installed",
                entry=entry,
                problem=error.fix,
                fix=error.fix,
                notice=notice,
                weights=reference.weights,
            )
        raise error

    def listings(
        self,
        pattern: str = "*",
        *,
        task: str | None = None,
        tags: Iterable[str] = (),
        installed: bool = False,
        hidden: bool = False,
    ) -> list[Listing]:
        """Return what is known of every name that matches, in natural order.

        For the arguments see :class:`~zoo.registry.selection.Selection`.
        """
        asked = Selection(pattern, task, frozenset(tags), installed, hidden)
        found = map(self.listing, self.names(hidden=asked.reaches_hidden))
        return [listing for listing in found if asked.takes(listing, *self._facets(listing))]

    def choose(self, name: str) -> Choice:
        """Return which plugin a name means, importing nothing.

        Raises:
            UnknownModel, NameCollision, PluginBroken, PolicyDenied: See :mod:`zoo.errors`.
        """
        if name in self._chooser.misnamed:
            raise self._chooser.misfit(name)
        reference = self._chooser.read(name)
        try:
            offers = self._chooser.candidates(reference)
        except UnknownModel as error:
            if self._quarantine and not self._chooser.is_known(reference.model):
                suspects = [problem.what for problem in self._quarantine.values()]
                raise self._chooser.unknown(reference, suspects) from error
            raise
        return self._chooser.pick(reference, offers)

    def get(self, name: str) -> Architecture[Any]:
        """Return the architecture of that name, importing its plugin if need be.

        Args:
            name: ``cnn``; ``cnn@2``; ``distribution:cnn`` where two distributions offer it;
                ``cnn:mnist`` means the same architecture as ``cnn``.

        Raises:
            UnknownModel, NameCollision, PluginBroken, PolicyDenied: See :mod:`zoo.errors`.
        """
        here = self._here(name)
        if here is not None:
            return here
        choice = self.choose(name)
        self._warn_of(choice)
        provider = choice.provider
        key = provider.key
        if key in self._quarantine:
            raise self._quarantine[key]
        if key not in self._loaded:
            refusal = self._refusal(provider)
            if refusal is not None:
                raise PolicyDenied(f"{name!r} may not run", why=refusal, fix="zoo plugins --verify")
            from zoo.registry.loading import load_architecture

            try:
                self._loaded[key] = load_architecture(provider, self.isolation)
            except PluginBroken as error:
                self._quarantine[key] = error
                raise
            warn_of_deprecations(provider, type(self._loaded[key]))
        return self._loaded[key]

    def recall(self, known_as: str, distribution: str = "") -> Architecture[Any]:
        """Return the architecture that a run or an artifact was made by.

        It is the version that is recorded, whatever a plain name means by now, and of the recorded
        distribution, unless the policy pins the name to another.

        Args:
            known_as: The recorded identity: ``cnn`` is the first version.
            distribution: The recorded distribution, if it is known.

        Raises:
            UnknownModel, NameCollision, PluginBroken, PolicyDenied: See :mod:`zoo.errors`.
        """
        model, version = split_version(known_as)
        if model in self._local or distribution == HERE or self.policy.pinned(model):
            distribution = ""
        return self.get(
            f"{distribution}:{model}@{version}" if distribution else f"{model}@{version}"
        )

    def provenance(self, name: str) -> tuple[str, str]:
        """Return the distribution and the version behind a name that can be had."""
        if self._here(name) is not None:
            return HERE, "0"
        provider = self.choose(name).provider
        return provider.distribution, provider.version

    def weights_of(self, name: str) -> tuple[str, ModelEntry | None]:
        """Return the weights that a name asks for, if any, and what is published of its model."""
        if self._here(name) is not None:
            return next(
                (r.weights for r in parse_reference(name) if r.model in self._local), ""
            ), None
        choice = self.choose(name)
        return choice.weights, choice.entry

    def _here(self, name: str) -> Architecture[Any] | None:
        """Return what was registered in this process under a name, whatever weights it asks for."""
        for reading in parse_reference(name):
            found = self._local.get(reading.model)
            if found is None or reading.distribution:
                continue
            if reading.version in ("", found.info.version):
                return found
        return None

    def _refusal(self, provider: Provider) -> str | None:
        """Return why policy refuses to load a provider; trusted to the byte, its files are read."""
        verdict = self.policy.verdict(provider)
        if not verdict.allowed:
            return verdict.reason
        if not verdict.exact or provider.installed is None:
            return None
        found = verify(provider.installed)
        if found.state == "verified":
            return None
        differs = "; ".join(found.faults[:3]) or found.state
        return f"{verdict.reason}, and {provider.label} is not what was trusted: {differs}"

    def _warn_of(self, choice: Choice) -> None:
        if choice.notice and choice.notice not in self._told:
            self._told.add(choice.notice)
            warnings.warn(choice.notice, ModelDeprecated, stacklevel=3)

    def register(self, architecture: type[Architecture[Any]]) -> None:
        """Make an architecture that is defined in this process known by its name.

        Raises:
            PluginBroken: If it does not follow the contract.
            NameCollision: If an installed distribution offers the name.
        """
        info = getattr(architecture, "info", None)
        name = getattr(info, "name", repr(architecture))
        faults = contract_faults(architecture, getattr(info, "identity", name))
        if faults:
            raise PluginBroken(
                f"{name} cannot be registered", why="; ".join(faults), fix="see zoo.Architecture"
            )
        offers = self._chooser.offers.get(name)
        if offers:
            raise NameCollision(
                f"{name!r} is taken",
                why=f"{offers[0].provider.label} offers it",
                fix="choose another info.name",
            )
        self._local[name] = architecture()

    def _failure(self, provider: Provider) -> PluginBroken | None:
        """Return what is known to be wrong with a plugin, here or from an earlier process."""
        key = provider.key
        if key in self._quarantine or key in self._loaded:
            return self._quarantine.get(key)
        if provider.is_own:
            return None
        from zoo.registry.quarantine import refusal

        verdict = self.isolation.known(provider, ARCHITECTURES)
        if verdict is None or verdict.good:
            return None
        return refusal(provider, verdict, remembered=True)

    def _facets(self, listing: Listing) -> tuple[set[str], set[str]]:
        if listing.name in self._local:
            info = self._local[listing.name].info
            return set(info.tasks), set(info.tags)
        entry = listing.entry
        return (set(entry.tasks), set(entry.tags)) if entry else (set(), set())


__all__ = ["HERE", "Registry"]
