"""Datasets of what is already in Python: arrays, frames, texts, images, batches.

What is taken: ``(X, y)``, where ``X`` is an array, a frame, a list of texts, of image files or of
images; a frame of pandas or polars with ``target=``; a mapping of column names to columns with
``target=``, or of the keys of a ``.npz`` file to arrays; and a sized iterable of batches
``(X, y)``, such as a ``tf.data.Dataset`` or a ``DataLoader`` of PyTorch, which is copied to a
temporary file batch by batch and never held in memory.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.arrays import arrays_dataset
from zoo.data.class_folders import ClassFiles
from zoo.data.columns import read_target
from zoo.data.dataset import ArraySplit, Dataset
from zoo.data.images.folder import images_dataset
from zoo.data.options import (
    ImageOptions,
    LabeledOptions,
    SeriesOptions,
    SplitOptions,
    TableOptions,
    header_options,
    read_options,
)
from zoo.data.series import asks_for_series, open_series_tables, whole_series
from zoo.data.splits import check_classes
from zoo.data.table import open_table
from zoo.data.text.labeled import labeled_dataset, labeled_rows, split_by_text
from zoo.data.text.pairs import pair_rows
from zoo.errors import ConfigError, DataError, Finding
from zoo.files import is_file
from zoo.runtime.image_formats import SUFFIXES, Image
from zoo.runtime.image_inputs import images_of
from zoo.runtime.images import fit_image
from zoo.runtime.inputs import TABLES, encode
from zoo.runtime.table import Cells, Table, is_frame, read_frame, read_mapping
from zoo.runtime.table_files import read_file
from zoo.runtime.table_inputs import encode_table
from zoo.spec import IN_MEMORY, DataSpec, Split, Task

TAKEN = (
    "(X, y) of arrays, a frame with target=, a mapping of columns with target=, lists of texts or "
    "images with their labels, or a sized iterable of batches (X, y)"
)
"""What is taken, for messages."""

_KEYS = {"x", "y", "x_train", "y_train"}


def open_memory(data: Any, options: Mapping[str, Any]) -> Dataset:
    """Return the dataset of data in Python.

    Args:
        data: What this module takes.
        options: Options of data of that kind: of a table for a frame, of labeled texts for texts.

    Raises:
        DataError: If it is nothing of this, or wrong.
        ConfigError: If an option is wrong.
    """
    if isinstance(data, tuple) and len(data) == 2:
        return _pair(data[0], data[1], options)
    if is_frame(data) and asks_for_series(options):
        chosen = read_options(SeriesOptions, options, IN_MEMORY)
        return open_series_tables({"train": read_frame(data)}, IN_MEMORY, chosen)
    if is_frame(data):
        return open_table(read_frame(data), IN_MEMORY, _table_options(data.columns, options))
    if isinstance(data, Mapping) and _KEYS & set(data) and "target" not in options:
        arrays = {str(name): np.asarray(value) for name, value in data.items()}
        return arrays_dataset(arrays, IN_MEMORY, read_options(SplitOptions, options, IN_MEMORY))
    if isinstance(data, Mapping) and data:
        table = read_mapping(data, [str(name) for name in data])
        return open_table(table, IN_MEMORY, _table_options(data, options))
    sized = hasattr(data, "__len__") and hasattr(data, "__iter__") and not hasattr(data, "ndim")
    if sized and not isinstance(data, list | set | Mapping):
        arrays = _spooled(data)
        return arrays_dataset(arrays, IN_MEMORY, read_options(SplitOptions, options, IN_MEMORY))
    raise not_taken(data)


def not_taken(data: Any) -> DataError:
    """Return the error about data of another kind."""
    return DataError(
        f"{type(data).__name__} is no dataset",
        why=f"data is a name, a path, a Dataset, or in Python: {TAKEN}",
        fix="zoo.train(NAME, (X, y)), or zoo.train(NAME, frame, data_options={'target': COLUMN})",
    )


def _table_options(columns: Iterable[Any], options: Mapping[str, Any]) -> TableOptions:
    if options.get("target") is None:
        names = [str(name) for name in columns]
        raise DataError(
            "which column is the target?",
            why=f"the columns are {', '.join(names[:20])}",
            fix=f"data_options={{'target': {names[-1]!r}}}" if names else "give columns",
        )
    return read_options(TableOptions, options, IN_MEMORY)


def _pair(x: Any, y: Any, options: Mapping[str, Any]) -> Dataset:
    labels = np.asarray(y)
    if not hasattr(x, "__len__") or len(x) != len(labels):
        size = len(x) if hasattr(x, "__len__") else "no length"
        raise DataError(
            f"X has {size} examples and y has {len(labels)}"
            if size != "no length"
            else f"X is {type(x).__name__}, which has no length",
            why="every example needs its label, in the same order",
        )
    if is_frame(x):
        table = read_frame(x)
        name = str(getattr(y, "name", None) or "target")
        columns = {**table.columns, name: Cells.of(labels)}
        if name in table.columns:
            raise DataError(f"X has a column {name!r}, as y is called", fix="rename one of them")
        chosen = read_options(TableOptions, {**options, "target": name}, IN_MEMORY)
        return open_table(Table("", columns), IN_MEMORY, chosen)
    if isinstance(x, list | tuple) and all(isinstance(one, str | os.PathLike) for one in x):
        return _texts_or_files(x, labels, options)
    images = images_of(x) if isinstance(x, list | tuple) else None
    if images is not None:
        return _images(images, labels, options)
    arrays = {"x": np.asarray(x), "y": labels}
    return arrays_dataset(arrays, IN_MEMORY, read_options(SplitOptions, options, IN_MEMORY))


def _texts_or_files(
    x: Sequence[Any], labels: npt.NDArray[Any], options: Mapping[str, Any]
) -> Dataset:
    """Return labeled images if every text is the path of an image file, else labeled texts."""
    names, codes = _classes(labels)
    if all(Path(one).suffix.lower() in SUFFIXES for one in x):
        files = ClassFiles(names, {"train": [Path(one) for one in x]}, {"train": codes})
        chosen = read_options(ImageOptions, options, IN_MEMORY)
        return images_dataset(files, IN_MEMORY, Path(), chosen)
    chosen_text = read_options(LabeledOptions, options, IN_MEMORY)
    texts = [str(one) for one in x]
    if empty := [row for row, text in enumerate(texts) if not text.strip()]:
        raise DataError(f"the text {empty[0]} is empty", why="there is nothing to learn from")
    shares, seed = chosen_text.shares(), chosen_text.split_seed
    parts = split_by_text(texts, codes, names, shares, seed)
    dataset = labeled_dataset(IN_MEMORY, names, texts, codes, parts, chosen_text)
    dataset.drawn = True
    return dataset


def _images(images: list[Image], labels: npt.NDArray[Any], options: Mapping[str, Any]) -> Dataset:
    chosen = read_options(ImageOptions, options, IN_MEMORY)
    sizes = sorted({image.shape[:2] for image in images})
    if chosen.image_size is None and len(sizes) > 1:
        raise ConfigError(
            f"the images have {len(sizes)} sizes, from {sizes[0]} to {sizes[-1]}",
            findings=[Finding("image_size", None, "the height x width that the model sees")],
            fix="data_options={'image_size': 64}",
        )
    height, width = chosen.image_size or sizes[0]
    channels = chosen.channels or max(image.shape[2] for image in images)
    padded = chosen.image_fit == "pad"
    x = np.stack([fit_image(one, height, width, channels, padded=padded) for one in images])
    return arrays_dataset({"x": x, "y": labels}, IN_MEMORY, chosen)


def _classes(labels: npt.NDArray[Any]) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return the names of the classes, whole numbers sorted as such, and one index per example."""
    if labels.ndim != 1:
        raise DataError(f"y has the shape {labels.shape}", why="one class per example is expected")
    cells = Cells.of(labels)
    known = sorted(cells.texts)
    if cells.plain is not None and all(text.isdecimal() for text in known):
        known.sort(key=int)
    codes = np.array([known.index(text) for text in cells.texts], np.int64)[cells.codes]
    names = tuple(known)
    check_classes(codes, names, "whole", IN_MEMORY)
    return names, codes


def _spooled(batches: Iterable[Any]) -> dict[str, npt.NDArray[Any]]:
    """Copy batches to temporary files, one after the other, and return the files as arrays.

    The system removes the files when the arrays are no longer used.

    Raises:
        DataError: If a batch is not a pair, or not like the first.
    """
    kinds: dict[str, tuple[Any, ...]] = {}
    counts = dict.fromkeys("xy", 0)
    with contextlib.ExitStack() as stack:
        files = {
            name: stack.enter_context(tempfile.TemporaryFile(prefix="zoo-batches-"))
            for name in counts
        }
        for number, batch in enumerate(batches):
            if not isinstance(batch, tuple | list) or len(batch) != 2:
                raise DataError(
                    f"batch {number} is {type(batch).__name__}",
                    why="a batch is (X, y): the examples, and a label for each",
                )
            for name, part in zip(counts, batch, strict=True):
                array = _batch_array(part, f"{name} of batch {number}")
                kind = (array.dtype, array.shape[1:])
                if kinds.setdefault(name, kind) != kind:
                    raise DataError(
                        f"{name} of batch {number} is {kind[0]} {kind[1]}",
                        why=f"every batch is like the first: {kinds[name][0]} {kinds[name][1]}",
                    )
                files[name].write(array.data)
                counts[name] += len(array)
        if not counts["x"]:
            raise DataError("there are no batches", why="there is nothing to learn from")
        for file in files.values():
            file.flush()
        x, y = (
            np.memmap(file, kinds[name][0], "r", shape=(counts[name], *kinds[name][1]))
            for name, file in files.items()
        )
        return {"x": x, "y": np.array(y)}


def _batch_array(part: Any, what: str) -> npt.NDArray[Any]:
    """Return a part of a batch as numbers; those of columns in float32, as models take them."""
    array = np.ascontiguousarray(part.numpy() if hasattr(part, "numpy") else part)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} is {array.dtype}", why="batches hold numbers")
    if what.startswith("x") and array.ndim == 2:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
        if np.isinf(array).any():
            raise DataError(f"{what} holds a number that is not finite in float32")
    return array


def whole_split(
    data: Any, spec: DataSpec, options: Mapping[str, Any], source: str = ""
) -> Split | None:
    """Return every example of a file, or of data in Python, as a model takes it.

    Args:
        data: ``(X, y)``, a frame, a mapping of columns, or the path of a table, of labeled texts or
            of sentence pairs.
        spec: The spec of the data that the model was made for.
        options: The options that this data was read with.
        source: The path of this data: the history of a series that continues it.

    Returns:
        The examples, with the categories and classes of the model; ``None`` if ``data`` is
        something else, or the model takes something else.

    Raises:
        DataError: If the data does not fit, or a class is not one of the model's.
    """
    if any(tensor.series for tensor in spec.inputs):
        table = _table_of(data, options)
        files = [source, options.get("validation"), options.get("test")]
        earlier = [_table_of(file, options) for file in files if file and Path(file).is_file()]
        known = [one for one in earlier if one is not None]
        return None if table is None else whole_series(table, spec, known)
    of_text = spec.inputs[0].text is not None
    if of_text and isinstance(data, str | os.PathLike) and is_file(Path(data)):
        if spec.task == Task.SEQUENCE_TO_SEQUENCE:
            return pair_rows(Path(data), spec, options)
        if Path(data).suffix.lower() in TABLES and spec.targets[0].labels:
            return labeled_rows(Path(data), spec, options)
    if len(spec.targets) != 1 or spec.targets[0].shape:
        return None
    (wanted,) = spec.targets
    if isinstance(data, tuple) and len(data) == 2:
        inputs, cells = encode(data[0], spec.inputs), Cells.of(np.asarray(data[1]))
    else:
        columns = all(tensor.columns for tensor in spec.inputs)
        table = _table_of(data, options) if columns else None
        if table is None:
            return None
        target = next((column.name for column in wanted.columns or ()), table.header[-1])
        if target not in table.columns:
            raise table.bad(
                f"the column {target!r} is missing",
                why=f"it holds the target; the columns are {', '.join(table.header)}",
                fix="zoo predict needs no target",
            )
        inputs, cells = encode_table(table, spec.inputs).arrays, table.columns[target]
    return ArraySplit(inputs, {wanted.name: read_target(cells, wanted)})


def _table_of(data: Any, options: Mapping[str, Any]) -> Table | None:
    """Return a frame, a mapping or a file as a table; ``None`` for anything else."""
    if is_frame(data):
        return read_frame(data)
    if isinstance(data, Mapping):
        return read_mapping(data, [str(name) for name in data])
    if isinstance(data, str | os.PathLike) and Path(data).suffix.lower() in TABLES:
        return read_file(Path(data), header_options(options, str(data)).layout)
    return None
