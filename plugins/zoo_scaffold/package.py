"""Fill in the templates and write the package atomically."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from importlib.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from zoo.errors import StorageError
from zoo.files import staged_folder, storage_errors
from zoo_scaffold.author import Author
from zoo_scaffold.kinds import TEMPLATES, Kind
from zoo_scaffold.names import Names

_SUFFIX = ".template"

GROUPS = {
    "model": "zoo.architectures",
    "dataset": "zoo.datasets",
    "command": "zoo.commands",
}
"""Entry-point group of each kind of plugin."""


def new_package(names: Names, kind: Kind, author: Author, into: str | Path = ".") -> Path:
    """Write a complete package and return its folder.

    Args:
        names: Its names.
        kind: Its kind.
        author: Its author and license.
        into: Parent folder.

    Raises:
        StorageError: If something of that name is there, or the folder cannot be written. Nothing
            is left then.

    Example:
        >>> new_package(name_package("my-model"), find_kind("command"), Author("Ada Lovelace"))
        PosixPath('zoo-my-model')
    """
    target = Path(into) / names.distribution
    if target.exists() or target.is_symlink():
        raise StorageError(
            f"{target} is there already",
            why="nothing is written over",
            fix="another name, --into another folder, or move it away",
        )
    contents = _contents(names, kind, author)
    with staged_folder(target) as stage:
        for name, text in contents.items():
            file = stage / name
            with storage_errors(target / name, "writing"):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8")
    return target


def _contents(names: Names, kind: Kind, author: Author) -> dict[str, str]:
    """Return the text of every file by its path; what several folders say of one is joined."""
    values = _values(names, kind, author)
    found: dict[str, str] = {}
    for folder in kind.folders:
        for path, template in _walk(TEMPLATES / folder):
            text = Template(template.read_text("utf-8")).substitute(values)
            found[_path(path, names)] = found.get(_path(path, names), "") + text
    license = TEMPLATES / "licenses" / f"{author.license}{_SUFFIX}"
    return {**found, "LICENSE": Template(license.read_text("utf-8")).substitute(values)}


def _values(names: Names, kind: Kind, author: Author) -> dict[str, str]:
    found = {
        "model": names.cls,
        "dataset": names.model.upper(),
        "command": names.model,
    }[kind.plugin]
    words = ("keras", "neural-zoo", kind.modality, kind.task)
    return {
        "entry": names.entry(kind.plugin),
        "object": found,
        "group": GROUPS[kind.plugin],
        "keywords": ", ".join(f'"{word}"' for word in words if word),
        "author": author.name,
        "cls": names.cls,
        "dataset": kind.dataset.format(model=names.model),
        "distribution": names.distribution,
        "license": author.license,
        "modality": kind.modality,
        "model": names.model,
        "own_data": kind.own_data.format(model=names.model),
        "package": names.package,
        "summary": kind.summary,
        "tags_python": ", ".join(f'"{tag}"' for tag in kind.tags),
        "tags": ", ".join(kind.tags),
        "task": kind.task,
        "year": str(author.year),
        "zoo": importlib.metadata.version("neural-zoo"),
    }


def _walk(folder: Traversable, path: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield f"{path}{entry.name}", entry


def _path(template: str, names: Names) -> str:
    """Return the path of a template's file: capitals are names, ``dot-`` is a dot."""
    parts = [
        f".{part.removeprefix('dot-')}" if part.startswith("dot-") else part
        for part in PurePosixPath(template.removesuffix(_SUFFIX)).parts
    ]
    return "/".join(parts).replace("PACKAGE", names.package).replace("MODEL", names.model)
