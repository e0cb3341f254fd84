"""The registry of this process: its models, hooks and commands."""

from __future__ import annotations

import functools
import pkgutil
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError
from zoo.registry.entrypoints import COMMANDS, own_catalog_path, scan

if TYPE_CHECKING:
    import click

    from zoo.architecture import Architecture
    from zoo.registry.hooks import Hooks
    from zoo.registry.registry import Registry


CORE_COMMANDS = (
    *("list", "info", "datasets", "inspect-data", "build", "plugins", "doctor", "check", "train"),
    *("evaluate", "report", "crossvalidate", "runs", "export", "verify", "predict", "sample"),
    *("bench", "quantize", "diff", "why", "demo"),
)
"""The commands of the zoo itself. A plugin's command of the same name needs its distribution."""


@functools.cache
def registry() -> Registry:
    """Return the registry of this process."""
    # The help of the program needs none.
    from zoo.registry.registry import Registry

    return Registry()


@functools.cache
def hooks() -> Hooks:
    """Return the lifecycle hooks of this process; ``hooks().register(...)`` adds an object.

    Example:
        >>> class Announcer:
        ...     @zoo.hookimpl
        ...     def zoo_before_verify(self, path):
        ...         print("verifying", path)
        >>> announcer = Announcer()
        >>> zoo.hooks().register(announcer, name="announcer")
        >>> report = zoo.verify("exports/cnn/1")
        verifying exports/cnn/1
        >>> _ = zoo.hooks().unregister(announcer)
    """
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
        ... class Mine(zoo.Architecture[zoo.ModelConfig]):
        ...     info = zoo.ArchitectureInfo(
        ...         name="mine", summary="A model of my own.", tasks=("classification",)
        ...     )
        ...     Config = zoo.ModelConfig
        ...     default_dataset = "digits"
        ...
        ...     def build(self, config, data): ...
        >>> "mine" in zoo.list_models()
        True
    """
    registry().register(architecture)
    return architecture


def list_models(
    pattern: str = "*",
    *,
    task: str | None = None,
    tags: Iterable[str] = (),
    installed: bool = False,
) -> list[str]:
    """List the names of models in natural order, importing no plugin.

    Args:
        pattern: A glob: ``*``, ``mlp*``.
        task: Only models for this task, e.g. ``classification``.
        tags: Only models with all of these tags.
        installed: Only installed models.

    Raises:
        RegistryError: If there is no such task.

    Example:
        >>> zoo.list_models("mlp*", task="classification")
        ['mlp_classifier']
    """
    found = registry().listings(pattern, task=task, tags=tags, installed=installed)
    return [listing.name for listing in found]


def list_commands() -> dict[str, str]:
    """List the commands of installed packages by name, with their summaries.

    Nothing is imported. The summary is empty if no catalog has one.
    """
    found = [provider for provider in scan() if provider.group == COMMANDS]
    if all(provider.is_own for provider in found):
        # ``zoo --help`` must be quick: the other sections of the catalog are long.
        summaries = _own_summaries() if found else {}
    else:
        listings = registry().listings(group=COMMANDS, installed=True)
        summaries = {one.name: one.entry.summary for one in listings if one.entry}
    return {provider.name: summaries.get(provider.name, "") for provider in found}


def load_command(name: str) -> click.Command:
    """Import a command of a package.

    Args:
        name: A name of :func:`list_commands`, or ``distribution:command``.

    Raises:
        RegistryError: If there is no such command, two packages offer it, or it is broken.
    """
    command: click.Command = registry().load(COMMANDS, name)
    return command


def function_of_command(name: str) -> Callable[..., Any]:
    """Import the function that a command of a package is in Python, as in ``zoo.inspect``.

    Raises:
        AttributeError: If there is none, or it cannot be imported, with the reason.
    """
    missing = f"module 'zoo' has no attribute {name!r}"
    command = next((one for one in list_commands() if one.replace("-", "_") == name), None)
    if command is None:
        raise AttributeError(missing)
    try:
        place = getattr(load_command(command), "function", "")
        if not place:
            raise AttributeError(f"{missing}: the command 'zoo {command}' is no function")
        function: Callable[..., Any] = pkgutil.resolve_name(place)
    except (ZooError, ImportError) as error:  # hasattr(zoo, name) is False
        raise AttributeError(f"{missing}: {error}") from error
    return function


def _own_summaries() -> dict[str, str]:
    """Read the section ``commands`` of the zoo's own catalog, and no other."""
    import yaml

    text = own_catalog_path().read_text("utf-8")
    _, found, section = text.partition("\ncommands:\n")
    lines = []
    for line in section.splitlines():
        if line and not line.startswith((" ", "-", "#")):
            break
        lines.append(line)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries = yaml.load("\n".join(lines), loader) if found else ()  # noqa: S506 - it is a safe one
    return {entry["name"]: entry["summary"] for entry in entries or ()}
