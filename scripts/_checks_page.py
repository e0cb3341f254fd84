"""Generate ``docs/checks.md`` from the checks.

python scripts/_checks_page.py    write the page; a test compares it
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from zoo.testing import all_checks

TARGET = Path(__file__).parents[1] / "docs" / "checks.md"

_HEAD = """\
# Checks

Conformance checks for models, datasets, readers and commands, whoever wrote them. `zoo check NAME`
runs them, `zoo check --list` lists them, and `--select 'build.*'` selects some.

```sh
zoo check cnn
zoo check cnn --level buildable --receipt receipt.json
zoo check my_model --exclude "build.serialization=it has no file form yet"
zoo check my_model --expect-failure "document.limits=not written yet"
zoo check digits
zoo check damage-report
```

In the tests of a package, each check is a test with a stable id:

```python
from zoo import testing


@testing.parametrize_with_checks("my_model", level="exportable")
def test_conformance(check):
    check()
```

`zoo.testing.check_plugin("my_model")` returns a receipt, and `zoo.testing.checks_for("my_model")`
pairs of an id and a check to call.

Models have levels: discoverable, buildable, trainable, exportable, documented and gold. Each
includes those before it. The first configuration of `test_configs()` is trained and exported, on
96 examples of each split of the default data. No check knows a model by its name: whether one
applies follows from the task and the plan, and the result says why not.

Outcomes are passed, failed, skipped, xfailed (failed as expected) and xpassed (passed
unexpectedly, which is a failure). A skip without a reason is a failure, and so is a check that
measures nothing. A level is reached when each of its checks passed or does not apply; a check
that is excluded or expected to fail prevents it. The exit code is 0 if nothing failed, else 1.

A receipt holds the results, as JSON in a file (`--receipt FILE`, `zoo.testing.read_receipt`): the
plugin with a SHA-256 over the files of its package, the versions of Python and of numerical
packages, the level, and the outcome, reason and measured values of every check. It has no date,
duration or path, so the same plugin gives the same bytes on the same machine.
"""


def render() -> str:
    """Return the page as Markdown."""
    lines = [_HEAD]
    section = ""
    for check in all_checks():
        title = check.level or f"{check.kind}s"
        if title != section:
            section = title
            lines += [f"## {section.capitalize()}", ""]
        lines += [f"### {check.heading}", "", f"`{check.id}`: {check.title}", ""]
        lines += [f"Why: {check.why}", "", f"How to fix: {check.fix}", ""]
    return "\n".join(_wrapped(line) for line in lines).rstrip() + "\n"


def _wrapped(line: str) -> str:
    if "\n" in line or line.startswith("#"):
        return line
    return textwrap.fill(line, 100, break_on_hyphens=False, break_long_words=False)


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
