"""Resolve names to plugins. Nothing wins silently: a name with two providers is an error."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from zoo.environment import missing_requirement
from zoo.errors import (
    NameCollision,
    PluginBroken,
    PolicyDenied,
    RegistryError,
    UnknownDataset,
    UnknownModel,
    ZooError,
)
from zoo.names import Reference, name_fault, natural_order, nearest, parse_reference, split_version
from zoo.registry.entrypoints import (
    ARCHITECTURES,
    CATALOGS,
    COMMANDS,
    DATASETS,
    HERE,
    Provider,
    kind_of,
    normalize,
    scan,
)
from zoo.registry.policy import Policy, read_policy

if TYPE_CHECKING:
    from zoo.architecture import Architecture
    from zoo.registry.catalog import Catalog

_UNKNOWN: dict[str, type[ZooError]] = {ARCHITECTURES: UnknownModel, DATASETS: UnknownDataset}
_LISTS = {ARCHITECTURES: "zoo list", DATASETS: "zoo datasets", COMMANDS: "zoo --help"}


@dataclass(frozen=True)
class Listing:
    """A name and what is known of it, without importing anything.

    Attributes:
        providers: The entry points that offer it: one if it is ready, none if not installed.
        entry: Its catalog entry.
        error: The reason why it is not ready.
        versions: The versions of the architecture that are offered, the newest first.
        identity: The name without distribution and weights: ``cnn``, ``cnn@2``.
        weights: The weights that the name asks for; empty if none.
    """

    name: str
    providers: tuple[Provider, ...] = ()
    entry: Any = None
    error: ZooError | None = None
    versions: tuple[str, ...] = ()
    identity: str = ""
    weights: str = ""

    @property
    def status(self) -> Literal["ready", "not installed", "broken", "collision", "denied"]:
        """Whether it can be loaded; ``broken`` if it failed to load, or its name is not valid."""
        if self.error is None:
            return "ready"
        if not self.providers:
            return "not installed"
        if isinstance(self.error, NameCollision):
            return "collision"
        return "denied" if isinstance(self.error, PolicyDenied) else "broken"

    @property
    def provider(self) -> Provider:
        """The entry point of a name that is ready."""
        return self.providers[0]

    @property
    def distribution(self) -> str:
        """The distribution that provides it, or would."""
        if self.providers:
            return self.provider.distribution
        return self.entry.distribution if self.entry else ""

    @property
    def is_installed(self) -> bool:
        """Whether a distribution provides it, and not this process."""
        return bool(self.providers) and self.distribution != HERE

    @property
    def problem(self) -> str:
        """The reason why it is not ready, in words."""
        if self.error is None:
            return ""
        return self.error.why if self.providers else self.error.fix

    @property
    def fix(self) -> str:
        """The next step if it is not ready."""
        return self.error.fix if self.error else ""


@dataclass
class Registry:
    """Every plugin that can be asked for by name.

    Args:
        policy: The user's rules; read from files and environment by default.
        announced: Entry points, allowed or not; those of the installed distributions by default.
    """

    policy: Policy = field(default_factory=read_policy)
    announced: list[Provider] = field(default_factory=scan)
    _loaded: dict[Provider, Any] = field(default_factory=dict)
    _failed: dict[Provider, ZooError] = field(default_factory=dict)
    _local: dict[str, Provider] = field(default_factory=dict)
    _known: dict[tuple[str, str], Listing] = field(default_factory=dict)

    @cached_property
    def catalog(self) -> Catalog:
        """Everything that is published about models, datasets and commands."""
        from zoo.registry.catalog import Catalog

        return Catalog(one for one in self.announced if self.policy.refusal(one) is None)

    @cached_property
    def _offers(self) -> dict[tuple[str, str], list[Provider]]:
        """Entry points by group and name, whatever their version."""
        offers: dict[tuple[str, str], list[Provider]] = {}
        for one in [*self.announced, *self._local.values()]:
            if one.group != CATALOGS:
                offers.setdefault((one.group, one.plain_name), []).append(one)
        return offers

    def providers(self, group: str | None = None) -> list[Provider]:
        """Return the allowed entry points of a group; of all but ``zoo.catalogs`` by default."""
        return [
            one
            for one in self.announced
            if (one.group == group if group else one.group != CATALOGS)
            and self.policy.refusal(one) is None
        ]

    def names(self, group: str = ARCHITECTURES) -> list[str]:
        """Return every name of a group in natural order: installed, registered or cataloged."""
        offered = {name for at, name in self._offers if at == group}
        return sorted(offered.union(self.catalog.names(group)), key=natural_order)

    def listings(
        self,
        pattern: str = "*",
        *,
        group: str = ARCHITECTURES,
        task: str | None = None,
        tags: Iterable[str] = (),
        installed: bool = False,
    ) -> list[Listing]:
        """Return what is known of the names of a group that match, in natural order.

        Raises:
            RegistryError: If nothing is for that task.
        """
        wanted, chosen = set(tags), []
        known: set[str] = set()
        for name in self.names(group):
            listing = self.listing(name, group)
            about = listing.entry
            if listing.distribution == HERE:
                about = self._loaded[listing.provider].info
            tasks = getattr(about, "tasks", None) or (getattr(about, "task", ""),)
            known.update(filter(None, tasks))
            if (
                fnmatch.fnmatchcase(name, pattern)
                and not (installed and listing.status == "not installed")
                and (task is None or task in tasks)
                and wanted <= set(getattr(about, "tags", ()))
            ):
                chosen.append(listing)
        if task is not None and task not in known:
            near = nearest(task, known, count=1) or sorted(known)[:1]
            what, fix = f"nothing is for a task {task!r}", " --task ".join(["zoo list", *near])
            raise RegistryError(what, why=f"tasks are {', '.join(sorted(known))}", fix=fix)
        return chosen

    def listing(self, name: str, group: str = ARCHITECTURES) -> Listing:
        """Return what is known of a name, importing nothing.

        Raises:
            UnknownModel: If nothing is (``UnknownDataset`` for a dataset).
        """
        found = self._known.get((group, name))
        if found is None:
            found = self._known[group, name] = self._look_up(group, name)
        if found.error or not self._failed:
            return found
        return replace(found, error=self._failed.get(found.provider))

    def resolve(self, name: str, group: str = ARCHITECTURES) -> Listing:
        """Return the one plugin that a name means, importing nothing.

        Args:
            name: For a model ``cnn``, ``cnn@2``, ``cnn:mnist`` with weights, or
                ``distribution:cnn``; for other groups the name, or ``distribution:name``.
            group: Its entry-point group.

        Raises:
            UnknownModel, UnknownDataset, RegistryError: If no plugin offers it.
            NameCollision: If two distributions offer it.
            PolicyDenied: If the policy refuses it.
            PluginBroken: If it failed before, or its name is not valid.
        """
        found = self.listing(name, group)
        if found.error is not None:
            raise found.error
        return found

    def load(self, group: str, name: str | Listing) -> Any:
        """Import the plugin that a name means, once; an architecture is instantiated.

        Raises:
            PluginBroken: If it cannot be imported, or is not what the group asks for.
            UnknownModel, NameCollision, PolicyDenied: As :meth:`resolve`.
        """
        provider = (self.resolve(name, group) if isinstance(name, str) else name).provider
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

        It has the recorded version (``cnn`` is the first), whatever a plain name means by now, and
        is of the recorded distribution, unless the policy pins the name to another.
        """
        model, version = split_version(known_as)
        if model in self._local or distribution == HERE or model in self.policy.pins:
            distribution = ""
        return self.get(f"{Reference(model, distribution)}@{version}")

    def register(self, architecture: type[Architecture[Any]]) -> None:
        """Make an architecture known that is defined in this process; see :func:`zoo.register`."""
        from zoo.registry.loader import check_architecture

        known_as = getattr(getattr(architecture, "info", None), "identity", repr(architecture))
        provider = Provider(known_as, "", ARCHITECTURES, HERE, "0", "")
        check_architecture(architecture, provider)
        name = provider.plain_name
        offers = [one for one in self._offers.get((ARCHITECTURES, name), ()) if one.location]
        if offers:
            why = f"{_labels(offers)} offers it"
            raise NameCollision(f"{name!r} is taken", why=why, fix="choose another info.name")
        self._local[name] = provider
        self._loaded[provider] = architecture()
        self._known.clear()
        del self._offers

    def _look_up(self, group: str, text: str) -> Listing:
        reference = self._read(group, text)
        name, weights = reference.model, reference.weights
        offers = self._offers.get((group, name), [])
        pin = None if reference.distribution else self.policy.pins.get(name)
        wanted = pin.distribution if pin else normalize(reference.distribution)
        chosen = [one for one in offers if wanted in ("", one.distribution)]
        if not chosen:
            for entry in self.catalog.named(group, name):
                if wanted in ("", normalize(entry.distribution)):
                    error = self._not_installed(group, reference, entry)
                    return Listing(text, entry=entry, error=error, weights=weights)
            if not offers:
                raise self._unknown(group, text)
            what = f"{wanted} does not offer {name!r}"
            what += f", which {pin.source} asks for" if pin else ""
            raise _error(group, what, f"offered by {_labels(offers)}", "zoo plugins")
        failed: ZooError | None = None
        try:
            chosen = [self._choose(group, reference, chosen)]
        except (NameCollision, PluginBroken, PolicyDenied) as error:
            failed = error
        best, versions = chosen[0], _versions(offers)
        entry = self.catalog.entry(best)
        return Listing(text, tuple(chosen), entry, failed, versions, best.identity, weights)

    def _read(self, group: str, text: str) -> Reference:
        """Return the parts of a name; ``a:b`` are weights ``b`` if there is a model ``a``."""
        if (group, text) in self._offers:
            return Reference(text)
        if group != ARCHITECTURES:
            distribution, _, name = text.rpartition(":")
            return Reference(name, distribution)
        for reference in reversed(found := parse_reference(text)):
            at = (group, reference.model)
            if at in self._offers or self.catalog.named(*at):
                return reference
        return found[0] if found else Reference(text)

    def _choose(self, group: str, reference: Reference, offers: Sequence[Provider]) -> Provider:
        """Return the one offer that the policy allows and no other competes with."""
        name, version = reference.model, reference.version
        refusals = [self.policy.refusal(one) for one in offers]
        offers = [one for one, refusal in zip(offers, refusals, strict=True) if refusal is None]
        if not offers:
            raise PolicyDenied(
                f"the {kind_of(group)} {name!r} may not run",
                why="; ".join(dict.fromkeys(filter(None, refusals))),
                fix="change the rule that is named: ZOO_ALLOW, ZOO_BLOCK or a zoo.toml",
            )
        if offers[0].fault:
            raise offers[0].broken(f"{name!r} is not a name: {offers[0].fault}")
        fitting = [one for one in offers if version in ("", one.model_version)]
        if not fitting:
            known = _versions(offers)
            why = f"{_labels(offers)} offers {', '.join(known)}"
            what = f"{name!r} has no version {version}"
            raise _error(group, what, why, f"zoo info {name}@{known[0]}")
        distributions = list(dict.fromkeys(one.distribution for one in fitting))
        if len(distributions) > 1:
            first = distributions[0]
            raise NameCollision(
                f"{name!r} is offered by {len(distributions)} distributions",
                why=_labels(fitting),
                fix=f"say {first}:{name}, or export ZOO_PIN={name}={first}",
            )
        newest = [one for one in fitting if one.model_version == _versions(fitting)[0]]
        if len(newest) > 1:
            raise newest[0].broken(f"it announces {name!r} {len(newest)} times")
        if missing := missing_requirement(newest[0].requires):
            raise newest[0].broken(f"it requires {missing}", f"pip install '{missing}'")
        return newest[0]

    def _not_installed(self, group: str, reference: Reference, entry: Any) -> ZooError:
        """Return the error for a name that only the catalog knows."""
        package = normalize(entry.distribution)
        upgrade = any(one.distribution == package for one in self.announced)
        return _error(
            group,
            f"{str(reference)!r} is not installed",
            f"the catalog knows it: {entry.summary}",
            f"pip install {'--upgrade ' if upgrade else ''}{package}",
        )

    def _unknown(self, group: str, text: str) -> ZooError:
        """Return the error for a name that nothing is known of: the nearest names."""
        known = self.names(group)
        near = [one for word in re.split("[:@]", text) if word for one in nearest(word, known)]
        why, fix = "no installed plugin offers it", _LISTS.get(group, "zoo plugins")
        if group == ARCHITECTURES and not parse_reference(text):
            why = f"it is not a name: {name_fault(text)}"
        if near:
            why = f"did you mean {' or '.join(list(dict.fromkeys(near))[:3])}? {why}"
            fix = f"zoo {near[0]} --help" if group == COMMANDS else f"zoo info {near[0]}"
        return _error(group, f"there is no {kind_of(group)} {text!r}", why, fix)


def _error(group: str, what: str, why: str, fix: str) -> ZooError:
    return _UNKNOWN.get(group, RegistryError)(what, why=why, fix=fix)


def _labels(providers: Iterable[Provider]) -> str:
    return ", ".join(dict.fromkeys(one.label for one in providers))


def _versions(providers: Iterable[Provider]) -> tuple[str, ...]:
    """Return the versions of an architecture, the newest first."""
    found = {one.model_version for one in providers}
    return tuple(sorted(found, key=int, reverse=True))
