"""The committed artifacts are the result of scripts/exports."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.numpy_helper import to_array

from tests.conftest import ROOT, SHARED
from zoo.files import sha256_file
from zoo.registry.catalog import read_catalog
from zoo.runtime import read_manifest, verify_all
from zoo.runtime.arrays import read_arrays
from zoo.runtime.onnx_inspection import inspect_graph
from zoo.runtime.verification import version_folders

sys.path.insert(0, str(ROOT / "scripts"))  # which import each other
_spec = importlib.util.spec_from_file_location("exports", ROOT / "scripts" / "_exports.py")
assert _spec is not None and _spec.loader is not None
exports: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(exports)

PLANNED = {exports.folder_name(*pair): pair for pair in exports.planned()}
CATALOG = read_catalog(ROOT / "registry.yaml").models
AGAIN = "run scripts/exports and commit the result"


def test_there_is_one_artifact_for_every_published_set_of_weights() -> None:
    committed = {folder.name for folder in (ROOT / "exports").iterdir() if folder.is_dir()}
    assert set(PLANNED) <= committed, AGAIN
    for name in PLANNED:
        assert [folder.name for folder in version_folders(ROOT / "exports" / name)][:1] == ["1"]


@pytest.mark.parametrize(
    "name",
    [
        name if name == "mlp_classifier" else pytest.param(name, marks=pytest.mark.slow)
        for name in PLANNED
    ],
)
def test_the_committed_artifact_equals_a_new_export(name: str, tmp_path: Path) -> None:
    model, weights = PLANNED[name]
    files = {
        "concrete": str(SHARED / "concrete" / "concrete_data.csv"),
        "daily_min_temperatures": str(SHARED / "timeseries" / "daily-min-temperatures.csv"),
        "mnist": str(SHARED / "mnist" / "mnist.npz"),
    }
    file = files.get(weights.trained_on)
    if file is not None and not Path(file).is_file():
        pytest.skip(f"{weights.trained_on} is not beside the checkout")
    made = exports.export(model, weights, tmp_path, files if file else {}).path
    committed = ROOT / "exports" / name / "1"
    old, new = read_manifest(committed), read_manifest(made)
    if old.producer != new.producer:
        pytest.fail(f"{name} was made with {old.producer}, here is {new.producer}: {AGAIN}")
    mine, theirs = (folder / "model.onnx" for folder in (made, committed))
    one, two = (file.read_bytes() for file in (mine, theirs))
    if one == two:
        return
    # The float noise is a property of the processor: that of constants that the converter folds,
    # of expected outputs, and the tolerance, which is taken from it.
    graphs = [onnx.load_from_string(raw).graph for raw in (one, two)]
    constants = [{c.name: to_array(c) for c in graph.initializer} for graph in graphs]
    for graph in graphs:
        del graph.initializer[:]
    assert graphs[0] == graphs[1], f"zoo diff {committed} {made}: {AGAIN}"
    assert set(constants[0]) == set(constants[1]), AGAIN
    for key, values in constants[0].items():
        np.testing.assert_allclose(values, constants[1][key], rtol=1e-5, atol=1e-7, err_msg=key)
    said = [inspect_graph(raw, "either").metadata for raw in (one, two)]
    for metadata in said:
        del metadata["zoo.tolerance"]
    assert said[0] == said[1], AGAIN
    vectors = [read_arrays(folder / "vectors.npz", limit=2**30) for folder in (made, committed)]
    assert set(vectors[0]) == set(vectors[1]), AGAIN
    for key, values in vectors[0].items():
        if "/inputs/" in key:
            np.testing.assert_array_equal(values, vectors[1][key], AGAIN)
        else:
            np.testing.assert_allclose(values, vectors[1][key], rtol=1e-5, atol=1e-6, err_msg=AGAIN)


@pytest.mark.parametrize("folder", sorted((ROOT / "exports").glob("*/config.pbtxt")), ids=str)
def test_every_committed_artifact_verifies(folder: Path) -> None:
    assert [result.error for result in verify_all(folder.parent) if result.error] == []


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
def test_the_catalog_describes_the_artifacts(model: Any) -> None:
    planned = {name for name, (entry, _) in PLANNED.items() if entry.name == model.name}
    assert {Path(entry.path).parts[1] for entry in model.artifacts} >= planned, AGAIN
    for entry in model.artifacts:
        file = ROOT / entry.path / "model.onnx"
        assert (entry.bytes, entry.sha256) == (file.stat().st_size, sha256_file(file)), AGAIN
        graphs = read_manifest(ROOT / entry.path).graphs
        worst = max(max(graph.parity.worst_absolute.values()) for graph in graphs)
        assert {entry.opset} == {graph.opset for graph in graphs}
        assert entry.worst_error == pytest.approx(worst)


def test_an_artifact_has_the_figures_of_its_weights() -> None:
    for name, (_, weights) in PLANNED.items():
        manifest = read_manifest(ROOT / "exports" / name / "1")
        assert weights.measured is not None
        scores = {key: score.model_dump() for key, score in weights.measured.metrics.items()}
        assert manifest.metrics["scores"] == scores, AGAIN
        assert manifest.origin["weights_file_sha256"] == weights.sha256, AGAIN


def test_the_exports_are_small() -> None:
    """No graph is much more than its weights, nor their answers, and all fit into a small clone."""
    for name, (_, weights) in PLANNED.items():
        for file in (ROOT / "exports" / name / "1").iterdir():
            bound = 4.4 * weights.parameters + 4e5 if file.suffix == ".onnx" else 2e6
            assert file.stat().st_size < bound, file
    sizes = [path.stat().st_size for path in (ROOT / "exports").rglob("*") if path.is_file()]
    assert sum(sizes) < 2e7
