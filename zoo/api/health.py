"""What would run, and what is wrong."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from typing import Literal

from zoo.api.catalog import registry
from zoo.errors import ZooError
from zoo.registry.entrypoints import scan

EXTRAS = {
    "keras": ("tensorflow", "keras", "onnx", "tf2onnx"),
    "vision": ("pillow",),
    "datasets": ("scikit-learn",),
    "report": ("jinja2", "matplotlib"),
    "serve": ("starlette", "uvicorn"),
}
"""The optional dependencies, by the extra that brings them."""


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
        Diagnosis("ok", f"Python {platform.python_version()}, neural-zoo {_version('neural-zoo')}")
    ]
    for extra, packages in EXTRAS.items():
        missing = [package for package in packages if _version(package) is None]
        if missing:
            found.append(
                Diagnosis(
                    "warn",
                    f"extra {extra!r}: {', '.join(missing)} not installed",
                    f'pip install "neural-zoo[{extra}]"',
                )
            )
        else:
            versions = ", ".join(f"{package} {_version(package)}" for package in packages)
            found.append(Diagnosis("ok", f"extra {extra!r}: {versions}"))
    if os.environ.get("ZOO_OFFLINE", "") not in ("", "0"):
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


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


__all__ = ["EXTRAS", "Diagnosis", "PluginRow", "doctor", "plugins"]
