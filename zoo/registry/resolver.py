"""Resolve a name to the one plugin that it means, or say why there is none.

Nothing wins silently: a name that two distributions offer and a text that can be read in two ways
are errors that say how to choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    FIRST_VERSION,
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


@dataclass(frozen=True)
class Resolved:
    """The plugin that a name means.

    Attributes:
        provider: Its entry point.
        identity: Its name without distribution and weights: ``cnn``, ``cnn@2``.
        entry: Its catalog entry.
        weights: The weights that the name asks for; empty if none.
    """

    provider: Provider
    identity: str
    entry: Any = None
    weights: str = ""


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
        self._offers: dict[tuple[str, str], list[Provider]] = {}
        self._invalid: dict[tuple[str, str], list[Provider]] = {}
        self._installed: dict[str, Provider] = {}
        for provider in providers:
            self._installed.setdefault(provider.distribution, provider)
            if provider.group == CATALOGS:
                continue
            if _fault(provider.group, provider.name):
                self._invalid.setdefault((provider.group, provider.name), []).append(provider)
            else:
                model, _ = split_version(provider.name)
                self._offers.setdefault((provider.group, model), []).append(provider)

    def names(self, group: str, *, hidden: bool = False) -> set[str]:
        """Return every name of a group, offered or in the catalog.

        Args:
            group: An entry-point group.
            hidden: Include the versions of a model that its plain name does not mean.
        """
        found = {name for at, name in self._invalid if at == group}
        for at, model in self._offers:
            if at != group:
                continue
            versions = self.versions(group, model)
            stable = [version for version in versions if is_stable(version)]
            found.update([model] if stable else [])
            if hidden:
                found.update(
                    f"{model}@{version}" for version in versions if version not in stable[:1]
                )
        return found | {
            name for name in self._catalog.names(group) if (group, name) not in self._offers
        }

    def versions(self, group: str, model: str) -> list[str]:
        """Return the offered versions of a model, the newest first."""
        found = {
            split_version(provider.name)[1] for provider in self._offers.get((group, model), ())
        }
        return sorted(found, key=version_order, reverse=True)

    def resolve(self, group: str, text: str) -> Resolved:
        """Return the plugin that a name means, importing nothing.

        Raises:
            UnknownModel: If no plugin offers it (``UnknownDataset`` for a dataset).
            NameCollision: If two distributions offer it, or it can be read in two ways.
            PolicyDenied: If the policy refuses it.
            PluginBroken: If its name is not valid, or it needs another version of the zoo.
        """
        reference = self.read(group, text)
        return self.pick(group, reference, self.offers(group, reference))

    def read(self, group: str, text: str) -> Reference:
        """Return the meaning of a text where there are two ways to read it.

        Raises:
            NameCollision: If both ways lead to something.
            UnknownModel: If it is not a name at all.
        """
        if (group, text) in self._invalid:
            return Reference(text)
        if group != ARCHITECTURES:
            distribution, _, name = text.rpartition(":")
            return Reference(name, distribution)
        found = parse_reference(text)
        if len(found) < 2:
            if not found:
                raise self.unknown(group, text)
            return found[0]
        model, weights = found
        is_model = any(
            normalize(model.distribution) == known
            for known in (
                *(p.distribution for p in self._offers.get((group, model.model), ())),
                *(normalize(e.distribution) for e in self._catalog.named(group, model.model)),
            )
        )
        is_weights = any(
            weights.weights == known.id
            for entry in self._catalog.named(group, weights.model)
            for known in entry.weights
        )
        if is_model and is_weights:
            raise NameCollision(
                f"{text!r} can be read in two ways",
                why=f"{model.distribution} is a distribution that offers a model {model.model!r}, "
                f"and {weights.model!r} is a model with weights {weights.weights!r}",
                fix=f"say {text}@{FIRST_VERSION} for the model, "
                f"{weights.model}@{FIRST_VERSION}:{weights.weights} for the weights",
            )
        if is_model:
            return model
        if is_weights or self._is_known(group, weights.model):
            return weights
        if self._is_known(group, model.model):
            return model
        raise self.unknown(group, text)

    def offers(self, group: str, reference: Reference) -> list[Provider]:
        """Return the entry points of a name, of the distribution that is asked for or pinned.

        Raises:
            UnknownModel: If there is none.
        """
        name = reference.model
        offers = self._invalid.get((group, name)) or self._offers.get((group, name), [])
        if not offers:
            raise self.unknown(group, reference)
        pin = None if reference.distribution else self._policy.pins.get(name)
        wanted = pin.distribution if pin else normalize(reference.distribution)
        chosen = [offer for offer in offers if wanted in ("", offer.distribution)]
        if not chosen:
            asked = f", which {pin.source} asks for" if pin else ""
            first = offers[0].distribution
            raise _unknown(
                group,
                f"{wanted} does not offer {name!r}{asked}",
                why=f"offered by {_labels(offers)}",
                fix=f"zoo info {first}:{name}",
            )
        return chosen

    def pick(self, group: str, reference: Reference, offers: Sequence[Provider]) -> Resolved:
        """Return the one entry point that the policy allows and no other competes with.

        Raises:
            PolicyDenied: If none may run.
            UnknownModel: If there is no such version.
            NameCollision: If more than one is left.
            PluginBroken: If its name is not valid, or it needs another version of the zoo.
        """
        name = reference.model
        offers = self._allowed(group, reference, offers)
        if (group, name) in self._invalid:
            raise broken(offers[0], self._misnamed(group, name))
        versions = [
            offer
            for offer in offers
            for version in [split_version(offer.name)[1]]
            if (version == reference.version if reference.version else is_stable(version))
        ]
        if not versions:
            there = sorted({split_version(offer.name)[1] for offer in offers}, key=version_order)
            what = f"version {reference.version}" if reference.version else "stable version"
            raise _unknown(
                group,
                f"{name!r} has no {what}",
                why=f"{_labels(offers)} offers {', '.join(there)}",
                fix=f"zoo info {name}@{there[-1]}",
            )
        distributions = list(dict.fromkeys(offer.distribution for offer in versions))
        if len(distributions) > 1:
            first = distributions[0]
            raise NameCollision(
                f"{name!r} is offered by {len(distributions)} distributions",
                why=_labels(versions),
                fix=f"say {first}:{name}, or export ZOO_PIN={name}={first}",
            )
        best = max(versions, key=lambda offer: version_order(split_version(offer.name)[1]))
        known_as = identity(*split_version(best.name))
        twice = [offer for offer in versions if identity(*split_version(offer.name)) == known_as]
        if len(twice) > 1:
            raise broken(best, f"it announces {best.name!r} {len(twice)} times")
        entry = self._catalog.get(group, best.distribution, known_as)
        if group == ARCHITECTURES and entry is not None and entry.api_version is not None:
            check_api_version(best, entry.api_version)
        return Resolved(best, known_as, entry, reference.weights)

    def unknown(self, group: str, asked: str | Reference) -> ZooError:
        """Return the error for a name that no plugin offers: who would, or the nearest names."""
        kind = kind_of(group)
        ways = [asked] if isinstance(asked, Reference) else parse_reference(asked)
        for entry in [found for way in ways for found in self._catalog.named(group, way.model)]:
            provider = self._installed.get(normalize(entry.distribution))
            if provider is None:
                return _unknown(
                    group,
                    f"{str(asked)!r} is not installed",
                    why=f"the catalog knows it: {entry.summary}",
                    fix=f"pip install {entry.distribution}",
                )
            return _unknown(
                group,
                f"{str(asked)!r} is not there",
                why=f"the catalog says that {provider.label} offers it, and it does not",
                fix=f"pip install --upgrade {entry.distribution}",
            )
        known = sorted(self.names(group, hidden=True))
        near = list(dict.fromkeys(n for way in ways for n in nearest(way.model, known)))[:3]
        near = near or nearest(str(asked).rpartition(":")[2], known)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        invalid = "" if ways else f"it is not a name: {name_fault(str(asked)) or 'see zoo list'}"
        see = {ARCHITECTURES: "zoo list", DATASETS: "zoo datasets", COMMANDS: "zoo --help"}
        info = {COMMANDS: "zoo {} --help"}.get(group, "zoo info {}")
        return _unknown(
            group,
            f"there is no {kind} {str(asked)!r}",
            why=f"{hint}{invalid or 'no installed plugin offers it'}",
            fix=info.format(near[0]) if near else see.get(group, "zoo plugins"),
        )

    def _is_known(self, group: str, name: str) -> bool:
        return (group, name) in self._offers or bool(self._catalog.named(group, name))

    def _allowed(
        self, group: str, reference: Reference, offers: Sequence[Provider]
    ) -> list[Provider]:
        refusals = {offer: self._policy.refusal(offer) for offer in offers}
        pin = None if reference.distribution else self._policy.pins.get(reference.model)
        for offer, refusal in refusals.items():
            if refusal is None and pin and not pin.matches(offer):
                why = f"{reference.model} is pinned to {pin} ({pin.source})"
                refusals[offer] = f"{why}, and {offer.label} is installed"
        allowed = [offer for offer, refusal in refusals.items() if refusal is None]
        if not allowed:
            raise PolicyDenied(
                f"the {kind_of(group)} {reference.model!r} may not run",
                why="; ".join(dict.fromkeys(filter(None, refusals.values()))),
                fix="change the rule that is named: ZOO_ALLOW, ZOO_BLOCK, ZOO_PIN or a zoo.toml",
            )
        return allowed

    def _misnamed(self, group: str, name: str) -> str:
        why = f"{name!r} is not a name: {_fault(group, name)}"
        plain = looks_like(split_version(name)[0])
        if plain != name and (group, plain) in self._offers:
            why += f". It looks like {plain!r}, which is another {kind_of(group)}"
        return why


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
    return PluginBroken(
        f"the {provider.kind} {provider.name!r} from {provider.label} is broken",
        why=reason,
        fix=fix
        or f"pip install --upgrade {name}, or pip uninstall {name}; ZOO_BLOCK={name} keeps "
        "it from running",
    )


def _fault(group: str, name: str) -> str | None:
    """Return why a name is not valid in its group."""
    if group == HOOKS:
        return None
    model, at, version = name.partition("@")
    if at and (group != ARCHITECTURES or not VERSION.fullmatch(version)):
        return "a version is a number, as in cnn@2"
    return name_fault(model.replace("-", "_") if group == COMMANDS else model)


def _unknown(group: str, what: str, *, why: str, fix: str) -> ZooError:
    kinds: dict[str, type[ZooError]] = {ARCHITECTURES: UnknownModel, DATASETS: UnknownDataset}
    return kinds.get(group, RegistryError)(what, why=why, fix=fix)


def _labels(offers: Sequence[Provider]) -> str:
    return ", ".join(dict.fromkeys(offer.label for offer in offers))
