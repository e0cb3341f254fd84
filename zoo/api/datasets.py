"""Find datasets by name or path, list them, and explain one."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, DataError, UnknownDataset
from zoo.files import exists
from zoo.names import NAME
from zoo.spec import DataSpec

if TYPE_CHECKING:
    from zoo.data import Dataset, NamedDataset

GROUP = "zoo.datasets"
"""Entry-point group of dataset plugins."""

_registered: dict[str, NamedDataset] = {}


@dataclass(frozen=True)
class DatasetListing:
    """Summary of one dataset, known without importing its plugin.

    Attributes:
        name: Name to ask for.
        distribution: Distribution that provides it; empty if it was registered in this process.
    """

    name: str
    distribution: str


def register_dataset(dataset: NamedDataset) -> NamedDataset:
    """Make a dataset known by its name in this process, in a notebook or a test.

    An installed package announces its datasets by entry points of the group ``zoo.datasets``.

    Raises:
        ConfigError: If the name is invalid or taken by another dataset.

    Example:
        >>> zoo.register_dataset(flowers)
        >>> zoo.dataset("flowers").sizes()
    """
    name = dataset.id
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a dataset",
            why="names are lower case letters, digits and single underscores",
        )
    if name in _entry_points() or _registered.get(name, dataset) != dataset:
        raise ConfigError(
            f"there is a dataset {name!r} already",
            why="a name means one dataset",
            fix="register yours under another name",
        )
    _registered[name] = dataset
    return dataset


def list_datasets() -> list[DatasetListing]:
    """List the datasets that have a name, importing no plugin.

    Example:
        >>> [dataset.name for dataset in zoo.list_datasets()][:2]
        ['adding', 'aircraft_captions_synthetic']
    """
    found = {name: DatasetListing(name, "") for name in _registered}
    for name, entry in _entry_points().items():
        found[name] = DatasetListing(name, entry.dist.name if entry.dist else "")
    return [found[name] for name in sorted(found)]


def find_dataset(name: str) -> NamedDataset | None:
    """Return the dataset of that name, importing its plugin; ``None`` if there is none.

    Raises:
        DataError: If the plugin cannot be imported, or its entry point leads to something else.
    """
    if name in _registered:
        return _registered[name]
    entry = _entry_points().get(name)
    if entry is None:
        return None
    from zoo.data import NamedDataset

    found = entry.load()
    if not isinstance(found, NamedDataset) or found.id != name:
        raise DataError(
            f"the dataset {name!r} cannot be loaded",
            why=f"{entry.value} is no NamedDataset of that name. Received: {found!r}",
        )
    return found


def dataset(source: str | Path, **options: Any) -> Dataset:
    """Open a dataset: one that has a name, or your own files.

    A name wins over a file of that name: write ``./digits`` for the file.

    Args:
        source: Name (``digits``, ``mnist``), or path of a folder of class folders or of captioned
            images, of a ``.npz``, or of a ``.csv`` file.
        **options: Options of the source, e.g. ``target="species"`` for a CSV file, or
            ``image_size=64`` for a folder. Every source takes ``max_examples``, the most examples
            that a split keeps.

    Returns:
        A dataset. One with a name is loaded when a split is first asked for.

    Raises:
        UnknownDataset: If the source is neither a name nor a path.
        DataError: If it is unavailable or wrong; the message names file, row, column.
        ConfigError: If an option is wrong.

    Example:
        >>> flowers = zoo.dataset("flowers.csv", target="species")
        >>> flowers.spec.labels
        ('setosa', 'versicolor', 'virginica')
    """
    from zoo.data.max_examples import MaxExamplesOptions, limit_examples
    from zoo.data.options import read_options
    from zoo.data.sources import open_path

    name = os.fspath(source)
    own = {key: value for key, value in options.items() if key != "max_examples"}
    named = find_dataset(name) if isinstance(source, str) else None
    if named is not None:
        data = _open_named(named, own)
    else:
        # pathlib's expanduser raises for an unknown user.
        path = Path(os.path.expanduser(name))  # noqa: PTH111
        if not name or not exists(path):
            raise _unknown(name)
        data = open_path(path, own)
        name = str(path.resolve())
    if "max_examples" in options:
        limit = {"max_examples": options["max_examples"]}
        data = limit_examples(data, read_options(MaxExamplesOptions, limit, name))
    data.source, data.options = name, dict(options)
    return data


def _open_named(named: NamedDataset, options: Mapping[str, Any]) -> Dataset:
    from zoo.data.dataset import Dataset
    from zoo.data.options import read_options

    checked = read_options(named.options, options, named.id)
    spec: DataSpec = named.spec if named.describe is None else named.describe(checked)
    return Dataset(spec, lambda: named.load(checked))


def _entry_points() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _unknown(name: str) -> UnknownDataset:
    from zoo.data.sources import PATHS

    path = Path(name)
    names = [listing.name for listing in list_datasets()]
    near = difflib.get_close_matches(name, names, n=2)
    with contextlib.suppress(OSError):
        beside = sorted(
            e.name for e in path.parent.iterdir() if not e.name.startswith(".") and e.exists()
        )
        near += [
            str(path.parent / other) for other in difflib.get_close_matches(path.name, beside, n=3)
        ]
    link = "it is a broken link; " if os.path.islink(name) else ""  # noqa: PTH114
    return UnknownDataset(
        f"there is no data {name!r}",
        why=f"{link}it is neither a dataset's name ({', '.join(names)}) nor the path of {PATHS}",
        fix=f"did you mean {' or '.join(near)}?" if near else "zoo datasets lists the names",
    )
