"""A run whose process is killed goes on where its last checkpoint stands, to the same bits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.training.killing import assert_same_bits, kill_after

ZOO = [sys.executable, "-m", "zoo"]
TRAIN = ["train", "cnn", "--epochs", "20", "--seed", "5", "--set", "filters=[[4],[6]]", "--quiet"]


def _history(run: Path) -> list[list[str]]:
    lines = [line.split(",") for line in (run / "history.csv").read_text().splitlines()]
    clock = lines[0].index("seconds")
    return [line[:clock] + line[clock + 1 :] for line in lines]


def test_a_run_that_is_killed_and_resumed_ends_in_the_bits_of_one_that_was_not(
    tmp_path: Path,
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*ZOO, *TRAIN, "--run-dir", whole], check=True, capture_output=True)
    kill_after([*ZOO, *TRAIN, "--run-dir", cut], cut / "checkpoints")
    before = json.loads((cut / "run.json").read_text())
    subprocess.run([*ZOO, "train", "--resume", cut], check=True, capture_output=True)

    assert before["status"] == "running"
    assert json.loads((cut / "run.json").read_text())["status"] == "finished"
    assert _history(cut) == _history(whole)
    last = "checkpoints/epoch-00020.npz"
    assert_same_bits(whole / last, cut / last)
