"""What must be true of a graph before anything runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import ExportError, Unsupported
from zoo.exporting.external_data import Stored, lies_outside
from zoo.runtime.onnx_reader import inspect_graph

if TYPE_CHECKING:
    import onnx

_RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}


def check_structure(stored: Stored, name: str) -> None:
    """Check a graph before anything runs it.

    The checker of onnx passes unknown domains and non-finite weights, so those are looked for
    first.

    Raises:
        Unsupported: If it has an operator that is not standard ONNX, or a random one.
        ExportError: If a weight is not finite, or the checks of onnx fail.
    """
    import onnx

    proto, file = stored.proto, stored.file
    opset = proto.opset_import[0].version
    for graph in _graphs(proto.graph):
        for node in graph.node:
            if node.domain not in ("", "ai.onnx") or not _known(node.op_type, opset):
                raise Unsupported(
                    f"{name}: the operator {node.op_type!r} is not standard ONNX",
                    why="tf2onnx left it as it found it in the TensorFlow graph",
                    fix="replace the layer that makes it",
                )
            if node.op_type in _RANDOM:
                raise Unsupported(
                    f"{name}: the graph is random ({node.op_type})",
                    why="augmentation or dropout is on, or the model samples",
                    fix="let random layers do nothing when training is false",
                )
        for tensor in _tensors(graph):
            _check_finite(stored, tensor, name)
    if file.path is None:
        inspect_graph(file.raw, name)
    try:
        # By its path, the checker looks at what lies beside the graph, too.
        onnx.checker.check_model(proto if file.path is None else str(file.path), full_check=True)
        onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    except Exception as error:  # the checker and the shape inference have a type each
        raise ExportError(
            f"{name} is no valid ONNX graph",
            why=" ".join(str(error).split())[:400],
            fix="report the model's configuration; the converter wrote a wrong graph",
        ) from error


def _known(operator: str, opset: int) -> bool:
    import onnx

    return bool(onnx.defs.has(operator, opset, "")) if operator else False


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)
            for inner in attribute.graphs:
                yield from _graphs(inner)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _check_finite(stored: Stored, tensor: onnx.TensorProto, name: str) -> None:
    if lies_outside(tensor) and tensor.name not in stored.places:
        raise Unsupported(f"{name}: a tensor's data lies outside the file")
    array = stored.array(tensor)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ExportError(
            f"{name}: the weights are not finite",
            why=f"a constant of shape {list(array.shape)} holds NaN or infinity",
            fix="train again, with a lower learning rate",
        )


__all__ = ["check_structure"]
