"""Names of a package: plugin, distribution, module, class."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

import zoo
from zoo.errors import ConfigError, Finding
from zoo.names import NAME, RESERVED

_PREFIX = "zoo_"
_LONGEST = 32
"""Longest name, so that no line of a filled template is too long."""


@dataclass(frozen=True)
class Names:
    """Names of a plugin and its package.

    Attributes:
        model: Name of the plugin: ``my_model``.
        distribution: Name for pip: ``zoo-my-model``.
        package: Name of the module: ``zoo_my_model``.
        cls: Name of the class: ``MyModel``.
    """

    model: str

    @property
    def distribution(self) -> str:
        """Name for pip."""
        return self.package.replace("_", "-")

    @property
    def package(self) -> str:
        """Name of the module."""
        return f"{_PREFIX}{self.model}"

    @property
    def cls(self) -> str:
        """Name of the class."""
        return "".join(word.capitalize() for word in self.model.split("_"))

    def entry(self, plugin: str) -> str:
        """Name of the entry point: that of a command has hyphens."""
        return self.model.replace("_", "-") if plugin == "command" else self.model


def name_package(name: str, group: str = "zoo.architectures") -> Names:
    """Return the names of a new package.

    Args:
        name: ``my-model`` or ``my_model``, with or without ``zoo-`` before it.
        group: Entry-point group of the plugin, in which the name must be free.

    Raises:
        ConfigError: If it is not a valid name on every system, or is taken.
    """
    model = name.strip().replace("-", "_").removeprefix(_PREFIX)
    names = Names(model)
    if not NAME.fullmatch(model) or len(model) > _LONGEST:
        why = f"lower case letters, digits and single hyphens, a letter first, {_LONGEST} at most"
        proposal = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-0123456789")[:_LONGEST]
        raise _refused(name, why, proposal or "my-model")
    if model in RESERVED or keyword.iskeyword(names.cls):
        raise _refused(name, "a name that is not reserved", f"{model}-net")
    taken = _owner(model, group)
    if taken is not None:
        # The author may have installed an earlier package of that name.
        again = f"pip uninstall {taken}, or " if taken == names.distribution else ""
        raise _refused(name, f"a name that is free: {taken} has it", f"my-{model}", first=again)
    return names


def _owner(model: str, group: str) -> str | None:
    """Return the distribution that provides a plugin of this name."""
    return next(
        (
            row.distribution
            for row in zoo.plugins()
            if row.group == group and row.name.replace("-", "_") == model
        ),
        None,
    )


def _refused(name: str, allowed: str, proposal: str, *, first: str = "") -> ConfigError:
    return ConfigError(
        f"{name!r} cannot be the name of a new plugin",
        findings=[Finding("name", name, allowed)],
        fix=f"{first}zoo new {proposal.replace('_', '-')}; 'zoo list' shows what is taken",
    )
