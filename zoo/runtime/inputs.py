"""Convert raw values (arrays, records, texts, files) into the named arrays that a graph takes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import numpy as np

from zoo.errors import BadRecord, DataError
from zoo.files import is_file, is_folder
from zoo.names import nearest
from zoo.runtime.table_inputs import Inputs, check_values, encode_table
from zoo.spec import TensorSpec

TEXT_TABLES = (".csv", ".tsv", ".tab", ".data")
TABLES = (*TEXT_TABLES, ".parquet", ".arrow", ".feather", ".xlsx")
"""Suffixes of the files that are tables."""

_BATCH_BYTES = 2 * 2**30
_ARRAYS = {".npy", ".npz"}


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
    return read_inputs(raw, specs).arrays


def read_inputs(raw: Any, specs: Sequence[TensorSpec]) -> Inputs:
    """Convert raw values into a graph's inputs, as :func:`encode` does."""
    from zoo.runtime.table import Table, is_frame, read_frame, read_mapping, read_records

    table = raw if isinstance(raw, Table) else None
    if table is not None:
        pass
    elif is_frame(raw):
        table = read_frame(raw)
    elif (path := _table_file(raw, specs)) is not None:
        if not any(spec.text for spec in specs):
            from zoo.runtime.table_files import read_file

            table = read_file(path, known=_columns(specs))
    elif isinstance(raw, list | tuple) and raw and all(isinstance(one, Mapping) for one in raw):
        table = read_records(raw, _columns(specs))
    elif isinstance(raw, Mapping) and not {spec.name for spec in specs} & set(raw):
        table = read_mapping(raw, _columns(specs))
    if table is None:
        return Inputs(_encode_arrays(raw, specs))
    if any(spec.series is not None for spec in specs):
        from zoo.runtime.series_inputs import encode_series

        return encode_series(table, specs)
    found = encode_table(table, specs)
    return replace(found, index=tuple(getattr(raw, "index", ()))) if is_frame(raw) else found


def _table_file(raw: Any, specs: Sequence[TensorSpec]) -> Path | None:
    """Return the path of a table; ``None`` for anything else."""
    kinds = (*TABLES, ".txt") if any(spec.columns for spec in specs) else TABLES
    if isinstance(raw, list | tuple) and len(raw) == 1:
        raw = raw[0]
    if not isinstance(raw, str | os.PathLike):
        return None
    path = Path(raw)
    return path if path.suffix.lower() in kinds and is_file(path) else None


def _columns(specs: Sequence[TensorSpec]) -> list[str]:
    """Return the columns that a model reads."""
    names = [column.name for spec in specs for column in spec.columns or ()]
    for spec in specs:
        if spec.series is not None:
            names += [*([spec.series.date] if spec.series.date else []), *spec.series.group_by]
    return names


def _encode_arrays(raw: Any, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray[Any, Any]]:
    if len(specs) == 1 and specs[0].text:
        from zoo.runtime.text_inputs import encode_texts, texts_of

        if (texts := texts_of(raw, specs[0])) is not None:
            return {specs[0].name: encode_texts(texts, specs[0])}
    if isinstance(raw, str | os.PathLike):
        return _from_files([Path(raw)], specs)
    if isinstance(raw, Mapping):
        return _from_arrays(raw, specs)
    several = isinstance(raw, list | tuple) and len(raw) > 0
    if several and all(isinstance(item, str | os.PathLike) for item in raw):
        return _from_files([Path(item) for item in raw], specs)
    if len(specs) == 1 and specs[0].is_image:
        from zoo.runtime.image_inputs import fit_images, images_of

        if (images := images_of(raw, specs[0])) is not None:
            return _from_arrays({specs[0].name: fit_images(images, specs[0], len(images))}, specs)
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
    for spec in specs:
        check_values(arrays[spec.name], spec)
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


def _from_files(
    paths: Sequence[Path], specs: Sequence[TensorSpec]
) -> dict[str, np.ndarray[Any, Any]]:
    for path in paths:
        if is_folder(path):
            raise BadRecord(
                "it is a folder",
                file=str(path),
                fix="give the files that are in it, or predict for all of them with --out FILE",
            )
        if not is_file(path):
            raise BadRecord(
                "the file does not exist", file=str(path), fix="give a path that exists"
            )
    kinds = {path.suffix.lower() for path in paths}
    if len(paths) == 1 and kinds <= _ARRAYS:
        return _from_array_file(paths[0], specs)
    if kinds & {*TABLES, *_ARRAYS}:
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
    from zoo.runtime.image_inputs import fit_images
    from zoo.runtime.images import read_image

    if specs[0].shape[-1] not in (1, 3):
        raise BadRecord(
            "an image file has gray or color",
            file=str(paths[0]),
            why=f"the model takes images of {specs[0].shape[-1]} channels",
            fix="give a .npy or .npz file",
        )
    images = fit_images(map(read_image, paths), specs[0], len(paths))
    return _from_arrays({specs[0].name: images}, specs)


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
