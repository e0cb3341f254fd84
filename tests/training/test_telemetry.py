"""Telemetry measures what Keras computes, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo.report import write_run_report
from zoo.training.telemetry import Telemetry
from zoo.training.telemetry_file import read_telemetry


def test_a_run_with_telemetry_ends_in_the_same_bits_and_reports_its_layers(tmp_path: Path) -> None:
    runs = [
        zoo.train(
            "mlp_classifier",
            epochs=2,
            units=(16,),
            run_dir=tmp_path / str(on),
            plan={"telemetry": on},
        )
        for on in (False, True)
    ]
    for one, other in zip(*(run.model.get_weights() for run in runs), strict=True):
        np.testing.assert_array_equal(one, other)
    assert runs[0].history[-1]["val_loss"] == runs[1].history[-1]["val_loss"]

    lines = read_telemetry(tmp_path / "True" / "telemetry.csv")
    assert {line["epoch"] for line in lines} >= {1}
    named = {line["layer"]: line for line in lines if line["epoch"] == 1}
    assert named["dense_1"]["gradient"] > 0 and named["dense_1"]["update"] > 0
    assert 0 <= named["relu_1"]["dead"] <= 1 and named["dense_1"]["dead"] is None
    assert not (tmp_path / "False" / "telemetry.csv").exists()
    assert not runs[1].folder.unknown_files()
    page = write_run_report(tmp_path / "True").read_text()
    assert "Telemetry" in page and "Dead units" in page
    assert "Telemetry" not in write_run_report(tmp_path / "False").read_text()


def test_the_gradient_and_the_dead_units_are_those_of_the_batch(tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((3,), name="x"),
            keras.layers.Dense(4, "relu", name="hidden"),
            keras.layers.Dense(1, name="out"),
        ]
    )
    model.compile("sgd", "mse")
    kernel, bias, out, offset = model.get_weights()
    bias[:2] = -100.0  # two of the four units are dead
    model.set_weights([kernel, bias, out, offset])
    random = np.random.default_rng(0)
    x = random.standard_normal((32, 3)).astype("float32")
    y = random.standard_normal((32, 1)).astype("float32")

    class Split:
        def __len__(self) -> int:
            return 32

        def take(self, rows: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
            return {model.inputs[0].name: x[rows]}, {"y": y[rows]}

        def arrays(self) -> None:
            return None

    file = tmp_path / "telemetry.csv"
    telemetry = Telemetry(file, model, Split(), 0)
    model.set_weights([kernel, bias, out * 1.5, offset])
    telemetry.measure(1)
    lines = {line["layer"]: line for line in read_telemetry(file)}
    hidden = np.maximum(x @ kernel + bias, 0)
    error = 2 * (hidden @ (out * 1.5) + offset - y) / 32
    gradient = np.append(hidden.T @ error, error.sum())
    assert lines["out"]["gradient"] == pytest.approx(np.linalg.norm(gradient), rel=1e-4)
    assert lines["out"]["update"] == pytest.approx(0.5, rel=1e-5)
    assert lines["hidden"]["update"] == 0
    assert lines["hidden"]["dead"] >= 0.5
    # Lines after the last finished epoch are from before a kill.
    Telemetry(file, model, Split(), 0).measure(1)
    assert len(read_telemetry(file)) == len(lines)
