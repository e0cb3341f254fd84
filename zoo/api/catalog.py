"""The registry of this process, and the list of models."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from zoo.registry.registry import Listing, Registry

if TYPE_CHECKING:
    from zoo.architecture import Architecture
    from zoo.registry.hooks import Hooks


@functools.cache
def registry() -> Registry:
    """Return the registry of this process."""
    return Registry()


@functools.cache
def hooks() -> Hooks:
    """Return the lifecycle hooks of this process; ``hooks().register(...)`` adds an object."""
    from zoo.registry.hooks import Hooks

    known = registry()
    return Hooks(known.providers("zoo.hooks"), failures=known.policy.hook_failures)


def register(architecture: type[Architecture[Any]]) -> type[Architecture[Any]]:
    """Register an architecture that is defined in this process, e.g. in a notebook.

    Can be used as a decorator.

    Raises:
        PluginBroken: If it does not follow the contract; the message says where.
        NameCollision: If an installed distribution offers the name.

    Example:
        >>> @zoo.register
        ... class Mine(zoo.Architecture[MyConfig]): ...
        >>> zoo.build("mine")
    """
    registry().register(architecture)
    return architecture


def list_models(
    pattern: str = "*",
    *,
    task: str | None = None,
    tags: Iterable[str] = (),
    installed: bool = False,
    hidden: bool = False,
) -> list[str]:
    """List the names of models in natural order, importing no plugin.

    Args:
        pattern: A glob: ``*``, ``mlp*``.
        task: Only models for this task, e.g. ``classification``.
        tags: Only models with all of these tags.
        installed: Only installed models.
        hidden: Include other versions of an architecture. A pattern without wildcards always
            finds them.

    Raises:
        RegistryError: If there is no such task.

    Example:
        >>> zoo.list_models("mlp*", task="classification")
        ['mlp_classifier']
    """
    found = listings(pattern, task=task, tags=tags, installed=installed, hidden=hidden)
    return [listing.name for listing in found]


def listings(
    pattern: str = "*",
    *,
    task: str | None = None,
    tags: Iterable[str] = (),
    installed: bool = False,
    hidden: bool = False,
) -> list[Listing]:
    """List models with their status and catalog entry, importing no plugin."""
    return registry().listings(pattern, task=task, tags=tags, installed=installed, hidden=hidden)
