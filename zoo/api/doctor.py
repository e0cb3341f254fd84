"""What is wrong with an installation."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zoo.api.catalog import registry
from zoo.api.packages import EXTRAS, version_of
from zoo.environment import is_offline
from zoo.errors import PolicyDenied, UnknownModel, ZooError
from zoo.registry.contract import remedy
from zoo.registry.entrypoints import ARCHITECTURES, oversized
from zoo.registry.quarantine import PROBE_SECONDS


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at."""

    status: Literal["ok", "warn", "fail"]
    what: str
    fix: str = ""


def doctor(*, retry: bool = False) -> list[Diagnosis]:
    """Look at the installation: Python, extras, every plugin, the catalogs.

    Strangers' plugins are imported in processes of their own, several at once, and no longer than
    ``ZOO_PROBE_SECONDS`` each: whatever they do, every other finding is there.

    Args:
        retry: Forget what is remembered of plugins, and look at each again.

    Example:
        >>> [finding.what for finding in zoo.doctor() if finding.status == "fail"]
        ["model 'odd' from zoo-odd 1.0: it ended the process that imported it (exit code 3)"]
    """
    return [*_installation(), *_models(), *_strangers(retry=retry)]


def _installation() -> Iterator[Diagnosis]:
    yield Diagnosis(
        "ok", f"Python {platform.python_version()}, neural-zoo {version_of('neural-zoo')}"
    )
    for extra, packages in EXTRAS.items():
        missing = [package for package in packages if version_of(package) is None]
        if missing:
            yield Diagnosis(
                "warn",
                f"extra {extra!r}: {', '.join(missing)} not installed",
                f'pip install "neural-zoo[{extra}]"',
            )
        else:
            versions = ", ".join(f"{package} {version_of(package)}" for package in packages)
            yield Diagnosis("ok", f"extra {extra!r}: {versions}")
    if is_offline():
        yield Diagnosis("warn", "ZOO_OFFLINE is set: nothing is downloaded")


def _models() -> Iterator[Diagnosis]:
    """Say of every name whether it can be had; strangers' plugins are not imported for it."""
    known = registry()
    try:
        for problem in known.catalog_problems:
            yield Diagnosis("fail", f"{problem.what}: {problem.why}", problem.fix)
        names = known.names()
    except ZooError as error:
        yield Diagnosis("fail", f"{error.what}: {error.why}", error.fix)
        return
    for name in names:
        try:
            if known.is_ours(name):
                known.get(name)
                yield Diagnosis("ok", f"model {name!r} from {' '.join(known.provenance(name))}")
        except UnknownModel:
            continue  # the catalog knows it, and it is not installed
        except PolicyDenied as error:
            yield Diagnosis("warn", f"model {name!r}: {error.what}: {error.why}", error.fix)
        except ZooError as error:
            yield Diagnosis("fail", f"model {name!r}: {error.what}: {error.why}", error.fix)


def _strangers(*, retry: bool) -> Iterator[Diagnosis]:
    """Say of every plugin of another distribution what it does when it is imported."""
    known = registry()
    if retry:
        known.forget()
    for name, version, size in oversized():
        yield Diagnosis(
            "fail",
            f"the plugins of {name} {version} are not read: it announces {size:,} characters",
            f"pip uninstall {name}",
        )
    announced = known.announcements()
    verdicts = known.isolation.examine_all(announced)
    for (provider, group), verdict in zip(announced, verdicts, strict=True):
        kind = "model" if group == ARCHITECTURES else "hooks"
        who = f"{kind} {provider.name!r} from {provider.label}"
        if not verdict.good:
            since = f" (seen on {verdict.when})" if verdict.when else ""
            again = "; zoo doctor --retry looks again"
            fix = verdict.fix or remedy(provider)
            yield Diagnosis(
                "fail",
                f"{who}: {verdict.reason}{since}",
                fix if "--retry" in fix else fix + again,
            )
        elif not verdict.when:
            yield Diagnosis(
                "warn", f"{who} was not tried", f"ZOO_PROBE_SECONDS={PROBE_SECONDS:g} zoo doctor"
            )
        elif verdict.habits:
            yield Diagnosis(
                "warn",
                f"{who} {'; '.join(verdict.habits)}",
                "nothing: it works; its authors should know",
            )
        else:
            yield Diagnosis("ok", who)
    if announced and not known.isolation.ledger.writable:
        yield Diagnosis(
            "warn",
            f"what plugins do cannot be remembered in {known.isolation.ledger.folder}",
            "let ZOO_CACHE name a folder that can be written",
        )


__all__ = ["Diagnosis", "doctor"]
