"""External data of large graphs."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import ops
from onnx import helper, numpy_helper

from tests.exporting.networks import (
    LABEL,
    ROW,
    Tiny,
    blueprint,
    export_wide,
    samples,
    wide,
)
from zoo import runtime
from zoo.architecture import Signature
from zoo.data.dataset import ArraySplit, Dataset
from zoo.errors import ExportError, ParityFailed, StorageError, Unsupported
from zoo.exporting import parity, tf2onnx as converter
from zoo.exporting.export import export_artifact
from zoo.exporting.external_data import MAX_FILE_BYTES, store
from zoo.exporting.quantization import candidate
from zoo.exporting.quantization.methods import _optimize
from zoo.exporting.quantization.quantize import quantize_artifact
from zoo.exporting.quantization.selection import Criteria
from zoo.spec import DataSpec, Task, TensorSpec

SMALL = 100_000
"""Size that holds the graph without its matrices."""

REAL = converter.convert


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_wide(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_wide(tmp_path_factory.mktemp("external"), largest_file=SMALL)


def test_large_constants_are_external_data_that_any_runtime_can_map(
    external: Path, tmp_path: Path
) -> None:
    names = {path.name for path in external.iterdir()}
    assert names == {"card.md", "manifest.json", "model.onnx", "model.onnx.data", "vectors.npz"}
    light = onnx.load(external / "model.onnx", load_external_data=False)
    outside = [t for t in light.graph.initializer if t.data_location]
    assert [tuple(t.dims) for t in outside] == [(520, 520), (520, 200)]
    end = 0
    for tensor in outside:
        place = {entry.key: entry.value for entry in tensor.external_data}
        assert set(place) == {"location", "offset", "length"}
        assert place["location"] == "model.onnx.data"
        assert int(place["offset"]) % 2**16 == 0
        assert int(place["offset"]) >= end
        end = int(place["offset"]) + int(place["length"])
    assert end == (external / "model.onnx.data").stat().st_size
    onnx.checker.check_model(str(external / "model.onnx"), full_check=True)
    assert runtime.verify(external).files == 5
    # A server opens the file by its path, and not with the zoo.
    native = onnxruntime.InferenceSession(external / "model.onnx")
    x = samples("x")["x"]
    mine = runtime.load(external).run({"x": x})["probabilities"]
    np.testing.assert_array_equal(native.run(["probabilities"], {"x": x})[0], mine)


def test_external_data_changes_neither_graph_nor_parity(whole: Path, external: Path) -> None:
    one, two = runtime.read_manifest(whole), runtime.read_manifest(external)
    assert one.graphs == two.graphs
    assert (whole / "vectors.npz").read_bytes() == (external / "vectors.npz").read_bytes()
    assert (whole / "card.md").read_bytes() == (external / "card.md").read_bytes()
    assert {entry.name for entry in two.files} - {entry.name for entry in one.files} == {
        "model.onnx.data"
    }
    held = [onnx.load(path / "model.onnx") for path in (whole, external)]
    assert _constants(held[0]) == _constants(held[1])
    assert held[0].graph.node == held[1].graph.node
    assert held[0].metadata_props == held[1].metadata_props


def _constants(proto: onnx.ModelProto) -> dict[str, bytes]:
    return {t.name: numpy_helper.to_array(t).tobytes() for t in proto.graph.initializer}


def test_the_same_weights_give_the_same_two_files(external: Path, tmp_path: Path) -> None:
    keras.layers.Dense(1)  # moves the counter from which Keras names layers
    again = export_wide(tmp_path / "another folder", largest_file=SMALL)
    for path in external.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_perturbed_weights_are_the_same_with_external_data(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proto = onnx.load(whole / "model.onnx")
    monkeypatch.setattr(parity, "_CHUNK", 10_000)
    moved = []
    for number, largest in enumerate((MAX_FILE_BYTES, SMALL)):
        folder = tmp_path / str(number)
        folder.mkdir()
        stored = store(proto, "model.onnx", folder, largest=largest)
        with parity._perturbed(stored, seed=1, ulps=1) as file:
            again = onnx.load_from_string(file.raw) if file.path is None else onnx.load(file.path)
            moved.append(_constants(again))
    assert moved[0] == moved[1]
    assert all(moved[0][name] != raw for name, raw in _constants(proto).items())


class Again(keras.layers.Layer):
    """A large layer in a loop inside the graph."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.inner = keras.layers.Dense(shape[-1], "tanh")
        self.inner.build(shape)

    def call(self, x: Any) -> Any:
        def body(step: Any, x: Any) -> Any:
            return step + 1, self.inner(x)

        return ops.while_loop(lambda step, _: step < 3, body, (0, x))[1]


def test_a_weight_in_a_loop_is_external_data(tmp_path: Path) -> None:
    x = keras.Input((520,), name="x")
    model = keras.Model(x, {"y": Again()(x)})
    given, spec = TensorSpec(name="x", shape=(520,)), TensorSpec(name="y", shape=(520,))
    path = export_artifact(
        blueprint(given, task=Task.RECONSTRUCTION),
        Tiny(),
        [Signature("predict", model, (given,), (spec,))],
        out=tmp_path,
        samples={"x": np.random.default_rng(1).normal(size=(8, 520)).astype("float32")},
        largest_file=SMALL,
    )
    assert (path / "model.onnx.data").stat().st_size == 4 * 520 * 520
    assert runtime.read_manifest(path).graphs[0].operators["Loop"] == 1
    assert runtime.verify(path).files == 5


def test_a_wrong_weight_in_external_data_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(traced: Any) -> Any:
        made = REAL(traced)
        weights = {
            name: keras.Variable(weight.numpy() * np.float32(1.01))
            for name, weight in made.weights.items()
        }
        assert len(weights) == 1
        return type(made)(made.proto, weights)

    monkeypatch.setattr(converter, "convert", wrong)
    with pytest.raises(ParityFailed) as caught:
        export_wide(tmp_path / "out", largest_file=SMALL, keep_failed=tmp_path / "kept")
    assert "second" in caught.value.why
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "kept" / "model.onnx.data").exists()


def test_a_weight_in_external_data_that_is_not_finite_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(traced: Any) -> Any:
        made = REAL(traced)
        ((name, weight),) = made.weights.items()
        array = weight.numpy().copy()
        array[-1, -1] = np.nan
        return type(made)(made.proto, {name: keras.Variable(array)})

    monkeypatch.setattr(converter, "convert", broken)
    with pytest.raises(ExportError, match="a constant is not a number"):
        export_wide(tmp_path / "out", largest_file=SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def full(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        stream = real(self, mode, *args, **kwargs)
        if self.name != "model.onnx.data":
            return stream
        stream.close()
        return real(Path("/dev/full"), "wb", buffering=0)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageError, match="no space left"):
        export_wide(tmp_path / "out", largest_file=SMALL)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_reference_to_external_data_is_refused(whole: Path, tmp_path: Path) -> None:
    proto = onnx.load(whole / "model.onnx")
    tensor = max(proto.graph.initializer, key=lambda t: len(t.raw_data))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    for largest in (MAX_FILE_BYTES, SMALL):
        with pytest.raises(Unsupported, match="outside of the file"):
            store(proto, "model.onnx", tmp_path, largest=largest)


def test_onnxruntime_optimizes_a_graph_with_external_data(whole: Path) -> None:
    proto = onnx.load(whole / "model.onnx")
    for level in ("basic", "extended"):
        one, two = (_optimize(proto, level, largest=largest) for largest in (MAX_FILE_BYTES, SMALL))
        assert _constants(one) == _constants(two)
        assert [n.op_type for n in one.graph.node] == [n.op_type for n in two.graph.node]


_OPEN = """
import sys
from pathlib import Path
import onnxruntime
from zoo.runtime.onnx_file import OnnxFile, data_path
from zoo.runtime.session import open_session

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

path, before = Path(sys.argv[1]), peak()
file = OnnxFile(path.read_bytes(), path if data_path(path).exists() else None)
session = open_session(file, "it")
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_external_data_is_in_memory_once_while_it_is_opened(tmp_path: Path) -> None:
    random, width, layers = np.random.default_rng(0), 2048, 6
    names = ["x", *(f"h{n}" for n in range(layers))]
    value = partial(helper.make_tensor_value_info, elem_type=onnx.TensorProto.FLOAT)
    graph = helper.make_graph(
        [helper.make_node("MatMul", [names[n], f"w{n}"], [names[n + 1]]) for n in range(layers)],
        "deep",
        [value("x", shape=["batch", width])],
        [value(names[-1], shape=["batch", width])],
        [
            numpy_helper.from_array(random.random((width, width), np.float32), f"w{n}")
            for n in range(layers)
        ],
    )
    proto = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    weights, taken = 4 * layers * width**2, []
    for number, largest in enumerate((MAX_FILE_BYTES, SMALL)):
        folder = tmp_path / str(number)
        folder.mkdir()
        store(proto, "it.onnx", folder, largest=largest)
        done = subprocess.run(
            [sys.executable, "-c", _OPEN, str(folder / "it.onnx")],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        taken.append(int(done.stdout) / weights)
    # One matrix is copied while onnxruntime changes its layout.
    assert taken[1] < min(1.6, taken[0] / 1.5), taken


@pytest.mark.parametrize(
    ("method", "largest", "files"), [("int8_dynamic", MAX_FILE_BYTES, 4), ("float16", SMALL, 5)]
)
def test_a_graph_with_external_data_is_quantized(
    external: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    largest: int,
    files: int,
) -> None:
    # A variant that is larger than the default would take too long here.
    monkeypatch.setattr(candidate, "store", partial(store, largest=largest))
    rows = np.random.default_rng(2).uniform(-1, 1, (800, 4)).astype("float32")
    answers = np.asarray(wide().predict_on_batch(rows)["probabilities"])
    ranked = np.sort(answers, axis=-1)
    kept = np.sort(np.argsort(ranked[:, -2] - ranked[:, -1], kind="stable")[:200])
    labels = answers.argmax(-1).astype(np.int64)
    parts = {"train": kept[::2], "validation": kept[1::4], "test": kept[3::4]}
    splits = {n: ArraySplit({"x": rows[at]}, {"label": labels[at]}) for n, at in parts.items()}
    spec = DataSpec(id="toy", task=Task.CLASSIFICATION, inputs=(ROW,), targets=(LABEL,))
    report = quantize_artifact(
        external,
        Tiny(),
        Dataset(spec, lambda: splits),
        out=tmp_path,
        criteria=Criteria(prefer="smallest"),
        methods=(method,),
        seconds=0.01,
    )
    assert report.best == method
    made = Path(str(report.published))
    assert runtime.verify(made).files == files
    size = sum(path.stat().st_size for path in made.glob("model.onnx*"))
    # The bounds leave room for the alignment of two constants to 64 KiB.
    assert size < report.source_bytes / (3 if method == "int8_dynamic" else 1.8)
