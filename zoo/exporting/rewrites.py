"""Graph rewrites after a conversion: constant shapes, a label output, canonical form.

In canonical form the same weights give the same bytes on any machine. tf2onnx names nodes after
layers, whose numbers depend on what the process built before, and orders them by hash tables. Here
nodes are sorted topologically from the outputs, names are numbered in that order, and what no
output needs is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import Unsupported
from zoo.exporting.external_data import is_external
from zoo.exporting.graph_checks import subgraphs
from zoo.spec import TensorSpec

if TYPE_CHECKING:
    import onnx

PRODUCER = "neural-zoo"

_Lookup = Callable[[str], str]

_MAX_SHAPE_ELEMENTS = 2**12
"""Elements of a constant from which it cannot be a shape."""


def constant_shapes(proto: onnx.ModelProto) -> None:
    """Replace the computed shape of every ``Reshape`` by a constant, where inference finds it.

    At most one size may be unknown, and becomes -1. The nodes that computed the shape are unused
    then, and :func:`normalize` drops them.

    Args:
        proto: A model; changed in place.
    """
    # Whether tf2onnx folds the shape of Flatten depends on the hash seed of the process.
    import onnx
    from onnx import numpy_helper

    try:
        inferred = onnx.shape_inference.infer_shapes(_without_weights(proto), data_prop=True)
    except onnx.shape_inference.InferenceError:
        return  # check_graph, which comes next, says what is wrong with the graph
    known = {
        value.name: [d.dim_value if d.HasField("dim_value") else -1 for d in sizes.dim]
        for value in (*inferred.graph.value_info, *inferred.graph.output)
        if (sizes := value.type.tensor_type.shape) and value.type.tensor_type.HasField("shape")
    }
    constants = {tensor.name for tensor in proto.graph.initializer}
    constants |= {n.output[0] for n in proto.graph.node if n.op_type == "Constant"}
    for number, node in enumerate(proto.graph.node):
        if node.op_type != "Reshape" or node.input[1] in constants:
            continue
        target = known.get(node.output[0])
        if not target or 0 in target or target.count(-1) > 1:
            continue
        name = f"target_of_reshape_{number}"
        tensor = numpy_helper.from_array(np.array(target, "int64"), name)
        proto.graph.initializer.append(tensor)
        node.input[1] = name


def _without_weights(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model whose large constants are inputs, of which only the shapes matter here."""
    import onnx

    light = onnx.ModelProto(ir_version=proto.ir_version, opset_import=proto.opset_import)
    light.graph.name = proto.graph.name
    light.graph.node.extend(proto.graph.node)
    light.graph.input.extend(proto.graph.input)
    light.graph.output.extend(proto.graph.output)
    light.graph.value_info.extend(proto.graph.value_info)
    for tensor in proto.graph.initializer:
        if math.prod(tensor.dims) < _MAX_SHAPE_ELEMENTS:
            light.graph.initializer.append(tensor)
            continue
        value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        light.graph.input.append(value)
    return light


def normalize(
    proto: onnx.ModelProto,
    name: str,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    order: Sequence[str],
) -> onnx.ModelProto:
    """Return the canonical form of a converted model: its nodes, names and declarations.

    Args:
        proto: The converted model.
        name: The name of the graph.
        inputs: The declared inputs, in the order of the result.
        outputs: The declared outputs, in the order of the converted model.
        order: Names of the outputs in the order of the result.

    Raises:
        Unsupported: If the graph has other inputs or outputs than declared.
    """
    import onnx

    given = {value.name for value in proto.graph.input}
    if given != {spec.name for spec in inputs} or len(proto.graph.output) != len(outputs):
        raise Unsupported(
            "the converted graph has other inputs or outputs than the model",
            why=f"inputs: {sorted(given)}; {len(proto.graph.output)} outputs",
        )
    fixed = {spec.name: spec.name for spec in inputs}
    wanted = [value.name for value in proto.graph.output]
    if len(set(wanted)) != len(wanted) or set(wanted) & given:
        raise Unsupported("an output of the converted graph is an input, or is there twice")
    fixed.update({old: spec.name for old, spec in zip(wanted, outputs, strict=True)})
    graph = _rebuild(proto.graph, _Counters(), fixed, None)
    graph.name = name
    for spec in inputs:
        graph.input.append(_value_info(spec))
    for spec in sorted(outputs, key=lambda spec: order.index(spec.name)):
        graph.output.append(_value_info(spec))
    opset = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
    return onnx.helper.make_model(
        graph,
        ir_version=proto.ir_version,
        producer_name=PRODUCER,
        opset_imports=[onnx.helper.make_opsetid("", opset)],
    )


def class_output(probabilities: TensorSpec, name: str) -> TensorSpec:
    """Return the spec of the output with the index of the largest probability."""
    sizes = list(probabilities.shape)
    del sizes[probabilities.class_axis]
    return TensorSpec(
        name=name,
        shape=tuple(sizes),
        dtype="int64",
        labels=probabilities.labels,
        role="class",
        of=probabilities.name,
        # Rows are along the first axis, which may be that of the classes.
        rows=probabilities.rows if len(sizes) >= -probabilities.class_axis else "",
    )


def add_class_output(proto: onnx.ModelProto, spec: TensorSpec, axis: int) -> None:
    """Add the output of :func:`class_output` to a graph."""
    # Not done in Keras, whose argmax has no ONNX form.
    import onnx

    proto.graph.node.append(
        onnx.helper.make_node(
            "ArgMax", [spec.of], [spec.name], name=spec.name, axis=axis, keepdims=0
        )
    )
    proto.graph.output.append(_value_info(spec))


def _value_info(spec: TensorSpec) -> onnx.ValueInfoProto:
    import onnx

    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(spec.dtype))
    return onnx.helper.make_tensor_value_info(spec.name, kind, ["batch", *spec.shape])


@dataclass
class _Counters:
    """Counters for new names, shared by the subgraphs of a model."""

    nodes: int = 0
    values: int = 0
    constants: int = 0

    def name(self, value: str, names: dict[str, str]) -> str:
        """Return the new name of an output of a node, and remember it."""
        if value and value not in names:
            names[value] = f"value_{self.values}"
            self.values += 1
        return names.get(value, "")


def _rebuild(
    old: onnx.GraphProto, counters: _Counters, fixed: dict[str, str], outer: _Lookup | None
) -> onnx.GraphProto:
    """Return a graph with sorted and renamed nodes and constants, without declarations."""
    import onnx

    new = onnx.GraphProto()
    constants = {tensor.name: tensor for tensor in old.initializer}
    if old.sparse_initializer:
        raise Unsupported("the converted graph has sparse constants")
    names = dict(fixed)

    def lookup(value: str) -> str:
        if not value or value in names:
            return names.get(value, "")
        if value in constants:
            names[value] = f"constant_{counters.constants}"
            counters.constants += 1
            new.initializer.append(_constant(constants[value], names[value]))
            return names[value]
        if outer is None:
            raise Unsupported(f"the converted graph needs {value!r}, which no node gives")
        return outer(value)

    for node in _ordered(old, [value.name for value in old.output]):
        # Constants and captured values are numbered at their first use.
        made = onnx.NodeProto(op_type=node.op_type, name=f"{node.op_type}_{counters.nodes}")
        made.domain = "" if node.domain == "ai.onnx" else node.domain
        counters.nodes += 1
        made.input.extend([lookup(value) for value in node.input])
        made.output.extend([counters.name(value, names) for value in node.output])
        _copy_attributes(node, made, counters, lookup)
        new.node.append(made)
    for value in old.output:
        lookup(value.name)
    if outer is not None:
        for value in old.output:
            _declare(new.output.add(), value, lookup(value.name))
    return new


def _copy_attributes(
    old: onnx.NodeProto, new: onnx.NodeProto, counters: _Counters, outer: _Lookup
) -> None:
    for attribute in sorted(old.attribute, key=lambda item: item.name):
        copy = new.attribute.add()
        copy.CopyFrom(attribute)
        copy.ClearField("doc_string")
        if attribute.HasField("t"):
            copy.t.CopyFrom(_constant(attribute.t, ""))
        if attribute.HasField("g"):
            copy.g.CopyFrom(_subgraph(attribute.g, counters, outer))
        for index, graph in enumerate(attribute.graphs):
            copy.graphs[index].CopyFrom(_subgraph(graph, counters, outer))


def _subgraph(old: onnx.GraphProto, counters: _Counters, outer: _Lookup) -> onnx.GraphProto:
    fixed = {}
    for value in old.input:
        fixed[value.name] = f"value_{counters.values}"
        counters.values += 1
    new = _rebuild(old, counters, fixed, outer)
    new.name = "body"
    for value in old.input:
        _declare(new.input.add(), value, fixed[value.name])
    return new


def _declare(new: onnx.ValueInfoProto, old: onnx.ValueInfoProto, name: str) -> None:
    """Copy a declaration without tf2onnx's ``unk__N`` sizes, whose numbers are arbitrary."""
    new.CopyFrom(old)
    new.name = name
    new.ClearField("doc_string")
    for size in new.type.tensor_type.shape.dim:
        if size.dim_param:
            size.ClearField("dim_param")


def _constant(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    import onnx
    from onnx import numpy_helper

    if is_external(tensor):  # a placeholder has no elements to encode
        copy = onnx.TensorProto()
        copy.CopyFrom(tensor)
        copy.name = name
        return copy
    return numpy_helper.from_array(numpy_helper.to_array(tensor), name)


def _ordered(graph: onnx.GraphProto, wanted: Sequence[str]) -> list[onnx.NodeProto]:
    """Return the nodes that some values need, in topological order."""
    maker = {value: node for node in graph.node for value in node.output if value}
    done: set[str] = set()
    order: list[onnx.NodeProto] = []
    for start in wanted:
        # A stack of its own: a deep network would exceed Python's recursion limit.
        stack: list[tuple[onnx.NodeProto | None, Iterator[str]]] = [(None, iter((start,)))]
        while stack:
            node, needs = stack[-1]
            need = next(needs, None)
            if need is None:
                stack.pop()
                if node is not None:
                    order.append(node)
                continue
            source = maker.get(need)
            if source is not None and source.output[0] not in done:
                done.add(source.output[0])
                stack.append((source, iter(_needs(source))))
    return order


def _needs(node: onnx.NodeProto) -> list[str]:
    """Return the inputs of a node, with the values that its subgraphs capture."""
    values = [value for value in node.input if value]
    for graph in subgraphs(node):
        own = {value.name for value in graph.input} | {t.name for t in graph.initializer}
        own |= {value for inner in graph.node for value in inner.output}
        inner_needs = [need for inner in graph.node for need in _needs(inner)]
        inner_needs += [value.name for value in graph.output]
        values += [need for need in inner_needs if need not in own]
    return values
