"""Partition function Z, by enumeration or annealed importance sampling (AIS).

``log p(v) = −F(v) − log Z``. A log-likelihood is as accurate as log Z, so an estimate has an
interval.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo_rbm.array_ops import one_thread
from zoo_rbm.config import LikelihoodConfig
from zoo_rbm.energy import Energy

_BLOCK = 2**14
_RESAMPLES = 2_000


@dataclass(frozen=True)
class LogPartition:
    """log Z in nats, with its 95 % interval.

    Attributes:
        value: The estimate.
        low: Lower bound; the value itself if exact.
        high: Upper bound.
    """

    value: float
    low: float
    high: float


def log_partition(
    energy: Energy, base: Energy, config: LikelihoodConfig, *, steps: int, seed: int
) -> LogPartition:
    """Estimate log Z; exactly if the smaller side has few units.

    Args:
        energy: The RBM.
        base: RBM without weights, where annealing starts.
        config: Limit of enumeration, and number of AIS runs.
        steps: AIS temperatures.
        seed: Seed of the runs.
    """
    energy, base = energy.to_numpy(), base.to_numpy()
    with one_thread():
        if smallest_side(energy) <= config.exact_units:
            return exact_log_partition(energy)
        return anneal(energy, base, runs=config.runs, steps=steps, seed=seed)


def smallest_side(energy: Energy) -> int:
    """Return the least number of binary units to enumerate."""
    if energy.precision is not None or energy.classes:
        return energy.hidden
    return min(energy.hidden, energy.visible)


def exact_log_partition(energy: Energy) -> LogPartition:
    """Return log Z by enumeration of the states of the smaller side.

    The other side is summed in closed form: Σ_h exp(−F(h)) or Σ_v exp(−F(v)).
    """
    count = smallest_side(energy)
    over_hidden = count == energy.hidden
    total = -np.inf
    for states in _states(count):
        cost = energy.hidden_free_energy(states) if over_hidden else energy.free_energy(states)
        total = np.logaddexp(total, np.logaddexp.reduce(-cost.astype("float64")))
    return LogPartition(float(total), float(total), float(total))


def anneal(energy: Energy, base: Energy, *, runs: int, steps: int, seed: int) -> LogPartition:
    """Estimate log Z by annealed importance sampling (Neal 2001; Salakhutdinov & Murray 2008).

    Each run moves from independent units to the RBM through β E + (1 − β) E_base; its weight is an
    unbiased estimate of Z relative to the start, so the logarithm of the mean weight is rather too
    small on average. The interval is a bootstrap over the runs.

    Args:
        energy: The RBM.
        base: RBM without weights.
        runs: Number of runs, in parallel.
        steps: Number of temperatures; denser near 1, as in Salakhutdinov & Murray.
        seed: Seed of the runs.
    """
    source = np.random.default_rng(seed)
    betas = _schedule(steps)
    start = np.broadcast_to(base.visible_bias, (runs, energy.visible))
    visible = base.sample_visible(start, source)
    log_weight = np.zeros(runs)
    field = energy.hidden_field(visible)
    for before, beta in itertools.pairwise(betas.tolist()):
        old, new = energy.interpolate(base, before), energy.interpolate(base, beta)
        gained = old.free_energy(visible, before * field) - new.free_energy(visible, beta * field)
        log_weight += gained
        hidden = new.sample_hidden(beta * field, source)
        given = new.visible_field(hidden)
        visible = new.sample_visible(given, source)
        field = energy.hidden_field(visible)
    log_base = float(base.log_partition(base.visible_bias)) + energy.hidden * np.log(2.0)
    # A common factor keeps the weights from overflowing.
    top = log_weight.max()
    weights = np.exp(log_weight - top)
    draws = np.random.default_rng(seed).integers(0, runs, (_RESAMPLES, runs))
    low, high = np.quantile(weights[draws].mean(axis=1), (0.025, 0.975))
    value, low, high = np.log([weights.mean(), low, high]) + top + log_base
    return LogPartition(float(value), float(low), float(high))


def _schedule(steps: int) -> np.ndarray[Any, Any]:
    """Return increasing inverse temperatures from 0 to 1.

    A thirtieth of them is below .5, a quarter between .5 and .9, the rest above, as in
    Salakhutdinov & Murray 2008 (500, 4,000 and 10,000).
    """
    share = np.linspace(0.0, 1.0, steps + 1)
    return np.interp(share, (0.0, 500 / 14_500, 4_500 / 14_500, 1.0), (0.0, 0.5, 0.9, 1.0))


def _states(units: int) -> Iterator[np.ndarray[Any, Any]]:
    """Yield all states of binary units, in blocks `(states, units)`."""
    for start in range(0, 2**units, _BLOCK):
        numbers = np.arange(start, min(start + _BLOCK, 2**units))
        yield (numbers[:, None] >> np.arange(units) & 1).astype("float32")
