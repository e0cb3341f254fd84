"""``run.json`` as checked data: what a run says about itself, and its JSON schema.

A field that is added later has a default, and readers let unknown fields be: only a change that an
older reader would misunderstand raises the format's version.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

FORMAT_VERSION = 1
"""The version of the run folder's format. A reader refuses a newer one."""

Status = Literal["running", "finished", "stopped", "failed"]

_SHA256 = r"^[0-9a-f]{64}$"
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$"


class _Record(BaseModel):
    """Plain data that other versions of the zoo may have said more in."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class ArchitectureRecord(_Record):
    """Which model, and who provided it."""

    name: str = Field(min_length=1)
    distribution: str | None = None
    version: str | None = None


class DataRecord(_Record):
    """What was learned from."""

    source: str = Field(description="A dataset's name, or the path of the user's own data.")
    options: dict[str, JsonValue] = Field(description="What it was opened with.")
    spec: dict[str, Any] = Field(description="What its tensors are.")
    fingerprint: str = Field(description="SHA-256 over the examples and who is in which split.")
    sizes: dict[str, int] = Field(description="Examples of the splits that training sees.")


class HostRecord(_Record):
    """The machine, as far as it says how long something takes; never its name."""

    platform: str
    cpus: int | None = Field(None, description="Logical processors.")
    cpu: str | None = Field(None, description="Model of the processor.")
    usable_cpus: int | None = Field(None, description="Of those, how many the process may use.")
    threads: int | None = Field(None, description="Threads that one operation may use.")
    memory_bytes: int | None = Field(None, description="Memory that the process may use.")


class CodeRecord(_Record):
    """Source files, by what is in them."""

    package: str
    files: int = Field(ge=1)
    sha256: str = Field(pattern=_SHA256, description="Over the files' paths inside and digests.")


class SessionRecord(_Record):
    """One process that worked on the run."""

    started: str = Field(pattern=_TIME)
    ended: str = Field(pattern=_TIME, description="Of one that was killed: last heard of.")
    status: Literal["running", "finished", "stopped", "failed", "interrupted"]
    epochs_done: int = Field(ge=0, description="By the run, at its end.")
    seconds: float = Field(ge=0)
    cpu_seconds: float = Field(ge=0, description="All cores, children that ended included.")
    peak_memory_bytes: int = Field(ge=0, description="Most the process held since it began.")
    changed: dict[str, JsonValue] = Field(
        {}, description="Those of versions, host and code that differ from the run's."
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
    plan: dict[str, JsonValue] = Field(description="How it was trained.")
    seed: int = Field(ge=0)
    data: DataRecord
    parameters: int | None = Field(None, ge=0, description="Weights; unknown before it is built.")
    status: Status
    stopped_because: str | None = None
    epochs_done: int = Field(ge=0)
    best_epoch: int = Field(ge=0, description="0 before the first.")
    best: dict[str, float] = Field(description="That epoch's line of the history.")
    started: str = Field(pattern=_TIME)
    ended: str | None = Field(None, pattern=_TIME, description="When it was last worked on.")
    seconds: float = Field(ge=0, description="Over all sessions.")
    cpu_seconds: float = Field(ge=0, description="Over all sessions.")
    peak_memory_bytes: int | None = Field(None, ge=0, description="The most of any session.")
    sessions: tuple[SessionRecord, ...] = Field((), description="One a process, in order.")
    versions: dict[str, str | None] = Field(description="Package to version.")
    host: HostRecord
    code: dict[Literal["plugin", "zoo"], CodeRecord | None] = {}
    model: ModelFileRecord | None = Field(None, description="Once it is saved.")


def record_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of ``run.json``."""
    schema = RunRecord.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


__all__ = [
    "FORMAT_VERSION",
    "ArchitectureRecord",
    "CodeRecord",
    "DataRecord",
    "HostRecord",
    "ModelFileRecord",
    "RunRecord",
    "SessionRecord",
    "Status",
    "record_schema",
]
