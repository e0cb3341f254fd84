"""A user's own texts: which paths hold them, and which reader they go to.

By a fixed rule, and never by a look at the prose:

- a folder in whose first folder the first file ends in ``.txt`` holds a folder of texts a class;
- a ``.csv`` or ``.tsv`` file is a table of texts if ``text=COLUMN`` names the column;
- a ``.tsv`` or ``.txt`` file is sentence pairs if ``task=sequence-to-sequence`` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.data.class_folders import suffixes
from zoo.data.dataset import Dataset
from zoo.data.options import read_options
from zoo.data.text_options import LabeledOptions, PairOptions
from zoo.errors import DataError

_PAIRS = "sequence-to-sequence"
_TABLES = (".csv", ".tsv")


def is_text(path: Path, options: Mapping[str, Any] | None) -> bool:
    """Return whether a path, with these options, is text by the rule above."""
    if path.is_dir():
        return next(suffixes(path), "") == ".txt"
    asked = options or {}
    kind = path.suffix.lower()
    named = kind in _TABLES and "text" in asked
    return kind == ".txt" or named or asked.get("task") == _PAIRS


def open_text(path: Path, options: Mapping[str, Any] | None) -> Dataset:
    """Read a path for which :func:`is_text` holds.

    Raises:
        ConfigError: If an option is wrong.
        DataError: If the file is, or its name does not fit what was asked for.
    """
    from zoo.data.text_labeled import open_folder, open_table
    from zoo.data.text_pairs import open_pairs

    kind = path.suffix.lower()
    if path.is_dir():
        return open_folder(path, read_options(LabeledOptions, options, str(path)))
    if (options or {}).get("task") == _PAIRS:
        if kind not in (".tsv", ".txt"):
            raise DataError(
                f"{path} is not read as sentence pairs",
                why="pairs are a .tsv or .txt file: a text, a tab, its translation, and no header",
                fix="save it with tabs between the columns",
            )
        return open_pairs(path, read_options(PairOptions, options, str(path)))
    if kind not in _TABLES:
        raise DataError(
            f"{path} is not read without being told what it is",
            why="a .txt file can hold sentence pairs; texts with classes are a table with a "
            "header, or a folder of class folders",
            fix="--data-option task=sequence-to-sequence, for a text, a tab and its translation "
            "a line",
        )
    return open_table(path, read_options(LabeledOptions, options, str(path)))


__all__ = ["is_text", "open_text"]
