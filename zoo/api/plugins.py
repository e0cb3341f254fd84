"""What would run, where it comes from, and which rule decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from zoo.api.catalog import registry
from zoo.errors import PluginBroken
from zoo.registry import Listing, Policy, Provider
from zoo.registry.entrypoints import ARCHITECTURES, CATALOGS, HOOKS
from zoo.registry.provenance import Verification, content_hash, editable_folder, verify
from zoo.registry.quarantine import refusal

Standing = Literal["would run", "is read", "denied", "contested", "not chosen", "broken"]


@dataclass(frozen=True)
class PluginRow:
    """One announcement of an installed distribution.

    Attributes:
        name: What it offers: a model, or a name of its own for hooks and a catalog.
        kind: ``architectures``, ``hooks`` or ``catalogs``.
        value: What would be imported, ``module:attribute``.
        location: The folder it is installed in; of an editable install, the working folder.
        editable: Whether its code lies in a working folder, and changes with it.
        verdict: ``would run``; ``is read``, of a catalog; ``denied`` by policy; ``contested``
            by another distribution; ``not chosen``: a pin prefers another; ``broken``: its name is
            none, it needs another version of the zoo, or it failed.
        rule: Which rule of which source decided, or what is wrong.
        explicit: Whether a rule speaks of the distribution.
        sha256: The content hash, which an allow-list can ask for: see ``docs/policy.md``.
        files: What came of comparing the files with RECORD: ``verified``, ``differs``,
            ``editable``, ``no record``; empty if that was not asked for.
        faults: What differs.
    """

    name: str
    kind: str
    distribution: str
    version: str
    value: str
    location: str
    editable: bool
    verdict: Standing
    rule: str
    explicit: bool
    sha256: str | None = None
    files: str = ""
    faults: tuple[str, ...] = field(default=())


def plugins(*, verify_files: bool = False, examine: bool = False) -> list[PluginRow]:
    """Return what installed distributions announce, importing none of it here.

    Args:
        verify_files: Compare every file of each distribution with its RECORD.
        examine: Try each plugin of others that is not known, in a process of its own.

    Raises:
        ConfigError: If the policy cannot be read.

    Example:
        >>> [row.verdict for row in zoo.plugins() if row.distribution == "neural-zoo"][0]
        'would run'
    """
    known = registry()
    if examine:
        known.isolation.examine_all(known.announcements())
    seen: dict[str, _Origin] = {}
    rows = []
    for group, providers in known.announced.items():
        for provider in providers:
            if provider.distribution not in seen:
                seen[provider.distribution] = _Origin.of(provider, compare=verify_files)
            origin = seen[provider.distribution]
            standing, rule, explicit = _standing(group, provider)
            rows.append(
                PluginRow(
                    name=provider.name,
                    kind=group.removeprefix("zoo."),
                    distribution=provider.distribution,
                    version=provider.version,
                    value=provider.value,
                    location=origin.folder or provider.location,
                    editable=origin.folder is not None,
                    verdict=standing,
                    rule=rule,
                    explicit=explicit,
                    sha256=origin.sha256,
                    files=origin.compared.state if origin.compared else "",
                    faults=origin.compared.faults if origin.compared else (),
                )
            )
    return rows


def require_order(rows: Sequence[PluginRow]) -> None:
    """Refuse plugins that are broken or contested, or denied and no rule speaks of them.

    Raises:
        PluginBroken: With every one of them.
    """
    bad = [
        row
        for row in rows
        if row.verdict in {"broken", "contested"} or (row.verdict == "denied" and not row.explicit)
    ]
    if bad:
        raise PluginBroken(
            f"{len(bad)} of {len(rows)} plugins would not run, and no rule says so of them",
            why="; ".join(f"{row.name!r} of {row.distribution}: {row.rule}" for row in bad),
            fix="block, allow or pin each in zoo.toml (docs/policy.md), or pip uninstall it",
        )


@dataclass(frozen=True)
class _Origin:
    """Where the files of a distribution come from."""

    folder: str | None
    sha256: str | None
    compared: Verification | None

    @classmethod
    def of(cls, provider: Provider, *, compare: bool) -> _Origin:
        installed = provider.installed
        if installed is None:
            return cls(None, None, Verification("no record") if compare else None)
        folder = editable_folder(installed)
        return cls(folder, content_hash(installed), verify(installed) if compare else None)


def _standing(group: str, provider: Provider) -> tuple[Standing, str, bool]:
    """Return whether something would run, why, and whether a rule speaks of it."""
    policy: Policy = registry().policy
    verdict = policy.verdict(provider)
    if not verdict.allowed:
        return "denied", verdict.reason, verdict.explicit
    if group == HOOKS and not provider.is_own:
        seen = registry().isolation.known(provider, group)
        if seen is not None and not seen.good:
            return "broken", refusal(provider, seen, remembered=True).why, verdict.explicit
    if group != ARCHITECTURES:
        standing: Standing = "is read" if group == CATALOGS else "would run"
        return standing, verdict.reason, verdict.explicit
    listing: Listing = registry().listing_of(provider)
    if listing.status == "broken":
        return "broken", listing.problem, verdict.explicit
    model = provider.name.partition("@")[0]
    pin = policy.pins.get(model)
    if pin is not None and pin.distribution != provider.distribution:
        return "not chosen", f"{model} is pinned to {pin.distribution} ({pin.source})", True
    if listing.status == "contested":
        return "contested", f"{listing.problem} offer it; {listing.fix}", verdict.explicit
    if pin is not None:
        return "would run", f"{model} is pinned to it ({pin.source})", True
    return "would run", verdict.reason, verdict.explicit


__all__ = ["PluginRow", "plugins", "require_order"]
