"""The network of Graves (2013): an LSTM with a window over a text, and a mixture density."""

import math

import keras
import numpy as np
from keras import layers, ops

PACE = 0.05
"""Letters per point at which the window moves at first."""


@keras.saving.register_keras_serializable("zoo_handwriting")
class Writer(layers.Layer):
    """Reads the point before and a window of the text; gives the density of the next point.

    Args:
        characters: Size of the vocabulary, without its four special tokens.
        units: Units of the LSTM.
        bells: Gaussians of the window.
        mixtures: Components of the density.
    """

    def __init__(self, characters, units, bells, mixtures, **kwargs):
        super().__init__(**kwargs)
        self.characters, self.units, self.bells, self.mixtures = characters, units, bells, mixtures
        self.sizes = [units, units, bells, characters]
        self.gates = layers.Dense(4 * units)
        self.look = layers.Dense(3 * bells)
        self.head = layers.Dense(6 * mixtures + 1)

    def build(self, *shapes):
        """Build the parts."""
        self.gates.build((None, 3 + self.characters + self.units))
        self.look.build((None, self.units))
        self.head.build((None, self.units + self.characters))

    def parts(self, state):
        """Return the parts of a state: hidden, cell, place of the bells, window."""
        return ops.split(state, np.cumsum(self.sizes[:-1]).tolist(), axis=-1)

    def step(self, letters, state, point):
        """Return the state after a point, and the weight of every letter in the window."""
        hidden, cell, place, window = self.parts(state)
        gates = self.gates(ops.concatenate([point, window, hidden], axis=-1))
        into, kept, out, new = ops.split(gates, 4, axis=-1)
        # One more for what is kept: an LSTM that forgets at first learns late.
        cell = ops.sigmoid(kept + 1) * cell + ops.sigmoid(into) * ops.tanh(new)
        hidden = ops.sigmoid(out) * ops.tanh(cell)
        # Equations 48 to 51: how high, how narrow and how far each bell of the window is.
        high, narrow, far = ops.split(ops.exp(ops.minimum(self.look(hidden), 5)), 3, axis=-1)
        # Without the factor, the window is at the end before it has learned to read.
        place = place + far * PACE
        apart = ops.expand_dims(place, -1) - ops.arange(letters.shape[1], dtype="float32")
        bells = ops.expand_dims(high, -1) * ops.exp(
            -ops.expand_dims(narrow, -1) * ops.square(apart)
        )
        weights = ops.sum(bells, axis=1)
        window = ops.squeeze(ops.expand_dims(weights, 1) @ letters, 1)
        return ops.concatenate([hidden, cell, place, window], axis=-1), weights

    def density(self, state):
        """Return the parameters of the density of the next point."""
        hidden, _, _, window = self.parts(state)
        return self.head(ops.concatenate([hidden, window], axis=-1))

    def call(self, text, previous):
        """Return the parameters of the density of every point."""
        letters = self.letters(text)

        def advance(state, point):
            state, _ = self.step(letters, state, point)
            return state, state

        start = ops.zeros((ops.shape(text)[0], sum(self.sizes)))
        _, states = ops.scan(advance, start, ops.transpose(previous, (1, 0, 2)))
        return self.density(ops.transpose(states, (1, 0, 2)))

    def letters(self, text):
        """Return a text as one-hot vectors, zero where it has no letter: the first four ids."""
        # Not of `text - 4`: backends differ in what a negative index is.
        letters = ops.one_hot(text, self.characters + 4)[..., 4:]
        # One more place: where the window is when the text is written.
        return ops.pad(letters, [(0, 0), (0, 1), (0, 0)])

    def get_config(self):
        """Return the arguments of the constructor."""
        names = ("characters", "units", "bells", "mixtures")
        return super().get_config() | {name: getattr(self, name) for name in names}


def split_density(raw):
    """Return weights (as logits), means, log deviations, correlations, and the pen's logit."""
    *parts, pen = ops.split(raw, [i * ((raw.shape[-1] - 1) // 6) for i in range(1, 7)], axis=-1)
    logits, x, y, wide, tall, turn = parts
    wide, tall = (ops.clip(part, -5, 5) for part in (wide, tall))
    return logits, x, y, wide, tall, 0.99 * ops.tanh(turn), pen[..., 0]


def log_density(raw, point):
    """Return the log density of a point in nats (equations 23 to 26)."""
    logits, x, y, wide, tall, turn, pen = split_density(raw)
    dx, dy = (
        (point[..., i : i + 1] - mean) * ops.exp(-dev)
        for i, mean, dev in ((0, x, wide), (1, y, tall))
    )
    rest = 1 - ops.square(turn)
    z = ops.square(dx) + ops.square(dy) - 2 * turn * dx * dy
    log_normal = -z / (2 * rest) - wide - tall - ops.log(rest) / 2 - math.log(2 * math.pi)
    move = ops.logsumexp(ops.log_softmax(logits, axis=-1) + log_normal, axis=-1)
    lifted = point[..., 2]
    return move + lifted * ops.log_sigmoid(pen) + (1 - lifted) * ops.log_sigmoid(-pen)


@keras.saving.register_keras_serializable("zoo_handwriting")
class DensityLoss(keras.losses.Loss):
    """Mean negative log density of the points of a batch in nats, without padding."""

    def call(self, y_true, y_pred):
        """Return one loss per point, scaled so that their mean ignores padding."""
        real = ops.cast(y_true[..., 2] >= 0, y_pred.dtype)
        losses = -log_density(y_pred, ops.maximum(y_true, [-1e9, -1e9, 0])) * real
        return losses / ops.maximum(ops.mean(real), 1e-6)
