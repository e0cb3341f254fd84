"""Data as a machine learns from it: raw values that were looked at, and no targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import zoo
from zoo import Arrays, DataSpec, TensorSpec
from zoo_rbm.signatures import source

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 1_024


def learned(data: DataSpec, *, gaussian: bool, classes: bool) -> Callable[..., Any]:
    """Return the function from named inputs and targets to what a machine is fed.

    Raises:
        DataError: By the function, if a value is missing, endless, or outside of its range.
    """
    spec = source(data)

    def change(inputs: Arrays, targets: Arrays) -> tuple[Arrays, Arrays]:
        check_values(inputs[spec.name], spec, data, gaussian=gaussian)
        fed = {spec.name: inputs[spec.name]}
        if classes:
            name = data.targets[0].name
            fed[name] = targets[name].reshape(-1)
        return fed, {}

    return change


def check_values(values: np.ndarray, spec: TensorSpec, data: DataSpec, *, gaussian: bool) -> None:
    """Refuse values that no unit can take.

    Raises:
        DataError: With the first of them.
    """
    import numpy as np

    if values.dtype.kind != "f" and gaussian:
        return
    low, high = limits(spec)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK].reshape(len(values[start : start + _BLOCK]), -1)
        wrong = ~np.isfinite(block)
        if not gaussian:
            wrong |= (block < low) | (block > high)
        if not wrong.any():
            continue
        row, unit = (int(index) for index in np.argwhere(wrong)[0])
        value = float(block[row, unit])
        place = spec.columns[unit].name if spec.columns else f"value {unit}"
        if np.isnan(value):
            raise zoo.errors.DataError(
                f"{place} of example {start + row} of {data.id} is missing",
                why="a machine learns from whole examples; it completes others once it has learned",
                fix="leave the example out while training, and ask for the signature 'complete'",
            )
        raise zoo.errors.DataError(
            f"{place} of example {start + row} of {data.id} is {value:g}",
            why=f"binary units take values from {low:g} to {high:g}, the probability of a 1"
            if np.isfinite(value)
            else "an endless value is no measurement",
            fix="--set visible=gaussian for measurements, or scale the values"
            if np.isfinite(value)
            else "repair the value, or leave the example out",
        )


def statistics(values: np.ndarray, spec: TensorSpec, data: DataSpec) -> tuple[Any, Any]:
    """Return the mean and the standard deviation of each Gaussian unit.

    Raises:
        DataError: If a unit has one value throughout.
    """
    import numpy as np

    flat = values.reshape(len(values), -1).astype("float64")
    mean, deviation = flat.mean(axis=0), flat.std(axis=0)
    # Relative to the values: float noise of a constant is no variation.
    still = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-30)
    if still.any():
        unit = int(np.argmax(still))
        place = f"the column {spec.columns[unit].name!r}" if spec.columns else f"value {unit}"
        raise zoo.errors.DataError(
            f"{place} of {data.id} is {mean[unit]:g} throughout",
            why="a Gaussian unit measures in standard deviations, and this one has none",
            fix="--data-option drop=COLUMN leaves it out"
            if spec.columns
            else "--set visible=binary takes pixels that never change",
        )
    return mean, deviation


def shares(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Return raw values of binary units as numbers from 0 to 1, `(examples, visible)`."""
    low, high = limits(spec)
    flat: np.ndarray = values.reshape(len(values), -1).astype("float32")
    return (flat - low) / (high - low)


def limits(spec: TensorSpec) -> tuple[float, float]:
    """Return the raw values of 0 and of 1."""
    if spec.range is not None:
        return spec.range
    return (0.0, 255.0) if spec.dtype == "uint8" else (0.0, 1.0)


__all__ = ["check_values", "learned", "limits", "shares", "statistics"]
