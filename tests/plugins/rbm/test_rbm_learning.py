"""Training of RBMs: gradients beside exact ones, chains, centering, warnings."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.plugins.rbm.tiny import HIDDEN, VISIBLE, states, table, tiny_rbm
from tests.training.killing import assert_same_bits, kill_after
from zoo.api.catalog import registry
from zoo.data import ArraySplit
from zoo.errors import ZooWarning
from zoo_rbm.config import LikelihoodConfig
from zoo_rbm.energy import Energy
from zoo_rbm.epoch_metrics import MIN_MIXING, EpochMetrics
from zoo_rbm.layers import PARAMETER_GRID, RBMLayer, VisibleUnits
from zoo_rbm.sampling import inverse_temperatures


def layer_of(energy: Any, **options: Any) -> RBMLayer:
    """Return a layer with the parameters of an RBM."""
    layer = RBMLayer(energy.hidden, gaussian=energy.precision is not None, seed=0, **options)
    layer.build((None, energy.visible))
    layer.kernel.assign(energy.weights)
    layer.visible_bias.assign(energy.visible_bias)
    layer.hidden_bias.assign(energy.hidden_bias)
    if energy.precision is not None:
        layer.log_precision.assign(np.log(energy.precision))
    return layer


def exact_gradient(energy: Any, data: np.ndarray) -> np.ndarray:
    """Return the gradient of the mean negative log-likelihood with respect to the weights."""
    v, h, cost = table(energy)
    joint = np.exp(-cost)
    joint /= joint.sum()
    model = np.einsum("vh,vi,hj->ij", joint, v, h)
    return model - data.T @ energy.hidden_mean(data) / len(data)


def learned_gradient(layer: RBMLayer, data: np.ndarray) -> np.ndarray:
    with tf.GradientTape() as tape:
        layer(tf.constant(data), training=True)
        loss = sum(layer.losses)
    scale = layer.reference_batch_size / len(data)
    return scale * np.asarray(tape.gradient(loss, layer.kernel.value))


@pytest.mark.parametrize(
    "sampler", ["pcd", pytest.param("parallel_tempering", marks=pytest.mark.slow)]
)
def test_with_many_chains_the_gradient_is_that_of_the_likelihood(sampler: str) -> None:
    energy = tiny_rbm(0)
    data = states(VISIBLE)[[1, 7, 7, 30]]
    layer = layer_of(energy, sampler=sampler, chains=20_000, steps=12, temperatures=4)
    found = learned_gradient(layer, data)

    np.testing.assert_allclose(found, exact_gradient(energy, data), atol=0.02)


def test_contrastive_divergence_approaches_the_gradient_with_more_steps() -> None:
    energy = tiny_rbm(1, scale=1.5)
    data = np.repeat(states(VISIBLE)[[3, 17]], 5_000, axis=0)
    exact = exact_gradient(energy, data)
    apart = [
        np.abs(learned_gradient(layer_of(energy, sampler="cd", steps=k), data) - exact).max()
        for k in (1, 30)
    ]
    assert apart[1] < 0.03 < apart[0]


def test_a_gaussian_rbm_learns_from_the_gradient_of_its_likelihood() -> None:
    energy = tiny_rbm(2, gaussian=True, scale=0.5)
    data = np.random.default_rng(0).standard_normal((6, VISIBLE)).astype("float32")
    layer = layer_of(energy, chains=40_000, steps=30)
    h = states(HIDDEN)
    weight = np.exp(-energy.hidden_free_energy(h).astype("float64"))
    weight /= weight.sum()
    model = np.einsum("h,hi,hj->ij", weight, energy.visible_mean(h), h)
    exact = model - data.T @ energy.hidden_mean(data) / len(data)

    np.testing.assert_allclose(learned_gradient(layer, data), exact, atol=0.03)


def test_the_gradient_scales_with_the_batch_and_the_reported_loss_does_not() -> None:
    energy = tiny_rbm(3)
    data = states(VISIBLE)[:8]
    one, two = (layer_of(energy, sampler="cd", reference_batch_size=n) for n in (8, 2))
    with tf.GradientTape(persistent=True) as tape:
        one(tf.constant(data), training=True)
        two(tf.constant(data), training=True)
        losses = sum(one.losses), sum(two.losses)
    gradients = [
        np.asarray(tape.gradient(loss, layer.kernel.value))
        for loss, layer in zip(losses, (one, two), strict=True)
    ]

    assert float(losses[0]) == pytest.approx(float(losses[1]), abs=1e-5)
    np.testing.assert_allclose(4 * gradients[0], gradients[1], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_parallel_tempering_visits_both_of_two_distant_modes() -> None:
    energy = two_modes(12, 6.0)
    shares = {}
    for sampler in ("pcd", "parallel_tempering"):
        layer = layer_of(energy, sampler=sampler, chains=300, temperatures=8)
        found = layer.advance(400, keras.random.SeedGenerator(3))
        shares[sampler] = float(np.asarray(found.visible).mean())

    assert shares["pcd"] < 0.06
    assert shares["parallel_tempering"] == pytest.approx(0.5, abs=0.1)


def two_modes(units: int, strong: float) -> Energy:
    """Return an RBM whose units are all on or all off, as likely one as the other.

    What lies between is so unlikely that Gibbs steps alone never cross.
    """
    weights = np.full((units, 1), strong, "float32")
    bias = np.full(units, -strong / 2, "float32")
    return Energy(weights, bias, np.full(1, -strong * units / 2, "float32"))


def test_swaps_keep_the_distribution_of_every_temperature() -> None:
    energy = tiny_rbm(4)
    layer = layer_of(energy, sampler="parallel_tempering", chains=20_000, temperatures=3)
    found = layer.advance(12, keras.random.SeedGenerator(0))
    hidden = np.asarray(found.hidden).mean(axis=1)
    h = states(HIDDEN)
    for place, beta in enumerate(inverse_temperatures(3)):
        heated = energy.interpolate(energy.independent_units(np.zeros(VISIBLE, "float32")), beta)
        weight = np.exp(-heated.hidden_free_energy(h).astype("float64"))
        np.testing.assert_allclose(hidden[place], weight @ h / weight.sum(), atol=0.02)


def test_centering_and_quantization_keep_the_energy() -> None:
    energy = tiny_rbm(5)
    layer = layer_of(energy)
    v = states(VISIBLE)
    layer.center(np.linspace(0.1, 0.9, VISIBLE))
    np.testing.assert_allclose(
        np.asarray(layer.energy.free_energy(v)), energy.free_energy(v), atol=1e-4
    )
    layer.quantize_parameters()

    np.testing.assert_allclose(
        layer.energy.to_numpy().free_energy(v), energy.free_energy(v), atol=5e-3
    )
    for weight in (layer.kernel, layer.visible_bias, layer.hidden_bias):
        steps = np.asarray(weight) / PARAMETER_GRID
        np.testing.assert_array_equal(steps, np.round(steps))
    assert not np.any(np.asarray(layer.visible_offset))


def test_an_untrained_rbm_starts_from_the_means_of_the_data() -> None:
    layer = RBMLayer(HIDDEN, seed=0)
    layer.build((None, VISIBLE))
    means = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    layer.center(means)

    energy = layer.energy.to_numpy()
    independent = energy.independent_units(energy.visible_bias)
    found = independent.visible_mean(np.zeros(HIDDEN, "float32"))
    np.testing.assert_allclose(found, means, atol=0.02)


def test_sparsity_pulls_the_hidden_units_to_their_target() -> None:
    data = zoo.dataset("digits")
    means = {}
    for weight in (0.0, 3.0):
        model = zoo.build(
            "rbm", data=data.spec, hidden=16, sparsity={"weight": weight, "target": 0.05}
        )
        image = data.split("train").arrays()[0]["image"][:400]
        registry().get("rbm").adapt(model, {"image": image}, {})
        model.fit(image, epochs=6, batch_size=20, verbose=0)
        means[weight] = float(np.asarray(model(image)).mean())

    assert means[3.0] < 0.2 < means[0.0]


def watched(energy: Energy) -> tuple[EpochMetrics, RBMLayer]:
    layer = layer_of(energy, chains=200)
    units = VisibleUnits()
    data = states(VISIBLE)[:, :, None, None]
    units(data)
    split = ArraySplit({"image": data}, {})
    return EpochMetrics(
        units, layer, split, "image", LikelihoodConfig(runs=10, epoch_steps=20), 0
    ), layer


def test_chains_that_do_not_mix_are_warned_of_once() -> None:
    watch, layer = watched(two_modes(VISIBLE, 20.0))
    layer._state.hidden.assign(np.arange(200).reshape(1, 200, 1) % 2)
    with pytest.warns(ZooWarning, match="stopped mixing.*parallel_tempering") as caught:
        line = watch()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ZooWarning)
        watch()

    assert sum(one.category is ZooWarning for one in caught) == 1
    assert line["mixing"] < MIN_MIXING


def test_chains_that_mix_are_not_warned_of_and_metrics_change_no_state() -> None:
    watch, layer = watched(tiny_rbm(6, scale=0.5))
    before = [np.array(variable) for variable in layer.variables]
    line = watch()

    assert line["mixing"] > 0.3
    assert line == watch()
    for old, new in zip(before, layer.variables, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))


def test_the_chains_are_variables_but_not_weights() -> None:
    layer = layer_of(tiny_rbm(7), chains=50)
    names = [variable.name for variable in layer.variables]

    assert "chains" in names
    assert "chains" not in [weight.name for weight in layer.weights]
    assert layer.count_params() == sum(int(np.prod(w.shape)) for w in layer.weights)


ZOO = [sys.executable, "-m", "zoo"]
TRAIN = [
    *("train", "rbm", "--epochs", "12", "--seed", "3", "--quiet", "--set", "hidden=24"),
    *(
        "--set",
        "likelihood.epoch_steps=5",
        "--set",
        "likelihood.steps=20",
        "--set",
        "sampler.kind=parallel_tempering",
    ),
    *("--set", "sampler.temperatures=3", "--set", "optimizer.momentum=0.7"),
]


@pytest.mark.slow
def test_a_killed_run_resumes_with_its_chains_to_the_same_bits(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*ZOO, *TRAIN, "--run-dir", whole], check=True, capture_output=True)
    kill_after([*ZOO, *TRAIN, "--run-dir", cut], cut / "checkpoints")
    subprocess.run([*ZOO, "train", "--resume", cut], check=True, capture_output=True)

    assert json.loads((cut / "run.json").read_text())["status"] == "finished"
    last = "checkpoints/epoch-00012.npz"
    assert_same_bits(whole / last, cut / last)
    one, two = (zoo.Run(run).model.get_weights() for run in (whole, cut))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_weight_decay_excludes_biases_and_precisions() -> None:
    data = zoo.dataset("diabetes").spec
    numbers = data.model_copy(update={"inputs": data.inputs[:1]})
    model = zoo.build(
        "rbm", data=numbers, hidden=4, optimizer={"name": "adamw", "weight_decay": 0.5}
    )
    layer = model.get_layer("rbm")
    for weight in layer.trainable_weights:
        weight.assign(keras.ops.ones_like(weight))
    model.optimizer.build(model.trainable_variables)
    model.optimizer.apply([keras.ops.zeros_like(weight) for weight in model.trainable_variables])

    assert float(np.max(layer.kernel)) < 1
    for weight in (layer.visible_bias, layer.hidden_bias, layer.log_precision):
        np.testing.assert_array_equal(np.asarray(weight), 1)
