"""Convert raw values (arrays, records, texts, files) into the named arrays that a graph takes."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from zoo.errors import BadRecord, DataError
from zoo.files import is_file, is_folder
from zoo.names import nearest
from zoo.spec import Column, TensorSpec

if TYPE_CHECKING:
    from zoo.runtime.csv import Table

_BATCH_BYTES = 2 * 2**30
_TABLES, _ARRAYS = {".csv", ".tsv"}, {".npy", ".npz"}


def encode(raw: Any, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray[Any, Any]]:
    """Convert raw values into a graph's input arrays.

    Args:
        raw: Anything that :meth:`zoo.runtime.Session.predict` takes.
        specs: Specs of the inputs.

    Returns:
        One array per input, examples along the first axis.

    Raises:
        DataError: If the values do not fit.
        BadRecord: If a file, or a row of one, does not.

    Example:
        >>> inputs = load("exports/cnn/1").inputs
        >>> encode("seven.png", inputs)["image"].shape
        (1, 8, 8, 1)
    """
    if len(specs) == 1 and specs[0].text:
        from zoo.runtime.text_inputs import encode_texts, texts_of

        if (texts := texts_of(raw, specs[0])) is not None:
            return {specs[0].name: encode_texts(texts, specs[0])}
    if isinstance(raw, str | os.PathLike):
        return _from_files([Path(raw)], specs)
    if isinstance(raw, Mapping):
        names = {spec.name for spec in specs}
        if names & set(raw):
            return _from_arrays(raw, specs)
        return _from_records([raw], specs)
    if isinstance(raw, list | tuple) and raw:
        if all(isinstance(item, str | os.PathLike) for item in raw):
            return _from_files([Path(item) for item in raw], specs)
        if all(isinstance(item, Mapping) for item in raw):
            return _from_records(raw, specs)
    if len(specs) != 1:
        _refuse(
            f"one array was given for the {len(specs)} inputs {_names(specs)}",
            "a model with several inputs takes a mapping of their names to arrays",
        )
    return _from_arrays({specs[0].name: raw}, specs)


def _names(specs: Sequence[TensorSpec]) -> str:
    return ", ".join(spec.name for spec in specs)


def _refuse(
    what: str, why: str, fix: str = "card.md in the artifact's folder shows what the model takes"
) -> Never:
    raise DataError(what, why=why, fix=fix)


def _hint(name: Any, known: Sequence[Any]) -> str:
    """Return a question about the nearest name, if there is one."""
    near = nearest(str(name), map(str, known), count=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _from_arrays(
    raw: Mapping[str, Any], specs: Sequence[TensorSpec]
) -> dict[str, np.ndarray[Any, Any]]:
    unknown = sorted(set(raw) - {spec.name for spec in specs})
    if unknown:
        hint = _hint(unknown[0], [spec.name for spec in specs])
        _refuse(f"unknown input {unknown[0]!r}", f"the inputs are {_names(specs)}{hint}")
    arrays = {}
    for spec in specs:
        if spec.name not in raw:
            _refuse(f"the input {spec.name!r} is missing", f"the inputs are {_names(specs)}")
        arrays[spec.name] = _fit(raw[spec.name], spec)
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        _refuse("the inputs have different numbers of examples", f"Received: {counts}")
    _check_finite(arrays, specs)
    return arrays


def _fit(value: Any, spec: TensorSpec) -> np.ndarray[Any, Any]:
    if spec.text is not None:
        from zoo.runtime.text_inputs import encode_texts, plain_texts

        if (texts := plain_texts(value)) is not None:
            return encode_texts(texts, spec)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(
            f"the input {spec.name!r} is not an array",
            why=str(error),
            fix="give lists of the same length, or an array",
        ) from error
    if spec.is_image and spec.shape[-1] == 1 and _is_gray(array, spec):
        array = array[..., None]
    if array.ndim == len(spec.shape):
        array = array[None]
    fits = array.ndim == len(spec.shape) + 1 and all(
        isinstance(size, str) or size == given
        for size, given in zip(spec.shape, array.shape[1:], strict=True)
    )
    if not fits:
        wanted = ", ".join(["batch", *map(str, spec.shape)])
        _refuse(
            f"the input {spec.name!r} has another shape",
            f"expected [{wanted}]. Received: shape={list(array.shape)}",
        )
    if not len(array):
        _refuse(f"the input {spec.name!r} has no examples", "at least one is needed")
    return _cast(array, spec)


def _is_gray(array: np.ndarray[Any, Any], spec: TensorSpec) -> bool:
    """Return whether only the channel axis is missing, as in most files of gray images."""
    if array.ndim not in (2, 3) or array.shape == spec.shape:
        return False
    sides = zip(spec.shape[:2], array.shape[-2:], strict=True)
    return all(isinstance(size, str) or size == given for size, given in sides)


def _cast(array: np.ndarray[Any, Any], spec: TensorSpec) -> np.ndarray[Any, Any]:
    kind = np.dtype(spec.dtype)
    if array.dtype == kind:
        return np.ascontiguousarray(array)
    if array.dtype.kind not in "biuf":
        _refuse(f"the input {spec.name!r} is not numeric", f"Received: dtype={array.dtype}")
    if kind.kind != "f":
        # A float image in 0..1 would silently become all zeros as uint8.
        with np.errstate(invalid="ignore"):
            exact = array.astype(kind)
        if not np.array_equal(exact, array):
            _refuse(
                f"the input {spec.name!r} does not fit {spec.dtype} without loss",
                f"raw values are expected. "
                f"Received: {array.dtype} from {array.min()} to {array.max()}",
            )
        return exact
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=kind)


def _check_finite(
    arrays: Mapping[str, np.ndarray[Any, Any]],
    specs: Sequence[TensorSpec],
    table: Table | None = None,
) -> None:
    for spec in specs:
        array = arrays[spec.name]
        if array.dtype.kind != "f":
            continue
        bad = np.isinf(array) if spec.missing else ~np.isfinite(array)
        if not bad.any():
            continue
        place = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
        column = spec.columns[place[-1]].name if spec.columns else None
        what = f"the value {array[place]} of {column or spec.name!r} cannot be used"
        why = "the model was made for data without missing values"
        if table is not None:
            raise table.bad(what, place[0], column, why=why)
        _refuse(f"example {place[0]}: {what}", why)


def _from_records(
    records: Sequence[Mapping[str, Any]],
    specs: Sequence[TensorSpec],
    *,
    table: Table | None = None,
) -> dict[str, np.ndarray[Any, Any]]:
    columns = [column.name for spec in specs for column in spec.columns or ()]
    if not columns or any(spec.columns is None for spec in specs):
        _refuse("the model takes no records", f"its inputs are arrays: {_names(specs)}")
    for index, record in enumerate(records):
        absent = [name for name in columns if name not in record]
        extra = [name for name in record if name not in columns]
        if absent or (extra and table is None):
            name = absent[0] if absent else extra[0]
            pool = extra if absent else columns
            hint = _hint(name, pool)
            what = f"the column {name!r} is {'missing' if absent else 'unknown'}"
            why = f"the model's columns are {', '.join(columns)}{hint}"
            if table is not None:
                raise table.bad(what, why=why)
            _refuse(f"record {index}: {what}", why)
    arrays = {}
    for spec in specs:
        values = [
            [_element(record[c.name], c, index, table) for c in spec.columns or ()]
            for index, record in enumerate(records)
        ]
        arrays[spec.name] = _fit(np.asarray(values, dtype=np.float64), spec)
    _check_finite(arrays, specs, table)
    return arrays


def _element(value: Any, column: Column, index: int, table: Table | None) -> float:
    """Convert one value of a record, or one cell of a table."""
    from zoo.runtime.csv import is_missing, is_number

    text = "" if value is None else str(value).strip()
    if column.categories is not None:
        return column.categories.index(text) + 1 if text in column.categories else 0
    if is_missing(text):
        return math.nan
    if not isinstance(value, str) or is_number(text):
        with contextlib.suppress(TypeError, ValueError):
            return float(value)
    what = f"{value!r} is not a number"
    if table is not None:
        raise table.bad(what, index, column.name)
    raise DataError(
        f"record {index}, column {column.name!r}: {what}",
        why="the column is numeric",
        fix="give a number, or None if it is missing",
    )


def _from_files(
    paths: Sequence[Path], specs: Sequence[TensorSpec]
) -> dict[str, np.ndarray[Any, Any]]:
    for path in paths:
        if is_folder(path):
            raise BadRecord("it is a folder", file=str(path), fix="give the files that are in it")
        if not is_file(path):
            raise BadRecord(
                "the file does not exist", file=str(path), fix="give a path that exists"
            )
    kinds = {path.suffix.lower() for path in paths}
    if len(paths) == 1 and kinds <= _TABLES:
        return _from_table(paths[0], specs)
    if len(paths) == 1 and kinds <= _ARRAYS:
        return _from_array_file(paths[0], specs)
    if kinds & (_TABLES | _ARRAYS):
        _refuse("several files were given, not all of them images", "one table or array at a time")
    if len(specs) != 1 or not specs[0].is_image:
        raise BadRecord(
            "the model does not take images",
            file=str(paths[0]),
            why=f"its inputs are {_names(specs)}",
            fix="give a .csv, .npy or .npz file"
            if any(spec.columns for spec in specs)
            else "give a .npy or .npz file",
        )
    from zoo.runtime.images import PADDED, fit_image, read_image

    if specs[0].shape[-1] not in (1, 3):
        raise BadRecord(
            "an image file has gray or color",
            file=str(paths[0]),
            why=f"the model takes images of {specs[0].shape[-1]} channels",
            fix="give a .npy or .npz file",
        )
    height, width, channels = specs[0].shape
    if isinstance(height, str) or isinstance(width, str) or isinstance(channels, str):
        images = [read_image(path) for path in paths]
        if len({image.shape for image in images}) > 1:
            _refuse("the images have different sizes", "the model takes one size at a time")
    elif len(paths) * height * width * channels > _BATCH_BYTES:
        _refuse(f"{len(paths):,} images are too many at once", "give fewer at a time")
    else:
        padded = specs[0].outside == PADDED
        images = [
            fit_image(read_image(path), height, width, channels, padded=padded) for path in paths
        ]
    return _from_arrays({specs[0].name: np.stack(images)}, specs)


def _from_array_file(path: Path, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray[Any, Any]]:
    from zoo.runtime.arrays import Unreadable, read_arrays

    try:
        # Well-packed data unpacks to a hundred times its size; a decompression bomb to more.
        arrays = read_arrays(path, limit=max(_BATCH_BYTES, 100 * path.stat().st_size))
    except Unreadable as error:
        raise BadRecord(
            "it cannot be read as arrays",
            file=str(path),
            why=str(error),
            fix="write it again with numpy.save or numpy.savez",
        ) from error
    if isinstance(arrays, dict):
        return _by_name(path, arrays, specs)
    if path.suffix.lower() == ".npz":
        raise BadRecord("it is one array, not an archive", file=str(path), fix="name it .npy")
    if len(specs) != 1:
        raise BadRecord(
            f"it holds one array for the inputs {_names(specs)}",
            file=str(path),
            fix="save them by name with numpy.savez",
        )
    return _from_arrays({specs[0].name: arrays}, specs)


def _by_name(
    path: Path, archive: Mapping[str, Any], specs: Sequence[TensorSpec]
) -> dict[str, np.ndarray[Any, Any]]:
    names = [spec.name for spec in specs]
    if len(names) == 1 and names[0] not in archive and "x" in archive:
        return _from_arrays({names[0]: archive["x"]}, specs)
    padded = next((spec for spec in specs if {spec.name, spec.rows} == set(names)), None)
    if padded is not None and set(names).isdisjoint(archive) and "x" in archive:
        values = np.asarray(archive["x"])
        if values.ndim == 3 and values.dtype.kind in "iuf":
            return _from_arrays(_padded(values, padded), specs)
    absent = [name for name in names if name not in archive]
    if absent:
        raise BadRecord(
            f"it has no array {absent[0]!r}",
            file=str(path),
            why=f"it has: {', '.join(sorted(archive))}",
            fix=f"store what the model takes by its name: {', '.join(names)}",
        )
    return _from_arrays({name: archive[name] for name in names}, specs)


def _padded(values: np.ndarray[Any, Any], spec: TensorSpec) -> dict[str, np.ndarray[Any, Any]]:
    """Return padded sequences and their lengths: a sequence ends where only NaN is left."""
    real = ~np.isnan(values).all(axis=-1)
    length = np.where(real, np.arange(1, values.shape[1] + 1), 0).max(axis=1, initial=0)
    padding = np.arange(values.shape[1]) >= length[:, None]
    return {
        spec.name: np.where(padding[..., None], 0, values),
        spec.rows: length.astype(np.int32),
    }


def _from_table(path: Path, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray[Any, Any]]:
    if any(spec.series is not None for spec in specs):
        from zoo.runtime.series import encode_series

        return encode_series(path, specs)
    from zoo.runtime.csv import read_table

    table = read_table(path)
    rows = [dict(zip(table.header, cells, strict=True)) for cells in table.rows]
    # The target's column may be in the table, so more columns are no error here.
    return _from_records(rows, specs, table=table)
