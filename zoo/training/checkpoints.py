"""Crash-safe checkpoints: the complete training state, hashed, so that the newest good one wins."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np

from zoo.errors import CheckpointCorrupt, TrainError, ZooWarning
from zoo.files import atomic_write, sha256_file
from zoo.training.randomness import RandomState

KEEP = 2
"""Number of newest checkpoints that are kept."""

FORMAT_VERSION = 1

Values = list[np.ndarray]
"""Values of variables, in the order of the variables."""


def get_values(variables: Sequence[Any]) -> Values:
    """Copy the values of variables."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def set_values(variables: Sequence[Any], values: Values) -> None:
    """Assign values to the variables that they were taken from.

    Raises:
        CheckpointCorrupt: If their number or a shape differs. No variable was changed then.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [array.shape for array in values]:
        raise CheckpointCorrupt(
            "the saved state does not fit the model",
            why="the number of its variables, or the shape of one, is another",
            fix="resume with the configuration that the run was started with",
        )
    for variable, array in zip(variables, values, strict=True):
        variable.assign(array)


def synchronize(model: keras.Model) -> None:
    """Bring the variables of a model up to date: on JAX they lag behind while it is fitted."""
    synchronize_jax = getattr(model, "jax_state_sync", None)
    if synchronize_jax is not None:
        synchronize_jax()


def training_variables(model: keras.Model, state: Sequence[Any] = ()) -> list[Any]:
    """Return all variables that change during training.

    The weights, the state of every seed generator, and the optimizer's slots and step counter; the
    model's own come first, those of ``state`` (further optimizers, metrics, variables) last.
    """
    synchronize(model)
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    return [*model.variables, *optimizer, *_variables_of(state)]


def _variables_of(state: Sequence[Any]) -> list[Any]:
    """Return the variables of optimizers, metrics and other holders, and plain variables."""
    return [variable for one in state for variable in getattr(one, "variables", [one])]


@dataclass
class TrainingState:
    """Progress of a run, besides its variables.

    Attributes:
        epoch: Completed epochs.
        history: One dictionary per epoch.
        best_epoch: The epoch with the best monitored value, 0 before the first.
        wait: Epochs since then.
        step: Completed steps of the next epoch, 0 between two epochs.
        learning_rate: The learning rate at the start of that epoch.
        seconds: Time that its steps have taken.
    """

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    wait: int = 0
    step: int = 0
    learning_rate: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a run needs to continue.

    Attributes:
        state: Epoch, history and early stopping.
        variables: Values of :func:`training_variables`.
        best: Values of the model's variables after ``state.best_epoch``, if the plan wants them.
        metrics: Values of the metrics' variables; empty between two epochs.
        random_state: States of the process's random generators.
    """

    state: TrainingState
    variables: Values
    best: Values | None = None
    metrics: Values = field(default_factory=list)
    random_state: RandomState = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one run: ``epoch-00007.npz`` with its digest in ``.sha256`` beside it.

    A checkpoint inside the next epoch is ``epoch-00007-step-00000500.npz``. Each is complete and
    refers to no other file. It counts only if its digest is there and right, so a crash at any
    moment, also during a save, leaves the previous one in force.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove those that it replaces.

        Raises:
            StorageError: If it cannot be written; earlier ones stay.
        """
        state = checkpoint.state
        parts: dict[str, Values] = {"v": checkpoint.variables, "m": checkpoint.metrics}
        meta: dict[str, Any] = {"format": FORMAT_VERSION, "state": asdict(state)}
        if checkpoint.best is not None:
            # The best weights are mostly the first part of the variables themselves.
            own = checkpoint.variables[: len(checkpoint.best)]
            if state.best_epoch == state.epoch and not state.step:
                meta["best"] = len(own)
            else:
                parts["b"] = checkpoint.best
        arrays = {f"{part}{i:05d}": array for part in parts for i, array in enumerate(parts[part])}
        arrays |= {f"g_{name}": array for name, array in checkpoint.random_state.items()}
        self._write(self._file(state), meta, arrays)
        self.prune(state)

    def latest(self) -> Checkpoint | None:
        """Return the newest valid checkpoint, or ``None`` if none was ever written to the end.

        A warning names the invalid ones that were skipped.

        Raises:
            CheckpointCorrupt: If there are some, and none of them is valid.
            TrainError: If the newest has another format.
        """
        skipped: list[str] = []
        files = self._files()
        if len(files) == 1 and not digest_file(files[0]).exists():
            return None  # the process ended between the two files of its first checkpoint
        for file in files[::-1]:
            try:
                found = self._read(file)
            except CheckpointCorrupt as error:
                skipped.append(f"{file.name} ({error.why})")
                continue
            if skipped:
                warnings.warn(
                    f"the run resumes from {file}; skipped: {', '.join(skipped)}",
                    ZooWarning,
                    stacklevel=2,
                )
            return found
        if skipped:
            raise CheckpointCorrupt(
                f"no checkpoint in {self.folder} is valid",
                why=f"{len(skipped)} were found: {', '.join(skipped)}",
                fix="start the run again in another folder",
            )
        return None

    def prune(self, newest: TrainingState) -> None:
        """Keep the newest and the one before it; later ones were found invalid and go too."""
        files = self._files()
        end = files.index(self._file(newest)) + 1
        for file in files[end:] + files[: max(end - KEEP, 0)]:
            # In this order: a digest without its checkpoint would stay behind after a crash.
            digest_file(file).unlink(missing_ok=True)
            file.unlink(missing_ok=True)

    def _file(self, state: TrainingState) -> Path:
        inside = f"-step-{state.step:08d}" if state.step else ""
        return self.folder / f"epoch-{state.epoch:05d}{inside}.npz"

    def _files(self) -> list[Path]:
        """Return all checkpoints, the oldest first."""
        return sorted(self.folder.glob("epoch-*.npz"), key=_epoch_and_step)

    def _write(self, path: Path, meta: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        text = np.frombuffer(json.dumps(meta).encode(), dtype="uint8")
        # The digest is of what is meant to be written: the disk may corrupt it on the way.
        digest = hashlib.sha256()
        atomic_write(path, lambda stream: _write_npz(stream, digest, {"meta": text, **arrays}))
        atomic_write(digest_file(path), digest.hexdigest().encode())

    def _read(self, path: Path) -> Checkpoint:
        try:
            meta, arrays = _read_verified(path)
            version = meta.get("format")
            if version == FORMAT_VERSION:
                found = _checkpoint(meta, arrays)
                if self._file(found.state) != path:
                    raise _corrupt(path, "it is the state of another moment than its name says")
                return found
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise _corrupt(path, str(error)) from error
        raise TrainError(
            f"{path} has checkpoint format {version!r}",
            why=f"this zoo reads format {FORMAT_VERSION}",
            fix="pip install --upgrade neural-zoo",
        )


class _HashingStream:
    """A write-only stream that adds everything written to a digest."""

    def __init__(self, stream: IO[bytes], digest: Any) -> None:
        self._stream, self._digest = stream, digest

    def write(self, content: Any) -> int:
        self._digest.update(content)
        return self._stream.write(content)

    def flush(self) -> None:
        self._stream.flush()


def _write_npz(stream: IO[bytes], digest: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Write what ``np.load`` reads, one array after the other, without a copy of all of them."""
    sink: Any = _HashingStream(stream, digest)
    with zipfile.ZipFile(sink, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)


def digest_file(checkpoint: Path) -> Path:
    """Return the path of a checkpoint's digest."""
    return checkpoint.with_name(checkpoint.name + ".sha256")


def _epoch_and_step(file: Path) -> tuple[int, ...]:
    """Return epoch and step of a file's name: `(7,)` sorts before `(7, 500)`."""
    return tuple(int(digits) for digits in re.findall(r"\d+", file.stem))


def _read_verified(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the metadata and the arrays of a file whose digest is right."""
    try:
        digest = digest_file(path).read_text("ascii")
    except FileNotFoundError:
        raise _corrupt(path, "it has no digest, as if its process ended while writing") from None
    if sha256_file(path) != digest:
        raise _corrupt(path, "its bytes are not those of its digest")
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(arrays.pop("meta").tobytes())
    if not isinstance(meta, dict):
        raise _corrupt(path, "its metadata is not an object")
    return meta, arrays


def _checkpoint(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Checkpoint:
    variables, best = _part(arrays, "v"), _part(arrays, "b")
    return Checkpoint(
        TrainingState(**meta["state"]),
        variables,
        best or (variables[: meta["best"]] if "best" in meta else None),
        _part(arrays, "m"),
        {name[2:]: array for name, array in arrays.items() if name.startswith("g_")},
    )


def _part(arrays: Mapping[str, np.ndarray], part: str) -> Values:
    return [arrays[name] for name in sorted(arrays) if name[0] == part and name[1:].isdigit()]


def _corrupt(path: Path, why: str) -> CheckpointCorrupt:
    return CheckpointCorrupt(
        f"{path} is not a valid checkpoint", why=why, fix="zoo train --resume RUN"
    )
