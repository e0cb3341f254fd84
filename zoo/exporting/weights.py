"""Large weights stay out of a conversion, and are put into what comes out of it.

TensorFlow writes a graph with its constants as one message, of at most 2 GB, and tf2onnx copies
that and its own form of it dozens of times. A matrix of a network is only ever multiplied by or
looked up in, so nothing is lost where the conversion sees an input in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.exporting.external_data import stand_in

if TYPE_CHECKING:
    import keras
    import onnx

LARGE = 2**20
"""Bytes from which a weight is left out."""

PREFIX = "weight_left_out_"


@dataclass(frozen=True)
class LeftOut:
    """One weight, and the name of the input that stands for it."""

    name: str
    variable: keras.Variable


def left_out(model: keras.Model, kept: Iterable[str] = (), *, large: int = LARGE) -> list[LeftOut]:
    """Return the matrices of a model that are large.

    Others, such as kernels of convolutions, are laid out anew by the conversion, which must see
    them for that; so are those of recurrent layers, which become one node with all their weights.

    Args:
        model: The model.
        kept: Names of those that the conversion must see as well.
        large: Bytes from which one is large.
    """
    import keras
    import numpy as np

    layers = model._flatten_layers()  # noqa: SLF001 - model.layers has not those inside of others
    recurrent = (layer for layer in layers if isinstance(layer, keras.layers.RNN))
    seen = {id(variable) for layer in recurrent for variable in layer.weights}
    found: dict[int, LeftOut] = {}
    for number, variable in enumerate(model.weights):
        size = int(np.prod(variable.shape)) * np.dtype(np.float32).itemsize
        name = f"{PREFIX}{number}"
        matrix = len(variable.shape) == 2 and str(variable.dtype) == "float32"
        if matrix and size >= large and id(variable) not in seen:
            found.setdefault(id(variable), LeftOut(name, variable))
    return [item for item in found.values() if item.name not in set(kept)]


@dataclass(frozen=True)
class Converted:
    """What a conversion made: unchecked, and with the converter's names.

    Attributes:
        proto: The graph, with stand-ins for the weights that were left out.
        weights: By the location of its stand-in, each weight that was left out.
    """

    proto: onnx.ModelProto
    weights: Mapping[str, keras.Variable]


def put_back(proto: onnx.ModelProto, weights: Sequence[LeftOut]) -> Converted:
    """Turn the inputs that stand for weights into constants without a copy of their elements.

    Args:
        proto: A model; changed in place.
        weights: What :func:`left_out` returned.
    """
    names = {item.name for item in weights}
    inputs = [value for value in proto.graph.input if value.name not in names]
    del proto.graph.input[:]
    proto.graph.input.extend(inputs)
    proto.graph.initializer.extend(stand_in(item.name, item.variable) for item in weights)
    return Converted(proto, {item.name: item.variable for item in weights})


def foldable(proto: onnx.ModelProto, weights: Sequence[LeftOut]) -> set[str]:
    """Return the names of weights from which alone something is computed, such as a transpose.

    A conversion that sees such a weight computes that once, and not at every call.
    """
    names = {item.name for item in weights}
    constants = names | {tensor.name for tensor in proto.graph.initializer}
    found: set[str] = set()
    for node in _nodes(proto.graph):
        read = set(node.input) - {""}
        if read & names and read <= constants:
            found |= read & names
    return found


def _nodes(graph: onnx.GraphProto) -> Iterable[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield from _nodes(inner)


__all__ = ["LARGE", "Converted", "LeftOut", "foldable", "left_out", "put_back"]
