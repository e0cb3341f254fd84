"""The checks as tests of pytest, which nothing else here needs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zoo.receipts import Level
from zoo.testing.identity import Target
from zoo.testing.kit import BoundCheck, checks_for
from zoo.testing.outcomes import Skipped


def parametrize_with_checks(
    *architectures: Target,
    level: Level = "gold",
    select: Iterable[str] = (),
    exclude: Mapping[str, str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run a test once for each check of each architecture, as its argument ``check``.

    The ids of the tests stay: ``my_model-build.batch_invariance``. A check that does not apply
    skips its test with the reason; one that is expected to fail, and passes, fails its test.

    Args:
        *architectures: Names of ``zoo list``, or architectures that are defined here.
        level: The level to reach: its checks, and those of all levels before it.
        select: Globs of ids (``build.*``); all checks if there is none.
        exclude: Ids to leave out, each with the reason.
        expected_failures: Ids that are known to fail, each with the reason.

    Raises:
        RegistryError: If there is no such architecture, or it is broken.
        ConfigError: If an id does not exist, or a reason is empty.

    Example:
        >>> @zoo.testing.parametrize_with_checks("my_model", level="exportable")
        ... def test_it_conforms(check):
        ...     check()
    """
    import pytest

    known = expected_failures or {}
    cases = []
    for target in architectures:
        chosen = checks_for(target, level=level, select=select, exclude=exclude)
        for name, bound in chosen:
            marks = [pytest.mark.xfail(reason=known[name], strict=True)] if name in known else []
            label = f"{bound.subject.name}-{name}"
            cases.append(pytest.param(_in_pytest(bound), id=label, marks=marks))
    return pytest.mark.parametrize("check", cases)


def _in_pytest(bound: BoundCheck) -> Callable[[], Any]:
    """Return a check that skips as pytest does, and names its section where it fails."""
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


__all__ = ["parametrize_with_checks"]
