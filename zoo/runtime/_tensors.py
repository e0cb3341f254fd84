"""The constants and operators of an ONNX file, read without the ``onnx`` package.

For files that :func:`zoo.runtime._graph.inspect_graph` accepted: what is read here is bounded by
the size of the file, and nothing is decoded that is not asked for.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.errors import Incompatible
from zoo.runtime._graph import _fields, _text, _varint

_BYTES = 2
_TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
}


@dataclass(frozen=True)
class Constant:
    """One constant of a graph.

    Attributes:
        array: Its elements; ``None`` if they are of a type that numpy does not have.
        sha256: Of everything the file says about it but its name.
    """

    dtype: str
    shape: tuple[int, ...]
    array: np.ndarray[Any, Any] | None
    sha256: str


@dataclass
class Contents:
    """What one ONNX file holds.

    Attributes:
        constants: By name; those inside a loop's body have the names of the nodes around them.
        operators: How often each is used.
        wiring: SHA-256 of the nodes: what they are, how they are set, what they are joined to.
    """

    constants: dict[str, Constant] = field(default_factory=dict)
    operators: Counter[str] = field(default_factory=Counter)
    wiring: str = ""


def read_contents(raw: bytes, name: str) -> Contents:
    """Read the constants and the operators of an inspected file.

    Raises:
        Incompatible: If a constant does not hold what it announces.
    """
    contents, digest = Contents(), hashlib.sha256()
    try:
        for entry in _fields(memoryview(raw)):
            if entry.number == 7:
                _graph(entry.data, contents, digest, "")
    except (ValueError, IndexError) as error:
        raise Incompatible(
            f"{name} cannot be compared", why=str(error), fix="export the model again"
        ) from error
    contents.wiring = digest.hexdigest()
    return contents


def _graph(data: memoryview, contents: Contents, digest: Any, prefix: str) -> None:
    for entry in _fields(data):
        if entry.number == 5:
            name, constant = _constant(entry.data)
            contents.constants[prefix + name] = constant
        elif entry.number == 1:
            _node(entry.data, contents, digest, prefix)


def _node(data: memoryview, contents: Contents, digest: Any, prefix: str) -> None:
    name = next((_text(entry.data) for entry in _fields(data) if entry.number == 3), "")
    for entry in _fields(data):
        if entry.number == 4:
            contents.operators[_text(entry.data)] += 1
        if entry.number != 5:
            digest.update(b"%d:%d:" % (entry.number, len(entry.data)) + bytes(entry.data))
            continue
        attribute = next((_text(p.data) for p in _fields(entry.data) if p.number == 1), "")
        for part in _fields(entry.data):
            inside = f"{prefix}{name}.{attribute}"
            if part.number in (6, 11):
                _graph(part.data, contents, digest, f"{inside}/")
            elif part.number in (5, 10):
                contents.constants[inside] = _constant(part.data)[1]
            else:
                head = b"%d:%d:%d:" % (part.number, part.value, len(part.data))
                digest.update(head + bytes(part.data))


def _constant(data: memoryview) -> tuple[str, Constant]:
    name, kind, shape = "", 0, []
    raw: memoryview | None = None
    digest = hashlib.sha256()
    for entry in _fields(data):
        if entry.number == 8:
            name = _text(entry.data)
            continue
        digest.update(b"%d:%d:%d:" % (entry.number, entry.value, len(entry.data)))
        digest.update(entry.data)
        if entry.number == 1:
            shape += _numbers(entry.data) if entry.kind == _BYTES else [entry.value]
        elif entry.number == 2:
            kind = entry.value
        elif entry.number == 9:
            raw = entry.data
    array = None
    if raw is not None and kind in _TYPES:
        dtype = np.dtype(_TYPES[kind]).newbyteorder("<")
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise ValueError(f"{name} has {len(raw)} bytes for the shape {shape}")
        array = np.frombuffer(raw, dtype).reshape(shape)
    return name, Constant(_TYPES.get(kind, f"type {kind}"), tuple(shape), array, digest.hexdigest())


def _numbers(data: memoryview) -> list[int]:
    numbers, place = [], 0
    while place < len(data):
        value, place = _varint(data, place)
        numbers.append(value)
    return numbers


__all__ = ["Constant", "Contents", "read_contents"]
