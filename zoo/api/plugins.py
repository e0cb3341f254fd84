"""List the installed plugins, and find what is wrong with them or the installation."""

from __future__ import annotations

import platform
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zoo.api.catalog import CORE_COMMANDS, registry
from zoo.api.environment import EXTRAS, version_of
from zoo.environment import is_offline
from zoo.errors import (
    NameCollision,
    PluginBroken,
    PolicyDenied,
    UnknownDataset,
    UnknownModel,
    ZooError,
)
from zoo.registry.entrypoints import (
    ARCHITECTURES,
    CATALOGS,
    COMMANDS,
    DATASETS,
    HOOKS,
    Provider,
    kind_of,
)

MAX_PLUGINS = 50
"""Plugins of one distribution that are tried; each takes a process."""

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
            because a pin prefers another one; ``broken``: its name is not valid, or a
            requirement of its distribution is not installed.
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


def responsible(error: BaseException) -> Provider | None:
    """Return a plugin of the third-party distribution whose code an error passed through.

    It is that of the innermost frame; ``None`` if only the zoo's own code took part.
    """
    third_party = {
        provider.module.partition(".")[0]: provider
        for provider in registry().announced
        if not provider.is_own
    }
    found = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        found = third_party.get(package, found)
    return found


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


@dataclass(frozen=True)
class Diagnosis:
    """One finding about the installation."""

    status: Literal["ok", "warn", "fail"]
    what: str
    fix: str = ""


def doctor(*, timeout: float = 60.0) -> list[Diagnosis]:
    """Check the installation: Python, extras, catalogs, names, and every plugin.

    Third-party plugins are imported in processes of their own, several at once: whatever they do,
    every other finding is there.

    Args:
        timeout: Seconds that each third-party plugin may take.

    Example:
        >>> [finding.what for finding in zoo.doctor() if finding.status == "fail"]
        []
    """
    return [*_installation(), *_names(), *_plugins(timeout)]


def _installation() -> Iterator[Diagnosis]:
    yield Diagnosis(
        "ok", f"Python {platform.python_version()}, neural-zoo {version_of('neural-zoo')}"
    )
    for extra, packages in EXTRAS.items():
        missing = [package for package in packages if version_of(package) is None]
        if missing:
            yield Diagnosis(
                "warn",
                f"extra {extra!r}: {', '.join(missing)} not installed",
                f'pip install "neural-zoo[{extra}]"',
            )
        else:
            versions = ", ".join(f"{package} {version_of(package)}" for package in packages)
            yield Diagnosis("ok", f"extra {extra!r}: {versions}")
    if is_offline():
        yield Diagnosis("warn", "ZOO_OFFLINE is set: nothing is downloaded")


def _names() -> Iterator[Diagnosis]:
    """Check catalogs and names, importing nothing."""
    known = registry()
    try:
        problems = known.catalog.problems
    except ZooError as error:
        problems = [error]  # type: ignore[list-item]
    for problem in problems:
        yield Diagnosis("fail", f"{problem.what}: {problem.why}", problem.fix)
    for group in (ARCHITECTURES, DATASETS, COMMANDS):
        for name in known.names(group):
            try:
                known.resolve(name, group)
            except (UnknownModel, UnknownDataset):
                continue  # the catalog knows it, and it is not installed
            except PolicyDenied as error:
                yield Diagnosis("warn", f"{error.what}: {error.why}", error.fix)
            except ZooError as error:
                what = f"{kind_of(group)} {name!r}: {error.what}: {error.why}"
                yield Diagnosis("fail", what, error.fix)
    for provider in known.providers(COMMANDS):
        if provider.name in CORE_COMMANDS:
            what = f"command {provider.name!r} from {provider.label}: the zoo has a command of "
            what += "that name, which is the one that runs"
            yield Diagnosis("fail", what, f"zoo {provider.distribution}:{provider.name}")


def _plugins(timeout: float) -> Iterator[Diagnosis]:
    """Import every plugin: the zoo's own here, those of others in processes of their own."""
    from zoo.registry.doctor import examine
    from zoo.registry.loader import load

    foreign = []
    for provider in registry().providers():
        if not provider.is_own:
            foreign.append(provider)
            continue
        what = f"{kind_of(provider.group)} {provider.name!r} from {provider.label}"
        try:
            load(provider)
            yield Diagnosis("ok", what)
        except (PluginBroken, PolicyDenied) as error:
            yield Diagnosis("fail", f"{what}: {error.why}", error.fix)
    counts: dict[str, int] = {}
    chosen = []
    for provider in foreign:
        counts[provider.label] = counts.get(provider.label, 0) + 1
        chosen += [provider] if counts[provider.label] <= MAX_PLUGINS else []
    for provider, problem in zip(chosen, examine(chosen, timeout), strict=True):
        what = f"{kind_of(provider.group)} {provider.name!r} from {provider.label}"
        if problem is None:
            yield Diagnosis("ok", what)
        else:
            yield Diagnosis("fail", f"{what}: {problem.why}", problem.fix)
    for label, count in counts.items():
        if count > MAX_PLUGINS:
            what = f"{label} has {count:,} plugins, of which {MAX_PLUGINS} were tried"
            yield Diagnosis("warn", what, f"pip uninstall {label.partition(' ')[0]}")
