"""Import a plugin in a process of its own first: it may end there, or hang, and nothing is lost."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from zoo.registry.entrypoints import Provider
from zoo.registry.identity import Identity
from zoo.registry.verdict import Verdict

_PROGRAM = """
import json, sys
with open(sys.argv[1], encoding="utf-8") as stream:
    order = json.load(stream)
sys.path[:] = order["path"]
from zoo.registry.inspection import main
main(order)
"""
_MOST_OUTPUT = 16 * 2**10
_FRAME = re.compile(r'^  File "(.+)", line (\d+) in ', re.MULTILINE)
_THREAD = re.compile(r"^(Current thread|Thread) 0x.*$", re.MULTILINE)
_END = re.compile(r"^(?:Fatal Python error|Timeout \()", re.MULTILINE)

_STARTING = 60.0
"""Seconds that the interpreter, the zoo and keras may take to start on a busy machine."""


def probe(identity: Identity, seconds: float) -> Verdict | None:
    """Import a plugin in a fresh interpreter and return what was seen.

    It runs with the same ``sys.path``, folder and environment, without standard input; what it
    writes is kept up to a bound, and it is killed with all its descendants when it is done or its
    time is over. A plugin that imports keras is looked at twice, the second time with keras there
    before, so that what keras does to a process is not laid to its charge.

    Args:
        identity: The plugin.
        seconds: How long it may take; as long again to leave.

    Returns:
        The verdict, or ``None`` where no probe can run on this machine.
    """
    verdict = _look(identity, seconds, ())
    if verdict is None or not verdict.framework or not verdict.good:
        return verdict
    again = _look(identity, seconds, ("keras",))
    if again is None:
        return verdict
    return again.model_copy(update={"framework": True, "seconds": verdict.seconds})


def _look(identity: Identity, seconds: float, first: tuple[str, ...]) -> Verdict | None:
    if not sys.executable or getattr(sys, "frozen", False):
        return None
    with tempfile.TemporaryDirectory(prefix="zoo-probe-", ignore_cleanup_errors=True) as folder:
        report = Path(folder, "report")
        order = {
            "first": first,
            "group": identity.group,
            "path": [os.path.abspath(entry) for entry in sys.path],  # noqa: PTH100 - '' is a path
            "provider": _plain(identity.provider),
            "report": str(report),
            "seconds": seconds,
        }
        orders = Path(folder, "order")
        orders.write_text(json.dumps(order), encoding="utf-8")
        try:
            ending = _run(orders, seconds)
        except OSError:
            return None
        lines = report.read_text("utf-8").splitlines() if report.exists() else []
    stages = {line["stage"]: line for line in map(json.loads, lines)}
    if "began" not in stages:
        return None  # the fault is not the plugin's: it was not asked yet
    seen = stages.get("imported")
    if seen is None:
        return Verdict(
            kind="hung" if ending.late else "died",
            reason=ending.reason(f"it was not imported after {seconds:g} s"),
            printed=ending.said,
            framework="keras" in first,
        )
    del seen["stage"]
    if ending.heirs:
        seen["touched"].append("what runs on this machine (it leaves a process behind)")
    if ending.late and not seen["reason"]:
        return Verdict(kind="hung", **seen | {"reason": ending.reason(_STAYS)})
    return Verdict(kind="failed" if seen["reason"] else "good", **seen)


def _plain(provider: Provider) -> dict[str, Any]:
    return {
        name: value
        for name in ("name", "value", "distribution", "version", "location")
        if isinstance(value := getattr(provider, name), str)
    }


_STAYS = "it was imported, and did not let the process end"


@dataclass(frozen=True)
class _Ending:
    """How a process ended.

    Attributes:
        late: Whether it was killed because its time was over.
        code: Its exit code; a negative one names a signal.
        output: The beginning and the end of what it wrote.
        heirs: Whether processes that it had started were still there.
    """

    late: bool
    code: int
    output: str
    heirs: bool

    def reason(self, late: str) -> str:
        """Say in a line how it ended, and where in the code that was."""
        if self.late:
            how = late
        elif self.code < 0:
            how = f"it killed the process that imported it ({_signal(-self.code)})"
        else:
            how = f"it ended the process that imported it (exit code {self.code})"
        return how + self._place()

    @property
    def said(self) -> str:
        """What it wrote before the interpreter's own report of its end."""
        return _END.split(self.output)[0].strip()[:4000]

    def _place(self) -> str:
        """Return the innermost place in a file that is not Python's own."""
        stacks = list(_THREAD.finditer(self.output))
        current = [stack for stack in stacks if stack[1] == "Current thread"] or stacks[-1:]
        own = os.path.dirname(os.__file__)  # noqa: PTH120 - compared as text
        for file, line in _FRAME.findall(self.output, current[0].end()) if current else ():
            library = file.startswith(own) and "site-packages" not in file
            if not file.startswith("<frozen") and not library:
                return f" ({file}:{line})"
        return ""


def _run(orders: Path, seconds: float) -> _Ending:
    """Run the inspection; whatever happens here, none of its processes is left."""
    environment = os.environ | {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
    for name in ("PYTHONINSPECT", "PYTHONWARNINGS"):
        environment.pop(name, None)
    process = subprocess.Popen(  # noqa: S603 - this interpreter, and a program of ours
        [sys.executable, "-P", "-X", "faulthandler", "-c", _PROGRAM, orders],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )
    _RUNNING.add(process.pid)
    kept = _Kept()
    reader = threading.Thread(target=kept.read, args=(process.stdout,), daemon=True)
    reader.start()
    late = False
    try:
        # It stops itself after the seconds and says where it stood; this is for what prevents it.
        process.wait(2 * seconds + _STARTING)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        heirs = _kill_group(process.pid)
        process.wait()
        # A descendant that left the group may hold the pipe open for ever.
        reader.join(1)
        stopped = process.pid not in _RUNNING
        _RUNNING.discard(process.pid)
    if stopped:
        raise OSError(errno.ECANCELED, "the probe was stopped")
    ended = process.returncode == 1 and re.search(r"^Timeout \(", kept.text, re.MULTILINE)
    return _Ending(late or bool(ended), process.returncode, kept.text, heirs)


_RUNNING: set[int] = set()
"""The groups of the probes of this process that nobody has stopped."""


def stop_probes() -> None:
    """Stop every probe that runs in another thread; it comes to no verdict."""
    while _RUNNING:
        _kill_group(_RUNNING.pop())


def _kill_group(group: int) -> bool:
    """Kill what is left of a group of processes, and return whether anything was."""
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        return False
    return True


class _Kept:
    """The beginning and the end of a stream, however long it is."""

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""

    def read(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError), stream:
            while part := os.read(stream.fileno(), 2**16):
                room = _MOST_OUTPUT - len(self._head)
                self._head += part[:room]
                self._tail = (self._tail + part[room:])[-_MOST_OUTPUT:]

    @property
    def text(self) -> str:
        return (self._head + self._tail).decode("utf-8", errors="replace")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


__all__ = ["probe", "stop_probes"]
