"""The conformance kit: what every architecture should hold to, as checks that anyone can run.

    >>> report = zoo.testing.check_architecture("cnn")
    >>> report.ok, report.level, report.counts["passed"]
    (True, 'gold', 33)

The same from a command line is ``zoo check cnn``, and in the tests of a package::

    @zoo.testing.parametrize_with_checks("my_model", level="exportable")
    def test_it_conforms(check):
        check()

A check has a name that stays (``build.batch_invariance``), a level, and a section in
``docs/checks.md`` that says why it is there and how to repair what it finds. pytest is needed by
the decorator alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.receipts import (
        LEVELS as LEVELS,
        Level as Level,
        Receipt as Receipt,
        Result as Result,
        read_receipt as read_receipt,
    )
    from zoo.testing.checks import Check as Check
    from zoo.testing.kit import (
        BoundCheck as BoundCheck,
        all_checks as all_checks,
        check_architecture as check_architecture,
        checks_for as checks_for,
    )
    from zoo.testing.outcomes import CheckFailed as CheckFailed, Skipped as Skipped
    from zoo.testing.parametrize import parametrize_with_checks as parametrize_with_checks
    from zoo.testing.report import Report as Report

_HOME = {
    "BoundCheck": "zoo.testing.kit",
    "Check": "zoo.testing.checks",
    "CheckFailed": "zoo.testing.outcomes",
    "LEVELS": "zoo.receipts",
    "Level": "zoo.receipts",
    "Receipt": "zoo.receipts",
    "Report": "zoo.testing.report",
    "Result": "zoo.receipts",
    "Skipped": "zoo.testing.outcomes",
    "all_checks": "zoo.testing.kit",
    "check_architecture": "zoo.testing.kit",
    "checks_for": "zoo.testing.kit",
    "parametrize_with_checks": "zoo.testing.parametrize",
    "read_receipt": "zoo.receipts",
}

__all__ = sorted(_HOME)  # noqa: PLE0605 - one table says what there is and where


# Type checkers know the names from the imports above, and that there are no others.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module 'zoo.testing' has no attribute {name!r}")
        # The command line lists checks, and must not import arrays for that.
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
