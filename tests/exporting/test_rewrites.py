"""Graph rewrites."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.exporting.rewrites import constant_shapes


def _flattening(*, height: int | str) -> onnx.ModelProto:
    """Return a graph that flattens its input by computing the target, as Keras does."""
    two, zero, one = (np.array([value], "int64") for value in (2, 0, 1))
    constants = {"start": zero, "end": one, "size": two * 3 if height == 3 else -one}
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "start", "end"], ["batch"]),
        helper.make_node("Concat", ["batch", "size"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "flatten",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", height, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _answer(proto: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize("batch", [1, 5])
def test_a_computed_shape_becomes_a_constant_with_the_same_output(batch: int) -> None:
    x = np.arange(batch * 6, dtype="float32").reshape(batch, 3, 2)
    proto = _flattening(height=3)
    before = _answer(proto, x)
    constant_shapes(proto)

    (reshape,) = (node for node in proto.graph.node if node.op_type == "Reshape")
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    assert held[reshape.input[1]].tolist() == [-1, 6]
    np.testing.assert_array_equal(_answer(proto, x), before)


def test_a_shape_with_two_unknown_sizes_is_not_changed() -> None:
    proto = _flattening(height="time")
    before = proto.SerializeToString()
    constant_shapes(proto)

    assert proto.SerializeToString() == before
