"""An ensemble in one network computes what as many networks would."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from zoo.config import OptimizerConfig
from zoo.layers import EnsembleDense, EnsembleHead, make_optimizer

RANDOM = np.random.default_rng(0)


def numpy(value: object) -> np.ndarray:
    return keras.ops.convert_to_numpy(value)


@pytest.mark.parametrize("first", [True, False])
def test_a_member_is_a_dense_layer_with_scales_of_its_own(first: bool) -> None:
    layer = EnsembleDense(4, members=3, first=first)
    shape = (5, 6) if first else (5, 3, 6)
    values = RANDOM.normal(size=shape).astype("float32")
    layer(values)
    layer.set_weights([RANDOM.normal(size=w.shape) for w in layer.get_weights()])
    found = numpy(layer(values))
    assert found.shape == layer.compute_output_shape(shape) == (5, 3, 4)
    r, s = numpy(layer.gamma_in), numpy(layer.gamma_out)
    for member in range(3):
        own = values if first else values[:, member]
        expected = ((own * r[member]) @ numpy(layer.kernel)) * s[member]
        expected = expected + numpy(layer.bias)[member]
        np.testing.assert_allclose(found[:, member], expected, atol=1e-5)
    twin = EnsembleDense.from_config(layer.get_config())
    twin(values)
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(numpy(twin(values)), found)


def test_members_part_by_signs_in_the_first_layer_and_nowhere_else() -> None:
    first, later, alone = (
        EnsembleDense(4, members=16, first=True),
        EnsembleDense(4, members=16),
        EnsembleDense(4, members=1, first=True),
    )
    first(np.zeros((1, 50), "float32"))
    later(np.zeros((1, 16, 50), "float32"))
    alone(np.zeros((1, 50), "float32"))
    signs = numpy(first.gamma_in)
    assert set(np.unique(signs)) == {-1.0, 1.0} and abs(signs.mean()) < 0.2
    assert (numpy(later.gamma_in) == 1).all() and (numpy(alone.gamma_in) == 1).all()
    assert np.ptp(numpy(first.bias), axis=0).max() == 0


def test_members_draw_others_with_another_seed_and_the_same_with_the_same() -> None:
    drawn = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        layer = EnsembleDense(4, members=8, first=True)
        layer(np.zeros((1, 20), "float32"))
        drawn.append(numpy(layer.gamma_in))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_a_head_gives_each_member_weights_that_no_other_has() -> None:
    layer = EnsembleHead()
    values = RANDOM.normal(size=(5, 3, 6)).astype("float32")
    found = numpy(layer(values))
    assert found.shape == layer.compute_output_shape((5, 3, 6)) == (5, 3)
    expected = (values * numpy(layer.kernel)).sum(axis=-1) + numpy(layer.bias)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_only_matrices_decay() -> None:
    layers = [EnsembleDense(2, members=2, first=True), EnsembleHead()]
    model = keras.Sequential([keras.Input((3,)), *layers])
    optimizer = make_optimizer(OptimizerConfig(weight_decay=0.1))
    optimizer.build(model.trainable_variables)
    decayed = {v.name for v in model.trainable_variables if optimizer._use_weight_decay(v)}
    assert decayed == {"kernel"}
