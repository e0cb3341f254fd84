"""Which architecture is meant, and where it comes from."""

from __future__ import annotations

import inspect
import platform
import sys
from pathlib import Path
from typing import Any

import zoo
from zoo.api.catalog import listings, registry
from zoo.api.environment import version_of
from zoo.architecture import Architecture
from zoo.errors import ConfigError, Finding, UnknownModel
from zoo.receipts import Identity, digest_of, files_of

PACKAGES = ("neural-zoo", "keras", "tensorflow", "onnxruntime", "numpy")
"""What decides numbers, besides Python."""

Target = str | type[Architecture[Any]] | Architecture[Any]


def known_name(target: Target) -> str:
    """Return the name under which an architecture can be asked for, making it known if need be.

    Args:
        target: A name of ``zoo list`` (hyphens count as underscores), or an architecture that is
            defined in this process.

    Raises:
        RegistryError: If nothing is known of a name, or a class wants the name of another.
    """
    if isinstance(target, str):
        try:
            registry().get(target)
        except UnknownModel:
            other = target.replace("-", "_")
            if other == target:
                raise
            registry().get(other)
            return other
        return target
    kind = target if inspect.isclass(target) else type(target)
    if not issubclass(kind, Architecture) or not hasattr(kind, "info"):
        raise ConfigError(
            "only architectures can be checked",
            findings=[Finding("architecture", target, "a name, or a zoo.Architecture")],
            fix="zoo list shows the names",
        )
    name = kind.info.name
    try:
        same = type(registry().get(name)) is kind
    except UnknownModel:
        same = False
    if not same:
        zoo.register(kind)
    return name


def identity_of(name: str) -> Identity:
    """Return what a receipt says of who was looked at."""
    architecture = registry().get(name)
    provider = registry().resolve(name).provider
    files = package_files(architecture)
    return Identity(
        name=architecture.info.name,
        distribution=provider.distribution,
        version=provider.version,
        api_version=architecture.info.api_version,
        files=len(files),
        files_sha256=digest_of(files) if files else None,
    )


def package_files(architecture: Architecture[Any]) -> dict[str, Path]:
    """Return the files of the package that ships an architecture.

    Of one that no distribution provides, and of a package that is a single module, it is the file
    in which it is defined. Byte code and a receipt are left out; names are relative, with slashes,
    sorted.
    """
    source = source_file(architecture)
    if source is None:
        return {}
    top = type(architecture).__module__.partition(".")[0]
    package = getattr(sys.modules.get(top), "__path__", None)
    (listing,) = listings(architecture.info.name)
    if not package or not listing.is_installed:
        return {source.name: source}
    return files_of(Path(next(iter(package))))


def source_file(architecture: Architecture[Any]) -> Path | None:
    """Return the file in which an architecture is defined, or ``None`` if there is none."""
    try:
        file = Path(inspect.getfile(type(architecture)))
    except (TypeError, OSError):
        return None
    return file if file.is_file() else None


def versions() -> dict[str, str | None]:
    """Return the versions of what decides numbers."""
    return {
        "python": platform.python_version(),
        **{package: version_of(package) for package in PACKAGES},
    }


__all__ = [
    "PACKAGES",
    "Target",
    "identity_of",
    "known_name",
    "package_files",
    "source_file",
    "versions",
]
