"""Training that changes more than a model and its optimizer: a GAN, a diffusion model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from tests.training.helpers import Squares, lines_of, same
from zoo.config import OptimizerConfig, TrainPlan
from zoo.errors import ConfigError
from zoo.layers import make_optimizer
from zoo.training.loop import Loop
from zoo.training.progress import Progress
from zoo.training.randomness import seeded
from zoo.training.run_folder import RunFolder

PLAN = TrainPlan(
    epochs=3, batch_size=16, seed=3, monitor="val_critic_loss", mode="min", checkpoint_steps=5
)
CODE = 4
SIDE = 8


class GAN(keras.Model):
    """A critic with a generator beside it, each with an optimizer (Goodfellow et al. 2014)."""

    def __init__(self) -> None:
        scaled = keras.Input((SIDE, SIDE, 1))
        x = layers.Dense(16, "leaky_relu")(layers.Flatten()(scaled))
        critic = keras.Model(scaled, layers.Dense(1)(layers.Dropout(0.2, seed=5)(x)))
        image = keras.Input((SIDE, SIDE, 1), dtype="uint8", name="image")
        super().__init__(image, critic(layers.Rescaling(1 / 255)(image)))
        self.critic = critic
        noise = keras.Input((CODE,))
        y = layers.Dense(SIDE * SIDE, "sigmoid")(layers.Dense(16, "relu")(noise))
        self.generator = keras.Model(noise, layers.Reshape((SIDE, SIDE, 1))(y))
        self.seeds = keras.random.SeedGenerator(7)
        self.draws = keras.Variable(0, dtype="int32", trainable=False, name="draws")
        self.critic_loss = keras.metrics.Mean("critic_loss")
        self.generator_loss = keras.metrics.Mean("generator_loss")
        self.generator_optimizer = make_optimizer(OptimizerConfig(learning_rate=3e-3))
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.compile(make_optimizer(OptimizerConfig(learning_rate=1e-3)))

    def judge(self, image: Any) -> tuple[Any, Any]:
        """Return the losses of the critic and of the generator."""
        size = ops.shape(image)[0]
        made = self.generator(keras.random.normal((size, CODE), seed=self.seeds))
        real = self(image, training=True)
        fake = self.critic(made, training=True)
        crossentropy = keras.losses.BinaryCrossentropy(from_logits=True)
        ones, zeros = ops.ones_like(real), ops.zeros_like(fake)
        critic = crossentropy(ones, real) + crossentropy(zeros, fake)
        return critic, crossentropy(ones, fake)

    def train_step(self, data: Any) -> Any:
        image = data[0]
        with tf.GradientTape(persistent=True) as tape:
            critic, generator = self.judge(image)
        made, own = self.generator.trainable_variables, self.critic.trainable_variables
        self.optimizer.apply(tape.gradient(critic, own), own)
        self.generator_optimizer.apply(tape.gradient(generator, made), made)
        self.draws.assign_add(1)
        return self.test_step(data)

    def test_step(self, data: Any) -> Any:
        critic, generator = self.judge(data[0])
        self.critic_loss.update_state(critic)
        self.generator_loss.update_state(generator)
        return self.get_metrics_result()


class Diffusion(keras.Model):
    """A denoiser that learns to predict noise of random strength (Ho et al. 2020)."""

    def __init__(self) -> None:
        noisy = keras.Input((SIDE, SIDE, 1), name="image")
        strength = keras.Input((1,), name="strength")
        x = layers.Concatenate()([layers.Flatten()(noisy), strength])
        x = layers.Dense(SIDE * SIDE)(layers.Dense(32, "relu")(x))
        denoiser = keras.Model([noisy, strength], layers.Reshape((SIDE, SIDE, 1))(x))
        image = keras.Input((SIDE, SIDE, 1), dtype="uint8", name="image")
        scaled = layers.Rescaling(2 / 255, -1)(image)
        at_half = layers.Lambda(lambda x: 0.5 * ops.ones_like(x[:, :1, 0, 0]))(scaled)
        super().__init__(image, denoiser([scaled, at_half]))
        self.denoiser, self.seeds = denoiser, keras.random.SeedGenerator(11)
        self.noise_loss = keras.metrics.Mean("noise_loss")
        # An exponential moving average of the weights, which no optimizer knows.
        self.average = [
            keras.Variable(ops.copy(w), trainable=False) for w in denoiser.trainable_variables
        ]
        self.compile(make_optimizer(OptimizerConfig(learning_rate=3e-3)))

    def noise_error(self, image: Any) -> Any:
        clean = ops.cast(image, "float32") * (2 / 255) - 1
        strength = keras.random.uniform((ops.shape(clean)[0], 1), seed=self.seeds)
        noise = keras.random.normal(ops.shape(clean), seed=self.seeds)
        mix = ops.reshape(strength, (-1, 1, 1, 1))
        found = self.denoiser([ops.sqrt(1 - mix) * clean + ops.sqrt(mix) * noise, strength])
        return ops.mean(ops.square(found - noise))

    def train_step(self, data: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = self.noise_error(data[0])
        weights = self.denoiser.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        for mean, weight in zip(self.average, weights, strict=True):
            mean.assign(0.9 * mean + 0.1 * weight)
        self.noise_loss.update_state(loss)
        return self.get_metrics_result()

    def test_step(self, data: Any) -> Any:
        self.noise_loss.update_state(self.noise_error(data[0]))
        return self.get_metrics_result()


CASES: dict[str, tuple[Callable[[], Any], str, Callable[[Any], list[Any]]]] = {
    "GAN": (GAN, "critic_loss", lambda model: [model.generator_optimizer]),
    "diffusion": (Diffusion, "noise_loss", lambda model: list(model.average)),
}


def trained(
    path: Path, case: str, *, resume: bool = False, stop: Any = None
) -> tuple[list[np.ndarray], Loop, Any]:
    """Train; return the value of everything that changed, the loop, and the model."""
    make, loss, extra = CASES[case]
    plan = PLAN.model_copy(update={"monitor": f"val_{loss}"})

    def notify(moment: str, **arguments: Any) -> None:
        if moment == "zoo_after_epoch" and arguments["epoch"] == stop:
            raise KeyboardInterrupt

    path.mkdir(exist_ok=True)
    loop = Loop(RunFolder(path), plan, progress=Progress(), call_hook=notify, resume=resume)
    with seeded(plan.seed):
        model = make()
        state = extra(model)
        try:
            loop.fit(model, Squares(), state=state, loss=loss)
        except KeyboardInterrupt:
            assert stop is not None
    everything = [*model.variables, *model.optimizer.variables]
    everything += [v for one in state for v in getattr(one, "variables", [one])]
    return [np.array(ops.convert_to_numpy(variable)) for variable in everything], loop, model


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[np.ndarray], Loop, Any]:
    """A training that nothing interrupts."""
    return trained(tmp_path_factory.mktemp("whole"), "GAN")


@pytest.mark.parametrize("case", ["GAN", pytest.param("diffusion", marks=pytest.mark.slow)])
def test_a_resumed_run_restores_all_that_training_changes(
    tmp_path: Path, case: str, gan: Any
) -> None:
    whole, loop, _ = gan if case == "GAN" else trained(tmp_path / "whole", case)
    trained(tmp_path / "cut", case, stop=1)
    resumed, again, _ = trained(tmp_path / "cut", case, resume=True)

    assert same(whole, resumed)
    assert lines_of(loop) == lines_of(again)
    assert "loss" not in loop.state.history[0]  # no step updates what Keras calls so
    losses = [line[CASES[case][1]] for line in loop.state.history]
    assert np.isfinite(losses).all()


@pytest.mark.slow
def test_without_its_second_optimizer_a_resumed_run_ends_elsewhere(
    tmp_path: Path, gan: Any
) -> None:
    """The comparison above can fail: it does for a state that is not handed over."""
    whole, *_ = gan
    kept = CASES["GAN"]
    CASES["GAN"] = (*kept[:2], lambda model: [])
    try:
        trained(tmp_path / "cut", "GAN", stop=1)
        resumed, *_ = trained(tmp_path / "cut", "GAN", resume=True)
    finally:
        CASES["GAN"] = kept
    assert not same(whole[: len(resumed)], resumed)


def test_the_schedule_of_every_optimizer_spans_the_training(gan: Any) -> None:
    *_, model = gan
    for optimizer in (model.optimizer, model.generator_optimizer):
        # The cosine has come down to nothing at the last step.
        assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-6)


def test_an_optimizer_that_is_not_built_is_refused(tmp_path: Path) -> None:
    model = GAN()
    loop = Loop(RunFolder(tmp_path), PLAN, progress=Progress(), call_hook=lambda *_, **__: None)
    with pytest.raises(ValueError, match="expected every optimizer of `state` to be built"):
        loop.fit(model, Squares(), state=[keras.optimizers.Adam()], loss="critic_loss")


class Resting(GAN):
    """One that is soon traced: it learns nothing."""

    def train_step(self, data: Any) -> Any:
        return self.test_step(data)


def test_a_loss_of_another_name_is_asked_for(tmp_path: Path) -> None:
    model = Resting()
    loop = Loop(RunFolder(tmp_path), PLAN, progress=Progress(), call_hook=lambda *_, **__: None)
    with pytest.raises(ConfigError, match="no column of the history is called 'loss'") as caught:
        loop.fit(model, Squares(), state=[model.generator_optimizer])
    assert "critic_loss, generator_loss" in caught.value.why
