"""The healthy networks of the held-out set: ordinary ones, some of them easy to suspect."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from tests.plugins.diagnose.held_out_data import (
    Builder,
    Case,
    customers,
    houses,
    mixture,
    seeded,
    sentences,
    shapes,
    standardized,
    waves,
)


@seeded
def churn_with_normalization_layer() -> Case:
    """Raw columns of very different sizes, which the model normalizes itself."""
    x, y = customers(seed=21)
    normalize = layers.Normalization()
    normalize.adapt(x)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            normalize,
            layers.Dense(32, "relu"),
            layers.Dense(16, "relu"),
            layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy", metrics=["accuracy"])
    return Case("perceptron with a normalization layer on raw columns", model, x, y)


@seeded
def images_by_convolutions() -> Case:
    """Images of 0 to 255, rescaled in the model; logits with a loss that expects them."""
    x, y = shapes(seed=22)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(12, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(24, 3, activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(4),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.005), loss, metrics=["accuracy"])
    return Case("convolutional network with a rescaling layer", model, x, y)


@seeded
def moods_by_lstm() -> Case:
    """Sentences of different lengths with their padding masked."""
    x, y = sentences(seed=23)
    model = keras.Sequential(
        [
            keras.Input((14,), dtype="int32"),
            layers.Embedding(40, 16, mask_zero=True),
            layers.LSTM(16),
            layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.RMSprop(0.005), "binary_crossentropy", metrics=["accuracy"])
    return Case("LSTM with masked padding", model, x, y)


@seeded
def moods_by_transformer_block() -> Case:
    """One block of attention with residuals and layer normalization, and masked pooling."""
    x, y = sentences(seed=24)
    tokens = keras.Input((14,), dtype="int32")
    embedded = layers.Embedding(40, 24, mask_zero=True)(tokens)
    attended = layers.MultiHeadAttention(2, 12)(embedded, embedded)
    hidden = layers.LayerNormalization()(embedded + attended)
    inner = layers.Dense(24)(layers.Dense(48, "gelu")(hidden))
    hidden = layers.LayerNormalization()(hidden + inner)
    answer = layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling1D()(hidden))
    model = keras.Model(tokens, answer)
    model.compile(keras.optimizers.AdamW(0.002), "binary_crossentropy", metrics=["accuracy"])
    return Case("transformer block with masked padding", model, x, y)


@seeded
def images_through_autoencoder() -> Case:
    """Pixels from 0 to 1 through a code of 12 numbers; the targets are the inputs."""
    x = shapes(seed=25)[0] / 255
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Flatten(),
            layers.Dense(32, "elu"),
            layers.Dense(12, name="code"),
            layers.Dense(32, "elu"),
            layers.Dense(144, "sigmoid"),
            layers.Reshape((12, 12, 1)),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), "mse")
    return Case("autoencoder", model, x, x)


@seeded
def residual_network_of_ten_blocks() -> Case:
    """A deep network that its residual connections keep trainable."""
    x, y = mixture(seed=26)
    inputs = keras.Input((8,))
    hidden = layers.Dense(24)(inputs)
    for _ in range(10):
        inner = layers.BatchNormalization()(hidden)
        inner = layers.Dense(24, "relu", kernel_initializer="he_normal")(inner)
        hidden = layers.Add()([hidden, layers.Dense(24)(inner)])
    answer = layers.Dense(4, "softmax")(layers.BatchNormalization()(hidden))
    model = keras.Model(inputs, answer)
    optimizer = keras.optimizers.SGD(0.02, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Case("residual network with batch normalization", model, x, y)


@seeded
def prices_by_perceptron() -> Case:
    """Prices, standardized, from a table."""
    x, price = houses(seed=27)
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(32, "silu"), layers.Dense(32, "silu"), layers.Dense(1)]
    )
    model.compile(keras.optimizers.Nadam(0.002), "mse", metrics=["mae"])
    return Case("regression on standardized targets", model, x, standardized(price))


@seeded
def rare_defects() -> Case:
    """Seven examples of a hundred are defects; nothing is wrong with that."""
    random = np.random.default_rng(28)
    x = random.normal(size=(900, 6)).astype("float32")
    score = x[:, 0] + x[:, 1] * x[:, 2]
    y = (score > np.quantile(score, 0.93)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(32, "relu"),
            layers.Dense(16, "relu"),
            layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.004), "binary_crossentropy", metrics=["accuracy"])
    return Case("imbalanced classes", model, x, y)


@seeded
def sixty_examples() -> Case:
    """Little data, dropout and weight decay, small batches."""
    x, y = mixture(60, columns=5, classes=2, seed=29)
    decay = keras.regularizers.L2(1e-3)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(24, "tanh", kernel_regularizer=decay),
            layers.Dropout(0.3),
            layers.Dense(2, "softmax", kernel_regularizer=decay),
        ]
    )
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Case("sixty examples", model, x, y, batch_size=8)


@seeded
def symptoms() -> Case:
    """Thirty questions answered by yes or no, most of them by no."""
    random = np.random.default_rng(30)
    rates = random.uniform(0.05, 0.25, (3, 30))
    for disease in range(3):
        rates[disease, 6 * disease : 6 * disease + 6] = random.uniform(0.5, 0.9, 6)
    y = random.integers(0, 3, 600).astype("int32")
    x = (random.uniform(size=(600, 30)) < rates[y]).astype("float32")
    model = keras.Sequential(
        [keras.Input((30,)), layers.Dense(24, "relu"), layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Case("binary features", model, x, y)


@seeded
def rents_by_district() -> Case:
    """Twelve districts and four kinds of flat, one-hot, and the size; mean absolute error."""
    random = np.random.default_rng(31)
    district, kind = random.integers(0, 12, 600), random.integers(0, 4, 600)
    size = random.normal(size=600)
    levels, factors = random.normal(size=12), np.array([0.4, 0.7, 1.0, 1.3])
    rent = levels[district] + factors[kind] * size + random.normal(0, 0.1, 600)
    x = np.concatenate([np.eye(12)[district], np.eye(4)[kind], size[:, None]], axis=1)
    model = keras.Sequential(
        [keras.Input((17,)), layers.Dense(48, "relu"), layers.Dense(24, "relu"), layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.003), "mae")
    return Case("one-hot features", model, x.astype("float32"), standardized(rent)[:, None])


@seeded
def claims_with_outliers() -> Case:
    """Insurance claims: heavy tails, which stay in the data, and a loss that bears them."""
    random = np.random.default_rng(32)
    x = random.standard_t(3, (700, 6))
    y = 0.8 * x[:, 0] + np.abs(x[:, 1]) - 0.5 * x[:, 2] * (x[:, 3] > 0)
    y += 0.2 * random.standard_t(3, 700)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(32, "leaky_relu"),
            layers.Dense(32, "leaky_relu"),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), keras.losses.Huber())
    return Case("features with outliers", model, standardized(x), standardized(y)[:, None])


@seeded
def waves_in_recorded_order() -> Case:
    """Not shuffled, which is harmless: the examples already lie in a random order."""
    x, y = waves(seed=33)
    model = keras.Sequential(
        [
            keras.Input((40, 1)),
            layers.Conv1D(16, 5, strides=2, activation="relu"),
            layers.GRU(16),
            layers.Dense(3, "softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Case("convolution and GRU, examples not shuffled", model, x, y, shuffle=False)


@seeded
def pairs_of_inputs() -> Case:
    """Two inputs by name through one shared layer: whether two points are of one cluster."""
    random = np.random.default_rng(34)
    x, y = mixture(1200, columns=4, classes=3, seed=34)
    first, second = x[:600], x[600:]
    same = (y[:600] == y[600:]).astype("float32")
    order = random.permutation(600)
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    encode = keras.Sequential([layers.Dense(24, "relu"), layers.Dense(12, "relu")])
    apart = ops.abs(encode(left) - encode(right))
    model = keras.Model(
        {"left": left, "right": right},
        layers.Dense(1, "sigmoid")(layers.Dense(16, "relu")(apart)),
    )
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    given = {"left": first[order], "right": second[order]}
    return Case("two named inputs and a shared encoder", model, given, same[order])


HEALTHY: tuple[Builder, ...] = (
    churn_with_normalization_layer,
    images_by_convolutions,
    moods_by_lstm,
    moods_by_transformer_block,
    images_through_autoencoder,
    residual_network_of_ten_blocks,
    prices_by_perceptron,
    rare_defects,
    sixty_examples,
    symptoms,
    rents_by_district,
    claims_with_outliers,
    waves_in_recorded_order,
    pairs_of_inputs,
)
