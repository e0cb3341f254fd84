"""Parity cases and golden vectors of large examples and models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from zoo.errors import ExportError
from zoo.exporting import publishing
from zoo.exporting.external_data import StoredGraph
from zoo.exporting.parity import Case, calibrate, check_parity, make_cases
from zoo.exporting.parity_inputs import BATCHES, MAX_CALL_BYTES, MAX_CALL_WEIGHTS, batch_sizes
from zoo.exporting.publishing import golden_vectors
from zoo.runtime.golden_vectors import Vector
from zoo.runtime.onnx_file import OnnxFile
from zoo.spec import Arrays, TensorSpec

SPEC = TensorSpec(name="x", shape=("time", 2), range=(-1.0, 1.0))


def answer(inputs: Arrays) -> Arrays:
    return {"y": inputs["x"].sum(axis=1)}


def asked(weights: int = 0) -> list[Case]:
    samples = {"x": np.zeros((3, 4, 2), "float32")}
    return make_cases([SPEC], answer, samples, weights=weights)


def sizes(cases: Sequence[Case | Vector]) -> list[tuple[int, int]]:
    """Return the batch size and the length of every call."""
    return [case.inputs["x"].shape[:2] for case in cases]


def test_small_examples_are_compared_at_every_batch_size() -> None:
    assert batch_sizes(1_000_000) == BATCHES
    assert {batch for batch, _ in sizes(asked())} == set(BATCHES)


@pytest.mark.parametrize(
    ("example", "weights", "batches"),
    [
        (MAX_CALL_BYTES // 7, 0, (1, 2, 7)),
        (MAX_CALL_BYTES // 7 + 1, 0, (1, 2)),
        (4 * MAX_CALL_BYTES, 0, (1,)),
        (1, MAX_CALL_WEIGHTS // 63, (1, 2, 7)),
        (1, 2 * MAX_CALL_WEIGHTS, (1,)),
    ],
)
def test_large_examples_and_models_have_smaller_batches(
    example: int, weights: int, batches: tuple[int, ...]
) -> None:
    assert batch_sizes(example, weights) == batches


@pytest.mark.parametrize(
    ("weights", "batches"), [(MAX_CALL_WEIGHTS // 7, {1, 2, 7}), (MAX_CALL_WEIGHTS, {1})]
)
def test_the_recorded_batch_sizes_are_those_of_the_comparison(
    weights: int, batches: set[int]
) -> None:
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["axes"], value_ints=[1]),
            helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0),
        ],
        "sum",
        [value("x", TensorProto.FLOAT, ["batch", "time", 2])],
        [value("y", TensorProto.FLOAT, ["batch", 2])],
    )
    proto = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    cases = asked(weights)

    stored = StoredGraph(proto, OnnxFile(proto.SerializeToString()))
    parity = check_parity(stored.file, cases, calibrate(stored, cases, "sum"), "sum", ())

    assert {case.batch for case in cases} == set(parity.batches) == batches
    assert parity.lengths["time"][:3] == (1, 2, 3)
    assert sizes(golden_vectors(cases))[-1][0] == max(batches)


def test_integers_have_no_tolerance() -> None:
    samples = {"x": np.zeros((3, 4, 2), "float32")}
    cases = make_cases([SPEC], lambda x: {"y": np.asarray((x["x"] > 0).any(1))}, samples)
    assert calibrate(None, cases, "it") == {}


def test_golden_vectors_have_every_length() -> None:
    cases = asked()
    found = sizes(golden_vectors(cases))
    assert found[-2:] == [(1, 4), (7, 4)]
    assert {length for _, length in found} == {1, 2, 3, 4, 5, 8, 13, 24}


def test_large_examples_have_at_least_one_golden_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = asked()
    monkeypatch.setattr(publishing, "_GOLDEN_BYTES", 0)
    assert sizes(golden_vectors(cases)) == [(1, 4)]

    monkeypatch.setattr(publishing, "_GOLDEN_BYTES", cases[0].bytes + 2 * 2 * 4 * 2 + 16)
    assert sizes(golden_vectors(cases)) == [(2, 1), (1, 4)]


def test_an_output_that_is_finite_by_the_last_bit_of_a_weight_is_refused() -> None:
    from onnx import TensorProto, helper, numpy_helper

    value = helper.make_tensor_value_info
    # The square root of weights - 1: one unit in the last place below is not a number.
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["axes"], value_ints=[1]),
            helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0),
            helper.make_node("Sub", ["weights", "one"], ["rest"]),
            helper.make_node("Sqrt", ["rest"], ["root"]),
            helper.make_node("Add", ["sum", "root"], ["y"]),
        ],
        "edge",
        [value("x", TensorProto.FLOAT, ["batch", "time", 2])],
        [value("y", TensorProto.FLOAT, ["batch", 2])],
        [
            numpy_helper.from_array(np.ones(2, "float32"), "weights"),
            numpy_helper.from_array(np.array(1.0, "float32"), "one"),
        ],
    )
    proto = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    stored = StoredGraph(proto, OnnxFile(proto.SerializeToString()))
    with pytest.raises(ExportError, match="'y' is not finite in onnxruntime"):
        calibrate(stored, asked(), "edge")
