"""Where the states come from that a machine is compared with while it learns.

The gradient of the log-likelihood is the gradient of F at the data, negated, plus its mean under
the machine itself (Hinton 2002). That mean is estimated from a few states, the *fantasies*, and the
rules differ in how these are had:

- ``contrastive``: k Gibbs steps away from the data (CD-k; Hinton 2002);
- ``persistent``: chains that go on from update to update (PCD; Tieleman 2008, ICML);
- ``tempered``: the same at several temperatures, neighbors of which swap states, so that a chain
  leaves a mode through the hot ones (parallel tempering; Desjardins, Courville, Bengio, Vincent &
  Delalleau 2010, AISTATS).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

from zoo_rbm.arrays import uniform
from zoo_rbm.energy import Energy


@dataclass(frozen=True)
class Fantasies:
    """States of the machine at temperature 1.

    Attributes:
        visible: `(chains, visible)`.
        field: The hidden units' field, given them.
        hidden: Where the chains stand now, `(temperatures, chains, hidden)`; of ``contrastive``,
            which has no chains, nothing of use.
    """

    visible: Any
    field: Any
    hidden: Any


def contrastive(energy: Energy, field: Any, steps: int, seed: Any) -> Fantasies:
    """Walk away from the data.

    Args:
        energy: The machine.
        field: The hidden units' field, given the data; `(examples, hidden)`.
        steps: How many times the visible and the hidden units are drawn.
        seed: Where noise comes from.
    """
    visible = field
    for _ in range(steps):
        hidden = energy.draw_hidden(field, seed)
        visible, field = _visit(energy, energy, hidden, seed)
    return Fantasies(visible, field, field)


def persistent(
    energy: Energy, base: Energy, betas: Any, hidden: Any, steps: int, seed: Any
) -> Fantasies:
    """Go on from where the chains stood.

    Args:
        energy: The machine.
        base: What it is at β = 0.
        betas: Inverse temperatures, `(temperatures, 1, 1)`, from 1 down; one is enough.
        hidden: Where the chains stood, `(temperatures, chains, hidden)`.
        steps: How many times the visible and the hidden units are drawn.
        seed: Where noise comes from.
    """
    several = int(hidden.shape[0]) > 1
    heated = energy.tempered(base, betas) if several else energy
    visible = field = hidden
    for step in range(steps):
        visible, field = _visit(energy, heated, hidden, seed)
        if several:
            # Odd and even pairs in turn, so that a state can travel the whole ladder.
            for first in (step % 2, 1 - step % 2):
                visible, field = _swap(energy, base, betas, visible, field, seed, first)
        hidden = energy.draw_hidden(betas * field, seed)
    return Fantasies(visible[0], field[0], hidden)


def ladder(temperatures: int) -> list[float]:
    """Return inverse temperatures, evenly from 1 down to 0; 1 alone if there is only one."""
    if temperatures == 1:
        return [1.0]
    return [1.0 - place / (temperatures - 1) for place in range(temperatures)]


def _visit(energy: Energy, heated: Energy, hidden: Any, seed: Any) -> tuple[Any, Any]:
    """Draw the visible units at every temperature, and return them with the field at β = 1."""
    given = heated.visible_field(hidden)
    drawn = heated.draw_visible(given, seed)
    # A fantasy is data like any other. A Gaussian one would carry a gradient of its own.
    visible = ops.stop_gradient(drawn)
    return visible, energy.hidden_field(visible)


def _swap(
    energy: Energy, base: Energy, betas: Any, visible: Any, field: Any, seed: Any, first: int
) -> tuple[Any, Any]:
    """Let every second pair of neighboring temperatures exchange states.

    A pair is exchanged with the probability min(1, exp(F_t(v_t) + F_u(v_u) − F_t(v_u) − F_u(v_t)))
    of the Metropolis rule, where F_t is the free energy at temperature t.

    Args:
        energy: The machine.
        base: What it is at β = 0.
        betas: Inverse temperatures, `(temperatures, 1, 1)`.
        visible: One state a temperature and chain.
        field: Their fields at β = 1.
        seed: Where luck comes from.
        first: The lower one of the first pair: 0 or 1.
    """

    def cost(shift: int) -> Any:
        """Return each state's free energy at its own temperature, or at a neighbor's."""
        there = _shifted(betas, shift)
        return energy.tempered(base, there).free_energy(visible, there * field)

    own, above, below = cost(0), cost(1), cost(-1)
    gain = own + _shifted(own, 1) - above - _shifted(below, 1)
    count = int(visible.shape[0])
    places = ops.reshape(ops.arange(count), (count, 1))
    pairs = ops.logical_and(places % 2 == first, places < count - 1)
    luck = ops.log(ops.maximum(uniform(ops.shape(gain), seed), 1e-7))
    up = ops.logical_and(pairs, luck < gain)
    down = ops.logical_and(places > 0, _shifted(up, -1))

    def exchange(values: Any) -> Any:
        moved = ops.where(ops.expand_dims(down, -1), _shifted(values, -1), values)
        return ops.where(ops.expand_dims(up, -1), _shifted(values, 1), moved)

    return exchange(visible), exchange(field)


def _shifted(values: Any, by: int) -> Any:
    """Return what stands at the neighboring temperature; the last one is its own neighbor."""
    if by == 0:
        return values
    if by > 0:
        return ops.concatenate([values[1:], values[-1:]], axis=0)
    return ops.concatenate([values[:1], values[:-1]], axis=0)


__all__ = ["Fantasies", "contrastive", "ladder", "persistent"]
