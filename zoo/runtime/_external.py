"""Constants whose bytes lie in the file beside an ONNX file (ONNX external data).

Such a constant names a file, an offset and a length. Here a reference is taken only in the one
form that an export writes: to the one data file of that graph, with every part said once, inside
the file, and of the size that type and shape have. What a runtime could read in another way, such
as a part that is said twice, is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from zoo.runtime._wire import BYTES, VARINT, Field, fields, numbers, text

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
"""ONNX's number of each type of element that numpy has, too."""

SUFFIX = ".data"
"""What the name of a data file ends with, behind that of its ONNX file."""

_SIZES = {"bool": 1, **{f"{sign}int{n}": n // 8 for sign in ("", "u") for n in (8, 16, 32, 64)}}
_SIZES |= {f"float{bits}": bits // 8 for bits in (16, 32, 64)}
_DIMS, _TYPE, _NAME, _ENTRY, _WHERE = 1, 2, 8, 13, 14
_EXTERNAL = 1
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


class Misplaced(ValueError):
    """A constant does not lie where it says, or not as an export writes it."""


class DataFile(NamedTuple):
    """The file beside an ONNX file: its bare name, and its size in bytes."""

    name: str
    bytes: int


class Slice(NamedTuple):
    """Where the elements of one constant lie in the data file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def lies_outside(tensor: memoryview) -> bool:
    """Return whether a constant says in any way that its data are elsewhere."""
    return any(
        entry.number == _ENTRY
        or (entry.number == _WHERE and (entry.kind != VARINT or entry.value != 0))
        for entry in fields(tensor)
    )


def read_slice(tensor: memoryview, file: DataFile) -> Slice:
    """Read one constant that lies in a data file.

    Raises:
        Misplaced: If anything about it is not as an export writes it.
    """
    found: dict[int, list[Field]] = {}
    for entry in fields(tensor):
        found.setdefault(entry.number, []).append(entry)
    if foreign := sorted(set(found) - {_DIMS, _TYPE, _NAME, _ENTRY, _WHERE}):
        raise Misplaced(f"a constant outside the file has a field {foreign[0]} of its own")
    name = text(_once(found, _NAME, BYTES).data)
    dtype = TYPES.get(_once(found, _TYPE, VARINT).value)
    if dtype is None or _once(found, _WHERE, VARINT).value != _EXTERNAL:
        raise Misplaced(f"the constant {name!r} outside the file is of no type that lies there")
    shape = [size for entry in found.get(_DIMS, ()) for size in numbers(entry)]
    said = _entries(found.get(_ENTRY, ()), name)
    if said["location"] != file.name:
        raise Misplaced(
            f"the constant {name!r} lies in {said['location']!r}, the data file is {file.name!r}"
        )
    if not (_NUMBER.fullmatch(said["offset"]) and _NUMBER.fullmatch(said["length"])):
        raise Misplaced(f"the place of the constant {name!r} is no number of bytes")
    offset, length = int(said["offset"]), int(said["length"])
    if offset + length > file.bytes:
        raise Misplaced(
            f"the constant {name!r} ends at byte {offset + length:,} of {file.name}, which has "
            f"{file.bytes:,}"
        )
    if math.prod(shape) * _SIZES[dtype] != length:
        raise Misplaced(f"the constant {name!r}, {dtype}{shape}, has {length:,} bytes")
    return Slice(name, dtype, tuple(shape), offset, length)


def check_order(slices: Sequence[Slice]) -> None:
    """Check that constants lie one behind the other.

    Raises:
        Misplaced: If two overlap, or are not in the order of the graph.
    """
    end = 0
    for item in slices:
        if item.offset < end:
            raise Misplaced(f"the constant {item.name!r} overlaps the one before it")
        end = item.offset + item.length


def _once(found: dict[int, list[Field]], number: int, kind: int) -> Field:
    entries = found.get(number, [])
    if len(entries) != 1 or entries[0].kind != kind:
        raise Misplaced(f"a constant outside the file has its field {number} not just once")
    return entries[0]


def _entries(given: Sequence[Field], name: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for entry in given:
        parts = [(part.number, part.kind, part.data) for part in fields(entry.data)]
        if [part[:2] for part in parts] != [(1, BYTES), (2, BYTES)]:
            raise Misplaced(f"the place of the constant {name!r} is not a key and a value")
        key = text(parts[0][2])
        if key in said:
            raise Misplaced(f"the place of the constant {name!r} says {key!r} twice")
        said[key] = text(parts[1][2])
    if set(said) != {"location", "offset", "length"}:
        raise Misplaced(f"the place of the constant {name!r} says {sorted(said)}")
    return said


__all__ = [
    "SUFFIX",
    "TYPES",
    "DataFile",
    "Misplaced",
    "Slice",
    "check_order",
    "lies_outside",
    "read_slice",
]
