"""List the files of class folders.

A class is a folder of files. Above the class folders there may be ``train``, ``validation`` (or
``valid``, ``val``) and ``test``.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zoo.data.splits import Indices, check_classes
from zoo.errors import BadRecord, DataError

_SPLIT_NAMES = {
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
class FileKind:
    """Kind of files in class folders.

    Attributes:
        one: Singular noun, for errors.
        many: Plural noun.
        suffixes: Allowed suffixes, in lower case.
    """

    one: str
    many: str
    suffixes: tuple[str, ...]


@dataclass(frozen=True)
class ClassFiles:
    """Files of each split, with the index of their class each."""

    names: tuple[str, ...]
    files: dict[str, list[Path]]
    labels: dict[str, npt.NDArray[np.int64]]

    def divide_train(self, parts: Mapping[str, Indices]) -> ClassFiles:
        """Return these files with the training files divided into splits, given by positions."""
        files, labels = self.files["train"], self.labels["train"]
        divided = {split: [files[i] for i in part] for split, part in parts.items()}
        codes = {split: labels[part] for split, part in parts.items()}
        return ClassFiles(self.names, self.files | divided, self.labels | codes)


def list_class_folders(path: Path, kind: FileKind) -> ClassFiles:
    """List the files of class folders: those of ``train``, and of the other splits that are given.

    Names are taken in sorted order, whatever order the file system has.

    Raises:
        BadRecord: If a file or folder is out of place.
        DataError: If there are no classes, only one, or different ones in different splits.
    """
    found = _splits(path, kind)
    names = tuple(found["train"])
    if len(names) < 2:
        raise DataError(
            f"{path} has only one class, {names[0]!r}" if names else f"{path} has no classes",
            why="a classifier needs at least two folders, one per class",
            fix=f"add a folder with {kind.many} of another class",
        )
    for split, classes in found.items():
        if unknown := sorted(set(classes) - set(names)):
            raise DataError(
                f"{path}: the {split} split has the class {unknown[0]!r}, and train has not",
                why=f"train has {', '.join(names)}; other classes cannot be learned",
                fix=f"add a folder {unknown[0]!r} with {kind.many} to train, or leave it out",
            )
    files = {
        split: [file for name in names for file in classes.get(name, [])]
        for split, classes in found.items()
    }
    labels = {
        split: np.repeat(np.arange(len(names)), [len(classes.get(name, [])) for name in names])
        for split, classes in found.items()
    }
    for split, present in labels.items():
        check_classes(present, names, split, str(path))
    return ClassFiles(names, files, labels)


def suffixes(path: Path) -> Iterator[str]:
    """Yield the suffixes of the files in the first of the deepest folders, at most two deep."""
    inside = entries(path)
    for depth in range(3):
        files = [entry for entry in inside if not entry.is_dir()]
        folders = [entry for entry in inside if entry.is_dir()]
        if depth == 2 or not folders:
            yield from (file.suffix.lower() for file in files)
            return
        inside = entries(folders[0])


def split_folders(path: Path, folders: Sequence[Path]) -> dict[Path, str]:
    """Return the split of every folder that is named after one; none without ``train``.

    Args:
        path: Where they are, for the error.
        folders: The folders there.

    Raises:
        DataError: If two folders are for one split.
    """
    divided = {
        entry: _SPLIT_NAMES[entry.name.lower()]
        for entry in folders
        if entry.name.lower() in _SPLIT_NAMES
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


def entries(folder: Path) -> list[Path]:
    """Return the entries of a folder in sorted order, without hidden ones.

    Raises:
        DataError: If it cannot be read.
    """
    return [Path(entry.path) for entry in _scan(folder)]


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    """Return what :func:`entries` does, each with its kind: no file is looked at for it."""
    try:
        with os.scandir(folder) as inside:
            found = [entry for entry in inside if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read",
            why=error.strerror or str(error),
            fix="give a folder that exists and may be read",
        ) from error
    found = [entry for entry in found if entry.name.lower() not in _CLUTTER]
    return sorted(found, key=lambda entry: _normal(entry.name))


def _splits(path: Path, kind: FileKind) -> dict[str, dict[str, list[Path]]]:
    """Return the files by split and class, everything in sorted order."""
    inside = entries(path)
    folders = [entry for entry in inside if entry.is_dir()]
    if not folders:
        raise DataError(
            f"{path} has no folders of {kind.many} in it",
            why="one folder per class is expected, with the name of the class",
            fix=f"mkdir {path}/NAME for every class, and move its {kind.many} there",
        )
    divided = split_folders(path, folders)
    if not divided:
        return {"train": _classes(inside, path, kind)}
    if rest := [entry for entry in inside if entry not in divided]:
        raise _misplaced(rest[0], "lies beside the folders of the splits", kind)
    return {split: _classes(entries(folder), folder, kind) for folder, split in divided.items()}


def _classes(folders: Sequence[Path], path: Path, kind: FileKind) -> dict[str, list[Path]]:
    if loose := [entry for entry in folders if not entry.is_dir()]:
        raise _misplaced(loose[0], "lies beside the folders of the classes", kind)
    classes: dict[str, list[Path]] = {}
    for folder in folders:
        name = _normal(folder.name)
        if name in classes:
            raise DataError(
                f"{path} has two folders that are both called {name!r}",
                why="one name, spelled in two ways that look the same, is one class",
                fix="merge them into one",
            )
        files = _scan(folder)
        if not files:
            raise DataError(
                f"{folder} is empty",
                why=f"every class needs {kind.many}",
                fix=f"add {kind.many} to it, or remove the folder",
            )
        for file in files:
            if file.is_dir():
                raise _misplaced(file, "is a folder inside the folder of a class", kind)
            if not file.is_file():
                # Opening a pipe would wait forever.
                raise _misplaced(file, "is no regular file", kind)
            if not file.name.lower().endswith(kind.suffixes):
                raise _misplaced(file, f"is not {kind.one}", kind)
        classes[name] = [Path(file.path) for file in files]
    return classes


def _normal(name: str) -> str:
    """Return one spelling of accented names, which file systems store in two."""
    return unicodedata.normalize("NFC", name)


def _misplaced(entry: Path | os.DirEntry[str], what: str, kind: FileKind) -> BadRecord:
    return BadRecord(
        what,
        file=os.fspath(entry),
        why=f"class folders hold {kind.many} ({', '.join(kind.suffixes)}) and nothing else",
        fix="move it elsewhere",
    )
