"""The zoo's own classifiers, built as a stranger would build them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import zoo
from zoo.api.catalog import registry
from zoo.errors import ConfigError
from zoo.spec import Column, DataSpec, Task, TensorSpec

LABEL = TensorSpec(name="label", dtype="int64", labels=("a", "b", "c"))


def images(height: int, width: int, channels: int) -> DataSpec:
    image = TensorSpec(
        name="image", shape=(height, width, channels), dtype="uint8", range=(0, 255), role="image"
    )
    return DataSpec(id="x", task=Task.CLASSIFICATION, inputs=(image,), targets=(LABEL,))


TABLE = DataSpec(
    id="table",
    task=Task.CLASSIFICATION,
    inputs=(
        TensorSpec(
            name="numeric",
            shape=(2,),
            missing=True,
            columns=(Column(name="height", unit="m"), Column(name="weight", unit="kg")),
        ),
        TensorSpec(
            name="categorical",
            shape=(1,),
            dtype="int32",
            columns=(Column(name="color", categories=("red", "blue")),),
        ),
    ),
    targets=(LABEL,),
)


@pytest.mark.parametrize("name", ["cnn", "mlp_classifier"])
@pytest.mark.parametrize(
    "size",
    [
        (8, 8, 1),
        pytest.param((28, 28, 1), marks=pytest.mark.slow),
        (60, 90, 3),
        pytest.param((120, 120, 3), marks=pytest.mark.slow),
    ],
)
def test_the_recipe_fits_images_of_every_size(name: str, size: tuple[int, int, int]) -> None:
    model = zoo.build(name, data=images(*size))
    batch = np.random.default_rng(0).integers(0, 256, (2, *size)).astype("uint8")
    probabilities = np.asarray(model(batch))

    assert probabilities.shape == (2, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_what_build_returns_is_an_ordinary_compiled_keras_model(tmp_path: Path) -> None:
    model = zoo.build(
        "cnn", data=images(8, 8, 1), filters=[[4]], **{"optimizer.learning_rate": 0.01}
    )
    x = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1)).astype("uint8")
    y = np.arange(32) % 3
    history = model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    model.save(tmp_path / "cnn.keras")
    again = keras.models.load_model(tmp_path / "cnn.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())

    assert set(history.history) == {"loss", "accuracy"}
    np.testing.assert_array_equal(again(x), model(x))
    np.testing.assert_array_equal(clone(x), model(x))
    assert set(model.evaluate(x, y, verbose=0, return_dict=True)) == {"loss", "accuracy"}
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_a_table_with_numbers_categories_and_missing_values_is_classified() -> None:
    model = zoo.build("mlp_classifier", data=TABLE)
    numeric = np.array([[1.8, 80.0], [np.nan, 60.0], [1.5, np.nan]], "float32")
    codes = np.array([[1], [2], [0]], "int32")
    registry().get("mlp_classifier").adapt(model, {"numeric": numeric}, {})
    probabilities = np.asarray(model({"numeric": numeric, "categorical": codes}))

    assert np.isfinite(probabilities).all()
    mean = keras.ops.convert_to_numpy(model.get_layer("normalization").mean)
    np.testing.assert_allclose(mean, [1.65, 70.0], rtol=1e-5)


def test_a_cnn_refuses_a_table_and_says_what_takes_it() -> None:
    with pytest.raises(ConfigError, match="cnn needs images") as caught:
        zoo.build("cnn", data=TABLE)

    assert "mlp_classifier" in caught.value.fix


def test_more_stages_than_the_image_has_room_for_are_refused_with_the_limit() -> None:
    with pytest.raises(ConfigError, match="at most 3 times"):
        zoo.build("cnn", data=images(8, 8, 1), filters=[[4]] * 5)


@pytest.mark.parametrize(
    ("name", "config", "place"),
    [
        ("cnn", {"filterz": [[3]]}, "filters"),
        ("cnn", {"kernel_size": 99}, "kernel_size"),
        ("cnn", {"filters": []}, "filters"),
        ("cnn", {"filters": [[0]]}, "filters.0.0"),
        ("cnn", {"filters": [[10**12]]}, "filters.0.0"),
        ("cnn", {"optimizer": {"learning_rate": -1}}, "optimizer.learning_rate"),
        ("cnn", {"optimizer.learning_rate": float("nan")}, "optimizer.learning_rate"),
        ("cnn", {"activation": "rleu"}, "activation"),
        ("mlp_classifier", {"units": [10**9]}, "units.0"),
        ("mlp_classifier", {"dropout": 1.0}, "dropout"),
        ("mlp_classifier", {"augmentation": {"rotation": 999}}, "augmentation.rotation"),
        ("mlp_classifier", {"units": "many"}, "units"),
    ],
)
def test_a_wrong_field_is_one_finding_with_its_place(
    name: str, config: dict[str, Any], place: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        zoo.build(name, data=images(8, 8, 1), **config)

    finding = caught.value.findings[0]
    assert place in (finding.where, finding.did_you_mean)
    assert caught.value.exit_code == 4


@settings(max_examples=6, deadline=None)
@given(
    units=st.lists(st.integers(1, 12), max_size=3),
    activation=st.sampled_from(["relu", "gelu", "tanh", "sigmoid", "selu"]),
    normalization=st.sampled_from(["batch", "layer", "none"]),
    dropout=st.sampled_from([0.0, 0.5]),
)
def test_every_mlp_configuration_builds_and_takes_a_step(
    units: list[int], activation: str, normalization: str, dropout: float
) -> None:
    model = zoo.build(
        "mlp_classifier",
        data=images(4, 4, 1),
        units=units,
        activation=activation,
        normalization=normalization,
        dropout=dropout,
    )
    x = np.zeros((6, 4, 4, 1), "uint8")
    # For a single step no graph is worth its tracing.
    model.run_eagerly = True

    assert np.isfinite(model.train_on_batch(x, np.arange(6) % 3)[0])


@pytest.mark.parametrize(
    ("head", "normalization"),
    [
        ("average", "batch"),
        ("max", "layer"),
        ("flatten", "none"),
        pytest.param("average", "layer", marks=pytest.mark.slow),
        pytest.param("average", "none", marks=pytest.mark.slow),
        pytest.param("max", "batch", marks=pytest.mark.slow),
        pytest.param("max", "none", marks=pytest.mark.slow),
        pytest.param("flatten", "batch", marks=pytest.mark.slow),
        pytest.param("flatten", "layer", marks=pytest.mark.slow),
    ],
)
def test_every_cnn_head_and_normalization_builds_and_takes_a_step(
    head: str, normalization: str
) -> None:
    model = zoo.build(
        "cnn",
        data=images(6, 5, 3),
        filters=[[3], [4, 4]],
        head=head,
        dense=[5],
        normalization=normalization,
        pooling="average",
        dropout=0.1,
        label_smoothing=0.1,
    )
    x = np.zeros((6, 6, 5, 3), "uint8")
    model.run_eagerly = True

    assert np.isfinite(model.train_on_batch(x, np.arange(6) % 3)[0])


def test_a_task_that_was_read_from_a_file_is_the_task_that_it_names() -> None:
    """A text from a file is an object of its own, and equal to the name."""
    for name in ("mlp_regressor", "mlp_classifier", "lstm"):
        known = zoo.dataset(registry().get(name).default_dataset).spec
        task = "".join(list(known.task))
        assert task is not known.task
        assert zoo.build(name, data=known.model_copy(update={"task": task})).count_params()
