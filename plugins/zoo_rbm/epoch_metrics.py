"""Validation log-likelihood and mixing of the chains after each epoch."""

from __future__ import annotations

import warnings

import keras
import numpy as np
from keras import ops

import zoo
from zoo import Split
from zoo_rbm.array_ops import one_thread
from zoo_rbm.config import LikelihoodConfig
from zoo_rbm.layers import RBMLayer, VisibleUnits
from zoo_rbm.partition_function import log_partition
from zoo_rbm.preprocessing import binarize

MIN_MIXING = 0.02
"""Mixing below which a warning is issued: see :meth:`EpochMetrics.__call__`."""

_MAX_EXAMPLES = 1_000
_MAX_EXACT_UNITS = 14
"""Units up to which enumeration is as fast as AIS after an epoch."""

_SEED = 1986


class EpochMetrics:
    """Metrics after an epoch, independent of the metrics of earlier epochs.

    Args:
        units: The layer from raw values to visible units.
        rbm: The RBM layer.
        split: Validation examples, of which up to a thousand are used.
        name: Name of the input.
        likelihood: Estimation of log Z.
        seed: Seed of everything random.
    """

    def __init__(
        self,
        units: VisibleUnits,
        rbm: RBMLayer,
        split: Split,
        name: str,
        likelihood: LikelihoodConfig,
        seed: int,
    ) -> None:
        self._units, self._rbm = units, rbm
        few = min(_MAX_EXACT_UNITS, likelihood.exact_units)
        self._likelihood, self._seed = likelihood.model_copy(update={"exact_units": few}), seed
        self._warned = False
        inputs, _ = split.take(
            np.linspace(0, len(split) - 1, min(len(split), _MAX_EXAMPLES)).astype(int)
        )
        self._visible = ops.convert_to_numpy(units(inputs[name]))
        if not units.gaussian:
            self._visible = binarize(self._visible, units.binarize, _SEED + seed)

    def __call__(self) -> dict[str, float]:
        """Return the epoch's metrics for the history.

        ``val_log_likelihood`` and ``log_z`` in nats, and ``mixing``: the distance of a chain's
        states one update apart, relative to the distance between two chains.
        """
        steps = self._likelihood.epoch_steps
        found = log_partition(
            self._rbm.energy, self._rbm.base, self._likelihood, steps=steps, seed=self._seed
        )
        with one_thread():
            free = self._rbm.energy.to_numpy().marginal_free_energy(self._visible)
        likely = float(-free.mean(dtype="float64")) - found.value
        if self._units.gaussian:
            likely -= float(np.log(ops.convert_to_numpy(self._units.deviation)).sum())
        line = {"val_log_likelihood": likely, "log_z": found.value}
        if self._rbm.sampler != "cd":
            line["mixing"] = self._mixing()
            self._warn(line["mixing"])
        return line

    def _mixing(self) -> float:
        """Return 1 minus the autocorrelation of a chain's state after one update."""
        rbm, seed = self._rbm, keras.random.SeedGenerator(_SEED + self._seed)
        first = rbm.advance(rbm.steps, seed)
        second = rbm.advance(rbm.steps, seed, hidden=first.hidden)
        before, after = (ops.convert_to_numpy(found.visible) for found in (first, second))
        spread = np.var(np.concatenate([before, after]), axis=0, dtype="float64").sum()
        if spread <= 0:
            return 0.0
        return float(np.square(after - before).sum(dtype="float64") / len(before) / (2 * spread))

    def _warn(self, mixing: float) -> None:
        if mixing < MIN_MIXING and not self._warned:
            self._warned = True
            warnings.warn(
                f"the Markov chains have stopped mixing: in one update their states change by "
                f"{mixing:.1%} of the distance between chains, so the gradient is biased. Use a "
                "lower optimizer.learning_rate, more sampler.steps, some optimizer.weight_decay, "
                "or sampler.kind=parallel_tempering",
                zoo.errors.ZooWarning,
                stacklevel=2,
            )
