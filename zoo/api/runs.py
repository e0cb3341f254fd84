"""List the runs of a folder, and remove those that are no longer wanted."""

from __future__ import annotations

import contextlib
import datetime
import math
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, get_args

from zoo.api.artifacts import artifacts, came_from
from zoo.api.run import Run
from zoo.errors import ConfigError, Finding, RunBusy, TrainError, ZooWarning
from zoo.files import TRASH, empty_trash, folder_size, is_file
from zoo.metrics.scores import Better
from zoo.names import natural_order
from zoo.training.run_folder import RunFolder

RUNS = "runs"
"""The folder that ``zoo train`` makes runs in."""

EXPORTS = "exports"
"""The folder that ``zoo export`` publishes in."""

RunStatus = Literal["running", "interrupted", "finished", "stopped", "failed", "unreadable"]
STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)
ORDERS = ("started", "name", "status", "epochs", "metric", "cost", "size")
CHECKPOINTS = "checkpoints"

_AGE = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s*([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


@dataclass(frozen=True)
class RunEntry:
    """One run of a list.

    Attributes:
        path: Its folder.
        status: As ``run.json`` says; ``interrupted`` if that is ``running`` and no process of this
            machine holds the run; ``unreadable`` if that file says nothing that can be read.
        data: The training data: a name or a path.
        epochs: Completed epochs.
        planned: Epochs of its plan.
        metric: The main metric of its evaluation, or else the metric that its plan monitors.
        split: The split of that metric: ``test`` or ``validation``; empty if there is none.
        value: The value of the metric.
        low: Lower end of its 95 % interval, if known.
        high: Upper end.
        unit: Unit of the value; ``None`` for a number without one.
        better: Whether a higher or a lower value is better, if that is known.
        seconds: Wall-clock time of all its processes.
        cpu_seconds: CPU time of all its processes.
        peak_memory_bytes: Peak memory of its processes; ``None`` if unknown.
        bytes: Size of its files.
        started: Start time in UTC.
        ended: Time of the last activity; empty if unknown.
        problem: What cannot be read.
    """

    path: Path
    status: RunStatus
    architecture: str = ""
    data: str = ""
    epochs: int = 0
    planned: int = 0
    metric: str = ""
    split: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None
    better: Better | None = None
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
    """List the runs of a folder, including those one level below, as a cross-validation makes them.

    Args:
        folder: The folder. If ``runs`` does not exist yet, the list is empty.
        architecture: Only runs of this model; ``*`` and ``?`` are wildcards.
        status: Only runs with this status: ``running``, ``interrupted``, ``finished``,
            ``stopped``, ``failed`` or ``unreadable``.
        data: Only runs on this data, a name or a path; with wildcards too.
        sort: ``started``, ``name``, ``status``, ``epochs``, ``metric`` (the best first), ``cost``
            (CPU time) or ``size``.

    Raises:
        TrainError: If the folder does not exist.
        ConfigError: If there is no such status or order.

    Example:
        >>> [entry.path.name for entry in zoo.runs(status="finished", sort="name")]
        ['mlp_classifier-1', 'mlp_classifier-2']
        >>> first: zoo.RunEntry = zoo.runs(sort="name")[0]
        >>> first.epochs, first.metric
        (2, 'accuracy')
    """
    root = Path(folder)
    wrong = []
    if status is not None and status not in STATUSES:
        wrong.append(Finding("status", status, f"one of {', '.join(STATUSES)}"))
    if sort not in ORDERS:
        wrong.append(Finding("sort", sort, f"one of {', '.join(ORDERS)}"))
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
        and (data is None or fnmatchcase(entry.data, data))
    ]
    return sorted(found, key=lambda entry: (_order(entry, sort), natural_order(str(entry.path))))


def run_folders(root: Path) -> Iterator[Path]:
    """Yield the folders of runs in a folder, or one level below, in natural order.

    Links to runs are included; folders below a link are not.
    """
    for path in _folders(root):
        if is_file(path / "run.json"):
            yield path
        elif not path.is_symlink():
            yield from (below for below in _folders(path) if is_file(below / "run.json"))


def entry_of(path: Path) -> RunEntry:
    """Return the list entry of a run."""
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


def watched(record: dict[str, Any]) -> tuple[str, float, Better] | None:
    """Return the metric that a run's plan monitors, its best validation value and direction."""
    plan = record["plan"]
    monitor = str(plan.get("monitor", ""))
    value = record["best"].get(monitor)
    if value is None:
        return None
    return monitor, float(value), "higher" if plan.get("mode") == "max" else "lower"


def rank(value: float | None, better: Better | None) -> float:
    """Return a sort key: the best value first, one that is missing or cannot be compared last."""
    if value is None or better is None or not math.isfinite(value):
        return math.inf
    return -value if better == "higher" else value


def _reached(run: Run) -> dict[str, Any]:
    evaluation = run.metrics
    if evaluation is not None:
        score = evaluation.scores[evaluation.headline]
        return {
            "metric": evaluation.headline,
            "split": "test",
            **score.model_dump(exclude={"share"}),
        }
    seen = watched(run.record)
    if seen is None:
        return {}
    metric, value, better = seen
    return {"metric": metric, "split": "validation", "value": value, "better": better}


def _lines(run: Run) -> int:
    try:
        return len(run.history)
    except (ValueError, TypeError, OSError):  # a file that no run wrote
        return 0


def _order(entry: RunEntry, sort: str) -> tuple[Any, ...]:
    """Return the sort key of a run; those with equal keys are sorted by name."""
    if sort == "metric":
        # Values of different metrics have no order among them.
        value = rank(entry.value, entry.better)
        return (entry.value is None, entry.split, entry.metric, value)
    keys: dict[str, Any] = {
        "started": entry.started,
        "name": "",
        "status": STATUSES.index(entry.status),
        "epochs": entry.epochs,
        "cost": entry.cpu_seconds,
        "size": entry.bytes,
    }
    return (keys[sort],)


def _folders(root: Path) -> list[Path]:
    try:
        found = [path for path in root.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []
    return sorted((path for path in found if path.is_dir()), key=lambda p: natural_order(p.name))


@dataclass(frozen=True)
class Pruned:
    """The decision about one run.

    Attributes:
        path: Its folder.
        removed: Whether it, or its checkpoints, are removed.
        because: Why it is kept; empty if it is removed.
        bytes: Size of what is, or would be, removed.
    """

    path: Path
    removed: bool
    because: str
    bytes: int


@dataclass(frozen=True)
class Pruning:
    """The result of pruning.

    Attributes:
        dry_run: Whether nothing was removed.
        runs: One entry for each selected run.
    """

    dry_run: bool
    runs: tuple[Pruned, ...]

    @property
    def bytes(self) -> int:
        """Total size of the removed files."""
        return sum(row.bytes for row in self.runs if row.removed)


def prune(
    folder: str | Path = RUNS,
    *,
    keep_best: int | None = None,
    status: str | None = None,
    older_than: str | None = None,
    checkpoints: bool = False,
    dry_run: bool = True,
) -> Pruning:
    """Remove the runs of a folder that meet all given conditions.

    Kept are runs in use, links, folders without a readable ``run.json``, runs that an artifact in
    ``exports``, here or beside the folder, came from, and runs with files that training did not
    write. A removal renames first: a kill leaves nothing that looks like a run, and the next call
    removes the rest.

    Args:
        folder: The folder of the runs.
        keep_best: Keep the best runs of each model on the same data, by the best validation value
            of the metric that their plan monitors. The test split has no influence.
        status: As for :func:`runs`.
        older_than: Only runs last active before: ``12h``, ``30d``, ``4w``.
        checkpoints: Remove only the checkpoints of finished runs. Such runs can still be
            evaluated, exported and reported on.
        dry_run: Only report what would be removed.

    Raises:
        ConfigError: If there is no condition, or a wrong one.
        TrainError: If the folder does not exist.
        StorageError: If something cannot be removed. Earlier removals are not undone.

    Example:
        >>> prune(keep_best=3, older_than="30d").bytes
    """
    age = _check(keep_best, status, older_than, checkpoints)
    root = Path(folder)
    chosen = runs(root, status=status, sort="name")
    if keep_best is not None:
        best = _best(root, keep_best)
        chosen = [entry for entry in chosen if entry.path not in best]
    if age is not None:
        before = datetime.datetime.now(datetime.UTC) - age
        chosen = [entry for entry in chosen if _last_active(entry) < before]
    places = {Path(EXPORTS).resolve(), root.resolve().parent / EXPORTS}
    published = [found for place in sorted(places) for found in artifacts(place)]
    for path, manifest in published:
        if manifest is None:
            warnings.warn(f"{path} cannot be read, so its run is unknown", ZooWarning, 2)
    rows = []
    for entry in chosen:
        size = folder_size(entry.path / CHECKPOINTS) if checkpoints else entry.bytes
        because = _kept(entry, published, checkpoints=checkpoints)
        if not because and not dry_run:
            because = _remove(entry, checkpoints=checkpoints)
        rows.append(Pruned(entry.path, not because, because, size))
    if not dry_run:
        _empty_trash(root)
    return Pruning(dry_run, tuple(rows))


def _check(
    keep_best: int | None, status: str | None, older_than: str | None, checkpoints: bool
) -> datetime.timedelta | None:
    """Check the conditions, and return the age, if there is one."""
    wrong = []
    age = _AGE.fullmatch(older_than.strip().lower()) if older_than is not None else None
    if older_than is not None and age is None:
        wrong.append(Finding("older_than", older_than, "hours, days or weeks: 12h, 30d, 4w"))
    if keep_best is not None and keep_best < 0:
        wrong.append(Finding("keep_best", keep_best, "0 or more"))
    if not checkpoints and keep_best is None and status is None and older_than is None:
        allowed = "one of keep_best, status, older_than, checkpoints"
        wrong.append(Finding("runs", None, allowed))
    if wrong:
        raise ConfigError(
            "nothing is removed",
            findings=wrong,
            fix="zoo runs prune --older-than 30d says what would be",
        )
    return datetime.timedelta(hours=float(age[1]) * _HOURS[age[2]]) if age else None


def _best(root: Path, count: int) -> set[Path]:
    """Return the folders of the best runs of each model on the same data."""
    groups: dict[tuple[str, str, str], list[tuple[float, Path]]] = {}
    for path in run_folders(root):
        with contextlib.suppress(TrainError):
            record = Run(path).record
            if seen := watched(record):
                key = (record["architecture"]["name"], record["data"]["fingerprint"], seen[0])
                groups.setdefault(key, []).append((rank(*seen[1:]), path))
    return {path for rows in groups.values() for _, path in sorted(rows)[:count]}


def _last_active(entry: RunEntry) -> datetime.datetime:
    if told := entry.ended or entry.started:
        return datetime.datetime.fromisoformat(told)
    return datetime.datetime.fromtimestamp(entry.path.stat().st_mtime, datetime.UTC)


def _kept(entry: RunEntry, published: Iterable[tuple[Path, Any]], *, checkpoints: bool) -> str:
    """Return why a run is kept; empty if it can be removed."""
    folder = RunFolder(entry.path)
    if entry.path.is_symlink():
        return "it is a link"
    if entry.status == "unreadable":
        return "its run.json cannot be read, so it may not be a run"
    if entry.status == "running" or folder.is_locked():
        return "it is in use"
    if checkpoints:
        part = entry.path / CHECKPOINTS
        if entry.status != "finished":
            return "it needs them to go on"
        return "it has none" if part.is_symlink() or not part.is_dir() else ""
    record = Run(entry.path).record
    for path, manifest in published:
        if manifest is not None and came_from(manifest, record):
            return f"{path} came from it"
    if foreign := folder.unknown_files():
        return f"it holds {', '.join(foreign[:3])}, which training did not write"
    return ""


def _remove(entry: RunEntry, *, checkpoints: bool) -> str:
    """Remove a run or its checkpoints; return why not, if it is worked on."""

    def check() -> None:
        now = entry_of(entry.path)
        fields = ("started", "ended", "architecture")
        if any(getattr(now, field) != getattr(entry, field) for field in fields):
            raise RunBusy(f"{entry.path} has changed", why="it was worked on meanwhile")

    try:
        RunFolder(entry.path).remove(CHECKPOINTS if checkpoints else None, check=check)
    except RunBusy as error:
        return error.why
    return ""


def _empty_trash(root: Path) -> None:
    """Remove what interrupted removals have left, following no link."""
    below = {path for path in (*_folders(root), *run_folders(root)) if not path.is_symlink()}
    for place in (root, *below):
        for path in place.glob(f"{TRASH}*"):
            empty_trash(path)
