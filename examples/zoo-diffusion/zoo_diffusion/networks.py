"""Noise that is added to images, the network that removes it, and a step of sampling."""

import math

import keras
import numpy as np
from keras import layers, ops


def mix(time):
    """Return the shares of image and noise, from a clean image at time 0 to noise at time 1."""
    return ops.cos(time * math.pi / 2), ops.sin(time * math.pi / 2)


@keras.saving.register_keras_serializable("zoo_diffusion")
class Noising(layers.Layer):
    """Mixes images with noise: at random times in training, else halfway with the same noise."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = keras.random.SeedGenerator()

    def build(self, shape):
        """Draw the noise of validation."""
        self.noise = self.add_weight(
            shape=shape[1:], initializer=keras.initializers.RandomNormal(stddev=1), trainable=False
        )

    def call(self, image, training=False):
        """Return noisy images and their times."""
        time, noise = ops.full_like(image[:, :1, :1, :1], 0.5), self.noise
        if training:
            time = keras.random.uniform(ops.shape(time), 0.01, 1, seed=self.seeds)
            noise = keras.random.normal(ops.shape(image), seed=self.seeds)
        signal, sigma = mix(time)
        return signal * image + sigma * noise, time


@keras.saving.register_keras_serializable("zoo_diffusion")
class DenoisingLoss(layers.Layer):
    """Adds the loss of restored images, in which little noise counts as much as a lot."""

    def call(self, restored, image, time):
        """Return the restored images as they are."""
        self.add_loss(ops.mean(ops.square((restored - image) / mix(time)[1])))
        return restored


def make_denoiser(shape, units, depth):
    """Return the network from noisy images and their times to clean images."""
    noisy, time = keras.Input(shape), keras.Input((1, 1, 1))
    signal, sigma = mix(time)
    strength = layers.Flatten()(layers.Concatenate()([signal, sigma]))
    x = layers.Dense(units)(layers.Flatten()(noisy))
    for _ in range(depth):
        y = layers.Concatenate()([layers.LayerNormalization()(x), strength])
        x = layers.Add()([x, layers.Dense(units)(layers.Dense(units, "gelu")(y))])
    y = layers.Dense(math.prod(shape))(layers.LayerNormalization()(x))
    # Little noise is little to correct: what is learned is v of Salimans & Ho (2022).
    clean = signal * noisy - sigma * layers.Reshape(shape)(y)
    return keras.Model([noisy, time], clean, name="denoiser")


def make_step(denoiser, steps, low, high):
    """Return the step from a latent to one with less noise; after the last step nothing changes."""
    shape = denoiser.output.shape[1:]
    latent, noise = keras.Input(shape, name="latent"), keras.Input(shape, name="noise")
    step = keras.Input((1,), name="step")
    time = ops.maximum(1 - ops.reshape(step, (-1, 1, 1, 1)) / steps, 1 / steps)
    (signal, sigma), (next_signal, next_sigma) = mix(time), mix(time - 1 / steps)
    clean = ops.clip(denoiser([latent, time]), -1, 1)
    # The normal distribution of the next latent, if this is the image (Ho et al. 2020, eq. 7).
    kept = signal / next_signal
    added = sigma**2 - (kept * next_sigma) ** 2
    mean = (kept * next_sigma**2 * latent + next_signal * added * clean) / sigma**2
    drawn = mean + ops.sqrt(added) * next_sigma / sigma * noise
    running = ops.reshape(step < steps, (-1, 1, 1, 1))
    image = low + (ops.where(running, clean, latent) + 1) * (high - low) / 2
    outputs = {"next_latent": ops.where(running, drawn, latent), "next_step": step + 1}
    inputs = {"latent": latent, "step": step, "noise": noise}
    return keras.Model(inputs, {**outputs, "image": image})


def images_of(split, data):
    """Return all images of a split."""
    return split.take(np.arange(len(split)))[0][data.inputs[0].name]


def chamfer_distance(samples, images):
    """Return terms whose mean is the distance from each sample and each image to the nearest."""
    one, two = (np.reshape(x, (len(x), -1)).astype("float64") for x in (samples, images))
    squares = np.square(one).sum(axis=1)[:, None] + np.square(two).sum(axis=1) - 2 * one @ two.T
    apart = np.sqrt(squares.clip(0) / one.shape[1])
    return (apart.min(axis=0) + apart.min(axis=1)) / 2
