"""The data of the held-out set: small, seeded, and with a structure that a network can learn."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """A compiled network with its data.

    Attributes:
        name: What it is, in words.
        model: The compiled model, with initial weights unless the name says otherwise.
        x: Inputs of training; an array, or one array a name.
        y: Targets of training.
        batch_size: Size of the batches that it is trained with.
        shuffle: Whether the examples are shuffled before each epoch.
        expected: The id of its one illness; ``None`` if it is healthy.
    """

    name: str
    model: keras.Model
    x: Any
    y: Array
    batch_size: int = 32
    shuffle: bool = True
    expected: str | None = None


Builder = Callable[[], Case]


def seeded(build: Builder) -> Builder:
    """Seed the initial weights by the name of the builder, so that each case is always the same."""

    @functools.wraps(build)
    def build_seeded() -> Case:
        keras.utils.set_random_seed(sum(build.__name__.encode()))
        return build()

    return build_seeded


def sick(illness: str) -> Callable[[Builder], Builder]:
    """Mark a builder of a network with this illness."""

    def mark(build: Builder) -> Builder:
        @functools.wraps(build)
        def build_marked() -> Case:
            return dataclasses.replace(seeded(build)(), expected=illness)

        return build_marked

    return mark


def perceptron(
    columns: int, *hidden: layers.Layer, outputs: int, end: str | None
) -> keras.Sequential:
    """Return a multilayer perceptron of these hidden layers."""
    return keras.Sequential([keras.Input((columns,)), *hidden, layers.Dense(outputs, end)])


def customers(count: int = 640, seed: int = 1) -> tuple[Array, Array]:
    """Return raw columns of customers, and whether each left.

    The columns are age in years, yearly income, months since the first order, orders a month, and
    the share of orders sent back. Income is skewed, and goes with age.
    """
    random = np.random.default_rng(seed)
    age = random.uniform(18, 80, count)
    income = np.exp(random.normal(10.3, 0.4, count) + 0.006 * (age - 45))
    months = random.gamma(2.0, 14.0, count)
    orders = random.gamma(2.0, 0.9, count)
    returned = random.beta(1.5, 6.0, count)
    # The young leave if they order little, the old if they send much back.
    young = age < 45
    score = np.where(young, 1.6 - orders, 14 * (returned - 0.2)) - 0.02 * (months - 28)
    left = score + random.normal(0, 0.25, count) > 0
    x = np.stack([age, income, months, orders, returned], axis=1)
    return x.astype("float32"), left.astype("float32")


def standardized(x: Array) -> Array:
    """Return columns with mean 0 and deviation 1."""
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0), "float32")


def houses(count: int = 640, seed: int = 2) -> tuple[Array, Array]:
    """Return standardized columns of houses, and their prices in thousands, about 80 to 900."""
    random = np.random.default_rng(seed)
    area = random.gamma(9.0, 13.0, count)
    rooms = np.clip(np.rint(area / 28 + random.normal(0, 0.8, count)), 1, 9)
    year = random.uniform(1900, 2020, count)
    distance = random.gamma(2.0, 4.0, count)
    garden = random.uniform(size=count) < 0.4
    price = 2.6 * area * np.exp(-0.05 * distance) + 0.35 * (year - 1900) + 60 * garden + 60
    price *= np.exp(random.normal(0, 0.06, count))
    x = np.stack([area, rooms, year, distance, garden], axis=1)
    return standardized(x), price.astype("float32")[:, None]


def mixture(
    count: int = 640, columns: int = 8, classes: int = 4, seed: int = 3
) -> tuple[Array, Array]:
    """Return standardized columns and classes; each class is two clusters that overlap a little."""
    random = np.random.default_rng(seed)
    centers = random.normal(0, 1.5, (2 * classes, columns))
    cluster = random.integers(0, 2 * classes, count)
    x = centers[cluster] + random.normal(0, 0.8, (count, columns))
    return standardized(x), (cluster % classes).astype("int32")


def shapes(count: int = 320, size: int = 12, seed: int = 4) -> tuple[Array, Array]:
    """Return gray images from 0 to 255, and their classes: two bars, a cross and a square."""
    random = np.random.default_rng(seed)
    images = random.normal(60, 18, (count, size, size))
    classes = random.integers(0, 4, count)
    for image, shape in zip(images, classes, strict=True):
        row, column = random.integers(2, size - 2, 2)
        bright = random.uniform(90, 150)
        if shape in (0, 2):
            image[row, :] += bright
        if shape in (1, 2):
            image[:, column] += bright
        if shape == 3:
            image[row - 2 : row + 3, column - 2 : column + 3] += bright
    return np.clip(images, 0, 255).astype("float32")[..., None], classes.astype("int32")


def sentences(
    count: int = 480, words: int = 40, padded_to: int = 14, seed: int = 5
) -> tuple[Array, Array]:
    """Return token ids padded at the end with 0, and whether praise outweighs blame.

    Of the words 1 to 39 the first eight praise and the next eight blame. Sentences have 4 to 13.
    """
    random = np.random.default_rng(seed)
    x = np.zeros((count, padded_to), "int32")
    y = np.zeros(count, "float32")
    for at in range(count):
        length = random.integers(4, 14)
        mood = random.integers(0, 2)
        spoken = random.integers(17, words, length)
        telling = random.choice(length, size=max(1, length // 3), replace=False)
        spoken[telling] = random.integers(1, 9, len(telling)) + 8 * (1 - mood)
        x[at, :length], y[at] = spoken, mood
    return x, y


def waves(count: int = 320, steps: int = 40, seed: int = 6) -> tuple[Array, Array]:
    """Return noisy waves as `(count, steps, 1)`, and which of three frequencies each has."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, 3, count)
    frequency = np.array([1.0, 2.0, 4.0])[classes]
    phase = random.uniform(0, 2 * np.pi, count)
    time = np.linspace(0, 1, steps)
    x = np.sin(2 * np.pi * frequency[:, None] * time + phase[:, None])
    x += random.normal(0, 0.25, x.shape)
    return x[..., None].astype("float32"), classes.astype("int32")
