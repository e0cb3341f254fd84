"""A chain: states that a model draws one from the other, from noise that is handed to it.

A signature is one step of a chain if each of its outputs is called ``next_NAME``, after the input
that it takes the place of, and every other input is noise. Of noise the spec's ``outside`` says of
which kind; the graph itself draws nothing, so the same noise leads to the same states wherever it
runs.
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

_LEAST = np.float32(1e-7)
_Array = np.ndarray[Any, Any]


def _logistic(random: np.random.Generator, shape: tuple[int, ...]) -> _Array:
    drawn = np.maximum(random.random(shape, "float32"), _LEAST)
    return np.log(drawn) - np.log1p(-drawn)


def _normal(random: np.random.Generator, shape: tuple[int, ...]) -> _Array:
    return random.standard_normal(shape, "float32")


def _gumbel(random: np.random.Generator, shape: tuple[int, ...]) -> _Array:
    drawn = np.clip(random.random(shape, "float32"), _LEAST, 1 - _LEAST)
    return -np.log(-np.log(drawn))


NOISES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], _Array]] = {
    "logistic noise": _logistic,
    "normal noise": _normal,
    "gumbel noise": _gumbel,
}
"""What an input's ``outside`` says, and how such noise is drawn: float32, of a shape."""


class Chain:
    """Many chains side by side, one an example. Make one of an artifact with :func:`load_chain`.

    The same code asks an artifact and a Keras model, so that both are led to the same states.

    Args:
        predict_fn: One step.
        inputs: What it takes: states and noise.

    Attributes:
        states: Those of the inputs that are states.
    """

    def __init__(self, predict_fn: PredictFn, inputs: Sequence[TensorSpec]) -> None:
        self._predict_fn, self._inputs = predict_fn, tuple(inputs)
        self.states = tuple(spec for spec in inputs if spec.outside not in NOISES)

    def run(
        self,
        start: Arrays,
        steps: int,
        *,
        seed: int = 0,
        held: Arrays | None = None,
        average: int = 1,
    ) -> dict[str, _Array]:
        """Take some steps and return where they lead.

        Step for step and input for input, noise is drawn in the order of the inputs from
        ``numpy.random.default_rng(seed)``.

        Args:
            start: Each state, examples along the first axis.
            steps: How many, at least 1.
            seed: Of the noise.
            held: Parts of states that stay as they are: arrays of the states' shapes, NaN where a
                value is free. This is how one draws what is missing given what is known.
            average: Of how many last states the mean is returned: of 1 the state itself.

        Raises:
            ConfigError: If there are fewer steps than one, or than are averaged.
            DataError: If the states do not fit.
        """
        findings = []
        if steps < 1:
            findings.append(Finding("steps", steps, "at least 1"))
        if not 1 <= average <= max(steps, 1):
            findings.append(Finding("average", average, f"from 1 to the {steps:,} steps"))
        if findings:
            raise ConfigError("a chain cannot be run as asked", findings=findings)
        random = np.random.default_rng(seed)
        state = {spec.name: _kept(start[spec.name], spec.name, held) for spec in self.states}
        count = len(next(iter(state.values())))
        total = {name: np.zeros(array.shape) for name, array in state.items()}
        for step in range(steps):
            fed = {
                spec.name: state[spec.name]
                if spec.name in state
                else NOISES[spec.outside](random, (count, *_sizes(spec)))
                for spec in self._inputs
            }
            given = self._predict_fn(fed)
            state = {name: _kept(given[NEXT + name], name, held) for name in state}
            if average > 1 and step >= steps - average:
                for name, array in state.items():
                    total[name] += array
        if average == 1:
            return state
        return {name: (sums / average).astype("float32") for name, sums in total.items()}

    def anywhere(self, count: int, seed: int = 0) -> dict[str, _Array]:
        """Return states to start from that know nothing: both ends of a range, as likely each.

        A value without a range starts at 0; one of several labels is on.
        """
        random = np.random.default_rng(seed)
        found: dict[str, _Array] = {}
        for spec in self.states:
            shape = (count, *_sizes(spec))
            if spec.labels is not None:
                one = np.eye(shape[-1], dtype="float32")
                found[spec.name] = one[random.integers(0, shape[-1], shape[:-1])]
            elif spec.range is not None:
                coin = random.integers(0, 2, shape).astype(bool)
                low, high = spec.range
                found[spec.name] = np.where(coin, high, low).astype("float32")
            else:
                found[spec.name] = np.zeros(shape, "float32")
        return found


def chain_signature(
    signatures: Mapping[str, tuple[Sequence[TensorSpec], Sequence[TensorSpec]]],
) -> str | None:
    """Return the name of the signature that is a step of a chain, or ``None``.

    Args:
        signatures: By name, what each takes and what it gives.
    """
    for name, (taken, given) in signatures.items():
        states = {spec.name for spec in taken if spec.outside not in NOISES}
        if len(states) < len(taken) and {spec.name for spec in given} == {NEXT + s for s in states}:
            return name
    return None


def load_chain(
    path: str | Path,
    *,
    threads: int = 1,
    providers: Sequence[str] | None = None,
) -> Chain:
    """Open the chain of an artifact, with onnxruntime alone.

    Args:
        path: The artifact's folder.
        threads: How many threads one step may use.
        providers: See :func:`zoo.runtime.load`.

    Raises:
        Incompatible: If it is no artifact, or one without a chain.
        Tampered: If a file is not what was written.

    Example:
        >>> chain = load_chain("exports/rbm/1")
        >>> chain.run(chain.anywhere(16), steps=1000)["image"].shape
        (16, 8, 8, 1)
    """
    graphs = read_manifest(Path(path)).graphs
    name = chain_signature({g.signature: (g.inputs, g.outputs) for g in graphs})
    if name is None:
        raise no_chain(str(path), [graph.signature for graph in graphs])
    session = load(path, signature=name, threads=threads, providers=providers)
    return Chain(session.run, session.inputs)


def no_chain(what: str, signatures: Sequence[str]) -> Incompatible:
    """Return the error of something that draws no examples."""
    return Incompatible(
        f"{what} draws no examples",
        why=f"that takes a signature which is one step of a chain; it has {', '.join(signatures)}",
        fix="zoo list --tag generative shows what may",
    )


def _sizes(spec: TensorSpec) -> tuple[int, ...]:
    return tuple(int(size) for size in spec.shape)


def _kept(values: _Array, name: str, held: Arrays | None) -> _Array:
    if held is None or name not in held:
        return values
    fixed = held[name]
    return np.where(np.isnan(fixed), values, fixed).astype("float32")


__all__ = ["NOISES", "Chain", "chain_signature", "load_chain", "no_chain"]
