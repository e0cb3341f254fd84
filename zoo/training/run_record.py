"""Run record: ``run.json`` as checked data, its JSON schema, and the resources of each session."""

from __future__ import annotations

import datetime
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

FORMAT_VERSION = 1
"""Format of the run folder. A reader refuses a newer one, and ignores unknown fields."""

RECORD_SECONDS = 5.0
"""Seconds between two updates of the record: the most that a kill makes it forget."""

Status = Literal["running", "finished", "stopped", "failed"]

_SHA256 = r"^[0-9a-f]{64}$"
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$"


class _Record(BaseModel):
    """Plain data in which other versions of the zoo may have more fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class ArchitectureRecord(_Record):
    """The model and the distribution that provided it."""

    name: str = Field(min_length=1)
    distribution: str
    version: str


class DataRecord(_Record):
    """The training data."""

    source: str = Field(description="A dataset's name, or the path of the user's own data.")
    options: dict[str, JsonValue] = Field(description="Options it was opened with.")
    spec: dict[str, Any] = Field(description="Its tensors.")
    fingerprint: str = Field(description="SHA-256 over the examples and their splits.")
    sizes: dict[str, int] = Field(description="Number of examples per split that training uses.")


class HostRecord(_Record):
    """The hardware that decides how long training takes; never the name of the machine."""

    platform: str
    cpus: int | None = Field(description="Logical processors.")
    cpu: str | None = Field(description="Model of the processor.")
    usable_cpus: int | None = Field(description="Processors that the process may use.")
    threads: int | None = Field(description="Threads per operation.")


class CodeRecord(_Record):
    """Digest of the source files of a package."""

    package: str
    files: int = Field(ge=1)
    sha256: str = Field(pattern=_SHA256, description="Digest over paths and contents.")


class SessionRecord(_Record):
    """One process that worked on the run."""

    started: str = Field(pattern=_TIME)
    ended: str = Field(pattern=_TIME, description="Last update, if it was killed.")
    status: Literal["running", "finished", "stopped", "failed", "interrupted"]
    epochs_done: int = Field(ge=0, description="Epochs of the run at its end.")
    seconds: float = Field(ge=0)
    cpu_seconds: float = Field(
        ge=0, description="Over all cores, child processes that ended included."
    )
    peak_memory_bytes: int | None = Field(
        ge=0, description="Peak memory of the process; unknown on Windows."
    )
    changed: dict[str, JsonValue] = Field(
        description="Versions, host and code, where they differ from the run's."
    )


class ModelFileRecord(_Record):
    """The file of the trained model."""

    bytes: int = Field(ge=1)
    sha256: str = Field(pattern=_SHA256)


class RunRecord(_Record):
    """All of ``run.json``."""

    format_version: Literal[1]
    id: str
    architecture: ArchitectureRecord
    config: dict[str, JsonValue] = Field(description="The model's configuration, every field.")
    config_hash: str = Field(pattern=_SHA256, description="SHA-256 of its canonical JSON.")
    plan: dict[str, JsonValue] = Field(description="The training plan.")
    seed: int = Field(ge=0)
    data: DataRecord
    parameters: int | None = Field(None, ge=0, description="Unknown before the model is built.")
    status: Status
    stopped_because: str
    epochs_done: int = Field(ge=0)
    best_epoch: int = Field(ge=0, description="0 before the first.")
    best: dict[str, float] = Field(description="That epoch's line of the history.")
    started: str = Field(pattern=_TIME)
    ended: str = Field(pattern=_TIME, description="Last update of the last session.")
    seconds: float = Field(ge=0, description="Over all sessions.")
    cpu_seconds: float = Field(ge=0, description="Over all sessions.")
    peak_memory_bytes: int | None = Field(ge=0, description="Maximum over all sessions.")
    sessions: tuple[SessionRecord, ...] = Field(description="One per process, in order.")
    versions: dict[str, str | None] = Field(description="Package to version.")
    host: HostRecord
    code: dict[Literal["plugin", "zoo"], CodeRecord | None]
    model: ModelFileRecord | None = Field(None, description="Once it is saved.")


def record_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of ``run.json``."""
    schema = RunRecord.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def utc_now() -> str:
    """Return the time in UTC to the second, e.g. ``2026-01-31T23:59:58+00:00``."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def cpu_seconds() -> float:
    """Return the processor time of this process and, except on Windows, of its ended children."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def peak_memory() -> int | None:
    """Return the peak memory of this process in bytes, ``None`` where the system does not say."""
    # ru_maxrss, the other figure of the kernel, is inherited from the parent process.
    try:
        for line in Path("/proc/self/status").read_text("ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class SessionMeter:
    """Adds the time and memory of this process to a run's record.

    Args:
        record: The run's record; it is updated in place. A new one starts now, in this environment.
        environment: The ``versions``, ``host`` and ``code`` of this process.
        write: Writes the record.
    """

    def __init__(
        self,
        record: dict[str, Any],
        environment: Mapping[str, Any],
        write: Callable[[dict[str, Any]], None],
    ) -> None:
        self._record, self._write = record, write
        self._started = utc_now()
        if "started" not in record:
            record.update(environment, started=self._started)
        self._earlier = [dict(session) for session in record.get("sessions", ())]
        for session in self._earlier:
            if session["status"] == "running":
                session["status"] = "interrupted"
        self._before = {key: record.get(key) or 0 for key in ("seconds", "cpu_seconds")}
        self._peak = record.get("peak_memory_bytes")
        self._changed = {
            key: value
            for key, value in environment.items()
            if key in record and record[key] != value
        }
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()
        self._written = self._wall

    def update(self, status: str) -> None:
        """Bring the record up to date, and write it."""
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
            peak_memory_bytes=max((p for p in (self._peak, peak) if p is not None), default=None),
            sessions=[*self._earlier, session],
        )
        self._write(self._record)

    def on_epoch_end(self, epoch: int) -> None:
        """Update a running record now and then."""
        if time.perf_counter() - self._written >= RECORD_SECONDS:
            self._record["epochs_done"] = epoch
            self.update("running")
            self._written = time.perf_counter()
