"""Quantization methods."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.exporting.quantization.methods import METHODS


def stacked() -> onnx.ModelProto:
    """Return a product with a stack of matrices, as layers per column have, then a plain one."""
    random = np.random.default_rng(0)
    weights = {"stack": random.normal(size=(3, 8, 16)), "plain": random.normal(size=(16, 4))}
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "stack"], ["h"]),
            helper.make_node("MatMul", ["h", "plain"], ["y"]),
        ],
        "stacked",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, "rows", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, "rows", 4])],
        [numpy_helper.from_array(v.astype("float32"), name) for name, v in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize("name", ["int8_dynamic", "int8_static"])
def test_products_with_a_stack_of_matrices_are_not_quantized(name: str) -> None:
    proto = stacked()
    x = np.random.default_rng(1).normal(size=(3, 5, 8)).astype("float32")
    made = METHODS[name].apply(proto, {"x": np.concatenate([x] * 4, axis=1)}).proto
    before, after = (
        onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        ).run(None, {"x": x})[0]
        for model in (proto, made)
    )
    assert np.abs(after - before).max() < 0.05 * np.abs(before).max()
