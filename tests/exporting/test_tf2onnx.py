"""Conversion with tf2onnx, with large weights as inputs."""

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
from zoo.exporting import tf2onnx as converter
from zoo.exporting.external_data import store
from zoo.exporting.rewrites import normalize
from zoo.exporting.tf2onnx import TracedModel, large_weights
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


def traced(model: keras.Model) -> TracedModel:
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=w.shape).astype("float32") for w in model.weights])
    taken = TensorSpec(name="x", shape=model.input.shape[1:])
    given = TensorSpec(name="y", shape=model.output.shape[1:])
    return TracedModel(Signature("predict", model, (taken,), (given,)))


def converted(item: TracedModel, folder: Path) -> onnx.ModelProto:
    found, signature = converter.convert(item), item.signature
    proto = normalize(found.proto, "it", signature.inputs, item.outputs, item.order)
    return store(proto, "it.onnx", folder, weights=found.weights).proto


@pytest.mark.parametrize("make", [dense, tied, loop, recurrent])
def test_a_graph_is_the_same_with_and_without_weights_as_inputs(
    make: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert callable(make)
    item = traced(make())
    whole = converted(item, tmp_path)
    calls = []

    def all_of_them(model: keras.Model, exclude: tuple[str, ...] = ()) -> object:
        calls.append(found := large_weights(model, exclude, large=1))
        return found

    monkeypatch.setattr(converter, "large_weights", all_of_them)
    assert converted(item, tmp_path).SerializeToString() == whole.SerializeToString()
    assert bool(calls[0]) == (make is not recurrent)


def test_a_transposed_weight_is_folded_by_the_conversion(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(converter, "large_weights", partial(large_weights, large=1))
    operators = [node.op_type for node in converted(traced(tied()), tmp_path).graph.node]
    assert "Transpose" not in operators


def test_only_large_matrices_become_inputs() -> None:
    x = keras.Input((512, 3), name="x")
    wide = keras.layers.Dense(600, name="wide")(keras.layers.Conv1D(512, 300)(x))
    model = keras.Model(x, keras.layers.Dense(2)(wide))
    shapes = [tuple(variable.shape) for variable in large_weights(model).values()]
    assert shapes == [(512, 600)]


def test_the_reference_equals_eager_execution_bit_by_bit() -> None:
    item = traced(loop())
    x = np.random.default_rng(1).normal(size=(7, WIDTH)).astype("float32")
    wanted = np.asarray(item.model([x], training=False))
    assert item({"x": x})["y"].tobytes() == wanted.tobytes()


def test_an_optimization_of_tf2onnx_that_fails_is_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tf2onnx import optimizer

    def broken(self: object, graph: object, iteration: int) -> object:
        raise ValueError("broken")

    item = traced(dense())
    monkeypatch.setattr(optimizer.MergeDuplicatedNodesOptimizer, "optimize", broken)
    assert [node.op_type for node in converted(item, tmp_path).graph.node].count("MatMul") == 2
