"""Resolve the name of a model to the plugin that provides it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from zoo.architecture import Architecture
from zoo.errors import (
    CatalogueInvalid,
    NameCollision,
    PluginBroken,
    PolicyDenied,
    RegistryError,
    UnknownModel,
)
from zoo.registry.catalogue import (
    ModelEntry,
    fragment_path,
    merge,
    own_catalogue_path,
    read_catalogue,
)
from zoo.registry.contract import broken, contract_faults
from zoo.registry.entrypoints import ARCHITECTURES, CATALOGUES, HOOKS, Provider, normalise, scan
from zoo.registry.policy import Policy
from zoo.spec import NAME, Task

if TYPE_CHECKING:
    from zoo.registry.quarantine import Quarantine

Status = Literal["ready", "not installed", "broken", "contested", "denied"]


@dataclass(frozen=True)
class Listing:
    """One line of a listing: known without importing anything.

    Attributes:
        status: ``ready``; ``not installed`` (the catalogue knows it); ``broken`` (it failed to
            load); ``contested`` (two distributions offer it); ``denied`` (by policy).
        providers: The distributions that offer it.
        entry: What the catalogue says of it.
        problem: Why it is not ready, as one line.
    """

    name: str
    status: Status
    providers: tuple[Provider, ...] = ()
    entry: ModelEntry | None = None
    problem: str = ""

    @property
    def distribution(self) -> str:
        """The distribution that provides it, or would."""
        if self.providers:
            return self.providers[0].distribution
        return self.entry.distribution if self.entry else ""


@dataclass
class Registry:
    """Every model that can be asked for by name.

    Args:
        policy: What may run.
        providers: What is announced, by group; ``None`` asks the installed distributions.
        records: What is known of strangers' plugins; ``None`` reads the surroundings.
    """

    policy: Policy = field(default_factory=Policy.from_environment)
    providers: dict[str, list[Provider]] | None = None
    records: Quarantine | None = None
    _loaded: dict[tuple[str, str], Architecture[Any]] = field(default_factory=dict)
    _quarantine: dict[tuple[str, str], PluginBroken] = field(default_factory=dict)
    _local: dict[str, Architecture[Any]] = field(default_factory=dict)

    @cached_property
    def _found(self) -> dict[str, list[Provider]]:
        return scan() if self.providers is None else self.providers

    @cached_property
    def _offers(self) -> dict[str, list[Provider]]:
        offers: dict[str, list[Provider]] = {}
        for provider in self._found.get(ARCHITECTURES, ()):
            offers.setdefault(provider.name, []).append(provider)
        return offers

    @cached_property
    def _catalogue(self) -> tuple[dict[str, ModelEntry], list[CatalogueInvalid]]:
        fragments: list[tuple[str, Iterable[ModelEntry]]] = []
        problems: list[CatalogueInvalid] = []
        own = own_catalogue_path()
        if own.exists():
            fragments.append(("neural-zoo", read_catalogue(own)))
        for provider in self._found.get(CATALOGUES, ()):
            if self.policy.refusal(provider):
                continue
            try:
                fragments.append((provider.distribution, read_catalogue(fragment_path(provider))))
            except CatalogueInvalid as error:
                if self.policy.strict:
                    raise
                problems.append(error)
        return merge(fragments), problems

    @property
    def catalogue(self) -> dict[str, ModelEntry]:
        """The union of all catalogues, by model name."""
        return self._catalogue[0]

    @property
    def catalogue_problems(self) -> list[CatalogueInvalid]:
        """The fragments that could not be read."""
        return self._catalogue[1]

    @property
    def quarantine(self) -> list[PluginBroken]:
        """The plugins that failed to load in this process."""
        return list(self._quarantine.values())

    @cached_property
    def isolation(self) -> Quarantine:
        """What is known of strangers' plugins, from this process and from others."""
        from zoo.registry.quarantine import Quarantine

        return self.records or Quarantine.from_environment()

    def announcements(self) -> list[tuple[Provider, str]]:
        """Return every plugin of another distribution that may run, and its group.

        One whose name is none is left out: it cannot be asked for.
        """
        return [
            (provider, group)
            for group in (ARCHITECTURES, HOOKS)
            for provider in self._found.get(group, ())
            if not provider.is_own
            and self.policy.refusal(provider) is None
            and (group == HOOKS or NAME.fullmatch(provider.name))
        ]

    def is_ours(self, name: str) -> bool:
        """Return whether the code behind a name is the zoo's or this process's own.

        Raises:
            UnknownModel, NameCollision, PluginBroken, PolicyDenied: See :mod:`zoo.errors`.
        """
        return name in self._local or self._choose(name).is_own

    def forget(self) -> None:
        """Forget what is known of plugins that do not work, here and from earlier processes."""
        self._quarantine.clear()
        self.isolation.ledger.forget()

    def hook_providers(self) -> list[Provider]:
        """Return the announced hook packages that policy allows."""
        return [p for p in self._found.get(HOOKS, ()) if self.policy.refusal(p) is None]

    def names(self) -> list[str]:
        """Return every known name in natural order: installed, registered or catalogued."""
        known = {*self._offers, *self._local, *self.catalogue}
        return sorted(known, key=natural_order)

    def listing(self, name: str) -> Listing:
        """Say what is known of a name, importing nothing.

        Raises:
            UnknownModel: If nothing is.
            PluginBroken: If policy is strict, and the plugin is known to be broken.
        """
        entry = self.catalogue.get(name)
        if name in self._local:
            return Listing(name, "ready", entry=None)
        offers = self._offers.get(name, [])
        if not offers:
            if entry is None:
                raise self._unknown(name)
            return Listing(name, "not installed", entry=entry, problem=_install(entry))
        try:
            provider = self._choose(name)
        except PolicyDenied as error:
            return Listing(name, "denied", tuple(offers), entry, error.why)
        except NameCollision as error:
            return Listing(name, "contested", tuple(offers), entry, error.why)
        except PluginBroken as error:
            return Listing(name, "broken", tuple(offers), entry, error.why)
        if entry is not None and normalise(entry.distribution) != provider.distribution:
            entry = None  # the catalogue describes somebody else's model of that name
        failed = self._failure(provider)
        if failed is not None:
            if self.policy.strict:
                raise failed
            return Listing(name, "broken", (provider,), entry, failed.why)
        return Listing(name, "ready", (provider,), entry)

    def listings(
        self, pattern: str = "*", *, task: str | None = None, tags: Iterable[str] = ()
    ) -> list[Listing]:
        """Return what is known of every name that matches, in natural order."""
        if task is not None and task not in set(Task):
            near = difflib.get_close_matches(task, list(Task), n=1)
            raise RegistryError(
                f"there is no task {task!r}",
                why=f"tasks are {', '.join(Task)}",
                fix=f"zoo list --task {near[0] if near else Task.CLASSIFICATION}",
            )
        wanted = set(tags)
        listings = []
        for name in self.names():
            if not fnmatchcase(name, pattern):
                continue
            listing = self.listing(name)
            if task is not None or wanted:
                tasks, has = self._facets(listing)
                if (task is not None and task not in tasks) or not wanted <= has:
                    continue
            listings.append(listing)
        return listings

    def get(self, name: str) -> Architecture[Any]:
        """Return the architecture of that name, importing its plugin if need be.

        Args:
            name: ``cnn``, or ``distribution:cnn`` where two distributions offer it.

        Raises:
            UnknownModel, NameCollision, PluginBroken, PolicyDenied: See :mod:`zoo.errors`.
        """
        if name in self._local:
            return self._local[name]
        provider = self._choose(name)
        key = (provider.distribution, provider.name)
        if key in self._quarantine:
            raise self._quarantine[key]
        if key not in self._loaded:
            from zoo.registry.loading import load_architecture

            try:
                self._loaded[key] = load_architecture(provider, self.isolation)
            except PluginBroken as error:
                self._quarantine[key] = error
                raise
        return self._loaded[key]

    def provenance(self, name: str) -> tuple[str, str]:
        """Return the distribution and the version behind a name that can be had."""
        if name in self._local:
            return "(registered here)", "0"
        provider = self._choose(name)
        return provider.distribution, provider.version

    def register(self, architecture: type[Architecture[Any]]) -> None:
        """Make an architecture that is defined in this process known by its name.

        Raises:
            PluginBroken: If it does not follow the contract.
            NameCollision: If an installed distribution offers the name.
        """
        info = getattr(architecture, "info", None)
        name = getattr(info, "name", repr(architecture))
        faults = contract_faults(architecture, name)
        if faults:
            raise PluginBroken(
                f"{name} cannot be registered", why="; ".join(faults), fix="see zoo.Architecture"
            )
        if name in self._offers:
            raise NameCollision(
                f"{name!r} is taken",
                why=f"{self._offers[name][0].label} offers it",
                fix="choose another info.name",
            )
        self._local[name] = architecture()

    def _failure(self, provider: Provider) -> PluginBroken | None:
        """Return what is known to be wrong with a plugin, here or from an earlier process."""
        key = (provider.distribution, provider.name)
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

    def _choose(self, name: str) -> Provider:
        """Return the one provider of a name that policy allows."""
        distribution, _, model = name.rpartition(":")
        offers = self._offers.get(model, [])
        if not offers:
            raise self._unknown(model)
        wanted = normalise(distribution) if distribution else self.policy.pinned(model)
        if wanted is not None:
            chosen = [offer for offer in offers if offer.distribution == wanted]
            if not chosen:
                raise UnknownModel(
                    f"{wanted} does not offer {model!r}",
                    why=f"offered by {', '.join(offer.label for offer in offers)}",
                    fix=f"zoo info {offers[0].distribution}:{model}",
                )
            offers = chosen
        allowed = [offer for offer in offers if self.policy.refusal(offer) is None]
        if not allowed:
            raise PolicyDenied(
                f"{model!r} may not run",
                why="; ".join(filter(None, map(self.policy.refusal, offers))),
                fix="change ZOO_ALLOW or ZOO_BLOCK",
            )
        if len(allowed) > 1:
            first = allowed[0].distribution
            raise NameCollision(
                f"{model!r} is offered by {len(allowed)} distributions",
                why=", ".join(offer.label for offer in allowed),
                fix=f"say {first}:{model}, or export ZOO_PIN={model}={first}",
            )
        if not NAME.fullmatch(model):
            raise broken(
                allowed[0], f"{model!r} is not a name: lower-case letters, digits, underscores"
            )
        return allowed[0]

    def _unknown(self, name: str) -> UnknownModel:
        entry = self.catalogue.get(name)
        if entry is not None:
            return UnknownModel(
                f"{name!r} is not installed",
                why=f"the catalogue knows it: {entry.summary}",
                fix=_install(entry),
            )
        near = difflib.get_close_matches(name.lower(), self.names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        suspects = [e.what for e in self._quarantine.values()]
        return UnknownModel(
            f"there is no model {name!r}",
            why=f"{hint}{'; '.join(suspects) or 'no installed plugin offers it'}",
            fix=f"zoo info {near[0]}" if near else "zoo list",
        )


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts ``vgg9`` before ``vgg16``."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
        if part
    ]


def _install(entry: ModelEntry) -> str:
    return f"pip install {entry.distribution}"


__all__ = ["Listing", "Registry", "Status", "natural_order"]
