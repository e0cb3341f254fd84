"""Record what every layer gives in one call of a model, on any backend, without changing the model.

A call of a Keras layer goes through ``keras.layers.Layer.__call__``, whoever calls it: a functional
model, a sequential one, or the ``call`` of a subclass. While a recording lasts, this method also
notes the layer, its place in the tree of calls, and its outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops


@dataclass
class Call:
    """One call of a layer.

    Attributes:
        layer: The layer.
        path: Its name after those of the layers that called it: ``encoder/dense_1``; with a number
            from the second call on.
        depth: Number of layers that called it, the model left out.
        outputs: What it gave, arrays.
        inputs: What it was called with, arrays; empty unless they are asked for.
        attention: Softmaxes over a last axis of positions that were computed in it,
            `(batch, heads, queries, keys)`.
        steps: Length of its first input, for a layer over time.
        inner: Whether it called other layers.
    """

    layer: keras.layers.Layer
    path: str
    depth: int
    outputs: list[np.ndarray[Any, Any]] = field(default_factory=list)
    inputs: list[np.ndarray[Any, Any]] = field(default_factory=list)
    attention: list[np.ndarray[Any, Any]] = field(default_factory=list)
    steps: int | None = None
    inner: bool = False


def record_calls(
    model: keras.Model, inputs: Any, *, training: bool = False, with_inputs: bool = False
) -> tuple[list[Call], Any]:
    """Call a model, and return the calls of its layers in order, and its outputs."""
    calls: list[Call] = []
    stack: list[Call] = []
    seen: dict[tuple[str, int], int] = {}
    original, softmax = keras.layers.Layer.__call__, ops.softmax

    def call_layer(self: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        # A recurrent layer calls its cell at every step, and counts as a whole.
        if self is model or (stack and isinstance(stack[-1].layer, keras.layers.RNN)):
            return original(self, *args, **kwargs)
        prefix = f"{stack[-1].path}/" if stack else ""
        path = prefix + self.name
        number = seen[path, id(self)] = seen.get((path, id(self)), 0) + 1
        call = Call(self, path if number == 1 else f"{path}#{number}", len(stack))
        if stack:
            stack[-1].inner = True
        if args and len(getattr(args[0], "shape", ())) == 3:
            call.steps = int(args[0].shape[1])
        if with_inputs:
            tensors = [leaf for leaf in keras.tree.flatten((args, kwargs)) if _is_tensor(leaf)]
            call.inputs = [_to_numpy(tensor) for tensor in tensors]
        calls.append(call)
        stack.append(call)
        try:
            outputs = original(self, *args, **kwargs)
        finally:
            stack.pop()
        call.outputs = [_to_numpy(leaf) for leaf in keras.tree.flatten(outputs) if _is_tensor(leaf)]
        return outputs

    def call_softmax(x: Any, axis: int = -1) -> Any:
        outputs = softmax(x, axis=axis)
        if stack and len(outputs.shape) == 4 and axis == -1:
            stack[-1].attention.append(_to_numpy(outputs))
        return outputs

    if not model.built:
        model(inputs, training=False)  # the first call of a subclass builds its layers
    with _replaced(call_layer, call_softmax):
        found = model(inputs, training=training)
    return calls, found


@contextmanager
def _replaced(call_layer: Any, call_softmax: Any) -> Iterator[None]:
    original, softmax = keras.layers.Layer.__call__, ops.softmax
    keras.layers.Layer.__call__ = call_layer
    ops.softmax = call_softmax
    try:
        yield
    finally:
        keras.layers.Layer.__call__ = original
        ops.softmax = softmax


def _is_tensor(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype")


def _to_numpy(tensor: Any) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = ops.convert_to_numpy(tensor)
    return found
