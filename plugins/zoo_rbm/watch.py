"""What is looked at after each epoch: the likelihood that training is about, and the chains."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

import zoo
from zoo import Split
from zoo_rbm.arrays import one_thread
from zoo_rbm.config import LikelihoodConfig
from zoo_rbm.layer import Boltzmann
from zoo_rbm.likelihood import LogPartition, log_partition
from zoo_rbm.visible import Visible

MIXES_LEAST = 0.02
"""Chains whose states change by less than this share of what strangers differ by are stuck."""

_MOST = 1_000
_GLANCE = 14
"""Units whose every state is counted in the time that annealing takes."""

_SEED = 1986


class Watch:
    """Measures a machine after an epoch, by numbers that the epochs before do not change.

    Args:
        units: From raw values to visible units.
        machine: The machine.
        split: Validation examples; a thousand of them are enough for a look.
        name: Which of their inputs.
        likelihood: How log Z is estimated.
        seed: Of everything random.
    """

    def __init__(
        self,
        units: Visible,
        machine: Boltzmann,
        split: Split,
        name: str,
        likelihood: LikelihoodConfig,
        seed: int,
    ) -> None:
        self._units, self._machine = units, machine
        self._likelihood, self._seed = likelihood, seed
        few = min(_GLANCE, likelihood.exact_units)
        self._glance = likelihood.model_copy(update={"exact_units": few})
        self._warned = False
        inputs, _ = split.take(np.linspace(0, len(split) - 1, min(len(split), _MOST)).astype(int))
        self._visible = visible_states(units, inputs[name], seed)

    def __call__(self) -> dict[str, float]:
        """Return the columns that an epoch's line of the history gains.

        ``val_log_likelihood`` and ``log_z`` in nats, and ``mixing``: how far apart two states of a
        chain are, one update apart, as a share of how far apart two chains are.
        """
        found = self._partition(self._glance, self._likelihood.watch)
        with one_thread():
            free = self._machine.arrays.own_free_energy(self._visible)
        likely = float(-free.mean(dtype="float64")) - found.value
        if self._units.gaussian:
            likely -= float(np.log(ops.convert_to_numpy(self._units.deviation)).sum())
        line = {"val_log_likelihood": likely, "log_z": found.value}
        if self._machine.rule != "contrastive":
            line["mixing"] = self._mixing()
            self._warn(line["mixing"])
        return line

    def partition(self) -> LogPartition:
        """Estimate log Z with care."""
        return self._partition(self._likelihood, self._likelihood.steps)

    def _partition(self, likelihood: LikelihoodConfig, steps: int) -> LogPartition:
        machine = self._machine
        return log_partition(
            machine.arrays, machine.base_arrays, likelihood, steps=steps, seed=self._seed
        )

    def _mixing(self) -> float:
        """Return 1 less the correlation of a chain's state with the one an update before."""
        machine, seed = self._machine, keras.random.SeedGenerator(_SEED + self._seed)
        first = machine.advance(machine.steps, seed)
        second = machine.advance(machine.steps, seed, hidden=first.hidden)
        before, after = (ops.convert_to_numpy(found.visible) for found in (first, second))
        spread = np.var(np.concatenate([before, after]), axis=0, dtype="float64").sum()
        if spread <= 0:
            return 0.0
        return float(np.square(after - before).sum(dtype="float64") / len(before) / (2 * spread))

    def _warn(self, mixing: float) -> None:
        if mixing < MIXES_LEAST and not self._warned:
            self._warned = True
            warnings.warn(
                f"the chains have stopped mixing: from one update to the next their states change "
                f"by {mixing:.1%} of what two chains differ by, so the gradient is that of a few "
                "states and not of the machine. A lower optimizer.learning_rate, more rule.steps, "
                "some optimizer.weight_decay or rule.kind=tempered help",
                zoo.errors.ZooWarning,
                stacklevel=2,
            )


def visible_states(units: Visible, raw: Any, seed: int) -> np.ndarray:
    """Return examples as visible states, binary ones drawn from their shares by a seed.

    Shapes:
        raw: `(examples, ...)`
        Out: `(examples, visible - classes)`, float32.
    """
    states: np.ndarray = ops.convert_to_numpy(units(raw))
    if units.gaussian:
        return states
    if units.binarize == "threshold":
        return (states >= 0.5).astype("float32")
    luck = np.random.default_rng([_SEED, seed]).random(states.shape, "float32")
    return (luck < states).astype("float32")


__all__ = ["MIXES_LEAST", "Watch", "visible_states"]
