"""What a notebook shows of a dataset: its spec, its sizes and a few examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.data.splits import SPLITS
from zoo.errors import ZooError
from zoo.html import Html, box, facts, image, table
from zoo.spec import Column, Dataset, TensorSpec

_EXAMPLES = 5
_COLUMNS = 6
"""Columns of a tabular input that are shown."""

_LETTERS = 160
"""Length at which a text is cut."""


def dataset_html(dataset: Dataset) -> str:
    """Return a dataset with a few examples of its training split.

    The splits are loaded for it. If they cannot be, it says why.
    """
    spec = dataset.spec
    title = f"dataset {spec.id}: {spec.task}"
    tensors = [(one.name, _described(one)) for one in (*spec.inputs, *spec.targets)]
    try:
        sizes = {name: len(dataset.split(name)) for name in SPLITS}
        split = dataset.split("train")
        inputs, targets = split.take(np.arange(min(_EXAMPLES, len(split))))
    except ZooError as error:
        return box(title, facts(tensors), f"The examples cannot be shown: {error.what}.")
    columns = [
        (one, arrays[one.name])
        for tensors_of, arrays in ((spec.inputs, inputs), (spec.targets, targets))
        for one in tensors_of
        if one.name in arrays
    ]
    rows = [
        [_shown(values[at], one) for one, values in columns]
        for at in range(min(_EXAMPLES, len(split)))
    ]
    splits = ", ".join(f"{count:,} {name}" for name, count in sizes.items())
    return box(
        title,
        facts([("examples", splits), *tensors]),
        table([one.name for one, _ in columns], rows),
    )


def _described(tensor: TensorSpec) -> str:
    """Return type, shape, classes, columns and unit of a tensor."""
    shape = " × ".join(map(str, tensor.shape))
    parts = [f"{tensor.dtype} {shape}".strip(), tensor.unit or ""]
    if tensor.labels:
        parts.append(f"{len(tensor.labels):,} classes")
    if tensor.columns:
        parts.append(f"{len(tensor.columns):,} columns")
    if tensor.text:
        parts.append("text")
    return ", ".join(filter(None, parts))


def _shown(value: np.ndarray[Any, Any], tensor: TensorSpec) -> Any:
    """Return one tensor of one example as an image, a text, a name or numbers."""
    if tensor.is_image:
        return _thumbnail(value, tensor)
    if tensor.text is not None and value.ndim == 1:
        from zoo.runtime.text import decode_text

        return _cut(decode_text(value[None], tensor.text)[0])
    if value.ndim == 0:
        known = tensor.labels
        if known and 0 <= int(value) < len(known):
            return known[int(value)]
        return value.item()
    if tensor.columns and value.ndim == 1:
        pairs = list(zip(tensor.columns, value.tolist(), strict=True))
        lines = [f"{column.name} {_value(item, column)}" for column, item in pairs[:_COLUMNS]]
        more = len(pairs) - _COLUMNS
        return [*lines, f"and {more} more"] if more > 0 else lines
    numbers = ", ".join(f"{item:.4g}" for item in value.reshape(-1)[:_COLUMNS].tolist())
    return f"{numbers}{', …' if value.size > _COLUMNS else ''}"


def _value(item: float, column: Column) -> str:
    if column.categories is not None:
        return ("another", *column.categories)[int(item)]
    return f"{item:.4g}{f' {column.unit}' if column.unit else ''}"


def _thumbnail(value: np.ndarray[Any, Any], tensor: TensorSpec) -> Html:
    from zoo.metrics.figures import encode_image

    if value.dtype != np.uint8:
        low, high = tensor.range or (float(np.nanmin(value)), float(np.nanmax(value)))
        value = (value.astype(np.float64) - low) / ((high - low) or 1.0)
    return image(encode_image(value, 64), tensor.name)


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
