"""Read a dataset from the path of a file or folder.

Paths are read by fixed rules; the contents of a text never decide.

- A folder that holds a ``captions.jsonl`` (or ``metadata.jsonl``), itself or in its splits:
  captioned images.
- A folder whose first class folder begins with a ``.txt`` file: labeled texts.
- Any other folder: labeled images, one folder per class.
- ``.npz``: arrays.
- A table (``.csv``, ``.tsv``, ``.parquet``, ``.arrow``, ``.feather``, ``.xlsx``): labeled texts
  if ``text=COLUMN`` is given; a time series if
  ``task=forecasting`` is given, or the first column holds dates and all others numbers; else a
  table.
- ``.tsv`` and ``.txt`` with ``task=sequence-to-sequence``: sentence pairs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.config import Frozen
from zoo.data.arrays import open_npz
from zoo.data.captions import is_captioned, open_captioned
from zoo.data.class_folders import suffixes
from zoo.data.dataset import Dataset
from zoo.data.images.folder import open_image_folder
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
from zoo.data.series import is_series, open_series
from zoo.data.table import open_csv
from zoo.data.text.labeled import open_text_folder, open_text_table
from zoo.data.text.pairs import open_pairs
from zoo.errors import DataError
from zoo.runtime.image_formats import SUFFIXES as IMAGES
from zoo.runtime.inputs import TABLES

_PAIRS = "sequence-to-sequence"
PATHS = (
    "a folder with one folder of images or of .txt files per class, a folder of images with a "
    "captions.jsonl, a .npz file, a table (.csv, .tsv, .tab, .data, .parquet, .arrow, "
    ".feather, .xlsx, or .txt with target=COLUMN), or a .tsv or .txt file of sentence pairs"
)
"""The kinds of paths that are read, for messages."""

_LOOKED_AT = 1_000
"""Files of a folder that decide whether it holds images or texts."""


Reader = Callable[[Path, Any], Dataset]
"""Function from a path and its options to a dataset."""


def open_path(path: Path, options: Mapping[str, Any] | None = None) -> Dataset:
    """Read the dataset in a file or folder, by the rules of this module.

    Args:
        path: An existing file or folder.
        options: Options of that kind of source.

    Raises:
        ConfigError: If an option is wrong.
        DataError: If the file is wrong, or no reader takes it.
    """
    given = options or {}
    reader, kind = _folder_reader(path) if path.is_dir() else _file_reader(path, given)
    return reader(path, read_options(kind, given, str(path)))


def _folder_reader(path: Path) -> tuple[Reader, type[Frozen]]:
    if is_captioned(path):
        return open_captioned, CaptionOptions
    found = set(itertools.islice(suffixes(path), _LOOKED_AT))
    if ".txt" in found and not found.intersection(IMAGES):
        return open_text_folder, LabeledOptions
    return open_image_folder, ImageOptions


def _file_reader(path: Path, given: Mapping[str, Any]) -> tuple[Reader, type[Frozen]]:
    suffix = path.suffix.lower()
    if given.get("task") == _PAIRS:
        if suffix in (".tsv", ".txt"):
            return open_pairs, PairOptions
        raise DataError(
            f"{path} is not read as sentence pairs",
            why="pairs are a .tsv or .txt file: a text, a tab, its translation, and no header",
            fix="save it with tabs between the columns",
        )
    if suffix == ".txt" and not {"task", "target", "text", "date"} & set(given):
        raise DataError(
            f"{path} is not read without a task",
            why="a .txt file can hold sentence pairs or a table",
            fix=f"--data-option task={_PAIRS}, for a text, a tab and its translation per line; or "
            "target=COLUMN, for a table",
        )
    if suffix == ".npz":
        return open_npz, SplitOptions
    if suffix in (*TABLES, ".txt"):
        if "text" in given:
            return open_text_table, LabeledOptions
        return (open_series, SeriesOptions) if is_series(path, given) else (open_csv, TableOptions)
    raise DataError(
        f"{path} is not a kind of file that is read here",
        why=f"data is {PATHS}",
        fix=f"rename it to {path.stem}.csv if it holds rows of cells, or convert it",
    )
