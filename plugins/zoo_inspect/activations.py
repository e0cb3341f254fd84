"""Activation functions: values, derivatives, saturation, and what ten layers of them do.

numpy alone, so that the functions can be read beside their equations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ConfigError, Finding
from zoo.metrics.figures import Figure, Lines, Series, Table
from zoo.names import nearest
from zoo.report import Section, render_page

Array = NDArray[np.float64]

FAMILIES = {
    "Saturating on both sides": ("step", "sigmoid", "tanh", "softmax"),
    "Linear in pieces": ("linear", "relu", "leaky_relu"),
    "Smooth": ("elu", "selu", "silu", "gelu"),
}
"""Functions that are drawn together."""

LAYERS = 10
UNITS = 256
EXAMPLES = 256
_FLAT = 0.05
_SPAN = 6.0
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@dataclass(frozen=True)
class Activation:
    """An activation function.

    Attributes:
        name: Name in Keras, and in the configuration of the multilayer perceptrons.
        formula: Its equation.
        function: Value, elementwise; of ``softmax`` along the last axis.
        backward: Gradient by the input, of an input and the gradient by the output.
        note: What to know before it is used.
    """

    name: str
    formula: str
    function: Callable[[Array], Array]
    backward: Callable[[Array, Array], Array]
    note: str

    def curve(self, x: Array) -> Array:
        """Return the value for single numbers: of softmax, that of the first of ``(x, 0)``."""
        return self.function(self._pairs(x))[:, 0] if self.name == "softmax" else self.function(x)

    def derivative(self, x: Array) -> Array:
        """Return the derivative for single numbers, as :meth:`curve` counts them."""
        if self.name != "softmax":
            return self.backward(x, np.ones_like(x))
        pairs = self._pairs(x)
        return self.backward(pairs, np.eye(1, 2).repeat(len(x), axis=0))[:, 0]

    def _pairs(self, x: Array) -> Array:
        return np.stack([x, np.zeros_like(x)], axis=-1)

    def saturated(self, span: float = _SPAN) -> list[tuple[float, float]]:
        """Return the intervals inside ``[-span, span]`` with a derivative below 0.05."""
        x = np.linspace(-span, span, 4_801)
        flat = np.abs(self.derivative(x)) < _FLAT
        edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(int)))
        places = zip(edges[::2], edges[1::2], strict=True)
        # A single place of zero slope is a minimum, and no saturation.
        return [
            (float(x[start]), float(x[stop - 1])) for start, stop in places if stop - start > 80
        ]


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _softmax_backward(x: Array, gradient: Array) -> Array:
    y = _softmax(x)
    return np.asarray(y * (gradient - (gradient * y).sum(axis=-1, keepdims=True)))


def _normal_cdf(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2))))


def _normal_pdf(x: Array) -> Array:
    return np.asarray(np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _elu_slope(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0)))


def _scaled(slope: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    return lambda x, gradient: gradient * slope(x)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation(
            "step",
            "1 if x >= 0, else 0",
            lambda x: (x >= 0).astype(float),
            _scaled(np.zeros_like),
            "Its derivative is 0 everywhere: no gradient reaches the layers before it "
            "(Rosenblatt 1958).",
        ),
        Activation(
            "linear",
            "x",
            lambda x: x,
            _scaled(np.ones_like),
            "Layers of it are one linear layer, however many there are.",
        ),
        Activation(
            "sigmoid",
            "1 / (1 + exp(-x))",
            _sigmoid,
            _scaled(lambda x: _sigmoid(x) * (1 - _sigmoid(x))),
            "Its derivative is at most 1/4, so that gradients vanish layer by layer; its mean is "
            "not 0.",
        ),
        Activation(
            "tanh",
            "tanh(x)",
            np.tanh,
            _scaled(lambda x: 1 - np.tanh(x) ** 2),
            "Saturates on both sides, with a mean of 0 (LeCun et al. 1998, Efficient BackProp).",
        ),
        Activation(
            "relu",
            "max(0, x)",
            lambda x: np.maximum(x, 0),
            _scaled(lambda x: (x > 0).astype(float)),
            "A unit that is negative for every example is dead: it gets no gradient "
            "(Nair & Hinton 2010).",
        ),
        Activation(
            "leaky_relu",
            "x if x > 0, else 0.2 x",
            lambda x: np.where(x > 0, x, 0.2 * x),
            _scaled(lambda x: np.where(x > 0, 1.0, 0.2)),
            "No unit dies; the slope 0.2 is the default of Keras (Maas et al. 2013).",
        ),
        Activation(
            "elu",
            "x if x > 0, else exp(x) - 1",
            _elu,
            _scaled(_elu_slope),
            "Smooth, with a mean near 0 (Clevert et al. 2015, arXiv:1511.07289).",
        ),
        Activation(
            "selu",
            "1.0507 x if x > 0, else 1.7581 (exp(x) - 1)",
            lambda x: _SELU_SCALE * _elu(x, _SELU_ALPHA),
            _scaled(lambda x: _SELU_SCALE * _elu_slope(x, _SELU_ALPHA)),
            "Keeps mean 0 and variance 1 from layer to layer with LeCun's initialization "
            "(Klambauer et al. 2017, arXiv:1706.02515).",
        ),
        Activation(
            "silu",
            "x / (1 + exp(-x))",
            lambda x: x * _sigmoid(x),
            _scaled(lambda x: _sigmoid(x) * (1 + x * (1 - _sigmoid(x)))),
            "A smooth ReLU with a small dip (Elfwing et al. 2017, arXiv:1702.03118).",
        ),
        Activation(
            "gelu",
            "x Φ(x), with the normal distribution Φ",
            lambda x: x * _normal_cdf(x),
            _scaled(lambda x: _normal_cdf(x) + x * _normal_pdf(x)),
            "The choice of transformers (Hendrycks & Gimpel 2016, arXiv:1606.08415).",
        ),
        Activation(
            "softmax",
            "exp(x_i) / Σ exp(x_j)",
            _softmax,
            _softmax_backward,
            "For the last layer of a classifier. In a hidden layer its units share the sum 1, so "
            "that each is nearly 0.",
        ),
    )
}
"""The activation functions by name."""


@dataclass(frozen=True)
class ActivationRow:
    """What an activation function does.

    Attributes:
        name: Its name.
        formula: Its equation.
        low: Smallest value for inputs from -6 to 6.
        high: Largest value.
        slope: Largest derivative.
        saturated: Intervals of inputs with a derivative below 0.05.
        spreads: Standard deviation of the output of each of ten layers, for inputs of variance 1.
        gradients: Root mean square of the gradient at the input of each layer, as a share of that
            at the output of the last.
        note: What to know before it is used.
    """

    name: str
    formula: str
    low: float
    high: float
    slope: float
    saturated: tuple[tuple[float, float], ...]
    spreads: tuple[float, ...]
    gradients: tuple[float, ...]
    note: str


@dataclass(frozen=True)
class ActivationReport:
    """Activation functions side by side. A notebook shows it as a page.

    Attributes:
        rows: One row a function.
    """

    rows: tuple[ActivationRow, ...]

    def figures(self) -> list[Figure]:
        """Return a table, and the values and derivatives of each family."""
        x = np.linspace(-_SPAN, _SPAN, 241)
        chosen = [ACTIVATIONS[row.name] for row in self.rows]
        table = Table(
            title="At a glance",
            caption="Saturated: where the derivative is below 0.05, for inputs from -6 to 6.",
            header=("activation", "equation", "largest slope", "saturated", "to know"),
            rows=tuple(
                (row.name, row.formula, round(row.slope, 3), _intervals(row.saturated), row.note)
                for row in self.rows
            ),
        )
        figures: list[Figure] = [table]
        for family, members in FAMILIES.items():
            drawn = [activation for activation in chosen if activation.name in members]
            if drawn:
                figures.append(_lines(family, "output", x, [(a.name, a.curve(x)) for a in drawn]))
                slopes = [(a.name, a.derivative(x)) for a in drawn]
                figures.append(_lines(f"{family}: derivative", "derivative", x, slopes))
        return figures

    def layer_figures(self) -> list[Figure]:
        """Return what ten layers do to a signal, and to a gradient."""
        layers = np.arange(1, LAYERS + 1, dtype=float)
        return [
            _layers(
                "Spread of the outputs", "log₁₀ of the deviation", layers, self.rows, "spreads"
            ),
            _layers("Gradient that arrives", "log₁₀ of the share", layers, self.rows, "gradients"),
        ]

    def html(self) -> str:
        """Return the page.

        Raises:
            MissingExtra: If jinja2 or matplotlib is not installed.
        """
        about = (
            f"Ten layers of {UNITS} units: weights with a variance of 1 / {UNITS}, inputs with a "
            "variance of 1. A line that falls is a signal, or a gradient, that vanishes."
        )
        sections = [
            Section("Functions", self.figures()),
            Section("Through ten layers", self.layer_figures(), [about]),
        ]
        return render_page("Activation functions", sections, eyebrow="zoo activations")

    def _repr_html_(self) -> str:
        from zoo_inspect.page import in_notebook

        return in_notebook(self.html())


def activations(*names: str, seed: int = 0) -> ActivationReport:
    """Compare activation functions.

    Args:
        names: Names of :data:`ACTIVATIONS`; all by default.
        seed: Seed of the weights and inputs of the ten layers.

    Raises:
        ConfigError: If there is no such function.

    Example:
        >>> activations("sigmoid").rows[0].slope
        0.25
    """
    for name in names:
        if name not in ACTIVATIONS:
            near = nearest(name, ACTIVATIONS, count=1)
            known = f"one of {', '.join(ACTIVATIONS)}"
            raise ConfigError(
                f"there is no activation function {name!r}",
                findings=[Finding("name", name, known, near[0] if near else None)],
            )
    return ActivationReport(
        tuple(_measure(ACTIVATIONS[name], seed) for name in names or ACTIVATIONS)
    )


def _measure(activation: Activation, seed: int) -> ActivationRow:
    x = np.linspace(-_SPAN, _SPAN, 4_801)
    values = activation.curve(x)
    spreads, gradients = propagate(activation, seed=seed)
    return ActivationRow(
        name=activation.name,
        formula=activation.formula,
        low=float(values.min()),
        high=float(values.max()),
        slope=float(np.abs(activation.derivative(x)).max()),
        saturated=tuple(activation.saturated()),
        spreads=spreads,
        gradients=gradients,
        note=activation.note,
    )


def propagate(
    activation: Activation, *, layers: int = LAYERS, units: int = UNITS, seed: int = 0
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Send inputs of variance 1 through layers of one activation, and a gradient back.

    Every layer is ``y = f(x W)`` with weights drawn with the variance ``1 / units``, which keeps
    the variance of a linear layer (LeCun et al. 1998; Glorot & Bengio 2010).

    Args:
        activation: The function ``f``.
        layers: Number of layers.
        units: Units of each.
        seed: Seed of weights, inputs and gradient.

    Returns:
        The standard deviation of the output of each layer, and the root mean square of the
        gradient at the input of each layer, as a share of that at the output of the last.
    """
    random = np.random.default_rng(seed)
    x = random.standard_normal((EXAMPLES, units))
    sums, weights, spreads = [], [], []
    for _ in range(layers):
        weights.append(random.standard_normal((units, units)) / math.sqrt(units))
        sums.append(x @ weights[-1])
        x = activation.function(sums[-1])
        spreads.append(float(x.std()))
    gradient = random.standard_normal((EXAMPLES, units))
    whole = math.sqrt(float((gradient**2).mean()))
    shares = []
    for before, weight in zip(reversed(sums), reversed(weights), strict=True):
        gradient = activation.backward(before, gradient) @ weight.T
        shares.append(math.sqrt(float((gradient**2).mean())) / whole)
    return tuple(spreads), tuple(reversed(shares))


def _intervals(found: Sequence[tuple[float, float]]) -> str:
    """Return intervals in words: ``below -3, above 3``."""
    words = []
    for low, high in found:
        if low <= -_SPAN and high >= _SPAN:
            words.append("everywhere")
        elif low <= -_SPAN:
            words.append(f"below {high:.1f}")
        elif high >= _SPAN:
            words.append(f"above {low:.1f}")
        else:
            words.append(f"{low:.1f} to {high:.1f}")
    return ", ".join(words) or "nowhere"


def _lines(title: str, label: str, x: Array, curves: Sequence[tuple[str, Array]]) -> Lines:
    def seen(y: Array) -> Any:
        return (y >= -2) & (y <= _SPAN)  # the others would be flat beside a straight line

    softmax = any(name == "softmax" for name, _ in curves)
    return Lines(
        title=title,
        caption="Of softmax: the first of two outputs, where the other input is 0."
        if softmax
        else "",
        series=tuple(Series.of(name, x[seen(y)], y[seen(y)]) for name, y in curves),
        x_label="input",
        y_label=label,
        square=True,
    )


def _layers(title: str, label: str, x: Array, rows: Sequence[ActivationRow], field: str) -> Lines:
    def logarithms(row: ActivationRow) -> Array:
        values: Any = getattr(row, field)
        return np.asarray(np.log10(np.maximum(values, 1e-12)))

    return Lines(
        title=title,
        caption="By layer, logarithmic: 0 is unchanged, -3 a thousandth.",
        series=tuple(Series.of(row.name, x, logarithms(row)) for row in rows),
        x_label="layer",
        y_label=label,
        square=True,
    )


__all__ = ["ACTIVATIONS", "Activation", "ActivationReport", "ActivationRow", "activations"]
