"""Multiplications with additions of a layer for one example.

They are those of its matrices: of dense, convolutional and recurrent layers, and of the two
products of attention. What works element by element counts as 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras

from zoo.layers import (
    ColumnwiseDense,
    CrossAttention,
    EnsembleDense,
    EnsembleHead,
    SelfAttention,
    TokenEmbedding,
)

if TYPE_CHECKING:
    from zoo_inspect.recording import Call


def count_multiply_adds(call: Call) -> int | None:
    """Count the multiplications with additions of a call, those of the calls inside it left out.

    Returns:
        The number, or ``None`` if the layer has a matrix and is of a kind that is not known.
    """
    found = _attention(call)
    if found is not None:
        return found
    # The two products of any other attention have a size that its weights do not tell.
    return None if call.attention else _matrices(call)


def _attention(call: Call) -> int | None:
    """Return those of ``Q Kᵀ`` and of the weights times ``V``; ``None`` if there is none."""
    layer = call.layer
    if isinstance(layer, keras.layers.Attention | keras.layers.AdditiveAttention):
        queries, keys = call.attention[0].shape[-2:]
        query, value = call.given[:2]
        return int(queries * keys * (query[-1] + value[-1]))
    if isinstance(layer, keras.layers.MultiHeadAttention):
        heads, queries, keys = call.attention[0].shape[1:]
        return int(heads * queries * keys * (layer.key_dim + layer.value_dim))
    if isinstance(layer, keras.layers.GroupQueryAttention):
        return int(2 * math.prod(call.attention[0].shape[1:]) * layer.head_dim)
    if isinstance(layer, SelfAttention):  # its second output is the cache of all keys
        queries, width = call.outputs[0].shape[1:]
        return int(2 * queries * call.outputs[1].shape[1] * width)
    if isinstance(layer, CrossAttention):
        queries, width = call.outputs[0].shape[1:]
        memory = call.given[1]  # a pair of keys and values has the positions last
        keys = memory[1] if len(memory) == 3 else memory[-1]
        return int(2 * queries * keys * width)
    return None


def _matrices(call: Call) -> int | None:
    layer, kinds = call.layer, keras.layers
    parts = {id(weight) for inner in call.inner for weight in inner.layer.weights}
    own = [weight for weight in layer.weights if id(weight) not in parts]
    if all(len(weight.shape) < 2 for weight in own) or not call.outputs:
        return 0
    shape = call.outputs[0].shape[1:]
    size = math.prod(shape)
    if isinstance(layer, kinds.Embedding | TokenEmbedding):
        is_lookup = len(call.given[0]) != len(call.outputs[0].shape) or not _is_float(call.args[0])
        return 0 if is_lookup else int(size * call.given[0][-1])
    if isinstance(layer, kinds.RNN):
        cells = getattr(layer.cell, "cells", [layer.cell])
        known = kinds.LSTMCell | kinds.GRUCell | kinds.SimpleRNNCell
        if not all(isinstance(cell, known) for cell in cells):
            return None
        pairs = [weight for cell in cells for weight in (cell.kernel, cell.recurrent_kernel)]
        return int(call.given[0][1] * sum(math.prod(weight.shape) for weight in pairs))
    if isinstance(layer, kinds.EinsumDense):
        inputs, kernel, output = layer.equation.replace("->", ",").split(",")
        summed = [
            n
            for letter, n in zip(kernel, layer.kernel.shape, strict=True)
            if letter in inputs and letter not in output
        ]
        return int(size * math.prod(summed))
    if isinstance(layer, kinds.Dense | ColumnwiseDense | EnsembleDense):
        return int(size * layer.kernel.shape[-2])
    if isinstance(layer, EnsembleHead):
        return int(size * layer.kernel.shape[-1])
    return _convolution(call, size)


def _convolution(call: Call, size: int) -> int | None:
    """Return those of a convolution: its kernel once for each position and filter."""
    layer, kinds = call.layer, keras.layers
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    if isinstance(layer, kinds.SeparableConv1D | kinds.SeparableConv2D):
        filters = call.outputs[0].shape[-1 if last else 1]
        kernels = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
        return int(size // filters * kernels)
    if isinstance(layer, kinds.DepthwiseConv1D | kinds.DepthwiseConv2D):
        return int(size * math.prod(layer.kernel.shape[:-2]))
    transposed = kinds.Conv1DTranspose | kinds.Conv2DTranspose | kinds.Conv3DTranspose
    if isinstance(layer, transposed):
        # Each position of the input is multiplied with the whole kernel.
        given = math.prod(call.given[0][1:]) // layer.kernel.shape[-1]
        return int(given * math.prod(layer.kernel.shape))
    if isinstance(layer, kinds.Conv1D | kinds.Conv2D | kinds.Conv3D):
        return int(size * math.prod(layer.kernel.shape[:-1]))
    return None


def _is_float(tensor: Any) -> bool:
    return "float" in str(getattr(tensor, "dtype", ""))
