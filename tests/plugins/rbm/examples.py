"""Data for RBMs: images of three classes, and a table whose columns depend on one of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data import ArraySplit, Dataset
from zoo.spec import DataSpec, Task, TensorSpec

LABELS = ("a", "b", "c")
SHAPE = (4, 3, 1)
QUICK: dict[str, Any] = {
    "hidden": 12,
    "likelihood": {"epoch_steps": 5, "steps": 200, "runs": 30},
    "mean_field_steps": 5,
}


def image_spec(**image: Any) -> DataSpec:
    tensor = TensorSpec(
        **{"name": "image", "shape": SHAPE, "dtype": "uint8", "range": (0, 255), "role": "image"}
        | image
    )
    label = TensorSpec(name="label", dtype="int64", labels=LABELS)
    return DataSpec(id="x", task=Task.CLASSIFICATION, inputs=(tensor,), targets=(label,))


def images(spec: DataSpec | None = None, rare: int | None = None) -> Dataset:
    """Return images of class k in which row k is bright."""
    random = np.random.default_rng(1)

    def part(count: int) -> ArraySplit:
        classes = np.arange(count) % 3
        if rare is not None:
            classes = np.where((classes == 2) & (np.arange(count) >= rare), 0, classes)
        pixels = random.integers(0, 40, (count, *SHAPE))
        pixels[np.arange(count), classes] += 200
        return ArraySplit({"image": pixels.astype("uint8")}, {"label": classes})

    return Dataset(
        spec or image_spec(),
        lambda: {"train": part(120), "validation": part(30), "test": part(45)},
    )


def write_table(path: Path, rows: int = 240) -> Path:
    """Write measurements of which the last two follow from the first."""
    random = np.random.default_rng(0)
    first = random.standard_normal(rows)
    columns = {
        "height": 170 + 10 * first,
        "weight": 70 + 9 * first + random.standard_normal(rows),
        "waist": 80 - 5 * first + random.standard_normal(rows),
        "kind": np.where(first > 0, "tall", "small"),
    }
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path
