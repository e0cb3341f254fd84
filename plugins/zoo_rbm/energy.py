"""The energy of a restricted Boltzmann machine, and what follows from it in closed form.

With visible units v and binary hidden units h (Smolensky 1986; Hinton 2002, Neural Computation
14(8))::

    E(v, h) = ½ Σ π_i v_i² − Σ b_i v_i − Σ c_j h_j − Σ v_i W_ij h_j        p(v, h) = e^−E / Z

Binary visible units have no quadratic term (π = 0). Gaussian ones have the precision π_i > 0, and
the mean (b_i + Σ W_ij h_j) / π_i given the hidden units: the form of Welling, Rosen-Zvi & Hinton
2004 (NIPS 17), in natural parameters, so that W and b are not rescaled when π is learned. The last
``classes`` visible units may be one group of which exactly one is on (a softmax unit;
Salakhutdinov, Mnih & Hinton 2007, ICML): the class of an example.

Summed over the hidden units, the free energy of v is ::

    F(v) = ½ Σ π_i v_i² − Σ b_i v_i − Σ_j log(1 + exp(c_j + Σ_i v_i W_ij))    p(v) = e^−F(v) / Z
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from zoo_rbm.arrays import gumbel, kit, normal, uniform


@dataclass(frozen=True)
class Energy:
    """One machine's parameters: tensors of any backend, or NumPy arrays.

    Every method takes any number of leading axes: examples, or temperatures and examples.

    Attributes:
        weights: W, `(visible, hidden)`.
        visible_bias: b, `(visible,)`, or with leading axes that broadcast.
        hidden_bias: c, `(hidden,)`.
        precision: π of Gaussian visible units, like the bias; ``None`` for binary ones.
        classes: How many of the visible units, the last ones, are one softmax group.
        scale: Inverse temperature of what the hidden units do: W and c count so much.
    """

    weights: Any
    visible_bias: Any
    hidden_bias: Any
    precision: Any = None
    classes: int = 0
    scale: Any = 1.0

    @property
    def visible(self) -> int:
        """The number of visible units."""
        return int(self.weights.shape[0])

    @property
    def hidden(self) -> int:
        """The number of hidden units."""
        return int(self.weights.shape[1])

    def energy(self, v: Any, h: Any) -> Any:
        """Return E(v, h).

        Shapes:
            v: `(..., visible)`
            h: `(..., hidden)`
            Out: `(...)`, nats.
        """
        ops = kit(self.weights)
        return self._alone(v) - ops.sum(self.hidden_field(v) * h, axis=-1)

    def free_energy(self, v: Any, field: Any = None) -> Any:
        """Return F(v) = −log Σ_h exp(−E(v, h)).

        Args:
            v: Visible units, `(..., visible)`.
            field: ``hidden_field(v)``, if it is known already.
        """
        ops = kit(self.weights)
        field = self.hidden_field(v) if field is None else field
        return self._alone(v) - ops.sum(ops.softplus(field), axis=-1)

    def lesson(self, v: Any, field: Any) -> Any:
        """Return E(v, h) at the means of the hidden units, with the gradient of F(v).

        ∂F = ∂E at the means, because F is least there; so log(1 + e^x) need not be computed to
        learn. For tensors only.

        Args:
            v: Visible units, `(..., visible)`.
            field: ``hidden_field(v)``.
        """
        ops = kit(self.weights)
        means = ops.stop_gradient(ops.sigmoid(field))
        return self._alone(v) - ops.sum(means * field, axis=-1)

    def hidden_free_energy(self, h: Any) -> Any:
        """Return −log Σ_v exp(−E(v, h)), an integral for Gaussian units, of `(..., hidden)`."""
        ops = kit(self.weights)
        alone = self.scale * self.hidden_bias * h
        return -ops.sum(alone, axis=-1) - self.log_partition(self.visible_field(h))

    def hidden_field(self, v: Any) -> Any:
        """Return c + vW: the logit of each hidden unit given v."""
        ops = kit(self.weights)
        return self.scale * (self.hidden_bias + ops.matmul(v, self.weights))

    def visible_field(self, h: Any) -> Any:
        """Return b + hWᵀ: of a binary unit its logit, of a Gaussian one its mean times π."""
        ops = kit(self.weights)
        return self.visible_bias + self.scale * ops.matmul(h, ops.transpose(self.weights))

    def log_partition(self, field: Any) -> Any:
        """Return log Σ_v exp(Σ_i v_i field_i − ½ π_i v_i²), an integral for Gaussian units."""
        ops = kit(self.weights)
        own, group = self._parts(field)
        if self.precision is None:
            total = ops.sum(ops.softplus(own), axis=-1)
        else:
            flat, _ = self._parts(self.precision + ops.zeros_like(field))
            spread = 0.5 * (math.log(2 * math.pi) - ops.log(flat))
            total = ops.sum(0.5 * ops.square(own) / flat + spread, axis=-1)
        return total if group is None else total + ops.logsumexp(group, axis=-1)

    def hidden_mean(self, v: Any) -> Any:
        """Return P(h_j = 1 | v), `(..., hidden)`: the features of v."""
        ops = kit(self.weights)
        return ops.sigmoid(self.hidden_field(v))

    def visible_mean(self, h: Any) -> Any:
        """Return the mean of each visible unit given h, `(..., visible)`."""
        ops = kit(self.weights)
        field = self.visible_field(h)
        if self.precision is not None:
            return field / self.precision
        own, group = self._parts(field)
        if group is None:
            return ops.sigmoid(own)
        return ops.concatenate([ops.sigmoid(own), ops.softmax(group, axis=-1)], axis=-1)

    def draw_hidden(self, field: Any, seed: Any) -> Any:
        """Draw the hidden units given their field.

        Args:
            field: ``hidden_field(v)``.
            seed: Where noise comes from: see :func:`zoo_rbm.arrays.uniform`.
        """
        return self._draw_binary(field, seed)

    def draw_visible(self, field: Any, seed: Any) -> Any:
        """Draw the visible units given their field.

        Args:
            field: ``visible_field(h)``.
            seed: Where noise comes from.
        """
        ops = kit(self.weights)
        if self.precision is not None:
            return self.step_visible(field, normal(ops.shape(field), seed))
        own, group = self._parts(field)
        drawn = self._draw_binary(own, seed)
        if group is None:
            return drawn
        best = self._largest(group + gumbel(ops.shape(group), seed))
        return ops.concatenate([drawn, best], axis=-1)

    def step_hidden(self, field: Any, noise: Any) -> Any:
        """Return hidden units that are on where the field exceeds logistic noise.

        P(field > noise) = sigmoid(field). Nothing but a comparison is done to the field, so that
        a field that is exact gives the same units in every library.
        """
        ops = kit(self.weights)
        return ops.cast(field > noise, "float32")

    def step_visible(self, field: Any, noise: Any) -> Any:
        """Return visible units for given noise.

        Args:
            field: ``visible_field(h)``.
            noise: Like the field: logistic for binary units, standard normal for Gaussian ones,
                and Gumbel for the classes (Gumbel 1954: the largest of field + noise is class k
                with the probability of the softmax).
        """
        ops = kit(self.weights)
        if self.precision is not None:
            return field / self.precision + noise / ops.sqrt(self.precision)
        own, group = self._parts(field)
        one, many = self._parts(noise)
        drawn = self.step_hidden(own, one)
        if group is None:
            return drawn
        return ops.concatenate([drawn, self._largest(group + many)], axis=-1)

    def class_log_odds(self, v: Any) -> Any:
        """Return log p(class | rest) up to a constant, `(..., classes)`.

        In closed form (Larochelle & Bengio 2008, ICML, equation 2).

        Args:
            v: The visible units without the classes, `(..., visible - classes)`.
        """
        ops = kit(self.weights)
        split = self.visible - self.classes
        base = self.hidden_bias + ops.matmul(v, self.weights[:split])
        field = self.scale * (ops.expand_dims(base, -2) + self.weights[split:])
        return self.visible_bias[..., split:] + ops.sum(ops.softplus(field), axis=-1)

    def own_free_energy(self, v: Any) -> Any:
        """Return −log Σ exp(−E) over hidden units and classes, given the other visible units.

        Args:
            v: `(..., visible - classes)`; without classes the whole of the visible units.
        """
        ops = kit(self.weights)
        if not self.classes:
            return self.free_energy(v)
        alone = -ops.sum(self.visible_bias[..., : -self.classes] * v, axis=-1)
        return alone - ops.logsumexp(self.class_log_odds(v), axis=-1)

    def tempered(self, base: Energy, beta: Any) -> Energy:
        """Return the machine with the energy β E + (1 − β) E_base.

        Args:
            base: Visible units alone, whose ``weights`` count for nothing: see :meth:`alone`.
            beta: Inverse temperature, from 0 to 1; an array of `(temperatures, 1, 1)` gives as
                many machines at once.
        """
        precision = None
        if self.precision is not None:
            precision = beta * self.precision + (1.0 - beta) * base.precision
        bias = beta * self.visible_bias + (1.0 - beta) * base.visible_bias
        return dataclasses.replace(
            self, visible_bias=bias, precision=precision, scale=beta * self.scale
        )

    def alone(self, visible_bias: Any, precision: Any = None) -> Energy:
        """Return the machine whose units know nothing of each other."""
        return dataclasses.replace(self, visible_bias=visible_bias, precision=precision, scale=0.0)

    def _draw_binary(self, field: Any, seed: Any) -> Any:
        ops = kit(self.weights)
        luck = uniform(ops.shape(field), seed)
        return ops.cast(luck < ops.sigmoid(field), "float32")

    def _largest(self, values: Any) -> Any:
        ops = kit(self.weights)
        return ops.one_hot(ops.argmax(values, axis=-1), self.classes, dtype="float32")

    def _alone(self, v: Any) -> Any:
        """Return what a visible state costs by itself."""
        ops = kit(self.weights)
        slope = self.visible_bias
        if self.precision is not None:
            slope = slope - 0.5 * self.precision * v
        return -ops.sum(slope * v, axis=-1)

    def _parts(self, values: Any) -> tuple[Any, Any]:
        """Return the independent units and the group of classes, which may be none."""
        if not self.classes:
            return values, None
        return values[..., : -self.classes], values[..., -self.classes :]


__all__ = ["Energy"]
