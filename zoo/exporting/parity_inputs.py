"""Parity inputs: edge cases, noise and real examples for the comparison with a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import DataError
from zoo.runtime.sampling import draw_input, draw_limits
from zoo.spec import Arrays, TensorSpec

BATCHES = (1, 2, 7, 64)
SEEDS = (0, 1)
KINDS = ("samples", "zeros", "lowest", "highest", "alternating", "random", "missing")
LENGTHS = (1, 2, 3, 5, 8, 13, 24)
"""Sizes of a dynamic axis, beside that of the samples.

Zero is among them if the samples have it, such as a cache before the first token.
"""

MAX_CALL_BYTES = 2**29
"""Largest size of the inputs and outputs of one call, which limits batches of large examples."""

MAX_CALL_WEIGHTS = 2**33
"""Largest size of the weights times the examples of one call, which limits large networks."""

_DEFAULT_LENGTH = 8

_DEFAULT_RANGE = 3.0


def batch_sizes(example: int, weights: int = 0) -> tuple[int, ...]:
    """Return the batch sizes for a model: 1, and the others within the limits of a call.

    Args:
        example: Size of the inputs and outputs of one example in bytes.
        weights: Size of the weights in bytes.
    """
    return BATCHES[:1] + tuple(
        batch
        for batch in BATCHES[1:]
        if batch * example <= MAX_CALL_BYTES and batch * weights <= MAX_CALL_WEIGHTS
    )


def make_inputs(
    specs: Sequence[TensorSpec],
    samples: Arrays,
    batch: int,
    seed: int,
    lengths: Mapping[str, int],
) -> Arrays:
    """Return a batch whose rows are of all kinds in turn; row 0 is a real example.

    Args:
        specs: The inputs.
        samples: Real examples, by input name.
        batch: The batch size.
        seed: Seed of the random rows.
        lengths: The size of every dynamic axis except the batch.
    """
    # Mixed batches, because an output must not depend on the other rows, and because a large
    # model can be run a few times only.
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
    return inputs


def cast_inputs(specs: Sequence[TensorSpec], arrays: Arrays) -> Arrays:
    """Cast integers to float32 where an input is float32."""
    floats = {spec.name for spec in specs if spec.dtype == "float32"}
    return {
        name: array.astype("float32") if name in floats and array.dtype.kind in "iu" else array
        for name, array in arrays.items()
    }


def dynamic_axes(specs: Sequence[TensorSpec], samples: Arrays) -> dict[str, int]:
    """Return the dynamic axes with the size that the samples have, or 8 by default."""
    axes: dict[str, int] = {}
    for spec in specs:
        for place, size in enumerate(spec.shape):
            if isinstance(size, str):
                given = samples.get(spec.name)
                own = (
                    given.shape[place + 1] if given is not None else axes.get(size, _DEFAULT_LENGTH)
                )
                axes[size] = own or _DEFAULT_LENGTH
    return axes


def axis_lengths(axis: str, specs: Sequence[TensorSpec], samples: Arrays) -> tuple[int, ...]:
    """Return the sizes to try for a dynamic axis."""
    for spec in specs:
        given = samples.get(spec.name)
        if given is not None and axis in spec.shape and not given.shape[spec.shape.index(axis) + 1]:
            return (0, *LENGTHS)
    return LENGTHS


def check_samples(specs: Sequence[TensorSpec], samples: Arrays) -> None:
    """Check that the samples match the declared inputs.

    Raises:
        DataError: If one is missing, or has another shape or dtype.
    """
    for spec in specs:
        array = samples.get(spec.name)
        if array is None and spec.draw is not None:
            continue
        fits = (
            array is not None
            and len(array) > 0
            and array.dtype.name == spec.dtype
            and spec.fits(array.shape[1:])
        )
        if not fits:
            found = "none" if array is None else f"{array.dtype}{list(array.shape)}"
            raise DataError(
                f"the samples of the input {spec.name!r} do not match its spec",
                why=f"expected {spec.dtype}{['batch', *spec.shape]}. Received: {found}",
                fix="give samples from the data the model was built for; for an input that is "
                "not in the data, TensorSpec(draw=...) or Signature(samples=...)",
            )


def _limits(
    spec: TensorSpec, samples: np.ndarray[Any, Any] | None, shape: tuple[int, ...]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the smallest and the largest value of each element."""
    if spec.dtype == "bool":
        return np.zeros(shape), np.ones(shape)
    if spec.range is not None or spec.draw is not None:
        low, high = draw_limits(spec)
        return np.full(shape, low), np.full(shape, high)
    if spec.text is not None and spec.text.vocabulary:
        return np.zeros(shape), np.full(shape, len(spec.text.vocabulary) - 1)
    if spec.columns is not None and all(c.categories is not None for c in spec.columns):
        sizes = [len(c.categories or ()) for c in spec.columns]
        return np.zeros(shape), np.broadcast_to(np.array(sizes, float), shape)
    if samples is not None and samples.size:
        # Per feature, because columns differ in scale and time steps do not.
        features = 1 if not shape or isinstance(spec.shape[-1], str) else shape[-1]
        flat = samples.reshape(-1, features).astype(np.float64)
        low = np.nan_to_num(np.fmin.reduce(flat, axis=0))
        high = np.nan_to_num(np.fmax.reduce(flat, axis=0))
        if not shape:
            low, high = low[0], high[0]
        return np.broadcast_to(low, shape), np.broadcast_to(high, shape)
    return np.full(shape, -_DEFAULT_RANGE), np.full(shape, _DEFAULT_RANGE)


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
    if kind in ("samples", "random") and spec.draw is not None:
        fixed = spec.model_copy(update={"shape": shape})
        return np.asarray(draw_input(fixed, 1, random)[0])
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
