"""Show which plugins would run, from where, and which rule decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.api.catalog import registry
from zoo.errors import NameCollision, PolicyDenied, ZooError
from zoo.registry.entrypoints import CATALOGS, HOOKS, Provider

Status = Literal["allowed", "denied", "collision", "not chosen", "broken"]


@dataclass(frozen=True)
class PluginRow:
    """One entry point of an installed distribution.

    Attributes:
        name: A model, a dataset, a command, or the name of hooks or of a catalog.
        group: Its entry-point group.
        value: The object that would be imported, ``module:attribute``.
        location: The folder that the distribution is installed in; the project folder of an
            editable install.
        editable: Whether its code lies in a project folder, and changes with it.
        status: ``allowed``; ``denied`` by the policy, or because another file would be imported
            than the installed one; ``collision`` with another distribution; ``not chosen``,
            because a pin prefers another one; ``broken``: its name is not valid, or it needs
            another version of the zoo.
        reason: The rule that decides and its source, or what is wrong.
    """

    name: str
    group: str
    distribution: str
    version: str
    value: str
    location: str
    editable: bool
    status: Status
    reason: str


def plugins() -> list[PluginRow]:
    """Return every entry point in the zoo's groups, importing none of them.

    Raises:
        ConfigError: If the policy cannot be read.

    Example:
        >>> [row.status for row in zoo.plugins() if row.distribution == "neural-zoo"][0]
        'allowed'
    """
    return [_row(provider) for provider in registry().announced]


def _row(provider: Provider) -> PluginRow:
    folder = provider.editable_folder()
    status, reason = _status(provider)
    return PluginRow(
        name=provider.name,
        group=provider.group,
        distribution=provider.distribution,
        version=provider.version,
        value=provider.value,
        location=folder or provider.location,
        editable=folder is not None,
        status=status,
        reason=reason,
    )


def _status(provider: Provider) -> tuple[Status, str]:
    policy = registry().policy
    refusal = policy.refusal(provider)
    if refusal is None and provider.group != CATALOGS:
        refusal = provider.misplaced()
    if refusal is not None:
        return "denied", refusal
    reason = f"it is on the allow-list ({', '.join(policy.allow)})" if policy.allow else ""
    if provider.group not in (CATALOGS, HOOKS):
        pin = policy.pins.get(provider.plain_name)
        if pin is not None:
            reason = f"it is pinned to {pin}"
            if pin.distribution != provider.distribution:
                return "not chosen", reason
        try:
            registry().resolve(provider.name, provider.group)
        except NameCollision as error:
            return "collision", f"{error.why} offer it; {error.fix}"
        except ZooError as error:
            return "denied" if isinstance(error, PolicyDenied) else "broken", error.why
    return "allowed", reason or "no rule is about it"
