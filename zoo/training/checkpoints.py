"""The whole state of a run on disk, such that a reader finds a good one after any crash."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.errors import CheckpointCorrupt
from zoo.files import atomic_write, sha256_file

KEEP = 2
"""How many of the newest checkpoints stay."""


@dataclass
class Progression:
    """Where a run stands, besides its variables.

    Attributes:
        epoch: Epochs done.
        history: One line an epoch.
        best_epoch: The epoch with the best monitored value, 0 before the first.
        waited: Epochs since then.
    """

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    waited: int = 0


Snapshot = list[np.ndarray]


def take_snapshot(variables: Sequence[Any]) -> Snapshot:
    """Copy the values of variables."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def restore_snapshot(variables: Sequence[Any], snapshot: Snapshot) -> None:
    """Put values back into the variables they were taken from.

    Raises:
        CheckpointCorrupt: If their number or a shape is another.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [array.shape for array in snapshot]:
        raise CheckpointCorrupt(
            "the saved state does not fit the model",
            why="the number of its variables, or the shape of one, is another",
            fix="resume with the configuration that the run was started with",
        )
    for variable, array in zip(variables, snapshot, strict=True):
        variable.assign(array)


def run_variables(model: keras.Model) -> list[Any]:
    """Return everything that changes while a model learns.

    The weights, the state of every seed generator, and the optimizer's slots and step counter.
    """
    return [*model.variables, *model.optimizer.variables]


class Checkpoints:
    """The checkpoints of one run: ``epoch-00007.npz``, with ``.sha256`` beside it.

    A checkpoint is believed only if its digest stands beside it and is right, so a crash at any
    moment, also while writing one, leaves the one before in force.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, progression: Progression, state: Snapshot, best: Snapshot | None) -> None:
        """Write the state after an epoch, then drop what it replaces.

        Args:
            progression: Where the run stands.
            state: The values of ``run_variables``.
            best: The model's variables at ``progression.best_epoch``.
        """
        if best is not None:
            target = self._best(progression.best_epoch)
            if not target.with_name(target.name + ".sha256").exists():
                self._write(target, {}, best)
        self._write(self._epoch(progression.epoch), asdict(progression), state)
        self._prune(progression)

    def newest(self) -> tuple[Progression, Snapshot, Snapshot | None] | None:
        """Return the newest good checkpoint, or ``None`` if none was ever written.

        Raises:
            CheckpointCorrupt: If there are some, and none of them is whole.
        """
        files = sorted(self.folder.glob("epoch-*.npz"), reverse=True)
        for file in files:
            try:
                meta, state = self._read(file)
                progression = Progression(**meta)
                best = None
                if progression.best_epoch:
                    best = self._read(self._best(progression.best_epoch))[1]
            except CheckpointCorrupt:
                continue
            return progression, state, best
        if files:
            raise CheckpointCorrupt(
                f"no checkpoint in {self.folder} is whole",
                why=f"{len(files)} were found, and none equals its digest",
                fix="start the run again in another folder",
            )
        return None

    def _epoch(self, number: int) -> Path:
        return self.folder / f"epoch-{number:05d}.npz"

    def _best(self, number: int) -> Path:
        return self.folder / f"best-{number:05d}.npz"

    def _write(self, path: Path, meta: dict[str, Any], arrays: Snapshot) -> None:
        buffer = io.BytesIO()
        text = np.frombuffer(json.dumps(meta).encode(), dtype="uint8")
        named: dict[str, Any] = {f"v{i:05d}": array for i, array in enumerate(arrays)}
        np.savez(buffer, meta=text, **named)
        atomic_write(path, buffer.getvalue())
        atomic_write(path.with_name(path.name + ".sha256"), sha256_file(path).encode())

    def _read(self, path: Path) -> tuple[dict[str, Any], Snapshot]:
        def corrupt(why: str) -> CheckpointCorrupt:
            return CheckpointCorrupt(
                f"{path} is not a whole checkpoint", why=why, fix="zoo train --resume RUN"
            )

        try:
            digest = path.with_name(path.name + ".sha256").read_text()
            if sha256_file(path) != digest:
                raise corrupt("its bytes are not those of its digest")
            with np.load(path, allow_pickle=False) as archive:
                meta = json.loads(archive["meta"].tobytes())
                names = sorted(name for name in archive.files if name != "meta")
                return meta, [archive[name] for name in names]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise corrupt(str(error)) from error

    def _prune(self, progression: Progression) -> None:
        kept = sorted(self.folder.glob("epoch-*.npz"))[-KEEP:]
        keep = {file.name for file in kept} | {self._best(progression.best_epoch).name}
        for file in kept[:-1]:
            try:
                keep.add(self._best(self._read(file)[0]["best_epoch"]).name)
            except (CheckpointCorrupt, KeyError):
                continue
        for file in self.folder.glob("*.npz"):
            if file.name not in keep:
                file.unlink()
                file.with_name(file.name + ".sha256").unlink(missing_ok=True)


__all__ = [
    "Checkpoints",
    "Progression",
    "Snapshot",
    "restore_snapshot",
    "run_variables",
    "take_snapshot",
]
