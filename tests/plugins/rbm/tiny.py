"""RBMs so small that all of their states can be enumerated."""

from __future__ import annotations

import itertools

import numpy as np

from zoo_rbm.energy import Energy

VISIBLE, HIDDEN, CLASSES = 5, 4, 3


def tiny_rbm(seed: int = 0, *, gaussian: bool = False, classes: int = 0, scale: float = 1.0):
    """Return an RBM of 5 visible units, the last of which may be a class, and 4 hidden ones."""
    random = np.random.default_rng(seed)

    def drawn(*shape: int) -> np.ndarray:
        return (scale * random.standard_normal(shape)).astype("float32")

    precision = np.exp(0.3 * drawn(VISIBLE)).astype("float32") if gaussian else None
    return Energy(drawn(VISIBLE, HIDDEN), drawn(VISIBLE), drawn(HIDDEN), precision, classes)


def base_of(energy: Energy) -> Energy:
    """Return independent units to start annealing from."""
    flat = np.zeros(energy.visible, "float32")
    return energy.independent_units(flat, None if energy.precision is None else np.ones_like(flat))


def states(units: int) -> np.ndarray:
    """Return every state of binary units."""
    return np.array(list(itertools.product((0, 1), repeat=units)), "float32")


def visible_states(energy: Energy) -> np.ndarray:
    """Return every visible state; of a class exactly one unit is on."""
    if not energy.classes:
        return states(energy.visible)
    own = states(energy.visible - energy.classes)
    return np.array(
        [np.concatenate([v, one]) for v in own for one in np.eye(energy.classes)], "float32"
    )


def table(energy: Energy) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every visible state, every hidden state, and E of each pair, by the definition."""
    v, h = visible_states(energy), states(energy.hidden)
    w, b, c = (
        np.asarray(part, "float64")
        for part in (energy.weights, energy.visible_bias, energy.hidden_bias)
    )
    found = [[-(x @ b) - y @ c - x @ w @ y for y in h] for x in v.astype("float64")]
    return v, h, np.array(found)
