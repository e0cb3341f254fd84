"""Read a dataset from the path of a file or folder.

Paths are read by fixed rules; the contents of a text never decide.

- A folder that holds a ``captions.jsonl`` (or ``metadata.jsonl``), itself or in its splits:
  captioned images.
- A folder whose first class folder begins with a ``.txt`` file: labeled texts.
- Any other folder: labeled images, one folder per class.
- ``.npz``: arrays.
- ``.csv`` and ``.tsv``: labeled texts if ``text=COLUMN`` is given; a time series if
  ``task=forecasting`` is given, or the first column holds dates and all others numbers; else a
  table.
- ``.tsv`` and ``.txt`` with ``task=sequence-to-sequence``: sentence pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.data.class_folders import suffixes
from zoo.data.dataset import Dataset
from zoo.data.options import (
    CaptionOptions,
    ImageOptions,
    LabeledOptions,
    PairOptions,
    SeriesOptions,
    SplitOptions,
    TableOptions,
    read_options,
)
from zoo.errors import DataError

_PAIRS = "sequence-to-sequence"
_TABLES = (".csv", ".tsv")
PATHS = (
    "a folder with one folder of images or of .txt files per class, a folder of images with a "
    "captions.jsonl, a .npz file, a .csv or .tsv file, or a .tsv or .txt file of sentence pairs"
)
"""The kinds of paths that are read, for messages."""


def open_path(path: Path, options: Mapping[str, Any] | None = None) -> Dataset:
    """Read the dataset in a file or folder, by the rules of this module.

    Args:
        path: An existing file or folder.
        options: Options of that kind of source.

    Raises:
        ConfigError: If an option is wrong.
        DataError: If the file is wrong, or no reader takes it.
    """
    return _open_folder(path, options) if path.is_dir() else _open_file(path, options)


def _open_folder(path: Path, options: Mapping[str, Any] | None) -> Dataset:
    from zoo.data.captions import is_captioned, open_captioned

    if is_captioned(path):
        return open_captioned(path, read_options(CaptionOptions, options, str(path)))
    if next(suffixes(path), "") == ".txt":
        from zoo.data.text import labeled

        return labeled.open_folder(path, read_options(LabeledOptions, options, str(path)))
    from zoo.data.images.folder import open_image_folder

    return open_image_folder(path, read_options(ImageOptions, options, str(path)))


def _open_file(path: Path, options: Mapping[str, Any] | None) -> Dataset:
    given, kind = options or {}, path.suffix.lower()
    if given.get("task") == _PAIRS:
        if kind not in (".tsv", ".txt"):
            raise DataError(
                f"{path} is not read as sentence pairs",
                why="pairs are a .tsv or .txt file: a text, a tab, its translation, and no header",
                fix="save it with tabs between the columns",
            )
        from zoo.data.text.pairs import open_pairs

        return open_pairs(path, read_options(PairOptions, options, str(path)))
    if kind == ".txt":
        raise DataError(
            f"{path} is not read without a task",
            why="a .txt file can hold sentence pairs; texts with classes are a table with a "
            "header, or a folder of class folders",
            fix=f"--data-option task={_PAIRS}, for a text, a tab and its translation per line",
        )
    if kind == ".npz":
        from zoo.data.arrays import open_npz

        return open_npz(path, read_options(SplitOptions, options, str(path)))
    if kind in _TABLES and "text" in given:
        from zoo.data.text.labeled import open_table

        return open_table(path, read_options(LabeledOptions, options, str(path)))
    if kind in _TABLES:
        from zoo.data.series import is_series, open_series

        if is_series(path, options):
            return open_series(path, read_options(SeriesOptions, options, str(path)))
        from zoo.data.table import open_csv

        return open_csv(path, read_options(TableOptions, options, str(path)))
    raise DataError(
        f"{path} is not a kind of file that is read here",
        why=f"data is {PATHS}",
        fix="convert it to one of these",
    )
