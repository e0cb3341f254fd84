"""Commands of installed packages: the entry-point group ``zoo.commands``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.registry.entrypoints import COMMANDS, own_catalog_path, scan

if TYPE_CHECKING:
    import click

CORE_COMMANDS = (
    *("list", "info", "datasets", "build", "plugins", "doctor", "check", "train", "evaluate"),
    *("report", "crossvalidate", "runs", "export", "verify", "predict", "sample", "bench"),
    *("quantize", "diff", "why", "demo"),
)
"""The commands of the zoo itself. A plugin's command of the same name needs its distribution."""


def list_commands() -> dict[str, str]:
    """List the commands of installed packages by name, with their summaries.

    Nothing is imported. The summary is empty if no catalog has one.
    """
    found = [provider for provider in scan()[0] if provider.group == COMMANDS]
    if all(provider.is_own for provider in found):
        # ``zoo --help`` must be quick: the other sections of the catalog are long.
        summaries = _own_summaries() if found else {}
    else:
        from zoo.api.catalog import registry

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
    from zoo.api.catalog import registry

    command: click.Command = registry().load(COMMANDS, name)
    return command


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
