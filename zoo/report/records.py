"""Read the records of a run from its folder, as far as they are there."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from zoo.errors import TrainError
from zoo.files import open_regular, read_regular
from zoo.metrics import Evaluation
from zoo.metrics.figures import Figure, load_figures
from zoo.training.run_folder import FIGURES, TELEMETRY
from zoo.training.telemetry_file import read_telemetry

if TYPE_CHECKING:
    import numpy as np

_T = TypeVar("_T")

MISTAKES = "image"
"""Array in ``mistakes.npz``: one image per mistake, in the order of the evaluation."""

_MOST = 2**28
"""Largest file to read, in bytes."""

_UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    TypeError,
    AttributeError,
    NotImplementedError,
    csv.Error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class RunRecords:
    """Records of a run. Everything but ``run`` may be missing.

    Attributes:
        path: The run's folder.
        run: ``run.json``.
        history: Columns of ``history.csv`` by name; NaN for what is no number.
        evaluation: ``metrics.json``.
        mistakes: ``mistakes.npz``: images of the worst mistakes.
        figures: ``figures.json``.
        telemetry: Lines of ``telemetry.csv``.
        notices: Sentences about files that could not be read.
    """

    path: Path
    run: Mapping[str, Any]
    history: Mapping[str, list[float]] = field(default_factory=dict)
    evaluation: Evaluation | None = None
    mistakes: np.ndarray | None = None
    figures: tuple[Figure, ...] = ()
    telemetry: Sequence[Mapping[str, Any]] = ()
    notices: tuple[str, ...] = ()


def read_run(path: Path) -> RunRecords:
    """Read the folder of a run.

    Raises:
        TrainError: If the folder holds no readable ``run.json``.
    """
    notices: list[str] = []

    def read(name: str, parse: Callable[[Path], _T], missing: _T) -> _T:
        file = path / name
        if not file.exists():
            return missing
        try:
            return parse(file)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            reason = f"{place}: {first['msg']}" if place else first["msg"]
        except _UNREADABLE as error:
            reason = str(error)
        notices.append(f"{name} could not be read: {reason}")
        return missing

    return RunRecords(
        path=path,
        run=_read_run_json(path / "run.json"),
        history=read("history.csv", _read_history, {}),
        evaluation=read("metrics.json", _read_evaluation, None),
        mistakes=read("mistakes.npz", _read_mistakes, None),
        figures=read(FIGURES, _read_figures, ()),
        telemetry=read(TELEMETRY, read_telemetry, []),
        notices=tuple(notices),
    )


def dig(value: Any, *keys: str) -> Any:
    """Return a value inside nested mappings, or ``None`` if a key or a mapping is missing."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def number(value: Any) -> float | None:
    """Return a finite number, or ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def _read_run_json(path: Path) -> Mapping[str, Any]:
    try:
        run = json.loads(read_regular(path, limit=_MOST).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        raise TrainError(
            f"{path.parent} is not the folder of a run",
            why="it has no run.json" if missing else f"its run.json cannot be read: {error}",
            fix="zoo train NAME makes a run and prints its folder",
        ) from error
    if not isinstance(run, dict):
        raise TrainError(
            f"{path.parent} is not the folder of a run",
            why="its run.json does not hold a record",
            fix="zoo train NAME makes a run and prints its folder",
        )
    return run


def _read_history(path: Path) -> dict[str, list[float]]:
    text = read_regular(path, limit=_MOST).decode("utf-8")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows:
        return {}
    names = rows[0]
    # The last line may be half written while the run is going.
    whole = [row for row in rows[1:] if len(row) == len(names)]
    return {name: [_float(row[i]) for row in whole] for i, name in enumerate(names)}


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _read_evaluation(path: Path) -> Evaluation | None:
    return Evaluation.model_validate_json(read_regular(path, limit=_MOST))


def _read_mistakes(path: Path) -> np.ndarray | None:
    import numpy as np

    # numpy leaves a file open that it opened itself and found to be no archive.
    with open_regular(path, limit=_MOST) as stream, np.load(stream, allow_pickle=False) as file:
        if MISTAKES not in file:
            return None
        images: np.ndarray = file[MISTAKES]
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or 0 in images.shape[1:]:
        raise ValueError(f"it holds no images: {MISTAKES} has shape {images.shape}")
    return images


def _read_figures(path: Path) -> tuple[Figure, ...]:
    return load_figures(read_regular(path, limit=_MOST))
