"""Read arrays from ``.npz`` files with the keys of Keras's own datasets.

Sequences of vectors, ``[examples, time, features]``, have NaN after the end of each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.columns import are_measurements, check_float32
from zoo.data.dataset import ArraySplit, Dataset
from zoo.data.images.files import image_tensor
from zoo.data.mapped import DiskSplit
from zoo.data.options import SplitOptions
from zoo.data.splits import Indices, check_classes, stratified_split
from zoo.errors import BadRecord, DataError, UnsafeArchive
from zoo.names import nearest
from zoo.runtime.arrays import TooLarge, Unreadable, read_arrays
from zoo.runtime.table import Cells, Table
from zoo.spec import Column, DataSpec, Split, Task, TensorSpec

Array = npt.NDArray[Any]

Fault = Callable[..., DataError]
"""Makes an error about the arrays."""

MAX_BYTES = 64 << 30
"""The most bytes of the arrays of one file, unpacked."""

_BLOCK = 2**16
"""Rows that are looked at at a time."""

MAX_TIME = 20_000
"""The most steps of a sequence."""

_KEYS = {
    "train": (("x_train", "y_train"), ("x", "y")),
    "validation": (("x_val", "y_val"), ("x_valid", "y_valid"), ("x_validation", "y_validation")),
    "test": (("x_test", "y_test"),),
}


def read_npz(path: Path) -> dict[str, Array]:
    """Read every array of a file; pickled objects are refused.

    Raises:
        BadRecord: If the file is empty, damaged, or holds objects.
        UnsafeArchive: If its arrays would take more than ``MAX_BYTES``.

    Example:
        >>> np.savez("points.npz", x=np.zeros((3, 2)))
        >>> read_npz(Path("points.npz"))["x"].shape
        (3, 2)
    """
    try:
        arrays = read_arrays(path, limit=MAX_BYTES)
    except TooLarge as error:
        raise UnsafeArchive(
            f"{path} unpacks to {error.total:,} bytes",
            why=f"more than {MAX_BYTES:,} bytes are not unpacked",
            fix="store less in one file, or use a folder of images",
        ) from error
    except Unreadable as error:
        raise BadRecord(
            f"this is not a readable .npz file: {error}",
            file=str(path),
            why="it must be a zip of plain numeric or text arrays, without pickled objects",
            fix="write it again with numpy.savez(file, x=..., y=...)",
        ) from error
    if not isinstance(arrays, dict):
        raise BadRecord(
            "it is one array, and no archive",
            file=str(path),
            why="the examples and their labels are two arrays, x and y",
            fix="write it again with numpy.savez(file, x=..., y=...)",
        )
    return arrays


def open_npz(path: Path, options: SplitOptions) -> Dataset:
    """Read the arrays of a ``.npz`` file: see :func:`arrays_dataset`.

    Raises:
        BadRecord: If an array has the wrong shape, type or length.
        DataError: If a class is missing from a split, or there is only one.
    """
    bad = functools.partial(BadRecord, file=str(path))
    return arrays_dataset(read_npz(path), path.name, options, bad)


def arrays_dataset(
    arrays: Mapping[str, Array], name: str, options: SplitOptions, bad: Fault = DataError
) -> Dataset:
    """Return the dataset of ``x`` and ``y``, or ``x_train``, ``y_train`` and the other splits.

    Images, uint8 ``[N, H, W]`` or ``[N, H, W, 1 or 3]``, become the input ``image``; other numbers
    ``[N, columns]`` become the input ``numeric``, float32; floats ``[N, time, features]``, some
    negative or NaN, become ``sequence`` and its ``length``. ``y`` holds one class per example,
    integers or text, or one measurement, floats that are not all whole. An array ``labels`` names
    the classes 0, 1, 2, …

    Args:
        arrays: The arrays by their keys.
        name: Id of the data.
        options: Shares and seed of the splits that are drawn from ``train``.
        bad: Makes an error about the arrays.

    Raises:
        DataError: If an array has the wrong shape, type or length, a class is missing from a
            split, or there is only one.
    """
    pairs = _pairs(arrays, bad)
    targets = {split: arrays[y] for split, (_, y) in pairs.items()}
    names: tuple[str, ...] = ()
    codes: dict[str, Array]
    if measured := "labels" not in arrays and all(map(_is_measured, targets.values())):
        codes = {split: _measurements(y, split, bad) for split, y in targets.items()}
    else:
        names, codes = _classes(targets, arrays, bad)
    inputs = {split: _input(arrays[x], x, bad) for split, (x, _) in pairs.items()}
    for split, (x, y) in pairs.items():
        if len(inputs[split]) != len(codes[split]):
            raise bad(
                f"{x} has {len(inputs[split])} examples and {y} has {len(codes[split])}",
                why="every example needs its label, in the same order",
                fix=f"store {x} and {y} with the same length",
            )
    shape = inputs["train"].shape[1:]
    for split, (x, _) in pairs.items():
        if inputs[split].shape[1:] != shape or inputs[split].dtype != inputs["train"].dtype:
            raise bad(
                f"{x} is {inputs[split].dtype} {inputs[split].shape[1:]} per example, and "
                f"{pairs['train'][0]} is {inputs['train'].dtype} {shape}",
                why="all splits hold the same kind of example",
            )
    for split, present in codes.items() if not measured else ():
        check_classes(present, names, split, name)
    shares = options.shares(given=inputs)
    train = codes["train"]
    drawn = stratified_split(
        np.zeros(len(train), np.int64) if measured else train,
        validation=shares["validation"],
        test=shares["test"],
        seed=options.split_seed,
        names=names or None,
    )
    spec = _spec(name, inputs, names)
    tensor, target = spec.inputs[0].name, spec.targets[0].name

    def split_of(x: Array, y: Array, rows: Indices | None) -> Split:
        if rows is not None and isinstance(x, np.memmap):
            return DiskSplit({tensor: x}, {target: y}, rows)
        x, y = (x, y) if rows is None else (x[rows], y[rows])
        return ArraySplit(_sequence_arrays(x) if tensor == "sequence" else {tensor: x}, {target: y})

    splits = {split: split_of(x, codes[split], None) for split, x in inputs.items()}
    splits |= {split: split_of(inputs["train"], train, rows) for split, rows in drawn.items()}
    dataset = Dataset(spec, lambda: splits)
    dataset.drawn = "test" not in pairs
    return dataset


def _is_measured(target: Array) -> bool:
    """Return whether a target holds measurements: floats that are not the numbers of classes."""
    if target.dtype.kind != "f" or not np.isfinite(target).all():
        return False
    return are_measurements(target.astype(np.float64).ravel())


def _measurements(target: Array, split: str, bad: Fault) -> npt.NDArray[np.float32]:
    flat = target[:, 0] if target.ndim == 2 and target.shape[1] == 1 else target
    if flat.ndim != 1:
        raise bad(
            f"the targets of the {split} split have the shape {target.shape}",
            why="one measurement per example is expected",
        )
    check_float32(Table("", {"y": Cells.of(flat)}), "y", flat.astype(np.float64), predicted=True)
    return flat.astype(np.float32)


def _pairs(arrays: Mapping[str, Array], bad: Fault) -> dict[str, tuple[str, str]]:
    pairs: dict[str, tuple[str, str]] = {}
    known = {"labels"}
    for split, choices in _KEYS.items():
        for x, y in choices:
            known |= {x, y}
            if (x in arrays) != (y in arrays):
                there, gone = (x, y) if x in arrays else (y, x)
                raise _keys_error(bad, f"it has {there!r} without {gone!r}", arrays)
            if x in arrays:
                if split in pairs:
                    raise _keys_error(bad, f"it has both {pairs[split][0]!r} and {x!r}", arrays)
                pairs[split] = x, y
    if "train" not in pairs:
        raise _keys_error(bad, "it has neither 'x' and 'y' nor 'x_train' and 'y_train'", arrays)
    for name in arrays:
        if name not in known:
            near = nearest(name, sorted(known), count=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise _keys_error(bad, f"the array {name!r} has no meaning here{hint}", arrays)
    return pairs


def _keys_error(bad: Fault, what: str, arrays: Mapping[str, Array]) -> DataError:
    return bad(
        what,
        why=f"the file's arrays are {', '.join(sorted(arrays)) or 'none'}",
        fix="store x and y, or x_train and y_train with x_val, y_val, x_test, y_test if you have "
        "them, and labels for the classes' names",
    )


def _classes(
    targets: Mapping[str, Array], arrays: Mapping[str, Array], bad: Fault
) -> tuple[tuple[str, ...], dict[str, Array]]:
    flat = {split: _target(array, split, bad) for split, array in targets.items()}
    if "labels" not in arrays and all(array.dtype.kind == "b" for array in flat.values()):
        flat = {split: array.astype(str) for split, array in flat.items()}
    kinds = {array.dtype.kind == "U" for array in flat.values()}
    if len(kinds) > 1:
        raise bad("some labels are text and some are numbers")
    if "labels" in arrays:
        return _named(flat, arrays["labels"], bad)
    values = np.unique(flat["train"])
    for split, array in flat.items():
        if len(unknown := np.setdiff1d(array, values)):
            raise bad(
                f"the {split} split has the class {unknown[0].item()!r}, which train does not have",
                why="other classes cannot be learned",
                fix="add examples of it to the training split, or leave it out",
            )
    codes = {s: np.searchsorted(values, array).astype(np.int64) for s, array in flat.items()}
    return tuple(str(value) for value in values.tolist()), codes


def _named(
    flat: Mapping[str, Array], labels: Array, bad: Fault
) -> tuple[tuple[str, ...], dict[str, Array]]:
    names = tuple(str(name) for name in labels.ravel().tolist())
    if labels.ndim != 1 or len(set(names)) != len(names):
        raise bad("'labels' must be one list of different names")
    for split, array in flat.items():
        if array.dtype.kind == "U" or array.min() < 0 or array.max() >= len(names):
            raise bad(
                f"a label of the {split} split is no index into the {len(names)} names in 'labels'",
                why="with 'labels', y holds integers from 0",
            )
    return names, {split: array.astype(np.int64) for split, array in flat.items()}


def _target(array: Array, split: str, bad: Fault) -> Array:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise bad(
            f"the labels of the {split} split have the shape {array.shape}",
            why="one class per example is expected",
            fix="if they are one-hot, store y.argmax(axis=1)",
        )
    if len(array) == 0:
        raise bad(f"the {split} split has no examples")
    if array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.rint(array)).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "biuU":
        raise bad(
            f"the labels of the {split} split are {array.dtype}",
            why="classes are integers or text",
        )
    return array


def _input(array: Array, key: str, bad: Fault) -> Array:
    if array.ndim and 0 in array.shape:
        raise bad(
            f"{key} is {array.dtype} {array.shape}",
            why="there is nothing in it",
            fix="store at least one example per split, with at least one value each",
        )
    if array.dtype == np.uint8 and array.ndim in (3, 4):
        return array[..., None] if array.ndim == 3 else array
    # Scaled images are never negative or NaN; they are refused below.
    if array.ndim == 3 and array.dtype.kind == "f" and not (array >= 0).all():
        return _read_sequences(array, key, bad)
    if array.ndim != 2 or array.dtype.kind not in "iufb" or array.shape[1] == 0:
        raise bad(
            f"{key} is {array.dtype} {array.shape}",
            why="images are uint8 [N, H, W] or [N, H, W, channels]; other numbers are [N, columns] "
            "or, if some are negative or NaN, sequences [N, time, features]",
            fix="store images as they are, 0 to 255, as uint8: scaling happens in the model",
        )
    if isinstance(array, np.memmap) and array.dtype == np.float32:
        return array  # checked when it was written
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    if len(wrong := np.argwhere(np.isinf(values))):
        row, column = wrong[0].tolist()
        raise bad(
            f"{key}[{row}, {column}] is {array[row, column]}, not a finite number in float32",
            why="NaN is a missing value; an infinity has no meaning",
        )
    return values


def _spec(name: str, inputs: Mapping[str, Array], names: tuple[str, ...]) -> DataSpec:
    example = inputs["train"]
    if example.ndim == 3:
        tensors = _sequence_specs(example)
        return DataSpec(id=name, task=Task.CLASSIFICATION, inputs=tensors, targets=_targets(names))
    missing = example.dtype != np.uint8 and any(map(_has_missing, inputs.values()))
    return shaped_spec(name, example.shape[1:], _targets(names), missing=missing)


def shaped_spec(
    name: str,
    shape: Sequence[int],
    targets: tuple[TensorSpec, ...],
    *,
    missing: bool = False,
) -> DataSpec:
    """Return the spec of images, or of columns of numbers, with one target or none.

    Args:
        name: Id of the data.
        shape: Height, width and channels of an image, or the number of columns.
        targets: The target; nothing for a model that needs none.
        missing: Whether a value of a column may be missing.
    """
    if len(shape) == 3:
        height, width, channels = shape
        tensor = image_tensor((height, width, channels), padded=False)
    else:
        columns = tuple(Column(name=f"x{at}") for at in range(shape[0]))
        tensor = TensorSpec(name="numeric", shape=tuple(shape), columns=columns, missing=missing)
    measured = bool(targets) and targets[0].labels is None
    task = Task.REGRESSION if measured else Task.CLASSIFICATION
    return DataSpec(id=name, task=task, inputs=(tensor,), targets=targets)


def _targets(names: tuple[str, ...]) -> tuple[TensorSpec, ...]:
    """Return the spec of classes, or, without names, of measurements."""
    return (class_target(names) if names else measured_target(),)


def class_target(names: tuple[str, ...]) -> TensorSpec:
    """Return the spec of one class per example."""
    return TensorSpec(name="label", dtype="int64", labels=names)


def measured_target() -> TensorSpec:
    """Return the spec of one measurement per example."""
    return TensorSpec(name="target", columns=(Column(name="y"),))


def _has_missing(values: Array) -> bool:
    """Return whether a value is NaN, looking at a part at a time."""
    blocks = (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))
    return any(bool(np.isnan(block).any()) for block in blocks)


def _read_sequences(array: Array, key: str, bad: Fault) -> npt.NDArray[np.float32]:
    """Check sequences and return them in float32, with NaN after the end of each.

    Raises:
        BadRecord: If one is empty, too long, has a hole or an infinity.
    """
    examples, time, features = array.shape
    if not time or not features or time > MAX_TIME:
        raise bad(
            f"{key} holds sequences of {time:,} steps with {features} features",
            why=f"there are 1 to {MAX_TIME:,} steps, and at least one feature",
            fix="cut longer sequences into parts, or take every other step",
        )
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    if len(wrong := np.argwhere(np.isinf(values))):
        raise bad(
            f"{key}{wrong[0].tolist()} is not a finite number in float32",
            why="NaN marks the end of a sequence; an infinity has no meaning",
        )
    real = ~np.isnan(values).any(axis=-1)
    length = real.sum(axis=1)
    ends = np.arange(time) < length[:, None]
    partly = real != ~np.isnan(values).all(axis=-1)
    odd = np.flatnonzero((real != ends).any(axis=1) | partly.any(axis=1) | (length == 0))
    if examples and len(odd):
        row = int(odd[0])
        raise bad(
            f"{key}[{row}] " + ("is empty" if not length[row] else "has NaN before its end"),
            why="a sequence is real steps from the left, then steps that are NaN in every feature",
            fix="fill in what is missing, or leave the example out",
        )
    return values


def _sequence_arrays(values: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[Any]]:
    """Return the inputs of checked sequences: padded with zeros, and their lengths."""
    real = ~np.isnan(values[..., 0])
    return {
        "sequence": np.nan_to_num(values, nan=0.0),
        "length": real.sum(axis=1).astype(np.int32),
    }


def _sequence_specs(values: npt.NDArray[np.float32]) -> tuple[TensorSpec, TensorSpec]:
    """Return the specs of these inputs. Other sequences may be longer or shorter."""
    time, features = values.shape[1:]
    words = "what stands behind the length counts for nothing"
    return (
        TensorSpec(name="sequence", shape=("time", features), rows="length", outside=words),
        TensorSpec(name="length", dtype="int32", range=(1, time)),
    )
