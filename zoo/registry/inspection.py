"""Import one plugin and report what that did. Runs in a process of its own: see ``probe``."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import importlib.metadata
import json
import os
import sys
import threading
import time
from typing import Any

from zoo.registry.containment import Traces, contained
from zoo.registry.contract import load, reason_of
from zoo.registry.entrypoints import Provider


def main(order: dict[str, Any]) -> None:
    """Look at one plugin and write the report, one JSON object a line: first that it began.

    The process may end before there is a second line. That is what it is there for.

    Args:
        order: ``report``, where to write; ``provider``, the announcement; ``group``; ``first``,
            the modules that are there before; ``seconds``, after which the process writes to
            standard error where every thread stands, and ends.
    """
    provider = Provider(
        **order["provider"],
        _entry_point=importlib.metadata.EntryPoint(
            order["provider"]["name"], order["provider"]["value"], order["group"]
        ),
    )
    # What asks for a plugin while it is imported must not have it tried again, and so on for ever.
    os.environ["ZOO_PROBE_SECONDS"] = "0"
    for name in order["first"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _report(order, {"stage": "began"})
    faulthandler.dump_traceback_later(order["seconds"], exit=True)
    threads = set(threading.enumerate())
    started = time.perf_counter()
    traces = Traces()
    reason = fix = ""
    try:
        with contained() as traces:
            _, faults = load(provider, order["group"])
        reason = "; ".join(faults)
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt, too
        reason, fix = reason_of(error)
    seconds = time.perf_counter() - started
    faulthandler.cancel_dump_traceback_later()
    more = sorted(thread.name for thread in set(threading.enumerate()) - threads)
    if more:
        traces.touched.append(f"the threads of the process ({', '.join(more)[:80]})")
    _report(
        order,
        {
            "stage": "imported",
            "reason": reason[:2000],
            "fix": fix[:500],
            "framework": "keras" in sys.modules,
            "seconds": round(seconds, 3),
            "printed": traces.printed,
            "warned": traces.warned,
            "touched": traces.touched,
        },
    )
    # What hangs on the way out hangs a user's program, too.
    faulthandler.dump_traceback_later(order["seconds"], exit=True)


def _report(order: dict[str, Any], value: dict[str, Any]) -> None:
    handle = os.open(order["report"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, json.dumps(value).encode() + b"\n")
    finally:
        os.close(handle)


__all__ = ["main"]
