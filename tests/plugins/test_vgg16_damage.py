"""The classifier of damage: its sizes, what it decides, where its evidence lies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import zoo
from zoo.errors import ConfigError
from zoo.layers import SmoothedCrossentropy
from zoo.spec import DataSpec, Task, TensorSpec
from zoo_vgg16_damage import VGG16Damage, VGG16DamageConfig
from zoo_vgg16_damage.calibration import best_temperature, best_threshold, log_loss, softmax
from zoo_vgg16_damage.network import calibration_layer


@pytest.fixture(scope="module", autouse=True)
def announced() -> None:
    """Announce the architecture where the installed zoo is older than these tests."""
    if "vgg16_damage" not in zoo.list_models():
        zoo.register(VGG16Damage)


def pictures(
    height: int,
    width: int,
    channels: int,
    labels: tuple[str, ...] = ("crack", "dent"),
    dtype: str = "uint8",
    high: float = 255,
) -> DataSpec:
    image = TensorSpec(
        name="image", shape=(height, width, channels), dtype=dtype, range=(0, high), role="image"
    )
    label = TensorSpec(name="label", dtype="int64", labels=labels)
    return DataSpec(id="x", task=Task.CLASSIFICATION, inputs=(image,), targets=(label,))


class Part:
    """Some pictures with their classes."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"image": self.images[indices]}, {"label": self.labels[indices]}

    def arrays(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.take(np.arange(len(self)))


class Bars:
    """Noise with a bright bar somewhere: a lying one, or an upright one."""

    def __init__(self, sizes: dict[str, int], *, labels: int = 2) -> None:
        self.sizes = sizes
        self.spec = pictures(24, 24, 3, tuple("abcd"[:labels]))
        self.fingerprint = "1" * 64

    def split(self, name: str) -> Part:
        count = self.sizes[name]
        random = np.random.default_rng([count, len(name)])
        labels = (np.arange(count) % 2).astype("int64")
        images = random.integers(0, 120, (count, 24, 24, 3))
        self.places = random.integers(1, 15, (count, 2))
        for place, label in enumerate(labels):
            x, y = self.places[place]
            wide, tall = ((8, 3), (3, 8))[label]
            images[place, y : y + tall, x : x + wide] += 130
        return Part(images.astype("uint8"), labels)


SMALL = Bars({"train": 96, "validation": 40, "test": 60})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    folder = tmp_path_factory.mktemp("runs") / "spots"
    return zoo.train(
        "vgg16_damage", SMALL, epochs=15, run_dir=folder, stem=8, stages=[[12], [16]], batch_size=16
    )


@pytest.fixture(scope="module")
def evaluation(run: zoo.Run) -> zoo.Evaluation:
    return zoo.evaluate(run, SMALL)


@pytest.fixture(scope="module")
def artifact(run: zoo.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo.export(run, tmp_path_factory.mktemp("exports"), data=SMALL).path


@pytest.mark.parametrize(
    "size",
    [
        (8, 8, 1),
        pytest.param((28, 28, 1), marks=pytest.mark.slow),
        (60, 90, 3),
        (200, 160, 3),
        pytest.param((49, 48, 1), marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "labels", [("a", "b"), pytest.param(("a", "b", "c"), marks=pytest.mark.slow)]
)
def test_the_recipe_fits_pictures_of_every_size_gray_or_color(
    size: tuple[int, int, int], labels: tuple[str, ...]
) -> None:
    model = zoo.build("vgg16_damage", data=pictures(*size, labels))
    batch = np.random.default_rng(0).integers(0, 256, (2, *size)).astype("uint8")
    chances = np.asarray(model(batch))

    assert chances.shape == (2, len(labels))
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"preset": "large"}, "preset"),
        ({"backbone": "vgg19"}, "backbone"),
        ({"head.dropout": 1.0}, "head.dropout"),
        ({"head.pooling": "max"}, "head.pooling"),
        ({"image_size": 16}, "image_size"),
        ({"views": 0}, "views"),
        ({"positive_class": "hole"}, "positive_class"),
        ({"stages": [[8]] * 8}, "stages"),
        ({"fine_tune.blocks": 9}, "fine_tune"),
        ({"false_negative_cost": 0}, "false_negative_cost"),
    ],
)
def test_a_wrong_field_is_a_finding_with_its_place(config: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        zoo.build("vgg16_damage", data=pictures(24, 24, 3), **config)

    assert caught.value.findings[0].where.startswith(place)


def test_random_frozen_features_are_not_offered_as_transfer_learning() -> None:
    with pytest.raises(ConfigError, match="not transfer learning"):
        zoo.build("vgg16_damage", data=pictures(24, 24, 3), preset="transfer", pretrained="none")


def test_a_table_is_refused_with_the_command_for_pictures() -> None:
    image = TensorSpec(name="numeric", shape=(3,))
    label = TensorSpec(name="label", dtype="int64", labels=("a", "b"))
    table = DataSpec(id="t", task=Task.CLASSIFICATION, inputs=(image,), targets=(label,))
    with pytest.raises(ConfigError, match="vgg16_damage needs images"):
        zoo.build("vgg16_damage", data=table)


def test_every_field_of_the_schema_says_what_it_is() -> None:
    schema = VGG16DamageConfig.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        for field, about in part["properties"].items():
            assert "description" in about or "$ref" in about, field
            assert "default" in about, field


def test_it_learns_and_its_probabilities_survive_saving(
    run: zoo.Run, evaluation: zoo.Evaluation
) -> None:
    again = zoo.load(run.path).model
    images = SMALL.split("test").images

    assert evaluation.scores["accuracy"].value >= 0.9
    np.testing.assert_array_equal(
        again.predict_on_batch(images), run.model.predict_on_batch(images)
    )
    assert float(calibration_layer(again).temperature) != 1.0


def test_the_temperature_does_not_raise_the_log_loss_of_the_validation_split(run: zoo.Run) -> None:
    part = SMALL.split("validation")
    chances = run.model.predict_on_batch(part.images).astype("float64")
    calibration = calibration_layer(run.model)
    logits = np.log(chances) * float(calibration.temperature)

    assert log_loss(np.log(chances), part.labels) <= log_loss(logits, part.labels) + 1e-6


def test_an_evaluation_has_curves_a_threshold_and_simpler_methods_beside_it(
    evaluation: zoo.Evaluation,
) -> None:
    titles = [figure.title for figure in evaluation.figures]

    assert evaluation.headline == "accuracy"
    assert {"roc_auc", "average_precision", "threshold_accuracy", "threshold_recall"} < set(
        evaluation.scores
    )
    assert evaluation.scores["majority_accuracy"].value < evaluation.scores["accuracy"].value
    assert evaluation.scores["histogram_accuracy"].low is not None
    assert titles[0] == "Saliency maps"
    assert "ROC curve of a" in titles
    assert "Comparison with baselines" in titles


def test_an_artifact_is_measured_to_the_same_numbers(
    evaluation: zoo.Evaluation, artifact: Path
) -> None:
    theirs = zoo.evaluate(artifact, SMALL)

    for name, score in evaluation.scores.items():
        assert theirs.scores[name].value == pytest.approx(score.value, abs=1e-4), name


def test_an_artifact_alone_says_what_it_is_and_where_without_keras(
    artifact: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", SMALL.split("test").images[:5])
    code = (
        "import sys, numpy as np, zoo.runtime as r\n"
        f"x = np.load({str(tmp_path / 'x.npy')!r})\n"
        f"where = r.load({str(artifact)!r}, signature='saliency').run({{'image': x}})['evidence']\n"
        f"said = r.load({str(artifact)!r}).run({{'image': x}})\n"
        "assert where.shape == (5, 12, 12, 2), where.shape\n"
        "assert set(said) == {'probabilities', 'threshold', 'label'}, set(said)\n"
        "assert not {'keras', 'tensorflow', 'zoo_vgg16_damage'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_evidence_is_exact_its_mean_is_the_logit_less_what_classes_share(run: zoo.Run) -> None:
    images = SMALL.split("test").images
    chances = np.log(run.model.predict_on_batch(images).astype("float64"))
    bias = keras.ops.convert_to_numpy(run.model.get_layer("logits").bias)
    bias /= float(calibration_layer(run.model).temperature)
    evidence = zoo.predict(run, {"image": images}, signature="saliency").outputs["evidence"]
    found = evidence.mean(axis=(1, 2)) + bias - bias.mean()

    np.testing.assert_allclose(found, chances - chances.mean(axis=1, keepdims=True), atol=1e-4)


def test_evidence_lies_where_the_bar_is(run: zoo.Run) -> None:
    from zoo.metrics.saliency import centroid, heatmap

    part = SMALL.split("test")
    evidence = zoo.predict(run, {"image": part.images}, signature="saliency").outputs["evidence"]
    found = [
        centroid(heatmap(one, label)) for one, label in zip(evidence, part.labels, strict=True)
    ]
    apart = [
        np.hypot(24 * place[0] - x - 4, 24 * place[1] - y - 4) if place else 24
        for place, (x, y) in zip(found, SMALL.places, strict=True)
    ]

    assert np.mean(np.array(apart) < 6) >= 0.9


@pytest.mark.parametrize(
    ("pooling", "dense"),
    [
        ("average", ()),
        ("flatten", (9, 5)),
        pytest.param("average", (7,), marks=pytest.mark.slow),
        pytest.param("average", (9, 5), marks=pytest.mark.slow),
        pytest.param("flatten", (), marks=pytest.mark.slow),
        pytest.param("flatten", (7,), marks=pytest.mark.slow),
    ],
)
def test_evidence_is_the_gradient_that_a_tape_finds(pooling: str, dense: tuple[int, ...]) -> None:
    import tensorflow as tf

    data = pictures(24, 24, 3, ("a", "b", "c"))
    model = zoo.build(
        "vgg16_damage", data=data, stages=[[6]], head={"pooling": pooling, "dense": dense}
    )
    images = np.random.default_rng(1).integers(0, 256, (4, 24, 24, 3)).astype("uint8")
    features = keras.Model(model.inputs[0], model.get_layer("features").output)(
        images, training=False
    )
    head = keras.Model(model.get_layer("features").output, model.get_layer("logits").output)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        logits = head(features, training=False)
        parts = [logits[:, k] - tf.reduce_mean(logits, axis=1) for k in range(3)]
    expected = np.stack(
        [
            np.sum(
                features.numpy()
                * tape.gradient(part, features).numpy().sum(axis=(1, 2), keepdims=True),
                axis=-1,
            )
            for part in parts
        ],
        axis=-1,
    )
    found = zoo.predict(model, {"image": images}, signature="saliency").outputs["evidence"]

    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_evidence_of_a_deep_head_is_exported_and_proven(tmp_path: Path) -> None:
    data = Bars({"train": 8, "validation": 8, "test": 8})
    model = zoo.build(
        "vgg16_damage", data=data, stages=[[6]], head={"pooling": "flatten", "dense": (7,)}
    )
    artifact = zoo.export(model, tmp_path, data=data)

    assert [graph["signature"] for graph in artifact.manifest["graphs"]] == ["predict", "saliency"]
    assert zoo.verify(artifact.path).signatures[1].signature == "saliency"


def test_rare_classes_count_as_much_as_common_ones() -> None:
    model = zoo.build("vgg16_damage", data=pictures(8, 8, 3))
    VGG16Damage().adapt(model, {}, {"label": np.array([0] * 30 + [1] * 10)})

    assert model.loss.class_weights == pytest.approx((40 / 60, 40 / 20))
    truth, said = np.array([0, 1]), np.full((2, 2), 0.5, "float32")
    losses = SmoothedCrossentropy(class_weights=model.loss.class_weights).call(truth, said)
    np.testing.assert_allclose(losses, np.log(2) * np.array(model.loss.class_weights), rtol=1e-5)


def test_a_loss_with_weights_is_saved_with_them() -> None:
    loss = SmoothedCrossentropy(0.1, (0.5, 2.0))

    assert SmoothedCrossentropy.from_config(loss.get_config()).class_weights == (0.5, 2.0)


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(0.2, 5), seed=st.integers(0, 50))
def test_logits_that_are_too_large_by_a_factor_get_that_temperature(
    scale: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (4_000, 3))
    drawn = random.random((4_000, 1)) > softmax(logits).cumsum(axis=1)
    labels = drawn.sum(axis=1).clip(0, 2)

    assert best_temperature(logits * scale, labels) == pytest.approx(scale, rel=0.12)


def test_a_higher_false_negative_cost_lowers_the_threshold() -> None:
    random = np.random.default_rng(5)
    there = random.random(2_000) < 0.5
    chances = np.clip(random.normal(np.where(there, 0.65, 0.35), 0.2), 0, 1)
    cheap, dear = (best_threshold(chances, there, cost) for cost in (1.0, 20.0))

    assert dear < cheap
    assert 0.4 < cheap < 0.6


@given(
    values=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40),
    cost=st.floats(0.1, 10),
)
def test_no_threshold_is_cheaper(values: list[tuple[float, bool]], cost: float) -> None:
    chances = np.array([value for value, _ in values])
    there = np.array([one for _, one in values])
    found = best_threshold(chances, there, cost)

    def price(threshold: float) -> float:
        said = chances >= threshold
        return cost * float((there & ~said).sum()) + float((~there & said).sum())

    if there.any() and not there.all():
        every = [*chances, *np.nextafter(chances, 2), *np.linspace(0, 1.001, 77)]
        assert price(found) <= min(map(price, every)) + 1e-9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("scores", "positive", "cost", "predicted"),
    [
        ([0.0, 1.0], [True, False], 0.5, [False, False]),
        ([0.2, 0.9], [True, False], 0.5, [False, False]),
        ([0.2, 0.9], [True, False], 2.0, [True, True]),
        ([0.5, 0.5000001], [False, True], 1.0, [False, True]),
        ([0.0, 0.0, 1.0], [True, False, True], 9.0, [True, True, True]),
    ],
)
def test_the_threshold_may_be_below_or_above_all_scores(
    scores: list[float], positive: list[bool], cost: float, predicted: list[bool], dtype: str
) -> None:
    values = np.array(scores, dtype)
    found = values.dtype.type(best_threshold(values, np.array(positive), cost))

    assert (values >= found).tolist() == predicted


def test_more_than_two_classes_have_no_threshold() -> None:
    data = Bars({"train": 24, "validation": 12, "test": 12}, labels=3)
    model = zoo.build("vgg16_damage", data=data.spec, stem=4, stages=[[4]])
    evaluation = zoo.evaluate(model, data)

    assert "threshold" not in zoo.predict(model, {"image": data.split("test").images}).outputs
    assert "roc_auc" not in evaluation.scores
    assert "majority_accuracy" in evaluation.scores


def test_the_plugin_imports_without_keras() -> None:
    code = "import sys, zoo_vgg16_damage; print({'keras', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
