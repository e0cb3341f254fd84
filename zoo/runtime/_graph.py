"""A careful look at an ONNX file before a library opens it: a bounded walk of its wire format.

onnxruntime resolves external data while it loads a model, even one from memory, and the ``onnx``
package is not part of the base install. So the few fields that decide whether a file may be opened
are read here: nested messages are walked by their field numbers in ``onnx.proto``, without copying
and without building objects for the weights. Where protobuf would merge or override a repeated
field, every occurrence is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from zoo.errors import Incompatible

MAX_OPSET = 18
"""The opset that the zoo writes; its graphs need no newer one."""

_STANDARD = ("", "ai.onnx")
_DEPTH = 16
_MAX_NODES = 1_000_000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass
class GraphFacts:
    """What a file says before it is opened."""

    opset: int = 0
    nodes: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    operators: set[str] = field(default_factory=set)


class _Field(NamedTuple):
    number: int
    kind: int
    value: int
    data: memoryview


def inspect_graph(raw: bytes, name: str, *, max_opset: int = MAX_OPSET) -> GraphFacts:
    """Read the facts of an ONNX file, and refuse one that must not be opened.

    Args:
        raw: The file's bytes.
        name: What to call it in a message.
        max_opset: The newest operator set that is accepted.

    Raises:
        Incompatible: If it is empty, truncated or no ONNX model; needs a newer opset, operators
            of another domain or functions of its own; or refers to data outside itself.
    """
    if not raw:
        raise _refuse(name, "it has no bytes")
    facts = GraphFacts()
    graphs, opsets = 0, {}
    try:
        for entry in _fields(memoryview(raw)):
            if entry.number == 7:
                graphs += 1
                _graph(entry.data, facts, name, 0)
            elif entry.number == 8:
                domain, version = _opset(entry.data)
                opsets[domain] = version
            elif entry.number == 14:
                key, value = _pair(entry.data)
                if key in facts.metadata:
                    raise _refuse(name, f"its metadata has {key!r} twice")
                facts.metadata[key] = value
            elif entry.number in (20, 25):
                raise _refuse(name, "it carries training information or functions of its own")
    except (ValueError, IndexError) as error:
        raise _refuse(name, f"it is truncated or not an ONNX file: {error}") from error
    if graphs != 1 or facts.nodes == 0:
        raise _refuse(name, "it does not hold one graph with nodes")
    facts.opset = _check_opsets(opsets, name, max_opset)
    return facts


def _check_opsets(opsets: Mapping[str, int], name: str, newest: int) -> int:
    foreign = sorted(domain for domain in opsets if domain not in _STANDARD)
    if foreign:
        raise _refuse(name, f"it imports operators of the domain {foreign[0]!r}")
    opset = max(opsets.values(), default=0)
    if not 1 <= opset <= newest:
        raise Incompatible(
            f"{name} needs opset {opset}",
            why=f"this zoo writes and runs opsets 1 to {newest}",
            fix="pip install --upgrade neural-zoo",
        )
    return opset


def _refuse(name: str, why: str) -> Incompatible:
    return Incompatible(
        f"{name} was not opened", why=why, fix="use an artifact that zoo export made"
    )


def _graph(data: memoryview, facts: GraphFacts, name: str, depth: int) -> None:
    if depth > _DEPTH:
        raise _refuse(name, f"its graphs are nested more than {_DEPTH} deep")
    for entry in _fields(data):
        if entry.number == 1:
            _node(entry.data, facts, name, depth)
        elif entry.number == 5:
            _tensor(entry.data, name)
        elif entry.number == 15:
            _sparse(entry.data, name)


def _node(data: memoryview, facts: GraphFacts, name: str, depth: int) -> None:
    facts.nodes += 1
    if facts.nodes > _MAX_NODES:
        raise _refuse(name, f"it has more than {_MAX_NODES:,} nodes")
    operator = ""
    for entry in _fields(data):
        if entry.number == 4:
            operator = _text(entry.data)
        elif entry.number == 7 and _text(entry.data) not in _STANDARD:
            raise _refuse(name, f"a node's operator is of the domain {_text(entry.data)!r}")
        elif entry.number == 5:
            for part in _fields(entry.data):
                if part.number in (5, 10):
                    _tensor(part.data, name)
                elif part.number in (6, 11):
                    _graph(part.data, facts, name, depth + 1)
                elif part.number in (22, 23):
                    _sparse(part.data, name)
    facts.operators.add(operator)


def _sparse(data: memoryview, name: str) -> None:
    for entry in _fields(data):
        if entry.number in (1, 2):
            _tensor(entry.data, name)


def _tensor(data: memoryview, name: str) -> None:
    for entry in _fields(data):
        if entry.number == 13 or (entry.number == 14 and (entry.kind != _VARINT or entry.value)):
            raise _refuse(name, "a tensor's data lies outside the file (external data)")


def _opset(data: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for entry in _fields(data):
        if entry.number == 1:
            domain = _text(entry.data)
        elif entry.number == 2:
            version = entry.value
    return domain, version


def _pair(data: memoryview) -> tuple[str, str]:
    key, value = "", ""
    for entry in _fields(data):
        if entry.number == 1:
            key = _text(entry.data)
        elif entry.number == 2:
            value = _text(entry.data)
    return key, value


def _text(data: memoryview) -> str:
    return bytes(data).decode("utf-8")


def _fields(data: memoryview) -> Iterator[_Field]:
    """Yield the fields of one message; a malformed one raises ``ValueError``."""
    place, end, empty = 0, len(data), data[:0]
    while place < end:
        tag, place = _varint(data, place)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field number 0")
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield _Field(number, kind, value, empty)
            continue
        if kind == _BYTES:
            size, place = _varint(data, place)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if size > end - place:
            raise ValueError(f"{size} bytes are announced, {end - place} are left")
        yield _Field(number, kind, 0, data[place : place + size])
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
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


__all__ = ["MAX_OPSET", "GraphFacts", "inspect_graph"]
