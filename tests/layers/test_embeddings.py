"""Embeddings of numeric columns are their equations, and learn from the training split alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from zoo.layers import ColumnwiseDense, PeriodicEncoding, PiecewiseLinearEncoding

RANDOM = np.random.default_rng(0)


def numpy(value: object) -> np.ndarray:
    return keras.ops.convert_to_numpy(value)


def again(layer: keras.layers.Layer, values: np.ndarray) -> np.ndarray:
    twin = type(layer).from_config(layer.get_config())
    twin(values)
    twin.set_weights(layer.get_weights())
    return numpy(twin(values))


def test_a_periodic_encoding_is_cosine_and_sine_of_turns() -> None:
    layer = PeriodicEncoding(frequencies=5, scale=0.7)
    values = RANDOM.normal(size=(6, 3)).astype("float32")
    found = numpy(layer(values))
    assert found.shape == layer.compute_output_shape((6, 3)) == (6, 3, 10)
    angle = 2 * np.pi * values[..., None] * numpy(layer.gamma)
    np.testing.assert_allclose(found[..., :5], np.cos(angle), atol=1e-5)
    np.testing.assert_allclose(found[..., 5:], np.sin(angle), atol=1e-5)
    np.testing.assert_array_equal(again(layer, values), found)


def test_a_periodic_encoding_stands_still_far_outside() -> None:
    layer = PeriodicEncoding()
    far = np.array([[8.0], [9.0], [1e6]], "float32")
    found = numpy(layer(far))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_the_frequencies_start_with_their_scale() -> None:
    layer = PeriodicEncoding(frequencies=2000, scale=0.25)
    layer(np.zeros((1, 2), "float32"))
    assert numpy(layer.gamma).std() == pytest.approx(0.25, rel=0.05)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=60),
    st.integers(2, 9),
)
def test_a_piecewise_linear_encoding_rises_from_the_least_to_the_largest_value(
    column: list[float], bins: int
) -> None:
    values = np.array(column, "float32")[:, None]
    layer = PiecewiseLinearEncoding(bins)
    layer(values)
    layer.adapt(values)
    order = np.sort(values, axis=0)
    found = numpy(layer(order))[:, 0].astype("float64")
    assert found.min() >= 0 and found.max() <= 1
    assert (np.diff(found, axis=0) >= -1e-4).all()
    np.testing.assert_allclose(found[0], 0, atol=1e-3)
    used = int((found[-1] > 0.5).sum())
    assert (found[-1, :used] > 0.99).all() and (found[-1, used:] == 0).all()
    assert used <= min(bins, len(set(column)) - 1)
    spread = max(column) - min(column)
    assert used >= 1 or spread <= 1e-30


def test_the_bins_lie_between_quantiles_and_missing_values_do_not_count() -> None:
    values = np.array([[0.0], [1], [2], [4], [np.nan]], "float32")
    layer = PiecewiseLinearEncoding(3)
    layer(np.zeros((1, 1), "float32"))
    layer.adapt(values)
    found = numpy(layer(np.array([[3.0], [-5], [99]], "float32")))[:, 0]
    np.testing.assert_allclose(found, [[1, 1, 0.5], [0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(again(layer, values[:4]), numpy(layer(values[:4])))


def test_columns_have_dense_layers_of_their_own() -> None:
    layer = ColumnwiseDense(4)
    values = RANDOM.normal(size=(5, 3, 2)).astype("float32")
    found = numpy(layer(values))
    assert found.shape == layer.compute_output_shape((5, 3, 2)) == (5, 3, 4)
    for column in range(3):
        kernel, bias = numpy(layer.kernel)[column], numpy(layer.bias)[column]
        expected = np.maximum(values[:, column] @ kernel + bias, 0)
        np.testing.assert_allclose(found[:, column], expected, atol=1e-5)
    np.testing.assert_array_equal(again(layer, values), found)
