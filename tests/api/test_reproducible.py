"""The same seed on the same machine: the same bits, from the data to the artifact."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.hostile.harness import listing

_PROGRAM = """
import sys, zoo
run = zoo.train("mlp_classifier", run_dir=sys.argv[1], epochs=2, units=(16,), dropout=0.3, seed=3)
zoo.evaluate(run)
zoo.export(run, sys.argv[1] + "/exports")
"""


@pytest.mark.slow
def test_two_processes_train_measure_and_export_to_the_same_bits(tmp_path: Path) -> None:
    for name, order in (("one", "1"), ("two", "22")):
        (tmp_path / name).mkdir()
        subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(tmp_path / name / "run")],
            cwd=tmp_path / name,
            env=os.environ | {"PYTHONHASHSEED": order},
            check=True,
            capture_output=True,
        )
    one, two = (tmp_path / name / "run" for name in ("one", "two"))
    same, other = (listing(folder) for folder in (one, two))
    # These say when they were made, or how long it took.
    timed = {"run.json", "history.csv", "model.keras", ".lock"}
    apart = {name for name in {*same, *other} if same.get(name) != other.get(name)}

    assert {name for name in same if name.startswith("exports/mlp_classifier/1/")} - apart
    assert {name for name in apart - timed if not name.startswith("checkpoints/")} == set()
    for own, others in zip(zoo.Run(one).model.weights, zoo.Run(two).model.weights, strict=True):
        np.testing.assert_array_equal(own.numpy(), others.numpy())
