"""Pressure gauges, drawn: the pointer and two printed numbers give a reading and an alarm."""

import numpy as np

from zoo import Column, DataSpec, NamedDataset, Subset, TensorSpec
from zoo.data import ArraySplit, stratified_split

COUNT, SIDE = 1_200, 20


def draw(share, rng):
    """Draw pointers that have gone a share of three quarters of a circle, in gray."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    turned = (columns - 1j * rows) * np.exp(1j * np.pi * (1.5 * share - 1.25))[:, None, None]
    pointer = np.clip(1.5 - np.abs(turned.imag), 0, 1) * (np.abs(turned.real - 3) < 5)
    gray = 40 + 180 * pointer + rng.normal(0, 12, pointer.shape)
    return np.clip(gray, 0, 255).astype("uint8")[..., None]


def load(options):
    """Return the splits. People noted the training data, half of it at a glance."""
    parts = stratified_split(np.zeros(COUNT), **options.shares(), seed=options.split_seed)
    # Not the seed 0: the splits are drawn with it, and the same numbers would decide both.
    rng = np.random.default_rng(1998)
    share, scale = rng.uniform(0, 1, COUNT), rng.uniform(2, 8, COUNT)
    limit = scale * rng.uniform(0.2, 0.8, COUNT)
    noted = np.isin(np.arange(COUNT), parts["train"])
    error = noted * np.where(rng.random(COUNT) < 0.5, 0.03, 0.09)
    # Three times the error is a ninth of the weight: the inverse of the variance.
    weight = np.where(error > 0.03, 1 / 9, 1)
    reading = scale * (share + error * rng.normal(0, 1, COUNT))
    inputs = {"image": draw(share, rng), "numeric": np.float32(np.stack([scale, limit], 1))}
    targets = {"state": (reading > limit).astype("int64"), "reading": np.float32(reading)}
    whole = ArraySplit(inputs, {**targets, "sample_weight": np.float32(weight)})
    return {name: Subset(whole, rows) for name, rows in parts.items()}


PRINTED = (Column(name="scale", unit="bar"), Column(name="limit", unit="bar"))
IMAGE = TensorSpec(name="image", shape=(SIDE, SIDE, 1), dtype="uint8", role="image")
STATE = TensorSpec(name="state", dtype="int64", labels=("normal", "alarm"))
READING, WEIGHT = TensorSpec(name="reading", unit="bar"), TensorSpec(name="sample_weight")
GAUGES = NamedDataset(
    spec=DataSpec(
        id="gauges",
        task="gauge-reading",
        inputs=(IMAGE, TensorSpec(name="numeric", shape=(2,), columns=PRINTED)),
        targets=(STATE, READING, WEIGHT),
    ),
    summary="Images of pressure gauges with their scale and limit, and their state and reading.",
    size="1,200 gauges, drawn",
    license="Apache-2.0",
    source="Drawn by this package.",
    offline=True,
    load=load,
)
