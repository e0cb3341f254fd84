"""Pictures of what layers give: feature maps, sequences, vectors, kernels, gates and attention."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.metrics.figures import Bars, Figure, ImageGrid, ImageRow, Lines, Series

if TYPE_CHECKING:
    from zoo_inspect.states import States

Array = np.ndarray[Any, Any]

CHANNELS = 16
"""Channels of an output that are shown."""

_HEADS = 8
_LINES = 4
_BARS = 12
_LARGE = 66


def output_pictures(outputs: Mapping[str, Array]) -> list[Figure]:
    """Return the outputs of layers for the first example.

    A layer whose output has the numbers of an earlier one in the same order, such as dropout or a
    change of shape, is left out.
    """
    found: list[Figure] = []
    drawn: set[bytes] = set()
    for path, array in outputs.items():
        first = array[0]
        if first.tobytes() in drawn:
            continue
        figure = _output(path, np.nan_to_num(np.asarray(first, np.float64), posinf=0, neginf=0))
        if figure is not None:
            found.append(figure)
            drawn.add(first.tobytes())
    return found


def _output(path: str, array: Array) -> Figure | None:
    if array.size < 2 or array.ndim > 3:
        return None
    while array.ndim > 1 and array.shape[0] == 1:
        array = array.reshape(array.shape[1:])
    if array.ndim == 1 and array.size <= _BARS:
        names, bars = tuple(map(str, range(array.size))), tuple(array.tolist())
        return Bars(title=path, caption="One bar per unit.", names=names, values=bars, label="")
    span = f"from {array.min():.3g} (black) to {array.max():.3g} (white)"
    if array.ndim == 1:
        side = math.ceil(math.sqrt(array.size))
        squared = np.full(side * side, array.min())
        squared[: array.size] = array
        caption = f"{array.size} units, in rows of {side}, {span}."
        return _grid(path, caption, {"": [stretched(squared.reshape(side, side))]})
    if array.ndim == 2:
        if array.shape[1] <= _LINES:
            return _lines(path, array)
        caption = f"{array.shape[0]} positions to the right, {array.shape[1]} units down, {span}."
        grid = _grid(path, caption, {"": [stretched(array.T)]})
        return grid.model_copy(update={"heatmap": True})
    channels = int(array.shape[-1])
    shown = min(CHANNELS, channels)
    counted = f"{channels} feature map{'s' if channels > 1 else ''}"
    caption = f"{counted if shown == channels else f'The first {shown} of {counted}'}, {span}."
    values = stretched(array)
    return _grid(path, caption, {"": [values[..., at] for at in range(shown)]})


def _lines(path: str, array: Array) -> Lines:
    positions = np.arange(len(array), dtype=float)
    series = [
        Series.of(f"unit {at}", positions, array[:, at], emphasis=array.shape[1] == 1)
        for at in range(array.shape[1])
    ]
    return Lines(title=path, series=tuple(series), x_label="position", y_label="output")


def kernel_picture(path: str, kernel: Array) -> Figure:
    """Return the kernels of a convolution, `(height, width, in, out)`."""
    shown = range(min(CHANNELS, kernel.shape[-1]))
    if kernel.shape[2] == 3:  # of colors, as colors
        images, seen = [stretched(kernel[..., at]) for at in shown], "as colors"
    else:
        images, seen = [stretched(kernel[..., 0, at]) for at in shown], "of the first input"
    height, width, inputs, filters = kernel.shape
    size = f"{filters} kernels of {height} × {width} × {inputs}"
    first = "" if len(shown) == filters else f"The first {len(shown)} of "
    caption = f"{first}{size}, {seen}, each from black to white."
    return _grid(f"{path}: kernels", caption, {"": images})


def attention_picture(path: str, maps: Array) -> Figure:
    """Return attention maps, `(heads, queries, keys)`."""
    heads = [enlarged(stretched(head)) for head in maps[:_HEADS]]
    caption = f"{len(maps)} heads; rows are queries, columns what they attend to, white the most."
    return _grid(f"{path}: attention", caption, {"": heads})


def state_pictures(path: str, states: States) -> list[Figure]:
    """Return gates and states over time: all units as heat maps, and the mean of each gate."""
    arrays = {name: states.by_position(name)[0] for name in states.values}
    direction = "; the layer reads from the end" if states.backwards else ""
    mask = states.mask_by_position
    masked = "" if mask is None or mask[0].all() else " Where all gates are 0, the step is masked."
    rows = {name: [_from_zero_to_one(name, array.T)] for name, array in arrays.items()}
    caption = (
        f"Time to the right{direction}; one line per unit. Gates from 0 (black) to 1 (white), the "
        f"others from minus to plus their largest size.{masked}"
    )
    over_time = _grid(f"{path}: over time", caption, rows)
    found: list[Figure] = [over_time.model_copy(update={"heatmap": True})]
    counts = np.ones(len(next(iter(arrays.values()))), bool) if mask is None else mask[0]
    steps = np.flatnonzero(counts).astype(float)
    means = {
        name: np.nan_to_num(array[counts].mean(axis=1))
        for name, array in arrays.items()
        if name.endswith("gate")
    }
    if means and steps.size:
        found.append(
            Lines(
                title=f"{path}: gates",
                caption="Mean over the units: 0 is closed, 1 is open.",
                series=tuple(Series.of(name, steps, mean) for name, mean in means.items()),
                x_label="time",
                y_label="gate",
            )
        )
    return found


def _from_zero_to_one(name: str, array: Array) -> Array:
    """Return a gate as it is, and others with 0 in the middle."""
    if name.endswith("gate"):
        return array
    return np.asarray((array / (float(np.abs(array).max()) or 1.0) + 1) / 2)


def _grid(title: str, caption: str, rows: Mapping[str, list[Array]]) -> ImageGrid:
    made = tuple(ImageRow.of(label, images) for label, images in rows.items())
    return ImageGrid(title=title, caption=caption, rows=made)


def stretched(array: Array) -> Array:
    """Return numbers stretched from 0 to 1; those that are not finite become 0."""
    values = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    spread = float(np.ptp(values)) if values.size else 0.0
    return np.asarray((values - values.min()) / (spread or 1.0))


def enlarged(image: Array, side: int = _LARGE) -> Array:
    """Return an image with each pixel repeated, until its longer side is that long."""
    factor = -(-side // max(image.shape[:2]))
    return np.asarray(image.repeat(factor, axis=0).repeat(factor, axis=1))
