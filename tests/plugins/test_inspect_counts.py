"""Multiply-adds are those that a count by hand gives."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import zoo
from zoo_inspect import inspect

L = keras.layers


def counted(*layers: Any, shape: tuple[int, ...]) -> int | None:
    """Return the multiply-adds of the last of these layers, its parts included."""
    model = keras.Sequential([keras.Input(shape), *layers])
    rows = [row for row in inspect(model).rows if row.path.split("/")[0] == layers[-1].name]
    numbers = [row.multiply_adds for row in rows]
    return None if None in numbers else sum(n for n in numbers if n is not None)


@pytest.mark.parametrize(
    ("layer", "shape", "by_hand"),
    [
        (L.Dense(3), (5,), 5 * 3),
        (L.Dense(3), (7, 5), 7 * 5 * 3),
        (L.EinsumDense("abc,cde->abde", (None, 2, 4)), (7, 5), 7 * 5 * 2 * 4),
        (L.Conv1D(4, 3), (10, 2), 8 * 4 * 3 * 2),
        (L.Conv2D(4, 3), (6, 8, 2), 4 * 6 * 4 * 9 * 2),
        (L.Conv2D(4, 3, strides=2, padding="same"), (6, 8, 2), 3 * 4 * 4 * 9 * 2),
        (L.Conv2D(4, 3, groups=2), (6, 6, 4), 4 * 4 * 4 * 9 * 2),
        (L.Conv2D(4, 3, dilation_rate=2), (6, 6, 1), 2 * 2 * 4 * 9),
        (L.Conv3D(2, 2), (3, 4, 5, 2), 2 * 3 * 4 * 2 * 8 * 2),
        (L.Conv2DTranspose(4, 3, strides=2), (5, 5, 2), 25 * 2 * 9 * 4),
        (L.Conv1DTranspose(4, 3), (5, 2), 5 * 2 * 3 * 4),
        (L.DepthwiseConv2D(3, depth_multiplier=2), (6, 6, 3), 16 * 3 * 2 * 9),
        (L.SeparableConv2D(5, 3, depth_multiplier=2), (6, 6, 3), 16 * (3 * 2 * 9 + 3 * 2 * 5)),
        (L.SimpleRNN(4), (6, 3), 6 * (3 * 4 + 4 * 4)),
        (L.LSTM(4), (6, 3), 6 * 4 * (3 * 4 + 4 * 4)),
        (L.GRU(4), (6, 3), 6 * 3 * (3 * 4 + 4 * 4)),
        (L.GRU(4, reset_after=False), (6, 3), 6 * 3 * (3 * 4 + 4 * 4)),
        (L.Bidirectional(L.LSTM(4)), (6, 3), 2 * 6 * 4 * (3 * 4 + 4 * 4)),
        (L.BatchNormalization(), (6, 3), 0),
        (L.Dropout(0.5), (6, 3), 0),
    ],
)
def test_a_layer_counts_as_by_hand(layer: Any, shape: tuple[int, ...], by_hand: int) -> None:
    assert counted(layer, shape=shape) == by_hand


def test_looking_up_a_row_multiplies_nothing_and_the_way_back_is_a_matrix() -> None:
    ids, vectors = np.array([[1, 2, 3]]), np.ones((1, 3, 4), "float32")
    embed = zoo.layers.TokenEmbedding(9, 4)
    tokens, states = keras.Input((3,), dtype="int32"), keras.Input((3, 4))
    model = keras.Model([tokens, states], [embed(tokens), embed(states, reverse=True)])
    numbers = {row.shape: row.multiply_adds for row in inspect(model, [ids, vectors]).rows}
    assert numbers == {(3, 4): 0, (3, 9): 3 * 4 * 9}
    assert counted(L.Embedding(9, 4), shape=(3,)) == 0


def test_attention_counts_its_projections_and_both_products() -> None:
    x, y = keras.Input((5, 8)), keras.Input((7, 6))
    attention = L.MultiHeadAttention(num_heads=2, key_dim=3, value_dim=4, name="a")
    found = inspect(keras.Model([x, y], attention(x, y)))
    projections = 5 * 8 * 6 + 7 * 6 * 6 + 7 * 6 * 8 + 5 * 8 * 8
    assert found.multiply_adds == projections + 2 * 5 * 7 * (3 + 4)
    assert found.attention["a"].shape == (1, 2, 5, 7)

    plain = inspect(keras.Model([x, y], L.Attention()([L.Dense(6)(x), y])))
    assert plain.rows[-1].multiply_adds == 5 * 7 * (6 + 6)

    shared = L.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    z = keras.Input((7, 8))
    grouped = inspect(keras.Model([x, z], shared(x, z)))
    projections = 5 * 8 * 12 + 2 * 7 * 8 * 6 + 5 * 12 * 8
    assert grouped.multiply_adds == projections + 2 * 4 * 5 * 7 * 3


def test_the_attention_layers_of_the_zoo_count_the_same() -> None:
    x = keras.Input((5, 8))
    both = zoo.layers.SelfAttention(2)(x)[0]
    assert inspect(keras.Model(x, both)).multiply_adds == 5 * 8 * 32 + 2 * 5 * 5 * 8

    memory = keras.Input((7, 16))
    crossed = zoo.layers.CrossAttention(2)(x, memory)
    assert inspect(keras.Model([x, memory], crossed)).multiply_adds == 5 * 8 * 16 + 2 * 5 * 7 * 8


def test_attention_weights_of_keras_are_those_that_it_used() -> None:
    x = keras.Input((5, 8))
    attention = L.MultiHeadAttention(2, 4, name="a")
    model = keras.Model(x, attention(x, x, use_causal_mask=True))
    given = np.random.default_rng(0).normal(size=(1, 5, 8)).astype("float32")
    found = inspect(model, given)
    weights = found.attention["a"]
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)
    assert not np.triu(weights[0, 0], 1).any()
    mixed = np.einsum("bhqk,bkhd->bqhd", weights, found.outputs["a/value"])
    kernel, bias = attention._output_dense.kernel, attention._output_dense.bias
    wanted = np.einsum("bqhd,hdo->bqo", mixed, kernel) + bias
    np.testing.assert_allclose(found.outputs["a"], wanted, atol=1e-5)


class Own(L.Layer):
    """A layer with a matrix whose use nobody knows."""

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(name="table", shape=(shape[-1], 2))

    def call(self, x: Any) -> Any:
        return x + keras.ops.mean(self.table)


def test_what_is_not_known_is_not_counted_and_said() -> None:
    found = inspect(keras.Sequential([keras.Input((3,)), Own(name="own"), L.Dense(2)]))
    assert [row.multiply_adds for row in found.rows] == [None, 6]
    assert "those of 1 layer not counted" in found.summary
