"""What is wrong with an installation."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Literal

from zoo.api.catalog import registry
from zoo.api.packages import EXTRAS, version_of
from zoo.environment import is_offline
from zoo.errors import ZooError


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at."""

    status: Literal["ok", "warn", "fail"]
    what: str
    fix: str = ""


def doctor() -> list[Diagnosis]:
    """Look at the installation: Python, extras, every plugin (each is imported), the catalogues."""
    found = [
        Diagnosis(
            "ok", f"Python {platform.python_version()}, neural-zoo {version_of('neural-zoo')}"
        )
    ]
    for extra, packages in EXTRAS.items():
        missing = [package for package in packages if version_of(package) is None]
        if missing:
            found.append(
                Diagnosis(
                    "warn",
                    f"extra {extra!r}: {', '.join(missing)} not installed",
                    f'pip install "neural-zoo[{extra}]"',
                )
            )
        else:
            versions = ", ".join(f"{package} {version_of(package)}" for package in packages)
            found.append(Diagnosis("ok", f"extra {extra!r}: {versions}"))
    if is_offline():
        found.append(Diagnosis("warn", "ZOO_OFFLINE is set: nothing is downloaded"))
    try:
        found += [
            Diagnosis("fail", problem.what + ": " + problem.why, problem.fix)
            for problem in registry().catalogue_problems
        ]
        names = registry().names()
    except ZooError as error:
        return [*found, Diagnosis("fail", f"{error.what}: {error.why}", error.fix)]
    for name in names:
        listing = registry().listing(name)
        if listing.status == "not installed":
            continue
        try:
            registry().get(name)
        except ZooError as error:
            found.append(Diagnosis("fail", f"model {name!r}: {error.what}: {error.why}", error.fix))
        else:
            origin = " ".join(registry().provenance(name))
            found.append(Diagnosis("ok", f"model {name!r} from {origin}"))
    return found


__all__ = ["Diagnosis", "doctor"]
