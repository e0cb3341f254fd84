"""Sampling: call a signature whose inputs are all drawn, once or as a Markov chain.

The specs of the inputs say how each is drawn (``draw``), and the graph itself draws nothing, so the
same noise leads to the same samples wherever it runs. An input with the role ``noise`` is drawn
anew for every call. Any other is drawn once: a condition, such as a class, or a state, which the
output with its name in ``of`` replaces from step to step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ConfigError, Finding, Incompatible
from zoo.runtime.manifest import read_manifest
from zoo.runtime.session import load
from zoo.spec import Arrays, Draw, PredictFn, SignatureSpec, TensorSpec

STEPS = 1_000
"""Steps of a chain by default."""

_SMALLEST = np.float32(1e-7)
_ROWS = 1_024
_Array = np.ndarray[Any, Any]

_LIMITS: dict[Draw, tuple[float, float]] = {
    "normal": (-4.0, 4.0),
    "logistic": (-12.0, 12.0),
    "gumbel": (-3.0, 12.0),
    "zeros": (0.0, 0.0),
}


def draw_limits(spec: TensorSpec) -> tuple[float, float]:
    """Return the ends of the range in which an input is drawn, or practically always is."""
    return spec.range or _LIMITS.get(spec.draw or "uniform", (0.0, 1.0))


def draw_input(spec: TensorSpec, count: int, random: np.random.Generator) -> _Array:
    """Draw an input for a number of examples.

    Args:
        spec: An input with ``draw`` and a fixed shape.
        count: Number of examples.
        random: Source of randomness.

    Shapes:
        ``[count, *spec.shape]``

    Example:
        >>> noise = TensorSpec(name="noise", shape=(8,), role="noise", draw="normal")
        >>> draw_input(noise, 2, np.random.default_rng(0)).shape
        (2, 8)
    """
    shape = (count, *(int(size) for size in spec.shape))
    low, high = draw_limits(spec)
    drawn: _Array
    if spec.draw == "normal":
        drawn = random.standard_normal(shape, "float32")
    elif spec.draw == "logistic":
        uniform = np.maximum(random.random(shape, "float32"), _SMALLEST)
        drawn = np.log(uniform) - np.log1p(-uniform)
    elif spec.draw == "gumbel":
        uniform = np.clip(random.random(shape, "float32"), _SMALLEST, 1 - _SMALLEST)
        drawn = -np.log(-np.log(uniform))
    elif spec.draw == "binary":
        drawn = np.where(random.integers(0, 2, shape).astype(bool), high, low)
    elif spec.draw == "one-hot":
        drawn = np.eye(shape[-1])[random.integers(0, shape[-1], shape[:-1])]
    elif spec.draw == "zeros":
        drawn = np.zeros(shape)
    elif np.dtype(spec.dtype).kind == "f":
        drawn = random.uniform(low, high, shape)
    else:
        drawn = random.integers(int(low), int(high) + 1, shape)
    return drawn.astype(spec.dtype)


class Sampler:
    """Samples from a model, many at once. Make one with :func:`load_sampler`.

    The same code runs an artifact and a Keras model, so that both draw the same samples.

    Args:
        predict_fn: One step, or all there is.
        inputs: Specs of its inputs.
        outputs: Specs of its outputs.

    Example:
        >>> noise = TensorSpec(name="noise", shape=(2,), role="noise", draw="normal")
        >>> doubled = TensorSpec(name="doubled", shape=(2,))
        >>> sampler = Sampler(lambda x: {"doubled": 2 * x["noise"]}, (noise,), (doubled,))
        >>> sampler.run(3)["doubled"].shape
        (3, 2)

    Attributes:
        conditions: Specs of the inputs that are drawn once: states, and classes.
        is_chain: Whether there are states, so that samples need many steps.
        samples: Specs of what is sampled: the outputs that replace no input, such as the image of a
            latent; the states of a chain that has no other outputs.
    """

    def __init__(
        self, predict_fn: PredictFn, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
    ) -> None:
        self._predict_fn, self._inputs = predict_fn, tuple(inputs)
        self.conditions = tuple(spec for spec in inputs if spec.role != "noise")
        names = {spec.name for spec in inputs}
        self._next = {spec.of: spec.name for spec in outputs if spec.of in names}
        self.is_chain = bool(self._next)
        results = tuple(spec for spec in outputs if spec.of not in names)
        self.samples = results or self.conditions

    def start(self, count: int, seed: int = 0) -> dict[str, _Array]:
        """Draw what is drawn once, for a number of samples."""
        random = np.random.default_rng(seed)
        return {spec.name: draw_input(spec, count, random) for spec in self.conditions}

    def run(
        self,
        count: int,
        steps: int | None = None,
        *,
        seed: int = 0,
        start: Arrays | None = None,
        clamped: Arrays | None = None,
        average: int = 1,
    ) -> dict[str, _Array]:
        """Draw samples.

        In every step, noise is drawn in the order of the inputs from
        ``numpy.random.default_rng(seed)``.

        Args:
            count: Number of samples.
            steps: Steps of a chain; 1,000 by default. What is no chain takes one.
            seed: Random seed.
            start: What the states start from; drawn by default.
            clamped: Values that stay fixed: arrays of the shapes of ``conditions``, NaN where a
                value is free. This conditions the samples on what is known.
            average: Number of last steps whose mean is returned; 1 for the last one itself.

        Raises:
            ConfigError: If ``steps`` is below 1, or below ``average``.
        """
        steps = (STEPS if self.is_chain else 1) if steps is None else steps
        findings = []
        if count < 1:
            findings.append(Finding("count", count, "at least 1"))
        if steps < 1:
            findings.append(Finding("steps", steps, "at least 1"))
        elif steps > 1 and not self.is_chain:
            findings.append(Finding("steps", steps, "1: one call draws a sample"))
        if not 1 <= average <= max(steps, 1):
            findings.append(Finding("average", average, f"from 1 to the {steps:,} steps"))
        if findings:
            raise ConfigError("no samples can be drawn with these options", findings=findings)
        random = np.random.default_rng(seed)
        given = self.start(count, seed) if start is None else start
        state = {
            spec.name: _clamp(given[spec.name], spec.name, clamped) for spec in self.conditions
        }
        if not self.is_chain:
            return self._call_in_parts(self._with_noise(state, count, random), count)
        total = {spec.name: np.zeros(()) for spec in self.samples}
        for step in range(steps):
            outputs = self._predict_fn(self._with_noise(state, count, random))
            state = {
                name: _clamp(outputs[self._next[name]], name, clamped)
                if name in self._next
                else array
                for name, array in state.items()
            }
            source = state if self.samples == self.conditions else outputs
            found = {name: source[name] for name in total}
            if average > 1 and step >= steps - average:
                total = {name: sums + found[name] for name, sums in total.items()}
        if average == 1:
            return found
        return {name: (sums / average).astype("float32") for name, sums in total.items()}

    def _with_noise(
        self, state: Mapping[str, _Array], count: int, random: np.random.Generator
    ) -> dict[str, _Array]:
        return {
            spec.name: state[spec.name] if spec.name in state else draw_input(spec, count, random)
            for spec in self._inputs
        }

    def _call_in_parts(self, inputs: Arrays, count: int) -> dict[str, _Array]:
        """Call the signature for some rows at a time: outputs are larger than noise."""
        parts = [
            self._predict_fn({name: array[at : at + _ROWS] for name, array in inputs.items()})
            for at in range(0, count, _ROWS)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def sampling_signature(signatures: Mapping[str, SignatureSpec], *, source: str) -> str:
    """Return the name of the first signature whose inputs are all drawn.

    Args:
        signatures: The signatures of a model, by name.
        source: Name of the model in messages.

    Raises:
        Incompatible: If there is none.
    """
    for name, signature in signatures.items():
        if all(
            spec.draw is not None and all(isinstance(size, int) for size in spec.shape)
            for spec in signature.inputs
        ):
            return name
    raise Incompatible(
        f"{source} draws no samples",
        why="that takes a signature whose inputs are noise and states, with draw in the spec of "
        f"each; it has {', '.join(signatures)}",
        fix="zoo list --tag generative shows models that may",
    )


def load_sampler(
    path: str | Path, *, threads: int = 1, providers: Sequence[str] | None = None
) -> Sampler:
    """Open an artifact that draws samples, with onnxruntime.

    Args:
        path: The artifact's folder.
        threads: Threads per step.
        providers: See :func:`zoo.runtime.load`.

    Raises:
        Incompatible: If it is not an artifact, or one without a sampler.
        Tampered: If a file was changed after publishing.

    Example:
        >>> load_sampler("exports/rbm/1").run(16)["image"].shape
        (16, 8, 8, 1)
    """
    graphs = {graph.signature: graph for graph in read_manifest(Path(path)).graphs}
    name = sampling_signature(graphs, source=str(path))
    session = load(path, signature=name, threads=threads, providers=providers)
    return Sampler(session.run, session.inputs, graphs[name].outputs)


def _clamp(values: _Array, name: str, clamped: Arrays | None) -> _Array:
    if clamped is None or name not in clamped:
        return values
    fixed = clamped[name]
    if fixed.dtype.kind != "f":
        return fixed
    return np.where(np.isnan(fixed), values, fixed).astype(values.dtype)
