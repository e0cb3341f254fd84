"""Author and license of a package."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from zoo.errors import ConfigError, Finding

LICENSES = ("Apache-2.0", "MIT", "BSD-3-Clause")
"""SPDX identifiers of the licenses whose text is included."""


@dataclass(frozen=True)
class Author:
    """Author of a package.

    Attributes:
        name: Name in the license and the metadata.
        license: One of :data:`LICENSES`.
        year: Year of the copyright; the current one by default.
    """

    name: str
    license: str = LICENSES[0]
    year: int = 0

    def __post_init__(self) -> None:
        findings = []
        name = self.name.strip()
        # It goes into metadata and a license, on one line of each.
        if not name or len(name) > 200 or not name.isprintable() or set(name) & set('"\\<>'):
            allowed = 'a name on one line, without any of " \\ < >'
            findings.append(Finding("author", self.name, allowed))
        if self.license not in LICENSES:
            near = next((known for known in LICENSES if _alike(known, self.license)), None)
            allowed = f"one of {', '.join(LICENSES)}"
            findings.append(Finding("license", self.license, allowed, near))
        if findings:
            raise ConfigError("the author or the license is not valid", findings=findings)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "year", self.year or datetime.datetime.now(datetime.UTC).year)


def _alike(known: str, given: str) -> bool:
    first = known.lower().partition("-")[0]
    return bool(given) and given.lower().startswith(first)
