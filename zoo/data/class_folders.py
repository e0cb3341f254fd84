"""A folder a class, in one set or already divided into splits: which file belongs where."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from zoo.data.options import SplitOptions
from zoo.data.splits import Indices, check_classes, stratified_split
from zoo.errors import BadRecord, DataError

_ALIASES = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
_CLUTTER = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Kind:
    """What the files are, in words for errors.

    Attributes:
        one: "picture".
        many: "pictures".
        suffixes: How their names may end, in lower case.
    """

    one: str
    many: str
    suffixes: tuple[str, ...]


@dataclass(frozen=True)
class Divided:
    """The files of three splits, with the index of their class each."""

    names: tuple[str, ...]
    files: dict[str, list[Path]]
    labels: dict[str, npt.NDArray[np.int64]]


class Draw(Protocol):
    """Divides the files of the training set: by default class by class, by the seed."""

    def __call__(
        self,
        files: Sequence[Path],
        labels: npt.NDArray[np.int64],
        names: tuple[str, ...],
        shares: Mapping[str, float],
    ) -> dict[str, Indices]:
        """Return the positions of each split; ``shares`` are 0 for a split that is there."""


def divide(path: Path, options: SplitOptions, kind: Kind, draw: Draw | None = None) -> Divided:
    """Read which files there are, and draw the splits that there are not.

    Above the class folders there may be ``train``, ``validation`` (or ``valid``, ``val``) and
    ``test``; what is missing of the latter two is drawn from ``train``. Names are taken in sorted
    order, whatever order the file system has.

    Raises:
        BadRecord: If something lies where it does not belong.
        DataError: If there are no classes, only one, or different ones in different splits.
    """
    found = _splits(path, kind)
    classes = found["train"]
    names = tuple(classes)
    if len(names) < 2:
        raise DataError(
            f"{path} has only one class, {names[0]!r}" if names else f"{path} has no classes",
            why="a classifier needs at least two folders, one a class, to tell apart",
            fix=f"add a folder with {kind.many} of another class",
        )
    for split, other in found.items():
        if unknown := sorted(set(other) - set(names)):
            raise DataError(
                f"{path}: the {split} split has the class {unknown[0]!r}, and train has not",
                why=f"train has {', '.join(names)}; what is never trained on cannot be told",
                fix=f"add a folder {unknown[0]!r} with {kind.many} to train, or leave it out",
            )
    files = {s: [f for name in names for f in other.get(name, [])] for s, other in found.items()}
    labels = {
        split: np.repeat(np.arange(len(names)), [len(other.get(name, [])) for name in names])
        for split, other in found.items()
    }
    for split, present in labels.items():
        check_classes(present, names, split, str(path))
    shares = {
        "validation": 0 if "validation" in found else options.validation_share,
        "test": 0 if "test" in found else options.test_share,
    }
    if draw is not None:
        drawn = draw(files["train"], labels["train"], names, shares)
    else:
        drawn = stratified_split(
            labels["train"],
            validation=shares["validation"],
            test=shares["test"],
            seed=options.split_seed,
            names=names,
        )
    groups, codes = {}, {}
    for split in ("train", "validation", "test"):
        if split in drawn:
            groups[split] = [files["train"][i] for i in drawn[split]]
            codes[split] = labels["train"][drawn[split]]
        else:
            groups[split], codes[split] = files[split], labels[split]
    return Divided(names, groups, codes)


def suffixes(path: Path) -> Iterator[str]:
    """Yield how the names of the files below a folder end, those in its folders first."""
    inside = entries(path)
    for depth in range(3):
        files = [entry for entry in inside if not entry.is_dir()]
        folders = [entry for entry in inside if entry.is_dir()]
        if depth == 2 or not folders:
            yield from (file.suffix.lower() for file in files)
            return
        inside = entries(folders[0])


def split_folders(path: Path, folders: Sequence[Path]) -> dict[Path, str]:
    """Return the split that each folder is for, of those that are; none without ``train``.

    Args:
        path: Where they are, for the error.
        folders: What lies there.

    Raises:
        DataError: If two folders are for one split.
    """
    divided = {
        entry: _ALIASES[entry.name.lower()] for entry in folders if entry.name.lower() in _ALIASES
    }
    if "train" not in divided.values():
        return {}
    for split in divided.values():
        same = [folder.name for folder, other in divided.items() if other == split]
        if len(same) > 1:
            raise DataError(
                f"{path} has two folders for the {split} split",
                why=f"{', '.join(same)} mean the same",
                fix="merge them into one",
            )
    return divided


def _splits(path: Path, kind: Kind) -> dict[str, dict[str, list[Path]]]:
    """Return the files by split and class, everything in sorted order."""
    inside = entries(path)
    loose = [entry for entry in inside if not entry.is_dir()]
    folders = [entry for entry in inside if entry.is_dir()]
    if not folders:
        raise DataError(
            f"{path} has no folders of {kind.many} in it",
            why="a folder a class is expected: the folder's name is the class",
            fix=f"mkdir {path}/NAME for every class, and move its {kind.many} there",
        )
    divided = split_folders(path, folders)
    if not divided:
        if loose:
            raise _stray(loose[0], "lies beside the folders of the classes", kind)
        return {"train": _classes(path, folders, kind)}
    if rest := [entry for entry in inside if entry not in divided]:
        raise _stray(rest[0], "lies beside the folders of the splits", kind)
    result: dict[str, dict[str, list[Path]]] = {}
    for folder, split in divided.items():
        content = entries(folder)
        if stray := [entry for entry in content if not entry.is_dir()]:
            raise _stray(stray[0], "lies beside the folders of the classes", kind)
        result[split] = _classes(folder, content, kind)
    return result


def _classes(path: Path, folders: Sequence[Path], kind: Kind) -> dict[str, list[Path]]:
    classes: dict[str, list[Path]] = {}
    for folder in folders:
        name = _normal(folder.name)
        if name in classes:
            raise DataError(
                f"{path} has two folders that are both called {name!r}",
                why="one name, spelled in two ways that look the same, is one class",
                fix="merge them into one",
            )
        files = entries(folder)
        if not files:
            raise DataError(
                f"{folder} is empty",
                why=f"every class needs {kind.many}",
                fix=f"add {kind.many} to it, or remove the folder",
            )
        for file in files:
            if file.is_dir():
                raise _stray(file, "is a folder inside the folder of a class", kind)
            if not file.is_file():
                # Opening a pipe would wait for ever.
                raise _stray(file, "is no regular file", kind)
            if file.suffix.lower() not in kind.suffixes:
                raise _stray(file, f"is not a {kind.one}", kind)
        classes[name] = files
    return classes


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder in sorted order, without what is hidden.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        found = [e for e in folder.iterdir() if not e.name.startswith(".")]
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read",
            why=error.strerror or str(error),
            fix="give a folder that exists and may be read",
        ) from error
    return sorted(
        (entry for entry in found if entry.name.lower() not in _CLUTTER),
        key=lambda entry: _normal(entry.name),
    )


def _normal(name: str) -> str:
    """Make one spelling of accented names, which file systems store in two."""
    return unicodedata.normalize("NFC", name)


def _stray(entry: Path, what: str, kind: Kind) -> BadRecord:
    return BadRecord(
        what,
        file=str(entry),
        why=f"class folders hold {kind.many} ({', '.join(kind.suffixes)}) and nothing else",
        fix="move it elsewhere",
    )
