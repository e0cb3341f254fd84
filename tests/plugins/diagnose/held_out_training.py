"""Networks that are sick by their data or the way they are trained: one mistake each."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from tests.plugins.diagnose.held_out_data import (
    Builder,
    Case,
    customers,
    houses,
    mixture,
    perceptron,
    sentences,
    shapes,
    sick,
    standardized,
)


@sick("rate-too-high")
def adam_with_a_rate_of_one() -> Case:
    """1.0, the rate of another optimizer."""
    images, y = shapes(seed=56)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(12, 3, activation="leaky_relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="leaky_relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(1.0), "sparse_categorical_crossentropy")
    return Case("Adam with a learning rate of 1", model, images / 255, y)


@sick("rate-too-high")
def momentum_with_a_large_rate() -> Case:
    """Momentum was added to a rate that was large already."""
    x, price = houses(seed=57)
    model = perceptron(5, layers.Dense(48, "relu"), layers.Dense(24, "relu"), outputs=1, end=None)
    model.compile(keras.optimizers.SGD(0.5, momentum=0.9), "mse")
    return Case("SGD with momentum and a rate of 0.5", model, x, standardized(price))


@sick("rate-too-low")
def adam_with_a_rate_for_fine_tuning() -> Case:
    """A rate for the last touches of fine-tuning, on a network that starts from nothing."""
    x, y = mixture(seed=58)
    hidden = [layers.Dense(32, "relu"), layers.Dense(16, "relu")]
    model = perceptron(8, *hidden, outputs=4, end="softmax")
    model.compile(keras.optimizers.Adam(1e-7), "sparse_categorical_crossentropy")
    return Case("Adam with a learning rate of 1e-7", model, x, y)


@sick("rate-too-low")
def sgd_with_a_rate_for_adam() -> Case:
    """A small rate of Adam, kept when the optimizer became plain SGD."""
    x, price = houses(seed=59)
    model = perceptron(5, layers.Dense(48, "tanh"), layers.Dense(16, "tanh"), outputs=1, end=None)
    model.compile(keras.optimizers.SGD(1e-6), "mse")
    return Case("SGD with a learning rate of 1e-6", model, x, standardized(price))


@sick("inputs-not-scaled")
def raw_columns() -> Case:
    """Income in tens of thousands beside shares, as they come from the database."""
    x, y = customers(seed=60)
    model = perceptron(5, layers.Dense(32, "relu"), layers.Dense(16, "relu"), outputs=1,
                        end="sigmoid")  # fmt: skip
    model.compile(keras.optimizers.Adam(0.001), "binary_crossentropy", metrics=["accuracy"])
    return Case("raw columns of customers", model, x, y)


@sick("targets-not-scaled")
def prices_in_single_units() -> Case:
    """Prices of hundreds of thousands as targets of a mean squared error."""
    x, price = houses(seed=61)
    model = perceptron(5, layers.Dense(32, "relu"), layers.Dense(32, "relu"), outputs=1, end=None)
    model.compile(keras.optimizers.Adam(0.001), "mse", metrics=["mae"])
    return Case("prices in single units", model, x, 1000 * price)


@sick("shuffled-labels")
def table_joined_by_the_wrong_order() -> Case:
    """Features were sorted again after the labels had been taken off."""
    x, y = mixture(seed=62)
    order = np.random.default_rng(62).permutation(len(x))
    model = perceptron(8, layers.Dense(48, "relu"), layers.Dense(24, "relu"), outputs=4,
                        end="softmax")  # fmt: skip
    optimizer = keras.optimizers.Adam(0.003)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Case("labels in another order than the rows", model, x[order], y)


@sick("constant-features")
def sensors_that_are_off() -> Case:
    """Five of twelve sensors report one value forever."""
    live, y = mixture(columns=7, seed=63)
    off = np.tile(np.array([0.0, 0.0, 1.0, -1.0, 0.5], "float32"), (len(live), 1))
    x = np.concatenate([live[:, :4], off, live[:, 4:]], axis=1)
    model = perceptron(12, layers.Dense(32, "relu"), outputs=4, end="softmax")
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    return Case("five constant columns of twelve", model, x, y)


@sick("nan-inputs")
def table_with_empty_cells() -> Case:
    """Two cells of a hundred are empty, and were read as NaN."""
    x, price = houses(seed=64)
    empty = np.random.default_rng(64).uniform(size=x.shape) < 0.02
    model = perceptron(5, layers.Dense(32, "relu"), layers.Dense(16, "relu"), outputs=1, end=None)
    model.compile(keras.optimizers.Adam(0.003), "mse")
    cells = np.where(empty, np.float32(np.nan), x)
    return Case("empty cells", model, cells, standardized(price))


@sick("frozen-layers")
def frozen_base_that_was_never_trained() -> Case:
    """The base of a transfer recipe is frozen, but its weights were not loaded."""
    images, y = shapes(seed=65)
    base = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
        ],
        name="base",
    )
    base.trainable = False
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            base,
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    return Case("frozen base with random weights", model, images / 255, y)


@sick("batch-norm-batch-1")
def batch_normalization_one_by_one() -> Case:
    """Large images allowed one a batch once; the batch size stayed."""
    images, y = shapes(96, seed=66)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(12, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(24, 3, strides=2, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
    return Case("batch normalization with batches of one", model, images / 255, y, batch_size=1)


@sick("unmasked-padding")
def padding_read_by_the_lstm() -> Case:
    """Short sentences padded at the end to 60, which the LSTM reads as words."""
    x, y = sentences(padded_to=60, seed=67)
    model = keras.Sequential(
        [
            keras.Input((60,), dtype="int32"),
            layers.Embedding(40, 16),
            layers.LSTM(16),
            layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    return Case("LSTM over unmasked padding", model, x, y)


@sick("no-shuffle")
def examples_sorted_by_class() -> Case:
    """Read folder by folder, a class after the other, and never shuffled."""
    x, y = mixture(seed=68)
    order = np.argsort(y, kind="stable")
    model = perceptron(8, layers.Dense(32, "relu"), layers.Dense(16, "relu"), outputs=4,
                        end="softmax")  # fmt: skip
    optimizer = keras.optimizers.Adam(0.003)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Case("examples sorted by class", model, x[order], y[order], shuffle=False)


@sick("zero-initialization")
def weights_that_start_at_zero() -> Case:
    """Zeros as neutral starting values."""
    x, y = mixture(seed=69)
    hidden = [layers.Dense(n, "relu", kernel_initializer="zeros") for n in (32, 16)]
    model = keras.Sequential(
        [keras.Input((8,)), *hidden, layers.Dense(4, "softmax", kernel_initializer="zeros")]
    )
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    return Case("weights of zero", model, x, y)


@sick("leaked-target")
def column_written_after_the_fact() -> Case:
    """A column that is only known once the customer has left: the days since the last login."""
    x, y = customers(seed=70)
    random = np.random.default_rng(70)
    since = np.where(y > 0, random.uniform(60, 400, len(y)), random.uniform(0, 40, len(y)))
    table = standardized(np.concatenate([x, since[:, None]], axis=1))
    model = perceptron(6, layers.Dense(32, "relu"), layers.Dense(16, "relu"), outputs=1,
                        end="sigmoid")  # fmt: skip
    model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy", metrics=["accuracy"])
    return Case("a column that gives the target away", model, table, y)


TRAINING: tuple[Builder, ...] = (
    adam_with_a_rate_of_one,
    momentum_with_a_large_rate,
    adam_with_a_rate_for_fine_tuning,
    sgd_with_a_rate_for_adam,
    raw_columns,
    prices_in_single_units,
    table_joined_by_the_wrong_order,
    sensors_that_are_off,
    table_with_empty_cells,
    frozen_base_that_was_never_trained,
    batch_normalization_one_by_one,
    padding_read_by_the_lstm,
    examples_sorted_by_class,
    weights_that_start_at_zero,
    column_written_after_the_fact,
)
