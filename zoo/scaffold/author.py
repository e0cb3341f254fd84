"""Who writes a package, and under which licence."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from zoo.errors import ConfigError, Finding

LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause")
"""The licences whose text is at hand, as SPDX writes them."""


@dataclass(frozen=True)
class Author:
    """Who answers for a package.

    Attributes:
        name: A person, or several, as the licence and the metadata name them.
        licence: One of :data:`LICENCES`.
        year: Of the copyright.
    """

    name: str
    licence: str = LICENCES[0]
    year: int = 0

    def __post_init__(self) -> None:
        findings = []
        name = self.name.strip()
        # It goes into metadata and a licence, on one line of each.
        if not name or len(name) > 200 or not name.isprintable() or set(name) & set('"\\<>'):
            allowed = 'a name on one line, without any of " \\ < >'
            findings.append(Finding("author", self.name, allowed))
        if self.licence not in LICENCES:
            near = next((known for known in LICENCES if _alike(known, self.licence)), None)
            allowed = f"one of {', '.join(LICENCES)}"
            findings.append(Finding("licence", self.licence, allowed, near))
        if findings:
            raise ConfigError("the package has no author like this", findings=findings)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "year", self.year or datetime.datetime.now(datetime.UTC).year)


def _alike(known: str, given: str) -> bool:
    first = known.lower().partition("-")[0]
    return bool(given) and given.lower().startswith(first)


__all__ = ["LICENCES", "Author"]
