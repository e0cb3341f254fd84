"""Checks of the level discoverable: name, import, metadata."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from zoo.testing.checks import CheckGroup, Measured, Skipped, expect
from zoo.testing.import_probe import expect_light, expect_no_effects, trace_architecture
from zoo.testing.subject import ModelSubject

GROUP = CheckGroup("discover", "discoverable")

CPU_SECONDS = 0.5
"""Limit of the CPU time of an import, without that of the zoo; the best of three counts."""


@GROUP.check(
    why="Every command refers to the architecture by its name.",
    fix="Give the entry point and `info.name` one name, in lower case with underscores; `zoo "
    "doctor` says what is wrong with which package.",
)
def name(subject: ModelSubject) -> Measured:
    """It is found under its own name and is ready to use."""
    info, asked = subject.architecture.info, subject.name.rpartition(":")[2]
    expect(
        asked in (info.name, f"{info.name}@{info.version}"),
        f"info.name and info.version to match the name {asked}",
        info.identity,
    )
    status = subject.listing.status
    expect(status == "ready", "the status 'ready'", status)
    return {"name": info.identity}


@GROUP.check(
    why="`zoo info` and `zoo train` import the module; a slow one makes the zoo slow.",
    fix="Import at the top of the module only `zoo`, pydantic and the standard library; compute "
    "nothing, read no file. `python -X importtime -c 'import MODULE'` shows what costs.",
)
def import_time(subject: ModelSubject) -> Measured:
    """Importing its module takes at most half a second of CPU time."""
    seconds = subject.trace.seconds
    for _ in range(2):
        if seconds <= CPU_SECONDS:
            break
        seconds = min(seconds, trace_architecture(subject.architecture).seconds)
    expect(seconds <= CPU_SECONDS, f"at most {CPU_SECONDS} s of CPU time", f"{seconds:.2f} s")
    return {"limit_seconds": CPU_SECONDS}


@GROUP.check(
    why="A framework takes seconds to import, and users who list models or run artifacts may not "
    "have one.",
    fix="Import keras, and whatever imports it, inside the methods that need it.",
)
def light_import(subject: ModelSubject) -> Measured:
    """Importing its module imports no framework."""
    expect_light(subject.trace)
    return {"frameworks": 0}


@GROUP.check(
    why="A module is imported into a running program, and changes of global state affect all of "
    "it.",
    fix="Do not set environment variables, warnings filters, seeds, the working directory or "
    "handlers at import, and do not print. Set them inside a method, and restore them.",
)
def global_state(subject: ModelSubject) -> Measured:
    """Importing its module changes no global state and prints nothing."""
    expect_no_effects(subject.trace)
    return {"changed": 0}


@GROUP.check(
    why="Users see the metadata of a package before they install it.",
    fix="Give the project in pyproject.toml a version, a description, a license and "
    "`requires-python`, and depend on `neural-zoo`.",
)
def metadata(subject: ModelSubject) -> Measured:
    """Its distribution states version, summary, license, Python version and the zoo."""
    listing = subject.listing
    if not listing.is_installed:
        raise Skipped("it was registered in this process, and no distribution provides it")
    told: Any = importlib.metadata.metadata(listing.distribution)
    license = told.get("License-Expression") or told.get("License")
    classified = any("License ::" in one for one in told.get_all("Classifier") or ())
    wanted = {
        "a version": told.get("Version"),
        "a summary": told.get("Summary"),
        "a license": license or classified,
        "Requires-Python": told.get("Requires-Python"),
    }
    missing = [field for field, value in wanted.items() if not value]
    expect(
        not missing, f"complete metadata of {listing.distribution}", f"no {', no '.join(missing)}"
    )
    needs = {
        canonicalize_name(Requirement(one).name) for one in told.get_all("Requires-Dist") or ()
    }
    expect(
        "neural-zoo" in {canonicalize_name(listing.distribution), *needs},
        "neural-zoo among what the distribution requires",
        ", ".join(sorted(needs)) or "nothing",
    )
    return {"distribution": listing.distribution}
