"""A careful look at an ONNX file before a library opens it: a bounded walk of its wire format.

onnxruntime resolves external data while it loads a model, even one from memory, and the ``onnx``
package is not part of the base install. So the few fields that decide whether a file may be opened
are read here: nested messages are walked by their field numbers in ``onnx.proto``, without copying
and without building objects for the weights. Where protobuf would merge or override a repeated
field, every occurrence is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.errors import Incompatible
from zoo.runtime._external import DataFile, Misplaced, Slice, check_order, lies_outside, read_slice
from zoo.runtime._wire import fields, text

MAX_OPSET = 18
"""The opset that the zoo writes; its graphs need no newer one."""

_STANDARD = ("", "ai.onnx")
_DEPTH = 16
_MAX_NODES = 1_000_000


@dataclass
class GraphFacts:
    """What a file says before it is opened.

    Attributes:
        outside: The constants that lie in the data file, in the order of the graph.
    """

    opset: int = 0
    nodes: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    operators: set[str] = field(default_factory=set)
    outside: list[Slice] = field(default_factory=list)


def inspect_graph(
    raw: bytes, name: str, *, data: DataFile | None = None, max_opset: int = MAX_OPSET
) -> GraphFacts:
    """Read the facts of an ONNX file, and refuse one that must not be opened.

    Args:
        raw: The file's bytes.
        name: What to call it in a message.
        data: The file beside it in which its large constants lie, if it has one.
        max_opset: The newest operator set that is accepted.

    Raises:
        Incompatible: If it is empty, truncated or no ONNX model; needs a newer opset, operators
            of another domain or functions of its own; or refers to data outside itself and not
            to its data file, whole and in bounds.
    """
    if not raw:
        raise _refuse(name, "it has no bytes")
    facts = GraphFacts()
    graphs, opsets = 0, {}
    try:
        for entry in fields(memoryview(raw)):
            if entry.number == 7:
                graphs += 1
                _graph(entry.data, facts, name, 0, data)
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
        check_order(facts.outside)
    except Misplaced as error:
        raise _refuse(name, str(error)) from error
    except (ValueError, IndexError) as error:
        raise _refuse(name, f"it is truncated or not an ONNX file: {error}") from error
    if graphs != 1 or facts.nodes == 0:
        raise _refuse(name, "it does not hold one graph with nodes")
    if data is not None and not facts.outside:
        raise _refuse(name, f"nothing of it lies in {data.name}, which is said to be its data")
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


def _graph(
    data: memoryview, facts: GraphFacts, name: str, depth: int, file: DataFile | None = None
) -> None:
    if depth > _DEPTH:
        raise _refuse(name, f"its graphs are nested more than {_DEPTH} deep")
    for entry in fields(data):
        if entry.number == 1:
            _node(entry.data, facts, name, depth)
        elif entry.number == 5:
            # Inside of nodes nothing is so large that it would have to lie elsewhere.
            if file is not None and lies_outside(entry.data):
                facts.outside.append(read_slice(entry.data, file))
            else:
                _tensor(entry.data, name)
        elif entry.number == 15:
            _sparse(entry.data, name)


def _node(data: memoryview, facts: GraphFacts, name: str, depth: int) -> None:
    facts.nodes += 1
    if facts.nodes > _MAX_NODES:
        raise _refuse(name, f"it has more than {_MAX_NODES:,} nodes")
    operator = ""
    for entry in fields(data):
        if entry.number == 4:
            operator = text(entry.data)
        elif entry.number == 7 and text(entry.data) not in _STANDARD:
            raise _refuse(name, f"a node's operator is of the domain {text(entry.data)!r}")
        elif entry.number == 5:
            for part in fields(entry.data):
                if part.number in (5, 10):
                    _tensor(part.data, name)
                elif part.number in (6, 11):
                    _graph(part.data, facts, name, depth + 1)
                elif part.number in (22, 23):
                    _sparse(part.data, name)
    facts.operators.add(operator)


def _sparse(data: memoryview, name: str) -> None:
    for entry in fields(data):
        if entry.number in (1, 2):
            _tensor(entry.data, name)


def _tensor(data: memoryview, name: str) -> None:
    if lies_outside(data):
        raise _refuse(name, "a tensor's data lies outside the file (external data)")


def _opset(data: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for entry in fields(data):
        if entry.number == 1:
            domain = text(entry.data)
        elif entry.number == 2:
            version = entry.value
    return domain, version


def _pair(data: memoryview) -> tuple[str, str]:
    key, value = "", ""
    for entry in fields(data):
        if entry.number == 1:
            key = text(entry.data)
        elif entry.number == 2:
            value = text(entry.data)
    return key, value


__all__ = ["MAX_OPSET", "GraphFacts", "inspect_graph"]
