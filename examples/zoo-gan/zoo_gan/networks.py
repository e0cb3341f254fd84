"""The two networks, their training against each other, and the distance of their samples."""

import math

import keras
import numpy as np
from keras import layers, ops

import zoo
from zoo.layers import scale_image


@keras.saving.register_keras_serializable("zoo_gan")
class Networks(keras.Model):
    """A critic of raw images, and the generator that learns from it."""

    def __init__(self, spec, noise, units, **kwargs):
        image = zoo.TensorSpec(**spec)
        low, high = image.range
        pixels, code = keras.Input(image.shape), keras.Input((noise,), name="noise")
        x, y = layers.Flatten()(scale_image(pixels, image)), code
        for width in units:
            x = layers.Dropout(0.2)(layers.Dense(width, "leaky_relu")(x))
            y = layers.LayerNormalization()(layers.Dense(width, "relu")(y))
        critic = keras.Model(pixels, layers.Dense(1)(x), name="critic")
        y = layers.Reshape(image.shape)(layers.Dense(math.prod(image.shape), "sigmoid")(y))
        generator = keras.Model(code, layers.Rescaling(high - low, low)(y), name="generator")
        raw = keras.Input(image.shape, dtype=image.dtype, name=image.name)
        super().__init__(raw, {"realness": critic(ops.cast(raw, "float32"))}, **kwargs)
        self.settings = {"spec": spec, "noise": noise, "units": units}
        self.critic, self.generator = critic, generator
        # The generator learns through the critic, which does not learn then.
        self.chain = keras.Model(code, critic(generator.output), name="chain")
        self.seeds = keras.random.SeedGenerator()
        self.critic_loss = keras.metrics.Mean("critic_loss")
        self.generator_loss = keras.metrics.Mean("generator_loss")

    def get_config(self):
        """Return what a saved model is made of again."""
        return dict(self.settings)

    def get_compile_config(self):
        """Return nothing: a saved model is for use, and a run resumes from its checkpoints."""

    def set_optimizers(self, critic, generator):
        """Compile each network with an optimizer of its own."""
        critic.build(self.critic.trainable_variables)
        generator.build(self.generator.trainable_variables)
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        self.critic.compile(critic, loss)
        self.chain.compile(generator, loss)
        self.compile(critic)

    def batches(self, data):
        """Return images and samples with labels for the critic, and noise for the generator."""
        real = ops.cast(keras.utils.unpack_x_y_sample_weight(data)[0], "float32")
        ones = ops.ones_like(real[:, 0, 0, :1])
        noise = keras.random.normal((ops.shape(real)[0], self.settings["noise"]), seed=self.seeds)
        both = ops.concatenate([real, self.generator(noise)])
        return (both, ops.concatenate([ones, 0 * ones])), (noise, ones)

    def train_step(self, data):
        """Take a step of the critic, then one of the generator."""
        images, noise = self.batches(data)
        self.critic.train_step(images)
        self.critic.trainable = False
        self.chain.train_step(noise)
        self.critic.trainable = True
        return self.test_step(data)

    def test_step(self, data):
        """Measure both losses on new samples."""
        (both, labels), (noise, ones) = self.batches(data)
        self.critic_loss.update_state(self.critic.loss(labels, self.critic(both)))
        self.generator_loss.update_state(self.chain.loss(ones, self.chain(noise)))
        return self.get_metrics_result()


def draw(count, size):
    """Return noise for samples that are compared with images."""
    return np.random.default_rng(0).standard_normal((count, size), "float32")


def images_of(split, data):
    """Return all images of a split."""
    return split.take(np.arange(len(split)))[0][data.inputs[0].name]


def chamfer_distance(samples, images):
    """Return terms whose mean is the distance from each sample and each image to the nearest."""
    one, two = (np.reshape(x, (len(x), -1)).astype("float64") for x in (samples, images))
    squares = np.square(one).sum(axis=1)[:, None] + np.square(two).sum(axis=1) - 2 * one @ two.T
    apart = np.sqrt(squares.clip(0) / one.shape[1])
    return (apart.min(axis=0) + apart.min(axis=1)) / 2
