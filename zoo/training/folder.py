"""The folder of one run: its record, its history, and the lock that keeps a second process out."""

from __future__ import annotations

import contextlib
import csv
import datetime
import fcntl
import io
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import RunBusy, StorageError, TrainError
from zoo.files import atomic_write, storage_errors, write_json

FORMAT_VERSION = 1

FIGURES = "figures.json"
"""What an evaluation shows besides its scores: see :mod:`zoo.metrics.figures`."""

NOT_METRICS = frozenset({"epoch", "learning_rate", "phase", "seconds"})
"""Columns of a history that say when and how, and not how well."""


LOCK = ".lock"
"""Held by the process that trains, and says who that is."""

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

    @property
    def id(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @property
    def model_file(self) -> Path:
        """Where the trained model lies, in Keras's own format."""
        return self.path / "model.keras"

    def read_record(self) -> dict[str, Any]:
        """Return ``run.json``.

        Raises:
            TrainError: If there is none, or it is of a newer format.
        """
        try:
            record: dict[str, Any] = json.loads((self.path / "run.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise TrainError(
                f"{self.path} is not the folder of a run",
                why=f"its run.json cannot be read: {error}",
                fix="zoo train NAME starts a run and prints its folder",
            ) from error
        version = record.get("format_version") if isinstance(record, dict) else None
        if version != FORMAT_VERSION:
            raise TrainError(
                f"{self.path} has run format {version!r}",
                why=f"this zoo reads format {FORMAT_VERSION}",
                fix="pip install --upgrade neural-zoo",
            )
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
        path = self.path / LOCK
        with storage_errors(path, "locking"):
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunBusy(
                    f"{self.path} is in use",
                    why=_holder(os.read(handle, 4096)),
                    fix="wait for it to end, or choose another --run-dir",
                ) from error
            except OSError as error:
                raise StorageError(
                    f"{path} cannot be locked",
                    why=f"the file system says: {error.strerror}; without a lock two processes "
                    "could write to one run",
                    fix="choose a --run-dir on a local disk",
                ) from error
            with storage_errors(path, "locking"):
                os.ftruncate(handle, 0)
                os.write(handle, _introduction())
            self._sweep()
            yield
        finally:
            os.close(handle)

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


def _introduction() -> bytes:
    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _holder(text: bytes) -> str:
    """Return who holds a lock, as its file says."""
    try:
        said = json.loads(text)
        return f"process {said['pid']} on {said['host']} holds it since {said['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process holds it"


__all__ = ["FIGURES", "FORMAT_VERSION", "LOCK", "NOT_METRICS", "RunFolder"]
