"""Resolve a name to the one plugin that it means, or say why there is none.

Nothing wins silently: a name that two distributions offer is an error that says how to choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoo.errors import (
    NameCollision,
    PluginBroken,
    PolicyDenied,
    RegistryError,
    UnknownDataset,
    UnknownModel,
    ZooError,
)
from zoo.names import (
    VERSION,
    Reference,
    identity,
    is_stable,
    looks_like,
    name_fault,
    nearest,
    parse_reference,
    split_version,
    version_order,
)
from zoo.registry.entrypoints import (
    ARCHITECTURES,
    CATALOGS,
    COMMANDS,
    DATASETS,
    HOOKS,
    OWN,
    Provider,
    kind_of,
    normalize,
)
from zoo.registry.policy import Policy
from zoo.version import API_VERSION, OLDEST_API_VERSION

if TYPE_CHECKING:
    from zoo.registry.catalog import Catalog

Status = Literal["ready", "not installed", "broken", "collision", "denied"]


@dataclass(frozen=True)
class Listing:
    """A name and what is known of it, without importing anything.

    Attributes:
        status: ``ready``; ``not installed`` (the catalog knows it); ``broken`` (it failed to load,
            or its name is not valid); ``collision`` (two distributions offer it); ``denied`` (by
            the policy).
        providers: The entry points that offer it; one if it is ready.
        entry: Its catalog entry.
        error: Why it is not ready.
        versions: The versions of the architecture that are offered, the newest first.
        identity: The name without distribution and weights: ``cnn``, ``cnn@2``.
        weights: The weights that the name asks for; empty if none.
    """

    name: str
    status: Status = "ready"
    providers: tuple[Provider, ...] = ()
    entry: Any = None
    error: ZooError | None = None
    versions: tuple[str, ...] = ()
    identity: str = ""
    weights: str = ""

    @property
    def provider(self) -> Provider:
        """The entry point of a name that is ready."""
        return self.providers[0]

    @property
    def distribution(self) -> str:
        """The distribution that provides it, or would."""
        if self.providers:
            return self.providers[0].distribution
        return self.entry.distribution if self.entry else ""

    @property
    def is_installed(self) -> bool:
        """Whether a distribution provides it, and not this process."""
        return bool(self.providers and self.providers[0].location)

    @property
    def problem(self) -> str:
        """The reason why it is not ready, in words."""
        if self.error is None:
            return ""
        return self.error.fix if self.status == "not installed" else self.error.why

    @property
    def fix(self) -> str:
        """The next step if it is not ready."""
        return self.error.fix if self.error else ""


@dataclass(frozen=True)
class _Offer:
    """A version of a plugin that a distribution offers."""

    provider: Provider
    model: str
    version: str

    @property
    def identity(self) -> str:
        return identity(self.model, self.version)


class Resolver:
    """Resolve names by the entry points, the catalog and the policy.

    Args:
        providers: Every entry point that was found.
        catalog: Catalog entries of all distributions.
        policy: The user's rules.
    """

    def __init__(self, providers: Iterable[Provider], catalog: Catalog, policy: Policy) -> None:
        self._catalog = catalog
        self._policy = policy
        self._offers: dict[tuple[str, str], list[_Offer]] = {}
        self._installed: dict[str, Provider] = {}
        for one in providers:
            self._installed.setdefault(one.distribution, one)
            if one.group != CATALOGS:
                invalid = _fault(one.group, one.name)
                model, version = (one.name, "1") if invalid else split_version(one.name)
                self._offers.setdefault((one.group, model), []).append(_Offer(one, model, version))

    def names(self, group: str, *, hidden: bool = False) -> set[str]:
        """Return every name of a group, offered or in the catalog.

        Args:
            group: An entry-point group.
            hidden: Include the versions of a model that its plain name does not mean.
        """
        names = {name for name in self._catalog.names(group) if (group, name) not in self._offers}
        for model in (model for at, model in self._offers if at == group):
            versions = self.versions(group, model)
            stable = [version for version in versions if is_stable(version)]
            names.update([model] if stable else [])
            if hidden:
                names.update(f"{model}@{other}" for other in versions if other not in stable[:1])
        return names

    def versions(self, group: str, model: str) -> tuple[str, ...]:
        """Return the offered versions of a model, the newest first."""
        found = {offer.version for offer in self._offers.get((group, model), ())}
        return tuple(sorted(found, key=version_order, reverse=True))

    def look_up(self, group: str, text: str) -> Listing:
        """Return the plugin that a name means, or why there is none.

        Args:
            group: An entry-point group.
            text: For a model ``cnn``, ``cnn@2``, ``cnn:mnist`` with weights, or
                ``distribution:cnn``; for other groups the name, or ``distribution:name``.

        Raises:
            UnknownModel: If neither a plugin nor the catalog has the name, or the version
                (``UnknownDataset`` for a dataset).
        """
        reference = self._read(group, text)
        name = reference.model
        offers = self._offers.get((group, name), [])
        pin = None if reference.distribution else self._policy.pins.get(name)
        wanted = pin.distribution if pin else normalize(reference.distribution)
        chosen = [offer for offer in offers if wanted in ("", offer.provider.distribution)]
        if not chosen:
            error = self._unknown(group, text if group == ARCHITECTURES else reference)
            if offers:
                asked = f", which {pin.source} asks for" if pin else ""
                what = f"{wanted} does not offer {name!r}{asked}"
                error = _error(group)(what, why=f"offered by {_labels(offers)}", fix="zoo plugins")
            for entry in self._catalog.named(group, name):
                if wanted in ("", normalize(entry.distribution)):
                    return Listing(
                        *(text, "not installed", (), entry, error), weights=reference.weights
                    )
            raise error
        versions = self.versions(group, name)
        try:
            best = self._pick(group, reference, chosen)
        except (NameCollision, PluginBroken, PolicyDenied) as error:
            first = chosen[0]
            entry = self._catalog.get(group, name, first.provider.distribution, first.identity)
            status: Status = "broken"
            if not isinstance(error, PluginBroken):
                status = "denied" if isinstance(error, PolicyDenied) else "collision"
            providers = tuple(offer.provider for offer in chosen)
            return Listing(text, status, providers, entry, error, versions)
        return Listing(
            text,
            providers=(best.provider,),
            entry=self._catalog.get(group, name, best.provider.distribution, best.identity),
            versions=versions,
            identity=best.identity,
            weights=reference.weights,
        )

    def _read(self, group: str, text: str) -> Reference:
        """Return the parts of a name; ``a:b`` are weights ``b`` if there is a model ``a``."""
        if (group, text) in self._offers:
            return Reference(text)
        if group != ARCHITECTURES:
            distribution, _, name = text.rpartition(":")
            return Reference(name, distribution)
        found = parse_reference(text)
        if not found:
            raise self._unknown(group, text)
        weights = found[-1].model
        is_model = (group, weights) in self._offers or self._catalog.named(group, weights)
        return found[-1] if is_model else found[0]

    def _pick(self, group: str, reference: Reference, offers: Sequence[_Offer]) -> _Offer:
        """Return the one offer that the policy allows and no other competes with."""
        name = reference.model
        offers = self._allowed(group, reference, offers)
        invalid = _fault(group, offers[0].provider.name)
        if invalid:
            plain = looks_like(split_version(name)[0])
            other = f". It looks like {plain!r}" if (group, plain) in self._offers else ""
            raise broken(offers[0].provider, f"{name!r} is not a name: {invalid}{other}")
        version = reference.version
        versions = [
            offer
            for offer in offers
            if (offer.version == version if version else is_stable(offer.version))
        ]
        if not versions:
            there = sorted({offer.version for offer in offers}, key=version_order)
            raise _error(group)(
                f"{name!r} has no {f'version {version}' if version else 'stable version'}",
                why=f"{_labels(offers)} offers {', '.join(there)}",
                fix=f"zoo info {name}@{there[-1]}",
            )
        distributions = list(dict.fromkeys(offer.provider.distribution for offer in versions))
        if len(distributions) > 1:
            first = distributions[0]
            raise NameCollision(
                f"{name!r} is offered by {len(distributions)} distributions",
                why=_labels(versions),
                fix=f"say {first}:{name}, or export ZOO_PIN={name}={first}",
            )
        best = max(versions, key=lambda offer: version_order(offer.version))
        twice = [offer for offer in versions if offer.identity == best.identity]
        if len(twice) > 1:
            why = f"it announces {best.provider.name!r} {len(twice)} times"
            raise broken(best.provider, why)
        entry = self._catalog.get(group, name, distributions[0], best.identity)
        if getattr(entry, "api_version", None) is not None:
            check_api_version(best.provider, entry.api_version)
        return best

    def _allowed(
        self, group: str, reference: Reference, offers: Sequence[_Offer]
    ) -> Sequence[_Offer]:
        name = reference.model
        pin = None if reference.distribution else self._policy.pins.get(name)
        allowed, refusals = [], []
        for offer in offers:
            refusal = self._policy.refusal(offer.provider)
            if refusal is None and pin and not pin.matches(offer.provider):
                refusal = f"{name} is pinned to {pin} ({pin.source})"
                refusal += f", and {offer.provider.label} is installed"
            if refusal is None:
                allowed.append(offer)
            else:
                refusals.append(refusal)
        if not allowed:
            raise PolicyDenied(
                f"the {kind_of(group)} {name!r} may not run",
                why="; ".join(dict.fromkeys(refusals)),
                fix="change the rule that is named: ZOO_ALLOW, ZOO_BLOCK, ZOO_PIN or a zoo.toml",
            )
        return allowed

    def _unknown(self, group: str, asked: str | Reference) -> ZooError:
        """Return the error for a name that no plugin offers: who would, or the nearest names."""
        ways = [asked] if isinstance(asked, Reference) else parse_reference(asked)
        for entry in [found for way in ways for found in self._catalog.named(group, way.model)]:
            provider = self._installed.get(normalize(entry.distribution))
            what = f"{str(asked)!r} is not {'there' if provider else 'installed'}"
            why = f"the catalog knows it: {entry.summary}"
            if provider:
                why = f"the catalog says that {provider.label} offers it, and it does not"
            upgrade = "--upgrade " if provider else ""
            return _error(group)(what, why=why, fix=f"pip install {upgrade}{entry.distribution}")
        known = sorted(self.names(group, hidden=True))
        near = list(dict.fromkeys(n for way in ways for n in nearest(way.model, known)))[:3]
        near = near or nearest(str(asked).rpartition(":")[2], known)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        invalid = "" if ways else f"it is not a name: {name_fault(str(asked)) or 'see zoo list'}"
        see = {ARCHITECTURES: "zoo list", DATASETS: "zoo datasets", COMMANDS: "zoo --help"}
        fix = see.get(group, "zoo plugins")
        if near:
            fix = f"zoo {near[0]} --help" if group == COMMANDS else f"zoo info {near[0]}"
        what = f"there is no {kind_of(group)} {str(asked)!r}"
        return _error(group)(what, why=hint + (invalid or "no installed plugin offers it"), fix=fix)


def check_api_version(provider: Provider, needed: int) -> None:
    """Refuse a plugin that is written for a version of the interface that is not supported.

    Raises:
        PluginBroken: With the package to upgrade.
    """
    if OLDEST_API_VERSION <= needed <= API_VERSION:
        return
    package = OWN if needed > API_VERSION else provider.distribution
    raise PluginBroken(
        f"{provider.name!r} from {provider.label} does not fit this zoo",
        why=f"it is written for version {needed} of the plugin interface, and this zoo supports "
        f"version {API_VERSION}: upgrade {package}",
        fix=f"pip install --upgrade {package}",
    )


def broken(provider: Provider, reason: str, fix: str = "") -> PluginBroken:
    """Return the error for a plugin that does not work."""
    name = provider.distribution
    default = f"pip install --upgrade {name}, or pip uninstall {name}; ZOO_BLOCK={name} disables it"
    what = f"the {provider.kind} {provider.name!r} from {provider.label} is broken"
    return PluginBroken(what, why=reason, fix=fix or default)


def _fault(group: str, name: str) -> str | None:
    """Return why a name is not valid in its group."""
    if group == HOOKS:
        return None
    model, at, version = name.partition("@")
    if at and (group != ARCHITECTURES or not VERSION.fullmatch(version)):
        return "a version is a number, as in cnn@2"
    return name_fault(model.replace("-", "_") if group == COMMANDS else model)


def _error(group: str) -> type[ZooError]:
    kinds: dict[str, type[ZooError]] = {ARCHITECTURES: UnknownModel, DATASETS: UnknownDataset}
    return kinds.get(group, RegistryError)


def _labels(offers: Sequence[_Offer]) -> str:
    return ", ".join(dict.fromkeys(offer.provider.label for offer in offers))
