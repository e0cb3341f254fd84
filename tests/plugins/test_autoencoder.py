"""The autoencoder, from its configuration to what it publishes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from zoo.api.catalog import registry
from zoo.data import ArraySplit, Dataset
from zoo.errors import ConfigError, DataError, Incompatible, QuantizationRejected
from zoo.spec import DataSpec, Task, TensorSpec
from zoo.training.engines import choose_engine
from zoo.training.engines.fit import FitEngine

RNG = np.random.default_rng(0)
LABELS = ("a", "b", "c")
TINY = {"kind": "dense", "code_size": 3, "units": [6]}


def image_spec(
    shape: tuple[int, ...] = (6, 5, 1), labels: tuple[str, ...] | None = LABELS, **image: Any
) -> DataSpec:
    tensor = TensorSpec(
        **{"name": "image", "shape": shape, "dtype": "uint8", "range": (0, 255), "role": "image"}
        | image
    )
    targets = (TensorSpec(name="label", dtype="int64", labels=labels),) if labels else ()
    task = Task.CLASSIFICATION if labels else Task.RECONSTRUCTION
    return DataSpec(id="x", task=task, inputs=(tensor,), targets=targets)


def data(shape: tuple[int, ...] = (6, 5, 1), labels: Any = LABELS) -> Dataset:
    """Return images of class k in which row k is bright."""
    generator = np.random.default_rng(1)

    def part(count: int) -> ArraySplit:
        classes = np.arange(count) % 3
        pixels = generator.integers(0, 60, (count, *shape))
        pixels[np.arange(count), classes] += 180
        targets = {"label": classes} if labels else {}
        return ArraySplit({"image": pixels.astype("uint8")}, targets)

    return Dataset(
        image_spec(shape, labels),
        lambda: {"train": part(48), "validation": part(12), "test": part(15)},
    )


@pytest.mark.parametrize("kind", ["dense", "convolutional"])
@pytest.mark.parametrize(
    "size", [(8, 8, 1), (28, 28, 1), pytest.param((33, 57, 3), marks=pytest.mark.slow), (7, 9, 3)]
)
def test_the_recipe_gives_back_images_of_every_size(kind: str, size: tuple[int, int, int]) -> None:
    extra = {"filters": [4, 6]} if kind == "convolutional" else {"units": [8]}
    model = zoo.build("autoencoder", data=image_spec(size), kind=kind, **extra)
    batch = RNG.integers(0, 256, (2, *size)).astype("uint8")
    given = np.asarray(model(batch))

    assert given.shape == batch.shape
    assert given.min() >= 0 and given.max() <= 255


@pytest.mark.parametrize("side", [8, 16, 28, 64, 128])
def test_the_recipe_suits_the_side_of_an_image(side: int) -> None:
    architecture = registry().get("autoencoder")
    config = architecture.default_config(image_spec((side, side, 3))).config

    assert config.code_size < side * side
    assert (config.kind == "dense") == (side < 16)


def test_what_build_returns_learns_images_from_themselves(tmp_path: Path) -> None:
    model = zoo.build("autoencoder", data=image_spec((8, 8, 1)), **TINY)
    x = RNG.integers(0, 256, (32, 8, 8, 1)).astype("uint8")
    before = model.evaluate(x, x, verbose=0, return_dict=True)
    model.fit(x, x, epochs=20, batch_size=8, verbose=0)
    after = model.evaluate(x, x, verbose=0, return_dict=True)
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")

    assert set(after) == {"loss", "mse"}
    assert after["mse"] < before["mse"]
    assert after["loss"] == pytest.approx(after["mse"])
    np.testing.assert_array_equal(again(x), model(x))


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"noise": {"kind": "gaussian"}}, marks=pytest.mark.slow),
        pytest.param({"noise": {"kind": "salt_and_pepper", "amount": 0.1}}, marks=pytest.mark.slow),
        pytest.param({"noise": {"kind": "masking"}, "loss": "bce"}, marks=pytest.mark.slow),
        pytest.param({"sparsity": {"kind": "l1"}}, marks=pytest.mark.slow),
        pytest.param({"sparsity": {"kind": "kl", "weight": 0.1}}, marks=pytest.mark.slow),
        {"variational": True, "loss": "bce"},
        pytest.param(
            {"code_range": "tanh", "normalization": "layer", "activation": "relu"},
            marks=pytest.mark.slow,
        ),
        pytest.param({"code_range": "sigmoid", "normalization": "none"}, marks=pytest.mark.slow),
    ],
)
def test_every_option_trains_in_the_compiled_engine_and_comes_out_finite(
    config: dict[str, Any],
) -> None:
    found = data()
    model = zoo.build("autoencoder", data=found.spec, **TINY, **config)
    view = zoo.MappedDataset(found, lambda inputs, _: (inputs, inputs))
    engine = choose_engine(
        model, view.split("train"), view.split("validation"), zoo.TrainPlan(batch_size=16)
    )
    line = engine.run_epoch(np.arange(48, dtype="int32"), lambda steps: None)

    assert not isinstance(engine, FitEngine)
    assert np.isfinite(line["loss"]) and np.isfinite(engine.validate()["loss"])
    penalized = "sparsity" in config or "variational" in config
    assert (abs(line["loss"] - line["mse"]) > 1e-7) == (penalized or "loss" in config)


def test_a_variational_model_answers_alike_every_time() -> None:
    model = zoo.build("autoencoder", data=image_spec(), **TINY, variational=True)
    x = RNG.integers(0, 256, (4, 6, 5, 1)).astype("uint8")

    np.testing.assert_array_equal(model(x), model(x))


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"code_size": 30}, "code_size"),
        ({"code_size": 0}, "code_size"),
        ({"kind": "convolutional", "filters": [4, 4, 4, 4]}, "filters"),
        ({"kind": "convolutional", "filters": []}, "filters"),
        ({"held_out": ["d"]}, "held_out"),
        ({"held_out": ["a", "b", "c"]}, "held_out"),
        ({"noise": {"kind": "rain"}}, "noise.kind"),
        ({"noise": {"amount": -1}}, "noise.amount"),
        ({"beta": float("nan")}, "beta"),
        ({"filtres": [3]}, "filters"),
    ],
)
def test_a_wrong_field_is_a_finding_with_its_place(config: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        zoo.build("autoencoder", data=image_spec(), **{**TINY, **config})

    finding = caught.value.findings[0]
    assert place in (finding.where, finding.did_you_mean)


def test_a_list_that_was_given_as_a_text_is_told_how_it_is_written() -> None:
    with pytest.raises(ConfigError, match=r"'\[8, 16\]'"):
        zoo.build("autoencoder", filters="8,16")


def test_codes_are_variational_or_sparse_and_a_class_is_held_out_once() -> None:
    for config in (
        {"variational": True, "sparsity": {"kind": "l1"}},
        {"held_out": ["a", "a"]},
    ):
        with pytest.raises(ConfigError):
            zoo.build("autoencoder", data=image_spec(), **{**TINY, **config})


def test_a_class_may_be_named_by_a_number() -> None:
    spec = image_spec(labels=("0", "1", "9"))
    model = zoo.build("autoencoder", data=spec, **TINY, held_out=9)

    assert model.blueprint.config.held_out == ("9",)


def test_data_without_images_is_refused_and_the_way_out_said() -> None:
    table = DataSpec(id="t", task=Task.REGRESSION, inputs=(TensorSpec(name="numeric", shape=(3,)),))
    with pytest.raises(ConfigError, match="needs images") as caught:
        zoo.build("autoencoder", data=table)

    assert "--data" in caught.value.fix


def test_a_value_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    broken = RNG.random((12, 6, 5, 1)).astype("float32")
    good = ArraySplit({"image": broken.copy()}, {})
    broken[5, 2, 2, 0] = np.nan
    found = Dataset(
        image_spec(labels=None, dtype="float32", range=(0.0, 1.0)),
        lambda: {"train": ArraySplit({"image": broken}, {}), "validation": good, "test": good},
    )
    with pytest.raises(DataError, match="not finite") as caught:
        zoo.train("autoencoder", found, run_dir=tmp_path / "run", epochs=1, **TINY)

    assert "image 5" in caught.value.why


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    """A finished run that never saw class c, and repairs."""
    folder = tmp_path_factory.mktemp("autoencoder")
    return zoo.train(
        "autoencoder",
        data(),
        run_dir=folder / "run",
        epochs=25,
        batch_size=8,
        held_out=["c"],
        noise={"kind": "masking", "amount": 0.2},
        **TINY,
    )


@pytest.fixture(scope="module")
def exported(run: zoo.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo.export(run, tmp_path_factory.mktemp("exports"), data=data()).path


@pytest.fixture(scope="module")
def evaluation(run: zoo.Run) -> zoo.Evaluation:
    return zoo.evaluate(run, data())


def test_what_is_held_out_is_neither_trained_on_nor_chosen_by(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from zoo.training import loop

    seen: dict[str, Any] = {}

    def spy(model: Any, train: Any, validation: Any, *rest: Any) -> Any:
        seen.update(train=train, validation=validation)
        return choose_engine(model, train, validation, *rest)

    monkeypatch.setattr(loop, "choose_engine", spy)
    zoo.train("autoencoder", data(), run_dir=tmp_path / "run", epochs=1, held_out=["c"], **TINY)
    for name, size in (("train", 32), ("validation", 8)):
        inputs, targets = seen[name].arrays()
        assert len(seen[name]) == size
        assert (inputs["image"][:, 2].mean(axis=(1, 2)) < 100).all()
        assert set(targets) == {"image"}
        taken = seen[name].take(np.array([size - 1]))[0]["image"]
        np.testing.assert_array_equal(taken, inputs["image"][-1:])


def test_data_that_is_read_on_demand_leaves_the_same_classes_out() -> None:
    from zoo_autoencoder.datasets import exclude_classes

    found = data()

    class OnDisk:
        spec = found.spec
        fingerprint = found.fingerprint

        def split(self, name: Any) -> Any:
            inner = found.split(name)

            class Reader:
                def __len__(self) -> int:
                    return len(inner)

                def take(self, indices: np.ndarray) -> Any:
                    return inner.take(indices)

                def arrays(self) -> None:
                    return None

            return Reader()

    split = exclude_classes(OnDisk(), ("a",)).split("train")
    assert len(split) == 32
    assert split.arrays() is None
    assert set(split.take(np.arange(32))[1]["label"].tolist()) == {1, 2}


def test_a_split_of_nothing_but_held_out_classes_is_refused() -> None:
    from zoo_autoencoder.datasets import exclude_classes

    alone = ArraySplit({"image": np.zeros((3, 6, 5, 1), "uint8")}, {"label": np.zeros(3, int)})
    found = Dataset(image_spec(), lambda: dict.fromkeys(("train", "validation", "test"), alone))
    with pytest.raises(DataError, match="held-out"):
        exclude_classes(found, ("a",)).split("train")


def test_a_run_is_measured_on_what_its_configuration_is_about(
    evaluation: zoo.Evaluation,
) -> None:
    scores = evaluation.scores

    assert evaluation.task == Task.RECONSTRUCTION
    assert evaluation.headline == "mse"
    assert evaluation.examples == 10
    assert set(scores) == {
        "mse",
        "psnr",
        "mse_pca",
        "mse_to_pca",
        "psnr_corrupted",
        "psnr_denoised",
        "held_out_auc",
        "held_out_auc_pca",
    }
    assert scores["held_out_auc"].value > 0.9
    assert scores["psnr_denoised"].value > scores["psnr_corrupted"].value


def test_an_artifact_is_measured_like_its_run_and_answers_every_signature(
    evaluation: zoo.Evaluation, exported: Path
) -> None:
    found = zoo.evaluate(exported, data()).scores
    for name, score in evaluation.scores.items():
        assert score.value == pytest.approx(found[name].value, rel=1e-3), name
    images = data().split("test").take(np.arange(3))[0]["image"]
    code = zoo.predict(exported, images, signature="encode").outputs["code"]
    again = zoo.predict(exported, {"code": code}, signature="decode").outputs["reconstruction"]
    whole = zoo.predict(exported, images).outputs

    np.testing.assert_allclose(again, whole["reconstruction"], atol=1e-2)
    apart = ((images / 255.0 - whole["reconstruction"] / 255.0) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(whole["error"], apart, rtol=1e-4)
    assert json.loads((exported / "manifest.json").read_text())["task"] == "reconstruction"
    with pytest.raises(Incompatible):
        zoo.predict(exported, images, signature="dream")


def test_a_smaller_form_is_measured_on_what_the_configuration_is_about(
    exported: Path,
) -> None:
    # So small a network becomes no smaller; what was measured is said nevertheless.
    with pytest.raises(QuantizationRejected) as caught:
        zoo.quantize(
            exported,
            data=data(),
            metric="psnr_denoised",
            methods=["int8_static"],
            prefer="smallest",
            seconds=0.01,
        )
    compared = caught.value.report.candidates[0].comparison
    assert compared is not None
    whole = data().split("validation").take(np.arange(len(data().split("validation"))))[1]["label"]
    assert compared.examples == int((whole != LABELS.index("c")).sum())
    assert compared.metric == "psnr_denoised"


def test_own_data_that_needs_options_is_asked_for_with_them(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / data().spec.id).mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="cannot be read") as caught:
        zoo.quantize(exported)
    assert "--data-option" in str(caught.value)


def test_the_published_digits_leave_less_than_half_of_what_components_leave() -> None:
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    scores = zoo.evaluate(zoo.build("autoencoder", weights="digits"), "digits").scores

    high = scores["mse_to_pca"].high
    assert high is not None and high < 0.5


@pytest.mark.slow
def test_the_published_mnist_weights_leave_less_than_half_of_what_32_components_leave(
    shared_data: Path,
) -> None:
    mnist = zoo.dataset("mnist", file=str(shared_data / "mnist" / "mnist.npz"))
    model = zoo.build("autoencoder", weights="mnist")
    assert model.blueprint.config.code_size == 32
    high = zoo.evaluate(model, mnist).scores["mse_to_pca"].high

    assert high is not None and high < 0.5


def test_a_plugin_imports_without_keras() -> None:
    import subprocess
    import sys

    code = "import sys, zoo_autoencoder; print('keras' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split()[0] == "False"


def test_every_field_of_the_schema_says_what_it_is() -> None:
    schema = zoo.info("autoencoder").schema
    for part in (schema, *schema.get("$defs", {}).values()):
        for field, about in part["properties"].items():
            assert "description" in about or "$ref" in about or "allOf" in about, field
            assert "default" in about, field
