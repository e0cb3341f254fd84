"""The table of datasets that have a name. It is plain data: nothing is loaded to list it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from zoo.data.info import DatasetInfo, Describer, Loader, Row
from zoo.data.named import aircraft, images, series, tables, text
from zoo.data.options import SeedOptions
from zoo.errors import ConfigError
from zoo.names import NAME
from zoo.spec import DataSpec, Split

_TABLE: dict[str, Row] = {
    row[0].id: row for kind in (images, aircraft, tables, series, text) for row in kind.ROWS
}


def register_dataset(info: DatasetInfo, loader: Loader | str) -> None:
    """Give a dataset a name.

    Args:
        info: Who it is; ``info.spec.id`` is its name.
        loader: A function from the checked options to the three splits, or where one is, as
            ``"package.module:function"``, which is imported when the data is first loaded.

    Raises:
        ConfigError: If the name is not one, or another dataset has it.

    Example:
        >>> register_dataset(info, "my_package.flowers:load")
    """
    if not NAME.fullmatch(info.id):
        raise ConfigError(
            f"{info.id!r} cannot be the name of a dataset",
            why="names are lower case letters, digits and single underscores",
        )
    if info.id in _TABLE and _TABLE[info.id] != (info, loader):
        raise ConfigError(
            f"there is a dataset {info.id!r} already: {_TABLE[info.id][0].summary}",
            why="a name means one dataset",
            fix="register yours under another name",
        )
    _TABLE[info.id] = info, loader


def list_datasets() -> list[DatasetInfo]:
    """Return the registered datasets by name. Nothing is loaded."""
    return [_TABLE[name][0] for name in sorted(_TABLE)]


def find_dataset(name: str) -> DatasetInfo | None:
    """Return the registered dataset of that name, if there is one."""
    return _TABLE[name][0] if name in _TABLE else None


def describe_dataset(info: DatasetInfo, options: SeedOptions) -> DataSpec:
    """Return what a dataset is with these options; some look at their data for it."""
    if info.describe is None:
        return info.spec
    describer: Describer = _function(info.describe)
    return describer(options)


def load_dataset(name: str, options: SeedOptions) -> Mapping[str, Split]:
    """Load the splits of a registered dataset."""
    loader = _TABLE[name][1]
    found: Loader = _function(loader) if isinstance(loader, str) else loader
    return found(options)


def _function(place: str) -> Any:
    module, _, function = place.partition(":")
    return getattr(import_module(module), function)


__all__ = [
    "DatasetInfo",
    "Loader",
    "describe_dataset",
    "find_dataset",
    "list_datasets",
    "load_dataset",
    "register_dataset",
]
