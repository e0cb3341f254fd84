"""List and compare the runs of a folder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from zoo.api.run import Run
from zoo.errors import ConfigError, Finding, TrainError
from zoo.files import folder_size
from zoo.metrics import Score
from zoo.metrics.scores import describe_score
from zoo.names import natural_order
from zoo.runtime.artifact_diff import Interval, Noise, noise

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


@dataclass(frozen=True)
class Difference:
    """One value that differs between runs.

    Attributes:
        what: Its name, with dots for nested fields.
        values: One value per run; ``None`` if a run does not have it.
    """

    what: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class ScoreRow:
    """One score of all runs, on their test splits.

    Attributes:
        name: The name of the score.
        scores: One score per run, with its 95 % interval if known; ``None`` if not evaluated.
        noise: For each run but the first, whether its difference from the first is significant.
            Always ``unknown`` if their data differs.
    """

    name: str
    scores: tuple[Score | None, ...]
    noise: tuple[Noise, ...]


@dataclass(frozen=True)
class Comparison:
    """The differences between runs. Equal values are left out.

    Attributes:
        runs: Their folders.
        same_data: Whether all have the same examples in the same splits.
        architecture: Name, distribution and version.
        config: Model configurations.
        plan: Training plans.
        data: Source, options, fingerprint and sizes.
        code: Source files of the plugin and of the zoo.
        versions: Versions of Python and packages.
        host: Machines.
        outcome: Status, and best values on the validation split.
        cost: Wall-clock time, CPU time, memory.
        scores: All scores of the test split, equal ones too.
        notices: Warnings, as sentences.
    """

    runs: tuple[str, ...]
    same_data: bool
    architecture: tuple[Difference, ...]
    config: tuple[Difference, ...]
    plan: tuple[Difference, ...]
    data: tuple[Difference, ...]
    code: tuple[Difference, ...]
    versions: tuple[Difference, ...]
    host: tuple[Difference, ...]
    outcome: tuple[Difference, ...]
    cost: tuple[Difference, ...]
    scores: tuple[ScoreRow, ...]
    notices: tuple[str, ...]


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
        data: Only runs on this data: its name, its path or the end of it, or at least eight
            digits of its fingerprint.
        sort: ``started``, ``name``, ``status``, ``epochs``, ``metric`` (the best first), ``cost``
            (CPU time) or ``size``.

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


def compare(*runs: Run | str | Path) -> Comparison:
    """Compare runs.

    Args:
        *runs: Two or more, or their folders.

    Raises:
        ConfigError: If there are fewer than two.
        TrainError: If one is no run, or cannot be read.

    Example:
        >>> zoo.compare("runs/cnn-1", "runs/cnn-2").config
        (Difference(what='dropout', values=(0.2, 0.5)),)
    """
    if len(runs) < 2:
        wrong = Finding("runs", len(runs), "at least two")
        raise ConfigError("there is nothing to compare", findings=[wrong], fix="zoo runs")
    opened = [run if isinstance(run, Run) else Run(run) for run in runs]
    records = [run.record for run in opened]
    fingerprints = {record["data"]["fingerprint"] for record in records}
    same_data = len(fingerprints) == 1
    evaluations = [run.metrics for run in opened]
    notices = []
    if not same_data:
        notices.append(
            "they were trained and evaluated on different examples: their scores cannot be compared"
        )
    notices += [
        f"{run.path} was not evaluated: zoo evaluate {run.path}"
        for run, evaluation in zip(opened, evaluations, strict=True)
        if evaluation is None
    ]
    return Comparison(
        runs=tuple(str(run.path) for run in opened),
        same_data=same_data,
        architecture=_differences([record["architecture"] for record in records]),
        config=_differences([record["config"] for record in records]),
        plan=_differences([record["plan"] for record in records]),
        data=_differences([_identity(record["data"]) for record in records]),
        code=_differences([record.get("code", {}) for record in records]),
        versions=_differences([record["versions"] for record in records]),
        host=_differences([record["host"] for record in records]),
        outcome=_differences([_outcome(record) for record in records]),
        cost=_differences([_cost(record) for record in records]),
        scores=_scores([one.scores if one else {} for one in evaluations], known=same_data),
        notices=tuple(notices),
    )


def run_folders(root: Path) -> Iterator[Path]:
    """Yield the folders of runs in a folder, or one level below, in natural order.

    Links to runs are included; folders below a link are not.
    """
    for path in _folders(root):
        if _has_record(path):
            yield path
        elif not path.is_symlink():
            yield from filter(_has_record, _folders(path))


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
    """Return the metric that a run's plan monitors, and its best validation value."""
    monitor = str(record["plan"].get("monitor", ""))
    value = record["best"].get(monitor)
    return (monitor, float(value)) if value is not None else None


def rank(metric: str, value: float | None) -> float:
    """Return a sort key that puts the best value first, and a missing one last."""
    if value is None or not math.isfinite(value):
        return math.inf
    return -value if describe_score(metric).higher_is_better else value


def _reached(run: Run) -> dict[str, Any]:
    evaluation = run.metrics
    if evaluation is not None:
        score = evaluation.scores[evaluation.headline]
        return {"metric": evaluation.headline, "split": "test", **score.model_dump()}
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


def _identity(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that identify data, without its long spec."""
    return {key: data[key] for key in ("source", "options", "fingerprint", "sizes")}


def _outcome(record: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("status", "epochs_done", "best_epoch", "best", "parameters")
    return {key: record.get(key) for key in keys}


def _cost(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: record.get(key) for key in ("seconds", "cpu_seconds", "peak_memory_bytes")}


def _differences(sides: Sequence[Mapping[str, Any]], prefix: str = "") -> tuple[Difference, ...]:
    """Return the values that differ, with nested mappings, but whole lists."""
    found: list[Difference] = []
    for key in sorted({key for side in sides for key in side}):
        values = [side.get(key) for side in sides]
        inside = [value for value in values if isinstance(value, Mapping)]
        if inside and all(value is None or isinstance(value, Mapping) for value in values):
            found += _differences([value or {} for value in values], f"{prefix}{key}.")
        elif any(value != values[0] for value in values):
            found.append(Difference(f"{prefix}{key}", tuple(values)))
    return tuple(found)


def _scores(sides: Sequence[Mapping[str, Score]], *, known: bool) -> tuple[ScoreRow, ...]:
    rows = []
    for name in dict.fromkeys(name for side in sides for name in side):
        scores = tuple(side.get(name) for side in sides)
        first, *others = map(_interval, scores)
        verdicts: tuple[Noise, ...] = tuple(
            noise(first, other) if known else "unknown" for other in others
        )
        rows.append(ScoreRow(name, scores, verdicts))
    return tuple(rows)


def _interval(score: Score | None) -> Interval | None:
    return None if score is None else (score.value, score.low, score.high)
