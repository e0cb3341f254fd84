"""Healthy networks: small models with data that learn, some of them in an unusual way."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import layers
from sklearn import datasets

from tests.plugins.diagnose.sick import Case, classifier, numbers, regressor, sentences, table

HEALTHY: dict[str, Callable[[], Case]] = {}
"""The builder of each network, by name."""


def healthy(build: Callable[[], Case]) -> Callable[[], Case]:
    """Enter a network into the suite."""
    HEALTHY[build.__name__] = build
    return build


@healthy
def two_hidden_layers() -> Case:
    return classifier(layers.Dense(32, "relu"), layers.Dense(32, "relu")), table(), {}


@healthy
def a_regression() -> Case:
    return regressor(layers.Dense(32, "relu")), numbers(), {}


@healthy
def a_linear_model_on_purpose() -> Case:
    return classifier(rate=3e-2), table(), {}


@healthy
def a_linear_model_that_starts_at_zero() -> Case:
    model = keras.Sequential(
        [keras.Input((12,)), layers.Dense(3, "softmax", kernel_initializer="zeros")]
    )
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    return model, table(), {}


@healthy
def a_last_layer_that_starts_at_zero() -> Case:
    model = keras.Sequential(
        [
            keras.Input((12,)),
            layers.Dense(32, "relu"),
            layers.Dense(3, "softmax", kernel_initializer="zeros"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, table(), {}


@healthy
def pixels_of_digits_with_corners_that_are_always_dark() -> Case:
    x, y = datasets.load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    hidden = [layers.Dense(64, "relu"), layers.Dropout(0.2)]
    return classifier(*hidden, shape=(64,), classes=10, rate=3e-3), (x, y), {}


@healthy
def raw_columns_behind_a_normalization() -> Case:
    x, y = table()
    x = 500 + 90 * x
    scale = layers.Normalization()
    scale.adapt(x)
    return classifier(scale, layers.Dense(32, "relu")), (x, y), {}


@healthy
def convolutions_with_batch_normalization() -> Case:
    random = np.random.default_rng(1)
    y = random.integers(0, 4, 300)
    x = random.random((300, 12, 12, 1)).astype("float32")
    for row, label in enumerate(y):
        x[row, 3 * label : 3 * label + 3] += 0.5
    hidden = [
        layers.Conv2D(8, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.GlobalAveragePooling2D(),
    ]
    return classifier(*hidden, shape=(12, 12, 1), classes=4), (x, y), {}


@healthy
def a_recurrence_with_a_mask() -> Case:
    hidden = [layers.Embedding(60, 8, mask_zero=True), layers.LSTM(16)]
    return classifier(*hidden, shape=(30,), classes=2), sentences(), {}


@healthy
def a_convolution_over_padded_texts() -> Case:
    hidden = [
        layers.Embedding(60, 8),
        layers.Conv1D(16, 3, activation="relu"),
        layers.GlobalMaxPooling1D(),
    ]
    return classifier(*hidden, shape=(30,), classes=2), sentences(), {}


@healthy
def logits_with_their_loss() -> Case:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return classifier(layers.Dense(32, "gelu"), head=None, loss=loss), table(), {}


@healthy
def one_unit_for_two_classes() -> Case:
    x, y = table(classes=2)
    model = keras.Sequential(
        [keras.Input((12,)), layers.Dense(32, "relu"), layers.Dense(1, "sigmoid")]
    )
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")
    return model, (x, y), {}


@healthy
def frozen_layers_that_were_trained() -> Case:
    x, y = table()
    base = classifier(layers.Dense(32, "relu", name="base"))
    base.fit(x, y, epochs=10, verbose=0)
    fresh = layers.Dense(32, "relu", trainable=False)
    model = classifier(fresh, layers.Dense(16, "relu"))
    fresh.set_weights(base.get_layer("base").get_weights())
    return model, (x, y), {}


@healthy
def a_network_that_was_trained() -> Case:
    x, y = table()
    model = classifier(layers.Dense(32, "relu"), rate=3e-3)
    model.fit(x, y, epochs=15, verbose=0)
    return model, (x, y), {}


@healthy
def an_exclusive_or_that_no_line_separates() -> Case:
    random = np.random.default_rng(2)
    x = random.uniform(-1, 1, (500, 2)).astype("float32")
    y = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype(int)
    return classifier(layers.Dense(32, "relu"), shape=(2,), classes=2), (x, y), {}


@healthy
def a_residual_network() -> Case:
    tensor = keras.Input((12,))
    x = layers.Dense(32)(tensor)
    for _ in range(4):
        y = layers.LayerNormalization()(x)
        y = layers.Dense(32, "relu")(y)
        x = layers.Add()([x, layers.Dense(32, kernel_initializer="zeros")(y)])
    model = keras.Model(tensor, layers.Dense(3, "softmax")(x))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    return model, table(), {}


@healthy
def plain_descent_with_momentum() -> Case:
    hidden = [layers.Dense(32, "tanh"), layers.Dense(32, "tanh")]
    return classifier(*hidden, optimizer=keras.optimizers.SGD(0.05, 0.9)), table(), {}


@healthy
def an_autoencoder() -> Case:
    x, _ = datasets.load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(24, "relu"), layers.Dense(64, "sigmoid")]
    )
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    return model, (x, x), {}


@healthy
def a_table_of_wines() -> Case:
    x, y = datasets.load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype("float32")[order]
    return classifier(layers.Dense(16, "relu"), shape=(13,)), (x, y[order]), {}


@healthy
def two_outputs() -> Case:
    x, y = table()
    tensor = keras.Input((12,))
    h = layers.Dense(32, "relu")(tensor)
    outputs = {
        "kind": layers.Dense(3, "softmax", name="kind")(h),
        "size": layers.Dense(1, name="size")(h),
    }
    model = keras.Model(tensor, outputs)
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    model.compile(keras.optimizers.Adam(1e-2), losses)
    return model, (x, {"kind": y, "size": x[:, :2].sum(axis=1, keepdims=True)}), {}
