"""Smaller forms of an artifact: measured, and published or refused with the numbers."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.exporting.networks import CLASSES, IMAGE, LABEL, PROBABILITIES, Tiny, blueprint, cnn
from zoo import runtime
from zoo.architecture import Signature
from zoo.data.dataset import ArraySplit, Dataset
from zoo.errors import ConfigError, MissingExtra, ParityFailed, QuantizationRejected, StorageError
from zoo.exporting import candidate as trials, export_artifact
from zoo.exporting.policy import Policy
from zoo.exporting.quantize import quantize_artifact
from zoo.metrics import Evaluation, Score
from zoo.spec import Arrays, DataSpec, PredictFns, Split, Task, TensorSpec

ROW = TensorSpec(name="row", shape=(8,))
SMALLEST = Policy(preference="smallest")
"""Without a clock in it: what these tests expect must not depend on the machine's load."""

ALL = ("optimized", "int8_dynamic", "int8_static", "float16")


def network(spread: float) -> Any:
    """A classifier one of whose features is ``spread`` times the others."""
    import keras
    from keras import layers

    rng = np.random.default_rng(3)
    row = keras.Input((8,), name="row")
    x = layers.Dense(96, activation="tanh", name="first")(row)
    x = layers.Dense(64, activation="tanh")(x)
    model = keras.Model(row, {"probabilities": layers.Dense(len(CLASSES), activation="softmax")(x)})
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    kernel = model.get_layer("first").kernel
    kernel.assign(np.asarray(kernel) / np.array([spread, *[1.0] * 7])[:, None])
    return model


def clear(answers: Any, count: int = 400) -> Any:
    """Return the positions of the examples whose class is least in doubt."""
    ranked = np.sort(np.asarray(answers), axis=-1)
    return np.argsort(ranked[:, -2] - ranked[:, -1], kind="stable")[:count]


def dataset(name: str, inputs: Any, model: Any, spec: TensorSpec) -> Dataset:
    """Examples that the model classifies rightly, and clearly."""
    answers = np.asarray(model.predict_on_batch(inputs)["probabilities"])
    kept = np.sort(clear(answers))
    labels = answers.argmax(-1).astype(np.int64)
    parts = {"train": kept[::2], "validation": kept[1::4], "test": kept[3::4]}
    splits = {
        part: ArraySplit({name: inputs[at]}, {"label": labels[at]}) for part, at in parts.items()
    }
    data = DataSpec(id="toy", task=Task.CLASSIFICATION, inputs=(spec,), targets=(LABEL,))
    return Dataset(data, lambda: splits)


def rows(spread: float) -> Any:
    random = np.random.default_rng(4)
    scale = np.array([spread, *[1.0] * 7])
    return (random.normal(size=(2000, 8)) * scale).astype(np.float32)


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Dataset]]:
    """A classifier of even features, one of features with a huge range, and one of images."""
    out = tmp_path_factory.mktemp("toys")
    images = np.random.default_rng(5).integers(0, 256, (2000, 6, 6, 1), dtype=np.uint8)
    made = {}
    for name, model, inputs, spec in (
        ("even", network(1.0), rows(1.0), ROW),
        ("wide", network(1e5), rows(1e5), ROW),
        ("image", cnn(activation="relu"), images, IMAGE),
    ):
        data = dataset(spec.name, inputs, model, spec)
        path = export_artifact(
            blueprint(spec),
            Tiny(),
            [Signature("predict", model, (spec,), (PROBABILITIES,))],
            out=out / name,
            samples=data.split("validation").take(np.arange(32))[0],
            fingerprint=data.fingerprint,
        )
        made[name] = (path, data)
    return made


def quantize(toy: tuple[Path, Dataset], out: Path, **options: Any) -> Any:
    path, data = toy
    return quantize_artifact(
        path, Tiny(), data, out=out, **{"policy": SMALLEST, "seconds": 0.01, **options}
    )


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


@pytest.fixture(scope="module")
def published(
    toys: dict[str, tuple[Path, Dataset]], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    return quantize(toys["even"], tmp_path_factory.mktemp("variants"))


def test_a_smaller_form_that_loses_nothing_is_published_and_proves_itself(published: Any):
    path = Path(published.published)
    assert path.parts[-2:] == ("tiny_int8", "1")
    assert runtime.verify(path).signatures[0].examples == 8
    chosen = next(row for row in published.candidates if row.candidate == published.winner)
    assert chosen.accepted and chosen.size_ratio < 0.6
    assert chosen.comparison.loss <= 0.5
    assert chosen.comparison.low <= chosen.comparison.loss <= chosen.comparison.high
    assert published.test.split == "test" and published.test.examples == 100


def test_everything_that_was_tried_is_in_the_report(published: Any):
    assert tuple(row.candidate for row in published.candidates) == ALL
    for row in published.candidates:
        assert row.accepted != bool(row.reason)
        assert set(row.latency_ratio) in ({"1", "64"}, set())


def test_the_variant_says_where_it_came_from_and_what_was_tried(
    published: Any, toys: dict[str, tuple[Path, Dataset]]
):
    source, _ = toys["even"]
    manifest = runtime.read_manifest(Path(published.published))
    variant = manifest.variant
    assert variant is not None
    assert manifest.name == "tiny_int8"
    original = (source / "manifest.json").read_bytes()
    assert variant.of_manifest_sha256 == hashlib.sha256(original).hexdigest()
    assert variant.of_weights_sha256 == runtime.read_manifest(source).graphs[0].weights_sha256
    assert variant.of_weights_sha256 != manifest.graphs[0].weights_sha256
    assert tuple(verdict.candidate for verdict in variant.verdicts) == ALL
    assert manifest.metrics["scores"]["accuracy"]["value"] == variant.test.value
    card = (Path(published.published) / "card.md").read_text()
    assert card.startswith("# tiny_int8\n")
    assert all(name in card for name in ALL)


def test_static_ranges_are_measured_on_training_examples_alone(
    toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    data = toys["even"][1]
    real = data.split
    monkeypatch.setattr(data, "split", lambda name: asked.append(name) or real(name))
    kept = quantize(toys["even"], tmp_path, candidates=["int8_static"], calibration_examples=50)
    used = runtime.read_manifest(Path(kept.published)).variant.calibration
    assert used.split == "train" and used.examples == 50
    assert used.data_fingerprint == data.fingerprint
    assert asked == ["train", "validation", "validation", "test"]
    other = quantize(toys["even"], tmp_path, candidates=["int8_static"], calibration_examples=99)
    again = runtime.read_manifest(Path(other.published)).variant.calibration
    assert again.sha256 != used.sha256
    assert other.published.endswith("tiny_int8/2")


def test_the_variant_runs_as_it_was_measured(published: Any, toys: Any):
    inputs, targets = toys["even"][1].split("validation").arrays()
    found = runtime.load(published.published).predict(inputs["row"])
    agree = float(np.mean(found.outputs["label"] == targets["label"]))
    chosen = next(row for row in published.candidates if row.candidate == published.winner)
    assert agree == chosen.comparison.agreement


def test_the_same_artifact_gives_the_same_bytes_whatever_the_clock_said(
    published: Any, toys: Any, tmp_path: Path
):
    again = quantize(toys["even"], tmp_path / "elsewhere", seconds=0.03)
    first, second = Path(published.published), Path(again.published)
    names = sorted(p.name for p in first.iterdir())
    assert names == sorted(p.name for p in second.iterdir())
    assert all((first / n).read_bytes() == (second / n).read_bytes() for n in names)
    assert "latency" not in (first / "manifest.json").read_text()


def test_integers_that_destroy_the_answers_are_refused_with_their_numbers(
    toys: Any, tmp_path: Path
):
    with pytest.raises(QuantizationRejected) as caught:
        quantize(toys["wide"], tmp_path / "out", candidates=["int8_dynamic", "int8_static"])
    assert caught.value.exit_code == 7
    assert left(tmp_path) == []
    report = caught.value.report
    assert report.published is None and report.winner is None
    for row in report.candidates:
        assert row.comparison.original == 1.0
        assert row.comparison.loss > 5
        assert row.comparison.low > 0
        assert f"loses {row.comparison.loss:.2f} points" in row.reason
        assert row.reason in caught.value.why
    json.dumps(caught.value.as_dict(), allow_nan=False)


def test_where_integers_fail_another_form_is_published_with_their_verdicts(
    toys: Any, tmp_path: Path
):
    report = quantize(toys["wide"], tmp_path)
    assert report.winner == "float16"
    assert Path(report.published).parts[-2:] == ("tiny_float16", "1")
    variant = runtime.read_manifest(Path(report.published)).variant
    assert variant is not None and variant.calibration is None
    faithful = {verdict.candidate: verdict.faithful for verdict in variant.verdicts}
    assert faithful["float16"]
    assert not faithful["int8_static"] and not faithful["int8_dynamic"]


def test_half_precision_is_what_rounded_weights_give(toys: Any, tmp_path: Path):
    import onnx

    report = quantize(toys["even"], tmp_path, candidates=["float16"])
    model = onnx.load(Path(report.published) / "model.onnx")
    inputs = toys["even"][1].split("test").arrays()[0]
    halves = sum(t.data_type == onnx.TensorProto.FLOAT16 for t in model.graph.initializer)
    assert halves == 3
    keras_model = network(1.0)
    for weight in keras_model.weights:
        if len(weight.shape) > 1:
            weight.assign(np.asarray(weight).astype(np.float16).astype(np.float32))
    expected = np.asarray(keras_model.predict_on_batch(inputs["row"])["probabilities"])
    found = runtime.load(report.published).predict(inputs["row"])
    np.testing.assert_allclose(found.probabilities, expected, atol=2e-6)


def test_operators_of_one_runtime_alone_are_refused(toys: Any, tmp_path: Path):
    with pytest.raises(QuantizationRejected, match=r"FusedConv|costs") as caught:
        quantize(toys["image"], tmp_path / "out", candidates=["optimized"])
    (row,) = caught.value.report.candidates
    assert "outside standard ONNX (FusedConv" in row.reason
    assert row.bytes is None
    assert left(tmp_path) == []


def test_answers_that_depend_on_the_other_examples_of_a_call_are_told(toys: Any, tmp_path: Path):
    with pytest.raises(QuantizationRejected) as caught:
        quantize(toys["image"], tmp_path, candidates=["int8_dynamic", "int8_static"])
    dynamic, static = caught.value.report.candidates
    assert dynamic.comparison.neighbors > static.comparison.neighbors == 0


def test_a_form_that_contradicts_itself_is_refused(
    toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def failing(*arguments: Any) -> Any:
        raise ParityFailed("it answers otherwise without optimization", why="2 x the tolerance")

    monkeypatch.setattr(trials, "prove", failing)
    with pytest.raises(QuantizationRejected, match="answers otherwise") as caught:
        quantize(toys["even"], tmp_path / "out")
    assert not any(row.accepted for row in caught.value.report.candidates)
    assert left(tmp_path) == []


def test_a_bound_that_nothing_meets_refuses_all(toys: Any, tmp_path: Path):
    policy = Policy(preference="fastest", max_loss=0, min_agreement=1)
    with pytest.raises(QuantizationRejected):
        quantize(toys["wide"], tmp_path, candidates=["int8_static"], policy=policy)


def test_a_variant_is_not_quantized_again(published: Any, toys: Any, tmp_path: Path):
    with pytest.raises(ConfigError, match="a variant already"):
        quantize((Path(published.published), toys["even"][1]), tmp_path)


def test_wrong_wishes_are_findings(toys: Any, tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        quantize(toys["even"], tmp_path, candidates=["int4"], version=0, seconds=0, threads=0)
    wrong = [finding.where for finding in caught.value.findings]
    assert wrong == ["candidates", "version", "seconds", "threads"]
    with pytest.raises(ConfigError, match="accuracy, macro_f1"):
        quantize(toys["even"], tmp_path, metric="bleu")


def test_a_full_disk_leaves_nothing(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.name == "vectors.npz":
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="no space"):
        quantize(toys["even"], tmp_path / "out", candidates=["float16"])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_names_the_extra(
    toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnx" else find(name)
    )
    with pytest.raises(MissingExtra, match="quantizing needs onnx"):
        quantize(toys["even"], tmp_path)


class Rebuilder(Tiny):
    """Measures by the squared error, of which less is better."""

    def evaluate(
        self,
        predict_fns: PredictFns,
        split: Split,
        data: DataSpec,
        *,
        reference: Split | None = None,
        **_: Any,
    ) -> Evaluation:
        inputs, _ = split.take(np.arange(len(split)))
        error = np.square(predict_fns["predict"](inputs)["rebuilt"] - inputs["x"]).mean()
        return Evaluation(
            task=Task.RECONSTRUCTION,
            examples=len(split),
            scores={"mse": Score(value=float(error))},
        )


def _autoencoder() -> tuple[Signature, ...]:
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    x = keras.Input((32,), name="x")
    z = keras.Input((16,), name="z")
    code = layers.Dense(16)(layers.Dense(64, activation="tanh")(x))
    decoder = keras.Sequential([layers.Dense(64, activation="tanh"), layers.Dense(32)])
    spec, codes = TensorSpec(name="x", shape=(32,)), TensorSpec(name="z", shape=(16,))
    rebuilt = TensorSpec(name="rebuilt", shape=(32,))
    return (
        Signature("predict", keras.Model(x, {"rebuilt": decoder(code)}), (spec,), (rebuilt,)),
        Signature("encode", keras.Model(x, {"z": code}), (spec,), (codes,)),
        Signature("decode", keras.Model(z, {"rebuilt": decoder(z)}), (codes,), (rebuilt,)),
    )


def test_every_graph_of_a_model_is_quantized_a_decoder_on_its_encoders_codes(tmp_path: Path):
    random = np.random.default_rng(8)
    examples: Arrays = {"x": random.normal(size=(240, 32)).astype(np.float32)}
    spec = TensorSpec(name="x", shape=(32,))
    splits = {
        name: ArraySplit({"x": examples["x"][start::3]}, {})
        for start, name in enumerate(("train", "validation", "test"))
    }
    data = Dataset(DataSpec(id="toy", task=Task.RECONSTRUCTION, inputs=(spec,)), lambda: splits)
    path = export_artifact(
        blueprint(spec, task=Task.RECONSTRUCTION),
        Rebuilder(),
        _autoencoder(),
        out=tmp_path / "out",
        samples={**examples, "z": random.normal(size=(8, 16)).astype(np.float32)},
    )
    report = quantize_artifact(
        path,
        Rebuilder(),
        data,
        out=tmp_path,
        policy=Policy(preference="smallest", max_loss=5),
        candidates=["int8_static"],
        seconds=0.01,
    )
    found = report.candidates[0].comparison
    assert found is not None
    assert (found.metric, found.unit, found.agreement) == ("mse", "percent", None)
    assert found.low is not None and found.high is not None
    assert found.low <= found.loss <= found.high
    assert str(report.published) == str(tmp_path / "tiny_int8" / "1")
    verified = runtime.verify(str(report.published))
    assert [s.signature for s in verified.signatures] == ["predict", "encode", "decode"]
