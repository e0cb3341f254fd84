"""Select checks, run them and report the results."""

from __future__ import annotations

import difflib
import functools
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import click
import numpy as np

import zoo
from zoo.api.catalog import list_commands, registry
from zoo.conformance import LEVELS, OUTCOMES, Level, Outcome, Receipt, Result
from zoo.data import NamedDataset
from zoo.errors import ConfigError, Finding, UnknownModel
from zoo.testing import (
    buildable,
    commands,
    datasets,
    discoverable,
    documented,
    exportable,
    gold,
    readers,
    trainable,
)
from zoo.testing.checks import Check, CheckFailed, Measured, NotMade, Skipped
from zoo.testing.commands import CommandSubject
from zoo.testing.datasets import DatasetSubject
from zoo.testing.readers import ReaderSubject
from zoo.testing.subject import ModelSubject, Subject, Target, model_name, versions

_GROUPS = (
    *(discoverable, buildable, trainable, exportable, documented, gold),
    *(datasets, readers, commands),
)
_FOLDERS = re.compile(r"(?<![\w./:])/(?:[\w.+@~-]+/)+")

Plugin = Target | NamedDataset | click.Command
"""A plugin to check: its name, or the object itself; a reader has no name of its own."""


def all_checks() -> tuple[Check, ...]:
    """Return every check, in order.

    Example:
        >>> [check.id for check in all_checks() if check.level == "exportable"][:2]
        ['export.parity', 'export.predictions']
    """
    return tuple(check for group in _GROUPS for check in group.GROUP.checks)


@dataclass(frozen=True)
class BoundCheck:
    """A check of one plugin, to be called.

    A call returns the measured values. It raises :class:`CheckFailed` (an ``AssertionError``),
    :class:`Skipped` with a reason, or any error of the plugin.
    """

    check: Check
    subject: Subject

    def __call__(self) -> Measured:
        """Run the check; the random state of Python and NumPy is restored."""
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - Keras sets it
        try:
            measured = self.check.function(self.subject)
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002 - as above
        if not measured:
            raise CheckFailed("expected a check that measures something. Received: nothing")
        return measured


def check_plugin(
    plugin: Plugin,
    *,
    level: Level = "gold",
    select: Iterable[str] = (),
    exclude: Mapping[str, str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    progress: Callable[[Result], object] | None = None,
) -> Receipt:
    """Check a model, a dataset, a reader or a command.

    A model is built, trained, exported and evaluated on part of its default data; a dataset is
    loaded; a reader opens its example; a command shows its help.

    Args:
        plugin: A name, or the object itself. A name means a model, else a dataset, a reader, a
            command.
        level: Highest level to check; each includes those before it. Only for models.
        select: Globs of ids (``build.*``); all checks by default.
        exclude: Ids to leave out, each with the reason. Their level cannot be reached.
        expected_failures: Ids that are known to fail, each with the reason. One that passes is a
            failure.
        progress: Called with each result.

    Raises:
        RegistryError: If there is no such plugin, or it is broken.
        ConfigError: If an id does not exist, or a reason is empty.

    Example:
        >>> report: Receipt = check_plugin("digits")
        >>> report.ok, report.counts["passed"] > 3
        (True, True)
    """
    left_out = _known(exclude or {}, "exclude")
    expected = _known(expected_failures or {}, "expected_failures")
    subject = subject_of(plugin)
    results: dict[str, Result] = {}
    for check in _chosen(subject, level, select):
        if check.id in left_out:
            reason = left_out[check.id]
            result = _result(check, "skipped", reason=reason, excluded=True)
        else:
            result = _run(BoundCheck(check, subject), expected.get(check.id))
        results[check.id] = result
        if progress is not None:
            progress(result)
    outcomes = [result.outcome for result in results.values()]
    return Receipt(
        plugin=subject.identity(),
        versions=versions(),
        level=_reached(results.values()) if subject.kind == "architecture" else None,
        counts={outcome: outcomes.count(outcome) for outcome in OUTCOMES},
        checks=results,
    )


def checks_for(
    plugin: Plugin,
    *,
    level: Level = "gold",
    select: Iterable[str] = (),
    exclude: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, BoundCheck]]:
    """Return pairs of a stable id and a check of a plugin, which can be called.

    Runs and artifacts are shared by the checks.

    Args:
        plugin: A model, dataset, reader or command: its name, or the object itself.
        level: Highest level to check; each includes those before it. Only for models.
        select: Globs of ids (``build.*``); all checks by default.
        exclude: Ids to leave out, each with the reason.

    Raises:
        RegistryError: If there is no such plugin, or it is broken.
        ConfigError: If an id does not exist, or a reason is empty.

    Example:
        >>> for name, check in checks_for("cnn", level="discoverable"):
        ...     measured = check()
    """
    left_out = _known(exclude or {}, "exclude")
    subject = subject_of(plugin)
    chosen = _chosen(subject, level, select)
    return iter([(one.id, BoundCheck(one, subject)) for one in chosen if one.id not in left_out])


def parametrize_with_checks(
    *plugins: Plugin,
    level: Level = "gold",
    select: Iterable[str] = (),
    exclude: Mapping[str, str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Parametrize a pytest test with the checks of plugins, as its argument ``check``.

    The ids of the tests are stable: ``my_model-build.batch_invariance``. A check that does not
    apply skips its test; one that is expected to fail, and passes, fails its test.

    Args:
        *plugins: Models, datasets, readers and commands: their names, or the objects themselves.
        level: Highest level to check; each includes those before it. Only for models.
        select: Globs of ids (``build.*``); all checks by default.
        exclude: Ids to leave out, each with the reason.
        expected_failures: Ids that are known to fail, each with the reason.

    Raises:
        RegistryError: If there is no such plugin, or it is broken.
        ConfigError: If an id does not exist, or a reason is empty.

    Example:
        >>> @parametrize_with_checks("digits")
        ... def test_conformance(check):
        ...     check()
    """
    import pytest

    known = _known(expected_failures or {}, "expected_failures")
    cases = []
    for plugin in plugins:
        for name, bound in checks_for(plugin, level=level, select=select, exclude=exclude):
            marks = [pytest.mark.xfail(reason=known[name], strict=True)] if name in known else []
            label = f"{bound.subject.name}-{name}"
            cases.append(pytest.param(_in_pytest(bound), id=label, marks=marks))
    return pytest.mark.parametrize("check", cases)


def _in_pytest(bound: BoundCheck) -> Callable[[], Any]:
    """Return a check that skips as pytest does, and names its section when it fails."""
    import pytest

    @functools.wraps(bound.check.function)
    def check() -> Any:
        __tracebackhide__ = True
        try:
            return bound()
        except Skipped as skipped:
            pytest.skip(skipped.reason)
        except AssertionError as failed:
            failed.add_note(f"{bound.check.id}: see {bound.check.page}")
            raise

    return check


def subject_of(plugin: Plugin) -> Subject:
    """Return the plugin that is checked; a name means a model, else a dataset, a reader, a command.

    Raises:
        RegistryError: If there is no such plugin, or it is broken.
    """
    if isinstance(plugin, NamedDataset):
        return DatasetSubject(plugin)
    if isinstance(plugin, click.Command):
        return CommandSubject(str(plugin.name))
    if isinstance(plugin, str):
        try:
            registry().listing(model_name(plugin))
        except UnknownModel:
            name = plugin.rpartition(":")[2]
            if name in {one.name for one in zoo.list_datasets()}:
                return DatasetSubject(plugin)
            readers = {r.name for r in registry().announced if r.group == ReaderSubject.group}
            if name in readers:
                return ReaderSubject(plugin)
            if name in list_commands():
                return CommandSubject(plugin)
    return ModelSubject(plugin)


def _run(bound: BoundCheck, expected: str | None) -> Result:
    """Run a check; only an interrupt propagates."""
    outcome: Outcome = "passed"
    reason, measured, excluded = "", {}, False
    started = time.process_time()
    try:
        measured = _rounded(bound())
    except Skipped as skipped:
        # A skip without a reason would look like a check that was made.
        outcome = "skipped" if skipped.reason.strip() else "failed"
        reason = skipped.reason or "it was skipped without a reason"
        excluded = isinstance(skipped, NotMade)
    except CheckFailed as failed:
        outcome, reason = "failed", str(failed)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
        outcome, reason = "failed", f"{type(error).__name__}: {error}"
    if expected is not None and outcome != "skipped":
        passed = outcome == "passed"
        reason = f"it was expected to fail: {expected}" if passed else expected
        outcome = "xpassed" if passed else "xfailed"
    reason = without_folders(" ".join(reason.split())[:1000])
    seconds = time.process_time() - started
    found = {"reason": reason, "excluded": excluded, "measured": measured}
    return _result(bound.check, outcome, **found, cpu_seconds=seconds)


def _result(check: Check, outcome: Outcome, **found: Any) -> Result:
    return Result(id=check.id, level=check.level, outcome=outcome, **found)


def _reached(results: Iterable[Result]) -> Level | None:
    """Return the highest level whose checks were all made, and passed or do not apply."""
    good = {result.id for result in results if result.counts_for_level}
    reached: Level | None = None
    for level in LEVELS:
        if any(check.level == level and check.id not in good for check in all_checks()):
            break
        reached = level
    return reached


def _chosen(subject: Subject, level: str, select: Iterable[str]) -> list[Check]:
    """Return the checks for a plugin up to a level, whose ids match one of some globs."""
    names: tuple[str, ...] = LEVELS
    if level not in names:
        raise ConfigError(
            f"there is no level {level!r}",
            findings=[Finding("level", level, f"one of {', '.join(names)}")],
            fix="zoo check --list",
        )
    within = (*names[: names.index(level) + 1], None)
    checks = [one for one in all_checks() if one.kind == subject.kind and one.level in within]
    globs = [select] if isinstance(select, str) else list(select)
    if not globs:
        return checks
    for glob in globs:
        if not any(fnmatchcase(check.id, glob) for check in checks):
            raise _unknown(glob, "select", [check.id for check in checks])
    return [check for check in checks if any(fnmatchcase(check.id, glob) for glob in globs)]


def _known(reasons: Mapping[str, str], where: str) -> Mapping[str, str]:
    """Return the reasons by id, if every id exists and no reason is empty."""
    ids = [check.id for check in all_checks()]
    for name, reason in reasons.items():
        if name not in ids:
            raise _unknown(name, where, ids)
        if not str(reason).strip():
            raise ConfigError(
                f"{name} needs a reason",
                findings=[Finding(f"{where}.{name}", reason, "a reason in words")],
                fix="give the reason, for the readers of the receipt",
            )
    return reasons


def _unknown(name: str, where: str, ids: list[str]) -> ConfigError:
    near = difflib.get_close_matches(name, ids, n=1)
    return ConfigError(
        f"there is no check {name!r}",
        findings=[Finding(where, name, "the id of a check", near[0] if near else None)],
        fix="zoo check --list",
    )


def _rounded(measured: Measured) -> dict[str, bool | int | float | str]:
    """Return measured values as plain data, with three digits."""
    plain: dict[str, bool | int | float | str] = {}
    for name, value in measured.items():
        item = value.item() if isinstance(value, np.generic) else value
        plain[name] = float(f"{item:.3g}") if isinstance(item, float) else item
    return plain


def without_folders(text: str) -> str:
    """Return a message without the folders of this machine in its paths."""
    return _FOLDERS.sub("", text)
