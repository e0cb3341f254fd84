"""Energy of a restricted Boltzmann machine, and its conditionals in closed form.

With visible units v and binary hidden units h (Smolensky 1986; Hinton 2002, Neural Computation
14(8))::

    E(v, h) = ½ Σ π_i v_i² − Σ b_i v_i − Σ c_j h_j − Σ v_i W_ij h_j        p(v, h) = e^−E / Z

Binary visible units have no quadratic term (π = 0). Gaussian ones have the precision π_i > 0, and
the mean (b_i + Σ W_ij h_j) / π_i given the hidden units: the form of Welling, Rosen-Zvi & Hinton
2004 (NIPS 17), in natural parameters, so that W and b are not rescaled when π is learned. The last
``classes`` visible units may be a softmax unit, the one-hot class of an example (Salakhutdinov,
Mnih & Hinton 2007, ICML).

Summed over the hidden units, the free energy of v is ::

    F(v) = ½ Σ π_i v_i² − Σ b_i v_i − Σ_j log(1 + exp(c_j + Σ_i v_i W_ij))    p(v) = e^−F(v) / Z
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import keras

from zoo_rbm.array_ops import gumbel, normal, ops_for, uniform


@dataclass(frozen=True)
class Energy:
    """Parameters of an RBM, as tensors of any backend or NumPy arrays.

    Every method accepts any number of leading axes: examples, or temperatures and examples.

    Attributes:
        weights: W, `(visible, hidden)`.
        visible_bias: b, `(visible,)`, or with leading axes that broadcast.
        hidden_bias: c, `(hidden,)`.
        precision: π of Gaussian visible units, like the bias; ``None`` for binary ones.
        classes: Number of classes, the last visible units.
        scale: Factor of W and c (inverse temperature of the hidden units).
    """

    weights: Any
    visible_bias: Any
    hidden_bias: Any
    precision: Any = None
    classes: int = 0
    scale: Any = 1.0

    @property
    def visible(self) -> int:
        """Number of visible units."""
        return int(self.weights.shape[0])

    @property
    def hidden(self) -> int:
        """Number of hidden units."""
        return int(self.weights.shape[1])

    def energy(self, v: Any, h: Any) -> Any:
        """Return E(v, h).

        Shapes:
            v: `(..., visible)`
            h: `(..., hidden)`
            Out: `(...)`, nats.
        """
        ops = ops_for(self.weights)
        return self._visible_energy(v) - ops.sum(self.hidden_field(v) * h, axis=-1)

    def free_energy(self, v: Any, field: Any = None) -> Any:
        """Return F(v) = −log Σ_h exp(−E(v, h)).

        Args:
            v: Visible units, `(..., visible)`.
            field: ``hidden_field(v)``, if it is already computed.
        """
        ops = ops_for(self.weights)
        field = self.hidden_field(v) if field is None else field
        return self._visible_energy(v) - ops.sum(ops.softplus(field), axis=-1)

    def surrogate_energy(self, v: Any, field: Any) -> Any:
        """Return E(v, h) at the means of the hidden units, which has the gradient of F(v).

        ∂F = ∂E there, so that training need not compute log(1 + e^x). For tensors only.

        Args:
            v: Visible units, `(..., visible)`.
            field: ``hidden_field(v)``.
        """
        ops = ops_for(self.weights)
        means = ops.stop_gradient(ops.sigmoid(field))
        return self._visible_energy(v) - ops.sum(means * field, axis=-1)

    def hidden_free_energy(self, h: Any) -> Any:
        """Return −log Σ_v exp(−E(v, h)), an integral for Gaussian units, of `(..., hidden)`."""
        ops = ops_for(self.weights)
        alone = self.scale * self.hidden_bias * h
        return -ops.sum(alone, axis=-1) - self.log_partition(self.visible_field(h))

    def hidden_field(self, v: Any) -> Any:
        """Return the logits of the hidden units given v, c + vW."""
        ops = ops_for(self.weights)
        return self.scale * (self.hidden_bias + ops.matmul(v, self.weights))

    def visible_field(self, h: Any) -> Any:
        """Return b + hWᵀ: logits of binary visible units, means times π of Gaussian ones."""
        ops = ops_for(self.weights)
        return self.visible_bias + self.scale * ops.matmul(h, ops.transpose(self.weights))

    def log_partition(self, field: Any) -> Any:
        """Return log Σ_v exp(Σ_i v_i field_i − ½ π_i v_i²), an integral for Gaussian units."""
        ops = ops_for(self.weights)
        units, classes = self._split_classes(field)
        if self.precision is None:
            total = ops.sum(ops.softplus(units), axis=-1)
        else:
            flat, _ = self._split_classes(self.precision + ops.zeros_like(field))
            spread = 0.5 * (math.log(2 * math.pi) - ops.log(flat))
            total = ops.sum(0.5 * ops.square(units) / flat + spread, axis=-1)
        return total if classes is None else total + ops.logsumexp(classes, axis=-1)

    def hidden_mean(self, v: Any) -> Any:
        """Return P(h_j = 1 | v), `(..., hidden)`, the features of v."""
        ops = ops_for(self.weights)
        return ops.sigmoid(self.hidden_field(v))

    def visible_mean(self, h: Any) -> Any:
        """Return the mean of the visible units given h, `(..., visible)`."""
        ops = ops_for(self.weights)
        field = self.visible_field(h)
        if self.precision is not None:
            return field / self.precision
        units, classes = self._split_classes(field)
        if classes is None:
            return ops.sigmoid(units)
        return ops.concatenate([ops.sigmoid(units), ops.softmax(classes, axis=-1)], axis=-1)

    def sample_hidden(self, field: Any, seed: Any) -> Any:
        """Sample the hidden units, or other binary units with these logits.

        Args:
            field: ``hidden_field(v)``.
            seed: Source of randomness: see :func:`zoo_rbm.array_ops.uniform`.
        """
        ops = ops_for(self.weights)
        return ops.cast(uniform(ops.shape(field), seed) < ops.sigmoid(field), "float32")

    def sample_visible(self, field: Any, seed: Any) -> Any:
        """Sample the visible units.

        Args:
            field: ``visible_field(h)``.
            seed: Source of randomness.
        """
        ops = ops_for(self.weights)
        if self.precision is not None:
            return self.step_visible(field, normal(ops.shape(field), seed))
        units, classes = self._split_classes(field)
        drawn = self.sample_hidden(units, seed)
        if classes is None:
            return drawn
        best = self._one_hot_argmax(classes + gumbel(ops.shape(classes), seed))
        return ops.concatenate([drawn, best], axis=-1)

    def step_hidden(self, field: Any, noise: Any) -> Any:
        """Sample the hidden units with given logistic noise: on where the field exceeds it.

        P(field > noise) = sigmoid(field). The field is only compared, so that an exact field gives
        the same units in every library.
        """
        ops = ops_for(self.weights)
        return ops.cast(field > noise, "float32")

    def step_visible(self, field: Any, noise: Any) -> Any:
        """Sample the visible units with given noise.

        Args:
            field: ``visible_field(h)``.
            noise: Of the field's shape: logistic for binary units, standard normal for Gaussian
                ones, Gumbel for the classes (Gumbel-max trick).
        """
        ops = ops_for(self.weights)
        if self.precision is not None:
            return field / self.precision + noise / ops.sqrt(self.precision)
        units, classes = self._split_classes(field)
        one, many = self._split_classes(noise)
        drawn = self.step_hidden(units, one)
        if classes is None:
            return drawn
        return ops.concatenate([drawn, self._one_hot_argmax(classes + many)], axis=-1)

    def class_log_odds(self, v: Any) -> Any:
        """Return class logits, log p(class | rest) up to a constant, `(..., classes)`.

        In closed form (Larochelle & Bengio 2008, ICML, equation 2).

        Args:
            v: The visible units without the classes, `(..., visible - classes)`.
        """
        ops = ops_for(self.weights)
        split = self.visible - self.classes
        base = self.hidden_bias + ops.matmul(v, self.weights[:split])
        field = self.scale * (ops.expand_dims(base, -2) + self.weights[split:])
        return self.visible_bias[..., split:] + ops.sum(ops.softplus(field), axis=-1)

    def marginal_free_energy(self, v: Any) -> Any:
        """Return the free energy with the classes marginalized.

        Args:
            v: `(..., visible - classes)`; all visible units without classes.
        """
        ops = ops_for(self.weights)
        if not self.classes:
            return self.free_energy(v)
        alone = -ops.sum(self.visible_bias[..., : -self.classes] * v, axis=-1)
        return alone - ops.logsumexp(self.class_log_odds(v), axis=-1)

    def interpolate(self, base: Energy, beta: Any) -> Energy:
        """Return the RBM with the energy β E + (1 − β) E_base.

        Args:
            base: RBM without weights: see :meth:`independent_units`.
            beta: Inverse temperature, from 0 to 1; an array `(temperatures, 1, 1)` gives one RBM
                per temperature.
        """
        precision = None
        if self.precision is not None:
            precision = beta * self.precision + (1.0 - beta) * base.precision
        bias = beta * self.visible_bias + (1.0 - beta) * base.visible_bias
        return dataclasses.replace(
            self, visible_bias=bias, precision=precision, scale=beta * self.scale
        )

    def to_numpy(self) -> Energy:
        """Return the same RBM with NumPy arrays."""
        array = keras.ops.convert_to_numpy
        return dataclasses.replace(
            self,
            weights=array(self.weights),
            visible_bias=array(self.visible_bias),
            hidden_bias=array(self.hidden_bias),
            precision=None if self.precision is None else array(self.precision),
        )

    def independent_units(self, visible_bias: Any, precision: Any = None) -> Energy:
        """Return the RBM with these biases and without weights."""
        return dataclasses.replace(self, visible_bias=visible_bias, precision=precision, scale=0.0)

    def _one_hot_argmax(self, values: Any) -> Any:
        ops = ops_for(self.weights)
        return ops.one_hot(ops.argmax(values, axis=-1), self.classes, dtype="float32")

    def _visible_energy(self, v: Any) -> Any:
        """Return the terms of the energy without hidden units."""
        ops = ops_for(self.weights)
        slope = self.visible_bias
        if self.precision is not None:
            slope = slope - 0.5 * self.precision * v
        return -ops.sum(slope * v, axis=-1)

    def _split_classes(self, values: Any) -> tuple[Any, Any]:
        """Split off the classes, if there are any."""
        if not self.classes:
            return values, None
        return values[..., : -self.classes], values[..., -self.classes :]
