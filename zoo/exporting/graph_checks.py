"""Checks of an ONNX graph before anything runs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import ExportError, Unsupported
from zoo.exporting.external_data import StoredGraph, is_external
from zoo.runtime.onnx_inspection import inspect_graph

if TYPE_CHECKING:
    import keras
    import onnx

_RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}


def check_graph(stored: StoredGraph, name: str) -> None:
    """Check that a graph is valid, deterministic, standard ONNX without NaN in a constant.

    A constant may be infinite, as in the mask of an attention: the weights of the model are looked
    at by :func:`check_weights`.

    Raises:
        Unsupported: If it has an operator that is not standard ONNX, or a random one.
        ExportError: If a constant holds NaN, or the ONNX checker fails.
    """
    import onnx

    # The checker accepts unknown domains and non-finite weights, so those are looked for first.
    proto, file = stored.proto, stored.file
    opset = proto.opset_import[0].version
    for graph in all_graphs(proto.graph):
        for node in graph.node:
            standard = node.domain in ("", "ai.onnx") and node.op_type
            if not standard or not onnx.defs.has(node.op_type, opset, ""):
                raise Unsupported(
                    f"{name}: the operator {node.op_type!r} is not standard ONNX",
                    why="tf2onnx copied it from the TensorFlow graph as it is",
                    fix="replace the layer that makes it",
                )
            if node.op_type in _RANDOM:
                raise Unsupported(
                    f"{name}: the graph is random ({node.op_type})",
                    why="augmentation or dropout is on, or the model samples",
                    fix="let random layers do nothing when training is false",
                )
        for tensor in _constants(graph):
            _check_constant(stored, tensor, name)
    if file.path is None:
        inspect_graph(file.raw, name)
    try:
        # Given a path, the checker checks the external data too.
        onnx.checker.check_model(proto if file.path is None else str(file.path), full_check=True)
        onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    except Exception as error:  # the checker and the shape inference have a type each
        raise ExportError(
            f"{name} is not a valid ONNX graph",
            why=" ".join(str(error).split())[:400],
            fix="report the model's configuration; the converter wrote a wrong graph",
        ) from error


def check_weights(model: keras.Model, name: str) -> None:
    """Check that the weights of a model are finite.

    Raises:
        ExportError: If one is not.
    """
    import keras

    for weight in model.weights:
        array = keras.ops.convert_to_numpy(weight)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ExportError(
                f"{name}: the weights are not finite",
                why=f"{weight.path} of shape {list(array.shape)} holds NaN or infinity",
                fix="train again, with a lower learning rate",
            )


def all_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield a graph and all its subgraphs."""
    yield graph
    for node in graph.node:
        for inner in subgraphs(node):
            yield from all_graphs(inner)


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """Yield the subgraphs of a node, such as the body of a ``Loop``."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def count_operators(graph: onnx.GraphProto) -> dict[str, int]:
    """Count the nodes of a graph and its subgraphs by operator."""
    count = Counter(node.op_type for inner in all_graphs(graph) for node in inner.node)
    return dict(sorted(count.items()))


def _constants(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _check_constant(stored: StoredGraph, tensor: onnx.TensorProto, name: str) -> None:
    if is_external(tensor) and tensor.name not in stored.slices:
        raise Unsupported(f"{name}: the data of a tensor is outside of the file")
    array = stored.array(tensor)
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ExportError(
            f"{name}: a constant is not a number",
            why=f"a constant of shape {list(array.shape)} holds NaN",
            fix="mend the operation of the model that makes it",
        )
