"""What a training costs: time, time of the processor, memory; one entry a process."""

from __future__ import annotations

import datetime
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.training.folder import RunFolder

EVERY = 5.0
"""Seconds between two records of a run that goes on: what a kill makes the costs forget."""


def utc_now() -> str:
    """Return the time in UTC to the second, e.g. ``2026-01-31T23:59:58+00:00``."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_memory() -> int:
    """Return the most bytes of memory that this process has held since it began."""
    # The kernel's other figure, ru_maxrss, is inherited from whoever started the process.
    try:
        for line in Path("/proc/self/status").read_text("ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Meter:
    """Counts what this process spends on a run, beside what earlier ones have spent.

    Args:
        folder: The run's.
        record: The run's; it is kept up to date in place. One that has not begun is said to begin
            now, in these surroundings.
        surroundings: The ``versions``, ``host`` and ``code`` of this process.
    """

    def __init__(
        self, folder: RunFolder, record: dict[str, Any], surroundings: Mapping[str, Any]
    ) -> None:
        self._folder, self._record = folder, record
        self._started = utc_now()
        if "started" not in record:
            record.update(surroundings, started=self._started)
        earlier = [dict(session) for session in record.get("sessions", ())]
        for session in earlier:
            if session["status"] == "running":
                session["status"] = "interrupted"
        self._earlier = earlier
        self._before = {key: record.get(key) or 0 for key in ("seconds", "cpu_seconds")}
        self._peak = record.get("peak_memory_bytes") or 0
        self._changed = {
            key: value
            for key, value in surroundings.items()
            if key in record and record[key] != value
        }
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()
        self._written = self._wall

    def read(self, status: str) -> None:
        """Put what was spent until now into the record."""
        seconds = time.perf_counter() - self._wall
        processor, peak, now = cpu_seconds() - self._cpu, peak_memory(), utc_now()
        session = {
            "started": self._started,
            "ended": now,
            "status": status,
            "epochs_done": self._record["epochs_done"],
            "seconds": round(seconds, 3),
            "cpu_seconds": round(processor, 3),
            "peak_memory_bytes": peak,
            "changed": self._changed,
        }
        self._record.update(
            ended=now,
            seconds=round(self._before["seconds"] + seconds, 3),
            cpu_seconds=round(self._before["cpu_seconds"] + processor, 3),
            peak_memory_bytes=max(self._peak, peak),
            sessions=[*self._earlier, session],
        )

    def listening(self, notify: Callable[..., None]) -> Callable[..., None]:
        """Return a listener that passes every moment on, and records the cost now and then."""

        def heard(moment: str, **arguments: Any) -> None:
            if moment == "zoo_after_epoch" and time.perf_counter() - self._written >= EVERY:
                self._record["epochs_done"] = arguments["epoch"]
                self.read("running")
                self._folder.write_record(self._record)
                self._written = time.perf_counter()
            notify(moment, **arguments)

        return heard


__all__ = ["EVERY", "Meter", "cpu_seconds", "peak_memory", "utc_now"]
