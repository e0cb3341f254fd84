"""Gibbs sampling: draw states one from another by a signature that is one step of a Markov chain.

A signature is a step of a Gibbs sampler if each of its outputs is named ``next_NAME``, after the
input that it replaces, and every other input is noise. ``outside`` in the spec of a noise input
names its distribution. The graph itself draws nothing, so the same noise leads to the same states
wherever it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ConfigError, Finding, Incompatible
from zoo.runtime.decoding import NEXT
from zoo.runtime.manifest import read_manifest
from zoo.runtime.session import load
from zoo.spec import Arrays, PredictFn, TensorSpec

_SMALLEST = np.float32(1e-7)
_Array = np.ndarray[Any, Any]


def _logistic(random: np.random.Generator, shape: tuple[int, ...]) -> _Array:
    uniform = np.maximum(random.random(shape, "float32"), _SMALLEST)
    return np.log(uniform) - np.log1p(-uniform)


def _normal(random: np.random.Generator, shape: tuple[int, ...]) -> _Array:
    return random.standard_normal(shape, "float32")


def _gumbel(random: np.random.Generator, shape: tuple[int, ...]) -> _Array:
    uniform = np.clip(random.random(shape, "float32"), _SMALLEST, 1 - _SMALLEST)
    return -np.log(-np.log(uniform))


NOISE: dict[str, Callable[[np.random.Generator, tuple[int, ...]], _Array]] = {
    "logistic noise": _logistic,
    "normal noise": _normal,
    "gumbel noise": _gumbel,
}
"""Distributions of noise by their name in ``outside``: functions that draw float32 of a shape."""


class GibbsSampler:
    """Markov chains in parallel, one per example. Make one with :func:`load_sampler`.

    The same code runs an artifact and a Keras model, so that both reach the same states.

    Args:
        predict_fn: One step.
        inputs: Specs of its inputs: states and noise.

    Attributes:
        states: Specs of the states.
    """

    def __init__(self, predict_fn: PredictFn, inputs: Sequence[TensorSpec]) -> None:
        self._predict_fn, self._inputs = predict_fn, tuple(inputs)
        self.states = tuple(spec for spec in inputs if spec.outside not in NOISE)

    def run(
        self,
        start: Arrays,
        steps: int,
        *,
        seed: int = 0,
        clamped: Arrays | None = None,
        average: int = 1,
    ) -> dict[str, _Array]:
        """Run the chains for some steps and return their states.

        In every step, noise is drawn in the order of the inputs from
        ``numpy.random.default_rng(seed)``.

        Args:
            start: Initial states, examples along the first axis.
            steps: Number of steps, at least 1.
            seed: Seed of the noise.
            clamped: Values that stay fixed: arrays of the states' shapes, NaN where a value is
                free. This conditions the samples on what is known.
            average: Number of last states whose mean is returned; 1 for the last state itself.

        Raises:
            ConfigError: If ``steps`` is below 1, or below ``average``.
        """
        findings = []
        if steps < 1:
            findings.append(Finding("steps", steps, "at least 1"))
        if not 1 <= average <= max(steps, 1):
            findings.append(Finding("average", average, f"from 1 to the {steps:,} steps"))
        if findings:
            raise ConfigError("the sampler cannot run with these options", findings=findings)
        random = np.random.default_rng(seed)
        state = {spec.name: _clamp(start[spec.name], spec.name, clamped) for spec in self.states}
        count = len(next(iter(state.values())))
        total = {name: np.zeros(array.shape) for name, array in state.items()}
        for step in range(steps):
            inputs = {
                spec.name: state[spec.name]
                if spec.name in state
                else NOISE[spec.outside](random, (count, *_sizes(spec)))
                for spec in self._inputs
            }
            outputs = self._predict_fn(inputs)
            state = {name: _clamp(outputs[NEXT + name], name, clamped) for name in state}
            if average > 1 and step >= steps - average:
                for name, array in state.items():
                    total[name] += array
        if average == 1:
            return state
        return {name: (sums / average).astype("float32") for name, sums in total.items()}

    def initial_states(self, count: int, seed: int = 0) -> dict[str, _Array]:
        """Return uninformed states to start from: each value at a random end of its range.

        A value without a range starts at 0; of several labels a random one is on.
        """
        random = np.random.default_rng(seed)
        found: dict[str, _Array] = {}
        for spec in self.states:
            shape = (count, *_sizes(spec))
            if spec.labels is not None:
                one_hot = np.eye(shape[-1], dtype="float32")
                found[spec.name] = one_hot[random.integers(0, shape[-1], shape[:-1])]
            elif spec.range is not None:
                coin = random.integers(0, 2, shape).astype(bool)
                low, high = spec.range
                found[spec.name] = np.where(coin, high, low).astype("float32")
            else:
                found[spec.name] = np.zeros(shape, "float32")
        return found


def gibbs_step(
    signatures: Mapping[str, tuple[Sequence[TensorSpec], Sequence[TensorSpec]]], *, source: str
) -> str:
    """Return the name of the signature that is a step of a Gibbs sampler.

    Args:
        signatures: Specs of the inputs and outputs of each signature, by name.
        source: Name of the model in messages.

    Raises:
        Incompatible: If there is none.
    """
    for name, (inputs, outputs) in signatures.items():
        states = {spec.name for spec in inputs if spec.outside not in NOISE}
        following = {NEXT + state for state in states}
        if len(states) < len(inputs) and {spec.name for spec in outputs} == following:
            return name
    raise Incompatible(
        f"{source} draws no samples",
        why="that takes a signature which is a step of a Gibbs sampler; it has "
        f"{', '.join(signatures)}",
        fix="zoo list --tag generative shows models that may",
    )


def load_sampler(
    path: str | Path, *, threads: int = 1, providers: Sequence[str] | None = None
) -> GibbsSampler:
    """Open the Gibbs sampler of an artifact, with onnxruntime.

    Args:
        path: The artifact's folder.
        threads: Threads per step.
        providers: See :func:`zoo.runtime.load`.

    Raises:
        Incompatible: If it is not an artifact, or one without a sampler.
        Tampered: If a file was changed after publishing.

    Example:
        >>> sampler: GibbsSampler = load_sampler("exports/rbm/1")
        >>> sampler.run(sampler.initial_states(16), steps=10)["image"].shape
        (16, 8, 8, 1)
    """
    graphs = read_manifest(Path(path)).graphs
    signatures = {graph.signature: (graph.inputs, graph.outputs) for graph in graphs}
    name = gibbs_step(signatures, source=str(path))
    session = load(path, signature=name, threads=threads, providers=providers)
    return GibbsSampler(session.run, session.inputs)


def _sizes(spec: TensorSpec) -> tuple[int, ...]:
    return tuple(int(size) for size in spec.shape)


def _clamp(values: _Array, name: str, clamped: Arrays | None) -> _Array:
    if clamped is None or name not in clamped:
        return values
    fixed = clamped[name]
    return np.where(np.isnan(fixed), values, fixed).astype("float32")
