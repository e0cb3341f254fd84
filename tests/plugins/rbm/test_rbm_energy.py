"""Energy, free energy and conditionals, against sums over every state."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tests.plugins.rbm.tiny import CLASSES, base_of, states, table, tiny_rbm, visible_states
from zoo_rbm.energy import Energy

KINDS = {"binary": {}, "classes": {"classes": CLASSES}}


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 3))
@settings(max_examples=15, deadline=None)
def test_the_energies_are_those_of_the_definition(kind: str, seed: int, scale: float) -> None:
    energy = tiny_rbm(seed, scale=scale, **KINDS[kind])
    v, h, wanted = table(energy)

    pairs = [[energy.energy(x, y) for y in h] for x in v]
    np.testing.assert_allclose(pairs, wanted, rtol=1e-4, atol=1e-4)
    free = -np.log(np.exp(-wanted).sum(axis=1))
    np.testing.assert_allclose(energy.free_energy(v), free, rtol=1e-4, atol=1e-4)
    other = -np.log(np.exp(-wanted).sum(axis=0))
    np.testing.assert_allclose(energy.hidden_free_energy(h), other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_conditional_means_are_those_of_the_joint_distribution(kind: str) -> None:
    energy = tiny_rbm(3, **KINDS[kind])
    v, h, cost = table(energy)
    joint = np.exp(-cost)
    given_v = joint / joint.sum(axis=1, keepdims=True)
    given_h = joint / joint.sum(axis=0, keepdims=True)

    np.testing.assert_allclose(energy.hidden_mean(v), given_v @ h, atol=1e-5)
    np.testing.assert_allclose(energy.visible_mean(h), given_h.T @ v, atol=1e-5)


def test_class_probabilities_are_those_of_the_joint_distribution() -> None:
    energy = tiny_rbm(4, classes=CLASSES)
    v, _, cost = table(energy)
    chances = np.exp(-cost).sum(axis=1).reshape(-1, CLASSES)
    own = v[::CLASSES, :-CLASSES]
    odds = energy.class_log_odds(own)
    said = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)

    np.testing.assert_allclose(said, chances / chances.sum(axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(
        energy.marginal_free_energy(own), -np.log(chances.sum(axis=1)), atol=1e-4
    )


def test_gaussian_units_have_the_mean_and_precision_of_their_density() -> None:
    energy = tiny_rbm(5, gaussian=True)
    h = states(energy.hidden)[[3, 9]]
    grid = np.linspace(-12, 12, 20_001, dtype="float32")
    for unit in range(energy.visible):
        v = np.zeros((len(grid), energy.visible), "float32")
        v[:, unit] = grid
        for one in h:
            weight = np.exp(-energy.energy(v, one).astype("float64"))
            mean = (weight * grid).sum() / weight.sum()
            spread = (weight * (grid - mean) ** 2).sum() / weight.sum()
            assert mean == pytest.approx(energy.visible_mean(one)[unit], abs=1e-3)
            assert 1 / spread == pytest.approx(energy.precision[unit], rel=1e-3)


def test_a_gaussian_integral_is_that_of_the_density() -> None:
    energy = tiny_rbm(6, gaussian=True)
    one = Energy(
        energy.weights[:1], energy.visible_bias[:1], energy.hidden_bias, energy.precision[:1]
    )
    grid = np.linspace(-15, 15, 40_001)[:, None].astype("float32")
    for h in states(one.hidden):
        density = np.exp(-one.energy(grid, h).astype("float64"))
        integral = density.sum() * float(grid[1, 0] - grid[0, 0])
        assert -np.log(integral) == pytest.approx(float(one.hidden_free_energy(h)), abs=1e-3)


@pytest.mark.parametrize("kind", [*KINDS, "gaussian"])
def test_arrays_and_tensors_give_the_same(kind: str) -> None:
    energy = tiny_rbm(7, **({"gaussian": True} if kind == "gaussian" else KINDS[kind]))
    tensor = keras.ops.convert_to_tensor
    same = Energy(
        tensor(energy.weights),
        tensor(energy.visible_bias),
        tensor(energy.hidden_bias),
        None if energy.precision is None else tensor(energy.precision),
        energy.classes,
    )
    v, h = visible_states(energy), states(energy.hidden)
    for ask in (
        lambda e, x, y: e.free_energy(x),
        lambda e, x, y: e.hidden_free_energy(y),
        lambda e, x, y: e.hidden_mean(x),
        lambda e, x, y: e.visible_mean(y),
        lambda e, x, y: e.interpolate(base_of(energy), 0.3).free_energy(x, 0.3 * e.hidden_field(x)),
    ):
        np.testing.assert_allclose(
            np.asarray(ask(same, tensor(v), tensor(h))), ask(energy, v, h), rtol=1e-5, atol=1e-5
        )


def test_an_interpolated_rbm_has_the_interpolated_energy() -> None:
    energy = tiny_rbm(8)
    base = energy.independent_units(np.linspace(-1, 1, energy.visible).astype("float32"))
    v, h = states(energy.visible), states(energy.hidden)
    for beta in (0.0, 0.4, 1.0):
        found = energy.interpolate(base, beta).energy(v[:16], h)
        wanted = beta * energy.energy(v[:16], h) - (1 - beta) * v[:16] @ base.visible_bias
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_surrogate_energy_has_the_gradient_of_the_free_energy() -> None:
    import tensorflow as tf

    plain = tiny_rbm(9)
    weights, bias, hidden = (
        tf.Variable(part) for part in (plain.weights, plain.visible_bias, plain.hidden_bias)
    )
    v = tf.constant(states(plain.visible)[:9])

    def gradients(ask: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            energy = Energy(tf.convert_to_tensor(weights), bias, hidden)
            cost = tf.reduce_sum(ask(energy) * tf.range(9, dtype="float32"))
        return tape.gradient(cost, [weights, bias, hidden])

    for one, two in zip(
        gradients(lambda e: e.surrogate_energy(v, e.hidden_field(v))),
        gradients(lambda e: e.free_energy(v)),
        strict=True,
    ):
        np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, "gaussian"])
def test_samples_have_the_conditional_means(kind: str) -> None:
    energy = tiny_rbm(10, **({"gaussian": True} if kind == "gaussian" else KINDS[kind]))
    count = 40_000
    h = np.repeat(states(energy.hidden)[[6]], count, axis=0)
    field = energy.visible_field(h)
    for seed in (np.random.default_rng(0), keras.random.SeedGenerator(0)):
        tensors = isinstance(seed, keras.random.SeedGenerator)
        asked = _as_tensors(energy) if tensors else energy
        drawn = np.asarray(asked.sample_visible(field, seed))
        apart = drawn.mean(axis=0) - energy.visible_mean(h[0])
        assert (np.abs(apart) < 5 * drawn.std(axis=0) / np.sqrt(count) + 1e-3).all()


def _as_tensors(energy: Energy) -> Energy:
    tensor = keras.ops.convert_to_tensor
    precision = None if energy.precision is None else tensor(energy.precision)
    return Energy(
        tensor(energy.weights),
        tensor(energy.visible_bias),
        tensor(energy.hidden_bias),
        precision,
        energy.classes,
    )


def test_units_sampled_with_logistic_noise_follow_their_logits() -> None:
    energy = tiny_rbm(11)
    random = np.random.default_rng(0)
    drawn = random.random((50_000, energy.hidden))
    noise = np.log(drawn) - np.log1p(-drawn)
    field = energy.hidden_field(states(energy.visible)[20])
    on = energy.step_hidden(field, noise.astype("float32")).mean(axis=0)

    np.testing.assert_allclose(on, 1 / (1 + np.exp(-field)), atol=0.012)
