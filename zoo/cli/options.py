"""Options that several commands take, and how their text becomes values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a field of the model's configuration; repeat for more. Dots reach inside: "
        "optimizer.learning_rate=0.01. 'zoo info NAME --schema' lists the fields.",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="ID|PATH",
        help="A dataset's name, or your own: a folder of class folders or of captioned "
        "pictures, a .npz, .csv or .tsv file, or sentence pairs. "
        "Left out: the model's default, which works offline.",
    ),
]
OtherData = Annotated[
    str | None,
    typer.Option(
        metavar="ID|PATH",
        help="Other data with the same inputs and classes, or where its own lies now. "
        "Left out: what it was trained on.",
    ),
]
DataOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--data-option",
        metavar="KEY=VALUE",
        help="How to read the data, e.g. target=price or image_size=32; repeat for more.",
    ),
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN,...",
        help="Columns of a table: rows that agree in all of them stay on one side of a split.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="Source of everything random; 0 if left out."),
]
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder that receives NAME/VERSION.")]

_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"[-+]?\d+")
_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")

_OWN_OPTION = {
    "batch_size": "--batch-size",
    "data": "--data",
    "data_options": "--data-option",
    "epochs": "--epochs",
    "patience": "--patience",
    "resume": "--resume",
    "run_dir": "--run-dir",
    "seed": "--seed",
    "weights": "--weights",
}
_NOT_A_FIELD = {"name", "plan", "progress"}


def pairs(texts: Iterable[str] | None, *, option: str) -> dict[str, Any]:
    """Return ``KEY=VALUE`` texts as a dictionary; the values are YAML scalars or flow collections.

    Raises:
        typer.BadParameter: If a text has no ``=``, a key comes twice, or a value is not YAML.
    """
    values: dict[str, Any] = {}
    for text in texts or ():
        key, found, value = text.partition("=")
        key = key.strip()
        if not found or not key:
            raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint=option)
        if key in values:
            raise typer.BadParameter(f"{key!r} is given twice", param_hint=option)
        values[key] = scalar(value.strip(), option=option)
    return values


def settings(texts: Iterable[str] | None) -> dict[str, Any]:
    """Return the configuration that ``--set`` asks for.

    Raises:
        typer.BadParameter: If a key has an option of its own.
    """
    values = pairs(texts, option="--set")
    for key in values:
        if key in _OWN_OPTION:
            raise typer.BadParameter(
                f"{key} is not part of a model's configuration; use {_OWN_OPTION[key]}",
                param_hint="--set",
            )
        if key in _NOT_A_FIELD:
            raise typer.BadParameter(
                f"{key} is not part of a model's configuration", param_hint="--set"
            )
    return values


def scalar(text: str, *, option: str = "--set") -> Any:
    """Return a value as the YAML 1.2 core schema reads it.

    PyYAML follows 1.1, where ``off`` is false and ``1e-3`` is text: it gets quoted strings, lists
    and mappings only.

    Raises:
        typer.BadParameter: If a list, mapping or quoted string does not end well.
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if not text.startswith(("[", "{", '"', "'")):
        return text
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        # A date such as 2024-13-45 is a ValueError, thousands of brackets a RecursionError.
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise typer.BadParameter(f"{text[:80]!r}: {problem}", param_hint=option) from error


def example(*lines: str) -> str:
    """Return a help epilog that shows a command; the mark keeps its lines apart."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


__all__ = [
    "Data",
    "DataOptions",
    "GroupBy",
    "Json",
    "OtherData",
    "Out",
    "Seed",
    "Settings",
    "example",
    "pairs",
    "scalar",
    "settings",
]
