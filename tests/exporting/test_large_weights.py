"""Large weights stay out of a conversion, and nothing else is changed by that."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from keras import ops

from zoo.architecture import Signature
from zoo.exporting import convert as converter
from zoo.exporting.convert import Traced
from zoo.exporting.external_data import store
from zoo.exporting.normalize import canonical
from zoo.exporting.weights import left_out
from zoo.spec import TensorSpec

WIDTH = 6


def dense() -> keras.Model:
    x = keras.Input((WIDTH,), name="x")
    return keras.Model(x, keras.layers.Dense(3)(keras.layers.Dense(WIDTH, "relu")(x)))


class Tied(keras.layers.Layer):
    """A matrix that is used as it is, and transposed."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.matrix = self.add_weight(shape=(shape[-1], 4), name="matrix")

    def call(self, x: object) -> object:
        return ops.matmul(ops.matmul(x, self.matrix), ops.transpose(self.matrix))


def tied() -> keras.Model:
    x = keras.Input((WIDTH,), name="x")
    return keras.Model(x, Tied()(x))


class Again(keras.layers.Layer):
    """A layer in a loop inside the graph."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.inner = keras.layers.Dense(shape[-1], "tanh")
        self.inner.build(shape)

    def call(self, x: object) -> object:
        def going(step: Any, _: Any) -> Any:
            return step < 3

        def body(step: Any, x: Any) -> Any:
            return step + 1, self.inner(x)

        return ops.while_loop(going, body, (0, x))[1]


def loop() -> keras.Model:
    x = keras.Input((WIDTH,), name="x")
    return keras.Model(x, Again()(x))


def recurrent() -> keras.Model:
    x = keras.Input((5, 2), name="x")
    return keras.Model(x, keras.layers.LSTM(WIDTH)(x))


def traced(model: keras.Model) -> Traced:
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=w.shape).astype("float32") for w in model.weights])
    taken = TensorSpec(name="x", shape=model.input.shape[1:])
    given = TensorSpec(name="y", shape=model.output.shape[1:])
    return Traced(Signature("predict", model, (taken,), (given,)))


def converted(item: Traced, folder: Path) -> onnx.ModelProto:
    found, signature = converter.convert(item), item.signature
    proto = canonical(found.proto, "it", signature.inputs, item.outputs, item.order)
    return store(proto, "it.onnx", folder, weights=found.weights).proto


@pytest.mark.parametrize("make", [dense, tied, loop, recurrent])
def test_a_graph_is_the_same_whether_its_weights_are_left_out(
    make: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert callable(make)
    item = traced(make())
    whole = converted(item, tmp_path)
    calls = []

    def all_of_them(model: keras.Model, kept: tuple[str, ...] = ()) -> object:
        calls.append(found := left_out(model, kept, large=1))
        return found

    monkeypatch.setattr(converter, "left_out", all_of_them)
    assert converted(item, tmp_path).SerializeToString() == whole.SerializeToString()
    assert bool(calls[0]) == (make is not recurrent)


def test_a_weight_that_is_computed_with_is_seen_by_the_conversion(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(converter, "left_out", partial(left_out, large=1))
    operators = [node.op_type for node in converted(traced(tied()), tmp_path).graph.node]
    assert "Transpose" not in operators


def test_small_weights_and_those_of_other_ranks_are_not_left_out() -> None:
    x = keras.Input((512, 3), name="x")
    wide = keras.layers.Dense(600, name="wide")(keras.layers.Conv1D(512, 300)(x))
    model = keras.Model(x, keras.layers.Dense(2)(wide))
    shapes = [tuple(item.variable.shape) for item in left_out(model)]
    assert shapes == [(512, 600)]


def test_the_reference_is_bit_by_bit_what_keras_gives() -> None:
    item = traced(loop())
    x = np.random.default_rng(1).normal(size=(7, WIDTH)).astype("float32")
    wanted = np.asarray(item.model([x], training=False))
    assert item({"x": x})["y"].tobytes() == wanted.tobytes()


def test_an_optimization_that_fails_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tf2onnx import optimizer

    def broken(self: object, graph: object, iteration: int) -> object:
        raise ValueError("broken")

    item = traced(dense())
    monkeypatch.setattr(optimizer.MergeDuplicatedNodesOptimizer, "optimize", broken)
    assert [node.op_type for node in converted(item, tmp_path).graph.node].count("MatMul") == 2
