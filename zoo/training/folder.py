"""The folder of one run: its record, its history, and the lock that keeps a second process out."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zoo.errors import RunBusy, StorageError, TrainError
from zoo.files import atomic_write, read_regular, storage_errors, sync_folder, write_json
from zoo.training.record import FORMAT_VERSION, RunRecord

FIGURES = "figures.json"
"""What an evaluation shows besides its scores: see :mod:`zoo.metrics.figures`."""

_MOST = 2**28

NOT_METRICS = frozenset({"epoch", "learning_rate", "phase", "seconds"})
"""Columns of a history that say when and how, and not how well."""

FILES = frozenset(
    {".lock", "checkpoints", "figures.json", "history.csv", "metrics.json", "model.keras"}
    | {"pictures.npz", "report.html", "run.json"}
)
"""What a run writes into its folder, besides temporary files."""

TRASH = ".zoo-trash-"
"""What the name of a folder begins with that is being removed."""

_LOCK_ATTEMPTS = 4


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
                why=f"{where}: {first['msg']}",
                fix="copy the run anew, or train again",
            ) from error
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
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            for attempt in range(_LOCK_ATTEMPTS):
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if attempt + 1 < _LOCK_ATTEMPTS:
                        # Somebody may only be looking whether it is held.
                        time.sleep(0.02)
                        continue
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

    def held(self) -> bool:
        """Return whether a process of this machine works on the run now."""
        try:
            handle = os.open(self.path / ".lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks
            return False
        else:
            return False
        finally:
            os.close(handle)

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


def discard(target: Path, beside: Path) -> None:
    """Remove a folder by way of a name that nobody takes for anything.

    Args:
        target: The folder, or a link, which is removed without what it leads to.
        beside: A folder on the same file system.

    Raises:
        StorageError: If it cannot be removed.
    """
    with _removing(target):
        trash = Path(tempfile.mkdtemp(prefix=TRASH, dir=beside))
        try:
            target.rename(trash / "removed")
            sync_folder(beside)
        finally:
            empty_trash(trash)


def empty_trash(folder: Path) -> None:
    """Remove what a removal has put aside.

    Raises:
        StorageError: If it cannot be removed.
    """
    with _removing(folder):
        removed = folder / "removed"
        if removed.is_symlink():
            removed.unlink()
        # Another process may be emptying it too.
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)


@contextlib.contextmanager
def _removing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be removed",
            why=error.strerror or str(error),
            fix="look at who may write there, and whether something is mounted inside",
        ) from error


def size_of(folder: Path) -> int:
    """Return the bytes of the files below a folder; what a link leads to is not counted."""
    total = 0
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return 0
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            total += size_of(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            with contextlib.suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def _temporary(name: str) -> bool:
    return name.startswith(TRASH) or (name.startswith(".") and ".tmp" in name)


__all__ = [
    "FIGURES",
    "FILES",
    "NOT_METRICS",
    "TRASH",
    "RunFolder",
    "discard",
    "empty_trash",
    "size_of",
]
