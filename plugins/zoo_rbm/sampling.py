"""Samplers of the negative phase: CD, PCD and parallel tempering.

The gradient of the log-likelihood is the negative gradient of F at the data (positive phase) plus
its mean under the model (negative phase; Hinton 2002). That mean is estimated from samples:

- ``cd``: k Gibbs steps from the data (contrastive divergence, CD-k; Hinton 2002);
- ``pcd``: Markov chains that persist between updates (persistent contrastive divergence; Tieleman
  2008, ICML);
- ``parallel_tempering``: such chains at several temperatures, which swap states between neighboring
  temperatures (Desjardins, Courville, Bengio, Vincent & Delalleau 2010, AISTATS).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

from zoo_rbm.array_ops import uniform
from zoo_rbm.energy import Energy


@dataclass(frozen=True)
class NegativeSamples:
    """Samples of the model at temperature 1.

    Attributes:
        visible: `(chains, visible)`.
        field: Hidden field given them.
        hidden: New state of the chains, `(temperatures, chains, hidden)`; unused by ``cd``.
    """

    visible: Any
    field: Any
    hidden: Any


def contrastive_divergence(energy: Energy, field: Any, steps: int, seed: Any) -> NegativeSamples:
    """Sample by k Gibbs steps from the data (CD-k).

    Args:
        energy: The RBM.
        field: Hidden field given the data, `(examples, hidden)`.
        steps: Number of Gibbs steps.
        seed: Source of randomness.
    """
    visible = field
    for _ in range(steps):
        hidden = energy.sample_hidden(field, seed)
        visible, field = _visit(energy, energy, hidden, seed)
    return NegativeSamples(visible, field, field)


def persistent_chains(
    energy: Energy, base: Energy, betas: Any, hidden: Any, steps: int, seed: Any
) -> NegativeSamples:
    """Advance persistent chains, with swaps if there are several temperatures.

    Args:
        energy: The RBM.
        base: The RBM at β = 0.
        betas: Inverse temperatures, `(temperatures, 1, 1)`, from 1 down; one for PCD.
        hidden: State of the chains, `(temperatures, chains, hidden)`.
        steps: Number of Gibbs steps.
        seed: Source of randomness.
    """
    several = int(hidden.shape[0]) > 1
    heated = energy.interpolate(base, betas) if several else energy
    visible = field = hidden
    for step in range(steps):
        visible, field = _visit(energy, heated, hidden, seed)
        if several:
            # Odd and even pairs in turn, so that a state can move through all temperatures.
            for first in (step % 2, 1 - step % 2):
                visible, field = _swap(energy, base, betas, visible, field, seed, first)
        hidden = energy.sample_hidden(betas * field, seed)
    return NegativeSamples(visible[0], field[0], hidden)


def inverse_temperatures(temperatures: int) -> list[float]:
    """Return evenly spaced inverse temperatures from 1 to 0; only 1 for one temperature."""
    if temperatures == 1:
        return [1.0]
    return [1.0 - place / (temperatures - 1) for place in range(temperatures)]


def _visit(energy: Energy, heated: Energy, hidden: Any, seed: Any) -> tuple[Any, Any]:
    """Sample the visible units at every temperature; return them and their field at β = 1."""
    given = heated.visible_field(hidden)
    drawn = heated.sample_visible(given, seed)
    # No gradient flows through samples; Gaussian ones would have one.
    visible = ops.stop_gradient(drawn)
    return visible, energy.hidden_field(visible)


def _swap(
    energy: Energy, base: Energy, betas: Any, visible: Any, field: Any, seed: Any, first: int
) -> tuple[Any, Any]:
    """Swap states of every second pair of neighboring temperatures (Metropolis).

    The probability of a swap is min(1, exp(F_t(v_t) + F_u(v_u) − F_t(v_u) − F_u(v_t)))
    of the Metropolis sampler, where F_t is the free energy at temperature t.

    Args:
        energy: The RBM.
        base: The RBM at β = 0.
        betas: Inverse temperatures, `(temperatures, 1, 1)`.
        visible: States by temperature and chain.
        field: Their fields at β = 1.
        seed: Source of randomness.
        first: Lower index of the first pair, 0 or 1.
    """

    def cost(shift: int) -> Any:
        """Return each state's free energy at its own or at a neighboring temperature."""
        there = _shifted(betas, shift)
        return energy.interpolate(base, there).free_energy(visible, there * field)

    own, above, below = cost(0), cost(1), cost(-1)
    gain = own + _shifted(own, 1) - above - _shifted(below, 1)
    count = int(visible.shape[0])
    places = ops.reshape(ops.arange(count), (count, 1))
    pairs = ops.logical_and(places % 2 == first, places < count - 1)
    draw = ops.log(ops.maximum(uniform(ops.shape(gain), seed), 1e-7))
    up = ops.logical_and(pairs, draw < gain)
    down = ops.logical_and(places > 0, _shifted(up, -1))

    def exchange(values: Any) -> Any:
        moved = ops.where(ops.expand_dims(down, -1), _shifted(values, -1), values)
        return ops.where(ops.expand_dims(up, -1), _shifted(values, 1), moved)

    return exchange(visible), exchange(field)


def _shifted(values: Any, by: int) -> Any:
    """Return values of the neighboring temperature; the last one is its own neighbor."""
    if by == 0:
        return values
    if by > 0:
        return ops.concatenate([values[1:], values[-1:]], axis=0)
    return ops.concatenate([values[:1], values[:-1]], axis=0)
