"""Which columns of a table were asked for, and what is wrong with the asking."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from zoo.errors import ConfigError, Finding
from zoo.runtime.csv import Table


def absent_columns(table: Table, asked: Mapping[str, Iterable[str]]) -> list[Finding]:
    """Return one finding for each column that was asked for and is not there.

    Args:
        table: The table.
        asked: The columns that each option names.
    """
    findings = []
    for key, wanted in asked.items():
        for name in wanted:
            if name not in table.header:
                near = difflib.get_close_matches(name, table.header, n=1)
                allowed = f"the columns are {', '.join(table.header)}"
                findings.append(Finding(key, name, allowed, near[0] if near else None))
    return findings


def refuse_choice(table: Table, findings: Sequence[Finding]) -> None:
    """Refuse what was asked of a table, if anything is wrong with it.

    Raises:
        ConfigError: With all findings.
    """
    if findings:
        raise ConfigError(
            f"the columns of {table.file} do not fit what was asked for",
            findings=findings,
            fix=f"head -1 {table.file} shows the columns",
        )


__all__ = ["absent_columns", "refuse_choice"]
