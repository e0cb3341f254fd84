"""One name, in the four forms that a package needs."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

import zoo
from zoo.errors import ConfigError, Finding
from zoo.names import NAME, RESERVED

_PREFIX = "zoo_"
_LONGEST = 32
"""So that no line of a template grows too long, whatever stands in it."""


@dataclass(frozen=True)
class Names:
    """What a model is called, and its package with it.

    Attributes:
        model: As ``zoo list`` names it: ``my_model``.
        distribution: As pip names it: ``zoo-my-model``.
        package: As Python imports it: ``zoo_my_model``.
        cls: The class: ``MyModel``.
    """

    model: str

    @property
    def distribution(self) -> str:
        """As pip names it."""
        return self.package.replace("_", "-")

    @property
    def package(self) -> str:
        """As Python imports it."""
        return f"{_PREFIX}{self.model}"

    @property
    def cls(self) -> str:
        """The class of the architecture."""
        return "".join(word.capitalize() for word in self.model.split("_"))


def name_package(name: str, group: str = "zoo.architectures") -> Names:
    """Return the names of a new package.

    Args:
        name: ``my-model`` or ``my_model``, with or without ``zoo-`` before it.
        group: Entry-point group of the plugin, in which the name must be free.

    Raises:
        ConfigError: If it cannot be a name on every system, or an installed model has it.
    """
    model = name.strip().replace("-", "_").removeprefix(_PREFIX)
    names = Names(model)
    if not NAME.fullmatch(model) or len(model) > _LONGEST:
        why = f"lower case letters, digits and single hyphens, a letter first, {_LONGEST} at most"
        proposal = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-0123456789")[:_LONGEST]
        raise _refused(name, why, proposal or "my-model")
    if model in RESERVED or keyword.iskeyword(names.cls):
        raise _refused(
            name, "a name that no system and no language keeps for itself", f"{model}-net"
        )
    taken = _owner(model, group)
    if taken is not None:
        # Installed before and begun again: the package that has the name is the author's own.
        again = f"pip uninstall {taken}, or " if taken == names.distribution else ""
        raise _refused(
            name, f"a name that no model has here: {taken} has it", f"my-{model}", first=again
        )
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
        f"{name!r} cannot be the name of a new model",
        findings=[Finding("name", name, allowed)],
        fix=f"{first}zoo new {proposal.replace('_', '-')}; 'zoo list' shows what is taken",
    )
