"""Run one bad command line, and measure what it says, how it exits, what it costs, what it leaves.

A table of cases is a dictionary: a sentence, then what is typed, which error it is, and what its
message must hold. ``{...}`` in a command line is a place that the test has made: see the fixtures.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.support import Case, Outcome, Setup, call, check, listing
from zoo.errors import ZooError

SECONDS = 5.0
"""What a refusal may cost, of this process's time on a processor."""
PATIENCE = 30.0
"""When a case that waits is ended: on a busy machine waiting is not the program's fault."""
MEMORY = 2**30
"""What a refusal may add to the memory that the process held before."""


class Usage:
    """A wrong command line: exit code 2, before anything is looked at."""

    code = ""
    exit_code = 2


Refusal = type[ZooError] | type[Usage]
Table = dict[str, "Row"]


@dataclass(frozen=True)
class Row:
    """What is typed, and what comes of it."""

    words: str
    errors: tuple[Refusal, ...]
    says: tuple[str, ...]
    setup: Setup


def row(
    words: str,
    error: Refusal | tuple[Refusal, ...],
    *says: str,
    setup: Callable[[Path], object] = lambda _: None,
) -> Row:
    """Return a row: what is typed, which error, what its message holds, what is there before."""
    return Row(words, error if isinstance(error, tuple) else (error,), says, setup)


def cases(*tables: Mapping[str, Row]) -> Any:
    """Parametrize a test with the rows of some tables; each row's sentence is its id."""
    rows = [pytest.param(row, id=name) for table in tables for name, row in table.items()]
    return pytest.mark.parametrize("row", rows)


@dataclass
class Cost:
    """What a command took."""

    seconds: float = 0.0
    memory: int = 0


class TookTooLong(BaseException):
    """A case waits for something that never comes; no handler of the program catches this."""


@contextlib.contextmanager
def measured(patience: float = PATIENCE) -> Iterator[Cost]:
    """Measure the processor's time and the peak of memory of a block, and end one that hangs."""

    def stop(*_: object) -> None:
        raise TookTooLong

    cost, before = Cost(), signal.signal(signal.SIGALRM, stop)
    held, start = _peak(forget=True), time.process_time()
    signal.setitimer(signal.ITIMER_REAL, patience)
    try:
        yield cost
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        cost.seconds = time.process_time() - start
        cost.memory = _peak() - held


def _peak(*, forget: bool = False) -> int:
    """Return the most memory that this process held, in bytes, since it was told to forget."""
    try:
        if forget:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        held = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
        return int(held) * 1024
    except OSError:  # no such thing here: the peak since the process began, which grows as well
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _kinds(errors: tuple[Refusal, ...]) -> Iterator[Any]:
    """Yield errors and those that derive from them."""
    for error in errors:
        yield error
        yield from _kinds(tuple(error.__subclasses__()))


def run_row(row: Row, folder: Path, capsys: Any, **places: object) -> Outcome:
    """Run a row in a folder that is the current one, and check everything that is promised."""
    row.setup(folder)
    before = listing(folder)
    words = shlex.split(row.words.format(**places))
    capsys.readouterr()
    with measured() as cost:
        exit_code = call(*words).exit
    printed = capsys.readouterr()
    outcome = Outcome(exit_code, printed.out, printed.err)
    if os.environ.get("ZOO_SHOW"):  # every message at a glance: ZOO_SHOW=1 pytest tests/hostile
        with capsys.disabled():
            sys.stderr.write(f"\n$ zoo {' '.join(words)}\n{cost}\n{outcome.err}{outcome.out}")
    error = next((e for e in _kinds(row.errors) if f"({e.code})" in outcome.err), row.errors[0])
    says = tuple(part.format(**places) for part in row.says)
    check(Case("", "", error.exit_code, error.code, says), outcome)
    assert listing(folder) == before
    assert cost.seconds < SECONDS
    assert cost.memory < MEMORY
    return outcome


__all__ = ["Cost", "Row", "Table", "TookTooLong", "Usage", "cases", "measured", "row", "run_row"]
