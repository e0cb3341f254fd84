"""Heads of an RBM: features, reconstruction, free energy, completion, Gibbs step, classes.

They have no weights of their own but use those of the model's two layers. Each is exported as a
signature.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo_rbm.layers import RBMLayer, VisibleUnits

_GAUSSIAN_GRID = 2.0**6
"""Steps per standard deviation to which Gaussian units of a chain are rounded, so that sums of
their products with quantized weights are exact."""


class _Head(keras.layers.Layer):
    """Head that uses a model's two layers.

    Args:
        units: The layer from raw values to visible units.
        rbm: The RBM layer.
    """

    def __init__(self, units: VisibleUnits, rbm: RBMLayer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.rbm = units, rbm

    def _hidden(self, own: Any) -> Any:
        """Return the means of the hidden units, averaged over classes if there are any.

        Shapes:
            own: `(batch, visible - classes)`
            Out: `(batch, hidden)`
        """
        energy = self.rbm.energy
        if not energy.classes:
            return energy.hidden_mean(own)
        split = energy.visible - energy.classes
        field = energy.hidden_bias + ops.matmul(own, energy.weights[:split])
        given = ops.sigmoid(ops.expand_dims(field, 1) + energy.weights[split:])
        chances = ops.softmax(energy.class_log_odds(own), axis=-1)
        return ops.sum(ops.expand_dims(chances, -1) * given, axis=1)

    def _without_classes(self, visible: Any) -> Any:
        """Return the visible units without the classes."""
        classes = self.rbm.classes
        return visible[..., :-classes] if classes else visible


class Features(_Head):
    """Features P(h = 1 | v), `(batch, hidden)`."""

    def call(self, raw: Any) -> Any:
        """Return the features of raw values."""
        return self._hidden(self.units(raw))


class Reconstruction(_Head):
    """One-step mean-field reconstruction, raw."""

    def call(self, raw: Any) -> Any:
        """Return the reconstruction of raw values."""
        hidden = self._hidden(self.units(raw))
        return self.units.to_raw(self._without_classes(self.rbm.energy.visible_mean(hidden)))


class FreeEnergy(_Head):
    """Free energy F(v) and log-likelihood log p(v) = −F(v) − log Z in nats, with log Z.

    Classes are marginalized. For Gaussian units, log p is a density of the raw values.
    """

    def call(self, raw: Any) -> Any:
        """Return the free energy `(batch,)`, the log-likelihood `(batch,)`, log Z `(batch, 3)`."""
        energy, visible = self.rbm.energy, self.units(raw)
        free = energy.marginal_free_energy(visible)
        log_z = ops.convert_to_tensor(self.rbm.log_z)[:3]
        likelihood = -free - log_z[0]
        if self.units.gaussian:
            likelihood = likelihood - ops.sum(ops.log(self.units.deviation))
        return free, likelihood, ops.zeros_like(ops.expand_dims(free, -1)) + log_z


class Completion(_Head):
    """Imputation of missing values by mean field; known values are unchanged.

    Missing units start at their mean in the data, and are repeatedly replaced by their means given
    the means of the hidden units (Salakhutdinov & Hinton 2009, AISTATS, section 2.1).

    Args:
        steps: Number of mean-field steps.
    """

    def __init__(self, units: VisibleUnits, rbm: RBMLayer, steps: int, **kwargs: Any) -> None:
        super().__init__(units, rbm, **kwargs)
        self.steps = steps

    def call(self, raw: Any) -> Any:
        """Return raw values without missing ones."""
        energy, given = self.rbm.energy, self.units(raw)
        missing = ops.isnan(given)
        start = self.rbm.base.visible_mean(ops.zeros((1, energy.hidden)))
        own = ops.where(missing, self._without_classes(start) + ops.zeros_like(given), given)
        for _ in range(self.steps):
            guess = self._without_classes(energy.visible_mean(self._hidden(own)))
            own = ops.where(missing, guess, own)
        filled = self.units.to_raw(own)
        raw = ops.cast(raw, filled.dtype)
        return ops.where(ops.isnan(raw), filled, raw)


class GibbsStep(_Head):
    """One Gibbs step: sample the hidden units, then the visible units.

    The noise is an input, so that the same noise gives the same states; with quantized parameters
    bit by bit in every library.
    """

    def call(self, inputs: Any) -> Any:
        """Return the next raw values, and the next class if the RBM models classes.

        Args:
            inputs: Raw values, noise of the hidden units `(batch, hidden)`, noise of the raw
                values; and the class, one-hot `(batch, classes)`, with noise of the same shape.
        """
        raw, hidden_noise, raw_noise, *rest = inputs
        energy, visible = self.rbm.energy, self.units(raw)
        noise = ops.reshape(raw_noise, (-1, visible.shape[-1]))
        if energy.precision is not None:
            visible = ops.round(visible * _GAUSSIAN_GRID) / _GAUSSIAN_GRID
        else:
            visible = ops.cast(visible >= 0.5, visible.dtype)
        if energy.classes:
            visible = ops.concatenate([visible, rest[0]], axis=-1)
            noise = ops.concatenate([noise, rest[1]], axis=-1)
        hidden = energy.step_hidden(energy.hidden_field(visible), hidden_noise)
        drawn = energy.step_visible(energy.visible_field(hidden), noise)
        if energy.precision is not None:
            drawn = ops.round(drawn * _GAUSSIAN_GRID) / _GAUSSIAN_GRID
        following = self.units.to_raw(self._without_classes(drawn))
        return (following, drawn[..., -energy.classes :]) if energy.classes else following


class ClassProbabilities(_Head):
    """Class probabilities, `(batch, classes)`, in closed form."""

    def call(self, raw: Any) -> Any:
        """Return the class probabilities of raw values."""
        odds = self.rbm.energy.class_log_odds(self.units(raw))
        return ops.softmax(odds, axis=-1)
