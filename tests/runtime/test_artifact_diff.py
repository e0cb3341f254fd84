"""Differences of two artifacts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.runtime.test_verification import _rewrite
from zoo.cli.program import app
from zoo.errors import Incompatible, Tampered
from zoo.runtime import diff

Copy = Callable[[], Path]

_SECTIONS = ("metrics", "interface", "config", "data", "graphs", "metadata")


def _found(report: Any) -> set[str]:
    return {name for name in _SECTIONS if getattr(report, name)}


def _scores(**scores: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.update(metrics={"examples": 100, "scores": scores})


def test_a_copy_is_the_same(image_artifact: Path, copy: Copy) -> None:
    report = diff(image_artifact, copy())
    assert report.same
    assert not _found(report)
    assert not report.files


def test_other_weights_and_operators_are_named(image_artifact: Path, copy: Copy) -> None:
    folder = copy()

    def change(data: dict[str, Any]) -> None:
        data["graphs"][0]["weights_sha256"] = "a" * 64
        data["graphs"][0]["operators"]["Hardmax"] = 1

    _rewrite(folder, change)
    report = diff(image_artifact, folder)
    assert not report.same
    assert _found(report) == {"graphs"}
    found = {change.what: (change.before, change.after) for change in report.graphs}
    assert found["predict.operators.Hardmax"] == (None, 1)
    assert set(found) == {"predict.operators.Hardmax", "predict.weights_sha256"}


def test_other_models_differ_in_interface_and_graphs(
    image_artifact: Path, table_artifact: Path
) -> None:
    report = diff(image_artifact, table_artifact)
    assert {"interface", "data", "graphs"} <= _found(report)
    assert "predict.inputs.image" in {change.what for change in report.interface}
    assert "data" not in {change.what for change in report.metadata}


def test_a_difference_of_metrics_is_weighed_against_their_intervals(copy: Copy) -> None:
    before, after = copy(), copy()
    _rewrite(
        before,
        _scores(
            accuracy={"value": 0.90, "low": 0.86, "high": 0.93},
            f1={"value": 0.90, "low": 0.89, "high": 0.91},
            loss={"value": 0.3, "low": None, "high": None},
            same={"value": 0.5, "low": 0.4, "high": 0.6},
            gone={"value": 0.5, "low": 0.4, "high": 0.6},
        ),
    )
    _rewrite(
        after,
        _scores(
            accuracy={"value": 0.92, "low": 0.89, "high": 0.95},
            f1={"value": 0.80, "low": 0.79, "high": 0.81},
            loss={"value": 0.2, "low": None, "high": None},
            same={"value": 0.5, "low": 0.4, "high": 0.6},
        ),
    )
    report = diff(before, after)
    assert _found(report) == {"metrics"}
    noise = {change.name: change.noise for change in report.metrics}
    assert noise == {
        "accuracy": "within noise",
        "f1": "beyond noise",
        "loss": "unknown",
        "gone": "unknown",
    }
    assert report.metrics[0].difference == pytest.approx(0.02)


def test_configuration_data_and_metadata_are_told_apart(image_artifact: Path, copy: Copy) -> None:
    folder = copy()

    def change(data: dict[str, Any]) -> None:
        data["config"]["depth"] = 3
        data["data_fingerprint"] = "a" * 64
        data["license"] = "MIT"
        data["producer"]["keras"] = "9.0"

    _rewrite(folder, change)
    report = diff(image_artifact, folder)
    assert [change.what for change in report.config] == ["depth"]
    assert [change.what for change in report.data] == ["fingerprint"]
    assert [change.what for change in report.metadata] == ["license", "producer.keras"]
    assert not report.same


def test_a_changed_artifact_or_another_folder_is_refused(
    image_artifact: Path, copy: Copy, tmp_path: Path
) -> None:
    folder = copy()
    raw = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(raw[:-1])
    with pytest.raises(Tampered, match=r"model.onnx"):
        diff(image_artifact, folder)
    with pytest.raises(Incompatible):
        diff(image_artifact, tmp_path)


def test_the_exit_code_says_whether_artifacts_differ(
    image_artifact: Path, table_artifact: Path
) -> None:
    same = CliRunner().invoke(app, ["diff", str(image_artifact), str(image_artifact)])
    assert (same.exit_code, same.stdout) == (0, "the same\n")
    other = CliRunner().invoke(app, ["diff", str(image_artifact), str(table_artifact)])
    assert other.exit_code == 1
    for section in ("interface", "graphs", "files"):
        assert f"\n{section}\n" in f"\n{other.stdout}"
    told = CliRunner().invoke(app, ["diff", str(image_artifact), str(table_artifact), "--json"])
    assert told.exit_code == 1
    assert json.loads(told.stdout)["same"] is False


def test_comparing_needs_no_onnx_and_no_framework(image_artifact: Path) -> None:
    code = (
        "import sys; from zoo.runtime import diff; diff(sys.argv[1], sys.argv[1]);"
        "print({'onnx', 'keras', 'tensorflow', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(image_artifact)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr
