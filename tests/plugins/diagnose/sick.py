"""Sick networks: small models with data, each with one thing wrong, and the name of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

Case = tuple[keras.Model, Any, dict[str, Any]]
"""Model, data, and further arguments of ``diagnose``."""

SICK: dict[str, tuple[str, Callable[[], Case]]] = {}
"""The problem and the builder of each network, by name."""


def sick(problem: str) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    """Enter a network into the suite."""

    def enter(build: Callable[[], Case]) -> Callable[[], Case]:
        SICK[build.__name__] = problem, build
        return build

    return enter


def table(count: int = 400, features: int = 12, classes: int = 3) -> tuple[Any, Any]:
    """Return standard normal rows, and classes of a tanh of them, with noise."""
    random = np.random.default_rng(3)
    x = random.standard_normal((count, features)).astype("float32")
    hidden = np.tanh(x @ random.standard_normal((features, 6)))
    scores = hidden @ random.standard_normal((6, classes)) + 0.2 * random.standard_normal(
        (count, classes)
    )
    return x, scores.argmax(axis=1)


def numbers(count: int = 400, features: int = 12) -> tuple[Any, Any]:
    """Return standard normal rows, and a smooth function of them of mean 0 and spread 1."""
    random = np.random.default_rng(4)
    x = random.standard_normal((count, features)).astype("float32")
    y = np.tanh(x @ random.standard_normal(features)) + 0.3 * x[:, 0] * x[:, 1]
    y += 0.1 * random.standard_normal(count)
    return x, ((y - y.mean()) / y.std()).astype("float32")[:, None]


def sentences(count: int = 300, steps: int = 30, after: bool = True) -> tuple[Any, Any]:
    """Return sequences of 1 to 9 tokens, filled up with zeros, and the class of their tokens."""
    random = np.random.default_rng(5)
    x, y = np.zeros((count, steps), "int32"), random.integers(0, 2, count)
    for row, label in enumerate(y):
        length = int(random.integers(4, 10))
        words = random.integers(1, 20, length) + 20 * label * (random.random(length) < 0.7)
        x[row, :length] = words
    return x, y


def classifier(
    *hidden: Any,
    shape: tuple[int, ...] = (12,),
    classes: int = 3,
    rate: float = 1e-2,
    **options: Any,
) -> keras.Model:
    """Return a compiled softmax classifier with these hidden layers."""
    head = layers.Dense(classes, options.pop("head", "softmax"))
    model = keras.Sequential([keras.Input(shape), *hidden, head])
    loss = options.pop("loss", "sparse_categorical_crossentropy")
    model.compile(options.pop("optimizer", keras.optimizers.Adam(rate)), loss)
    return model


def regressor(*hidden: Any, shape: tuple[int, ...] = (12,), rate: float = 1e-2) -> keras.Model:
    """Return a compiled model of one number."""
    model = keras.Sequential([keras.Input(shape), *hidden, layers.Dense(1)])
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model


@sick("vanishing-gradients")
def twelve_sigmoids() -> Case:
    return classifier(*[layers.Dense(16, "sigmoid") for _ in range(12)]), table(), {}


@sick("vanishing-gradients")
def ten_small_layers() -> Case:
    small = keras.initializers.RandomNormal(stddev=0.01)
    hidden = [layers.Dense(32, "relu", kernel_initializer=small) for _ in range(8)]
    return classifier(*hidden), table(), {}


@sick("exploding-gradients")
def ten_large_layers() -> Case:
    large = keras.initializers.RandomNormal(stddev=1.0)
    hidden = [layers.Dense(32, "relu", kernel_initializer=large) for _ in range(10)]
    return classifier(*hidden), table(), {}


@sick("exploding-gradients")
def a_recurrence_that_grows() -> Case:
    random = np.random.default_rng(0)
    x = random.standard_normal((300, 40, 4)).astype("float32")
    y = (x.mean(axis=(1, 2)) > 0).astype(int)
    grow = layers.SimpleRNN(
        16, "linear", recurrent_initializer=keras.initializers.RandomNormal(stddev=0.6)
    )
    return classifier(grow, shape=(40, 4), classes=2), (x, y), {}


@sick("exploding-gradients")
def a_chaotic_recurrence() -> Case:
    """Its states are bounded, and differences of its loss show no slope."""
    random = np.random.default_rng(0)
    x = random.standard_normal((300, 50, 4)).astype("float32")
    y = x.sum(axis=(1, 2))[:, None] / 14
    large = keras.initializers.Orthogonal(gain=5)
    state = layers.SimpleRNN(24, "tanh", recurrent_initializer=large)
    return regressor(state, shape=(50, 4)), (x, y), {}


@sick("dead-units")
def biases_far_below_zero() -> Case:
    low = keras.initializers.Constant(-20.0)
    hidden = [layers.Dense(32, "relu", bias_initializer=low), layers.Dense(16, "relu")]
    return classifier(*hidden), table(), {}


@sick("saturated-units")
def large_weights_before_tanh() -> Case:
    large = keras.initializers.RandomNormal(stddev=5.0)
    hidden = [layers.Dense(32, "tanh", kernel_initializer=large) for _ in range(3)]
    return classifier(*hidden), table(), {}


@sick("no-nonlinearity")
def three_linear_layers() -> Case:
    return classifier(layers.Dense(32), layers.Dense(32)), table(), {}


@sick("softmax-twice")
def a_softmax_before_a_loss_of_logits() -> Case:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return classifier(layers.Dense(32, "relu"), loss=loss), table(), {}


@sick("softmax-twice")
def a_softmax_layer_after_a_softmax() -> Case:
    model = keras.Sequential(
        [keras.Input((12,)), layers.Dense(32, "relu"), layers.Dense(3, "softmax"), layers.Softmax()]
    )
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    return model, table(), {}


@sick("loss-from-logits")
def logits_taken_for_probabilities() -> Case:
    return classifier(layers.Dense(32, "relu"), head=None), table(), {}


@sick("loss-from-logits")
def a_linear_output_with_binary_crossentropy() -> Case:
    x, y = table(classes=2)
    model = keras.Sequential([keras.Input((12,)), layers.Dense(32, "relu"), layers.Dense(1)])
    model.compile("adam", "binary_crossentropy")
    return model, (x, y), {}


@sick("wrong-loss")
def squared_errors_of_classes() -> Case:
    return classifier(layers.Dense(32, "relu"), loss="mse"), table(), {}


@sick("wrong-loss")
def one_hot_loss_with_indices() -> Case:
    return classifier(layers.Dense(32, "relu"), loss="categorical_crossentropy"), table(), {}


@sick("wrong-loss")
def crossentropy_of_numbers() -> Case:
    model = keras.Sequential(
        [keras.Input((12,)), layers.Dense(32, "relu"), layers.Dense(1, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy")
    return model, numbers(), {}


@sick("labels-out-of-range")
def classes_from_one() -> Case:
    x, y = table()
    return classifier(layers.Dense(32, "relu")), (x, y + 1), {}


@sick("learning-rate-too-high")
def a_rate_of_five() -> Case:
    hidden = [layers.Dense(32, "relu"), layers.Dense(32, "relu")]
    return classifier(*hidden, optimizer=keras.optimizers.Adam(5.0)), table(), {}


@sick("learning-rate-too-high")
def plain_descent_with_a_rate_of_twenty() -> Case:
    hidden = [layers.Dense(32, "tanh"), layers.Dense(32, "tanh")]
    return classifier(*hidden, optimizer=keras.optimizers.SGD(20.0, 0.9)), table(), {}


@sick("learning-rate-too-low")
def a_rate_of_a_millionth() -> Case:
    return classifier(layers.Dense(32, "relu"), rate=1e-6), table(), {}


@sick("inputs-not-scaled")
def raw_pixels() -> Case:
    random = np.random.default_rng(1)
    y = random.integers(0, 4, 300)
    x = random.integers(0, 120, (300, 12, 12, 1)).astype("float32")
    for row, label in enumerate(y):
        x[row, 3 * label : 3 * label + 3] += 120
    hidden = [layers.Conv2D(8, 3, activation="relu"), layers.Flatten(), layers.Dense(32, "tanh")]
    return classifier(*hidden, shape=(12, 12, 1), classes=4), (x, y), {}


@sick("inputs-not-scaled")
def a_column_of_incomes() -> Case:
    x, y = table()
    x = x.copy()
    x[:, 2] = 40_000 + 9_000 * x[:, 2]
    return classifier(layers.Dense(32, "relu")), (x, y), {}


@sick("targets-not-scaled")
def prices_of_houses() -> Case:
    x, y = numbers()
    return regressor(layers.Dense(32, "relu")), (x, 250_000 + 80_000 * y), {}


@sick("shuffled-labels")
def labels_in_another_order() -> Case:
    x, y = table(600)
    y = np.random.default_rng(0).permutation(y)
    return classifier(layers.Dense(128, "relu"), layers.Dense(64, "relu")), (x, y), {}


@sick("shuffled-labels")
def numbers_in_another_order() -> Case:
    x, y = numbers(600)
    y = np.random.default_rng(0).permutation(y)
    return regressor(layers.Dense(128, "relu"), layers.Dense(64, "relu")), (x, y), {}


@sick("constant-features")
def half_of_the_columns_never_change() -> Case:
    x, y = table()
    x = np.concatenate([x, np.full((len(x), 12), 3.5, "float32")], axis=1)
    return classifier(layers.Dense(32, "relu"), shape=(24,)), (x, y), {}


@sick("bad-values")
def one_missing_cell() -> Case:
    x, y = table(3_000)
    x = x.copy()
    x[2_345, 7] = np.nan
    return classifier(layers.Dense(32, "relu")), (x, y), {}


@sick("bad-values")
def an_infinite_target() -> Case:
    x, y = numbers()
    y = y.copy()
    y[17] = np.inf
    return regressor(layers.Dense(32, "relu")), (x, y), {}


@sick("frozen-layers")
def hidden_layers_that_never_learn() -> Case:
    hidden = [layers.Dense(64, "relu", trainable=False), layers.Dense(32, "relu", trainable=False)]
    return classifier(*hidden), table(), {}


@sick("frozen-layers")
def nothing_is_trainable() -> Case:
    model = classifier(layers.Dense(32, "relu"))
    model.trainable = False
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    return model, table(), {}


@sick("batch-norm-of-one")
def normalization_of_single_examples() -> Case:
    hidden = [layers.Dense(32), layers.BatchNormalization(), layers.Activation("relu")]
    return classifier(*hidden), table(), {"batch_size": 1}


@sick("unmasked-padding")
def a_recurrence_over_padding() -> Case:
    hidden = [layers.Embedding(60, 8), layers.LSTM(16)]
    return classifier(*hidden, shape=(30,), classes=2), sentences(), {}


@sick("unmasked-padding")
def a_mean_over_padding() -> Case:
    hidden = [layers.Embedding(60, 8), layers.GlobalAveragePooling1D()]
    return classifier(*hidden, shape=(30,), classes=2), sentences(), {}


@sick("missing-shuffle")
def one_class_after_the_other() -> Case:
    x, y = table()
    order = np.argsort(y, kind="stable")
    return classifier(layers.Dense(32, "relu")), (x[order], y[order]), {}


@sick("zero-initialization")
def weights_of_zero() -> Case:
    hidden = [layers.Dense(32, "relu", kernel_initializer="zeros") for _ in range(2)]
    return classifier(*hidden), table(), {}


@sick("zero-initialization")
def units_that_are_all_alike() -> Case:
    same = keras.initializers.Constant(0.1)
    hidden = [layers.Dense(32, "tanh", kernel_initializer=same)]
    model = keras.Sequential(
        [keras.Input((12,)), *hidden, layers.Dense(3, "softmax", kernel_initializer=same)]
    )
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    return model, table(), {}


@sick("leaked-target")
def the_answer_among_the_columns() -> Case:
    x, y = table()
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(y))
    x = np.concatenate([x, (y + noise)[:, None].astype("float32")], axis=1)
    return classifier(layers.Dense(32, "relu"), shape=(13,)), (x, y), {}


@sick("leaked-target")
def the_number_among_the_columns() -> Case:
    x, y = numbers()
    x = np.concatenate([x, 2 * y + 0.5], axis=1).astype("float32")
    return regressor(layers.Dense(32, "relu"), shape=(13,)), (x, y), {}


@sick("no-gradient")
def a_stopped_gradient() -> Case:
    stop = layers.Lambda(keras.ops.stop_gradient, output_shape=(32,))
    hidden = [layers.Dense(32, "relu"), stop, layers.Dense(16, "relu")]
    return classifier(*hidden), table(), {}
