"""What a machine can be asked, one small layer each: from raw values to raw values.

They hold no weights of their own: they read those of the model's two layers. An export writes one
graph for each.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo_rbm.layer import Boltzmann
from zoo_rbm.visible import Visible

_FINE = 2.0**6
"""Gaussian units of a chain are rounded to this many steps a standard deviation of the data: sums
of their products with settled weights are exact then, in any order."""


class _Question(keras.layers.Layer):
    """Something that is computed from a model's two layers.

    Args:
        units: From raw values to visible units.
        machine: The machine.
    """

    def __init__(self, units: Visible, machine: Boltzmann, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.machine = units, machine

    def _hidden(self, own: Any) -> Any:
        """Return the means of the hidden units; classes that are not known are averaged over.

        Shapes:
            own: `(batch, visible - classes)`
            Out: `(batch, hidden)`
        """
        energy = self.machine.energy
        if not energy.classes:
            return energy.hidden_mean(own)
        split = energy.visible - energy.classes
        field = energy.hidden_bias + ops.matmul(own, energy.weights[:split])
        given = ops.sigmoid(ops.expand_dims(field, 1) + energy.weights[split:])
        chances = ops.softmax(energy.class_log_odds(own), axis=-1)
        return ops.sum(ops.expand_dims(chances, -1) * given, axis=1)

    def _own(self, visible: Any) -> Any:
        """Return the visible units without the classes."""
        classes = self.machine.classes
        return visible[..., :-classes] if classes else visible


class Features(_Question):
    """Asks for P(h = 1 | v), `(batch, hidden)`: what a classifier can learn from."""

    def call(self, raw: Any) -> Any:
        """Return the features of raw values."""
        return self._hidden(self.units(raw))


class Reconstruction(_Question):
    """Asks for the means of the visible units given the means of the hidden ones, raw."""

    def call(self, raw: Any) -> Any:
        """Return the one-step reconstruction of raw values."""
        hidden = self._hidden(self.units(raw))
        return self.units.restore(self._own(self.machine.energy.visible_mean(hidden)))


class FreeEnergy(_Question):
    """Asks for F(v), and for log p(v) = −F(v) − log Z in nats, with the log Z it was had from.

    Of a machine that knows classes, v is the example without its class, which is summed over.
    Of Gaussian units, log p is a density of the raw values.
    """

    def call(self, raw: Any) -> Any:
        """Return the free energy `(batch,)`, the log-likelihood `(batch,)`, log Z `(batch, 3)`."""
        energy, visible = self.machine.energy, self.units(raw)
        free = energy.own_free_energy(visible)
        log_z = ops.convert_to_tensor(self.machine.log_z)[:3]
        likelihood = -free - log_z[0]
        if self.units.gaussian:
            likelihood = likelihood - ops.sum(ops.log(self.units.deviation))
        return free, likelihood, ops.zeros_like(ops.expand_dims(free, -1)) + log_z


class Completion(_Question):
    """Asks for the values that are missing, by mean field; what is known stays as it is.

    Missing units start at their mean in the data, and are then replaced, again and again, by their
    means given the means of the hidden units (Salakhutdinov & Hinton 2009, AISTATS, section 2.1).

    Args:
        steps: How often.
    """

    def __init__(self, units: Visible, machine: Boltzmann, steps: int, **kwargs: Any) -> None:
        super().__init__(units, machine, **kwargs)
        self.steps = steps

    def call(self, raw: Any) -> Any:
        """Return raw values in which nothing is missing."""
        energy, given = self.machine.energy, self.units(raw)
        missing = ops.isnan(given)
        start = self.machine.base.visible_mean(ops.zeros((1, energy.hidden)))
        own = ops.where(missing, self._own(start) + ops.zeros_like(given), given)
        for _ in range(self.steps):
            guess = self._own(energy.visible_mean(self._hidden(own)))
            own = ops.where(missing, guess, own)
        filled = self.units.restore(own)
        raw = ops.cast(raw, filled.dtype)
        return ops.where(ops.isnan(raw), filled, raw)


class GibbsStep(_Question):
    """Asks for the next state of a chain: hidden units given visible ones, and back.

    All noise is given, so that the same noise leads to the same states. If the machine is settled,
    these are the same to the last bit in every library: no sum is rounded.
    """

    def call(self, inputs: Any) -> Any:
        """Return the next raw values, and the next class if the machine knows classes.

        Args:
            inputs: Raw values, noise of the hidden units `(batch, hidden)`, noise of the raw
                values; and the class, one-hot `(batch, classes)`, with noise of the same shape.
        """
        raw, hidden_noise, raw_noise, *rest = inputs
        energy, visible = self.machine.energy, self.units(raw)
        noise = ops.reshape(raw_noise, (-1, visible.shape[-1]))
        if energy.precision is not None:
            visible = ops.round(visible * _FINE) / _FINE
        else:
            visible = ops.cast(visible >= 0.5, visible.dtype)
        if energy.classes:
            visible = ops.concatenate([visible, rest[0]], axis=-1)
            noise = ops.concatenate([noise, rest[1]], axis=-1)
        hidden = energy.step_hidden(energy.hidden_field(visible), hidden_noise)
        drawn = energy.step_visible(energy.visible_field(hidden), noise)
        if energy.precision is not None:
            drawn = ops.round(drawn * _FINE) / _FINE
        following = self.units.restore(self._own(drawn))
        return (following, drawn[..., -energy.classes :]) if energy.classes else following


class ClassChances(_Question):
    """Asks for the probability of each class, `(batch, classes)`, summed over the hidden units."""

    def call(self, raw: Any) -> Any:
        """Return the probabilities for raw values."""
        odds = self.machine.energy.class_log_odds(self.units(raw))
        return ops.softmax(odds, axis=-1)


__all__ = ["ClassChances", "Completion", "Features", "FreeEnergy", "GibbsStep", "Reconstruction"]
