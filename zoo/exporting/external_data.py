"""A graph as its files hold it: one ONNX file, or one with its large constants in a file beside it.

Protobuf writes no message of 2 GiB or more, and onnxruntime holds what it parses three times while
it opens it. So the large constants of a large graph go to a data file, in the order of the graph,
each at the beginning of a block of 64 KiB, from where a runtime maps them. Of a graph that is not
large everything is in one file.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from zoo.errors import Unsupported
from zoo.files import storage_errors
from zoo.runtime.artifact_files import FileEntry
from zoo.runtime.manifest import DATA_SUFFIX
from zoo.runtime.onnx_file import OnnxFile
from zoo.runtime.onnx_reader import TYPES, DataFile, Slice, inspect_graph

if TYPE_CHECKING:
    import keras
    import onnx

LARGEST = 2**31 - 2**24
"""Bytes that one ONNX file can have: what protobuf writes, less what its metadata may have."""

BESIDE_FROM = 2**28
"""Bytes of a graph from which its large constants lie beside it."""

_BLOCK = 2**16
"""Bytes to which constants are aligned: the most that any system asks for to map a file."""

_LARGE = _BLOCK
"""Bytes from which a constant is worth a block of its own."""

_MODEL = (
    ("ir_version", "producer_name", "producer_version", "domain", "model_version", "doc_string"),
    ("opset_import", "metadata_props", "functions", "training_info"),
)
"""The fields of a model but its graph: single ones, and repeated ones."""

_GRAPH = (
    ("name", "doc_string"),
    ("node", "input", "output", "value_info", "sparse_initializer", "quantization_annotation"),
)
"""The fields of a graph but its constants."""


@dataclass(frozen=True)
class Stored:
    """A graph, and the files that hold it.

    Attributes:
        proto: The graph; of a constant that lies in the data file it has the place alone.
        file: What is opened.
        data: The entry of the data file, if there is one.
        places: By name, where in the data file constants lie.
    """

    proto: onnx.ModelProto
    file: OnnxFile
    data: FileEntry | None = None
    places: Mapping[str, Slice] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return len(self.file.raw) + (self.data.bytes if self.data is not None else 0)

    def array(self, tensor: onnx.TensorProto) -> np.ndarray[Any, Any]:
        """Return the elements of a constant, wherever they are."""
        from onnx import numpy_helper

        place = self.places.get(tensor.name) if lies_outside(tensor) else None
        return numpy_helper.to_array(tensor) if place is None else self.file.array(place)

    def constants(self) -> Iterator[tuple[onnx.TensorProto, np.ndarray[Any, Any]]]:
        """Yield every constant with its elements; those of a data file are mapped, not read."""
        for tensor in self.proto.graph.initializer:
            yield tensor, self.array(tensor)


def lies_outside(tensor: onnx.TensorProto) -> bool:
    """Return whether the elements of a constant are not in its message."""
    return bool(tensor.external_data or tensor.data_location)


def stand_in(name: str, variable: keras.Variable) -> onnx.TensorProto:
    """Return a constant without its elements, for a weight that stays where it is."""
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
    largest: int = BESIDE_FROM,
) -> Stored:
    """Write a graph into a folder, and a data file beside it where one file would be too large.

    Args:
        proto: The graph. It is changed where it has stand-ins and fits into one file.
        name: The name of the ONNX file.
        folder: A folder that nobody else changes.
        weights: Of which variable each stand-in takes the elements, by the stand-in's location.
        largest: The most bytes of an ONNX file.

    Raises:
        Unsupported: If even without its large constants the graph is too large.
        StorageError: If the folder cannot be written.
    """
    source = _Source(proto, weights or {})
    if not too_large(proto, largest):
        for tensor in proto.graph.initializer:
            source.fill(tensor)
        raw = _serialized(proto, name)
        _write(folder / name, raw)
        return Stored(proto, OnnxFile(raw))
    light, places, entry = _parted(source, name + DATA_SUFFIX, folder)
    raw = _serialized(light, name)
    _write(folder / name, raw)
    facts = inspect_graph(raw, name, data=DataFile(entry.name, entry.bytes))
    return Stored(light, OnnxFile(raw, folder / name, facts), entry, places)


def too_large(proto: onnx.ModelProto, largest: int = LARGEST) -> bool:
    """Return whether one ONNX file of so many bytes cannot hold a graph with its constants."""
    return _size(proto) > largest


class _Source:
    """A graph whose constants are in it, or in variables."""

    def __init__(self, proto: onnx.ModelProto, weights: Mapping[str, keras.Variable]) -> None:
        self.proto, self.weights = proto, weights

    def variable(self, tensor: onnx.TensorProto) -> keras.Variable | None:
        """Return the variable for which a constant stands."""
        if not lies_outside(tensor):
            return None
        location = {entry.key: entry.value for entry in tensor.external_data}.get("location", "")
        if location not in self.weights:
            raise Unsupported(f"the data of the constant {tensor.name!r} lie outside the file")
        return self.weights[location]

    def elements(self, tensor: onnx.TensorProto) -> bytes:
        """Return the bytes of a constant."""
        from onnx import numpy_helper

        variable = self.variable(tensor)
        array = numpy_helper.to_array(tensor) if variable is None else variable.numpy()
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        raw: bytes = little.tobytes()
        return raw

    def fill(self, tensor: onnx.TensorProto) -> None:
        """Put its elements into a constant that is a stand-in."""
        if self.variable(tensor) is not None:
            tensor.raw_data = self.elements(tensor)
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")


def _parted(
    source: _Source, data_name: str, folder: Path
) -> tuple[onnx.ModelProto, dict[str, Slice], FileEntry]:
    """Write the large constants of a graph to a file, and return it with their places."""
    import onnx

    path = folder / data_name
    light, places, digest = _without_constants(source.proto), {}, hashlib.sha256()
    with storage_errors(path, "writing"), path.open("xb") as stream:
        for tensor in source.proto.graph.initializer:
            if tensor.data_type not in TYPES or _bytes_of(tensor) < _LARGE:
                light.graph.initializer.append(tensor)
                source.fill(light.graph.initializer[-1])
                continue
            _pad(stream, digest)
            offset, raw = stream.tell(), source.elements(tensor)
            stream.write(raw)
            digest.update(raw)
            made = light.graph.initializer.add(name=tensor.name, data_type=tensor.data_type)
            made.dims.extend(tensor.dims)
            made.data_location = onnx.TensorProto.EXTERNAL
            place = {"location": data_name, "offset": offset, "length": len(raw)}
            for key, value in place.items():
                made.external_data.add(key=key, value=str(value))
            dtype = TYPES[tensor.data_type]
            places[tensor.name] = Slice(tensor.name, dtype, tuple(tensor.dims), offset, len(raw))
        size = stream.tell()
    return light, places, FileEntry(name=data_name, bytes=size, sha256=digest.hexdigest())


def _pad(stream: BinaryIO, digest: Any) -> None:
    padding = bytes(-stream.tell() % _BLOCK)
    stream.write(padding)
    digest.update(padding)


def _without_constants(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Copy everything of a model but its constants, which may be too large for a second copy."""
    import onnx

    light = onnx.ModelProto()
    for old, new, names in ((proto, light, _MODEL), (proto.graph, light.graph, _GRAPH)):
        for name in names[0]:
            if old.HasField(name):
                setattr(new, name, getattr(old, name))
        for name in names[1]:
            getattr(new, name).extend(getattr(old, name))
    return light


def _size(proto: onnx.ModelProto, *, inside: bool = False) -> int:
    """Return the most bytes that a model has in one file, or has without what lies outside.

    Protobuf itself fails to tell the size of what is larger than 2 GiB.
    """
    constants: list[onnx.TensorProto] = list(proto.graph.initializer)
    around = sum(len(tensor.name) + 11 * len(tensor.dims) + 256 for tensor in constants)
    counted = [tensor for tensor in constants if not (inside and lies_outside(tensor))]
    rest = int(_without_constants(proto).ByteSize())
    return rest + around + sum(_bytes_of(tensor) for tensor in counted)


def _bytes_of(tensor: onnx.TensorProto) -> int:
    """Return how many bytes the elements of a constant have."""
    dtype = TYPES.get(tensor.data_type)
    if dtype is None:
        return int(tensor.ByteSize())
    # A constant may also be written as a list of numbers, of up to ten bytes each.
    raw = tensor.HasField("raw_data") or lies_outside(tensor)
    return (np.dtype(dtype).itemsize if raw else 10) * int(math.prod(tensor.dims))


def _serialized(proto: onnx.ModelProto, name: str) -> bytes:
    if (size := _size(proto, inside=True)) > LARGEST:
        raise Unsupported(
            f"{name} would have {size:,} bytes beside its weights",
            why=f"{LARGEST:,} is the most that its format can hold",
        )
    raw: bytes = proto.SerializeToString(deterministic=True)
    return raw


def _write(path: Path, raw: bytes) -> None:
    with storage_errors(path, "writing"):
        path.write_bytes(raw)


__all__ = ["BESIDE_FROM", "LARGEST", "Stored", "lies_outside", "stand_in", "store", "too_large"]
