"""Publication of versions, and the server configuration for Triton and KServe."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.exporting.networks import (
    CLASSES,
    IMAGE,
    PROBABILITIES,
    SERIES,
    Tiny,
    blueprint,
    cnn,
    export_cnn,
    export_tabular,
    recurrent,
    samples,
)
from zoo import files, runtime
from zoo.architecture import Signature
from zoo.errors import ConfigError, ExportError, Incompatible, StorageError, Tampered
from zoo.exporting.export import export_artifact
from zoo.runtime.golden_vectors import unpack_vectors
from zoo.spec import Task, TensorSpec


@pytest.fixture(scope="module")
def model_config() -> Any:
    """The message of the protocol itself, as NVIDIA publishes it."""
    pytest.importorskip("google.protobuf", reason="onnx brings protobuf")
    spec = importlib.util.find_spec("tritonclient")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("tritonclient is not installed: scripts/test brings it")
    # Without the package around it, which would import gRPC.
    file = Path(spec.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    found = importlib.util.spec_from_file_location("model_config_pb2", file)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _parse(model_config: Any, folder: Path) -> Any:
    from google.protobuf import text_format

    message = model_config.ModelConfig()
    text_format.Parse((folder / "config.pbtxt").read_text(), message)
    assert message.IsInitialized()
    return message


def _types(model_config: Any, tensors: Any) -> dict[str, tuple[str, list[int]]]:
    return {
        tensor.name: (model_config.DataType.Name(tensor.data_type), list(tensor.dims))
        for tensor in tensors
    }


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_cnn(tmp_path_factory.mktemp("repository")).parent


@pytest.fixture
def model(images: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(images, tmp_path / "tiny"))


def _series(out: Path) -> Path:
    value = TensorSpec(name="value", shape=(1,))
    return export_artifact(
        blueprint(SERIES, task=Task.REGRESSION),
        Tiny(),
        [Signature("predict", recurrent(), (SERIES,), (value,))],
        out=out,
        samples=samples("series"),
    ).parent


def test_the_configuration_is_valid_for_triton(images: Path, model_config: Any) -> None:
    config = _parse(model_config, images)
    assert (config.platform, config.backend) == ("onnxruntime_onnx", "onnxruntime")
    assert config.default_model_filename == "model.onnx"
    assert config.max_batch_size == 64
    assert config.HasField("dynamic_batching")
    assert config.version_policy.HasField("all")
    (group,) = config.instance_group
    assert group.kind == model_config.ModelInstanceGroup.KIND_CPU
    assert _types(model_config, config.input) == {"image": ("TYPE_UINT8", [6, 6, 1])}
    assert _types(model_config, config.output) == {
        "probabilities": ("TYPE_FP32", [4]),
        "label": ("TYPE_INT64", [1]),
    }
    label = config.output[1]
    assert label.HasField("reshape") and list(label.reshape.shape) == []


@pytest.mark.parametrize("folder", sorted((ROOT / "exports").iterdir()), ids=lambda path: path.name)
def test_every_committed_configuration_is_valid_for_triton(folder: Path, model_config: Any) -> None:
    config = _parse(model_config, folder)
    graph = runtime.read_manifest(folder / "1").graphs[0]

    assert config.default_model_filename == graph.file
    assert [tensor.name for tensor in config.input] == [spec.name for spec in graph.inputs]
    assert [tensor.name for tensor in config.output] == [spec.name for spec in graph.outputs]
    assert all((folder / o.label_filename).is_file() for o in config.output if o.label_filename)
    (warmup,) = config.model_warmup
    assert all((folder / "warmup" / t.input_data_file).is_file() for t in warmup.inputs.values())


def test_outputs_with_classes_have_a_labels_file(images: Path, model_config: Any) -> None:
    for output in _parse(model_config, images).output:
        assert (images / output.label_filename).read_text().splitlines() == list(CLASSES)


def test_the_warm_up_request_is_a_golden_vector(images: Path, model_config: Any) -> None:
    (warmup,) = _parse(model_config, images).model_warmup
    assert warmup.batch_size == 1
    given = warmup.inputs["image"]
    raw = (images / "warmup" / given.input_data_file).read_bytes()
    assert list(given.dims) == [6, 6, 1]
    image = np.frombuffer(raw, "uint8").reshape(1, *given.dims)
    vectors = unpack_vectors((images / "1" / "vectors.npz").read_bytes(), "predict")
    answer = runtime.load(images / "1").run({"image": image})
    golden = next(v for v in vectors if np.array_equal(v.inputs["image"], image))
    np.testing.assert_allclose(answer["probabilities"], golden.outputs["probabilities"], atol=1e-5)


def test_several_inputs_and_a_dynamic_axis_are_configured(
    tmp_path: Path, model_config: Any
) -> None:
    tables = export_tabular(tmp_path / "tables").parent
    config = _parse(model_config, tables)
    assert _types(model_config, config.input) == {
        "numeric": ("TYPE_FP32", [3]),
        "categorical": ("TYPE_INT32", [2]),
    }
    assert set(config.model_warmup[0].inputs) == {"numeric", "categorical"}
    for name, given in config.model_warmup[0].inputs.items():
        size = (tables / "warmup" / given.input_data_file).stat().st_size
        assert size == 4 * np.prod(given.dims), name
    series = _series(tmp_path / "series")
    config = _parse(model_config, series)
    assert list(config.input[0].dims) == [-1, 2]
    given = config.model_warmup[0].inputs["series"]
    assert given.dims[0] > 0
    size = (series / "warmup" / given.input_data_file).stat().st_size
    assert size == 4 * np.prod(given.dims)
    checked(series)


def test_a_second_version_does_not_change_the_configuration(model: Path) -> None:
    before = {
        path: path.read_bytes()
        for path in model.rglob("*")
        if "1" not in path.parts and path.is_file()
    }
    export_cnn(model.parent)
    assert (model / "2").is_dir()
    assert {path: path.read_bytes() for path in before} == before
    assert [Path(report.path).name for report in checked(model)] == ["1", "2"]


def test_a_version_with_other_inputs_or_outputs_is_refused(model: Path) -> None:
    before = sorted(model.rglob("*"))
    with pytest.raises(ExportError, match="inputs of 'predict'") as caught:
        export_tabular(model.parent)
    assert "--as" in caught.value.fix
    assert sorted(model.rglob("*")) == before
    published = export_tabular(model.parent, name="tiny_table")
    assert published == model.parent / "tiny_table" / "1"
    manifest = runtime.read_manifest(published)
    assert (manifest.name, manifest.architecture) == ("tiny_table", "tiny")
    checked(published.parent)


def test_a_version_with_other_classes_is_refused(model: Path) -> None:
    other = PROBABILITIES.model_copy(update={"labels": ("a", "b", "c", "d")})
    with pytest.raises(ExportError, match="outputs of 'predict'") as caught:
        export_artifact(
            blueprint(IMAGE),
            Tiny(),
            [Signature("predict", cnn(), (IMAGE,), (other,))],
            out=model.parent,
            samples=samples("image"),
        )
    assert "classes" in caught.value.why


@pytest.mark.parametrize("name", ["", "Cnn", "../cnn", "cnn-mnist", "1", "a" * 65, "cnn/2"])
def test_a_name_that_is_not_a_folder_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        export_cnn(tmp_path / "out", name=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fresh", [True, False])
def test_a_failed_publication_leaves_the_folder_unchanged(
    model: Path, fresh: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fresh:
        shutil.rmtree(model)
    else:
        (model / "config.pbtxt").write_text("broken by hand")
        (model / "label_labels.txt").unlink()
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}

    rename = files._rename

    def full(source: Path, target: Path) -> None:
        if source.is_dir():
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(files, "_rename", full)
    with pytest.raises(StorageError, match="no space"):
        export_cnn(model.parent)
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before
    assert model.exists() is not fresh


def test_an_export_repairs_the_server_configuration(model: Path) -> None:
    (model / "config.pbtxt").write_text("")
    (model / "warmup" / "golden_image").unlink()
    with pytest.raises(Tampered):
        checked(model)
    export_cnn(model.parent)
    checked(model)


def checked(folder: Path) -> list[runtime.VerifyReport]:
    """Verify a model's folder; raise what is wrong."""
    results = list(runtime.verify_all(folder))
    for result in results:
        if result.error is not None:
            raise result.error
    return [result.report for result in results if result.report is not None]


def _append(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b" ")


SPOILED: dict[str, Callable[[Path], object]] = {
    "config.pbtxt": lambda folder: _append(folder / "config.pbtxt"),
    "label_labels.txt": lambda folder: (folder / "label_labels.txt").write_text("owl\n"),
    "golden_image": lambda folder: _append(folder / "warmup" / "golden_image"),
    "probabilities_labels.txt": lambda folder: (folder / "probabilities_labels.txt").unlink(),
    "1/card.md": lambda folder: _append(folder / "1" / "card.md"),
    "unknown_file": lambda folder: (folder / "unknown_file").write_text(""),
    "warmup/unknown_file": lambda folder: (folder / "warmup" / "unknown_file").write_text(""),
    "symbolic link": lambda folder: (
        (folder / "config.pbtxt").rename(folder.parent / "elsewhere"),
        (folder / "config.pbtxt").symlink_to(folder.parent / "elsewhere"),
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_changed_server_configuration_is_reported(model: Path, what: str) -> None:
    SPOILED[what](model)
    with pytest.raises(Tampered, match=what):
        checked(model)


def test_a_repository_is_verified_with_a_result_for_each_artifact(
    model: Path, tmp_path: Path
) -> None:
    import zoo

    repository = model.parent
    export_cnn(repository)
    export_tabular(repository, name="tiny_table")
    _append(model / "2" / "card.md")
    results = {result.path: result for result in zoo.verify_all(repository)}
    assert [path for path, result in results.items() if result.error] == [model / "2"]
    assert {path.name for path in results} == {"1", "2"} and len(results) == 3
    (nothing,) = zoo.verify_all(tmp_path / "nowhere")
    assert isinstance(nothing.error, Incompatible)
