"""Of large examples and large models fewer are asked for, and fewer are shipped."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from zoo.exporting import publishing
from zoo.exporting.external_data import Stored
from zoo.exporting.parity import Case, calibrate, make_cases, prove
from zoo.exporting.parity_inputs import BATCHES, MOST_BYTES, MOST_WORK, batches_of
from zoo.exporting.publishing import golden
from zoo.runtime.onnx_file import OnnxFile
from zoo.spec import Arrays, TensorSpec

SPEC = TensorSpec(name="x", shape=("time", 2), range=(-1.0, 1.0))


def answer(inputs: Arrays) -> Arrays:
    return {"y": inputs["x"].sum(axis=1)}


def asked(weights: int = 0) -> list[Case]:
    samples = {"x": np.zeros((3, 4, 2), "float32")}
    return make_cases([SPEC], answer, samples, weights=weights)


def sizes(cases: list[Case]) -> list[tuple[int, Mapping[str, int]]]:
    return [(case.probe.batch, case.probe.lengths) for case in cases]


def test_of_usual_examples_every_batch_size_is_tried() -> None:
    assert batches_of(1_000_000) == BATCHES
    assert {batch for batch, _ in sizes(asked())} == set(BATCHES)


@pytest.mark.parametrize(
    ("example", "weights", "batches"),
    [
        (MOST_BYTES // 7, 0, (1, 2, 7)),
        (MOST_BYTES // 7 + 1, 0, (1, 2)),
        (4 * MOST_BYTES, 0, (1,)),
        (1, MOST_WORK // 63, (1, 2, 7)),
        (1, 2 * MOST_WORK, (1,)),
    ],
)
def test_of_large_ones_a_call_has_as_many_as_fit(
    example: int, weights: int, batches: tuple[int, ...]
) -> None:
    assert batches_of(example, weights) == batches


@pytest.mark.parametrize(("weights", "batches"), [(MOST_WORK // 7, {1, 2, 7}), (MOST_WORK, {1})])
def test_what_was_tried_is_what_is_said_to_have_been_tried(weights: int, batches: set[int]) -> None:
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

    stored = Stored(proto, OnnxFile(proto.SerializeToString()))
    parity = prove(stored.file, cases, calibrate(stored, cases, "sum"), "sum")

    assert {case.probe.batch for case in cases} == set(parity.batches) == batches
    assert parity.lengths["time"][:3] == (1, 2, 3)
    assert [case.probe.batch for case in golden(cases)][-1] == max(batches)


def test_whole_numbers_need_no_tolerance() -> None:
    samples = {"x": np.zeros((3, 4, 2), "float32")}
    cases = make_cases([SPEC], lambda x: {"y": np.asarray((x["x"] > 0).any(1))}, samples)
    assert calibrate(None, cases, "it") == {}


def test_all_lengths_are_shipped_where_they_fit() -> None:
    cases = asked()
    lengths = [dict(lengths) for _, lengths in sizes(golden(cases))]
    assert sizes(golden(cases))[-2:] == [(1, {"time": 4}), (7, {"time": 4})]
    assert {length["time"] for length in lengths} == {1, 2, 3, 4, 5, 8, 13, 24}


def test_of_large_ones_one_is_shipped_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = asked()
    monkeypatch.setattr(publishing, "_GOLDEN_BYTES", 0)
    assert sizes(golden(cases)) == [(1, {"time": 4})]

    monkeypatch.setattr(publishing, "_GOLDEN_BYTES", cases[0].bytes + 2 * 2 * 4 * 2 + 16)
    assert sizes(golden(cases)) == [(2, {"time": 1}), (1, {"time": 4})]
