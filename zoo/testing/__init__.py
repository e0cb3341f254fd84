"""Conformance kit: checks of architectures, datasets, readers and commands.

    >>> report = zoo.testing.check_plugin("cnn")
    >>> report.ok, report.level, report.counts["passed"]
    (True, 'gold', 33)

On the command line, ``zoo check cnn`` runs the same checks. In the tests of a package::

    @zoo.testing.parametrize_with_checks("my_model", level="exportable")
    def test_conformance(check):
        check()

Every check has a stable id (``build.batch_invariance``) and a section in ``docs/checks.md`` with
its reason and how to fix a failure. Only the decorator needs pytest.
"""

from zoo.conformance import LEVELS, Level, Receipt, Result, read_receipt
from zoo.testing.checks import Check, CheckFailed, Skipped
from zoo.testing.kit import (
    BoundCheck,
    all_checks,
    check_plugin,
    checks_for,
    parametrize_with_checks,
)

__all__ = [
    "LEVELS",
    "BoundCheck",
    "Check",
    "CheckFailed",
    "Level",
    "Receipt",
    "Result",
    "Skipped",
    "all_checks",
    "check_plugin",
    "checks_for",
    "parametrize_with_checks",
    "read_receipt",
]
