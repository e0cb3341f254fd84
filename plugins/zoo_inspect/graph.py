"""Graph of the layers of a functional or sequential model."""

from __future__ import annotations

from typing import Any

import keras

from zoo.metrics.figures import Graph

MOST_NODES = 60
"""A graph of more is too large to be read, and is not drawn."""


def layer_graph(model: keras.Model) -> Graph | None:
    """Return the graph of a model, the operations between layers included.

    ``None`` if it is no graph, as a subclass of ``keras.Model`` is, or has too many nodes. A layer
    that is called several times is a node a call.
    """
    outputs = keras.tree.flatten(getattr(model, "outputs", None) or [])
    if not outputs or not hasattr(outputs[0], "_keras_history"):
        return None
    if len(getattr(model, "operations", model.layers)) > MOST_NODES:
        return None
    nodes: dict[Any, int] = {}
    texts: list[tuple[str, str]] = []
    edges: list[tuple[int, int]] = []
    given = {id(tensor) for tensor in model.inputs}

    def visit(tensor: Any) -> int:
        # Keras has no public way from a tensor to what made it; its own plot_model goes this way.
        history = tensor._keras_history  # noqa: SLF001
        key = (id(history.operation), history.node_index)
        if key in nodes:
            return nodes[key]
        before = []
        if id(tensor) not in given:
            made = history.operation._inbound_nodes[history.node_index]  # noqa: SLF001
            before = [visit(one) for one in made.input_tensors]
        nodes[key] = place = len(texts)
        shape = " × ".join("any" if size is None else str(size) for size in tensor.shape[1:])
        texts.append((history.operation.name, f"{type(history.operation).__name__} {shape}"))
        edges.extend((one, place) for one in sorted(set(before)))
        return place

    for tensor in [*model.inputs, *outputs]:
        visit(tensor)
    if len(texts) > MOST_NODES:
        return None
    return Graph(
        title="Graph",
        caption="Each box has the name, the kind and the output of a layer, without the batch.",
        nodes=tuple(texts),
        edges=tuple(edges),
    )
