"""What would run, and what is wrong."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Literal

from zoo.api.catalog import registry
from zoo.api.packages import EXTRAS, version_of
from zoo.environment import is_offline
from zoo.errors import ZooError
from zoo.registry.entrypoints import scan


@dataclass(frozen=True)
class PluginRow:
    """One announcement of an installed distribution."""

    name: str
    kind: str
    distribution: str
    version: str
    value: str
    location: str
    verdict: str


def plugins() -> list[PluginRow]:
    """Return what installed distributions announce, importing none of it.

    The verdict is ``would run``, or why policy refuses it.
    """
    policy = registry().policy
    return [
        PluginRow(
            name=provider.name,
            kind=group.removeprefix("zoo."),
            distribution=provider.distribution,
            version=provider.version,
            value=provider.value,
            location=provider.location,
            verdict=policy.refusal(provider) or "would run",
        )
        for group, providers in scan().items()
        for provider in providers
    ]


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at."""

    status: Literal["ok", "warn", "fail"]
    what: str
    fix: str = ""


def doctor() -> list[Diagnosis]:
    """Look at the installation: Python, extras, every plugin (each is imported), the catalogues."""
    found = [
        Diagnosis(
            "ok", f"Python {platform.python_version()}, neural-zoo {version_of('neural-zoo')}"
        )
    ]
    for extra, packages in EXTRAS.items():
        missing = [package for package in packages if version_of(package) is None]
        if missing:
            found.append(
                Diagnosis(
                    "warn",
                    f"extra {extra!r}: {', '.join(missing)} not installed",
                    f'pip install "neural-zoo[{extra}]"',
                )
            )
        else:
            versions = ", ".join(f"{package} {version_of(package)}" for package in packages)
            found.append(Diagnosis("ok", f"extra {extra!r}: {versions}"))
    if is_offline():
        found.append(Diagnosis("warn", "ZOO_OFFLINE is set: nothing is downloaded"))
    try:
        found += [
            Diagnosis("fail", problem.what + ": " + problem.why, problem.fix)
            for problem in registry().catalogue_problems
        ]
        names = registry().names()
    except ZooError as error:
        return [*found, Diagnosis("fail", f"{error.what}: {error.why}", error.fix)]
    for name in names:
        listing = registry().listing(name)
        if listing.status == "not installed":
            continue
        try:
            registry().get(name)
        except ZooError as error:
            found.append(Diagnosis("fail", f"model {name!r}: {error.what}: {error.why}", error.fix))
        else:
            origin = " ".join(registry().provenance(name))
            found.append(Diagnosis("ok", f"model {name!r} from {origin}"))
    return found


__all__ = ["Diagnosis", "PluginRow", "doctor", "plugins"]
