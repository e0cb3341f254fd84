"""Commands of installed packages: the entry-point group ``zoo.commands``."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from zoo.errors import NameCollision, PluginBroken, UnknownModel

if TYPE_CHECKING:
    import click

GROUP = "zoo.commands"


def list_commands() -> dict[str, str]:
    """Return the names of the commands that packages bring, with their summaries.

    Nothing is imported. The summary is empty where no catalog has one.
    """
    return dict.fromkeys((point.name for point in importlib.metadata.entry_points(group=GROUP)), "")


def load_command(name: str) -> click.Command:
    """Import a command of a package.

    Args:
        name: One of :func:`list_commands`, or ``distribution:command``.

    Raises:
        NameCollision: If two packages offer it.
        PluginBroken: If it cannot be imported, or is no ``click.Command``.
    """
    import click

    distribution, _, plain = name.rpartition(":")
    found = [
        point
        for point in importlib.metadata.entry_points(group=GROUP, name=plain)
        if point.dist is not None and distribution in ("", point.dist.name)
    ]
    if not found:
        raise UnknownModel(f"there is no command {name!r}", fix="zoo --help")
    owners = [point.dist.name for point in found if point.dist is not None]
    if len(found) > 1:
        raise NameCollision(
            f"{plain!r} is a command of two packages",
            why=f"{' and '.join(owners)} offer it",
            fix=f"zoo {owners[0]}:{plain}",
        )
    problem, command = "", None
    try:
        command = found[0].load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may do anything
        problem = f"{type(error).__name__}: {error}"
    if isinstance(command, click.Command):
        return command
    raise PluginBroken(
        f"the command {plain!r} of {owners[0]} cannot be loaded",
        why=problem or f"{found[0].value} is a {type(command).__name__}, not a click.Command",
        fix="zoo doctor",
    )
