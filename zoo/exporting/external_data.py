"""ONNX files, with the large constants of a large graph as external data.

Protobuf writes no message of 2 GiB or more, and onnxruntime needs three times the memory of a
message while it opens it. So the large constants of a large graph go to a data file, each aligned
to 64 KiB, from where a runtime maps them. A graph that is not large is one file.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import Unsupported
from zoo.files import storage_errors
from zoo.runtime.artifact_files import FileEntry
from zoo.runtime.manifest import DATA_SUFFIX
from zoo.runtime.onnx_file import OnnxFile
from zoo.runtime.onnx_inspection import TYPES, DataFile, Slice, inspect_graph

if TYPE_CHECKING:
    import keras
    import onnx

MAX_FILE_BYTES = 2**31 - 2**24
"""Largest size of one ONNX file: the limit of protobuf, less room for the metadata."""

EXTERNAL_FROM = 2**28
"""Size of a graph in bytes from which its large constants become external data."""

_ALIGNMENT = 2**16
"""Alignment of a constant, and its least size: the largest that any system needs to map a file."""

_MODEL_FIELDS = (
    ("ir_version", "producer_name", "producer_version", "domain", "model_version", "doc_string"),
    ("opset_import", "metadata_props", "functions", "training_info"),
)
"""Fields of a model except its graph: singular ones, and repeated ones."""

_GRAPH_FIELDS = (
    ("name", "doc_string"),
    ("node", "input", "output", "value_info", "sparse_initializer", "quantization_annotation"),
)
"""Fields of a graph except its constants."""


@dataclass(frozen=True)
class StoredGraph:
    """A graph and the files that hold it.

    Attributes:
        proto: The graph, without the elements of its external data.
        file: The ONNX file.
        data: The entry of the data file, if there is one.
        slices: Position of each constant in the data file, by name.
    """

    proto: onnx.ModelProto
    file: OnnxFile
    data: FileEntry | None = None
    slices: Mapping[str, Slice] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return len(self.file.raw) + (self.data.bytes if self.data is not None else 0)

    def array(self, tensor: onnx.TensorProto) -> np.ndarray[Any, Any]:
        """Return the elements of a constant; external data is mapped, not read."""
        from onnx import numpy_helper

        place = self.slices.get(tensor.name) if is_external(tensor) else None
        return numpy_helper.to_array(tensor) if place is None else self.file.array(place)

    def constants(self) -> Iterator[tuple[onnx.TensorProto, np.ndarray[Any, Any]]]:
        """Yield every constant with its elements."""
        for tensor in self.proto.graph.initializer:
            yield tensor, self.array(tensor)


def is_external(tensor: onnx.TensorProto) -> bool:
    """Return whether the elements of a constant are outside of its message."""
    # onnx's uses_external_data overlooks entries without a data_location.
    return bool(tensor.external_data or tensor.data_location)


def placeholder(name: str, variable: keras.Variable) -> onnx.TensorProto:
    """Return a constant without elements, which refers to a Keras variable by its name."""
    import onnx

    tensor = onnx.TensorProto(name=name, dims=list(variable.shape))
    tensor.data_type = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(str(variable.dtype)))
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=name)
    return tensor


def store(
    proto: onnx.ModelProto,
    name: str,
    folder: Path,
    *,
    weights: Mapping[str, keras.Variable] | None = None,
    largest: int = EXTERNAL_FROM,
) -> StoredGraph:
    """Write a graph to a folder, with a data file if one file would be too large.

    Args:
        proto: The graph. Its placeholders are filled if it fits into one file.
        name: The name of the ONNX file.
        folder: A folder that no other process changes.
        weights: The variable of each placeholder, by location.
        largest: Largest size of the ONNX file in bytes.

    Raises:
        Unsupported: If the graph is too large even without its large constants.
        StorageError: If the folder cannot be written.
    """
    weights = weights or {}
    if not too_large(proto, largest):
        for tensor in proto.graph.initializer:
            _fill(tensor, weights)
        raw = _serialize(proto, name)
        _write(folder / name, raw)
        return StoredGraph(proto, OnnxFile(raw))
    light, slices, entry = _split_constants(proto, weights, name + DATA_SUFFIX, folder)
    raw = _serialize(light, name)
    _write(folder / name, raw)
    facts = inspect_graph(raw, name, data=DataFile(entry.name, entry.bytes))
    return StoredGraph(light, OnnxFile(raw, folder / name, facts), entry, slices)


def too_large(proto: onnx.ModelProto, largest: int = MAX_FILE_BYTES) -> bool:
    """Return whether a graph with its constants exceeds the size of one ONNX file."""
    return _size(proto) > largest


def _variable(
    tensor: onnx.TensorProto, weights: Mapping[str, keras.Variable]
) -> keras.Variable | None:
    """Return the variable of a placeholder; ``None`` for any other constant."""
    if not is_external(tensor):
        return None
    location = {entry.key: entry.value for entry in tensor.external_data}.get("location", "")
    if location not in weights:
        raise Unsupported(f"the data of the constant {tensor.name!r} is outside of the file")
    return weights[location]


def _elements(tensor: onnx.TensorProto, weights: Mapping[str, keras.Variable]) -> bytes:
    from onnx import numpy_helper

    variable = _variable(tensor, weights)
    array = numpy_helper.to_array(tensor) if variable is None else variable.numpy()
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    raw: bytes = little.tobytes()
    return raw


def _fill(tensor: onnx.TensorProto, weights: Mapping[str, keras.Variable]) -> None:
    """Put the elements into a constant that is a placeholder."""
    if _variable(tensor, weights) is not None:
        tensor.raw_data = _elements(tensor, weights)
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")


def _split_constants(
    proto: onnx.ModelProto, weights: Mapping[str, keras.Variable], data_name: str, folder: Path
) -> tuple[onnx.ModelProto, dict[str, Slice], FileEntry]:
    """Write the large constants to a data file; return the rest of the graph, and the slices."""
    import onnx

    # Written here and not by onnx.external_data_helper, which wants all weights in one message
    # and aligns nothing.
    path = folder / data_name
    light, slices, digest = _without_constants(proto), {}, hashlib.sha256()
    with storage_errors(path, "writing"), path.open("xb") as stream:
        for tensor in proto.graph.initializer:
            if tensor.data_type not in TYPES or _elements_size(tensor) < _ALIGNMENT:
                light.graph.initializer.append(tensor)
                _fill(light.graph.initializer[-1], weights)
                continue
            padding = bytes(-stream.tell() % _ALIGNMENT)
            stream.write(padding)
            digest.update(padding)
            offset, raw = stream.tell(), _elements(tensor, weights)
            stream.write(raw)
            digest.update(raw)
            copy = light.graph.initializer.add(name=tensor.name, data_type=tensor.data_type)
            copy.dims.extend(tensor.dims)
            copy.data_location = onnx.TensorProto.EXTERNAL
            place = {"location": data_name, "offset": offset, "length": len(raw)}
            for key, value in place.items():
                copy.external_data.add(key=key, value=str(value))
            dtype = TYPES[tensor.data_type]
            slices[tensor.name] = Slice(tensor.name, dtype, tuple(tensor.dims), offset, len(raw))
        size = stream.tell()
    return light, slices, FileEntry(name=data_name, bytes=size, sha256=digest.hexdigest())


def _without_constants(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a model without its constants, which may be too large for a second copy."""
    import onnx

    light = onnx.ModelProto()
    pairs = ((proto, light, _MODEL_FIELDS), (proto.graph, light.graph, _GRAPH_FIELDS))
    for old, new, (singular, repeated) in pairs:
        for name in singular:
            if old.HasField(name):
                setattr(new, name, getattr(old, name))
        for name in repeated:
            getattr(new, name).extend(getattr(old, name))
    return light


def _size(proto: onnx.ModelProto, *, external: bool = True) -> int:
    """Return an upper bound of a model's size, with or without its external data."""
    # Protobuf's own ByteSize fails above 2 GiB.
    constants: list[onnx.TensorProto] = list(proto.graph.initializer)
    around = sum(len(tensor.name) + 11 * len(tensor.dims) + 256 for tensor in constants)
    counted = [tensor for tensor in constants if external or not is_external(tensor)]
    rest = int(_without_constants(proto).ByteSize())
    return rest + around + sum(_elements_size(tensor) for tensor in counted)


def _elements_size(tensor: onnx.TensorProto) -> int:
    """Return an upper bound of the bytes of a constant's elements."""
    dtype = TYPES.get(tensor.data_type)
    if dtype is None:
        return int(tensor.ByteSize())
    # A list of numbers takes up to ten bytes for each.
    raw = tensor.HasField("raw_data") or is_external(tensor)
    return (np.dtype(dtype).itemsize if raw else 10) * int(math.prod(tensor.dims))


def _serialize(proto: onnx.ModelProto, name: str) -> bytes:
    if (size := _size(proto, external=False)) > MAX_FILE_BYTES:
        raise Unsupported(
            f"{name} would have {size:,} bytes without its large weights",
            why=f"an ONNX file has at most {MAX_FILE_BYTES:,}",
        )
    raw: bytes = proto.SerializeToString(deterministic=True)
    return raw


def _write(path: Path, raw: bytes) -> None:
    with storage_errors(path, "writing"):
        path.write_bytes(raw)
