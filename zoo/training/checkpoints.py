"""The whole state of a run on disk, such that a reader finds a good one after any crash."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from zoo.errors import CheckpointCorrupt, TrainError, ZooWarning
from zoo.files import atomic_write, sha256_file
from zoo.training.generators import Generators
from zoo.training.snapshots import Snapshot

KEEP = 2
"""How many of the newest checkpoints stay."""

FORMAT_VERSION = 2
"""Of a checkpoint. The first had neither steps nor generators, and the best weights apart."""


@dataclass
class Progression:
    """Where a run stands, besides its variables.

    Attributes:
        epoch: Epochs done.
        history: One line an epoch.
        best_epoch: The epoch with the best monitored value, 0 before the first.
        waited: Epochs since then.
        step: Steps done of the epoch after those, 0 between two epochs.
        rate: The learning rate with which that epoch began.
        seconds: What its steps have taken.
    """

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    waited: int = 0
    step: int = 0
    rate: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a run needs to go on.

    Attributes:
        progression: Where it stands.
        state: The values of ``run_variables``.
        best: The model's variables after ``progression.best_epoch``, if anybody wants them.
        sums: The variables of the metrics, inside an epoch; nothing between two.
        generators: The random generators of the process; nothing in the first format.
    """

    progression: Progression
    state: Snapshot
    best: Snapshot | None = None
    sums: Snapshot = field(default_factory=list)
    generators: Generators = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one run: ``epoch-00007.npz``, with ``.sha256`` beside it.

    One inside the epoch after that is ``epoch-00007-step-00000500.npz``. Each holds all that is
    needed and refers to no other file. It is believed only if its digest stands beside it and is
    right, so a crash at any moment, also while writing one, leaves the one before in force.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._saved = 0

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then drop what it replaces.

        Raises:
            StorageError: If it cannot be written; those before stand.
        """
        progression = checkpoint.progression
        parts: dict[str, Snapshot] = {"v": checkpoint.state, "m": checkpoint.sums}
        meta: dict[str, Any] = {"format": FORMAT_VERSION, "progression": asdict(progression)}
        if checkpoint.best is not None:
            # The best weights are mostly the first part of the state itself.
            own = checkpoint.state[: len(checkpoint.best)]
            if progression.best_epoch == progression.epoch and not progression.step:
                meta["best"] = len(own)
            else:
                parts["b"] = checkpoint.best
        named = {f"{part}{i:05d}": array for part in parts for i, array in enumerate(parts[part])}
        named |= {f"g_{name}": array for name, array in checkpoint.generators.items()}
        self._write(self._file(progression), meta, named)
        self._saved += 1
        self.prune(progression)

    def newest(self) -> Checkpoint | None:
        """Return the newest good checkpoint, or ``None`` if none was ever written.

        Those that are passed over are named in a warning.

        Raises:
            CheckpointCorrupt: If there are some, and none of them is whole.
            TrainError: If the newest is of a newer format.
        """
        passed: list[str] = []
        for file in self._files()[::-1]:
            try:
                found = self._read(file)
            except CheckpointCorrupt as error:
                passed.append(f"{file.name} ({error.why})")
                continue
            if passed:
                warnings.warn(
                    f"the run goes on from {file}; passed over: {', '.join(passed)}",
                    ZooWarning,
                    stacklevel=2,
                )
            return found
        if passed:
            raise CheckpointCorrupt(
                f"no checkpoint in {self.folder} is whole",
                why=f"{len(passed)} were found: {', '.join(passed)}",
                fix="start the run again in another folder",
            )
        return None

    def _file(self, progression: Progression) -> Path:
        inside = f"-step-{progression.step:08d}" if progression.step else ""
        return self.folder / f"epoch-{progression.epoch:05d}{inside}.npz"

    def _files(self) -> list[Path]:
        """Return all checkpoints, the oldest first."""
        return sorted(self.folder.glob("epoch-*.npz"), key=_place)

    def _write(self, path: Path, meta: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        text = np.frombuffer(json.dumps(meta).encode(), dtype="uint8")
        # Of what is meant to be written: what the disk makes of it may already be wrong.
        digest = hashlib.sha256()
        atomic_write(path, lambda stream: _archive(stream, digest, {"meta": text, **arrays}))
        atomic_write(digest_file(path), digest.hexdigest().encode())

    def _read(self, path: Path) -> Checkpoint:
        try:
            meta, arrays = _believed(path)
            version = meta.get("format", 1)
            found = None
            if version == 1:
                found = self._read_first_format(meta, arrays)
            elif version == FORMAT_VERSION:
                found = _checkpoint(meta, arrays)
            if found is not None:
                if self._file(found.progression) != path:
                    raise _corrupt(path, "it is the state of another moment than its name says")
                return found
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise _corrupt(path, str(error)) from error
        raise TrainError(
            f"{path} has checkpoint format {version!r}",
            why=f"this zoo reads formats 1 to {FORMAT_VERSION}",
            fix="pip install --upgrade neural-zoo",
        )

    def _read_first_format(
        self, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Checkpoint:
        progression = Progression(**meta)
        best = None
        if progression.best_epoch:
            _, apart = _believed(self.folder / f"best-{progression.best_epoch:05d}.npz")
            best = _part(apart, "v")
        return Checkpoint(progression, _part(arrays, "v"), best)

    def prune(self, newest: Progression) -> None:
        """Keep the newest and what is just before it; what is called newer was passed over."""
        files = self._files()
        upto = files.index(self._file(newest)) + 1
        gone = files[upto:] + files[: max(upto - KEEP, 0)]
        if self._saved >= KEEP:
            gone += self.folder.glob("best-*.npz")  # of the first format
        for file in gone:
            # In this order, or the digest would stay behind if the process ended in between.
            digest_file(file).unlink(missing_ok=True)
            file.unlink(missing_ok=True)


class _Hashed:
    """A stream that can only be written to, and of which everything counts for a digest."""

    def __init__(self, stream: IO[bytes], digest: Any) -> None:
        self._stream, self._digest = stream, digest

    def write(self, content: Any) -> int:
        self._digest.update(content)
        return self._stream.write(content)

    def flush(self) -> None:
        self._stream.flush()


def _archive(stream: IO[bytes], digest: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Write what ``np.load`` reads, one array after the other: no copy of all of them is made."""
    sink: Any = _Hashed(stream, digest)
    with zipfile.ZipFile(sink, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)


def digest_file(checkpoint: Path) -> Path:
    """Return where the digest of a checkpoint stands."""
    return checkpoint.with_name(checkpoint.name + ".sha256")


def _place(file: Path) -> tuple[int, ...]:
    """Return epoch and step of a file's name: `(7,)` comes before `(7, 500)`."""
    return tuple(int(digits) for digits in re.findall(r"\d+", file.stem))


def _believed(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what a file says of itself, and its arrays, if its digest is right."""
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
        raise _corrupt(path, "it does not say what it is")
    return meta, arrays


def _checkpoint(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Checkpoint:
    state, best = _part(arrays, "v"), _part(arrays, "b")
    return Checkpoint(
        Progression(**meta["progression"]),
        state,
        best or (state[: meta["best"]] if "best" in meta else None),
        _part(arrays, "m"),
        {name[2:]: array for name, array in arrays.items() if name.startswith("g_")},
    )


def _part(arrays: Mapping[str, np.ndarray], part: str) -> Snapshot:
    return [arrays[name] for name in sorted(arrays) if name[0] == part and name[1:].isdigit()]


def _corrupt(path: Path, why: str) -> CheckpointCorrupt:
    return CheckpointCorrupt(
        f"{path} is not a whole checkpoint", why=why, fix="zoo train --resume RUN"
    )


__all__ = ["FORMAT_VERSION", "Checkpoint", "Checkpoints", "Progression", "digest_file"]
