"""The shared building blocks do what their equations say, and survive saving."""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from zoo.config import AugmentationConfig, OptimizerConfig
from zoo.layers import (
    Normalization,
    OneHotEncoding,
    RandomAffine,
    RandomElastic,
    SmoothedCrossentropy,
    WarmupSchedule,
    augment,
    classifier_signature,
    make_optimizer,
    scale_image,
)
from zoo.spec import DataSpec, TensorSpec

RNG = np.random.default_rng(0)


def numpy(value: object) -> np.ndarray:
    return keras.ops.convert_to_numpy(value)


@pytest.mark.parametrize(
    "layer", [RandomAffine(30, 0.2, 0.2, 0.2, seed=1), RandomElastic(2.0, seed=1)]
)
def test_augmentation_changes_training_images_only_and_repeats_with_its_seed(
    layer: keras.layers.Layer,
) -> None:
    images = RNG.random((5, 12, 10, 3)).astype("float32")

    np.testing.assert_array_equal(numpy(layer(images, training=False)), images)
    changed = numpy(layer(images, training=True))
    assert changed.shape == images.shape
    assert not np.allclose(changed, images)
    twin = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(numpy(twin(images, training=True)), changed)
    assert not np.allclose(numpy(layer(images, training=True)), changed)


@pytest.mark.parametrize("layer", [RandomAffine(), RandomElastic(alpha=0.0)])
def test_augmentation_of_strength_zero_is_the_identity(layer: keras.layers.Layer) -> None:
    images = RNG.random((4, 8, 8, 1)).astype("float32")

    np.testing.assert_allclose(numpy(layer(images, training=True)), images, atol=2e-3)


def test_a_shift_moves_the_image_and_fills_with_black() -> None:
    images = np.ones((400, 10, 10, 1), "float32")
    shifted = numpy(RandomAffine(shift=0.3, seed=3)(images, training=True))

    # Each axis keeps 1 - |u| * 0.3 of the image, u even in -1..1, so 0.85 of it on average.
    kept = shifted.mean(axis=(1, 2, 3))
    assert kept.min() >= (1 - 0.3) ** 2 - 1e-5
    assert kept.mean() == pytest.approx(0.85**2, abs=0.02)


def test_a_rotation_turns_about_the_center() -> None:
    image = np.zeros((1, 9, 9, 1), "float32")
    image[0, 4, 4, 0] = 1.0
    turned = numpy(RandomAffine(rotation=180, seed=2)(np.repeat(image, 20, 0), training=True))

    np.testing.assert_allclose(turned[:, 4, 4, 0], 1.0, atol=1e-4)


def test_elastic_bending_has_the_declared_strength() -> None:
    ramp = np.tile(np.arange(64, dtype="float32")[None, None, :, None], (50, 64, 1, 1))
    bent = numpy(RandomElastic(alpha=1.5, seed=4)(ramp, training=True))
    moved = (bent - ramp)[:, 8:-8, 8:-8]

    assert moved.std() == pytest.approx(1.5, rel=0.15)


def test_an_augmented_model_survives_saving(tmp_path: Path) -> None:
    spec = TensorSpec(name="image", shape=(8, 8, 1), dtype="uint8", range=(0, 255), role="image")
    image = keras.Input((8, 8, 1), dtype="uint8")
    config = AugmentationConfig(rotation=5, elastic=0.5, flip=True)
    model = keras.Model(image, keras.layers.Flatten()(augment(scale_image(image, spec), config)))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")

    x = RNG.integers(0, 256, (3, 8, 8, 1)).astype("uint8")
    np.testing.assert_array_equal(again(x, training=False), model(x, training=False))
    np.testing.assert_allclose(model(x, training=False), x.reshape(3, -1) / 255, atol=1e-6)


def test_raw_pixels_of_any_declared_range_become_zero_to_one() -> None:
    spec = TensorSpec(name="image", shape=(1, 2, 1), range=(-1, 1), role="image")
    image = keras.Input((1, 2, 1))
    model = keras.Model(image, scale_image(image, spec))

    x = np.array([-1.0, 1.0], "float32").reshape(1, 1, 2, 1)
    np.testing.assert_allclose(np.ravel(model(x)), [0, 1])


@settings(max_examples=40, deadline=None)
@given(
    steps=st.integers(1, 2000),
    warmup=st.floats(0, 0.9),
    curve=st.sampled_from(["cosine", "linear", "constant"]),
)
def test_a_schedule_stays_between_zero_and_its_peak(steps: int, warmup: float, curve: str) -> None:
    schedule = WarmupSchedule(0.1, curve, warmup)
    schedule.set_steps(steps)
    rates = [float(schedule(step)) for step in {0, steps // 3, steps // 2, steps - 1}]

    assert all(0 <= rate <= 0.1 + 1e-7 for rate in rates)


def test_a_cosine_schedule_follows_its_equation() -> None:
    schedule = WarmupSchedule(0.2, "cosine", 0.1)
    schedule.set_steps(100)

    assert float(schedule(0)) == pytest.approx(0.2 / 11)
    assert float(schedule(10)) == pytest.approx(0.2)
    assert float(schedule(55)) == pytest.approx(0.1)
    assert float(schedule(100)) == pytest.approx(0.0, abs=1e-7)
    assert float(schedule(28)) == pytest.approx(0.1 * (1 + math.cos(math.pi * 0.2)))


def test_a_schedule_that_does_not_know_its_end_is_constant() -> None:
    assert float(WarmupSchedule(0.3, "cosine", 0.5)(10_000)) == pytest.approx(0.3)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_an_optimizer_is_made_as_configured_and_spares_biases_from_decay(name: str) -> None:
    optimizer = make_optimizer(
        OptimizerConfig(name=name, learning_rate=0.01, weight_decay=0.5, global_clipnorm=2.0)
    )
    layer = keras.layers.Dense(3)
    layer.build((None, 4))
    layer.bias.assign([1.0, 1.0, 1.0])
    kernel = numpy(layer.kernel).copy()
    optimizer.apply(
        [np.zeros((4, 3), "float32"), np.zeros(3, "float32")], [layer.kernel, layer.bias]
    )

    assert optimizer.global_clipnorm == 2.0
    np.testing.assert_array_equal(numpy(layer.bias), 1.0)
    assert not np.allclose(numpy(layer.kernel), kernel)


columns = st.integers(1, 5)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), columns, st.floats(0, 0.5), st.integers(0, 10_000))
def test_standardized_columns_have_mean_zero_and_variance_one_whatever_is_missing(
    rows: int, width: int, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(5, 3, (rows, width)).astype("float32")
    values[rng.random(values.shape) < share] = np.nan
    layer = Normalization()
    layer.build((None, width))
    layer.adapt(values)
    scaled = numpy(layer(values))

    assert np.isfinite(scaled).all()
    for column in range(width):
        known = ~np.isnan(values[:, column])
        assert (scaled[~known, column] == 0).all()
        if known.sum() > 1:
            assert scaled[known, column].mean() == pytest.approx(0, abs=1e-3)
            assert scaled[known, column].std() == pytest.approx(1, abs=1e-2)


def test_a_constant_column_does_not_divide_by_zero_and_missing_values_can_be_flagged() -> None:
    layer = Normalization(missing_indicator=True)
    values = np.array([[3.0, np.nan], [3.0, np.nan]], "float32")
    layer.build((None, 2))
    layer.adapt(values)

    np.testing.assert_array_equal(numpy(layer(values)), [[0, 0, 0, 1], [0, 0, 0, 1]])
    assert layer.compute_output_shape((None, 2)) == (None, 4)


def test_category_codes_become_indicators_with_a_place_for_the_unknown() -> None:
    layer = OneHotEncoding([2, 1])
    encoded = numpy(layer(np.array([[0, 1], [2, 0]], "int32")))

    np.testing.assert_array_equal(encoded, [[1, 0, 0, 0, 1], [0, 0, 1, 1, 0]])
    assert layer.compute_output_shape((None, 2)) == (None, 5)


def test_smoothed_crossentropy_equals_the_sum_over_its_smoothed_target() -> None:
    probabilities = RNG.dirichlet(np.ones(4), 6).astype("float32")
    labels = np.array([0, 1, 2, 3, 0, 1])
    target = np.full((6, 4), 0.1 / 4)
    target[np.arange(6), labels] += 0.9
    expected = -(target * np.log(probabilities)).sum(axis=1).mean()

    loss = SmoothedCrossentropy(0.1)
    assert float(loss(labels, probabilities)) == pytest.approx(expected, rel=1e-5)
    again = SmoothedCrossentropy.from_config(loss.get_config())
    assert float(again(labels[:, None], probabilities)) == pytest.approx(expected, rel=1e-5)
    plain = keras.losses.SparseCategoricalCrossentropy()(labels, probabilities)
    assert float(SmoothedCrossentropy(0.0)(labels, probabilities)) == pytest.approx(
        float(plain), rel=1e-5
    )


def test_the_signature_of_a_classifier_of_pixels_has_the_classes_of_each_pixel():
    image = keras.Input((6, 4, 1), name="image")
    model = keras.Model(image, keras.layers.Conv2D(3, 1, activation="softmax")(image))
    scans = DataSpec(
        id="scans",
        task="segmentation",
        inputs=(TensorSpec(name="image", shape=(6, 4, 1), role="image"),),
        targets=(TensorSpec(name="mask", shape=(6, 4), dtype="int64", labels=("a", "b", "c")),),
    )
    (output,) = classifier_signature(model, scans).outputs
    assert (output.role, output.shape, output.labels) == ("probabilities", (6, 4, 3), scans.labels)
