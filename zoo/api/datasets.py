"""Find datasets by name or path, list them, and describe one."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from zoo.api.catalog import registry
from zoo.errors import ConfigError, DataError, Finding, UnknownDataset, ZooWarning
from zoo.files import exists
from zoo.names import NAME, nearest
from zoo.registry.entrypoints import DATASETS, READERS
from zoo.spec import IN_MEMORY, Dataset as AnyDataset, DataSpec

if TYPE_CHECKING:
    from zoo.data import Dataset, NamedDataset

DataSource = str | Path | DataSpec | AnyDataset | Any | None
"""A name, a path, a description, a dataset, or data in Python; ``None`` for the default."""

_registered: dict[str, NamedDataset] = {}


@dataclass(frozen=True, kw_only=True)
class DatasetListing:
    """Summary of a dataset, known without importing its plugin.

    What no catalog says of it is empty, or ``None``.

    Attributes:
        name: Name to ask for.
        task: Task that the data is for.
        size: Number of examples, and of bytes to download.
        license: License of the data.
        offline: Whether it can be loaded without a network.
        distribution: Distribution that provides it; empty if it was registered in this process.
        installed: Whether that distribution is installed.
        summary: One line about it.
    """

    name: str
    task: str = ""
    size: str = ""
    license: str = ""
    offline: bool | None = None
    distribution: str = ""
    installed: bool = True
    summary: str = ""


@dataclass(frozen=True, kw_only=True)
class DatasetInfo(DatasetListing):
    """Description of one dataset.

    Attributes:
        source: Citation or address of the data.
        spec: Inputs and targets with the default options.
        options: JSON schema of the options.
    """

    source: str
    spec: DataSpec
    options: dict[str, Any]


def register_dataset(dataset: NamedDataset) -> NamedDataset:
    """Make a dataset known by its name in this process, in a notebook or a test.

    An installed package announces its datasets by entry points of the group ``zoo.datasets``.

    Raises:
        ConfigError: If the name is invalid or taken by another dataset.

    Example:
        >>> spec = zoo.DataSpec(id="grid", task="regression", inputs=(zoo.TensorSpec(name="x"),))
        >>> split = zoo.data.ArraySplit({"x": np.arange(4.0)}, {})
        >>> _ = zoo.register_dataset(zoo.NamedDataset(
        ...     spec=spec, summary="Four points in a row", size="4 rows", license="CC0-1.0",
        ...     source="made up", offline=True,
        ...     load=lambda options: dict.fromkeys(("train", "validation", "test"), split)))
        >>> zoo.dataset("grid").sizes()
        {'train': 4, 'validation': 4, 'test': 4}
    """
    name = dataset.id
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a dataset",
            why="names are lower case letters, digits and single underscores",
        )
    if name in _announced() or _registered.get(name, dataset) != dataset:
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
    found = {name: _listing(named, "") for name, named in _registered.items()}
    for listing in registry().listings(group=DATASETS):
        known: dict[str, Any] = {"name": listing.name, "distribution": listing.distribution}
        if listing.entry is not None:
            known = listing.entry.model_dump()
        installed = listing.status != "not installed"
        found[listing.name] = DatasetListing(**known, installed=installed)
    return [found[name] for name in sorted(found)]


def dataset_info(name: str) -> DatasetInfo:
    """Describe a dataset: its options, spec and source. Its plugin is imported, no data is.

    Args:
        name: Name of :func:`list_datasets`, or ``distribution:name``.

    Raises:
        UnknownDataset: If there is no dataset of that name.
        PluginBroken: If its plugin cannot be imported.

    Example:
        >>> zoo.dataset_info("mnist").spec.labels[:3]
        ('0', '1', '2')
    """
    named = find_dataset(name)
    if named is None:
        raise _unknown(name)
    here = named.id in _registered
    distribution = "" if here else registry().resolve(name, DATASETS).provider.distribution
    return DatasetInfo(
        **vars(_listing(named, distribution)),
        source=named.source,
        spec=named.spec,
        options=named.options.model_json_schema(),
    )


@dataclass(frozen=True)
class ReaderInfo:
    """Description of a reader of people's own files.

    Attributes:
        name: Its name, for the option ``reader``.
        summary: One line about the files that it reads.
        distribution: The distribution that provides it.
        options: JSON schema of its options.
    """

    name: str
    summary: str
    distribution: str
    options: dict[str, Any]


def list_readers() -> list[str]:
    """List the names of installed readers of people's own files, importing no plugin.

    Example:
        >>> zoo.list_readers()
        []
    """
    return registry().names(READERS)


def reader_info(name: str) -> ReaderInfo:
    """Describe a reader of people's own files: what it reads, and its options.

    Its plugin is imported.

    Args:
        name: Name of :func:`list_readers`, or ``distribution:name``.

    Raises:
        RegistryError: If there is no reader of that name.
        PluginBroken: If its plugin cannot be imported.

    Example:
        >>> try:
        ...     masks: zoo.ReaderInfo = zoo.reader_info("image_masks")
        ... except zoo.ZooError as error:
        ...     print(error.what)
        there is no reader 'image_masks'
    """
    reader = registry().load(READERS, name)
    found = registry().resolve(name, READERS)
    options = reader.options.model_json_schema()
    return ReaderInfo(found.name, reader.summary, found.provider.distribution, options)


def find_dataset(name: str) -> NamedDataset | None:
    """Return the dataset of that name, importing its plugin; ``None`` if there is none.

    Raises:
        NameCollision: If two distributions offer it.
        PolicyDenied: If policy refuses its plugin.
        PluginBroken: If its plugin cannot be imported, or offers something else.
    """
    if name in _registered:
        return _registered[name]
    plain = name.rpartition(":")[2]
    if plain not in _announced():
        return None
    found: NamedDataset = registry().load(DATASETS, name)
    return found


def _announced() -> set[str]:
    return {one.name for one in registry().announced if one.group == DATASETS}


def _listing(named: NamedDataset, distribution: str) -> DatasetListing:
    return DatasetListing(
        name=named.id,
        task=named.task,
        size=named.size,
        license=named.license,
        offline=named.offline,
        distribution=distribution,
        summary=named.summary,
    )


_EVERY_SOURCE = ("max_examples", "reader")
"""Options that are not of the source itself."""


def dataset(source: Any, **options: Any) -> Dataset:
    r"""Open a dataset: one that has a name, your own files, or data in Python.

    A name wins over a file of that name: write ``./digits`` for the file.

    Args:
        source: Name (``digits``, ``mnist``); path of a folder of class folders or of captioned
            images, of a ``.npz``, or of a table (``.csv``, ``.parquet``, ``.xlsx``); or data in
            Python: ``(X, y)`` of arrays, a frame, texts or images with their labels, or a sized
            iterable of batches (see :mod:`zoo.data.memory`).
        **options: Options of the source, e.g. ``target="species"`` for a CSV file, or
            ``image_size=64`` for a folder. Every source takes ``max_examples``, the most examples
            that a split keeps; every path a ``reader``, the name of one that a plugin brings.

    Returns:
        A dataset. One with a name is loaded when a split is first asked for.

    Raises:
        UnknownDataset: If the source is neither a name nor a path.
        DataError: If it is unavailable or wrong; the message names file, row, column.
        ConfigError: If an option is wrong.

    Example:
        >>> _ = Path("flowers.csv").write_text("petal,species\n" + "1,iris\n2,rose\n" * 20)
        >>> flowers = zoo.dataset("flowers.csv", target="species")
        >>> flowers.spec.labels
        ('iris', 'rose')
        >>> zoo.dataset((np.arange(40.0).reshape(20, 2), np.arange(20) % 2)).sizes()
        {'train': 12, 'validation': 4, 'test': 4}
    """
    from zoo.data.mapped import limit_examples
    from zoo.data.options import FILE_OPTIONS, MaxExamplesOptions, read_options

    # A run that records them is read in another folder too. Links are not followed yet: messages
    # show the name that was given.
    files = {name: options[name] for name in FILE_OPTIONS if options.get(name) is not None}
    options |= {name: os.path.abspath(file) for name, file in files.items()}  # noqa: PTH100
    own = {key: value for key, value in options.items() if key not in _EVERY_SOURCE}
    data, where = _open(source, own, options.get("reader"))
    if "max_examples" in options:
        limit = {"max_examples": options["max_examples"]}
        data = limit_examples(data, read_options(MaxExamplesOptions, limit, where).max_examples)
    data.source, data.options = where, dict(options)
    return data


def _open(source: Any, options: Mapping[str, Any], reader: Any) -> tuple[Dataset, str]:
    """Open a dataset, and return what finds it again."""
    if not isinstance(source, str | os.PathLike):
        from zoo.data.memory import open_memory

        return open_memory(source, options), IN_MEMORY
    name = os.fspath(source)
    named = find_dataset(name) if isinstance(source, str) else None
    if named is not None and reader is None:
        if exists(Path(name)):
            text = f"{name!r} is the dataset of that name; the data in this folder is ./{name}"
            warnings.warn(text, ZooWarning, stacklevel=3)
        return _open_named(named, options), name
    # pathlib's expanduser raises for an unknown user.
    path = Path(os.path.expanduser(name))  # noqa: PTH111
    if not name or not exists(path):
        raise _unknown(name)
    if reader is None:
        from zoo.data.sources import open_path

        data = open_path(path, options)
    else:
        data = registry().load(READERS, str(reader)).read(reader, path, options)
    return data, str(path.resolve())


def open_dataset(source: str | Path | DataSpec | AnyDataset, **options: Any) -> AnyDataset:
    """Open a dataset by its name or path, or return the dataset itself.

    Raises:
        DataError: If it is only described, or cannot be opened.
    """
    if isinstance(source, DataSpec):
        raise DataError(
            f"a DataSpec describes {source.id!r}, and holds no examples",
            fix="give the dataset itself, its name, or a path",
        )
    return source if _is_dataset(source) else dataset(source, **options)


def _is_dataset(source: Any) -> TypeGuard[AnyDataset]:
    return hasattr(source, "spec") and hasattr(source, "split")


def dataset_spec(source: str | Path | DataSpec | AnyDataset) -> DataSpec:
    """Return the spec of a dataset with its default options, opening no more than needed."""
    if isinstance(source, DataSpec):
        return source
    if _is_dataset(source):
        return source.spec
    named = find_dataset(source) if isinstance(source, str) else None
    return named.spec if named is not None and not named.describe else dataset(source).spec


def shaped_spec(shape: Sequence[int], classes: int | Sequence[str] | None) -> DataSpec:
    """Return the spec of images or columns of a shape.

    Args:
        shape: Height, width and channels of an image; or the number of columns.
        classes: Number of classes, or their names; ``None`` for a measurement of columns, and for
            images without a target.

    Raises:
        ConfigError: If it is no such shape, or there are fewer than two classes.
    """
    findings = []
    sizes = tuple(shape)
    if len(sizes) not in (1, 3) or not all(isinstance(one, int) and one > 0 for one in sizes):
        findings.append(Finding("input_shape", sizes, "(height, width, channels), or (columns,)"))
    names = tuple(map(str, range(classes) if isinstance(classes, int) else classes or ()))
    if classes is not None and len(set(names)) < max(2, len(names)):
        findings.append(Finding("classes", classes, "two or more different classes"))
    if findings:
        raise ConfigError("there is no such data", findings=findings)
    from zoo.data.arrays import class_target, measured_target, shaped_spec as spec_of

    targets = (class_target(names),) if names else ()
    if not names and len(sizes) == 1:
        targets = (measured_target(),)
    return spec_of(IN_MEMORY, sizes, targets)


def _open_named(named: NamedDataset, options: Mapping[str, Any]) -> Dataset:
    from zoo.data.dataset import Dataset
    from zoo.data.options import read_options

    checked = read_options(named.options, options, named.id)
    spec: DataSpec = named.spec if named.describe is None else named.describe(checked)
    return Dataset(spec, lambda: named.load(checked))


def _unknown(name: str) -> UnknownDataset:
    from zoo.data.sources import PATHS

    path = Path(name)
    listings = {listing.name: listing for listing in list_datasets()}
    if (known := listings.get(name.rpartition(":")[2])) and not known.installed:
        return UnknownDataset(
            f"the dataset {name!r} is not installed",
            why=f"it comes with the package {known.distribution}",
            fix=f"pip install {known.distribution}",
        )
    names = list(listings)
    near = nearest(name, names, count=2)
    with contextlib.suppress(OSError):
        beside = sorted(
            e.name for e in path.parent.iterdir() if not e.name.startswith(".") and e.exists()
        )
        near += [str(path.parent / other) for other in nearest(path.name, beside)]
    link = "it is a broken link; " if os.path.islink(name) else ""  # noqa: PTH114
    return UnknownDataset(
        f"there is no data {name!r}",
        why=f"{link}it is neither a dataset's name ({', '.join(names)}) nor the path of {PATHS}",
        fix=f"did you mean {' or '.join(near)}?" if near else "zoo datasets lists the names",
    )
