"""Gates and states of recurrent layers are those from which the layer made its outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from zoo_inspect import inspect

L = keras.layers
STEPS = 7


def series(seed: int = 0) -> Any:
    """Return two series of three numbers a step, with masked steps at the end, start and middle."""
    x = np.random.default_rng(seed).normal(size=(2, STEPS, 3)).astype("float32")
    x[0, 5:] = x[1, :2] = x[1, 4] = 0
    return x


def model(layer: Any, *, masked: bool) -> keras.Model:
    """Return a model of one recurrent layer, with weights that drive its gates apart."""
    before = [L.Masking()] if masked else []
    found = keras.Sequential([keras.Input((STEPS, 3)), *before, layer])
    random = np.random.default_rng(1)
    for weight in found.trainable_weights:
        weight.assign(random.normal(0, 0.7, weight.shape))
    return found


LAYERS: dict[str, Callable[..., Any]] = {
    "LSTM": lambda **options: L.LSTM(4, **options),
    "LSTM with other activations": lambda **options: L.LSTM(
        4, "relu", "hard_sigmoid", use_bias=False, **options
    ),
    "GRU": lambda **options: L.GRU(4, **options),
    "GRU that resets before": lambda **options: L.GRU(4, reset_after=False, **options),
    "GRU without bias": lambda **options: L.GRU(4, use_bias=False, **options),
    "SimpleRNN": lambda **options: L.SimpleRNN(4, **options),
    "RNN of a cell": lambda **options: L.RNN(L.LSTMCell(4), **options),
}


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("kind", LAYERS)
def test_hidden_states_are_the_outputs_of_the_layer(
    kind: str, backwards: bool, masked: bool
) -> None:
    layer = LAYERS[kind](return_sequences=True, go_backwards=backwards)
    found = inspect(model(layer, masked=masked), series())
    states = found.states[layer.name]

    np.testing.assert_allclose(
        states.values["hidden state"], found.outputs[layer.name], rtol=1e-5, atol=2e-6
    )
    order = states.by_position("hidden state")
    first = order[:, -1] if backwards else order[:, 0]
    np.testing.assert_array_equal(first, states.values["hidden state"][:, 0])


@pytest.mark.parametrize("kind", LAYERS)
def test_the_last_states_are_those_that_the_layer_returns(kind: str) -> None:
    layer = LAYERS[kind](return_state=True)
    x = keras.Input((STEPS, 3))
    whole = keras.Model(x, layer(L.Masking()(x)))
    given = series()
    states = inspect(whole, given).states[layer.name]
    names = ["hidden state", "cell state"]
    for name, wanted in zip(names, whole(given)[1:], strict=False):
        np.testing.assert_allclose(states.values[name][:, -1], wanted, rtol=1e-5, atol=2e-6)


def test_the_gates_of_an_lstm_are_those_of_its_equations() -> None:
    layer = L.LSTM(4, name="memory")
    states = inspect(model(layer, masked=False), series()).states["memory"]
    values = states.values
    before = np.concatenate([np.zeros((2, 1, 4)), values["cell state"][:, :-1]], axis=1)
    kept = values["forget gate"] * before + values["input gate"] * values["candidate"]
    np.testing.assert_allclose(values["cell state"], kept, rtol=1e-5, atol=1e-6)
    given = values["output gate"] * np.tanh(values["cell state"])
    np.testing.assert_allclose(values["hidden state"], given, rtol=1e-5, atol=1e-6)


def test_masked_steps_keep_the_state_and_have_no_gates() -> None:
    layer = L.LSTM(4, name="memory")
    states = inspect(model(layer, masked=True), series()).states["memory"]

    assert states.mask is not None
    np.testing.assert_array_equal(states.mask[0], [True] * 5 + [False] * 2)
    assert not states.values["input gate"][~states.mask].any()
    kept = states.values["cell state"][0]
    np.testing.assert_array_equal(kept[5:], kept[[4, 4]])


@pytest.mark.parametrize("masked", [False, True])
def test_both_directions_are_shown_and_make_the_output(masked: bool) -> None:
    layer = L.Bidirectional(L.GRU(4, return_sequences=True), name="both")
    found = inspect(model(layer, masked=masked), series())
    forward, backward = found.states.values()

    assert not forward.backwards and backward.backwards
    hidden = [one.by_position("hidden state") for one in (forward, backward)]
    wanted = np.concatenate(hidden, axis=-1)
    if forward.mask is not None:  # Keras gives 0 at masked steps, and keeps the state
        wanted = wanted * forward.mask[..., None]
    np.testing.assert_allclose(found.outputs["both"], wanted, rtol=1e-5, atol=2e-6)


def test_a_state_that_is_given_or_kept_is_where_the_layer_starts() -> None:
    x, h = keras.Input((STEPS, 3)), keras.Input((4,))
    layer = L.GRU(4, return_sequences=True, name="decoder")
    found = inspect(
        keras.Model([x, h], layer(x, initial_state=h)), [series(), np.ones((2, 4), "float32")]
    )
    hidden = found.states["decoder"].values["hidden state"]
    np.testing.assert_allclose(hidden, found.outputs["decoder"], rtol=1e-5, atol=2e-6)

    keeping = L.LSTM(4, stateful=True, return_sequences=True, name="keeping")
    whole = keras.Sequential([keras.Input(batch_shape=(2, STEPS, 3)), keeping])
    whole(series())
    before = [state.numpy() for state in keeping.states]
    found = inspect(whole, series(1))
    hidden = found.states["keeping"].values["hidden state"]
    np.testing.assert_allclose(hidden, found.outputs["keeping"], rtol=1e-5, atol=2e-6)
    for state, old in zip(keeping.states, before, strict=True):
        np.testing.assert_array_equal(state.numpy(), old)


def test_cells_of_other_kinds_are_left_out_and_the_rest_is_shown() -> None:
    stacked = L.RNN([L.LSTMCell(4), L.LSTMCell(2)], name="stacked")
    found = inspect(model(stacked, masked=False), series())
    assert not found.states and found.rows[0].shape == (2,)
    assert found.rows[0].multiply_adds == STEPS * (16 * (3 + 4) + 8 * (4 + 2))


def test_the_page_shows_the_gates_over_time() -> None:
    page = inspect(model(L.GRU(4, name="memory"), masked=True), series()).html()
    assert "memory: over time" in page and "update gate" in page and "the step is masked" in page
    broken = model(L.GRU(4, name="memory"), masked=False)
    broken.layers[0].cell.kernel.assign(np.full((3, 12), np.nan))
    assert "is not finite" in inspect(broken, series()).html()
