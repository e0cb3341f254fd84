"""Record what every layer gives in one call of a model, on any backend, without changing the model.

A call of a Keras layer goes through ``keras.layers.Layer.__call__``, whoever calls it: a functional
model, a sequential one, or the ``call`` of a subclass. While a recording lasts, this method also
notes the layer, its place in the tree of calls, its arguments and its outputs. What a call changes,
such as the state of a recurrent layer that keeps it, gets its old values back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

Array = np.ndarray[Any, Any]

ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
"""Layers of Keras whose attention has heads."""

SINGLE_ATTENTION = (keras.layers.Attention, keras.layers.AdditiveAttention)
"""Layers of Keras whose attention has none."""


@dataclass
class Call:
    """One call of a layer.

    Attributes:
        layer: The layer.
        path: Its name after those of the layers that called it: ``encoder/dense_1``; with a number
            from the second call on.
        depth: Number of layers that called it, the model left out.
        args: What it was called with.
        kwargs: What it was called with by name.
        outputs: What it gave, arrays.
        inputs: What it was called with, arrays; empty unless they are asked for.
        attention: Attention weights that were computed in it, `(batch, heads, queries, keys)`.
        states: State of a recurrent layer before the call, if it keeps one.
        inner: The calls that it made.
    """

    layer: keras.layers.Layer
    path: str
    depth: int
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: list[Array] = field(default_factory=list)
    inputs: list[Array] = field(default_factory=list)
    attention: list[Array] = field(default_factory=list)
    states: list[Array] | None = None
    inner: list[Call] = field(default_factory=list)

    @property
    def given(self) -> list[tuple[int, ...]]:
        """Shapes of the tensors that it was called with, in order."""
        leaves = keras.tree.flatten([self.args, dict(self.kwargs)])
        return [tuple(leaf.shape) for leaf in leaves if _is_tensor(leaf)]


def record_calls(
    model: keras.Model, inputs: Any, *, training: bool = False, with_inputs: bool = False
) -> tuple[list[Call], Any]:
    """Call a model, and return the calls of its layers in order, and its outputs."""
    calls: list[Call] = []
    stack: list[Call] = []
    seen: dict[tuple[str, int], int] = {}
    original, softmax = keras.layers.Layer.__call__, ops.softmax
    watching = True

    def call_layer(self: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        nonlocal watching
        # A recurrent layer calls its cell at every step, and counts as a whole.
        inside_rnn = bool(stack) and isinstance(stack[-1].layer, keras.layers.RNN)
        if self is model or inside_rnn or not watching:
            return original(self, *args, **kwargs)
        prefix = f"{stack[-1].path}/" if stack else ""
        path = prefix + self.name
        number = seen[path, id(self)] = seen.get((path, id(self)), 0) + 1
        path = path if number == 1 else f"{path}#{number}"
        call = Call(self, path, len(stack), args, kwargs, states=_states(self))
        if stack:
            stack[-1].inner.append(call)
        if with_inputs:
            tensors = [leaf for leaf in keras.tree.flatten((args, kwargs)) if _is_tensor(leaf)]
            call.inputs = [_to_numpy(tensor) for tensor in tensors]
        calls.append(call)
        stack.append(call)
        try:
            outputs = original(self, *args, **kwargs)
            if not training and isinstance(self, ATTENTION + SINGLE_ATTENTION):
                # Keras computes them in one kernel, which returns no weights: it is asked again.
                watching = False
                again = {**kwargs, "return_attention_scores": True}
                call.attention = [_with_heads(_to_numpy(original(self, *args, **again)[1]))]
        finally:
            watching = True
            stack.pop()
        call.outputs = [_to_numpy(leaf) for leaf in keras.tree.flatten(outputs) if _is_tensor(leaf)]
        return outputs

    def call_softmax(x: Any, axis: int = -1) -> Any:
        outputs = softmax(x, axis=axis)
        if stack and watching and len(outputs.shape) == 4 and axis == -1:
            stack[-1].attention.append(_to_numpy(outputs))
        return outputs

    if not model.built:
        model(inputs, training=False)  # the first call of a subclass builds its layers
    with _kept_state(model, calls), _replaced(call_layer, call_softmax):
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


@contextmanager
def _kept_state(model: keras.Model, calls: list[Call]) -> Iterator[None]:
    """Give the variables that training does not change, and states, their old values back."""
    before = [(variable, _to_numpy(variable)) for variable in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, old in before:
            if not np.array_equal(_to_numpy(variable), old):
                variable.assign(old)
        for call in reversed(calls):  # the states of recurrent layers are not among the variables
            kept = keras.tree.flatten(call.layer.states) if call.states else []
            for state, old in zip(kept, call.states or [], strict=True):
                state.assign(old)


def _states(layer: keras.layers.Layer) -> list[Array] | None:
    states = getattr(layer, "states", None) if getattr(layer, "stateful", False) else None
    return None if states is None else [_to_numpy(leaf) for leaf in keras.tree.flatten(states)]


def _with_heads(weights: Array) -> Array:
    return weights if weights.ndim == 4 else weights[:, None]


def _is_tensor(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype")


def _to_numpy(tensor: Any) -> Array:
    # A copy: on some backends the array would share the memory of a variable.
    return np.array(ops.convert_to_numpy(tensor))
