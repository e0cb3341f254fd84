"""Gates and hidden states of recurrent layers over time.

Keras returns the outputs of a recurrent layer alone. Its gates are computed again here from its
input and its weights, step by step, with the equations of Keras:

- LSTM (Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000):
  ``c' = f c + i tanh(W_c x + U_c h + b_c)``, ``h' = o tanh(c')``;
- GRU (Cho et al. 2014, arXiv:1406.1078): ``h' = z h + (1 - z) n``, with the reset gate before or
  after the product with the recurrent kernel;
- SimpleRNN (Elman 1990): ``h' = tanh(W x + U h + b)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

if TYPE_CHECKING:
    from zoo_inspect.recording import Call

Array = np.ndarray[Any, Any]
_Step = Callable[[Array, list[Array]], tuple[dict[str, Array], list[Array]]]


@dataclass(frozen=True)
class States:
    """Gates and states of a recurrent layer.

    Attributes:
        values: Arrays `(batch, time, units)` by name: gates, ``candidate``, ``cell state`` and
            ``hidden state``, in the order in which the layer took the steps.
        backwards: Whether it took them from the end of the sequence.
        mask: Which steps count, bool `(batch, time)` in the same order; ``None`` for all. At the
            others the state stays, and the gates are 0.
    """

    values: Mapping[str, Array]
    backwards: bool
    mask: Array | None

    def by_position(self, name: str) -> Array:
        """Return values in the order of the sequence, whatever that of the steps was."""
        found = self.values[name]
        return found[:, ::-1] if self.backwards else found

    @property
    def mask_by_position(self) -> Array | None:
        """The mask in the order of the sequence."""
        return self.mask if self.mask is None or not self.backwards else self.mask[:, ::-1]


def recurrent_states(call: Call) -> States | None:
    """Return the gates and states of a call of an LSTM, GRU or SimpleRNN layer.

    ``None`` for any other layer: cells of one's own, stacked cells, and convolutional ones.
    """
    layer = call.layer
    if not isinstance(layer, keras.layers.RNN):
        return None
    cell = layer.cell
    makers: dict[type, Callable[[Any], _Step]] = {
        keras.layers.LSTMCell: _lstm,
        keras.layers.GRUCell: _gru,
        keras.layers.SimpleRNNCell: _simple,
    }
    make = makers.get(type(cell))
    if make is None:
        return None
    x, step = _numpy(call.args[0]), make(cell)
    mask = _mask(call)
    if layer.go_backwards:
        x, mask = x[:, ::-1], None if mask is None else mask[:, ::-1]
    state = _initial(call, len(x))
    rows: list[dict[str, Array]] = []
    for time in range(x.shape[1]):
        found, after = step(x[:, time], state)
        if mask is not None:
            kept = mask[:, time, None]
            after = [np.where(kept, new, old) for new, old in zip(after, state, strict=True)]
            found = {name: np.where(kept, value, 0) for name, value in found.items()}
        state = after
        names = ("hidden state", "cell state")
        rows.append(found | dict(zip(names, state, strict=False)))
    values = {name: np.stack([row[name] for row in rows], axis=1) for name in rows[0]}
    return States(values, bool(layer.go_backwards), mask)


def _mask(call: Call) -> Array | None:
    found = call.kwargs.get("mask")
    if found is None:  # Keras hands masks on as an attribute of the tensor
        found = getattr(call.args[0], "_keras_mask", None)
    if isinstance(found, list | tuple):
        found = found[0]
    return None if found is None else _numpy(found).astype(bool)


def _initial(call: Call, batch: int) -> list[Array]:
    given = call.kwargs.get("initial_state")
    if given is None and len(call.args) > 1:
        given = call.args[1]
    if given is not None:
        return [_numpy(leaf) for leaf in keras.tree.flatten(given)]
    if call.states is not None:
        return call.states
    sizes = keras.tree.flatten(call.layer.cell.state_size)
    return [np.zeros((batch, size), call.layer.compute_dtype) for size in sizes]


def _lstm(cell: Any) -> _Step:
    kernel, recurrent = _numpy(cell.kernel), _numpy(cell.recurrent_kernel)
    bias = _numpy(cell.bias) if cell.use_bias else 0
    gate, activation = _function(cell.recurrent_activation), _function(cell.activation)

    def step(x: Array, state: list[Array]) -> tuple[dict[str, Array], list[Array]]:
        h, c = state
        i, f, n, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
        i, f, n, o = gate(i), gate(f), activation(n), gate(o)
        c = f * c + i * n
        found = {"input gate": i, "forget gate": f, "output gate": o, "candidate": n}
        return found, [o * activation(c), c]

    return step


def _gru(cell: Any) -> _Step:
    kernel, recurrent = _numpy(cell.kernel), _numpy(cell.recurrent_kernel)
    bias, recurrent_bias = np.zeros((2, kernel.shape[1]), kernel.dtype)
    if cell.use_bias and cell.reset_after:
        bias, recurrent_bias = _numpy(cell.bias)
    elif cell.use_bias:
        bias = _numpy(cell.bias)
    units = cell.units
    gate, activation = _function(cell.recurrent_activation), _function(cell.activation)

    def step(x: Array, state: list[Array]) -> tuple[dict[str, Array], list[Array]]:
        (h,) = state
        xz, xr, xn = np.split(x @ kernel + bias, 3, axis=-1)
        if cell.reset_after:
            hz, hr, hn = np.split(h @ recurrent + recurrent_bias, 3, axis=-1)
            z, r = gate(xz + hz), gate(xr + hr)
            n = activation(xn + r * hn)
        else:
            hz, hr = np.split(h @ recurrent[:, : 2 * units], 2, axis=-1)
            z, r = gate(xz + hz), gate(xr + hr)
            n = activation(xn + (r * h) @ recurrent[:, 2 * units :])
        return {"update gate": z, "reset gate": r, "candidate": n}, [z * h + (1 - z) * n]

    return step


def _simple(cell: Any) -> _Step:
    kernel, recurrent = _numpy(cell.kernel), _numpy(cell.recurrent_kernel)
    bias = _numpy(cell.bias) if cell.use_bias else 0
    activation = _function(cell.activation)

    def step(x: Array, state: list[Array]) -> tuple[dict[str, Array], list[Array]]:
        return {}, [activation(x @ kernel + state[0] @ recurrent + bias)]

    return step


def _function(activation: Any) -> Callable[[Array], Array]:
    return lambda x: _numpy(activation(ops.convert_to_tensor(x)))


def _numpy(tensor: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(tensor))
