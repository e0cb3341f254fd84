"""Commands of installed packages: the entry-point group ``zoo.commands``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.api.catalog import registry

if TYPE_CHECKING:
    import click

GROUP = "zoo.commands"


def list_commands() -> dict[str, str]:
    """Return the names of the commands of installed packages, with their summaries.

    Nothing is imported. The summary is empty where no catalog has one.
    """
    found = registry().listings(group=GROUP, installed=True)
    return {one.name: one.entry.summary if one.entry else "" for one in found}


def load_command(name: str) -> click.Command:
    """Import a command of a package.

    Args:
        name: One of :func:`list_commands`, or ``distribution:command``.

    Raises:
        RegistryError: If there is no such command, two packages offer it, or it is broken.
    """
    command: click.Command = registry().load(GROUP, name)
    return command
