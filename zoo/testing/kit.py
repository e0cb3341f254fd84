"""Make the checks: choose them, bind them to an architecture, count what they say."""

from __future__ import annotations

import contextlib
import difflib
import random
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from zoo.errors import ConfigError, Finding
from zoo.receipts import LEVELS, Level, Outcome, Result
from zoo.testing import buildable, discoverable, documented, exportable, gold, trainable
from zoo.testing.checks import Check, Measured
from zoo.testing.identity import Target, identity_of, versions
from zoo.testing.levels import levels_up_to
from zoo.testing.outcomes import CheckFailed, Skipped
from zoo.testing.report import Report, rounded, without_places
from zoo.testing.subject import Subject

_GROUPS = (discoverable, buildable, trainable, exportable, documented, gold)


def all_checks() -> tuple[Check, ...]:
    """Return every check there is, in the order in which they are made."""
    return tuple(check for group in _GROUPS for check in group.GROUP.checks)


@dataclass(frozen=True)
class BoundCheck:
    """A check of one architecture: call it.

    Calling returns what was measured, or raises :class:`CheckFailed` (an ``AssertionError``),
    :class:`Skipped` with a reason, or whatever the architecture raised.
    """

    check: Check
    subject: Subject

    def __call__(self) -> Measured:
        """Make the check; Python's and NumPy's random numbers go on as if it had not been."""
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - Keras sets it
        try:
            measured = self.check.function(self.subject)
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002 - as above
        if not measured:
            raise CheckFailed("expected a check that measures something. Received: nothing")
        return measured


def checks_for(
    architecture_or_name: Target,
    *,
    level: Level = "gold",
    select: Iterable[str] = (),
    exclude: Mapping[str, str] | None = None,
    folder: str | Path | None = None,
) -> Iterator[tuple[str, BoundCheck]]:
    """Return the checks of an architecture, each with its id, which stays.

    What is trained for one check is kept for those after it.

    Args:
        architecture_or_name: A name of ``zoo list``, or an architecture that is defined here.
        level: The level to reach: its checks, and those of all levels before it.
        select: Globs of ids (``build.*``); all checks if there is none.
        exclude: Ids to leave out, each with the reason.
        folder: Where runs and artifacts go; a temporary folder by default.

    Raises:
        RegistryError: If there is no such architecture, or it is broken.
        ConfigError: If an id does not exist, or a reason is empty.

    Example:
        >>> for name, check in zoo.testing.checks_for("cnn", select=["build.*"]):
        ...     check()
    """
    left_out = _known(exclude or {}, "exclude")
    chosen = [check for check in _chosen(level, select) if check.id not in left_out]
    subject = _subject(architecture_or_name, folder)
    return iter([(check.id, BoundCheck(check, subject)) for check in chosen])


def check_architecture(
    architecture_or_name: Target,
    *,
    level: Level = "gold",
    select: Iterable[str] = (),
    exclude: Mapping[str, str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    folder: str | Path | None = None,
    progress: Callable[[Result], object] | None = None,
) -> Report:
    """Make the checks of an architecture, and count what they say.

    Args:
        architecture_or_name: A name of ``zoo list``, or an architecture that is defined here.
        level: The level to reach: its checks, and those of all levels before it.
        select: Globs of ids (``build.*``); all checks if there is none.
        exclude: Ids to leave out, each with the reason. The level cannot be reached then.
        expected_failures: Ids that are known to fail, each with the reason. One that passes
            is a failure.
        folder: Where runs and artifacts go; a temporary folder that is removed by default.
        progress: Called with each result as it comes.

    Raises:
        RegistryError: If there is no such architecture, or it is broken.
        ConfigError: If an id does not exist, or a reason is empty.

    Example:
        >>> report = zoo.testing.check_architecture("cnn", level="buildable")
        >>> report.ok, report.counts["skipped"]
    """
    left_out = _known(exclude or {}, "exclude")
    known = _known(expected_failures or {}, "expected_failures")
    chosen = _chosen(level, select)
    results: list[Result] = []
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zoo-check-"))
        subject = _subject(architecture_or_name, folder)
        for check in chosen:
            if check.id in left_out:
                result = Result(
                    id=check.id,
                    level=check.level,
                    outcome="skipped",
                    reason=left_out[check.id],
                    excluded=True,
                )
            else:
                result = _result(BoundCheck(check, subject), known.get(check.id))
            results.append(result)
            if progress is not None:
                progress(result)
        return Report(
            architecture=identity_of(subject.name),
            versions=versions(),
            level=_reached(results),
            results=tuple(results),
        )


def _result(bound: BoundCheck, expected: str | None) -> Result:
    """Make a check and say how it went; nothing but an interrupt passes."""
    outcome: Outcome = "passed"
    reason, measured = "", {}
    started = time.process_time()
    try:
        measured = rounded(bound())
    except Skipped as skipped:
        # A skip that nobody explains is a check that says nothing, and looks as if it had.
        outcome = "skipped" if skipped.reason.strip() else "failed"
        reason = skipped.reason or "it was skipped without a reason"
    except CheckFailed as failed:
        outcome, reason = "failed", str(failed)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a stranger's code may raise anything
        outcome, reason = "failed", f"{type(error).__name__}: {error}"
    if expected is not None and outcome != "skipped":
        passed = outcome == "passed"
        reason = f"it was expected to fail: {expected}" if passed else expected
        outcome = "xpassed" if passed else "xfailed"
    return Result(
        id=bound.check.id,
        level=bound.check.level,
        outcome=outcome,
        reason=without_places(" ".join(reason.split())[:1000]),
        measured=measured,
        cpu_seconds=time.process_time() - started,
    )


def _reached(results: list[Result]) -> Level | None:
    """Return the highest level of which every check was made, and passed or does not apply."""
    good = {result.id for result in results if result.counts_for_level}
    reached: Level | None = None
    for level in LEVELS:
        if any(check.level == level and check.id not in good for check in all_checks()):
            break
        reached = level
    return reached


def _chosen(level: str, select: Iterable[str]) -> list[Check]:
    within = levels_up_to(level)
    checks = [check for check in all_checks() if check.level in within]
    globs = [select] if isinstance(select, str) else list(select)
    if not globs:
        return checks
    for glob in globs:
        if not any(fnmatchcase(check.id, glob) for check in checks):
            raise _unknown(glob, "select", [check.id for check in checks])
    return [check for check in checks if any(fnmatchcase(check.id, glob) for glob in globs)]


def _known(reasons: Mapping[str, str], where: str) -> Mapping[str, str]:
    """Refuse an id that does not exist, and a reason that is none."""
    ids = [check.id for check in all_checks()]
    for name, reason in reasons.items():
        if name not in ids:
            raise _unknown(name, where, ids)
        if not str(reason).strip():
            raise ConfigError(
                f"{name} needs a reason",
                findings=[Finding(f"{where}.{name}", reason, "why, in words")],
                fix="say why: whoever reads the receipt wants to know",
            )
    return reasons


def _unknown(name: str, where: str, ids: list[str]) -> ConfigError:
    near = difflib.get_close_matches(name, ids, n=1)
    return ConfigError(
        f"there is no check {name!r}",
        findings=[Finding(where, name, "the id of a check", near[0] if near else None)],
        fix="zoo check --list",
    )


def _subject(target: Target, folder: str | Path | None) -> Subject:
    if folder is not None:
        return Subject(target, Path(folder))
    made = Path(tempfile.mkdtemp(prefix="zoo-check-"))
    try:
        subject = Subject(target, made)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    weakref.finalize(subject, shutil.rmtree, made, ignore_errors=True)
    return subject


__all__ = ["BoundCheck", "all_checks", "check_architecture", "checks_for"]
