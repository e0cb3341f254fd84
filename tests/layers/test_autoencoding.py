"""Noise, codes and pixel losses do what their equations say, and survive saving."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from zoo.layers import (
    GaussianSampling,
    PixelError,
    PixelLoss,
    RandomCorruption,
    SparsityRegularization,
)

RNG = np.random.default_rng(0)


def numpy(value: object) -> np.ndarray:
    return keras.ops.convert_to_numpy(value)


@pytest.mark.parametrize("kind", ["gaussian", "salt_and_pepper", "masking"])
def test_noise_hits_training_images_only_stays_in_range_and_repeats_with_its_seed(
    kind: str,
) -> None:
    images = RNG.random((6, 9, 7, 3)).astype("float32")
    layer = RandomCorruption(kind, 0.4, seed=1)

    np.testing.assert_array_equal(numpy(layer(images)), images)
    changed = numpy(layer(images, training=True))
    assert changed.shape == images.shape
    assert changed.min() >= 0 and changed.max() <= 1
    assert not np.allclose(changed, images)
    twin = RandomCorruption.from_config(layer.get_config())
    np.testing.assert_array_equal(numpy(twin(images, training=True)), changed)
    assert not np.allclose(numpy(layer(images, training=True)), changed)


@pytest.mark.parametrize(
    ("kind", "black", "white"), [("masking", 0.3, 0), ("salt_and_pepper", 0.15, 0.15)]
)
def test_a_share_of_the_pixels_is_hit_with_all_their_channels(
    kind: str, black: float, white: float
) -> None:
    images = np.full((50, 20, 20, 3), 0.5, "float32")
    changed = numpy(RandomCorruption(kind, 0.3, seed=2)(images, training=True))

    assert (changed == 0).all(axis=-1).mean() == pytest.approx(black, abs=0.01)
    assert (changed == 1).all(axis=-1).mean() == pytest.approx(white, abs=0.01)
    np.testing.assert_array_equal(changed.min(axis=-1), changed.max(axis=-1))


def test_gaussian_noise_has_the_spread_that_was_asked_for() -> None:
    images = np.full((50, 20, 20, 1), 0.5, "float32")
    changed = numpy(RandomCorruption("gaussian", 0.1, seed=3)(images, training=True))

    assert changed.std() == pytest.approx(0.1, rel=0.02)


def test_an_unknown_kind_is_refused_where_it_is_named() -> None:
    for make in (
        lambda: RandomCorruption("rain"),
        lambda: SparsityRegularization("l0"),
        lambda: PixelLoss("ssim"),
    ):
        with pytest.raises(ValueError, match="expected kind to be"):
            make()


def test_a_gaussian_code_costs_its_divergence_from_the_standard_normal() -> None:
    mean = RNG.normal(size=(5, 3)).astype("float32")
    log_variance = RNG.normal(size=(5, 3)).astype("float32")
    layer = GaussianSampling(weight=2.0, seed=0)
    code = numpy(layer([mean, log_variance]))

    terms = np.exp(log_variance) + mean**2 - 1 - log_variance
    assert float(layer.losses[0]) == pytest.approx(2 * 0.5 * terms.sum(axis=1).mean(), rel=1e-5)
    np.testing.assert_array_equal(code, mean)


def test_a_gaussian_code_is_drawn_around_its_mean_while_training() -> None:
    mean = np.tile(np.array([[1.0, -2.0]], "float32"), (20_000, 1))
    log_variance = np.tile(np.array([[0.0, np.log(0.25)]], "float32"), (20_000, 1))
    drawn = numpy(GaussianSampling(seed=0)([mean, log_variance], training=True))

    np.testing.assert_allclose(drawn.mean(axis=0), [1, -2], atol=0.03)
    np.testing.assert_allclose(drawn.std(axis=0), [1, 0.5], rtol=0.03)


def test_a_sparse_code_passes_through_and_costs_its_activity() -> None:
    code = RNG.random((8, 4)).astype("float32")
    absolute, divergence = SparsityRegularization("l1", 3.0), SparsityRegularization("kl", 3.0, 0.1)

    np.testing.assert_array_equal(numpy(absolute(code)), code)
    assert float(absolute.losses[0]) == pytest.approx(3 * np.abs(code).mean(), rel=1e-5)
    divergence(code)
    mean = code.mean(axis=0)
    wanted = 0.1 * np.log(0.1 / mean) + 0.9 * np.log(0.9 / (1 - mean))
    assert float(divergence.losses[0]) == pytest.approx(3 * wanted.sum(), rel=1e-4)


def test_silent_and_saturated_units_cost_something_finite() -> None:
    layer = SparsityRegularization("kl", 1.0, 0.05)
    layer(np.array([[0.0, 1.0]] * 4, "float32"))

    assert np.isfinite(float(layer.losses[0]))


def test_pixel_losses_are_means_over_pixels_in_intensity() -> None:
    true = RNG.integers(0, 256, (3, 4, 5, 1)).astype("uint8")
    given = RNG.uniform(1, 254, (3, 4, 5, 1)).astype("float32")
    x, p = true / 255, given / 255

    squared = PixelLoss("mse", 0, 255)(true, given)
    assert float(squared) == pytest.approx(((x - p) ** 2).mean(), rel=1e-5)
    crossed = PixelLoss("bce", 0, 255)(true, given)
    wanted = -(x * np.log(p) + (1 - x) * np.log(1 - p)).mean()
    assert float(crossed) == pytest.approx(wanted, rel=1e-4)
    metric = PixelError(0, 255)
    metric.update_state(true[:1], given[:1])
    metric.update_state(true[1:], given[1:])
    assert float(metric.result()) == pytest.approx(((x - p) ** 2).mean(), rel=1e-5)


def test_perfect_black_and_white_have_a_finite_cross_entropy() -> None:
    true = np.array([0, 255], "uint8").reshape(1, 1, 2, 1)

    assert float(PixelLoss("bce", 0, 255)(true, true[..., ::-1].astype("float32"))) < 20


def test_a_compiled_model_with_all_of_them_survives_saving(tmp_path: Path) -> None:
    image = keras.Input((4, 4, 1), name="image")
    x = keras.layers.Flatten()(RandomCorruption("masking", 0.2)(image))
    parts = [keras.layers.Dense(3)(x), keras.layers.Dense(3)(x)]
    code = SparsityRegularization("l1")(GaussianSampling(0.1)(parts))
    back = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16, activation="sigmoid")(code))
    model = keras.Model(image, back)
    model.compile("adam", PixelLoss("bce"), metrics=[PixelError()])
    x = RNG.random((6, 4, 4, 1)).astype("float32")
    model.fit(x, x, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")

    np.testing.assert_array_equal(again(x), model(x))
    assert again.evaluate(x, x, verbose=0) == pytest.approx(model.evaluate(x, x, verbose=0))
