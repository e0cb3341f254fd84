"""Checks and statistics of the training data of an RBM."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import zoo
from zoo import Arrays, DataSpec, TensorSpec
from zoo_rbm.signatures import visible_spec

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 1_024


def training_inputs(data: DataSpec, *, gaussian: bool, classes: bool) -> Callable[..., Any]:
    """Return a function from inputs and targets to checked training inputs.

    Raises:
        DataError: By the function, if a value is missing, infinite or out of range.
    """
    spec = visible_spec(data)

    def change(inputs: Arrays, targets: Arrays) -> tuple[Arrays, Arrays]:
        check_values(inputs[spec.name], spec, data, gaussian=gaussian)
        fed = {spec.name: inputs[spec.name]}
        if classes:
            name = data.targets[0].name
            fed[name] = targets[name].reshape(-1)
        return fed, {}

    return change


def check_values(values: np.ndarray, spec: TensorSpec, data: DataSpec, *, gaussian: bool) -> None:
    """Check that values are finite and in range.

    Raises:
        DataError: For the first invalid value.
    """
    import numpy as np

    if values.dtype.kind != "f" and gaussian:
        return
    low, high = value_range(spec)
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
                why="training takes complete examples; a trained RBM imputes missing values",
                fix="leave the example out of training, and use the signature 'complete'",
            )
        raise zoo.errors.DataError(
            f"{place} of example {start + row} of {data.id} is {value:g}",
            why=f"binary units take values from {low:g} to {high:g}, the probability of a 1"
            if np.isfinite(value)
            else "it must be finite",
            fix="--set visible=gaussian for measurements, or scale the values"
            if np.isfinite(value)
            else "repair the value, or leave the example out",
        )


def statistics(values: np.ndarray, spec: TensorSpec, data: DataSpec) -> tuple[Any, Any]:
    """Return the mean and the standard deviation of each Gaussian unit.

    Raises:
        DataError: If a value is constant.
    """
    import numpy as np

    flat = values.reshape(len(values), -1).astype("float64")
    mean, deviation = flat.mean(axis=0), flat.std(axis=0)
    # Relative to the values: rounding errors of a constant are not variation.
    constant = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-30)
    if constant.any():
        unit = int(np.argmax(constant))
        place = f"the column {spec.columns[unit].name!r}" if spec.columns else f"value {unit}"
        raise zoo.errors.DataError(
            f"{place} of {data.id} is constant, {mean[unit]:g}",
            why="a Gaussian unit is normalized by its standard deviation, which is 0",
            fix="--data-option drop=COLUMN leaves it out"
            if spec.columns
            else "--set visible=binary accepts constant pixels",
        )
    return mean, deviation


def intensities(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Return raw values of binary units scaled to 0..1, `(examples, visible)`."""
    low, high = value_range(spec)
    flat: np.ndarray = values.reshape(len(values), -1).astype("float32")
    return (flat - low) / (high - low)


def binarize(intensities: np.ndarray, method: str, seed: int) -> np.ndarray:
    """Return intensities as states 0 and 1, sampled or thresholded.

    Args:
        intensities: Probabilities of a 1.
        method: ``sample`` or ``threshold``.
        seed: Seed of the samples.
    """
    import numpy as np

    on = intensities >= 0.5
    if method == "sample":
        on = np.random.default_rng(seed).random(intensities.shape) < intensities
    return on.astype(intensities.dtype)


def value_range(spec: TensorSpec) -> tuple[float, float]:
    """Return the raw values of 0 and 1."""
    if spec.range is not None:
        return spec.range
    return (0.0, 255.0) if spec.dtype == "uint8" else (0.0, 1.0)
