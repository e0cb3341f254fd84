"""Inspect an ONNX file before a library opens it: external data, foreign operators, metadata.

onnxruntime resolves external data while it loads a model, even one from memory, and the ``onnx``
package is not part of the base install. So the few fields that decide whether a file may be opened
are read here, by their numbers in ``onnx.proto``, without copying and without building objects for
the weights. Where protobuf would merge or override a repeated field, every occurrence is checked.

External data is accepted in the one form that an export writes: in the one data file of the graph,
every key given once, inside the file, and of the size that type and shape have.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from zoo.errors import Incompatible

MAX_OPSET = 18
"""The opset that exports have."""

TYPES = {
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
"""ONNX element types that numpy has, by their number."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Protobuf's wire types."""

_STANDARD_DOMAINS = ("", "ai.onnx")
_MAX_DEPTH = 16
_MAX_NODES = 1_000_000
_SIZES = {"bool": 1, **{f"{sign}int{n}": n // 8 for sign in ("", "u") for n in (8, 16, 32, 64)}}
_SIZES |= {f"float{bits}": bits // 8 for bits in (16, 32, 64)}
# Fields of TensorProto.
_DIMS, _DATA_TYPE, _NAME, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 8, 13, 14
_EXTERNAL = 1
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


class Field(NamedTuple):
    """One field of a protobuf message: a number in ``value``, or the bytes of anything else."""

    number: int
    kind: int
    value: int
    data: memoryview


def fields(data: memoryview) -> Iterator[Field]:
    """Yield the fields of a protobuf message; a malformed one raises ``ValueError``."""
    place, end, empty = 0, len(data), data[:0]
    while place < end:
        tag, place = _varint(data, place)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field number 0")
        if kind == VARINT:
            value, place = _varint(data, place)
            yield Field(number, kind, value, empty)
            continue
        if kind == BYTES:
            size, place = _varint(data, place)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if size > end - place:
            raise ValueError(f"{size} bytes are announced, {end - place} are left")
        yield Field(number, kind, 0, data[place : place + size])
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """Return the number at a place, and the place after it."""
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than ten bytes")


def numbers(entry: Field) -> list[int]:
    """Return the numbers of a repeated field, unpacked or packed."""
    if entry.kind != BYTES:
        return [entry.value]
    found, place = [], 0
    while place < len(entry.data):
        value, place = _varint(entry.data, place)
        found.append(value)
    return found


def text(data: memoryview) -> str:
    """Return bytes as text; other bytes than UTF-8 raise ``ValueError``."""
    return bytes(data).decode("utf-8")


class DataFile(NamedTuple):
    """The file of external data of a graph: its bare name, and its size in bytes."""

    name: str
    bytes: int


class Slice(NamedTuple):
    """Place of one constant in the data file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


@dataclass
class GraphFacts:
    """What a file says before it is opened.

    Attributes:
        opset: Version of the standard operators.
        nodes: Number of nodes, also inside of loops.
        metadata: The file's own metadata.
        external: Constants in the data file, in the order of the graph.
    """

    opset: int = 0
    nodes: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    external: list[Slice] = field(default_factory=list)


def inspect_graph(raw: bytes, name: str, *, data: DataFile | None = None) -> GraphFacts:
    """Read the facts of an ONNX file, and refuse one that must not be opened.

    Args:
        raw: Bytes of the file.
        name: Its name in messages.
        data: The file of its external data, if it has one.

    Raises:
        Incompatible: If it is empty, truncated or not an ONNX model; needs a newer opset,
            operators of another domain or functions of its own; or has external data other than
            in its data file, whole and in bounds.
    """
    if not raw:
        raise _refused(name, "it is empty")
    try:
        facts = _Inspection(data).read(memoryview(raw))
    except _Refused as error:
        raise _refused(name, str(error)) from error
    except (ValueError, IndexError) as error:
        raise _refused(name, f"it is truncated or not an ONNX file: {error}") from error
    if not 1 <= facts.opset <= MAX_OPSET:
        raise Incompatible(
            f"{name} needs opset {facts.opset}",
            why=f"this zoo writes and runs opsets 1 to {MAX_OPSET}",
            fix="pip install --upgrade neural-zoo",
        )
    return facts


def _refused(name: str, why: str) -> Incompatible:
    return Incompatible(
        f"{name} was not opened", why=why, fix="use an artifact that zoo export made"
    )


class _Refused(Exception):
    """The file must not be opened; the message says why."""


class _Inspection:
    """One walk over a file."""

    def __init__(self, data: DataFile | None) -> None:
        self.data, self.facts = data, GraphFacts()

    def read(self, raw: memoryview) -> GraphFacts:
        facts, graphs, opsets = self.facts, 0, {}
        for entry in fields(raw):
            if entry.number == 7:
                graphs += 1
                self.graph(entry.data, 0)
            elif entry.number == 8:
                parts = {part.number: part for part in fields(entry.data)}
                domain = text(parts[1].data) if 1 in parts else ""
                opsets[domain] = parts[2].value if 2 in parts else 0
            elif entry.number == 14:
                pair = {part.number: text(part.data) for part in fields(entry.data)}
                key = pair.get(1, "")
                if key in facts.metadata:
                    raise _Refused(f"its metadata has {key!r} twice")
                facts.metadata[key] = pair.get(2, "")
            elif entry.number in (20, 25):
                raise _Refused("it has training information or functions of its own")
        _check_order(facts.external)
        if graphs != 1 or facts.nodes == 0:
            raise _Refused("it does not hold one graph with nodes")
        if self.data is not None and not facts.external:
            raise _Refused(f"none of its constants is in {self.data.name}, its data file")
        foreign = sorted(domain for domain in opsets if domain not in _STANDARD_DOMAINS)
        if foreign:
            raise _Refused(f"it imports operators of the domain {foreign[0]!r}")
        facts.opset = max(opsets.values(), default=0)
        return facts

    def graph(self, data: memoryview, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise _Refused(f"its graphs are nested more than {_MAX_DEPTH} deep")
        for entry in fields(data):
            if entry.number == 1:
                self.node(entry.data, depth)
            elif entry.number == 5:
                # Exports keep external data at the top level only.
                if depth == 0 and self.data is not None and _is_external(entry.data):
                    self.facts.external.append(_read_slice(entry.data, self.data))
                else:
                    _check_inline(entry.data)
            elif entry.number == 15:
                _check_sparse(entry.data)

    def node(self, data: memoryview, depth: int) -> None:
        self.facts.nodes += 1
        if self.facts.nodes > _MAX_NODES:
            raise _Refused(f"it has more than {_MAX_NODES:,} nodes")
        for entry in fields(data):
            named = text(entry.data) if entry.number in (4, 7) else ""
            if entry.number == 7 and named not in _STANDARD_DOMAINS:
                raise _Refused(f"a node's operator is of the domain {named!r}")
            if entry.number != 5:
                continue
            for part in fields(entry.data):
                if part.number in (5, 10):
                    _check_inline(part.data)
                elif part.number in (6, 11):
                    self.graph(part.data, depth + 1)
                elif part.number in (22, 23):
                    _check_sparse(part.data)


def _check_sparse(data: memoryview) -> None:
    for entry in fields(data):
        if entry.number in (1, 2):
            _check_inline(entry.data)


def _check_inline(data: memoryview) -> None:
    if _is_external(data):
        raise _Refused("a constant's data is outside the file (external data)")


def _is_external(tensor: memoryview) -> bool:
    """Return whether a constant says in any way that its data is elsewhere."""
    return any(
        entry.number == _EXTERNAL_DATA
        or (entry.number == _DATA_LOCATION and (entry.kind != VARINT or entry.value != 0))
        for entry in fields(tensor)
    )


def _read_slice(tensor: memoryview, file: DataFile) -> Slice:
    """Read a constant with external data, exactly as an export writes it."""
    found: dict[int, list[Field]] = {}
    for entry in fields(tensor):
        found.setdefault(entry.number, []).append(entry)
    if foreign := sorted(set(found) - {_DIMS, _DATA_TYPE, _NAME, _EXTERNAL_DATA, _DATA_LOCATION}):
        raise _Refused(f"a constant with external data has the field {foreign[0]}")
    name = text(_once(found, _NAME, BYTES).data)
    dtype = TYPES.get(_once(found, _DATA_TYPE, VARINT).value)
    if dtype is None or _once(found, _DATA_LOCATION, VARINT).value != _EXTERNAL:
        raise _Refused(f"the constant {name!r} has a type that external data cannot have")
    shape = tuple(size for entry in found.get(_DIMS, ()) for size in numbers(entry))
    place = _place(found.get(_EXTERNAL_DATA, ()), name)
    if place["location"] != file.name:
        raise _Refused(
            f"the constant {name!r} is in {place['location']!r}, the data file is {file.name!r}"
        )
    if not (_NUMBER.fullmatch(place["offset"]) and _NUMBER.fullmatch(place["length"])):
        raise _Refused(f"the offset or length of the constant {name!r} is not a number")
    offset, length = int(place["offset"]), int(place["length"])
    if offset + length > file.bytes:
        raise _Refused(
            f"the constant {name!r} ends at byte {offset + length:,} of {file.name}, which has "
            f"{file.bytes:,}"
        )
    if math.prod(shape) * _SIZES[dtype] != length:
        raise _Refused(f"the constant {name!r}, {dtype}{list(shape)}, has {length:,} bytes")
    return Slice(name, dtype, shape, offset, length)


def _once(found: dict[int, list[Field]], number: int, kind: int) -> Field:
    entries = found.get(number, [])
    if len(entries) != 1 or entries[0].kind != kind:
        raise _Refused(f"a constant with external data does not have its field {number} once")
    return entries[0]


def _place(entries: Sequence[Field], name: str) -> dict[str, str]:
    """Return location, offset and length of external data."""
    found: dict[str, str] = {}
    for entry in entries:
        parts = list(fields(entry.data))
        if [(part.number, part.kind) for part in parts] != [(1, BYTES), (2, BYTES)]:
            raise _Refused(f"the external data of {name!r} is not a key and a value")
        key = text(parts[0].data)
        if key in found:
            raise _Refused(f"the external data of {name!r} has {key!r} twice")
        found[key] = text(parts[1].data)
    if set(found) != {"location", "offset", "length"}:
        raise _Refused(f"the external data of {name!r} has the keys {sorted(found)}")
    return found


def _check_order(slices: Sequence[Slice]) -> None:
    """Refuse constants that overlap, or are not in the order of the graph."""
    end = 0
    for item in slices:
        if item.offset < end:
            raise _Refused(f"the constant {item.name!r} overlaps the one before it")
        end = item.offset + item.length
