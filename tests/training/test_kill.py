"""A run whose process is killed goes on where its last checkpoint stands, to the same bits."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ZOO = [sys.executable, "-m", "zoo"]
TRAIN = ["train", "cnn", "--epochs", "20", "--seed", "5", "--set", "filters=[[4],[6]]", "--quiet"]


def _final_state(run: Path) -> dict[str, np.ndarray]:
    """Return the weights, optimizer slots and generators after the last epoch."""
    with np.load(run / "checkpoints" / "epoch-00020.npz") as archive:
        return {name: archive[name] for name in archive.files if name != "meta"}


def _history(run: Path) -> list[list[str]]:
    lines = [line.split(",") for line in (run / "history.csv").read_text().splitlines()]
    clock = lines[0].index("seconds")
    return [line[:clock] + line[clock + 1 :] for line in lines]


def test_a_run_that_is_killed_and_resumed_ends_in_the_bits_of_one_that_was_not(
    tmp_path: Path,
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*ZOO, *TRAIN, "--run-dir", whole], check=True, capture_output=True)
    process = subprocess.Popen(
        [*ZOO, *TRAIN, "--run-dir", cut], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(list((cut / "checkpoints").glob("epoch-*.sha256"))) < 2:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "no second checkpoint in two minutes"
        time.sleep(0.005)
    process.kill()
    process.wait()
    before = json.loads((cut / "run.json").read_text())
    subprocess.run([*ZOO, "train", "--resume", cut], check=True, capture_output=True)

    assert before["status"] == "running"
    assert json.loads((cut / "run.json").read_text())["status"] == "finished"
    assert _history(cut) == _history(whole)
    expected, found = _final_state(whole), _final_state(cut)
    assert expected.keys() == found.keys()
    assert all(np.array_equal(expected[name], found[name]) for name in expected)
