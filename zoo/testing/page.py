"""``docs/checks.md``: a section for every check, made from the checks themselves.

``python -m zoo.testing.page docs/checks.md`` writes it.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from zoo.files import atomic_write
from zoo.testing.kit import all_checks

_HEAD = """\
# Checks

What every architecture should hold to, whoever wrote it. `zoo check NAME` makes these checks,
`zoo check --list` shows them, and `--select 'build.*'` makes some.

```sh
zoo check cnn
zoo check cnn --level buildable --receipt receipt.json
zoo check my_model --exclude "build.serialization=it has no file form yet"
zoo check my_model --expect-failure "document.limits=not written yet"
```

In the tests of a package, one test a check, with ids that stay:

```python
from zoo import testing


@testing.parametrize_with_checks("my_model", level="exportable")
def test_it_conforms(check):
    check()
```

In a program `zoo.testing.check_architecture("my_model")` returns a report, and
`zoo.testing.checks_for("my_model")` gives pairs of an id and a check to call.

Levels are discoverable, buildable, trainable, exportable, documented and gold; each asks for all
of those before it. What is trained and exported is the first of the architecture's `examples()`: as
small as the family goes, on 96 examples of each split of its default data
(`zoo.dataset(NAME, max_examples=96)`). No check knows a model by its name. Where one does not
apply, that is decided by what the architecture is for and by what its plan watches, and the result
says so.

Results are counted as passed, failed, skipped, xfailed (failed as it was expected to) and xpassed
(did not, which is a failure). A skip without a reason is a failure, and so is a check that measures
nothing. A level is reached when each of its checks passed or does not apply; one that was left out
with `--exclude`, or is expected to fail, keeps it from being reached. The program exits with 0 when
nothing failed, else with 1.

A receipt (`--receipt FILE`, `zoo.testing.read_receipt`) says all of this as JSON: who was looked
at, with a SHA-256 over the files of its package, the versions of Python and of the packages that
decide numbers, the level, and of every check its outcome, its reason and what it measured. It has
no date, no duration and no folder: the same architecture gives the same bytes on the same machine.
"""


def page() -> str:
    """Return the page as Markdown."""
    lines = [_HEAD]
    level = ""
    for check in all_checks():
        if check.level != level:
            level = check.level
            lines += [f"## {level.capitalize()}", ""]
        lines += [f"### {check.heading}", "", f"`{check.id}`: {check.title}", ""]
        lines += [f"Why: {check.why}", "", f"How to fix: {check.fix}", ""]
    return "\n".join(_wrapped(line) for line in lines).rstrip() + "\n"


def _wrapped(line: str) -> str:
    if "\n" in line or line.startswith("#"):
        return line
    return textwrap.fill(line, 100, break_on_hyphens=False, break_long_words=False)


if __name__ == "__main__":
    atomic_write(Path(sys.argv[1]), page().encode())


__all__ = ["page"]
