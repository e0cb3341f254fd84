"""The partition function Z of a machine: counted where that can be done, else annealed.

``log p(v) = −F(v) − log Z``. A log-likelihood is only as true as log Z, so an estimate comes with
its interval and with how many annealing runs really carry it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from zoo_rbm.arrays import one_thread
from zoo_rbm.config import LikelihoodConfig
from zoo_rbm.energy import Energy

_BLOCK = 2**14
_RESAMPLES = 2_000


@dataclass(frozen=True)
class LogPartition:
    """log Z, in nats.

    Attributes:
        low: Lower end of the 95 % interval; the value itself if it was counted.
        high: Upper end.
        method: How it was found.
        effective: Of the annealing runs, how many carry the estimate: (Σw)² / Σw². Below about
            ten the interval cannot be believed, and log Z is rather too small.
    """

    value: float
    low: float
    high: float
    method: Literal["exact", "annealed"]
    effective: float = float("inf")


def log_partition(
    energy: Energy, base: Energy, config: LikelihoodConfig, *, steps: int, seed: int
) -> LogPartition:
    """Return log Z, exactly where the smaller side has few units.

    Args:
        energy: The machine, in arrays.
        base: Where annealing starts: units that know nothing of each other.
        config: How many units are enumerated, and how many runs annealed.
        steps: Temperatures of a run.
        seed: Of the runs.
    """
    with one_thread():
        if smallest_side(energy) <= config.exact_units:
            return exact_log_partition(energy)
        return anneal(energy, base, runs=config.runs, steps=steps, seed=seed)


def smallest_side(energy: Energy) -> int:
    """Return how many binary units must be enumerated to count every state."""
    if energy.precision is not None or energy.classes:
        return energy.hidden
    return min(energy.hidden, energy.visible)


def exact_log_partition(energy: Energy) -> LogPartition:
    """Return log Z by summing over every state of the smaller side.

    The other side is summed in closed form: Σ_h exp(−F(h)) or Σ_v exp(−F(v)).
    """
    count = smallest_side(energy)
    over_hidden = count == energy.hidden
    total = -np.inf
    for states in _states(count):
        cost = energy.hidden_free_energy(states) if over_hidden else energy.free_energy(states)
        total = np.logaddexp(total, _log_sum(-cost.astype("float64")))
    return LogPartition(float(total), float(total), float(total), "exact")


def anneal(energy: Energy, base: Energy, *, runs: int, steps: int, seed: int) -> LogPartition:
    """Estimate log Z by annealed importance sampling (Neal 2001; Salakhutdinov & Murray 2008).

    Each run starts from independent units and is led to the machine through β E + (1 − β) E_base;
    its weight is an unbiased estimate of Z over that of the start, so the logarithm of the mean
    weight is, on average, rather too small. The interval is a bootstrap over the runs.

    Args:
        energy: The machine.
        base: Units that know nothing of each other.
        runs: How many runs, side by side.
        steps: Temperatures of each; denser towards the machine, as in Salakhutdinov & Murray.
        seed: Of the runs.
    """
    source = np.random.default_rng(seed)
    betas = _schedule(steps)
    start = np.broadcast_to(base.visible_bias, (runs, energy.visible))
    visible = base.draw_visible(start, source)
    log_weight = np.zeros(runs)
    field = energy.hidden_field(visible)
    for before, beta in itertools.pairwise(betas.tolist()):
        old, new = energy.tempered(base, before), energy.tempered(base, beta)
        gained = old.free_energy(visible, before * field) - new.free_energy(visible, beta * field)
        log_weight += gained
        hidden = new.draw_hidden(beta * field, source)
        given = new.visible_field(hidden)
        visible = new.draw_visible(given, source)
        field = energy.hidden_field(visible)
    log_base = float(base.log_partition(base.visible_bias)) + energy.hidden * np.log(2.0)
    return _summary(log_weight, log_base, seed)


def _summary(log_weight: np.ndarray, log_base: float, seed: int) -> LogPartition:
    runs = len(log_weight)
    top = log_weight.max()
    weights = np.exp(log_weight - top)
    draws = np.random.default_rng(seed).integers(0, runs, (_RESAMPLES, runs))
    means = weights[draws].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    offset = top + log_base
    return LogPartition(
        float(np.log(weights.mean()) + offset),
        float(np.log(low) + offset),
        float(np.log(high) + offset),
        "annealed",
        float(weights.sum() ** 2 / np.square(weights).sum()),
    )


def _schedule(steps: int) -> np.ndarray[Any, Any]:
    """Return rising inverse temperatures, 0 and 1 included.

    A thirtieth of them lies below .5, a quarter between .5 and .9, the rest above: the hard part of
    the way is near the machine (500, 4,000 and 10,000 of Salakhutdinov & Murray 2008).
    """
    share = np.linspace(0.0, 1.0, steps + 1)
    return np.interp(share, (0.0, 500 / 14_500, 4_500 / 14_500, 1.0), (0.0, 0.5, 0.9, 1.0))


def _states(units: int) -> Iterator[np.ndarray[Any, Any]]:
    """Yield every state of some binary units, in blocks `(states, units)`."""
    for start in range(0, 2**units, _BLOCK):
        numbers = np.arange(start, min(start + _BLOCK, 2**units))
        yield (numbers[:, None] >> np.arange(units) & 1).astype("float32")


def _log_sum(terms: np.ndarray[Any, Any]) -> float:
    top = float(terms.max())
    return top + float(np.log(np.exp(terms - top).sum()))


__all__ = ["LogPartition", "anneal", "exact_log_partition", "log_partition", "smallest_side"]
