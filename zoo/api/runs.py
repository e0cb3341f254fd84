"""The runs of a folder: what each was, how it ended, what it reached, what it cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from zoo.api.run import Run
from zoo.errors import ConfigError, Finding, TrainError
from zoo.files import folder_size
from zoo.metrics.scores import describe_score
from zoo.names import natural_order

RUNS = "runs"
"""The folder that ``zoo train`` makes runs in."""

RunStatus = Literal["running", "interrupted", "finished", "stopped", "failed", "unreadable"]
STATUSES: tuple[RunStatus, ...] = (
    "running",
    "interrupted",
    "finished",
    "stopped",
    "failed",
    "unreadable",
)
SORTS = ("started", "name", "status", "epochs", "metric", "cost", "size")


@dataclass(frozen=True)
class RunEntry:
    """One run, as a list shows it.

    Attributes:
        path: Its folder.
        status: As ``run.json`` says; ``interrupted`` if that is ``running`` and no process of this
            machine holds the run; ``unreadable`` if that file says nothing that can be read.
        data: What it was trained on: a name or a path.
        epochs: How many are behind it.
        planned: How many its plan has.
        metric: The headline of its evaluation; before one, what its plan watches.
        split: What that was measured on: ``test`` or ``validation``; empty if nothing was.
        value: The metric.
        low: Lower end of its 95 % interval, where one is known.
        high: Upper end.
        seconds: Of work, over all its processes.
        cpu_seconds: The same in time of the processor.
        peak_memory_bytes: The most that one of them held; ``None`` in a record that does not say.
        bytes: Of its files.
        started: When, in UTC.
        ended: When it was last worked on; empty in a record that does not say.
        problem: What of it cannot be read.
    """

    path: Path
    status: RunStatus
    architecture: str = ""
    data: str = ""
    fingerprint: str = ""
    epochs: int = 0
    planned: int = 0
    metric: str = ""
    split: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int | None = None
    bytes: int = 0
    started: str = ""
    ended: str = ""
    problem: str = ""


def runs(
    folder: str | Path = RUNS,
    *,
    architecture: str | None = None,
    status: str | None = None,
    data: str | None = None,
    sort: str = "started",
) -> list[RunEntry]:
    """Return the runs in a folder, those of a cross-validation one folder below included.

    Args:
        folder: Where to look. That ``runs`` does not exist yet is no error.
        architecture: Only those of this model; ``*`` and ``?`` stand for other letters.
        status: Only those: ``running``, ``interrupted``, ``finished``, ``stopped``, ``failed`` or
            ``unreadable``.
        data: Only those on this data: its name, its path or the end of it, or the first eight
            digits or more of its fingerprint.
        sort: ``started``, ``name``, ``status``, ``epochs``, ``metric`` (the best first), ``cost``
            (in time of the processor) or ``size``.

    Raises:
        TrainError: If the folder does not exist.
        ConfigError: If there is no such status or order.

    Example:
        >>> [entry.path.name for entry in zoo.runs(status="finished", sort="metric")]
        ['cnn-3', 'cnn-1']
    """
    root = Path(folder)
    wrong = []
    if status is not None and status not in STATUSES:
        wrong.append(Finding("status", status, f"one of {', '.join(STATUSES)}"))
    if sort not in SORTS:
        wrong.append(Finding("sort", sort, f"one of {', '.join(SORTS)}"))
    if wrong:
        raise ConfigError("runs cannot be listed like this", findings=wrong, fix="zoo runs --help")
    if not root.is_dir():
        if str(folder) == RUNS and not root.exists():
            return []
        raise TrainError(
            f"there is no folder {root}",
            why="runs are listed from the folder that holds theirs",
            fix="zoo runs --in FOLDER",
        )
    found = [
        entry
        for entry in map(entry_of, run_folders(root))
        if (architecture is None or fnmatchcase(entry.architecture, architecture))
        and (status is None or entry.status == status)
        and (data is None or _is_on(entry, data))
    ]
    return sorted(found, key=lambda entry: _order(entry, sort))


def run_folders(root: Path) -> Iterator[Path]:
    """Yield the folders of runs in a folder, or one level below, in natural order of their names.

    Folders that a link leads to are among them; what lies below such a one is not.
    """
    for path in _folders(root):
        if _has_record(path):
            yield path
        elif not path.is_symlink():
            yield from filter(_has_record, _folders(path))


def entry_of(path: Path) -> RunEntry:
    """Return what a list says of the run in a folder."""
    try:
        run = Run(path)
    except TrainError as error:
        return RunEntry(
            path, "unreadable", bytes=folder_size(path), problem=f"{error.what}: {error.why}"
        )
    record, problem = run.record, ""
    try:
        reached = _reached(run)
    except TrainError as error:
        reached, problem = {}, f"{error.what}: {error.why}"
    status: Any = run.status
    if status == "running" and not run.folder.is_locked():
        status = "interrupted"
    return RunEntry(
        path=path,
        status=status,
        architecture=run.architecture,
        data=str(record["data"]["source"]),
        fingerprint=record["data"]["fingerprint"],
        epochs=max(record["epochs_done"], 0 if status == "finished" else _lines(run)),
        planned=record["plan"].get("epochs", 0),
        seconds=record["seconds"],
        cpu_seconds=record["cpu_seconds"],
        peak_memory_bytes=record.get("peak_memory_bytes"),
        bytes=run.folder.size(),
        started=record["started"],
        ended=record.get("ended") or "",
        problem=problem,
        **reached,
    )


def watched(record: dict[str, Any]) -> tuple[str, float] | None:
    """Return what the plan of a run watches, and its best value on the validation split."""
    monitor = str(record["plan"].get("monitor", ""))
    value = record["best"].get(monitor)
    return (monitor, float(value)) if value is not None else None


def rank(metric: str, value: float | None) -> float:
    """Return a number that is the smaller, the better a value is; the largest for none."""
    if value is None or not math.isfinite(value):
        return math.inf
    return -value if describe_score(metric).higher_is_better else value


def _reached(run: Run) -> dict[str, Any]:
    told = run.metrics
    if told is not None:
        score = told.scores[told.headline]
        return {"metric": told.headline, "split": "test", **score.model_dump()}
    seen = watched(run.record)
    if seen is None:
        return {}
    return {"metric": seen[0], "split": "validation", "value": seen[1]}


def _lines(run: Run) -> int:
    try:
        return len(run.history)
    except (ValueError, TypeError, OSError):  # a file that no run wrote
        return 0


def _is_on(entry: RunEntry, data: str) -> bool:
    if entry.data == data or entry.data.endswith(f"/{data.strip('/')}"):
        return True
    return len(data) >= 8 and entry.fingerprint.startswith(data)


def _order(entry: RunEntry, sort: str) -> tuple[Any, ...]:
    name = natural_order(str(entry.path))
    keys: dict[str, tuple[Any, ...]] = {
        "started": (entry.started,),
        "name": (),
        "status": (STATUSES.index(entry.status),),
        "epochs": (entry.epochs,),
        # Values of different metrics have no order among them.
        "metric": (
            entry.value is None,
            entry.split,
            entry.metric,
            rank(entry.metric, entry.value),
        ),
        "cost": (entry.cpu_seconds,),
        "size": (entry.bytes,),
    }
    return (*keys[sort], name)


def _folders(root: Path) -> list[Path]:
    try:
        found = [path for path in root.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []
    return sorted((path for path in found if path.is_dir()), key=lambda p: natural_order(p.name))


def _has_record(path: Path) -> bool:
    return (path / "run.json").is_file()


__all__ = [
    "RUNS",
    "SORTS",
    "STATUSES",
    "RunEntry",
    "RunStatus",
    "entry_of",
    "rank",
    "run_folders",
    "runs",
    "watched",
]
