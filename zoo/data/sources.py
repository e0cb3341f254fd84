"""From what a user writes (a name, a folder, a file) to a dataset."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.data.caption_options import CaptionOptions
from zoo.data.catalog import describe_dataset, find_dataset, list_datasets, load_dataset
from zoo.data.dataset import Dataset
from zoo.data.info import DatasetInfo
from zoo.data.max_examples import ExcerptOptions, excerpt_of
from zoo.data.options import ImageOptions, SplitOptions, TableOptions, read_options
from zoo.data.series_options import SeriesOptions
from zoo.data.text import is_text, open_text
from zoo.errors import DataError, UnknownDataset
from zoo.files import exists
from zoo.spec import DataSpec

_KINDS = (
    "a folder with one folder of pictures or of .txt files a class, a folder of pictures with a "
    "captions.jsonl, a .npz file, a .csv or .tsv file, or a .tsv or .txt file of sentence pairs"
)


def resolve(source: str | Path, *, options: Mapping[str, Any] | None = None) -> Dataset:
    """Find a dataset.

    A registered name wins over a file of that name: write ``./digits`` for the file.

    Args:
        source: A registered name, or the path of a folder of class folders or of captioned
            pictures, a ``.npz`` or a ``.csv`` file.
        options: What that kind of source can be told; see :mod:`zoo.data.options`. Every one takes
            ``excerpt``, the most examples that a split keeps.

    Returns:
        A dataset. A registered one is loaded when a split is first asked for.

    Raises:
        UnknownDataset: If it is neither a name nor a path.
        ConfigError: If an option is wrong.
        DataError: If the file is.

    Example:
        >>> resolve("digits", options={"split_seed": 1}).sizes()
        {'train': 1259, 'validation': 269, 'test': 269}
    """
    name = os.fspath(source)
    own = {key: value for key, value in (options or {}).items() if key != "excerpt"}
    cut = {key: value for key, value in (options or {}).items() if key == "excerpt"}
    info = find_dataset(name) if isinstance(source, str) else None
    if info:
        dataset = _registered(info, own)
    else:
        # pathlib's expanduser raises for a user that there is not.
        path = Path(os.path.expanduser(name))  # noqa: PTH111
        if not name or not exists(path):
            raise _unknown(name)
        dataset = _path(path, own)
        name = str(path.resolve())
    if cut:
        dataset = excerpt_of(dataset, read_options(ExcerptOptions, cut, name))
    dataset.source, dataset.options = name, dict(options or {})
    return dataset


def dataset_spec(source: str | Path, options: Mapping[str, Any] | None = None) -> DataSpec:
    """Return what the data is: at once for a registered name, by a look at it for a path."""
    return resolve(source, options=options).spec


def _registered(info: DatasetInfo, options: Mapping[str, Any] | None) -> Dataset:
    checked = read_options(info.options, options, info.id)
    return Dataset(describe_dataset(info, checked), lambda: load_dataset(info.id, checked))


def _path(path: Path, options: Mapping[str, Any] | None) -> Dataset:
    if path.is_dir():
        from zoo.data.captioned import is_captioned, open_captioned

        if is_captioned(path):
            return open_captioned(path, read_options(CaptionOptions, options, str(path)))
    if is_text(path, options):
        return open_text(path, options)
    if path.is_dir():
        from zoo.data.folder import open_folder

        return open_folder(path, read_options(ImageOptions, options, str(path)))
    kind = path.suffix.lower()
    if kind == ".npz":
        from zoo.data.npz import open_npz

        return open_npz(path, read_options(SplitOptions, options, str(path)))
    if kind in (".csv", ".tsv"):
        from zoo.data.series import is_series, open_series

        if is_series(path, options):
            return open_series(path, read_options(SeriesOptions, options, str(path)))
        from zoo.data.columns import open_csv

        return open_csv(path, read_options(TableOptions, options, str(path)))
    raise DataError(
        f"{path} is not a kind of file that is read here",
        why=f"data is {_KINDS}",
        fix="convert it to one of these",
    )


def _unknown(name: str) -> UnknownDataset:
    path = Path(name)
    names = [info.id for info in list_datasets()]
    near = difflib.get_close_matches(name, names, n=2)
    folder = path.parent
    with contextlib.suppress(OSError):
        beside = sorted(
            e.name for e in folder.iterdir() if not e.name.startswith(".") and e.exists()
        )
        near += [str(folder / name) for name in difflib.get_close_matches(path.name, beside, n=3)]
    link = "it is a link that leads nowhere; " if os.path.islink(name) else ""  # noqa: PTH114
    return UnknownDataset(
        f"there is no data {name!r}",
        why=f"{link}it is neither a dataset's name ({', '.join(names)}) nor the path of {_KINDS}",
        fix=f"did you mean {' or '.join(near)}?" if near else "zoo info NAME shows a model's data",
    )


__all__ = ["dataset_spec", "resolve"]
