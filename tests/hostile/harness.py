"""Call the program with bad input, and check the exit code, the message, the cost and the files.

A table of cases is a dictionary from a sentence to a :class:`Case`. ``{name}`` in a command line is
a place that the test passes to :func:`run_case`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from zoo.cli import main
from zoo.errors import BadRecord, ZooError

EXPORTS = Path(__file__).parents[2] / "exports"
SECONDS = 5.0
"""Most CPU time of a refusal."""
PATIENCE = 30.0
"""Seconds after which a case that hangs is ended. On a busy machine waiting is no fault."""
MEMORY = 2**30
"""Most memory that a refusal may add to the process."""

Setup = Callable[[Path], object]


class Usage:
    """A wrong command line: exit code 2, before any file is read."""

    code = ""
    exit_code = 2


Refusal = type[ZooError] | type[Usage]
Table = dict[str, "Case"]


@dataclass(frozen=True)
class Case:
    """A command line that must fail.

    Attributes:
        words: The command, without ``zoo``.
        errors: Accepted errors; those that derive from them are accepted too.
        says: Parts of the message.
        setup: Function that writes the needed files to a folder.
    """

    words: str
    errors: tuple[Refusal, ...]
    says: tuple[str, ...]
    setup: Setup


@dataclass(frozen=True)
class Outcome:
    """Exit code, standard output and standard error of a command."""

    exit: int
    out: str
    err: str


@dataclass
class Cost:
    """CPU time and memory of a command."""

    seconds: float = 0.0
    memory: int = 0


class TookTooLong(BaseException):
    """A case waits for something that never comes; no handler of the program catches this."""


def case(
    words: str,
    error: Refusal | tuple[Refusal, ...],
    *says: str,
    setup: Setup = lambda _: None,
) -> Case:
    """Return a case."""
    return Case(words, error if isinstance(error, tuple) else (error,), says, setup)


def cases(*tables: Mapping[str, Case]) -> Any:
    """Parametrize a test with the cases of some tables; the sentence of each is its id."""
    found = [pytest.param(case, id=name) for table in tables for name, case in table.items()]
    return pytest.mark.parametrize("case", found)


def call(*words: str) -> Outcome:
    """Run a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0
        else:
            raise AssertionError("the program did not exit")
    texts = []
    for stream in (out, err):
        stream.seek(0)
        texts.append(stream.read())
    return Outcome(code, *texts)


def program(
    *words: str | Path,
    cwd: Path,
    without: tuple[str, ...] = (),
    before: str = "",
    **variables: str,
) -> Outcome:
    """Run a command in a process of its own, in which some packages cannot be imported."""
    text = (
        f"import sys\nfor name in {without!r}: sys.modules[name] = None\n{before}\n"
        "from zoo.cli import main\nmain(sys.argv[1:])"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
    done = subprocess.run(
        [sys.executable, "-c", text, *map(str, words)],
        cwd=cwd,
        env=kept | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def listing(folder: Path) -> dict[str, str]:
    """Return every path below a folder with the hash of its content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "folder"
    return found


@contextlib.contextmanager
def measured(patience: float = PATIENCE) -> Iterator[Cost]:
    """Measure CPU time and peak memory of a block, and end one that hangs."""

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


@contextlib.contextmanager
def harmless(folder: Path, *, may_change: tuple[str, ...] = ()) -> Iterator[None]:
    """Check that a block stays within the limits and changes no file, except the named ones."""
    before = listing(folder)
    with measured() as cost:
        yield
    after = listing(folder)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed <= set(may_change)
    assert cost.seconds < SECONDS
    assert cost.memory < MEMORY


def check_refusal(
    outcome: Outcome, error: Refusal | tuple[Refusal, ...], *says: str, out: str = ""
) -> None:
    """Check exit code, error code and message; ``out`` is the start of the standard output."""
    accepted = error if isinstance(error, tuple) else (error,)
    kind = next((e for e in _kinds(accepted) if f"({e.code})" in outcome.err), accepted[0])
    assert outcome.exit == kind.exit_code, outcome.err or outcome.out
    assert outcome.out.startswith(out) if out else outcome.out == ""
    for trace in ("Traceback", "internal error", "\n  File "):
        assert trace not in outcome.err
    for part in says:
        assert part in outcome.err
    if not kind.code:
        assert "-h" in outcome.err
        return
    assert f"({kind.code})" in outcome.err
    lines = outcome.err.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("error: "))
    # Before it there may be notes of what was done so far.
    assert not any(line.startswith("  ") for line in lines[:first])
    # The place and the value of a bad record are the whole explanation.
    if kind is not BadRecord:
        assert any(line.startswith("  why: ") for line in lines[first:]), outcome.err
        assert any(line.startswith("  try: ") for line in lines[first:]), outcome.err


def run_case(case: Case, folder: Path, *, out: str = "", **places: object) -> Outcome:
    """Run a case in a folder that is the current one, and check everything that is promised."""
    case.setup(folder)
    words = shlex.split(case.words.format(**places))
    with harmless(folder):
        outcome = call(*words)
    if os.environ.get("ZOO_SHOW"):  # every message at a glance: ZOO_SHOW=1 pytest -s tests/hostile
        sys.stderr.write(f"\n$ zoo {' '.join(words)}\n{outcome.err}{outcome.out}")
    says = (part.format(**places) for part in case.says)
    check_refusal(outcome, case.errors, *says, out=out)
    return outcome


def _peak(*, forget: bool = False) -> int:
    """Return the peak memory of this process in bytes since it was told to forget."""
    try:
        if forget:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        held = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
        return int(held) * 1024
    except OSError:  # without /proc: the peak since the process began, which grows as well
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _kinds(errors: tuple[Refusal, ...]) -> Iterator[Any]:
    """Yield errors and those that derive from them."""
    for error in errors:
        yield error
        yield from _kinds(tuple(error.__subclasses__()))
