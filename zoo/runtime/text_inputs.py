"""Texts given as strings, lists or files, encoded as the ids that a graph takes.

A string is a text. It is a file if it looks like one: it ends in ``.txt``, ``.csv``, ``.tsv``,
``.npy`` or ``.npz``, and has no whitespace; a :class:`pathlib.Path` always is. Under the name of
an input, ``{"tokens": ["good.txt"]}``, a string is always a text.

In a ``.txt`` file every line that is not blank is a text; in a ``.csv`` or ``.tsv`` file, every
cell of the column with the name of the input, else of the column ``text``, else of the only one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from zoo.errors import BadRecord, DataError
from zoo.files import is_file
from zoo.runtime.csv import read_text_table
from zoo.runtime.inputs import TEXT_TABLES
from zoo.runtime.table import Table
from zoo.runtime.text import Ids, encode_text, tokenizer
from zoo.runtime.text_files import read_lines
from zoo.spec import TensorSpec

_SUFFIXES = (".txt", ".csv", ".tsv", ".npy", ".npz")
_ARRAYS = (".npy", ".npz")
_TRUNCATED = "tokens"
"""The input of a text classifier, which is truncated; a translation needs the whole text."""


@dataclass(frozen=True)
class Texts:
    """Texts, and the file and lines that they come from.

    Attributes:
        texts: One per example.
        file: The file, if they come from one.
        lines: Line of each text in the file.
    """

    texts: list[str]
    file: str = ""
    lines: tuple[int, ...] = ()


def is_path(raw: Any) -> bool:
    """Return whether a value is the path of a file, and not a text itself."""
    if isinstance(raw, os.PathLike):
        return True
    if not isinstance(raw, str) or not raw.lower().endswith(_SUFFIXES):
        return False
    return not any(character.isspace() for character in raw) or is_file(Path(raw))


def texts_of(raw: Any, spec: TensorSpec) -> Texts | None:
    """Return the texts given for the only input, or ``None`` for arrays.

    Texts that were read already are returned as they are.

    Raises:
        BadRecord: If a file cannot be read, or has no column of texts.
        DataError: If files and texts are mixed.
    """
    if isinstance(raw, Texts):
        return raw
    if is_path(raw):
        return _file_texts(Path(raw), spec)
    if isinstance(raw, list | tuple) and raw and all(map(is_path, raw)):
        parts = [_file_texts(Path(item), spec) for item in raw]
        if len(parts) == 1:
            return parts[0]
        if any(part is None for part in parts):
            raise DataError(
                "several files were given, not all of them texts",
                why="one array at a time",
                fix="give .txt, .csv or .tsv files",
            )
        return Texts([text for part in parts if part for text in part.texts])
    return plain_texts(raw)


def plain_texts(raw: Any) -> Texts | None:
    """Return a string or a list of strings as texts, and ``None`` for anything else."""
    if isinstance(raw, str):
        return Texts([raw])
    if isinstance(raw, np.ndarray) and raw.dtype.kind in "OU" and raw.ndim <= 1:
        raw = raw.tolist()
        return plain_texts(raw)
    if isinstance(raw, list | tuple) and raw and all(isinstance(item, str) for item in raw):
        return Texts(list(raw))
    return None


def encode_texts(given: Texts, spec: TensorSpec) -> Ids:
    """Encode texts as the training data was encoded.

    A classifier's text is truncated if it is too long.

    Raises:
        DataError: If a text is empty, or too long to translate.
        BadRecord: The same, with the file and the line.
    """
    assert spec.text is not None  # noqa: S101 - callers have checked
    too_long: Literal["cut", "refuse"] = "cut" if spec.name == _TRUNCATED else "refuse"
    if too_long == "refuse" and given.file:
        known = tokenizer(spec.text)
        for text, line in zip(given.texts, given.lines, strict=True):
            if (count := len(known.ids(text))) > spec.text.max_length:
                raise BadRecord(
                    f"the text has {count:,} tokens",
                    file=given.file,
                    row=line,
                    why=f"at most {spec.text.max_length:,} are accepted, as in training",
                    fix="split it, e.g. into sentences",
                )
    # Rows of a fixed length hold the longest text.
    width = spec.text.max_length if spec.shape == (spec.text.max_length,) else None
    return encode_text(given.texts, spec.text, too_long=too_long, width=width)


def _file_texts(path: Path, spec: TensorSpec) -> Texts | None:
    kind = path.suffix.lower()
    if kind in _ARRAYS:
        return None
    if not is_file(path):
        raise BadRecord(
            "the file does not exist",
            file=str(path),
            fix="give a path that exists; a text that ends so needs a space in it",
        )
    if kind in TEXT_TABLES:
        table = read_text_table(path)
        name = text_column(table, spec)
        texts = table.column(name)
        for row, text in enumerate(texts):
            if not text:
                raise table.bad("the text is empty", row, name, fix="remove the row")
        return Texts(texts, str(path), tuple(table.lines))
    if kind != ".txt":
        raise BadRecord(
            "it is not read as text",
            file=str(path),
            why="texts are read from a .txt file, one per line, or a column of a .csv or .tsv file",
            fix="give the text itself, or save it as .txt",
        )
    lines = read_lines(path)
    return Texts([line for _, line in lines], str(path), tuple(number for number, _ in lines))


def text_column(table: Table, spec: TensorSpec) -> str:
    """Return the column of a table that holds the texts of an input.

    Raises:
        BadRecord: If it is not clear which.
    """
    for name in (spec.name, "text"):
        if name in table.header:
            return name
    if len(table.header) == 1:
        return table.header[0]
    raise BadRecord(
        "it is not clear which column has the texts",
        file=table.file,
        why=f"none of {', '.join(table.header)} is named {spec.name!r} or 'text'",
        fix="name the column 'text' in the header",
    )
