"""The constants and operators of an ONNX file, read without the ``onnx`` package.

For files that :func:`zoo.runtime._graph.inspect_graph` accepted: what is read here is bounded by
the size of the file, and nothing is decoded that is not asked for.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.errors import Incompatible
from zoo.runtime._external import TYPES
from zoo.runtime._onnx_file import OnnxFile
from zoo.runtime._wire import fields, numbers, text


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


_Outside = Mapping[str, np.ndarray[Any, Any]]


def read_contents(file: bytes | OnnxFile, name: str) -> Contents:
    """Read the constants and the operators of an inspected file.

    A constant counts as the same whether its elements lie in the file or beside it.

    Raises:
        Incompatible: If a constant does not hold what it announces.
    """
    file = OnnxFile(file) if isinstance(file, bytes) else file
    contents, digest = Contents(), hashlib.sha256()
    outside = {item.name: file.array(item) for item in file.facts.outside}
    try:
        for entry in fields(memoryview(file.raw)):
            if entry.number == 7:
                _graph(entry.data, contents, digest, "", outside)
    except (ValueError, IndexError) as error:
        raise Incompatible(
            f"{name} cannot be compared", why=str(error), fix="export the model again"
        ) from error
    contents.wiring = digest.hexdigest()
    return contents


def _graph(
    data: memoryview, contents: Contents, digest: Any, prefix: str, outside: _Outside
) -> None:
    for entry in fields(data):
        if entry.number == 5:
            name, constant = _constant(entry.data, outside)
            contents.constants[prefix + name] = constant
        elif entry.number == 1:
            _node(entry.data, contents, digest, prefix)


def _node(data: memoryview, contents: Contents, digest: Any, prefix: str) -> None:
    name = next((text(entry.data) for entry in fields(data) if entry.number == 3), "")
    for entry in fields(data):
        if entry.number == 4:
            contents.operators[text(entry.data)] += 1
        if entry.number != 5:
            digest.update(b"%d:%d:" % (entry.number, len(entry.data)) + bytes(entry.data))
            continue
        attribute = next((text(p.data) for p in fields(entry.data) if p.number == 1), "")
        for part in fields(entry.data):
            inside = f"{prefix}{name}.{attribute}"
            if part.number in (6, 11):
                _graph(part.data, contents, digest, f"{inside}/", {})
            elif part.number in (5, 10):
                contents.constants[inside] = _constant(part.data, {})[1]
            else:
                head = b"%d:%d:%d:" % (part.number, part.value, len(part.data))
                digest.update(head + bytes(part.data))


def _constant(data: memoryview, outside: _Outside) -> tuple[str, Constant]:
    name, kind, shape = "", 0, []
    raw: memoryview | None = None
    digest = hashlib.sha256()
    for entry in fields(data):
        if entry.number == 8:
            name = text(entry.data)
            continue
        if entry.number in (13, 14):  # where its elements lie, which may be here one day
            continue
        digest.update(b"%d:%d:%d:" % (entry.number, entry.value, len(entry.data)))
        digest.update(entry.data)
        if entry.number == 1:
            shape += numbers(entry)
        elif entry.number == 2:
            kind = entry.value
        elif entry.number == 9:
            raw = entry.data
    array = outside.get(name) if raw is None else None
    if array is not None:
        # As if they were written behind the type and the shape.
        digest.update(b"%d:%d:%d:" % (9, 0, array.nbytes))
        digest.update(array.data.cast("B"))
    if raw is not None and kind in TYPES:
        dtype = np.dtype(TYPES[kind]).newbyteorder("<")
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise ValueError(f"{name} has {len(raw)} bytes for the shape {shape}")
        array = np.frombuffer(raw, dtype).reshape(shape)
    return name, Constant(TYPES.get(kind, f"type {kind}"), tuple(shape), array, digest.hexdigest())


__all__ = ["Constant", "Contents", "read_contents"]
