"""The values of variables, copied out and put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.errors import CheckpointCorrupt

Snapshot = list[np.ndarray]


def take_snapshot(variables: Sequence[Any]) -> Snapshot:
    """Copy the values of variables."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def restore_snapshot(variables: Sequence[Any], snapshot: Snapshot) -> None:
    """Put values back into the variables they were taken from.

    Raises:
        CheckpointCorrupt: If their number or a shape is another. No variable was changed then.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [array.shape for array in snapshot]:
        raise CheckpointCorrupt(
            "the saved state does not fit the model",
            why="the number of its variables, or the shape of one, is another",
            fix="resume with the configuration that the run was started with",
        )
    for variable, array in zip(variables, snapshot, strict=True):
        variable.assign(array)


def run_variables(model: keras.Model) -> list[Any]:
    """Return everything that changes while a model learns.

    The weights, the state of every seed generator, and the optimizer's slots and step counter; the
    model's own come first.
    """
    # On JAX the variables of a model are behind while it is fitted.
    synchronize = getattr(model, "jax_state_sync", None)
    if synchronize is not None:
        synchronize()
    return [*model.variables, *model.optimizer.variables]


def all_finite(arrays: Snapshot) -> bool:
    """Return whether no number among these is NaN or infinite."""
    return all(array.dtype.kind not in "fc" or bool(np.isfinite(array).all()) for array in arrays)


__all__ = ["Snapshot", "all_finite", "restore_snapshot", "run_variables", "take_snapshot"]
