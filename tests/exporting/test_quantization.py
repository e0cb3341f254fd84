"""Quantization of artifacts: candidates are measured, and published or rejected."""

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
from zoo.exporting.export import export_artifact
from zoo.exporting.quantization import candidate, quantize as quantization
from zoo.exporting.quantization.quantize import quantize_artifact
from zoo.exporting.quantization.selection import Criteria
from zoo.metrics import Evaluation, Score
from zoo.spec import Arrays, DataSpec, PredictFns, Split, Task, TensorSpec

ROW = TensorSpec(name="row", shape=(8,))
SMALLEST = Criteria(prefer="smallest")
"""Criteria without latency, which depends on the load of the machine."""

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
        path, Tiny(), data, out=out, **{"criteria": SMALLEST, "seconds": 0.01, **options}
    )


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


@pytest.fixture(scope="module")
def published(
    toys: dict[str, tuple[Path, Dataset]], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    return quantize(toys["even"], tmp_path_factory.mktemp("variants"))


def test_a_variant_without_loss_is_published_and_verifies(published: Any):
    path = Path(published.published)
    assert path.parts[-2:] == ("tiny_int8", "1")
    assert runtime.verify(path).signatures[0].examples == 8
    chosen = next(row for row in published.candidates if row.method == published.best)
    assert chosen.accepted and chosen.size_ratio < 0.6
    assert chosen.comparison.loss <= 0.5
    assert chosen.comparison.low <= chosen.comparison.loss <= chosen.comparison.high
    assert published.test.split == "test" and published.test.examples == 100


def test_the_report_has_every_candidate(published: Any):
    assert tuple(row.method for row in published.candidates) == ALL
    for row in published.candidates:
        assert row.accepted != bool(row.reason)
        assert set(row.latency_ratio) in ({"1", "64"}, set())


def test_the_manifest_of_a_variant_has_its_source_and_all_candidates(
    published: Any, toys: dict[str, tuple[Path, Dataset]]
):
    source, _ = toys["even"]
    manifest = runtime.read_manifest(Path(published.published))
    variant = manifest.variant
    assert variant is not None
    assert manifest.name == "tiny_int8"
    original = (source / "manifest.json").read_bytes()
    assert variant.source_manifest_sha256 == hashlib.sha256(original).hexdigest()
    assert variant.source_weights_sha256 == runtime.read_manifest(source).graphs[0].weights_sha256
    assert variant.source_weights_sha256 != manifest.graphs[0].weights_sha256
    assert tuple(result.method for result in variant.candidates) == ALL
    assert manifest.metrics["scores"]["accuracy"]["value"] == variant.test.variant
    card = (Path(published.published) / "card.md").read_text()
    assert card.startswith("# tiny_int8\n")
    assert all(name in card for name in ALL)


def test_static_quantization_is_calibrated_on_training_examples_only(
    toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    data = toys["even"][1]
    real = data.split
    monkeypatch.setattr(data, "split", lambda name: asked.append(name) or real(name))
    monkeypatch.setattr(quantization, "_CALIBRATION_EXAMPLES", 50)
    kept = quantize(toys["even"], tmp_path, methods=["int8_static"])
    used = runtime.read_manifest(Path(kept.published)).variant.calibration
    assert used.split == "train" and used.examples == 50
    assert used.data_fingerprint == data.fingerprint
    assert asked == ["train", "validation", "validation", "test"]
    monkeypatch.setattr(quantization, "_CALIBRATION_EXAMPLES", 99)
    other = quantize(toys["even"], tmp_path, methods=["int8_static"])
    again = runtime.read_manifest(Path(other.published)).variant.calibration
    assert again.sha256 != used.sha256
    assert other.published.endswith("tiny_int8/2")


def test_the_published_variant_has_the_measured_agreement(published: Any, toys: Any):
    inputs, targets = toys["even"][1].split("validation").arrays()
    found = runtime.load(published.published).predict(inputs["row"])
    agree = float(np.mean(found.outputs["label"] == targets["label"]))
    chosen = next(row for row in published.candidates if row.method == published.best)
    assert agree == chosen.comparison.agreement


def test_the_same_artifact_gives_the_same_bytes_whatever_the_latency(
    published: Any, toys: Any, tmp_path: Path
):
    again = quantize(toys["even"], tmp_path / "elsewhere", seconds=0.03)
    first, second = Path(published.published), Path(again.published)
    names = sorted(p.name for p in first.iterdir())
    assert names == sorted(p.name for p in second.iterdir())
    assert all((first / n).read_bytes() == (second / n).read_bytes() for n in names)
    assert "latency" not in (first / "manifest.json").read_text()


def test_int8_that_destroys_accuracy_is_rejected_with_its_numbers(toys: Any, tmp_path: Path):
    with pytest.raises(QuantizationRejected) as caught:
        quantize(toys["wide"], tmp_path / "out", methods=["int8_dynamic", "int8_static"])
    assert caught.value.exit_code == 7
    assert left(tmp_path) == []
    report = caught.value.report
    assert report.published is None and report.best is None
    for row in report.candidates:
        assert row.comparison.source == 1.0
        assert row.comparison.loss > 5
        assert row.comparison.low > 0
        assert f"loses {row.comparison.loss:.2f} points" in row.reason
        assert row.reason in caught.value.why
    json.dumps(caught.value.as_dict(), allow_nan=False)


def test_float16_is_published_where_int8_fails(toys: Any, tmp_path: Path):
    report = quantize(toys["wide"], tmp_path)
    assert report.best == "float16"
    assert Path(report.published).parts[-2:] == ("tiny_float16", "1")
    variant = runtime.read_manifest(Path(report.published)).variant
    assert variant is not None and variant.calibration is None
    accurate = {result.method: result.accurate for result in variant.candidates}
    assert accurate["float16"]
    assert not accurate["int8_static"] and not accurate["int8_dynamic"]


def test_float16_equals_a_model_with_rounded_weights(toys: Any, tmp_path: Path):
    import onnx

    report = quantize(toys["even"], tmp_path, methods=["float16"])
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


def test_operators_of_one_runtime_only_are_rejected(toys: Any, tmp_path: Path):
    with pytest.raises(QuantizationRejected, match=r"FusedConv|costs") as caught:
        quantize(toys["image"], tmp_path / "out", methods=["optimized"])
    (row,) = caught.value.report.candidates
    assert "outside standard ONNX (FusedConv" in row.reason
    assert row.bytes is None
    assert left(tmp_path) == []


def test_the_report_says_whether_outputs_depend_on_the_batch(toys: Any, tmp_path: Path):
    with pytest.raises(QuantizationRejected) as caught:
        quantize(toys["image"], tmp_path, methods=["int8_dynamic", "int8_static"])
    dynamic, static = caught.value.report.candidates
    assert dynamic.comparison.batch_dependence > static.comparison.batch_dependence == 0


def test_a_candidate_without_parity_is_rejected(
    toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def failing(*arguments: Any, **options: Any) -> Any:
        raise ParityFailed("it answers otherwise without optimization", why="2 x the tolerance")

    monkeypatch.setattr(candidate, "compare_graph", failing)
    with pytest.raises(QuantizationRejected, match="answers otherwise") as caught:
        quantize(toys["even"], tmp_path / "out")
    assert not any(row.accepted for row in caught.value.report.candidates)
    assert left(tmp_path) == []


def test_bounds_that_nothing_meets_reject_all(toys: Any, tmp_path: Path):
    criteria = Criteria(prefer="fastest", max_loss=0, min_agreement=1)
    with pytest.raises(QuantizationRejected):
        quantize(toys["wide"], tmp_path, methods=["int8_static"], criteria=criteria)


def test_a_variant_is_not_quantized_again(published: Any, toys: Any, tmp_path: Path):
    with pytest.raises(ConfigError, match="a variant already"):
        quantize((Path(published.published), toys["even"][1]), tmp_path)


def test_wrong_options_are_findings(toys: Any, tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        quantize(toys["even"], tmp_path, methods=["int4"], version=0, seconds=0)
    wrong = [finding.where for finding in caught.value.findings]
    assert wrong == ["methods", "version", "seconds"]
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
        quantize(toys["even"], tmp_path / "out", methods=["float16"])
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
        criteria=Criteria(prefer="smallest", max_loss=5),
        methods=["int8_static"],
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
