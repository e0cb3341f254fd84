"""Write shapes down that a graph would compute each time, always to the same result.

``Flatten`` asks for its input's shape, and puts the new one together from the batch size. Whether
tf2onnx sees that the rest is constant depends on the order in which it walks a set, and so on the
hash seed of the process. Here it is decided by shape inference: the same graph in every process.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

_LARGE = 2**12
"""Elements that no shape has."""


def constant_shapes(proto: onnx.ModelProto) -> None:
    """Give every ``Reshape`` a constant target where at most one size of its output is unknown.

    The unknown size is written as -1, which stands for whatever is left over. The nodes that
    computed the target stay behind without a use.

    Args:
        proto: A model; changed in place.
    """
    import onnx
    from onnx import numpy_helper

    try:
        inferred = onnx.shape_inference.infer_shapes(_without_weights(proto), data_prop=True)
    except onnx.shape_inference.InferenceError:
        return  # the check of the structure, which comes next, says what is wrong with the graph
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
    """Return a model whose large constants are inputs: of them, their shapes alone matter here."""
    import onnx

    light = onnx.ModelProto(ir_version=proto.ir_version, opset_import=proto.opset_import)
    light.graph.name = proto.graph.name
    light.graph.node.extend(proto.graph.node)
    light.graph.input.extend(proto.graph.input)
    light.graph.output.extend(proto.graph.output)
    light.graph.value_info.extend(proto.graph.value_info)
    for tensor in proto.graph.initializer:
        if math.prod(tensor.dims) < _LARGE:
            light.graph.initializer.append(tensor)
            continue
        value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        light.graph.input.append(value)
    return light


__all__ = ["constant_shapes"]
