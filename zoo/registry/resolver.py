"""Choose the one plugin that a name means, or say why there is none.

Nobody wins in silence: a name that two distributions offer, a name that is one distribution's
model and another's alias, and a text that can be read in two ways are errors that say how to
choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from zoo.errors import (
    NameCollision,
    PluginBroken,
    PolicyDenied,
    RegistryError,
    UnknownModel,
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
from zoo.registry.catalog import ModelEntry
from zoo.registry.contract import broken
from zoo.registry.entrypoints import ARCHITECTURES, Provider, normalize
from zoo.registry.fragments import Catalog
from zoo.registry.interface import mismatch
from zoo.registry.policy import Policy


@dataclass(frozen=True)
class Offer:
    """A distribution offers a version of a model."""

    provider: Provider
    model: str
    version: str

    @property
    def distribution(self) -> str:
        """Who offers it."""
        return self.provider.distribution

    @property
    def identity(self) -> str:
        """What it is called."""
        return identity(self.model, self.version)


@dataclass(frozen=True)
class Choice:
    """What a name means.

    Attributes:
        offer: The plugin.
        entry: What the catalog says of it.
        weights: The weights that the name asks for; empty if it names none.
        notice: That the name is deprecated, and what to use instead; empty if it is not.
    """

    offer: Offer
    entry: ModelEntry | None = None
    weights: str = ""
    notice: str = ""

    @property
    def provider(self) -> Provider:
        """Who would be loaded."""
        return self.offer.provider


class Chooser:
    """Knows every offer and what the catalog and the policy say of it.

    Args:
        found: What is announced, by group.
        catalog: What is published.
        policy: What may run.
    """

    def __init__(
        self, found: Mapping[str, Sequence[Provider]], catalog: Catalog, policy: Policy
    ) -> None:
        self._found = found
        self._catalog = catalog
        self._policy = policy
        self.offers: dict[str, list[Offer]] = {}
        self.misnamed: dict[str, list[Provider]] = {}
        for provider in found.get(ARCHITECTURES, ()):
            model, version = split_version(provider.name)
            at = "@" in provider.name
            if name_fault(model) or (at and not VERSION.fullmatch(version)):
                self.misnamed.setdefault(provider.name, []).append(provider)
            else:
                self.offers.setdefault(model, []).append(Offer(provider, model, version))

    @cached_property
    def _installed(self) -> dict[str, Provider]:
        """One announcement of each distribution that announces anything."""
        return {p.distribution: p for group in self._found.values() for p in group}

    def names(self) -> set[str]:
        """Return every name that something answers to, but for other versions and aliases."""
        stable = {m for m, found in self.offers.items() if any(is_stable(o.version) for o in found)}
        described = {
            entry.name
            for entry in self._catalog.entries.values()
            if is_stable(entry.version) and entry.name not in self.offers
        }
        return stable | described | set(self.misnamed)

    def versions(self, model: str) -> list[str]:
        """Return the versions of a model that are offered, the newest first."""
        found = {offer.version for offer in self.offers.get(model, ())}
        return sorted(found, key=version_order, reverse=True)

    def read(self, text: str) -> Reference:
        """Return what a text means where there are two ways to read it.

        Raises:
            NameCollision: If both ways lead to something.
            UnknownModel: If it is no name at all.
        """
        found = parse_reference(text)
        if not found:
            raise self.unknown(text)
        if len(found) == 1:
            return found[0]
        model, weights = found
        is_model = bool(self._candidates(model)) or any(
            normalize(entry.distribution) == normalize(model.distribution)
            for entry in self._catalog.named(model.model)
        )
        is_weights = any(
            weights.weights == known.id
            for entry in self._catalog.named(weights.model)
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
        if is_weights or self.is_known(weights.model):
            return weights
        if self.is_known(model.model):
            return model
        raise self.unknown(text)

    def is_known(self, model: str) -> bool:
        """Return whether a name means a model, installed or not."""
        return model in self.offers or bool(self._catalog.named(model))

    def candidates(self, reference: Reference) -> list[Offer]:
        """Return the offers of a name, those of the wrong distribution left out.

        Raises:
            UnknownModel: If there are none.
        """
        offers = self._candidates(Reference(reference.model))
        if not offers:
            raise self.unknown(reference)
        pin = None if reference.distribution else self._policy.pinned(reference.model)
        wanted = normalize(reference.distribution) if reference.distribution else pin
        chosen = [offer for offer in offers if wanted in (None, offer.distribution)]
        if not chosen:
            said = f", which {self._policy.pins[reference.model].source} asks for" if pin else ""
            raise UnknownModel(
                f"{wanted} does not offer {reference.model!r}{said}",
                why=f"offered by {_labels(offers)}",
                fix=f"zoo info {offers[0].distribution}:{offers[0].model}",
            )
        return chosen

    def _candidates(self, reference: Reference) -> list[Offer]:
        """Return who offers a model under its name, another name or a former name."""
        offers = list(self.offers.get(reference.model, ()))
        for entry in self._catalog.named(reference.model):
            if reference.model in entry.aliases:
                offers += self._of(entry, entry.name)
        if not offers:
            for entry in self._catalog.named(reference.model):
                if entry.deprecated and entry.deprecated.successor:
                    offers += self._of(entry, entry.deprecated.successor)
        if reference.distribution:
            wanted = normalize(reference.distribution)
            offers = [offer for offer in offers if offer.distribution == wanted]
        return list(dict.fromkeys(offers))

    def _of(self, entry: ModelEntry, model: str) -> list[Offer]:
        owner = normalize(entry.distribution)
        return [offer for offer in self.offers.get(model, ()) if offer.distribution == owner]

    def pick(self, reference: Reference, offers: Sequence[Offer]) -> Choice:
        """Return the one offer that policy allows and no other contests.

        Raises:
            PolicyDenied: If none may run.
            UnknownModel: If there is no such version.
            NameCollision: If more than one is left.
            PluginBroken: If it needs another version of the zoo.
        """
        model = reference.model
        allowed = self._allowed(model, [offer.provider for offer in offers])
        offers = [offer for offer in offers if offer.provider in allowed]
        versions = [
            offer
            for offer in offers
            if (
                offer.version == reference.version
                if reference.version
                else is_stable(offer.version)
            )
        ]
        if not versions:
            there = sorted({offer.version for offer in offers}, key=version_order)
            what = f"version {reference.version}" if reference.version else "stable version"
            raise UnknownModel(
                f"{model!r} has no {what}",
                why=f"{_labels(offers)} offers {', '.join(there)}",
                fix=f"zoo info {model}@{there[-1]}",
            )
        distributions = list(dict.fromkeys(offer.distribution for offer in versions))
        if len(distributions) > 1:
            first = distributions[0]
            raise NameCollision(
                f"{model!r} is offered by {len(distributions)} distributions",
                why=_labels(versions),
                fix=f"say {first}:{model}, or export ZOO_PIN={model}={first}",
            )
        best = max(versions, key=lambda offer: version_order(offer.version))
        twice = [offer for offer in versions if offer.identity == best.identity]
        if len(twice) > 1:
            raise broken(best.provider, f"it announces {best.provider.name!r} {len(twice)} times")
        entry = self._catalog.of(best.distribution, best.identity)
        unfit = mismatch(best.provider, entry)
        if unfit is not None:
            what = f"{best.identity!r} from {best.provider.label} does not fit this zoo"
            raise PluginBroken(what, why=unfit.why, fix=unfit.fix)
        return Choice(best, entry, reference.weights, self._notice(model, best, entry))

    def misfit(self, name: str) -> RegistryError:
        """Return what is wrong with an announcement whose name is none."""
        try:
            allowed = self._allowed(name, self.misnamed[name])
        except PolicyDenied as error:
            return error
        model, _ = split_version(name)
        why = f"{name!r} is not a name: {name_fault(model) or 'a version is a number, as in cnn@2'}"
        plain = looks_like(model)
        if plain != model and plain in self.offers:
            why += f". It looks like {plain!r}, which is another model"
        return broken(allowed[0], why)

    def _allowed(self, model: str, providers: Sequence[Provider]) -> list[Provider]:
        refusals = {p: self._policy.refusal(p) for p in providers}
        allowed = [provider for provider, refusal in refusals.items() if refusal is None]
        if not allowed:
            raise PolicyDenied(
                f"{model!r} may not run",
                why="; ".join(dict.fromkeys(filter(None, refusals.values()))),
                fix="change the rule that is named: ZOO_ALLOW, ZOO_BLOCK, or a zoo.toml",
            )
        return allowed

    def _notice(self, asked: str, chosen: Offer, entry: ModelEntry | None) -> str:
        former = self._catalog.of(chosen.distribution, asked) if asked != chosen.model else entry
        about = former or entry
        return about.deprecated.sentence(about.name) if about and about.deprecated else ""

    def unknown(self, asked: str | Reference, suspects: Iterable[str] = ()) -> UnknownModel:
        """Return the error for a name that nothing answers to: who would, or what is near."""
        ways = parse_reference(asked) if isinstance(asked, str) else [asked]
        for way in ways:
            for entry in self._catalog.named(way.model):
                return self._missing(asked, entry)
        known = self.suggestions()
        near = list(dict.fromkeys(n for way in ways for n in nearest(way.model, known)))[:3]
        near = near or nearest(str(asked).rpartition(":")[2], known)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        fault = "" if ways else f"it is not a name: {name_fault(str(asked)) or 'see zoo list'}"
        told = "; ".join(suspects) or fault or "no installed plugin offers it"
        return UnknownModel(
            f"there is no model {str(asked)!r}",
            why=f"{hint}{told}",
            fix=f"zoo info {near[0]}" if near else "zoo list",
        )

    def suggestions(self) -> list[str]:
        """Return all that a misspelt name may have meant."""
        aliases = {a for entry in self._catalog.entries.values() for a in entry.aliases}
        return sorted(self.names() | set(self.offers) | aliases)

    def _missing(self, asked: str | Reference, entry: ModelEntry) -> UnknownModel:
        provider = self._installed.get(normalize(entry.distribution))
        notice = f"; {entry.deprecated.sentence(entry.name)}" if entry.deprecated else ""
        if provider is None:
            return UnknownModel(
                f"{str(asked)!r} is not installed",
                why=f"the catalog knows it: {entry.summary}{notice}",
                fix=f"pip install {entry.distribution}",
            )
        return UnknownModel(
            f"{str(asked)!r} is not there",
            why=f"the catalog says that {provider.label} offers it, which it does not{notice}",
            fix=f"pip install --upgrade {entry.distribution}",
        )


def _labels(offers: Sequence[Offer]) -> str:
    return ", ".join(dict.fromkeys(offer.provider.label for offer in offers))


__all__ = ["Choice", "Chooser", "Offer"]
