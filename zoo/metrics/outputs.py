"""Iterate over a split in batches, and check targets and model outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ConfigError, DataError, Diverged
from zoo.spec import Arrays, DataSpec, Split

Batch = tuple[NDArray[Any], Arrays, Arrays]
"""Positions in the split, inputs, targets."""


def iterate_batches(split: Split, data: DataSpec, size: int) -> Iterator[Batch]:
    """Yield every example once, in order, the last short batch included.

    Raises:
        DataError: If the split is empty.
    """
    if len(split) == 0:
        raise DataError(
            f"the split of {data.id!r} to evaluate on is empty",
            why="a score needs at least one example",
            fix="give the split a larger share of the data",
        )
    for start in range(0, len(split), size):
        positions = np.arange(start, min(start + size, len(split)))
        yield positions, *split.take(positions)


def checked_target(
    targets: Arrays, name: str, data: DataSpec, positions: NDArray[Any], kinds: str, expected: str
) -> NDArray[Any]:
    """Return a target of a batch as one value per example.

    Args:
        targets: The batch's targets by name.
        name: The target to return.
        data: Spec of the data, for error messages.
        positions: Positions of the examples in the split.
        kinds: Accepted numpy dtype kinds.
        expected: What a value is, for error messages.

    Raises:
        DataError: If the target is missing, or of another shape or kind.
    """
    if name not in targets:
        raise DataError(
            f"the data {data.id!r} gives no target {name!r}",
            why=f"its spec names it. Received: {', '.join(targets) or 'none'}",
            fix="make the spec and the arrays agree",
        )
    values = np.asarray(targets[name])
    if values.size != len(positions) or values.dtype.kind not in kinds:
        raise DataError(
            f"the target {name!r} of {data.id!r} is not one {expected} per example",
            why=f"expected {len(positions)} examples. "
            f"Received: shape={values.shape}, dtype={values.dtype}",
            fix=f"give one {expected} per example",
        )
    return values.reshape(-1)


def checked_output(
    outputs: Arrays,
    name: str,
    data: DataSpec,
    positions: NDArray[Any],
    shapes: tuple[tuple[int, ...], ...],
    expected: str,
) -> NDArray[np.float64]:
    """Return an output of a batch in double precision.

    Args:
        outputs: The model's outputs by name.
        name: The output to return.
        data: Spec of the data, for error messages.
        positions: Positions of the examples in the split.
        shapes: Accepted shapes.
        expected: What the first of them means, for error messages.

    Raises:
        ConfigError: If the output is missing or of another shape.
        Diverged: If a value is not finite.
    """
    if name not in outputs:
        raise ConfigError(
            f"the model has no output {name!r}",
            why=f"the evaluation of {data.task} needs it; there are {', '.join(outputs) or 'none'}",
            fix=f"name the output {name!r}, or override Architecture.evaluate",
        )
    given = np.asarray(outputs[name]).astype(np.float64)
    if given.shape not in shapes:
        raise ConfigError(
            f"the output {name!r} does not fit the data {data.id!r}",
            why=f"expected {expected}: {shapes[0]}. Received: shape={given.shape}",
            fix="evaluate on the data that the model was built for",
        )
    wrong = np.flatnonzero(~np.isfinite(given).reshape(len(given), -1).all(axis=1))
    if len(wrong):
        raise Diverged(
            f"the output {name!r} for example {positions[wrong[0]]} of {data.id!r} "
            "is not a finite number",
            why="the model's weights or this input hold NaN or infinity",
            fix="train with a lower optimizer.learning_rate or with optimizer.global_clipnorm, "
            "and check the input",
        )
    return given
