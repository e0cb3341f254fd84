"""Prune runs: remove those that are no longer wanted, safely."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.provenance import EXPORTS, artifacts, came_from
from zoo.api.run import Run
from zoo.api.runs import RUNS, RunEntry, entry_of, rank, run_folders, runs as list_runs, watched
from zoo.errors import ConfigError, Finding, RunBusy, TrainError
from zoo.files import TRASH, empty_trash, folder_size
from zoo.training.run_folder import RunFolder

_AGE = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s*([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


@dataclass(frozen=True)
class Pruned:
    """The decision about one run.

    Attributes:
        path: Its folder.
        what: ``run`` or ``checkpoints``.
        removed: Whether it is removed.
        because: Why it is kept; empty if it is removed.
        bytes: Size of what is, or would be, removed.
    """

    path: Path
    what: str
    removed: bool
    because: str
    bytes: int


@dataclass(frozen=True)
class Pruning:
    """The result of pruning.

    Attributes:
        dry_run: Whether nothing was removed.
        runs: One entry for each selected run.
        leftovers: Folders that an interrupted removal left.
        notices: Warnings, as sentences.
    """

    dry_run: bool
    runs: tuple[Pruned, ...]
    leftovers: tuple[Path, ...]
    notices: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Total size of the removed files."""
        return sum(row.bytes for row in self.runs if row.removed)


def prune(
    folder: str | Path = RUNS,
    *,
    only: Sequence[str | Path] = (),
    keep_best: int | None = None,
    status: str | None = None,
    older_than: str | datetime.timedelta | None = None,
    checkpoints: bool = False,
    force: bool = False,
    dry_run: bool = True,
) -> Pruning:
    """Remove the runs of a folder that meet all given conditions.

    Runs in use, other folders and targets of links are never removed. Unless forced, a run is kept
    if an artifact in ``exports``, here or beside the folder, came from it, or if its folder holds
    files that training did not write. A removal renames first: a kill leaves nothing that looks
    like a run, and the next call removes the rest.

    Args:
        folder: The folder of the runs.
        only: Folders of runs in it; by default all.
        keep_best: Keep the best runs of each model on the same data, by the best validation value
            of the metric that their plan monitors. The test split has no influence.
        status: As for :func:`runs`.
        older_than: Only runs last active before: ``12h``, ``30d``, ``4w``.
        checkpoints: Remove only the checkpoints of finished runs. Such runs can still be
            evaluated, exported and reported on.
        force: Remove runs with artifacts too, and runs with files that training did not write.
        dry_run: Only report what would be removed.

    Raises:
        ConfigError: If there is no condition, or a wrong one.
        TrainError: If the folder does not exist, or one of ``only`` is no run in it.
        StorageError: If something cannot be removed. Earlier removals are not undone.

    Example:
        >>> api.prune(keep_best=3, older_than="30d").bytes
    """
    age = _check(only, keep_best, status, older_than, checkpoints)
    root = Path(folder)
    chosen = list_runs(root, status=status, sort="name")
    if only:
        named = _named(root, only)
        chosen = [entry for entry in chosen if entry.path in named]
    if keep_best is not None:
        best = _best(root, keep_best)
        chosen = [entry for entry in chosen if entry.path not in best]
    if age is not None:
        before = datetime.datetime.now(datetime.UTC) - age
        chosen = [entry for entry in chosen if _when(entry) < before]
    beside = root.resolve().parent / EXPORTS
    places = {Path(EXPORTS).resolve(): Path(EXPORTS), beside: beside}
    published = [found for place in places.values() for found in artifacts(place)]
    notices = [
        f"{path} cannot be read, so its run is unknown"
        for path, manifest in published
        if manifest is None
    ]
    rows = []
    for entry in chosen:
        why_not = _kept(entry, published, force=force, checkpoints=checkpoints)
        rows.append(_remove(entry, why_not, checkpoints=checkpoints, dry_run=dry_run))
    leftovers = _leftovers(root)
    if not dry_run:
        for path in leftovers:
            empty_trash(path)
    return Pruning(dry_run, tuple(rows), tuple(leftovers), tuple(notices))


def _check(
    only: Sequence[str | Path],
    keep_best: int | None,
    status: str | None,
    older_than: str | datetime.timedelta | None,
    checkpoints: bool,
) -> datetime.timedelta | None:
    """Check the conditions, and return the age, if there is one."""
    wrong = []
    age = older_than if isinstance(older_than, datetime.timedelta) else None
    if isinstance(older_than, str):
        match = _AGE.fullmatch(older_than.strip().lower())
        if match is None:
            wrong.append(Finding("older_than", older_than, "hours, days or weeks: 12h, 30d, 4w"))
        else:
            age = datetime.timedelta(hours=float(match[1]) * _HOURS[match[2]])
    if keep_best is not None and keep_best < 0:
        wrong.append(Finding("keep_best", keep_best, "0 or more"))
    conditions = (keep_best, status, older_than)
    if not (only or checkpoints or any(condition is not None for condition in conditions)):
        wrong.append(
            Finding(
                "runs",
                None,
                "folders of runs, or at least one of keep_best, status, older_than, checkpoints",
            )
        )
    if wrong:
        raise ConfigError(
            "nothing is removed",
            findings=wrong,
            fix="zoo runs prune --older-than 30d says what would be",
        )
    return age


def _named(root: Path, only: Iterable[str | Path]) -> set[Path]:
    """Return the folders of ``only`` as :func:`run_folders` names them."""
    known = {path.absolute(): path for path in run_folders(root)}
    named = set()
    for path in map(Path, only):
        found = known.get(path.absolute()) or known.get((root / path).absolute())
        if found is None:
            raise TrainError(
                f"{path} is not the folder of a run in {root}",
                why="only runs that 'zoo runs' lists are removed",
                fix=f"zoo runs --in {root}",
            )
        named.add(found)
    return named


def _best(root: Path, count: int) -> set[Path]:
    """Return the folders of the best runs of each model on the same data."""
    groups: dict[tuple[str, str, str], list[tuple[float, Path]]] = {}
    for path in run_folders(root):
        try:
            record = Run(path).record
        except TrainError:
            continue
        seen = watched(record)
        if seen is None:
            continue
        metric, value = seen
        key = (record["architecture"]["name"], record["data"]["fingerprint"], metric)
        groups.setdefault(key, []).append((rank(metric, value), path))
    return {path for rows in groups.values() for _, path in sorted(rows)[:count]}


def _when(entry: RunEntry) -> datetime.datetime:
    """Return the time of a run's last activity."""
    if told := entry.ended or entry.started:
        return datetime.datetime.fromisoformat(told)
    return datetime.datetime.fromtimestamp(entry.path.stat().st_mtime, datetime.UTC)


def _kept(
    entry: RunEntry,
    published: Iterable[tuple[Path, Any]],
    *,
    force: bool,
    checkpoints: bool,
) -> str:
    """Return why a run is kept; empty if it can be removed."""
    folder = RunFolder(entry.path)
    if entry.path.is_symlink():
        return "it is a link"
    if entry.status == "unreadable":
        return "its run.json cannot be read, so it may not be a run"
    if entry.status == "running" or folder.is_locked():
        return "it is in use"
    if checkpoints:
        return "" if entry.status == "finished" else "it needs them to go on"
    if force:
        return ""
    record = Run(entry.path).record
    for path, manifest in published:
        if manifest is not None and came_from(manifest, record):
            return f"{path} came from it"
    if foreign := folder.unknown_files():
        return f"it holds {', '.join(foreign[:3])}, which training did not write"
    return ""


def _remove(entry: RunEntry, why_not: str, *, checkpoints: bool, dry_run: bool) -> Pruned:
    what = "checkpoints" if checkpoints else "run"
    part = entry.path / "checkpoints"
    if checkpoints and not why_not and (part.is_symlink() or not part.is_dir()):
        why_not = "it has none"
    freed = folder_size(part) if checkpoints else entry.bytes
    if why_not or dry_run:
        return Pruned(entry.path, what, not why_not, why_not, freed)
    folder = RunFolder(entry.path)
    try:
        folder.remove("checkpoints" if checkpoints else None, check=_still(entry))
    except RunBusy as error:
        return Pruned(entry.path, what, False, error.why, freed)
    return Pruned(entry.path, what, True, "", freed)


def _still(entry: RunEntry) -> Any:
    """Return a check that a run has not changed since it was selected."""

    def check() -> None:
        now = entry_of(entry.path)
        if (now.started, now.ended, now.architecture) != (
            entry.started,
            entry.ended,
            entry.architecture,
        ):
            raise RunBusy(f"{entry.path} has changed", why="it was worked on meanwhile")

    return check


def _leftovers(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    below = (path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    places = {root, *below, *(path for path in run_folders(root) if not path.is_symlink())}
    return sorted(
        path
        for place in places
        for path in place.glob(f"{TRASH}*")
        if path.is_dir() and not path.is_symlink()
    )
