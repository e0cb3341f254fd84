"""log Z: by its definition, by enumeration and by annealed importance sampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tests.plugins.rbm.tiny import CLASSES, base_of, table, tiny_rbm
from zoo_rbm.config import LikelihoodConfig
from zoo_rbm.energy import Energy
from zoo_rbm.partition_function import anneal, exact_log_partition, log_partition, smallest_side


@pytest.mark.parametrize("classes", [0, CLASSES])
@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 3))
@settings(max_examples=15, deadline=None)
def test_the_exact_value_is_the_sum_over_all_states(classes: int, seed: int, scale: float) -> None:
    energy = tiny_rbm(seed, classes=classes, scale=scale)
    by_hand = np.log(np.exp(-table(energy)[2]).sum())

    assert exact_log_partition(energy).value == pytest.approx(by_hand, abs=1e-4)


def test_the_smaller_side_is_enumerated() -> None:
    random = np.random.default_rng(0)
    for visible, hidden in ((3, 12), (12, 3)):
        weights = random.standard_normal((visible, hidden)).astype("float32")
        energy = Energy(weights, np.zeros(visible, "float32"), np.ones(hidden, "float32"))
        turned = Energy(weights.T.copy(), energy.hidden_bias, energy.visible_bias)

        assert smallest_side(energy) == 3
        assert exact_log_partition(energy).value == pytest.approx(
            exact_log_partition(turned).value, abs=1e-4
        )


@pytest.mark.parametrize(
    "kind", ["binary", pytest.param("classes", marks=pytest.mark.slow), "gaussian"]
)
def test_annealing_agrees_with_enumeration(kind: str) -> None:
    inside = 0
    for seed in range(12):
        energy = tiny_rbm(
            seed, gaussian=kind == "gaussian", classes=CLASSES if kind == "classes" else 0
        )
        exact = exact_log_partition(energy).value
        found = anneal(energy, base_of(energy), runs=200, steps=500, seed=seed)
        assert found.value == pytest.approx(exact, abs=0.15)
        inside += found.low <= exact <= found.high
    # 95 % intervals hold all but one of twelve, now and then all but three.
    assert inside >= 9


def test_annealing_agrees_with_enumeration_of_many_units() -> None:
    random = np.random.default_rng(1)
    weights = (0.3 * random.standard_normal((64, 16))).astype("float32")
    bias = random.standard_normal(64).astype("float32")
    energy = Energy(weights, bias, np.zeros(16, "float32"))
    found = anneal(energy, energy.independent_units(bias), runs=100, steps=2_000, seed=0)

    assert found.value == pytest.approx(exact_log_partition(energy).value, abs=0.1)


def test_few_temperatures_make_the_interval_wide() -> None:
    energy = tiny_rbm(2, scale=4.0)
    good = anneal(energy, base_of(energy), runs=100, steps=3_000, seed=0)
    bad = anneal(energy, base_of(energy), runs=100, steps=3, seed=0)

    assert bad.high - bad.low > 2 * (good.high - good.low)


def test_the_number_of_units_decides_whether_states_are_enumerated() -> None:
    energy = tiny_rbm(3)
    for units, exact in ((4, True), (3, False)):
        config = LikelihoodConfig(exact_units=units, runs=20)
        found = log_partition(energy, base_of(energy), config, steps=50, seed=0)
        assert (found.low == found.high) is exact


def test_the_same_seed_gives_the_same_estimate() -> None:
    energy = tiny_rbm(4)
    one, two = (anneal(energy, base_of(energy), runs=20, steps=50, seed=7) for _ in range(2))

    assert one == two
