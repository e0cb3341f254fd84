"""Select checks, run them and report the results."""

from __future__ import annotations

import contextlib
import difflib
import functools
import random
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click
import numpy as np

import zoo
from zoo.api.catalog import list_commands, registry
from zoo.config import Frozen
from zoo.data import NamedDataset
from zoo.errors import ConfigError, Finding, UnknownModel
from zoo.receipts import LEVELS, OUTCOMES, Identity, Level, Outcome, Receipt, Result
from zoo.testing import (
    buildable,
    commands,
    datasets,
    discoverable,
    documented,
    exportable,
    gold,
    trainable,
)
from zoo.testing.checks import Check, CheckFailed, Kind, Measured, Skipped, levels_up_to
from zoo.testing.commands import CommandSubject
from zoo.testing.datasets import DatasetSubject
from zoo.testing.subject import Subject, Target, versions

_GROUPS = (
    *(discoverable, buildable, trainable, exportable, documented, gold),
    *(datasets, commands),
)
_FOLDERS = re.compile(r"(?<![\w./:])/(?:[\w.+@~-]+/)+")

Plugin = Target | NamedDataset | click.Command
"""A plugin to check: its name, an architecture, a dataset or a command."""


def all_checks() -> tuple[Check, ...]:
    """Return every check, in order."""
    return tuple(check for group in _GROUPS for check in group.GROUP.checks)


@dataclass(frozen=True)
class BoundCheck:
    """A check of one plugin, to be called.

    A call returns the measured values. It raises :class:`CheckFailed` (an ``AssertionError``),
    :class:`Skipped` with a reason, or any error of the plugin.
    """

    check: Check
    subject: Subject | DatasetSubject | CommandSubject

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


class Report(Frozen):
    """Results of the checks of one plugin.

    Attributes:
        plugin: The plugin that was checked.
        versions: Versions of Python and of numerical packages.
        level: Highest level whose checks all passed or do not apply; only architectures have one.
        results: One result per check, in order.
    """

    plugin: Identity
    versions: dict[str, str | None]
    level: Level | None
    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether no check failed or passed unexpectedly."""
        return not self.failures

    @property
    def failures(self) -> tuple[Result, ...]:
        """Results that failed or passed unexpectedly."""
        return tuple(r for r in self.results if r.outcome in ("failed", "xpassed"))

    @property
    def counts(self) -> dict[Outcome, int]:
        """Number of checks per outcome."""
        outcomes = [result.outcome for result in self.results]
        return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all checks."""
        return sum(result.cpu_seconds for result in self.results)

    def receipt(self) -> Receipt:
        """Return the reproducible part of the report."""
        return Receipt(
            plugin=self.plugin,
            versions=self.versions,
            level=self.level,
            counts=self.counts,
            checks={result.id: result for result in self.results},
        )


def kind_of(plugin: Plugin) -> Kind:
    """Return the kind of a plugin; a name means a model, else a dataset, else a command."""
    if isinstance(plugin, NamedDataset):
        return "dataset"
    if isinstance(plugin, click.Command):
        return "command"
    if not isinstance(plugin, str):
        return "architecture"
    try:
        registry().listing(plugin.replace("-", "_"))
    except UnknownModel:
        name = plugin.rpartition(":")[2]
        if name in {one.name for one in zoo.list_datasets()}:
            return "dataset"
        if name in list_commands():
            return "command"
    return "architecture"


def checks_for(
    plugin: Plugin,
    *,
    level: Level = "gold",
    select: Iterable[str] = (),
    exclude: Mapping[str, str] | None = None,
    folder: str | Path | None = None,
) -> Iterator[tuple[str, BoundCheck]]:
    """Return pairs of a stable id and a check of a plugin, which can be called.

    Runs and artifacts are shared by the checks.

    Args:
        plugin: A model, dataset or command: its name, or the object itself.
        level: Highest level to check; each includes those before it. Only for architectures.
        select: Globs of ids (``build.*``); all checks by default.
        exclude: Ids to leave out, each with the reason.
        folder: Folder of runs and artifacts; a temporary folder by default.

    Raises:
        RegistryError: If there is no such plugin, or it is broken.
        ConfigError: If an id does not exist, or a reason is empty.

    Example:
        >>> for name, check in zoo.testing.checks_for("cnn", select=["build.*"]):
        ...     check()
    """
    left_out = _known(exclude or {}, "exclude")
    chosen = _chosen(kind_of(plugin), level, select)
    subject = _subject(plugin, folder)
    return iter([(one.id, BoundCheck(one, subject)) for one in chosen if one.id not in left_out])


def check_architecture(
    architecture: Target,
    *,
    level: Level = "gold",
    select: Iterable[str] = (),
    exclude: Mapping[str, str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    folder: str | Path | None = None,
    progress: Callable[[Result], object] | None = None,
) -> Report:
    """Check an architecture: build, train, export and evaluate it on part of its default data.

    Args:
        architecture: Name of a model, or an architecture.
        level: Highest level to check; each includes those before it.
        select: Globs of ids (``build.*``); all checks by default.
        exclude: Ids to leave out, each with the reason. Their level cannot be reached.
        expected_failures: Ids that are known to fail, each with the reason. One that passes is a
            failure.
        folder: Folder of runs and artifacts; a temporary folder by default.
        progress: Called with each result.

    Raises:
        RegistryError: If there is no such architecture, or it is broken.
        ConfigError: If an id does not exist, or a reason is empty.

    Example:
        >>> report = zoo.testing.check_architecture("cnn", level="buildable")
        >>> report.ok, report.counts["skipped"]
    """
    chosen = _chosen("architecture", level, select)
    left_out = _known(exclude or {}, "exclude")
    expected = _known(expected_failures or {}, "expected_failures")
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zoo-check-"))
        return _report(Subject(architecture, Path(folder)), chosen, left_out, expected, progress)


def check_dataset(
    dataset: str | NamedDataset,
    *,
    select: Iterable[str] = (),
    exclude: Mapping[str, str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    progress: Callable[[Result], object] | None = None,
) -> Report:
    """Check a dataset: listing, description, splits, determinism, offline use.

    Args:
        dataset: Name of a dataset, or the dataset.
        select: Globs of ids (``dataset.*``); all checks by default.
        exclude: Ids to leave out, each with the reason.
        expected_failures: Ids that are known to fail, each with the reason.
        progress: Called with each result.

    Raises:
        UnknownDataset: If there is no dataset of that name.

    Example:
        >>> zoo.testing.check_dataset("digits").ok
        True
    """
    chosen = _chosen("dataset", "gold", select)
    left_out = _known(exclude or {}, "exclude")
    expected = _known(expected_failures or {}, "expected_failures")
    return _report(DatasetSubject(dataset), chosen, left_out, expected, progress)


def check_command(
    command: str,
    *,
    select: Iterable[str] = (),
    exclude: Mapping[str, str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    progress: Callable[[Result], object] | None = None,
) -> Report:
    """Check a command of an installed package: listing, import, help.

    Args:
        command: Name of the command.
        select: Globs of ids (``command.*``); all checks by default.
        exclude: Ids to leave out, each with the reason.
        expected_failures: Ids that are known to fail, each with the reason.
        progress: Called with each result.

    Raises:
        RegistryError: If there is no such command, or it is broken.

    Example:
        >>> zoo.testing.check_command("serve").ok
        True
    """
    chosen = _chosen("command", "gold", select)
    left_out = _known(exclude or {}, "exclude")
    expected = _known(expected_failures or {}, "expected_failures")
    return _report(CommandSubject(command), chosen, left_out, expected, progress)


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
        *plugins: Models, datasets and commands: their names, or the objects themselves.
        level: Highest level to check; each includes those before it. Only for architectures.
        select: Globs of ids (``build.*``); all checks by default.
        exclude: Ids to leave out, each with the reason.
        expected_failures: Ids that are known to fail, each with the reason.

    Raises:
        RegistryError: If there is no such plugin, or it is broken.
        ConfigError: If an id does not exist, or a reason is empty.

    Example:
        >>> @zoo.testing.parametrize_with_checks("my_model", level="exportable")
        ... def test_conformance(check):
        ...     check()
    """
    import pytest

    known = expected_failures or {}
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


def _report(
    subject: Subject | DatasetSubject | CommandSubject,
    chosen: list[Check],
    left_out: Mapping[str, str],
    expected: Mapping[str, str],
    progress: Callable[[Result], object] | None,
) -> Report:
    results: list[Result] = []
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
            result = _result(BoundCheck(check, subject), expected.get(check.id))
        results.append(result)
        if progress is not None:
            progress(result)
    level = _reached(results) if isinstance(subject, Subject) else None
    identity = subject.identity()
    return Report(plugin=identity, versions=versions(), level=level, results=tuple(results))


def _result(bound: BoundCheck, expected: str | None) -> Result:
    """Run a check; only an interrupt propagates."""
    outcome: Outcome = "passed"
    reason, measured = "", {}
    started = time.process_time()
    try:
        measured = rounded(bound())
    except Skipped as skipped:
        # A skip without a reason would look like a check that was made.
        outcome = "skipped" if skipped.reason.strip() else "failed"
        reason = skipped.reason or "it was skipped without a reason"
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
    return Result(
        id=bound.check.id,
        level=bound.check.level,
        outcome=outcome,
        reason=without_folders(" ".join(reason.split())[:1000]),
        measured=measured,
        cpu_seconds=time.process_time() - started,
    )


def _reached(results: list[Result]) -> Level | None:
    """Return the highest level whose checks were all made, and passed or do not apply."""
    good = {result.id for result in results if result.counts_for_level}
    reached: Level | None = None
    for level in LEVELS:
        if any(check.level == level and check.id not in good for check in all_checks()):
            break
        reached = level
    return reached


def _chosen(kind: Kind, level: str, select: Iterable[str]) -> list[Check]:
    within = (*levels_up_to(level), None)
    checks = [one for one in all_checks() if one.kind == kind and one.level in within]
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


def _subject(plugin: Any, folder: str | Path | None) -> Subject | DatasetSubject | CommandSubject:
    kind = kind_of(plugin)
    if kind == "dataset":
        return DatasetSubject(plugin)
    if kind == "command":
        return CommandSubject(plugin if isinstance(plugin, str) else str(plugin.name))
    if folder is not None:
        return Subject(plugin, Path(folder))
    made = Path(tempfile.mkdtemp(prefix="zoo-check-"))
    try:
        subject = Subject(plugin, made)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    weakref.finalize(subject, shutil.rmtree, made, ignore_errors=True)
    return subject


def rounded(measured: Any) -> dict[str, bool | int | float | str]:
    """Return measured values as plain data, with three digits."""
    plain: dict[str, bool | int | float | str] = {}
    for name, value in measured.items():
        item = value.item() if hasattr(value, "item") else value
        plain[name] = float(f"{item:.3g}") if isinstance(item, float) else item
    return plain


def without_folders(text: str) -> str:
    """Return a message without the folders of this machine in its paths."""
    return _FOLDERS.sub("", text)
