"""Datasets: embedded ones, downloaded ones, and a user's own files, behind one interface.

Importing this package costs nothing: numpy and the readers are loaded with the first name asked
for, and the table of registered datasets needs neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.data.catalog import list_datasets, register_dataset
    from zoo.data.dataset import ArraySplit, Dataset
    from zoo.data.download import Remote, fetch
    from zoo.data.images.folder import ImageFolderSplit
    from zoo.data.info import DatasetInfo
    from zoo.data.options import SeedOptions, SplitOptions
    from zoo.data.sources import dataset_spec, resolve
    from zoo.data.splits import stratified_sample, stratified_split

_HOME = {
    "ArraySplit": "dataset",
    "Dataset": "dataset",
    "DatasetInfo": "info",
    "ImageFolderSplit": "images.folder",
    "Remote": "download",
    "SeedOptions": "options",
    "SplitOptions": "options",
    "dataset_spec": "sources",
    "fetch": "download",
    "list_datasets": "catalog",
    "register_dataset": "catalog",
    "resolve": "sources",
    "stratified_sample": "splits",
    "stratified_split": "splits",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"zoo.data.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "ArraySplit",
    "Dataset",
    "DatasetInfo",
    "ImageFolderSplit",
    "Remote",
    "SeedOptions",
    "SplitOptions",
    "dataset_spec",
    "fetch",
    "list_datasets",
    "register_dataset",
    "resolve",
    "stratified_sample",
    "stratified_split",
]
