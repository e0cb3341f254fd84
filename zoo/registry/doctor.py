"""Try third-party plugins, each in a process of its own with a time limit.

Whatever a plugin does there (hang, exit, crash, fork, print, close files), the doctor goes on. The
result comes back in a file, of which a bounded part is read. A descendant that leaves the process
group survives, and on Windows only the process itself is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from zoo.errors import PluginBroken, ZooError
from zoo.files import read_regular
from zoo.registry.entrypoints import Provider, scan

_PROGRAM = """
import json, sys
order = json.loads(sys.argv[1])
sys.path[:] = order["path"]
from zoo.registry.doctor import try_here
try_here(order)
"""
_FIELDS = ("name", "value", "group", "distribution", "version", "location")
_MAX_BYTES = 2**16
_AT_ONCE = 4


def examine(providers: Iterable[Provider], timeout: float) -> list[PluginBroken | None]:
    """Import and instantiate plugins in processes of their own, several at once.

    Returns:
        For each plugin why it is broken, or ``None`` if it works. A process that takes longer than
        ``timeout`` seconds is killed.
    """
    running: set[int] = set()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            return list(pool.map(lambda one: _try_in_child(one, timeout, running), providers))
        except BaseException:  # an interrupt does not wait for plugins that hang
            pool.shutdown(wait=False, cancel_futures=True)
            for group in list(running):
                _kill(group)
            raise


def try_here(order: dict[str, Any]) -> None:
    """Load one plugin in this process, which may end with it, and write the result to a file."""
    from zoo.registry.loader import load

    dump, write = json.dumps, Path.write_text  # taken now: the plugin may replace them
    asked = Provider(**order["provider"])
    result = {"why": "", "fix": ""}
    try:
        # Found again, with the metadata that says which files belong to it.
        load(next((one for one in scan() if one == asked), asked))
    except ZooError as error:
        result = {"why": error.why[:5000], "fix": error.fix[:5000]}
    write(Path(order["report"]), dump(result), encoding="utf-8")


def _try_in_child(provider: Provider, timeout: float, running: set[int]) -> PluginBroken | None:
    misplaced = provider.misplaced()
    if misplaced is not None:
        return provider.broken(misplaced)
    with tempfile.TemporaryDirectory(prefix="zoo-doctor-", ignore_cleanup_errors=True) as folder:
        report = Path(folder, "report")
        order = {
            "path": [os.path.abspath(entry) for entry in sys.path],  # noqa: PTH100 - '' is a path
            "provider": {name: getattr(provider, name) for name in _FIELDS},
            "report": str(report),
        }
        try:
            code = _run(json.dumps(order), timeout, running)
        except OSError as error:
            return provider.broken(f"it could not be tried: {error}")
        return _judge(provider, report, code)


def _run(order: str, timeout: float, running: set[int]) -> int | None:
    """Return the exit code of a child process, or ``None`` if it had to be killed."""
    process = subprocess.Popen(  # noqa: S603 - this interpreter and a program of the zoo's
        [sys.executable, "-P", "-c", _PROGRAM, order],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    running.add(process.pid)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _kill(process.pid)
        process.kill()
        process.wait()
        running.discard(process.pid)


def _kill(group: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # Windows has no process groups
        os.killpg(group, signal.SIGKILL)


def _judge(provider: Provider, report: Path, code: int | None) -> PluginBroken | None:
    """Return what is wrong with a plugin, by its report and the way its process ended."""
    how = f"exit code {code}"
    with contextlib.suppress(ValueError):
        how = signal.Signals(-(code or 0)).name
    try:
        result = json.loads(read_regular(report, limit=_MAX_BYTES))
        why, fix = str(result["why"]), str(result["fix"])
    except (OSError, ValueError, TypeError, LookupError):
        died = f"it ended the process that imported it ({how})"
        why = "it was not imported in time" if code is None else died
        show = f"python -X faulthandler -c 'import {provider.module}' shows where"
        return provider.broken(f"{why}; {show}")
    if why:
        return provider.broken(why, fix)
    if code != 0:
        how = "did not let it end" if code is None else f"let it end with {how}"
        return provider.broken(f"the process that imported it worked, and it {how}")
    return None
