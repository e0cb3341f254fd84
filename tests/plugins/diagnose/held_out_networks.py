"""Networks that are sick by their weights, activations or loss: one mistake each."""

from __future__ import annotations

import keras
from keras import layers

from tests.plugins.diagnose.held_out_data import (
    Builder,
    Case,
    customers,
    houses,
    mixture,
    perceptron,
    shapes,
    sick,
    standardized,
    waves,
)


@sick("vanishing-gradients")
def sigmoid_network_of_ten_layers() -> Case:
    """Sigmoids all the way down, as in old textbooks."""
    x, y = mixture(seed=41)
    hidden = [layers.Dense(24, "sigmoid") for _ in range(10)]
    model = perceptron(8, *hidden, outputs=4, end="softmax")
    model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy")
    return Case("ten sigmoid layers", model, x, y)


@sick("vanishing-gradients")
def tanh_network_with_small_weights() -> Case:
    """``random_normal`` has a deviation of 0.05 whatever the size of the layer."""
    x, y = customers(seed=42)
    hidden = [layers.Dense(16, "tanh", kernel_initializer="random_normal") for _ in range(8)]
    model = perceptron(5, *hidden, outputs=1, end="sigmoid")
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "binary_crossentropy")
    return Case("eight tanh layers of small weights", model, standardized(x), y)


@sick("exploding-gradients")
def relu_network_with_large_weights() -> Case:
    """Weights of deviation 0.7, whatever the number of inputs."""
    x, price = houses(seed=43)
    normal = keras.initializers.RandomNormal(stddev=0.7)
    hidden = [layers.Dense(28, "relu", kernel_initializer=normal) for _ in range(6)]
    model = perceptron(5, *hidden, outputs=1, end=None)
    model.compile(keras.optimizers.Adam(0.001), "mse")
    return Case("six ReLU layers of large weights", model, x, standardized(price))


@sick("exploding-gradients")
def recurrent_network_of_relus() -> Case:
    """A simple recurrent layer with ReLU and recurrent weights that grow the state by the step."""
    x, y = waves(seed=44)
    model = keras.Sequential(
        [
            keras.Input((40, 1)),
            layers.SimpleRNN(
                24,
                "relu",
                recurrent_initializer=keras.initializers.RandomNormal(stddev=0.35),
            ),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
    return Case("recurrent layer of ReLUs over forty steps", model, x, y)


@sick("dead-units")
def hidden_layer_with_the_bias_of_a_detector() -> Case:
    """A bias that rare classes want at the output, copied into a hidden layer."""
    x, y = mixture(seed=45)
    rare = keras.initializers.Constant(-2.0)
    hidden = [layers.Dense(32, "relu", bias_initializer=rare), layers.Dense(32, "relu")]
    model = perceptron(8, *hidden, outputs=4, end="softmax")
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
    return Case("ReLU layer with a bias of -2", model, x, y)


@sick("dead-units")
def convolutions_killed_by_large_steps() -> Case:
    """A model taken over from a run whose learning rate was too high; the present one is not."""
    images, y = shapes(seed=46)
    x = images / 255
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(24, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.3), "sparse_categorical_crossentropy")
    for start in range(0, 320, 64):
        model.train_on_batch(x[start : start + 64], y[start : start + 64])
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
    return Case("convolutions with dead channels after an earlier run", model, x, y)


@sick("saturated-units")
def tanh_layers_of_unit_normal_weights() -> Case:
    """Weights of deviation 1 before a tanh: in the second layer most units are at -1 or 1."""
    x, y = mixture(seed=47)
    normal = keras.initializers.RandomNormal(stddev=1.0)
    hidden = [layers.Dense(48, "tanh", kernel_initializer=normal) for _ in range(2)]
    model = perceptron(8, *hidden, outputs=4, end="softmax")
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
    return Case("two saturated tanh layers", model, x, y)


@sick("saturated-units")
def sigmoid_layer_of_large_uniform_weights() -> Case:
    """Uniform weights from -2 to 2, which a wide layer sums far beyond where a sigmoid bends."""
    x, y = customers(seed=48)
    uniform = keras.initializers.RandomUniform(-2, 2)
    hidden = [
        layers.Dense(64, "relu", kernel_initializer="he_normal"),
        layers.Dense(32, "sigmoid", kernel_initializer=uniform),
    ]
    model = perceptron(5, *hidden, outputs=1, end="sigmoid")
    model.compile(keras.optimizers.Adam(0.002), "binary_crossentropy")
    return Case("saturated sigmoid layer", model, standardized(x), y)


@sick("no-nonlinearity")
def perceptron_without_activations() -> Case:
    """The argument ``activation`` was forgotten everywhere."""
    x, y = customers(seed=49)
    hidden = [layers.Dense(48), layers.Dense(24), layers.Dense(12)]
    model = perceptron(5, *hidden, outputs=1, end="sigmoid")
    model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy", metrics=["accuracy"])
    return Case("perceptron without activations", model, standardized(x), y)


@sick("softmax-twice")
def softmax_with_a_loss_for_logits() -> Case:
    """The model ends in a softmax, and the loss applies another."""
    x, y = mixture(seed=50)
    model = perceptron(8, layers.Dense(32, "relu"), outputs=4, end="softmax")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss, metrics=["accuracy"])
    return Case("softmax, and a loss that expects logits", model, x, y)


@sick("softmax-twice")
def probability_model_around_a_softmax() -> Case:
    """A wrapper that turns logits into probabilities, around a model that has them already."""
    images, y = shapes(seed=51)
    inner = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(12, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(24, 3, activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(4, "softmax"),
        ]
    )
    model = keras.Sequential([keras.Input((12, 12, 1)), inner, layers.Softmax()])
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    return Case("softmax layer around a softmax", model, images / 255, y)


@sick("missing-from-logits")
def logits_with_a_loss_by_name() -> Case:
    """The name of a loss means probabilities; the model gives logits."""
    x, y = mixture(seed=52)
    hidden = [layers.Dense(32, "relu"), layers.Dense(16, "relu")]
    model = perceptron(8, *hidden, outputs=4, end=None)
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    return Case("logits of four classes without from_logits", model, x, y)


@sick("missing-from-logits")
def one_logit_with_binary_crossentropy() -> Case:
    """One logit for yes or no."""
    x, y = customers(seed=53)
    hidden = [layers.Dense(32, "relu"), layers.Dense(16, "relu")]
    model = perceptron(5, *hidden, outputs=1, end=None)
    model.compile(keras.optimizers.Adam(0.003), keras.losses.BinaryCrossentropy())
    return Case("one logit without from_logits", model, standardized(x), y)


@sick("wrong-loss")
def three_classes_as_yes_or_no() -> Case:
    """A third class came later; the model is still that for two."""
    x, y = mixture(classes=3, seed=54)
    model = perceptron(8, layers.Dense(32, "relu"), outputs=1, end="sigmoid")
    model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy", metrics=["accuracy"])
    return Case("binary cross-entropy on three classes", model, x, y.astype("float32"))


@sick("wrong-loss")
def crossentropy_on_minus_one_and_one() -> Case:
    """Labels of a support vector machine, -1 and 1, with binary cross-entropy."""
    x, y = customers(seed=55)
    model = perceptron(5, layers.Dense(32, "relu"), outputs=1, end="sigmoid")
    model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy", metrics=["accuracy"])
    return Case("binary cross-entropy on -1 and 1", model, standardized(x), 2 * y - 1)


NETWORKS: tuple[Builder, ...] = (
    sigmoid_network_of_ten_layers,
    tanh_network_with_small_weights,
    relu_network_with_large_weights,
    recurrent_network_of_relus,
    hidden_layer_with_the_bias_of_a_detector,
    convolutions_killed_by_large_steps,
    tanh_layers_of_unit_normal_weights,
    sigmoid_layer_of_large_uniform_weights,
    perceptron_without_activations,
    softmax_with_a_loss_for_logits,
    probability_model_around_a_softmax,
    logits_with_a_loss_by_name,
    one_logit_with_binary_crossentropy,
    three_classes_as_yes_or_no,
    crossentropy_on_minus_one_and_one,
)
