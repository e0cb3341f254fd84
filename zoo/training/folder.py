"""The folder of one run: its record, its history, and the lock that keeps a second process out."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import RunBusy, StorageError, TrainError
from zoo.files import atomic_write, read_regular, storage_errors, write_json

FORMAT_VERSION = 1

FIGURES = "figures.json"
"""What an evaluation shows besides its scores: see :mod:`zoo.metrics.figures`."""

_MOST = 2**28

NOT_METRICS = frozenset({"epoch", "learning_rate", "phase", "seconds"})
"""Columns of a history that say when and how, and not how well."""


_NUMBER = (int, float)
_FIELDS: Mapping[str, tuple[type, ...]] = {
    "architecture.name": (str,),
    "status": (str,),
    "config": (dict,),
    "plan": (dict,),
    "data.source": (str,),
    "data.options": (dict,),
    "data.spec": (dict,),
    "data.fingerprint": (str,),
    "seconds": _NUMBER,
    "cpu_seconds": _NUMBER,
}
"""What is read from a record without a look, and of which kind it is."""


def _fault(record: Mapping[str, Any]) -> str:
    """Return what is wrong with a record, in words; nothing if everything is there."""
    for place, kinds in _FIELDS.items():
        value: Any = record
        for part in place.split("."):
            if not isinstance(value, dict) or part not in value:
                return f"{place} is missing"
            value = value[part]
        if not isinstance(value, kinds) or isinstance(value, bool):
            return f"{place} is {str(value)[:40]!r}, and not of the kind {kinds[0].__name__}"
    return ""


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
            if any(folder.iterdir()):
                raise StorageError(
                    f"{folder} is not empty",
                    why="a run never writes over another",
                    fix=f"zoo train {name} --resume {folder}, or another --run-dir",
                )
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
        """Return ``run.json``.

        Raises:
            TrainError: If there is none, or it is of a newer format.
        """
        try:
            record: dict[str, Any] = json.loads(
                read_regular(self.path / "run.json", limit=_MOST).decode("utf-8")
            )
        except (OSError, ValueError, RecursionError) as error:
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
        if fault := _fault(record):
            raise TrainError(
                f"{self.path / 'run.json'} is not the record of a run",
                why=fault,
                fix="copy the run anew, or train again: zoo train NAME",
            )
        return record

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Replace ``run.json``."""
        write_json(self.path / "run.json", dict(record))

    def write_history(self, history: Sequence[Mapping[str, float]]) -> None:
        """Replace ``history.csv``: one line an epoch, full precision."""
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

        Raises:
            RunBusy: If another process holds it, with that process's id.
        """
        path = self.path / ".lock"
        with storage_errors(path, "locking"):
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
                raise RunBusy(
                    f"{self.path} is in use",
                    why=f"process {holder} holds it",
                    fix="wait for it to end, or choose another --run-dir",
                ) from error
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            yield
        finally:
            os.close(handle)


__all__ = ["FIGURES", "FORMAT_VERSION", "NOT_METRICS", "RunFolder"]
