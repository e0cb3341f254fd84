"""Export of Keras models to artifacts."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tests.exporting.networks import (
    CLASSES,
    IMAGE,
    PROBABILITIES,
    SERIES,
    Tiny,
    autoencoder,
    blueprint,
    cnn,
    export_cnn,
    export_tabular,
    recurrent,
    samples,
)
from zoo import runtime
from zoo.architecture import Signature
from zoo.errors import ConfigError, DataError, ExportError, MissingExtra, StorageError, Unsupported
from zoo.exporting import export
from zoo.exporting.export import export_artifact
from zoo.spec import DType, Task, TensorSpec


def _left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    metrics = {"scores": {"accuracy": {"value": np.float64(0.9), "low": 0.8, "high": 0.95}}}
    return export_cnn(tmp_path_factory.mktemp("out"), metrics=metrics, fingerprint="f" * 64)


def test_an_export_publishes_a_numbered_folder_that_verifies(published: Path) -> None:
    assert published.parts[-2:] == ("tiny", "1")
    assert sorted(p.name for p in published.iterdir()) == [
        "card.md",
        "manifest.json",
        "model.onnx",
        "vectors.npz",
    ]
    report = runtime.verify(published)
    assert report.signatures[0].examples == 8
    assert max(report.signatures[0].worst.values()) <= 1


def test_the_artifact_predicts_what_the_keras_model_predicts(published: Path) -> None:
    images = samples("image", count=9)["image"]
    expected = np.asarray(cnn()(images, training=False)["probabilities"])
    found = runtime.load(published).predict(images)
    np.testing.assert_allclose(found.probabilities, expected, atol=2e-6)
    assert found.labels == [CLASSES[i] for i in expected.argmax(-1)]


def test_names_and_axes_are_the_declared_ones(published: Path) -> None:
    session = runtime.load(published)
    assert [s.name for s in session.outputs] == ["probabilities", "label"]
    assert session.native.get_inputs()[0].shape == ["batch", 6, 6, 1]
    assert session.native.get_outputs()[1].shape == ["batch"]
    assert session.outputs[0].labels == CLASSES


def test_the_metadata_describes_the_model(published: Path) -> None:
    import onnx

    model = onnx.load(published / "model.onnx")
    said = {item.key: item.value for item in model.metadata_props}
    assert list(said) == sorted(said)
    assert all(key.startswith("zoo.") for key in said)
    assert json.loads(said["zoo.inputs"])[0]["range"] == [0.0, 255.0]
    assert json.loads(said["zoo.metrics"])["accuracy"]["value"] == 0.9
    assert said["zoo.data_fingerprint"] == "f" * 64
    assert {node.name.split("_")[0] for node in model.graph.node} <= {
        node.op_type for node in model.graph.node
    } | {"label"}


def test_the_tolerance_is_calibrated_capped_and_recorded(published: Path) -> None:
    graph = runtime.read_manifest(published).graph("predict")
    tolerance = graph.tolerance["probabilities"]
    assert 0 < tolerance.noise < tolerance.relative <= tolerance.cap == 1e-4
    assert graph.parity.batches == (1, 2, 7, 64)
    assert graph.parity.optimization == ("disabled", "basic", "all")


def test_the_card_describes_the_verification(published: Path) -> None:
    card = (published / "card.md").read_text()
    for part in ("cat, dog, fish, owl", "0 to 255", "accuracy | 0.9 | 0.8 to 0.95", "zoo verify"):
        assert part in card


def test_the_default_version_is_the_next_and_an_existing_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tiny" / "4").mkdir(parents=True)
    assert export_cnn(tmp_path).name == "5"
    with pytest.raises(StorageError, match="exists already"):
        export_cnn(tmp_path, version=5)
    with pytest.raises(ConfigError, match="version"):
        export_cnn(tmp_path, version=0)


def test_two_inputs_with_missing_values_agree_with_keras(tmp_path: Path) -> None:
    path = export_tabular(tmp_path)
    answer = runtime.load(path).predict(
        [
            {"age": 30, "height": None, "pay": "1500", "color": "red", "size": "m"},
            {"age": "", "height": 1.8, "pay": 2500, "color": "unheard", "size": None},
        ]
    )
    from_arrays = runtime.load(path).run(
        {
            "numeric": np.array([[30, np.nan, 1500], [np.nan, 1.8, 2500]], "float32"),
            "categorical": np.array([[2, 2], [0, 0]], "int32"),
        }
    )
    assert answer.probabilities is not None
    np.testing.assert_array_equal(answer.probabilities, from_arrays["probabilities"])


@pytest.mark.parametrize("layer", ["LSTM", pytest.param("GRU", marks=pytest.mark.slow)])
def test_a_dynamic_time_axis_keeps_its_name_and_is_compared_at_several_lengths(
    tmp_path: Path, layer: str
) -> None:
    value = TensorSpec(name="value", shape=(1,))
    path = export_artifact(
        blueprint(SERIES, task=Task.REGRESSION),
        Tiny(),
        [Signature("predict", recurrent(layer), (SERIES,), (value,))],
        out=tmp_path,
        samples=samples("series"),
    )
    session = runtime.load(path)
    assert session.native.get_inputs()[0].shape == ["batch", "time", 2]
    assert session.graph.parity.lengths == {"time": (1, 2, 3, 5, 7, 8, 13, 24)}
    long = np.random.default_rng(0).normal(size=(3, 41, 2)).astype("float32")
    expected = np.asarray(recurrent(layer)(long)["value"])
    np.testing.assert_allclose(session.predict(long).outputs["value"], expected, atol=1e-5)


@pytest.mark.parametrize("dtype", get_args(DType))
def test_every_type_of_numbers_goes_in_and_comes_out(tmp_path: Path, dtype: str) -> None:
    import keras
    from keras import ops

    kind = np.dtype(dtype).kind
    x = TensorSpec(name="x", shape=(4,), dtype=dtype, range=(0 if kind in "bu" else -9, 9))
    given = keras.Input((4,), dtype=dtype, name="x")
    mean = ops.mean(ops.cast(given, "float32"), axis=-1)
    turned = ops.cast(ops.flip(given, axis=-1), dtype)
    outputs = {"mean": mean, "turned": turned}
    path = export_artifact(
        blueprint(x, task="reversal"),
        Tiny(),
        [
            Signature(
                "predict",
                keras.Model(given, outputs),
                (x,),
                (TensorSpec(name="mean"), TensorSpec(name="turned", shape=(4,), dtype=dtype)),
            )
        ],
        out=tmp_path,
        samples={"x": np.array([[0, 1, 1, 0], [1, 0, 1, 1]], dtype)},
    )
    runtime.verify(path)
    rows = np.array([[1, 0, 0, 1], [0, 0, 1, 1]] if kind == "b" else [[1, 2, 3, 4], [9, 0, 7, 5]])
    found = runtime.load(path).predict(rows.astype(dtype)).outputs
    assert found["turned"].dtype == dtype
    np.testing.assert_array_equal(found["turned"], rows[:, ::-1].astype(dtype))
    np.testing.assert_allclose(found["mean"], rows.mean(-1), rtol=1e-3)
    assert f"TYPE_{runtime.served_type(dtype)}" in (path.parent / "config.pbtxt").read_text()


def test_each_signature_is_a_separate_file(tmp_path: Path) -> None:
    path = export_artifact(
        blueprint(TensorSpec(name="x", shape=(4,)), task=Task.RECONSTRUCTION),
        Tiny(),
        autoencoder(),
        out=tmp_path,
        samples=samples("x", "z"),
    )
    assert {p.name for p in path.glob("*.onnx")} == {"model.onnx", "encode.onnx", "decode.onnx"}
    assert [s.signature for s in runtime.verify(path).signatures] == ["predict", "encode", "decode"]
    x = samples("x")
    code = runtime.load(path, signature="encode").run(x)
    rebuilt = runtime.load(path, signature="decode").run({"z": code["z"]})["rebuilt"]
    whole = runtime.load(path).run(x)
    np.testing.assert_allclose(rebuilt, whole["rebuilt"], atol=1e-6)


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError):
        export_cnn(tmp_path / "file")
    assert _left(tmp_path) == [tmp_path / "file"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.name == "vectors.npz":
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="no space"):
        export_cnn(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = cnn()
    kernel = model.get_layer("hidden").kernel
    kernel.assign(np.full(kernel.shape, np.nan, "float32"))
    with pytest.raises(ExportError, match="not finite"):
        export_artifact(
            blueprint(IMAGE),
            Tiny(),
            [Signature("predict", model, (IMAGE,), (PROBABILITIES,))],
            out=tmp_path / "out",
            samples=samples("image"),
        )
    assert not (tmp_path / "out").exists()


def _function(tmp_path: Path, function: Any, output: TensorSpec) -> Path:
    """Export a model that is one function of four numbers."""
    import keras

    spec = TensorSpec(name="x", shape=(4,), range=(-1, 1))
    x = keras.Input((4,), name="x")
    model = keras.Model(x, {output.name: function(x)})
    return export_artifact(
        blueprint(spec, task=Task.REGRESSION),
        Tiny(),
        [Signature("predict", model, (spec,), (output,))],
        out=tmp_path,
        samples=samples("x"),
    )


def test_a_mask_of_minus_infinity_is_no_broken_weight(tmp_path: Path) -> None:
    import keras
    from keras import ops

    x = TensorSpec(name="x", shape=(4,), range=(-1, 1))
    given = keras.Input((4,), name="x")
    mask = np.array([0, -np.inf, 0, 0], "float32")
    model = keras.Model(given, ops.softmax(given + mask))
    spec = TensorSpec(name="share", shape=(4,))
    path = export_artifact(
        blueprint(x, task=Task.REGRESSION),
        Tiny(),
        [Signature("predict", model, (x,), (spec,))],
        out=tmp_path,
        samples=samples("x"),
    )
    runtime.verify(path)
    found = runtime.load(path).predict(np.ones((2, 4), "float32")).outputs["share"]
    np.testing.assert_allclose(found, [[1 / 3, 0, 1 / 3, 1 / 3]] * 2, rtol=1e-5)


def test_a_layer_that_cannot_be_converted_is_named(tmp_path: Path) -> None:
    import keras

    with pytest.raises(Unsupported, match="Erfinv"):
        _function(tmp_path, keras.ops.erfinv, TensorSpec(name="y", shape=(4,)))
    assert list(tmp_path.iterdir()) == []


def test_argmax_is_exported_with_the_right_sign_of_zeros(tmp_path: Path) -> None:
    import keras

    path = _function(
        tmp_path, lambda x: keras.ops.argmax(x, -1), TensorSpec(name="y", dtype="int32")
    )
    rows = np.array([[-0.0, 0, -0.0, 0], [-1, -0.0, -0.0, 0], [-1, -2, -3, -0.5]], "float32")
    assert runtime.load(path).predict(rows).outputs["y"].tolist() == [1, 3, 3]


def test_samples_that_do_not_match_the_inputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="do not match its spec"):
        export_artifact(
            blueprint(IMAGE),
            Tiny(),
            [Signature("predict", cnn(), (IMAGE,), (PROBABILITIES,))],
            out=tmp_path,
            samples={"image": np.zeros((3, 6, 6, 1), "float32")},
        )


def test_a_wrong_declaration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="declared as"):
        export_artifact(
            blueprint(IMAGE),
            Tiny(),
            [
                Signature(
                    "predict",
                    cnn(),
                    (IMAGE,),
                    (TensorSpec(name="probabilities", shape=(9,), role="probabilities"),),
                )
            ],
            out=tmp_path,
            samples=samples("image"),
        )


def test_a_missing_converter_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else find(name)
    )
    with pytest.raises(MissingExtra, match="exporting needs tf2onnx"):
        export_cnn(tmp_path)


@pytest.mark.parametrize("name", ["con", "com1", "Upper", "dot.", "two__lines", "a" * 65, "", "é"])
def test_a_name_that_is_not_portable_is_refused(name: str) -> None:
    signature = Signature("predict", cnn(), (IMAGE,), ())
    with pytest.raises(ConfigError, match="name"):
        export._check(name, [signature], None)
    with pytest.raises(ConfigError, match="signatures"):
        export._check("good", [dataclasses.replace(signature, name=name)], None)
