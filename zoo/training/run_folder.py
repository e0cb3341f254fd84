"""Run folder: record, history, checkpoints and model of one run, and the lock that guards it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zoo.errors import RunBusy, StorageError, TrainError
from zoo.files import (
    TRASH,
    LockHeld,
    atomic_write,
    exists,
    file_lock,
    folder_size,
    is_file,
    is_locked,
    read_regular,
    remove_folder,
    storage_errors,
    write_json,
)
from zoo.training.run_record import FORMAT_VERSION, RunRecord

FIGURES = "figures.json"
"""What an evaluation shows besides its scores: see :mod:`zoo.metrics.figures`."""

TELEMETRY = "telemetry.csv"
"""Gradients, changes of weights and dead units by layer: see :mod:`zoo.training.telemetry`."""

NOT_METRICS = frozenset({"epoch", "learning_rate", "phase", "seconds"})
"""Columns of a history that are not metrics."""

FILES = frozenset(
    {".lock", ".lock.json", "checkpoints", "figures.json", "history.csv", "metrics.json"}
    | {"model.keras", "mistakes.npz", "report.html", "run.json", TELEMETRY}
)
"""Names that a run writes into its folder, besides temporary files."""

_LOCK = ".lock"
_RECORD_LIMIT = 2**28
_TEMPORARY = (
    *("..lock.json.*.tmp", ".run.json.*.tmp", ".history.csv.*.tmp", ".model.*.tmp.keras"),
    *("checkpoints/.*.tmp", "checkpoints/*/.*.tmp"),
)


class RunFolder:
    """``runs/<id>/``: the record, the history, the checkpoints, the model, the metrics."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, name: str, path: str | Path | None = None) -> RunFolder:
        """Make the folder of a new run: the given one, or the next free ``runs/<name>-<n>``.

        Raises:
            StorageError: If it cannot be made, or is not empty.
        """
        if path is not None:
            folder = Path(path)
            with storage_errors(folder, "making"):
                folder.mkdir(parents=True, exist_ok=True)
            # A process that was killed at once leaves its lock and temporary files, and nothing to
            # resume.
            left = (file.name for file in folder.iterdir())
            if not all(name.startswith(_LOCK) or _is_temporary(name) for name in left):
                raise _taken(folder)
            return cls(folder)
        root = Path("runs")
        with storage_errors(root, "making"):
            root.mkdir(exist_ok=True)
        number = 1
        while True:
            folder = root / f"{name}-{number}"
            try:
                with storage_errors(folder, "making"):
                    folder.mkdir()
            except StorageError as error:
                # Another process may take the number between a look and the making.
                if not isinstance(error.__cause__, FileExistsError):
                    raise
                number += 1
                continue
            return cls(folder)

    def discard(self) -> None:
        """Remove a run that has not trained, and the folder of runs if it is empty then."""
        if (self.path / "checkpoints").exists() or self.model_file.exists():
            return
        # Something else may be in it, and Windows removes no lock that is held.
        with contextlib.suppress(OSError):
            for name in ("run.json", f"{_LOCK}.json", _LOCK):
                (self.path / name).unlink(missing_ok=True)
            self.path.rmdir()
            self.path.parent.rmdir()

    @property
    def id(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @property
    def model_file(self) -> Path:
        """Path of the trained model, in Keras's own format."""
        return self.path / "model.keras"

    def read_record(self) -> dict[str, Any]:
        """Return ``run.json``, checked.

        Raises:
            TrainError: If there is none, it is of another format, or does not follow its schema.
        """
        file = self.path / "run.json"
        try:
            record: dict[str, Any] = json.loads(
                read_regular(file, limit=_RECORD_LIMIT).decode("utf-8")
            )
        except (OSError, ValueError, RecursionError) as error:
            meant = run_of_that_name(self.path)
            raise TrainError(
                f"{self.path} is not the folder of a run",
                why=f"its run.json cannot be read: {error}",
                fix=f"did you mean {meant}?"
                if meant
                else "zoo train NAME starts a run and prints its folder",
            ) from error
        version = record.get("format_version") if isinstance(record, dict) else None
        if version != FORMAT_VERSION or type(version) is not int:
            newer = type(version) is int and version > FORMAT_VERSION
            raise TrainError(
                f"{self.path} has run format {version!r}",
                why=f"this zoo reads format {FORMAT_VERSION}",
                fix="pip install --upgrade neural-zoo"
                if newer
                else "copy the run again, or train again: no zoo ever wrote that format",
            )
        try:
            RunRecord.model_validate(record)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise TrainError(
                f"{file} is not the record of a run",
                why=f"{where}: {first['msg']}. Received: {first['input']!r:.80}",
                fix="copy the run again, or train again",
            ) from error
        return record

    def refuse_second_start(self) -> None:
        """Refuse to start a run where another process has started one in the meantime.

        Raises:
            StorageError: If there is a record.
        """
        if (self.path / "run.json").exists():
            raise _taken(self.path)

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Replace ``run.json``."""
        write_json(self.path / "run.json", dict(record))

    def write_history(self, history: Sequence[Mapping[str, float]]) -> None:
        """Replace ``history.csv``: one line an epoch, full precision; before the first, none."""
        if not history:
            (self.path / "history.csv").unlink(missing_ok=True)
            return
        columns: list[str] = []
        for line in history:
            columns += [name for name in line if name not in columns]
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        atomic_write(self.path / "history.csv", text.getvalue().encode())

    def read_history(self) -> list[dict[str, float]]:
        """Return the lines of ``history.csv``, none if it is not there yet."""
        try:
            text = (self.path / "history.csv").read_text("utf-8")
        except FileNotFoundError:
            return []
        return [
            {name: float(value) for name, value in line.items() if value != ""}
            for line in csv.DictReader(io.StringIO(text))
        ]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run against other processes; the system releases it if this one dies.

        Temporary files that a dead process left are removed.

        Raises:
            RunBusy: If another process holds it, with that process's id, its host, and since when.
            StorageError: If the folder cannot be written, or its file system has no locks.
        """
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(file_lock(self.path / _LOCK))
            except LockHeld as error:
                raise RunBusy(
                    f"{self.path} is in use",
                    why=str(error),
                    fix="wait for it to end, or choose another --run-dir",
                ) from error
            for pattern in _TEMPORARY:
                for file in self.path.glob(pattern):
                    with storage_errors(file, "removing"):
                        file.unlink(missing_ok=True)
            yield

    def is_locked(self) -> bool:
        """Return whether a process of this machine works on the run now."""
        return is_locked(self.path / _LOCK)

    def size(self) -> int:
        """Return the bytes of its files; links are not followed."""
        return folder_size(self.path)

    def unknown_files(self) -> list[str]:
        """Return the names in the folder that no run writes, in order."""
        return sorted(
            entry.name
            for entry in os.scandir(self.path)
            if entry.name not in FILES and not _is_temporary(entry.name)
        )

    def remove(self, part: str | None = None, *, check: Callable[[], None]) -> None:
        """Remove the run, or one folder of it, so that a kill leaves no half of it in its place.

        It is renamed first. Links are removed, never followed.

        Args:
            part: ``checkpoints``, for them alone.
            check: Called once the run is locked; raises if it must no longer be removed.

        Raises:
            RunBusy: If another process holds it.
            StorageError: If it cannot be removed.
        """
        with self.locked():
            check()
            if part is not None:
                remove_folder(self.path / part, self.path)
            elif os.name != "nt":
                remove_folder(self.path, self.path.parent)
        # Windows renames no folder with an open file in it, and the lock is one. There, a process
        # that takes the run at this moment keeps it.
        if part is None and os.name == "nt":
            remove_folder(self.path, self.path.parent)


def _taken(folder: Path) -> StorageError:
    fix = "name another folder with --run-dir"
    if is_file(folder / "run.json"):
        fix = f"zoo train --resume {folder}, or {fix}"
    return StorageError(
        f"{folder} is not empty", why="a run never writes over another or over files", fix=fix
    )


def run_of_that_name(folder: Path) -> Path | None:
    """Return the run in ``runs`` that a name without its folder means, if there is one."""
    run = Path("runs") / folder
    return run if not exists(folder) and is_file(run / "run.json") else None


def _is_temporary(name: str) -> bool:
    return name.startswith(TRASH) or (name.startswith(".") and ".tmp" in name)
