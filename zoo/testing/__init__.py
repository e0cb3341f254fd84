"""Conformance kit: checks of architectures, datasets and commands.

    >>> report = zoo.testing.check_architecture("cnn")
    >>> report.ok, report.level, report.counts["passed"]
    (True, 'gold', 33)

On the command line, ``zoo check cnn`` runs the same checks. In the tests of a package::

    @zoo.testing.parametrize_with_checks("my_model", level="exportable")
    def test_conformance(check):
        check()

Every check has a stable id (``build.batch_invariance``) and a section in ``docs/checks.md`` with
its reason and how to fix a failure. Only the decorator needs pytest.
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
    from zoo.testing.checks import (
        Check as Check,
        CheckFailed as CheckFailed,
        Skipped as Skipped,
    )
    from zoo.testing.kit import (
        BoundCheck as BoundCheck,
        Report as Report,
        all_checks as all_checks,
        check_architecture as check_architecture,
        check_command as check_command,
        check_dataset as check_dataset,
        checks_for as checks_for,
        kind_of as kind_of,
        parametrize_with_checks as parametrize_with_checks,
    )

_MODULES = {
    "zoo.receipts": "LEVELS Level Receipt Result read_receipt",
    "zoo.testing.checks": "Check CheckFailed Skipped",
    "zoo.testing.kit": "BoundCheck Report all_checks check_architecture check_command "
    "check_dataset checks_for kind_of parametrize_with_checks",
}
_DEFINED_IN = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted(_DEFINED_IN)  # noqa: PLE0605 - kept equal to the table by a test


# Type checkers know the names from the imports above, and that there are no others.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _DEFINED_IN:
            raise AttributeError(f"module 'zoo.testing' has no attribute {name!r}")
        # ``zoo check --help`` must not import arrays.
        value = getattr(importlib.import_module(_DEFINED_IN[name]), name)
        globals()[name] = value
        return value
