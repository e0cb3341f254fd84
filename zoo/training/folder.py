"""The folder of one run: its record, its history, and the lock that keeps a second process out."""

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

from zoo.errors import StorageError, TrainError
from zoo.files import atomic_write, read_regular, storage_errors, write_json
from zoo.training.lock import hold, is_held
from zoo.training.record import FORMAT_VERSION, RunRecord
from zoo.training.trash import TRASH, discard, size_of

FIGURES = "figures.json"
"""What an evaluation shows besides its scores: see :mod:`zoo.metrics.figures`."""

_MOST = 2**28

NOT_METRICS = frozenset({"epoch", "learning_rate", "phase", "seconds"})
"""Columns of a history that say when and how, and not how well."""

FILES = frozenset(
    {".lock", "checkpoints", "figures.json", "history.csv", "metrics.json", "model.keras"}
    | {"mistakes.npz", "report.html", "run.json"}
)
"""What a run writes into its folder, besides temporary files."""

LOCK = ".lock"

_HALF_WRITTEN = (
    *(".run.json.*.tmp", ".history.csv.*.tmp", ".model.tmp.keras"),
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
            # A process that was killed at once leaves its lock, and nothing to resume.
            if any(file.name != LOCK for file in folder.iterdir()):
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
        """Take away a run that learned nothing, and the folder of runs if no other is in it."""
        if (self.path / "checkpoints").exists() or self.model_file.exists():
            return
        for name in ("run.json", ".lock"):
            (self.path / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something else is in it
            self.path.rmdir()
            self.path.parent.rmdir()

    @property
    def id(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @property
    def model_file(self) -> Path:
        """Where the trained model lies, in Keras's own format."""
        return self.path / "model.keras"

    def read_record(self) -> dict[str, Any]:
        """Return ``run.json``, checked.

        Raises:
            TrainError: If there is none, it is of another format, or does not follow its schema.
        """
        file = self.path / "run.json"
        try:
            record: dict[str, Any] = json.loads(read_regular(file, limit=_MOST).decode("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise TrainError(
                f"{self.path} is not the folder of a run",
                why=f"its run.json cannot be read: {error}",
                fix="zoo train NAME starts a run and prints its folder",
            ) from error
        version = record.get("format_version") if isinstance(record, dict) else None
        if version != FORMAT_VERSION or type(version) is not int:
            newer = type(version) is int and version > FORMAT_VERSION
            raise TrainError(
                f"{self.path} has run format {version!r}",
                why=f"this zoo reads format {FORMAT_VERSION}",
                fix="pip install --upgrade neural-zoo"
                if newer
                else "copy the run anew, or train again: no zoo ever wrote that format",
            )
        try:
            RunRecord.model_validate(record)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise TrainError(
                f"{file} is not the record of a run",
                why=f"{where}: {first['msg']}. Received: {first['input']!r:.80}",
                fix="copy the run anew, or train again",
            ) from error
        return record

    def refuse_second_start(self) -> None:
        """Refuse to start a run where another process has started one since the folder was made.

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
        """Hold the run against other processes; the system lets go if this one dies.

        What such a process left half-written is removed.

        Raises:
            RunBusy: If another process holds it, with that process's id, its host, and since when.
            StorageError: If the folder cannot be written, or its file system knows no locks.
        """
        with hold(self.path / LOCK, what=self.path):
            self._sweep()
            yield

    def held(self) -> bool:
        """Return whether a process of this machine works on the run now."""
        return is_held(self.path / LOCK)

    def size(self) -> int:
        """Return the bytes of its files; what a link leads to is not counted."""
        return size_of(self.path)

    def foreign(self) -> list[str]:
        """Return the names in the folder that no run writes, in order."""
        return sorted(
            entry.name
            for entry in os.scandir(self.path)
            if entry.name not in FILES and not _temporary(entry.name)
        )

    def remove(self, part: str | None = None, *, still: Callable[[], None]) -> None:
        """Remove the run, or one folder of it, so that a kill leaves no half of it in its place.

        It goes by another name first, and is then removed. Links are removed, never followed.

        Args:
            part: ``checkpoints``, for them alone.
            still: Called once the run is held; raises if it is no longer to be removed.

        Raises:
            RunBusy: If another process holds it.
            StorageError: If it cannot be removed.
        """
        with self.locked():
            still()
            if part is None:
                discard(self.path, self.path.parent)
            else:
                discard(self.path / part, self.path)

    def _sweep(self) -> None:
        """Remove what a process left that died while it wrote."""
        for pattern in _HALF_WRITTEN:
            for file in self.path.glob(pattern):
                with storage_errors(file, "removing"):
                    file.unlink(missing_ok=True)


def _taken(folder: Path) -> StorageError:
    return StorageError(
        f"{folder} is not empty",
        why="a run never writes over another",
        fix=f"zoo train --resume {folder}, or another --run-dir",
    )


def _temporary(name: str) -> bool:
    return name.startswith(TRASH) or (name.startswith(".") and ".tmp" in name)


__all__ = ["FIGURES", "FILES", "NOT_METRICS", "RunFolder"]
