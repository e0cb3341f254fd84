"""Inputs that a wrong graph gives itself away on: edges, noise, and real examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import DataError
from zoo.spec import Arrays, TensorSpec

BATCHES = (1, 2, 7, 64)
SEEDS = (0, 1)
KINDS = ("samples", "zeros", "lowest", "highest", "alternating", "random", "missing")
LENGTHS = (1, 2, 3, 5, 8, 13, 24)
"""Sizes to try of a dynamic axis; the samples' own is tried too.

So is none at all, where the samples have none: a cache before the first word.
"""

MOST_BYTES = 2**29
"""Of the inputs and answers of one call: of large examples, fewer are asked for at once."""

MOST_WORK = 2**33
"""Bytes of weights that one call reads, each once an example: what a large network is spared."""

_USUAL = 8

_SPREAD = 3.0


@dataclass(frozen=True)
class Probe:
    """One call that both the model and the graph answer.

    Attributes:
        lengths: The size of every dynamic axis but the batch.
    """

    inputs: Arrays
    lengths: Mapping[str, int]

    @property
    def batch(self) -> int:
        """The number of examples."""
        return len(next(iter(self.inputs.values())))


def batches_of(example: int, weights: int = 0) -> tuple[int, ...]:
    """Return the batch sizes that are tried: one, and the others that are not too much.

    Args:
        example: Bytes of the inputs and answers of one example.
        weights: Bytes of the weights.
    """
    return BATCHES[:1] + tuple(
        batch
        for batch in BATCHES[1:]
        if batch * example <= MOST_BYTES and batch * weights <= MOST_WORK
    )


def make_probe(
    specs: Sequence[TensorSpec],
    samples: Arrays,
    batch: int,
    seed: int,
    lengths: Mapping[str, int],
) -> Probe:
    """Return a batch whose rows go through the kinds in turn: row 0 is a real example.

    One mixed batch instead of one a kind, because a row's answer must not depend on its
    neighbors, and a large model is run a few times only.
    """
    random = np.random.default_rng([seed, batch, *lengths.values()])
    kinds = [KINDS[(i + (seed * 3 if i else 0)) % len(KINDS)] for i in range(batch)]
    inputs = {}
    for spec in specs:
        shape = tuple(lengths[size] if isinstance(size, str) else size for size in spec.shape)
        low, high = _limits(spec, samples.get(spec.name), shape)
        rows = []
        for index, kind in enumerate(kinds):
            rows.append(_row(kind, index, spec, shape, samples.get(spec.name), low, high, random))
        inputs[spec.name] = np.stack(rows).astype(spec.dtype)
    return Probe(inputs, dict(lengths))


def as_taken(specs: Sequence[TensorSpec], arrays: Arrays) -> Arrays:
    """Return whole numbers as floats where a signature takes them so, as one for NaN must."""
    floats = {spec.name for spec in specs if spec.dtype == "float32"}
    return {
        name: array.astype("float32") if name in floats and array.dtype.kind in "iu" else array
        for name, array in arrays.items()
    }


def dynamic_axes(specs: Sequence[TensorSpec], samples: Arrays) -> dict[str, int]:
    """Return the dynamic axes and the samples' size of each (8 without samples, or of none)."""
    axes: dict[str, int] = {}
    for spec in specs:
        for place, size in enumerate(spec.shape):
            if isinstance(size, str):
                given = samples.get(spec.name)
                own = given.shape[place + 1] if given is not None else axes.get(size, _USUAL)
                axes[size] = own or _USUAL
    return axes


def lengths_of(axis: str, specs: Sequence[TensorSpec], samples: Arrays) -> tuple[int, ...]:
    """Return the sizes of a dynamic axis that are tried beside the samples' own."""
    for spec in specs:
        given = samples.get(spec.name)
        if given is not None and axis in spec.shape and not given.shape[spec.shape.index(axis) + 1]:
            return (0, *LENGTHS)
    return LENGTHS


def check_samples(specs: Sequence[TensorSpec], samples: Arrays) -> None:
    """Check that the real examples fit the declared inputs.

    Raises:
        DataError: If one is missing, or has another shape or type.
    """
    for spec in specs:
        array = samples.get(spec.name)
        if array is None and spec.range is not None:
            continue  # The state of a step has no examples in the data: it is drawn.
        if spec.dtype == "string":
            raise DataError(
                f"the input {spec.name!r} is text",
                why="an artifact takes numbers; tokens are made outside the graph",
            )
        fits = (
            array is not None
            and len(array) > 0
            and array.dtype.name == spec.dtype
            and array.ndim == len(spec.shape) + 1
            and all(
                isinstance(size, str) or size == given
                for size, given in zip(spec.shape, array.shape[1:], strict=True)
            )
        )
        if not fits:
            found = "none" if array is None else f"{array.dtype}{list(array.shape)}"
            raise DataError(
                f"the real examples of the input {spec.name!r} do not fit",
                why=f"expected {spec.dtype}{['batch', *spec.shape]}. Received: {found}",
                fix="give samples from the data the model was built for",
            )


def _limits(
    spec: TensorSpec, samples: np.ndarray[Any, Any] | None, shape: tuple[int, ...]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the least and the largest value of each element."""
    if spec.dtype == "bool":
        return np.zeros(shape), np.ones(shape)
    if spec.range is not None:
        return np.full(shape, spec.range[0]), np.full(shape, spec.range[1])
    if spec.text is not None and spec.text.vocabulary:
        return np.zeros(shape), np.full(shape, len(spec.text.vocabulary) - 1)
    if spec.columns is not None and all(c.categories is not None for c in spec.columns):
        sizes = [len(c.categories or ()) for c in spec.columns]
        return np.zeros(shape), np.broadcast_to(np.array(sizes, float), shape)
    if samples is not None and samples.size:
        # Per feature, because columns have their own scales; places of a sequence have one.
        features = 1 if not shape or isinstance(spec.shape[-1], str) else shape[-1]
        flat = samples.reshape(-1, features).astype(np.float64)
        low = np.nan_to_num(np.fmin.reduce(flat, axis=0))
        high = np.nan_to_num(np.fmax.reduce(flat, axis=0))
        if not shape:
            low, high = low[0], high[0]
        return np.broadcast_to(low, shape), np.broadcast_to(high, shape)
    return np.full(shape, -_SPREAD), np.full(shape, _SPREAD)


def _row(
    kind: str,
    index: int,
    spec: TensorSpec,
    shape: tuple[int, ...],
    samples: np.ndarray[Any, Any] | None,
    low: np.ndarray[Any, Any],
    high: np.ndarray[Any, Any],
    random: np.random.Generator,
) -> np.ndarray[Any, Any]:
    whole = np.dtype(spec.dtype).kind != "f"
    if kind == "samples" and samples is not None and samples.shape[1:] == shape:
        return np.asarray(samples[(index // len(KINDS)) % len(samples)])
    if kind == "zeros":
        return np.clip(np.zeros(shape), low, high) if spec.range else np.zeros(shape)
    if kind == "lowest":
        return np.asarray(low)
    if kind == "highest":
        return np.asarray(high)
    if kind == "alternating":
        odd = np.arange(int(np.prod(shape))).reshape(shape) % 2
        return np.where(odd, high, low)
    drawn = random.uniform(low, high)
    if kind == "missing" and spec.missing:
        drawn = np.where(random.uniform(size=shape) < 0.5, np.nan, drawn)
    return np.round(drawn) if whole else drawn


__all__ = [
    "BATCHES",
    "KINDS",
    "LENGTHS",
    "MOST_BYTES",
    "MOST_WORK",
    "SEEDS",
    "Probe",
    "as_taken",
    "batches_of",
    "check_samples",
    "dynamic_axes",
    "lengths_of",
    "make_probe",
]
